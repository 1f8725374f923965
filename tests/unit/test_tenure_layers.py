"""Tenure by structure and by income: layers like any other, from the Census API's cells."""

from __future__ import annotations

import pandas as pd
import pytest

from densitymap.city import load_city
from densitymap.displacement import acs
from densitymap.ingest import find, normalise

CELLS = {"tenure_by_structure": ("B25032", 23), "income_by_tenure": ("B25118", 25)}


def written(folder, name, **changed):
    """Write one tract whose cell k is 10 k, with margin k."""
    table, size = CELLS[name]
    row = {"GEO_ID": "1400000US13121003100", "NAME": "Census Tract 31; Fulton County; Georgia"}
    for k in range(1, size + 1):
        row[f"{table}_{k:03d}E"], row[f"{table}_{k:03d}M"] = str(10 * k), str(k)
    path = folder / "census" / f"{table.lower()}_2024_tracts.csv"
    path.parent.mkdir()
    pd.DataFrame([row | changed]).to_csv(path, index=False)
    return path


def read(folder, name):
    city = load_city("atlanta")
    layer = city.layers[name]
    found = find.find(layer, [folder])
    frame, receipt = normalise.layer_from(found, layer, city, measures=acs.measures)
    return frame.iloc[0], receipt


@pytest.mark.parametrize(
    ("name", "column", "cell"),
    [
        ("tenure_by_structure", "owner_households", 2),
        ("tenure_by_structure", "owner_households_1_detached", 3),
        ("tenure_by_structure", "owner_households_boat_rv_van", 12),
        ("tenure_by_structure", "renter_households", 13),
        ("tenure_by_structure", "renter_households_1_detached", 14),
        ("tenure_by_structure", "renter_households_2_units", 16),
        ("tenure_by_structure", "renter_households_3_4_units", 17),
        ("tenure_by_structure", "renter_households_boat_rv_van", 23),
        ("income_by_tenure", "owner_households_income_to_5k", 3),
        ("income_by_tenure", "owner_households_income_over_150k", 13),
        ("income_by_tenure", "renter_households", 14),
        ("income_by_tenure", "renter_households_income_to_5k", 15),
        ("income_by_tenure", "renter_households_income_to_35k", 20),
        ("income_by_tenure", "renter_households_income_over_150k", 25),
    ],
)
def test_each_cell_has_its_column_and_its_margin(tmp_path, name, column, cell):
    written(tmp_path, name)
    row, _ = read(tmp_path, name)
    assert row[column] == 10 * cell
    assert row[f"{column}_moe"] == cell
    assert (row["tract_geoid"], row["tract_vintage"], row["acs_period"]) == ("13121003100", 2020, "2020-2024")


@pytest.mark.parametrize("name", CELLS)
def test_every_estimate_stands_with_its_margin(name):
    columns = load_city("atlanta").layers[name].table.column_names
    estimates = [c for c in columns if not c.endswith("_moe")][3:]
    assert len(estimates) == CELLS[name][1]
    assert {f"{c}_moe" for c in estimates} == {c for c in columns if c.endswith("_moe")}


def test_codes_are_never_counted_as_households(tmp_path):
    codes = {"B25032_014E": "-666666666", "B25032_014M": "-222222222", "B25032_013M": "-555555555"}
    written(tmp_path, "tenure_by_structure", **codes)
    row, receipt = read(tmp_path, "tenure_by_structure")
    assert pd.isna(row["renter_households_1_detached"])
    assert pd.isna(row["renter_households_1_detached_moe"])
    assert row["renter_households_moe"] == 0
    assert any("no_estimate" in reason for reason in receipt.changed)
