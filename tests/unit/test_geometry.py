"""Answers by hand on unit squares.

zones:  A covers x 0..2, B covers x 2..4 (y 0..2)
lots:   a inside A; b across the line, three quarters in B; c outside both
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point, box

from densitymap import geometry
from densitymap.errors import CRSError

CRS = "EPSG:2240"
ZONES = gpd.GeoDataFrame({"zone": ["A", "B"]}, geometry=[box(0, 0, 2, 2), box(2, 0, 4, 2)], crs=CRS)
LOTS = gpd.GeoDataFrame(
    {"lot": ["a", "b", "c"]}, geometry=[box(0.5, 0.5, 1, 1), box(1.5, 0, 3.5, 1), box(9, 9, 10, 10)], crs=CRS
)


def test_overlaps_gives_exact_shares_largest_first():
    pairs = geometry.overlaps(ZONES, LOTS)
    assert pairs["target"].tolist() == [0, 1, 1]
    assert pairs["source"].tolist() == [0, 1, 0]
    assert pairs["share"].tolist() == pytest.approx([1.0, 0.75, 0.25])
    assert geometry.dominant(pairs)["source"].tolist() == [0, 1]


def test_equal_areas_go_to_the_lower_source():
    lot = gpd.GeoDataFrame(geometry=[box(1, 0, 3, 1)], crs=CRS)
    assert geometry.overlaps(ZONES, lot)["source"].tolist() == [0, 1]
    swapped = geometry.overlaps(ZONES.iloc[::-1].reset_index(drop=True), lot)
    assert swapped["source"].tolist() == [0, 1]


def test_overlaps_of_nothing_is_empty():
    assert geometry.overlaps(ZONES, LOTS.iloc[:0]).empty
    assert geometry.overlaps(ZONES.iloc[:0], LOTS).empty


def test_two_reference_systems_are_refused_naming_both():
    with pytest.raises(CRSError, match=r"EPSG:2240.*EPSG:4326"):
        geometry.overlaps(ZONES, LOTS.set_crs("EPSG:4326", allow_override=True))


def test_locate_gives_minus_one_where_nothing_holds_the_point():
    points = np.array([Point(1, 1), Point(3, 1), Point(9, 9), Point(2, 1)], dtype=object)
    assert geometry.locate(points, ZONES).tolist() == [0, 1, -1, 0]


def test_take_leaves_the_unmatched_missing():
    taken = geometry.take(pd.Series(["x", "y"], dtype="string"), np.array([1, -1]))
    assert pd.isna(taken[1])
    assert taken[0] == "y"


def test_rectangle_sides_of_a_turned_lot():
    turned = gpd.GeoSeries([box(0, 0, 50, 150)]).rotate(33)
    short, long = geometry.rectangle_sides(geometry.geometries(turned))
    assert short[0] == pytest.approx(50)
    assert long[0] == pytest.approx(150)
