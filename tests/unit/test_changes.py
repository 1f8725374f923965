"""Lots and zoning between two editions, on drawn squares.

Before:  A 10 x 10 at (0, 0), B 10 x 10 at (20, 0), C 10 x 10 at (40, 0).
"""

from __future__ import annotations

import itertools

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from densitymap.errors import CRSError
from densitymap.parcels import changes

CHOICES = {"same_share": 0.98, "link_share": 0.5}
BEFORE = {"A": box(0, 0, 10, 10), "B": box(20, 0, 30, 10), "C": box(40, 0, 50, 10)}


def lots(shapes):
    return gpd.GeoDataFrame({"parcel_id": list(shapes)}, geometry=list(shapes.values()), crs="EPSG:2240")


def events(after, before=BEFORE):
    found = changes.parcel_changes(lots(before), lots(after), **CHOICES)
    return [tuple(row) for row in found.itertuples(index=False)]


def without(*names, **added):
    return {name: shape for name, shape in BEFORE.items() if name not in names} | added


def test_nothing_changed_is_no_event_whatever_the_order():
    assert events(dict(reversed(BEFORE.items()))) == []


def test_a_lot_drawn_a_hair_off_is_the_same():
    assert events(without("A", A=box(0.05, 0, 10.05, 10))) == []


@pytest.mark.parametrize(
    ("after", "event"),
    [
        (without("A", A=box(0, 0, 6, 10), A2=box(6, 0, 10, 10)), ("split", "A", "A; A2")),
        (without("A", X=box(0, 0, 6, 10), Y=box(6, 0, 10, 10)), ("split", "A", "X; Y")),
        (without("A", "B", AB=box(0, 0, 30, 10)), ("merged", "A; B", "AB")),
        (without("A", A=box(0, 0, 10, 8)), ("reshaped", "A", "A")),
        (without("A", Z=box(0, 0, 10, 10)), ("renumbered", "A", "Z")),
        (without("A", A=box(100, 0, 110, 10)), ("moved", "A", "A")),
        (without("A"), ("vanished", "A", "")),
        (without(D=box(60, 0, 70, 10)), ("new", "", "D")),
    ],
)
def test_each_change_has_its_name(after, event):
    assert events(after) == [event]


def test_lots_cut_anew_between_them_are_redrawn():
    row = {"A": box(0, 0, 10, 10), "B": box(10, 0, 20, 10), "C": box(20, 0, 30, 10)}
    anew = {"X": box(0, 0, 15, 10), "Y": box(15, 0, 19, 10), "Z": box(19, 0, 30, 10)}
    assert events(anew, row) == [("redrawn", "A; B", "X; Y"), ("reshaped", "C", "Z")]


def test_lots_that_overlap_in_both_editions_have_not_changed():
    stacked = BEFORE | {"A over A": box(0, 0, 10, 9)}
    assert events(stacked, stacked) == []


def test_shapes_in_two_systems_are_refused():
    with pytest.raises(CRSError):
        changes.parcel_changes(lots(BEFORE), lots(BEFORE).to_crs("EPSG:4326"), **CHOICES)


def test_an_empty_edition_is_all_new_or_all_gone():
    assert events({}) == [("vanished", name, "") for name in "ABC"]
    assert events(BEFORE, {}) == [("new", "", name) for name in "ABC"]


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(12)), st.sets(st.integers(0, 10)))
def test_each_lot_is_told_in_one_event_at_most_and_order_means_nothing(order, dropped_walls):
    """Twelve lots in a row; walls between some of them fall."""
    before = {f"L{k:02d}": box(10 * k, 0, 10 * k + 10, 10) for k in range(12)}
    walls = [0, *(10 * (k + 1) for k in range(11) if k not in dropped_walls), 120]
    after = {f"N{a:03d}": box(a, 0, b, 10) for a, b in itertools.pairwise(walls)}
    shuffled = {name: before[name] for name in (f"L{k:02d}" for k in order)}
    found = events(after, shuffled)
    assert found == events(after, before)
    told = [name for _, old, _ in found for name in old.split("; ")]
    assert sorted(told) == sorted(before)
    assert {change for change, _, _ in found} <= {"merged", "renumbered"}
    merged = [old for change, old, _ in found if change == "merged"]
    assert sum(len(old.split("; ")) - 1 for old in merged) == len(dropped_walls)


def zones(*rows):
    codes, shapes = zip(*rows, strict=True)
    return gpd.GeoDataFrame(
        {"zone_district": pd.array(codes, dtype="string")}, geometry=list(shapes), crs="EPSG:2240"
    )


LAND = box(0, 0, 66, 660)


def test_rezoned_ground_and_the_lots_on_it():
    before = zones(("R-4", LAND), ("C-1", box(100, 0, 200, 100)))
    after = zones(("R-4", box(0, 0, 33, 660)), ("MR-3", box(33, 0, 66, 660)), ("C-1", box(100, 0, 200, 100)))
    places = {"west": box(5, 5, 20, 20), "east": box(40, 5, 60, 20), "off": box(300, 0, 310, 10)}
    ground, moved = changes.rezoned(before, after, lots(places), sliver_ft2=400)
    assert ground.to_dict("records") == [{"from": "R-4", "to": "MR-3", "acres": pytest.approx(0.5)}]
    assert moved.to_dict("records") == [{"parcel_id": "east", "from": "R-4", "to": "MR-3"}]


def test_polygons_that_overlap_in_both_editions_are_not_rezoned():
    both = zones(("R-4", LAND), ("C-1", box(30, 0, 100, 100)))
    ground, moved = changes.rezoned(both, both.iloc[::-1], lots(BEFORE), sliver_ft2=400)
    assert ground.empty
    assert moved.empty


def test_a_sliver_is_drawing_not_law_and_zoning_can_appear():
    before, after = zones(("R-4", box(0, 0, 100, 100))), zones(("R-4", box(0, 0, 100, 101)))
    ground, moved = changes.rezoned(before, after, lots(BEFORE), sliver_ft2=400)
    assert ground.empty
    assert moved.empty
    none = zones(("R-4", box(900, 900, 910, 910)))
    _, moved = changes.rezoned(none, before, lots({"A": BEFORE["A"]}), sliver_ft2=400)
    assert moved["to"].tolist() == ["R-4"]
    assert np.all(moved["from"].isna())
