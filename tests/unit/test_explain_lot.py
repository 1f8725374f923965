"""A drawn lot explained from law to verdict, and joined parcels judged."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from densitymap import schema
from densitymap.errors import ValidationError
from densitymap.scenarios.explain_lot import explain_lot
from densitymap.scenarios.fits import fits
from densitymap.scenarios.ground import ground_of_parcels, part_of
from densitymap.scenarios.policy import apply, load_policy

LOT = "POLYGON((0 0,50 0,50 160,0 160,0 0))"
STREET = "LINESTRING(0 0,50 0)"
DEGREES = "POLYGON((-84.35 33.74,-84.3498 33.74,-84.3498 33.7405,-84.35 33.7405,-84.35 33.74))"
TODAY = load_policy("atlanta")


@pytest.fixture(scope="module")
def answer() -> dict:
    return explain_lot(
        LOT,
        "R-4",
        house="10 40 40 80",
        house_floor_ft2=1200,
        streets=STREET,
        of_record="yes",
        scenarios=["no-change", "duplex-by-right"],
    )


def test_the_chain_is_json_and_cites_every_value(answer: dict) -> None:
    assert json.loads(json.dumps(answer)) == answer
    assert {row["mark"] for row in answer["law"]} <= {"V", "S", "M", "A"}
    assert all(row["section"] for row in answer["law"])
    assert answer["envelope"]["area_ft2"] == pytest.approx(36 * 110, abs=0.1)
    assert answer["budgets"]["floor_area_max_ft2"] == 4000
    assert "R-4" in answer["citation"]


def test_the_verdict_is_a_sentence_a_resident_understands(answer: dict) -> None:
    then = answer["policies"][1]
    duplex = next(row for row in then["verdicts"] if row["fit_type"] == "duplex")
    assert duplex["verdict"] == "FALSE"
    assert duplex["reason"] == "The lot is 50 ft wide at the street; R-4 asks for 70."
    assert then["best"]["keep"]["units"] == 2


def test_a_lot_in_degrees_is_brought_to_feet_and_is_maybe_without_a_street() -> None:
    told = explain_lot(DEGREES, "R-4A", scenarios=["no-change"])
    assert told["lot"]["lot_area_ft2"] == pytest.approx(60.8 * 181.9, rel=0.01)
    assert told["policies"][0]["best"]["new"]["verdict"] == "MAYBE"
    assert "at best MAYBE" in told["lot"]["front_found_by"]


def test_a_house_drawn_as_a_polygon() -> None:
    told = explain_lot(
        LOT, "R-4", house="POLYGON((10 40,40 40,40 80,10 80,10 40))", streets=STREET, scenarios=["no-change"]
    )
    forms = {row["form"] for row in told["policies"][0]["verdicts"] if row["fit_mode"] == "keep"}
    assert "house" in forms


@pytest.mark.parametrize("lot", [LOT, DEGREES])
@pytest.mark.parametrize(
    "house",
    [
        "a house",
        "LINESTRING(0 0,9 9)",
        "POLYGON EMPTY",
        "1 2 3",
        "1 2 3 4 5",
        "1 2 x 4",
        "1 2 3 nan",
        "1e400 2 3 4",
        "5 5 5 9",
    ],
)
def test_a_house_that_cannot_be_read_is_told(lot: str, house: str) -> None:
    with pytest.raises(ValidationError, match=r"x0 y0 x1 y1|area"):
        explain_lot(lot, "R-4", house=house)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"streets": "garbage"}, "street_edges_wkt is not WKT"),
        ({"house_floor_ft2": np.inf}, "house_floor_sf"),
    ],
)
def test_what_else_cannot_be_read_of_a_lot_in_degrees_is_told(given: dict, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        explain_lot(DEGREES, "R-4", **given)


def test_a_lot_not_proved_of_record_is_told_what_hangs_on_it() -> None:
    told = explain_lot(LOT, "R-4", streets=STREET, scenarios=["no-change"])
    house = next(row for row in told["policies"][0]["verdicts"] if row["fit_type"] == "house")
    assert house["verdict"] == "MAYBE"
    assert "lot of record" in house["reason"]


def parcels(count: int = 3, **columns: object) -> gpd.GeoDataFrame:
    """A row of 75 ft lots, others behind them; the south is open."""
    front = [shapely.box(75 * i, 0, 75 * i + 75, 130) for i in range(count)]
    behind = [shapely.box(0, 130, 75 * count, 260)]
    frame = gpd.GeoDataFrame(
        {
            "parcel_id": pd.array([f"14 {i}" for i in range(count + 1)], dtype="string"),
            "zone_district": pd.array(["R-4"] * (count + 1), dtype="string"),
            "zone_share": 1.0,
            "zone_count": pd.array([1] * (count + 1), dtype="Int64"),
            "site_address": pd.array(["12 MAIN ST"] * (count + 1), dtype="string"),
            "is_built": pd.array([pd.NA] * (count + 1), dtype="boolean"),
            "existing_floor_area_ft2": pd.array([pd.NA] * (count + 1), dtype="Float64"),
        },
        geometry=front + behind,
        crs="EPSG:2240",
    )
    return frame.assign(**columns)


def test_parcels_give_a_declared_table_with_both_answers_where_the_house_is_unknown() -> None:
    table = fits(ground_of_parcels(parcels()), [TODAY])
    schema.check(table, "fits")
    middle = table[table["parcel_id"] == "14 1"]
    assert set(middle["fit_mode"]) == {"keep", "new"}
    assert middle.loc[middle["fit_mode"] == "keep", "verdict"].isin(["MAYBE", "FALSE"]).all()
    assert middle["front_confidence"].eq("implied").all()
    assert table["reason"].str.len().gt(10).all()


def test_vacant_parcels_have_no_house_to_keep() -> None:
    vacant = parcels(is_built=pd.array([False] * 4, dtype="boolean"))
    assert set(fits(ground_of_parcels(vacant), [TODAY])["fit_mode"]) == {"new"}


def test_unzoned_and_unread_lots_are_not_counted() -> None:
    zones = pd.array([pd.NA, "SPI-1 SA1", "R-4", "R-4"], dtype="string")
    table = fits(ground_of_parcels(parcels(zone_district=zones)), [TODAY])
    unzoned = table[table["parcel_id"] == "14 0"]
    assert unzoned["verdict"].eq("NO DATA").all()
    assert unzoned["units"].eq(0).all()
    unread = table[(table["parcel_id"] == "14 1") & (table["fit_type"] != "house")]
    assert unread["verdict"].ne("TRUE").all()


def test_corrections_of_fronts_must_name_parcels_once() -> None:
    fronts = pd.DataFrame({"parcel_id": ["nobody", "14 1", "14 1"], "front_bearing_deg": [0.0, 90.0, 180.0]})
    with pytest.raises(ValidationError) as caught:
        ground_of_parcels(parcels(), fronts=fronts)
    assert len(caught.value.faults) == 2


def test_a_correction_turns_the_lot() -> None:
    fronts = pd.DataFrame({"parcel_id": ["14 0"], "front_bearing_deg": [270.0]})
    ground = ground_of_parcels(parcels(), fronts=fronts)
    assert ground.survey.lots.loc[0, "frontage_ft"] == pytest.approx(130)


def test_parts_of_the_ground_give_the_same_answers() -> None:
    ground = ground_of_parcels(parcels())
    whole = fits(ground, [TODAY]).set_index(["parcel_id", "fit_mode", "fit_type"])
    part = fits(part_of(ground, np.array([2, 0])), [TODAY]).set_index(["parcel_id", "fit_mode", "fit_type"])
    for column in ("units", "verdict", "form", "reason"):
        assert part[column].equals(whole[column].reindex(part.index))


def test_an_adu_that_may_be_sold_apart_counts_as_saleable() -> None:
    then = apply("missing-middle-2021", TODAY)
    table = fits(ground_of_parcels(parcels()), [TODAY, then])
    homes = table[(table["fit_type"] == "house_adu") & (table["fit_mode"] == "new")]
    by_policy = homes.groupby("policy")[["units_saleable", "units_rent_only"]].first()
    assert by_policy.loc["no-change"].tolist() == [1, 1]
    assert by_policy.loc["missing-middle-2021"].tolist() == [2, 0]
