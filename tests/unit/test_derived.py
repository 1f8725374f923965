"""Derived lots on drawn blocks: every answer can be worked out by hand.

A street runs along y = 150 and takes 20 ft on each side, so that the south block is 400 by 130 ft::

    y 300 +------------------------+
          |         north          |
    y 170 |------------------------|
          |======== street ========|   y = 150
    y 130 |------------------------|
          |    [a]         [b]     |   houses of 40 by 40 ft, mirrored about x = 200
    y   0 +------------------------+
         x 0                      400
"""

from __future__ import annotations

import sys

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely.geometry import LineString, box

from densitymap import params
from densitymap.errors import CRSError, MissingDataError, ValidationError
from densitymap.parcels import derived
from densitymap.parcels.derived_rules import load_rules, rules_from
from densitymap.parcels.potential import derived_potential

CRS = "EPSG:2240"
RULES = load_rules()
AREA = box(0, 0, 400, 300)
A, B = box(80, 60, 120, 100), box(280, 60, 320, 100)


def buildings(*shapes, ids=None, kinds="house", storeys=None, homes=None):
    n = len(shapes)
    return gpd.GeoDataFrame(
        {
            "feature_id": pd.array(ids or [f"way/{i}" for i in range(n)], dtype="string"),
            "feature_class": pd.array([kinds] * n if isinstance(kinds, str) else kinds, dtype="string"),
            "storeys": pd.array(storeys or [None] * n, dtype="Float64"),
            "homes": pd.array(homes or [None] * n, dtype="Float64"),
        },
        geometry=list(shapes),
        crs=CRS,
    )


def streets(*lines, kinds="residential"):
    kinds = [kinds] * len(lines) if isinstance(kinds, str) else kinds
    return gpd.GeoDataFrame(
        {"feature_class": pd.array(kinds, dtype="string")},
        geometry=[LineString(line) for line in lines],
        crs=CRS,
    )


STREET = streets([(0, 150), (400, 150)])


def lots_of(*args, **kwargs):
    return derived.derive_lots(*args, RULES, **kwargs).set_index("derived_lot_id")


def test_two_mirrored_houses_share_the_block_in_halves():
    lots = lots_of(buildings(A, B, storeys=[1.0, None], homes=[None, 2.0]), STREET, AREA)
    assert lots.index.tolist() == ["derived:way/0", "derived:way/1"]
    assert lots["lot_area_ft2"].tolist() == pytest.approx([200 * 130] * 2, rel=0.005)
    assert lots["lot_width_ft"].tolist() == pytest.approx([130] * 2, rel=0.01)
    assert lots["building_footprint_ft2"].tolist() == pytest.approx([1600.0] * 2)
    assert lots["coverage_built"].tolist() == pytest.approx([1600 / 26_000] * 2, rel=0.01)
    assert lots["storeys"].isna().tolist() == [False, True]
    assert lots["homes"].isna().tolist() == [True, False]
    assert set(lots["lot_source"]) == {"derived"}
    assert lots.crs == CRS


def test_land_out_of_reach_is_in_no_lot():
    house = box(20, 60, 60, 100)
    lots = lots_of(buildings(house), STREET, AREA)
    reach = shapely.intersection(house.buffer(RULES.reach_max_ft, quad_segs=4), box(0, 0, 400, 130))
    assert lots["lot_area_ft2"].iloc[0] == pytest.approx(reach.area, rel=1e-6)
    assert lots.total_bounds[2] == pytest.approx(60 + RULES.reach_max_ft)


def test_a_street_parts_neighbours_and_a_footway_does_not():
    across = box(80, 200, 120, 240)
    parted = lots_of(buildings(A, across), STREET, AREA)
    assert shapely.bounds(parted.geometry.iloc[0])[3] == pytest.approx(130)
    assert shapely.bounds(parted.geometry.iloc[1])[1] == pytest.approx(170)
    crossing = [(200, 0), (200, 130)]
    plain = lots_of(buildings(A), STREET, AREA)["lot_area_ft2"].iloc[0]
    walked = streets([(0, 150), (400, 150)], crossing, kinds=["residential", "footway"])
    assert lots_of(buildings(A), walked, AREA)["lot_area_ft2"].iloc[0] == pytest.approx(plain)
    driven = streets([(0, 150), (400, 150)], crossing, kinds=["residential", "residential"])
    assert lots_of(buildings(A), driven, AREA)["lot_area_ft2"].iloc[0] == pytest.approx(180 * 130, rel=0.001)


