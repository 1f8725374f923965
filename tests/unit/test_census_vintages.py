"""Cells that move between vintages: the same measure, whatever year the table is of."""

from __future__ import annotations

import pandas as pd
import pytest

from densitymap import params
from densitymap.city import load_city
from densitymap.displacement import acs
from densitymap.fetch.census_api import cells_behind
from densitymap.ingest.find import Found
from densitymap.ingest.normalise import layer_from

MOVED = [name for name, record in params.load("census", "measures")["counts"].items() if "by_year" in record]


def table(name, size, period):
    """One row whose cell k is 100 k, with margin 1."""
    cells = {f"{name}_{k:03d}E": k * 100 for k in range(1, size + 1)}
    cells |= {f"{name}_{k:03d}M": 1 for k in range(1, size + 1)}
    return pd.DataFrame([{"tract_geoid": "13121003100", "acs_period": period} | cells])


def measured(name, size, period, measure):
    row = acs.measures(table(name, size, period)).iloc[0]
    return row[measure], row[f"{measure}_moe"]


@pytest.mark.parametrize(
    ("period", "cells"),
    [("2008-2012", [10]), ("2010-2014", [10]), ("2011-2015", [11]), ("2020-2024", [11])],
)
def test_the_oldest_homes_follow_their_row(period, cells):
    assert measured("B25034", 11, period, "homes_built_to_1939")[0] == 100 * sum(cells)


@pytest.mark.parametrize(
    ("period", "owners"),
    [
        ("2010-2014", [5, 6, 7, 8]),
        ("2013-2017", [6, 7, 8]),
        ("2014-2018", [7, 8]),
        ("2016-2020", [7, 8]),
        ("2020-2024", [7, 8]),
    ],
)
def test_households_of_before_2000_are_the_same_people_in_every_vintage(period, owners):
    cells = owners + [cell + 7 for cell in owners]
    value, margin = measured("B25038", 15, period, "households_moved_in_before_2000")
    assert value == 100 * sum(cells)
    assert margin == pytest.approx(len(cells) ** 0.5)


@pytest.mark.parametrize("period", ["2009-2013", "2013-2017", "2015-2019", "2020-2024"])
def test_the_two_cuts_and_the_decade_between_them_are_all_households(period):
    """Since 2010, in the 2000s and before 2000: each row of the table belongs to one of them."""
    recipe = params.load("census", "measures")["counts"]
    year = int(period[-4:])
    early = set(cells_behind([recipe["households_moved_in_before_2000"]], year))
    late = set(cells_behind([recipe["households_moved_in_since_2010"]], year))
    assert not early & late
    rows = {f"B25038_{k:03d}" for k in (*range(3, 9), *range(10, 16))}
    assert len(rows - early - late) == 2  # the 2000s, of owners and of renters
    assert early | late <= rows


@pytest.mark.parametrize("measure", MOVED)
@pytest.mark.parametrize("period", ["1999-2003", "end year not stated", None])
def test_in_a_year_nobody_mapped_the_measure_is_unknown(measure, period):
    row = acs.measures(table("B25038", 15, period).join(table("B25034", 11, period).iloc[:, 2:])).iloc[0]
    assert pd.isna(row[measure])
    assert pd.isna(row[f"{measure}_moe"])


def test_rows_of_two_vintages_are_each_read_their_own_way():
    both = pd.concat([table("B25034", 11, "2010-2014"), table("B25034", 11, "2015-2019")], ignore_index=True)
    assert acs.measures(both)["homes_built_to_1939"].tolist() == [1000, 1100]


def test_the_layer_knows_its_period(tmp_path):
    cells = table("B25034", 11, None).iloc[:, 2:]
    cells.insert(0, "GEO_ID", "1400000US13121003100")
    path = tmp_path / "acs5_2019_tracts.csv"
    cells.to_csv(path, index=False)
    city = load_city("atlanta")
    source = next(s for s in city.layers["acs_2019"].sources if s.reader == "census_api")
    frame, _ = layer_from(Found(path, tmp_path, source), city.layers["acs_2019"], city, measures=acs.measures)
    assert frame["homes_built_to_1939"].tolist() == [1100]
    assert frame["acs_period"].tolist() == ["2015-2019"]


def test_only_cells_that_exist_are_asked():
    counts = params.load("census", "measures")["counts"]
    assert "B25034_010" in cells_behind([counts["homes_built_to_1939"]], 2013)
    assert cells_behind([counts["homes_built_to_1939"]], 2024) == ("B25034_011",)
