"""Profiles of drawn places: missing is said, slivers are dropped, small numbers are too few."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import Point, box

from densitymap import params, schema
from densitymap.displacement.profile import ProfileInput, land_price, profile
from densitymap.errors import ValidationError
from densitymap.pipeline.profile import blocks_cover

WORDS = params.load("profiles", "place")


def frame(*shapes, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=2240)


TRACTS = frame(box(0, 0, 100, 100), box(100, 0, 200, 100), tract_geoid=["13121000100", "13121000200"])
PLACE = frame(box(50, 0, 150, 100))


def estimates(vintage=2020, **columns):
    base = {"tract_geoid": TRACTS["tract_geoid"], "tract_vintage": vintage, "acs_period": "2020-2024"}
    return schema.conform(pd.DataFrame(base | columns), "tracts")


def test_counts_are_split_and_margins_carried():
    table = estimates(households=[100.0, 200.0], households_moe=[30.0, 40.0], renter_households=[50.0, 20.0])
    made = profile(ProfileInput(name="Half", place=PLACE, tracts={2020: TRACTS}, measures=(table,)))[
        "estimates"
    ][0]
    assert made["measures"]["households"] == {"value": 150.0, "margin": 25.0}
    assert made["measures"]["renter_households"] == {"value": 35.0, "margin": "not published"}
    assert made["measures"]["renter_share"]["value"] == pytest.approx(35 / 150, abs=1e-4)
    assert made["measures"]["median_gross_rent_usd"]["note"] == "not in this data"
    assert made["weighted_by"] == "area"


def test_blocks_weigh_more_than_area():
    blocks = frame(Point(60, 50), Point(20, 50), Point(190, 50), population_2020=[90.0, 10.0, 5.0])
    table = estimates(households=[100.0, 200.0])
    given = ProfileInput(name="P", place=PLACE, tracts={2020: TRACTS}, measures=(table,), blocks=blocks)
    made = profile(given)
    assert made["estimates"][0]["measures"]["households"]["value"] == 90
    assert made["census_2020"]["population_2020"]["value"] == 90


def test_a_tract_that_reaches_beyond_the_blocks_keeps_its_people_there():
    blocks = frame(Point(110, 50), Point(120, 50), population_2020=[30.0, 10.0])
    beyond = frame(box(100, 0, 300, 100), tract_geoid=["13121000200"])
    table = estimates(households=[100.0, 200.0]).iloc[1:]
    given = {"name": "P", "place": frame(box(100, 0, 115, 100)), "tracts": {2020: beyond}, "blocks": blocks}
    whole = profile(ProfileInput(**given, measures=(table,)))["estimates"][0]
    assert whole["measures"]["households"]["value"] == 150  # all of the tract's blocks are known
    cut = profile(ProfileInput(**given, measures=(table,), blocks_cover=frame(box(0, 0, 150, 100))))
    assert cut["estimates"][0]["measures"]["households"]["value"] == 37.5  # a quarter of its land is covered
    assert cut["estimates"][0]["weighted_by"] == "population_2020, area beyond its cover"
    assert "beyond the blocks" in cut["apportioning"]


def test_blocks_cut_at_the_city_limits_are_known_by_their_people():
    limits = frame(box(0, 0, 100, 100))
    inside, outside = Point(50, 50), Point(150, 50)
    assert blocks_cover(frame(inside, outside, population_2020=[999.0, 1.0]), limits) is limits
    assert blocks_cover(frame(inside, outside, population_2020=[90.0, 10.0]), limits) is None
    assert blocks_cover(None, limits) is None
    assert blocks_cover(frame(inside, population_2020=[9.0]), None) is None


def test_a_missing_tract_is_counted_not_filled():
    table = estimates(households=[100.0, 200.0]).iloc[:1]
    made = profile(ProfileInput(name="P", place=PLACE, tracts={2020: TRACTS}, measures=(table,)))[
        "estimates"
    ][0]
    assert made["tracts_without_values"] == 1
    assert made["measures"]["households"]["value"] is None


def test_a_table_of_another_vintage_is_refused_naming_both():
    given = ProfileInput(name="P", place=PLACE, tracts={2020: TRACTS}, measures=(estimates(2010),))
    with pytest.raises(ValidationError, match="2010 tracts, but shapes are of 2020"):
        profile(given)


def test_a_place_is_one_area():
    with pytest.raises(ValidationError, match="must be one area"):
        profile(ProfileInput(name="P", place=TRACTS, tracts={2020: TRACTS}))


def test_land_price_needs_ten_sales_a_year():
    sales = pd.DataFrame(
        {"price_usd": [1e5] * 13 + [0], "acres": [0.1] * 14, "year": [2022] * 10 + [2023] * 4}
    )
    found = land_price(sales, WORDS)
    assert found["sales_without_acres_or_price"] == 1
    assert found["by_year"]["2022"] == {"n": 10, "median_usd": 1e6, "lowest_usd": 1e6, "highest_usd": 1e6}
    assert found["by_year"]["2023"] == {"n": 3, "note": "too few: fewer than 10"}
