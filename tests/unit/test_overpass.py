"""Overpass on paper: whole answers only, geometry put together by hand."""

from __future__ import annotations

import json

import pytest
import shapely
from shapely.geometry import shape

from densitymap.errors import NetworkError, ValidationError
from densitymap.fetch import overpass


def run(*corners):
    return [{"lon": x, "lat": y} for x, y in corners]


SQUARE = ((0, 0), (10, 0), (10, 10), (0, 10), (0, 0))
HOLE = ((4, 4), (6, 4), (6, 6), (4, 6), (4, 4))


def way(number, corners, **tags):
    return {"type": "way", "id": number, "geometry": run(*corners), "tags": tags}


def member(role, corners):
    return {"type": "way", "ref": 1, "role": role, "geometry": run(*corners)}


def relation(number, *members, **tags):
    return {"type": "relation", "id": number, "members": list(members), "tags": tags}


def polygons(*elements):
    found = overpass.collection({"elements": list(elements)}, tags=["building"], shape="polygon")
    return {f["properties"]["id"]: shape(f["geometry"]) for f in found["features"]}


def test_ways_become_lines_sorted_and_with_the_same_properties():
    elements = [way(9, ((0, 0), (1, 1)), highway="service"), way(2, ((0, 0), (0, 2)), name="<img onerror=x>")]
    found = overpass.collection({"elements": elements}, tags=["name", "highway"], shape="line")
    assert [f["properties"] for f in found["features"]] == [
        {"id": "way/2", "name": "<img onerror=x>", "highway": None},
        {"id": "way/9", "name": None, "highway": "service"},
    ]
    assert "ODbL" in found["attribution"]


def test_an_open_way_is_no_polygon_and_a_closed_one_is():
    shapes = polygons(way(1, SQUARE, building="house"), way(2, SQUARE[:4]))
    assert list(shapes) == ["way/1"]
    assert shapes["way/1"].area == 100


def test_a_ring_in_pieces_is_joined_and_its_court_cut_out():
    pieces = [member("outer", SQUARE[:3]), member("outer", SQUARE[2:]), member("inner", HOLE)]
    assert polygons(relation(7, *pieces))["relation/7"].area == 96


def test_two_outer_rings_are_two_parts_and_no_role_is_outer():
    far = tuple((x + 50, y) for x, y in SQUARE)
    both = polygons(relation(7, member("", SQUARE), member("outer", far)))["relation/7"]
    assert (both.geom_type, both.area) == ("MultiPolygon", 200)


def test_a_relation_without_a_ring_is_left_out():
    assert list(polygons(way(1, SQUARE), relation(7, member("outer", SQUARE[:2])))) == ["way/1"]


def test_two_courts_that_share_a_wall_are_both_cut():
    east = tuple((x + 2, y) for x, y in HOLE)
    shapes = polygons(relation(7, member("outer", SQUARE), member("inner", HOLE), member("inner", east)))
    assert shapes["relation/7"].area == 92
    assert shapely.is_valid(shapes["relation/7"])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<html><body>rate_limited</body></html>", "no JSON came: '<html><body>rate_limited"),
        ('{"elements": [{"type"', "no JSON came"),
        ("[]", "no list of elements"),
        ('{"version": 0.6}', "no list of elements"),
        (
            json.dumps({"elements": [way(1, SQUARE)], "remark": "runtime error: Query timed out"}),
            "broke off: runtime error: Query timed out",
        ),
    ],
)
def test_what_is_not_whole_is_refused(body, words):
    with pytest.raises(NetworkError, match=words):
        overpass.read_answer(body, where="streets")


def test_nothing_mapped_is_said():
    with pytest.raises(ValidationError, match="no polygon among 1 elements"):
        polygons({"type": "node", "id": 1, "lon": 0, "lat": 0})


def test_the_moment_of_the_map_is_the_server_s():
    answer = overpass.read_answer(
        '{"osm3s": {"timestamp_osm_base": "2026-11-20T10:00:00Z"}, "elements": []}', where="x"
    )
    assert overpass.as_of(answer) == "2026-11-20T10:00:00Z"
    assert overpass.as_of({}) == "not stated"