def test_rail_bounds_blocks_too():
    rail = gpd.GeoDataFrame(geometry=[LineString([(200, 0), (200, 300)])], crs=CRS)
    lots = lots_of(buildings(A, B), STREET, AREA, rail=rail)
    half = RULES.rail_right_of_way_ft / 2
    assert shapely.bounds(lots.geometry.iloc[0])[2] == pytest.approx(200 - half)
    assert shapely.bounds(lots.geometry.iloc[1])[0] == pytest.approx(200 + half)


def test_sheds_stand_on_the_lot_of_a_house_and_count_in_its_coverage():
    shed, hut = box(10, 10, 30, 30), box(150, 10, 160, 20)
    drawn = buildings(A, B, shed, hut, kinds=["house", "house", "shed", "yes"])
    roles = derived.roles_of(drawn, AREA, RULES)
    assert roles.tolist() == [derived.LOT, derived.LOT, derived.OUTBUILDING, derived.SMALL]
    lots = lots_of(drawn, STREET, AREA)
    assert len(lots) == 2
    built = lots["coverage_built"] * lots["lot_area_ft2"]
    assert built.tolist() == pytest.approx([1600 + 400 + 100, 1600], rel=1e-6)


def test_a_small_house_keeps_its_lot_and_a_small_unclassed_building_has_none():
    small = box(80, 60, 90, 70)
    for kind, expected in (("house", derived.LOT), ("yes", derived.SMALL), (None, derived.SMALL)):
        assert derived.roles_of(buildings(small, kinds=[kind]), AREA, RULES).tolist() == [expected]


def test_no_derived_lot_lies_on_a_published_one():
    published = gpd.GeoDataFrame(geometry=[box(0, 0, 200, 130)], crs=CRS)
    drawn = buildings(A, B)
    assert derived.roles_of(drawn, AREA, RULES, existing=published).tolist() == [derived.REAL, derived.LOT]
    lots = lots_of(drawn, STREET, AREA, existing=published)
    assert lots.index.tolist() == ["derived:way/1"]
    assert shapely.area(shapely.intersection(lots.geometry.iloc[0], box(0, 0, 200, 130))) == 0


def test_a_house_in_the_assumed_street_keeps_the_ground_under_it():
    jutting = box(80, 100, 120, 140)
    lot = lots_of(buildings(jutting), STREET, AREA).geometry.iloc[0]
    assert shapely.covers(lot.buffer(1e-6), jutting)
    assert shapely.bounds(lot)[3] == pytest.approx(140)


def test_parts_and_overlapping_buildings():
    inside, overlapping = box(90, 70, 110, 90), box(110, 60, 190, 100)
    drawn = buildings(A, inside, overlapping)
    assert derived.roles_of(drawn, AREA, RULES).tolist() == [derived.LOT, derived.PART, derived.LOT]
    lots = lots_of(drawn, STREET, AREA)
    assert len(lots) == 2
    assert shapely.area(shapely.intersection(*lots.geometry)) == pytest.approx(0, abs=1e-6)


def test_row_houses_with_party_walls_get_a_lot_each():
    row = [box(100 + 20 * i, 60, 120 + 20 * i, 100) for i in range(5)]
    lots = lots_of(buildings(*row), STREET, AREA)
    assert len(lots) == 5
    middle = lots.loc["derived:way/2"]
    assert middle["lot_area_ft2"] == pytest.approx(20 * 130, rel=0.02)
    assert middle["lot_width_ft"] == pytest.approx(20, rel=0.02)


def test_identifiers_that_are_missing_or_shared_are_told_by_place():
    lots = lots_of(buildings(A, B, box(80, 200, 120, 240), ids=["way/1", "way/1", None]), STREET, AREA)
    assert lots.index.tolist() == ["derived:at 100 220", "derived:way/1 at 100 80", "derived:way/1 at 300 80"]


