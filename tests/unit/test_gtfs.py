"""Stations of a transit feed: those that rail trips stop at, each once."""

from __future__ import annotations

import pytest

from densitymap.errors import ValidationError
from densitymap.fetch import gtfs
from publishers import FEED, feed


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
    alone = FEED["stops.txt"].replace('KM,"King Memorial, Station",33.7495,-84.3755,,1\n', "")
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
        ({"stops": FEED["stops.txt"].replace("33.757", "")}, "without a place\n  P3"),
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
