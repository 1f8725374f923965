"""Stations of a transit feed: those that rail trips stop at, each once."""

from __future__ import annotations

import io
import zipfile

import pytest

from densitymap.errors import ValidationError
from densitymap.fetch import gtfs

FILES = {
    "routes.txt": "\ufeffroute_id,route_type,route_long_name\nRED,1,Red Line\nBUS,3,Route 3\nGOLD,1,Gold Line\n",
    "trips.txt": "route_id,trip_id,shape_id\nRED,r1,s1\nRED,r2,s2\nBUS,b1,s3\nGOLD,g1,\n",
    "stop_times.txt": "trip_id,stop_id,stop_sequence\nr1,P1,1\nr1,P2,2\nr2,P3,1\nb1,B1,1\nb1,P1,2\ng1,P4,1\n",
    "stops.txt": (
        "stop_id,stop_name,stop_lat,stop_lon,parent_station,location_type\n"
        "P1,King Memorial North,33.750,-84.376,KM,0\nP2,King Memorial South,33.749,-84.375,KM,0\n"
        'KM,"King Memorial, Station",33.7495,-84.3755,,1\nP3,Inman Park,33.757,-84.352,,0\n'
        "B1,Memorial Dr @ Pearl St,33.746,-84.357,,0\nP4,Candler Park,33.762,-84.340,,0\n"
    ),
    "shapes.txt": (
        "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n"
        "s1,33.75,-84.37,2\ns1,33.74,-84.38,1\ns2,33.7,-84.3,1\ns2,33.8,-84.3,10\ns2,33.75,-84.3,9\n"
    ),
}


def feed(**changed):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, text in (FILES | {f"{key}.txt": value for key, value in changed.items()}).items():
            if text is not None:
                archive.writestr(name, text)
    return memory.getvalue()


def stations(**changed):
    tables = gtfs.read_feed(feed(**changed), where="marta.zip")
    found = gtfs.stations(tables, route_type="1", where="marta.zip")["features"]
    return {f["properties"]["stop_name"]: f["geometry"]["coordinates"] for f in found}


def test_stations_are_where_rail_trips_stop_and_platforms_are_told_by_their_station():
    assert stations() == {
        "Candler Park": [-84.340, 33.762],
        "Inman Park": [-84.352, 33.757],
        "King Memorial, Station": [-84.3755, 33.7495],
    }


def test_a_parent_the_feed_does_not_have_leaves_the_platform_itself():
    alone = FILES["stops.txt"].replace('KM,"King Memorial, Station",33.7495,-84.3755,,1\n', "")
    assert {"King Memorial North", "King Memorial South"} <= set(stations(stops=alone))


def test_a_feed_without_parents_gives_platforms():
    plain = "stop_id,stop_name,stop_lat,stop_lon\nP1,A,33.7,-84.3\nP2,B,33.7,-84.3\nP3,C,33.7,-84.3\nP4,D,33,-84\n"
    assert set(stations(stops=plain)) == {"A", "B", "C", "D"}


def test_lines_are_the_longest_shape_of_each_route_in_order():
    tables = gtfs.read_feed(feed(), where="marta.zip")
    (red,) = gtfs.lines(tables, route_type="1", where="marta.zip")["features"]
    assert red["properties"] == {"route_id": "RED", "route_name": "Red Line"}
    assert red["geometry"]["coordinates"] == [[-84.3, 33.7], [-84.3, 33.75], [-84.3, 33.8]]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"routes": "route_id,route_type\nBUS,3\n"}, "no trip of route type 1; the feed has types 3"),
        ({"trips": "route_id,trip_id\n"}, "no trip of route type 1"),
        ({"stop_times": None, "stops": None}, "stops.txt is not there\n  stop_times.txt is not there"),
        ({"stops": "stop_id,stop_nam,stop_lat,stop_lon\n"}, "no column stop_name. Did you mean 'stop_nam'"),
        ({"stop_times": "trip_id,stop_id\nr1,NOPE\n"}, "NOPE"),
        ({"stops": FILES["stops.txt"].replace("33.757", "")}, "without a place\n  P3"),
    ],
)
def test_a_feed_that_does_not_hold_together_is_refused(changed, words):
    with pytest.raises(ValidationError) as told:
        stations(**changed)
    assert words in str(told.value)


@pytest.mark.parametrize("body", [b"<html>no feed</html>", feed()[:300], b""])
def test_what_is_no_whole_zip_is_refused(body):
    with pytest.raises(ValidationError, match="no whole ZIP"):
        gtfs.read_feed(body, where="marta.zip")