def test_buildings_outside_the_area_make_no_lot():
    drawn = buildings(A, box(900, 0, 940, 40))
    assert derived.roles_of(drawn, AREA, RULES).tolist() == [derived.LOT, derived.OUTSIDE]
    assert len(lots_of(drawn, STREET, AREA)) == 1


def test_nothing_to_derive_is_an_empty_frame():
    lots = derived.derive_lots(buildings(box(900, 0, 940, 40)), STREET, AREA, RULES)
    assert len(lots) == 0
    assert "lot_area_ft2" in lots


def test_streets_of_unknown_classes_are_told():
    with pytest.raises(ValidationError, match=r"found \['Local'|found \['local'"):
        lots_of(buildings(A), streets([(0, 150), (400, 150)], kinds="Local"), AREA)


def test_layers_in_two_systems_are_refused():
    with pytest.raises(CRSError):
        lots_of(buildings(A), STREET.to_crs("EPSG:4326"), AREA)


def test_without_momepy_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "momepy", None)
    with pytest.raises(MissingDataError, match=r"densitymap\[derive\]"):
        lots_of(buildings(A, B), STREET, AREA)


def test_faults_of_the_catalogue_are_told_at_once():
    record = params.load("parcels", "derived")
    broken = {name: entry for name, entry in record.items() if name != "shrink_ft"}
    broken["reach_max_fte"] = {"value": -1.0, "unit": "ft"}
    with pytest.raises(ValidationError) as told:
        rules_from(broken)
    for part in ("shrink_ft: absent", "'reach_max_ft'", "no cite", "not above 0"):
        assert part in str(told.value)


def places(names, shapes):
    return gpd.GeoDataFrame({"neighborhood": names, "npu": "N"}, geometry=shapes, crs=CRS)


def test_zoning_and_neighbourhood_are_named_and_never_filled():
    lots = derived.derive_lots(buildings(A, B), STREET, AREA, RULES)
    zoning = gpd.GeoDataFrame({"zone_district": ["R-5"]}, geometry=[box(0, 0, 150, 300)], crs=CRS)
    named = derived.with_places(
        lots, zoning, places(["Here"], [AREA]), sliver_share=0.05, sliver_area_ft2=400.0
    )
    assert named["zone_district"].tolist()[0] == "R-5"
    assert named["zone_share"].iloc[0] == pytest.approx(0.75, rel=0.01)
    assert pd.isna(named["zone_district"].iloc[1])
    assert named["neighborhood"].tolist() == ["Here", "Here"]


def potential(**columns):
    frame = pd.DataFrame({"neighborhood": "Here", "homes": np.nan} | columns)
    law = pd.DataFrame(
        {
            "zone_district": ["R-5", "PD-H", "FREE"],
            "minimum_area_ft2": [7_500.0, np.nan, 0.0],
            "minimum_width_ft": [50.0, np.nan, 0.0],
        }
    )
    return derived_potential(frame, law, proxy_error_share=0.25).set_index("zone_district")


def test_shares_are_a_range_and_missing_where_the_law_is_unread():
    table = potential(
        zone_district=["R-5"] * 4 + ["PD-H", "FREE", None],
        lot_area_ft2=[10_000.0, 8_000.0, 6_000.0, 5_000.0, 9_000.0, 900.0, 9_000.0],
        lot_width_ft=[70.0, 60.0, 60.0, 90.0, 90.0, 9.0, 90.0],
        homes=[np.nan, 2.0, np.nan, np.nan, np.nan, np.nan, np.nan],
    )
    r5 = table.loc["R-5"]
    assert (r5["meets_minimums_share_low"], r5["meets_minimums_share_high"]) == (0.25, 0.75)
    assert r5["derived_lots"] == 4
    assert r5["homes_known_lots"] == 1
    assert r5["homes_known_per_acre"] == pytest.approx(2 * 43_560 / 8_000)
    assert pd.isna(table.loc["PD-H", "meets_minimums_share_low"])
    assert pd.isna(table.loc["PD-H", "homes_known"])
    assert table.loc["FREE", "meets_minimums_share_low"] == 1.0
    assert pd.isna(table.loc["no data", "meets_minimums_share_high"])
    assert set(table["claim"]) == {"derived, never a by-right claim"}
