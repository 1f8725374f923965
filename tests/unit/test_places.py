"""Where levers bind: places of lots, and policies whose levers hold in places only."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from densitymap.errors import MissingDataError, ValidationError
from densitymap.scenarios import places
from densitymap.scenarios.answers import allowed
from densitymap.scenarios.policy import Scenario, apply, load_policy
from densitymap.scenarios.standing import standards_under
from densitymap.zoning.standards import standards_for

CRS = "EPSG:2240"
"""Lots of 100 x 100 ft in a row, 1,000 ft apart, named by where they lie."""


@pytest.fixture(scope="module")
def today():
    return load_policy("atlanta")


@pytest.fixture
def lots():
    squares = [shapely.box(2.2e6 + 1000 * i, 1.36e6, 2.2e6 + 1000 * i + 100, 1.36e6 + 100) for i in range(5)]
    return gpd.GeoDataFrame(
        {
            "parcel_id": pd.array(list("abcde"), dtype="string"),
            "zone_district": pd.array(["R-4", "R-4", "R-4A", "C-1", "R-4"], dtype="string"),
            "lot_area_ft2": [10000.0] * 5,
            "lot_width_ft": [100.0] * 5,
            "neighborhood": pd.array(["East Lake", "Kirkwood", "Kirkwood", "Kirkwood", None], dtype="string"),
            "npu": pd.array(["O"] * 5, dtype="string"),
            "council_district": pd.array(["5"] * 5, dtype="string"),
        },
        geometry=squares,
        crs=CRS,
    )  # fmt: skip


def scenario(*levers):
    return Scenario(
        name="drawn", title="Drawn", question="duplex", summary="", source="", mark="A", levers=levers
    )


def duplex(where=None, **more):
    lever = {"kind": "allow_use", "districts": ["R-4"], "use": "duplex", "units": 2, **more}
    return lever | ({} if where is None else {"where": where})


def station(x, name="LAKE"):
    shape = [shapely.Point(2.2e6 + x, 1.36e6 + 50)]
    return gpd.GeoDataFrame({"feature_name": [name]}, geometry=shape, crs=CRS)


def held(lots, where, **layers):
    found = places.inside(lots, places.place_of(where), layers=layers)
    return ["" if pd.isna(one) else "yes" if one else "no" for one in found]


def test_a_named_place_holds_its_lots_and_nobody_knows_of_lots_without_one(lots):
    assert held(lots, {"neighborhood": ["Kirkwood"]}) == ["no", "yes", "yes", "yes", ""]


def test_near_is_measured_from_any_part_of_the_lot_to_the_layer(lots):
    # the station stands 400 ft right of lot b, whose right side is at 1,100 ft
    layer = station(1500)
    assert held(lots, {"near": "rail_stations", "within_ft": 400}, rail_stations=layer) == [
        "no",
        "yes",
        "no",
        "no",
        "no",
    ]
    assert held(lots, {"near": "rail_stations", "within_ft": 399}, rail_stations=layer) == ["no"] * 5
    assert held(lots, {"near": "rail_stations", "within_ft": 500}, rail_stations=layer)[:3] == [
        "no",
        "yes",
        "yes",
    ]


def test_every_field_of_a_place_must_hold(lots):
    where = {"near": "rail_stations", "within_ft": 500, "neighborhood": ["Kirkwood"], "npu": ["O"]}
    assert held(lots, where, rail_stations=station(500)) == ["no", "yes", "no", "no", "no"]


def test_a_named_feature_alone_counts(lots):
    both = pd.concat([station(50, "ONE"), station(3050, "TWO")], ignore_index=True)
    where = {"near": "rail_stations", "within_ft": 10, "named": "two"}
    assert held(lots, where, rail_stations=both) == ["no", "no", "no", "yes", "no"]
    with pytest.raises(ValidationError, match="Did you mean 'ONE'"):
        held(lots, where | {"named": "ONNE"}, rail_stations=both)


def test_a_drawn_polygon_is_in_degrees(lots):
    drawn = lots.iloc[[0]].buffer(50).to_crs("EPSG:4326").iloc[0]
    assert held(lots, {"polygon": drawn.wkt}) == ["yes", "no", "no", "no", "no"]


def test_an_unknown_neighborhood_suggests_the_nearest_and_a_missing_layer_is_told(lots):
    with pytest.raises(ValidationError, match="Did you mean 'Kirkwood'"):
        held(lots, {"neighborhood": ["Kirkwod"]})
    with pytest.raises(MissingDataError, match="rail_stations"):
        held(lots, {"near": "rail_stations", "within_ft": 10})


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({}, "must name a place"),
        ("Kirkwood", "must name a place"),
        ({"neighbourhood": ["Kirkwood"]}, "Did you mean 'neighborhood'"),
        ({"neighborhood": "Kirkwood"}, "must be a list"),
        ({"near": "rail_station", "within_ft": 10}, "Did you mean 'rail_stations'"),
        ({"near": "rail_stations"}, "needs within_ft"),
        ({"near": "rail_stations", "within_m": 800}, "Did you mean 'within_ft'"),
        ({"near": "rail_stations", "within_ft": -1}, "at least 0 feet"),
        ({"near": "rail_stations", "within_ft": float("nan")}, "at least 0 feet"),
        ({"within_ft": 10}, "needs near"),
        ({"polygon": "POLYGON((0 0,1 1"}, "not WKT"),
        ({"polygon": "POINT(0 0)"}, "no area"),
        ({"polygon": "POLYGON((0 0,900 0,900 900,0 0))"}, "not in degrees"),
        ({"area": 5}, "area must be a text"),
    ],
)
def test_a_place_that_cannot_be_is_refused_with_its_lever(today, where, said):
    with pytest.raises(ValidationError, match="lever 1: where") as told:
        apply(scenario(duplex(where)), today)
    assert said in str(told.value)


def test_a_lever_binds_on_the_lots_of_its_place_only(lots, today):
    policy = apply(scenario(duplex({"neighborhood": ["Kirkwood"]})), today)
    placed = places.with_places(lots, policy.places, layers={})
    answer = allowed(placed, [policy]).set_index("parcel_id")["is_allowed_duplex"]
    assert answer.fillna(value=False).to_dict() == {"a": False, "b": True, "c": False, "d": False, "e": False}
    plain = allowed(lots, [today]).set_index("parcel_id")
    same = allowed(placed, [policy]).set_index("parcel_id").loc[["a", "e"]]
    pd.testing.assert_frame_equal(
        same.drop(columns=["policy", "question", "verdict", "binding_rule", "reason"]),
        plain.loc[["a", "e"]].drop(columns=["policy", "question", "verdict", "binding_rule", "reason"]),
    )


def test_a_place_that_holds_every_lot_is_no_place(lots, today):
    lots = lots.assign(neighborhood="Kirkwood")
    placed = apply(scenario(duplex({"neighborhood": ["Kirkwood"]})), today)
    everywhere = apply(scenario(duplex()), today)
    pd.testing.assert_frame_equal(
        standards_under(places.with_places(lots, placed.places, layers={}), placed),
        standards_for(lots, everywhere),
        check_categorical=False,
    )


def test_lots_nobody_has_placed_are_refused(lots, today):
    policy = apply(scenario(duplex({"neighborhood": ["Kirkwood"]})), today)
    with pytest.raises(MissingDataError, match="neighborhood Kirkwood"):
        allowed(lots, [policy])


def test_the_order_of_lots_does_not_matter(lots, today):
    policy = apply(scenario(duplex({"neighborhood": ["Kirkwood"]})), today)
    placed = places.with_places(lots, policy.places, layers={})
    turned = placed.iloc[::-1].reset_index(drop=True)
    one, other = (allowed(table, [policy]).set_index("parcel_id") for table in (placed, turned))
    pd.testing.assert_frame_equal(one, other.loc[one.index])


def area(to, where=None):
    lever = {"kind": "set_standard", "districts": ["R-4"], "standard": "lot_area_min_ft2", "value": to}
    return lever | ({} if where is None else {"where": where})


def test_a_lever_of_a_place_is_an_exception_to_one_for_everywhere(lots, today):
    policy = apply(scenario(area(8000), area(5000, {"neighborhood": ["Kirkwood"]})), today)
    placed = places.with_places(lots, policy.places, layers={})
    house = standards_under(placed, policy)
    house = house[house["use"] == "house"].set_index("parcel_id")["lot_area_min_ft2"]
    assert house.loc[["a", "b", "e"]].tolist() == [8000, 5000, 8000]


def test_places_that_contradict_one_another_are_refused_where_a_lot_lies_in_both(lots, today):
    kirkwood, o = {"neighborhood": ["Kirkwood"]}, {"npu": ["O"]}
    elsewhere = duplex({"neighborhood": ["East Lake"]})
    protection = {"kind": "tenure_protection", "where": o}
    policy = apply(scenario(protection, elsewhere, area(8000, o), area(5000, kirkwood)), today)
    placed = places.with_places(lots, policy.all_places, layers={})
    with pytest.raises(ValidationError, match=r"lever 4 makes lot_area_min_ft2.*; lever 3 made.*npu O"):
        standards_under(placed, policy)
    policy = apply(scenario(area(8000, o), area(5000, kirkwood)), today)
    placed = places.with_places(lots, policy.places, layers={})
    apart = placed.assign(npu="N")
    apart = places.with_places(
        apart.drop(columns=[p.key for p in policy.places]), policy.places[1:], layers={}
    )
    apart = apart.assign(**{policy.places[0].key: np.array([True, False, False, False, False])})
    assert len(standards_under(apart, policy)) == len(standards_for(lots, today))


def test_levers_can_be_bound_to_a_place_on_top_of_their_own():
    bound = places.within([duplex({"npu": ["O"]}), duplex()], {"neighborhood": ["Kirkwood"]})
    assert [lever["where"] for lever in bound] == [
        {"npu": ["O"], "neighborhood": ["Kirkwood"]},
        {"neighborhood": ["Kirkwood"]},
    ]
    with pytest.raises(ValidationError, match="bound by npu"):
        places.within([duplex({"npu": ["O"]})], {"npu": ["N"]})
