"""Counts of 2000 on 2010 tracts: what splitting does, against what the sample knows block by block."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest

from commands import densitymap
from densitymap.displacement.apportion import apportion, crosswalk, rebuild


@pytest.fixture(scope="module")
def layers(sample_space):
    folder = sample_space / "data" / "2_layers"
    tracts = {
        year: gpd.read_parquet(folder / f"tracts_{year}.parquet").set_index("tract_geoid")
        for year in (2000, 2010, 2020)
    }
    counts = pd.read_parquet(folder / "census_2000.parquet").set_index("tract_geoid")
    blocks = gpd.read_parquet(folder / "blocks_2020.parquet")
    return tracts, counts, blocks.rename(columns={"population_2020": "population"})


@pytest.mark.parametrize("target", [2010, 2020])
def test_totals_of_2000_are_conserved_on_later_lines(layers, target):
    tracts, counts, blocks = layers
    pairs = crosswalk(tracts[2000], tracts[target], points=blocks)
    assert set(pairs["weighted_by"]) <= {"population", "area"}
    moved = apportion(counts, pairs)
    for name in ("population", "households", "renter_households", "households_income_to_10k"):
        assert moved[name].sum() == pytest.approx(counts[name].sum()), name
    rebuilt = rebuild(moved)
    income = rebuilt["median_household_income_usd"].dropna()
    assert income.between(2_500, 200_000).all()
    assert len(income) > 1


def test_blocks_split_a_tract_better_than_area_does(layers):
    tracts, _counts, blocks = layers
    placed = gpd.sjoin(blocks, tracts[2010][["geometry"]], predicate="within")
    people_2020 = placed.groupby("tract_geoid")["population"].sum()
    in_2000 = gpd.sjoin(blocks, tracts[2000][["geometry"]], predicate="within")
    totals = pd.DataFrame({"population": in_2000.groupby("tract_geoid")["population"].sum()}).astype(
        "Float64"
    )
    totals = totals.reindex(tracts[2000].index, fill_value=0)
    errors = {}
    for name, points in (("blocks", blocks), ("area", None)):
        moved = apportion(
            totals, crosswalk(tracts[2000], tracts[2010], points=points), columns=["population"]
        )
        told = moved["population"].reindex(people_2020.index).astype(float)
        errors[name] = float((told - people_2020).abs().sum() / people_2020.sum())
    assert errors["blocks"] == pytest.approx(0, abs=1e-9)
    assert errors["area"] > errors["blocks"]


def test_a_profile_tells_2000_too(sample_space):
    told = densitymap("profile", "district-5", "--workspace", sample_space, "--json").document
    vintages = {tract["tract_vintage"] for tract in told["tracts"]}
    assert {2000, 2010, 2020} <= vintages
    past = [tract for tract in told["tracts"] if tract["tract_vintage"] == 2000]
    assert any("2000" in str(tract.get("estimates")) for tract in past)
