"""Census tables as the Bureau's API returns them: ``B25003_003E`` and ``…M``, all of them text."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap.sample.draw import Floats, Integers, uniform
from densitymap.sample.grid import Grid
from densitymap.sample.people import INCOME_EDGES_USD, Counts, block_people, merge_counts, weighted
from densitymap.sample.settings import Settings

TOO_FEW, NO_MARGIN, OPEN_INTERVAL, CONTROLLED = -666666666, -222222222, -333333333, -555555555
"""The Bureau's sentinels (live_sources.md section 4)."""
TOP_INCOME, TOP_RENT, TOP_VALUE = 250_001, 3_501, 2_000_001
"""Where the Bureau's medians are cut off (live_sources.md section 4)."""
_Z90 = 1.645

Cells = dict[str, Integers]


def acs_table(
    grid: Grid, info: pd.DataFrame, *, counts: Counts, area: pd.Series, detailed: bool
) -> pd.DataFrame:
    """One period's tables for one kind of area.

    Parameters
    ----------
    grid
        The plan.
    info, counts
        People of each block group, see :func:`densitymap.sample.people.draw_people`.
    area
        Area each block group belongs to (itself, or a tract), indexed by block group.
    detailed
        Whether to give B25118, which the Bureau publishes for tracts only.

    Returns
    -------
    DataFrame of text
        ``GEO_ID``, ``NAME``, estimates and margins, then ``state``, ``county``, ``tract`` (and
        ``block group``), one row per area.
    """
    codes, names = pd.factorize(area.reindex(info.index), sort=True)
    size = len(names)
    merged = merge_counts(counts, codes, size=size)
    cells = _cells(merged)
    if detailed:
        cells |= _income_by_tenure(merged)
    estimates = pd.DataFrame(cells)
    margins = _margins(grid.settings, estimates)
    controlled = uniform(grid.seed, "controlled", np.arange(size)) < grid.settings["margin.controlled_share"]
    margins.loc[controlled, "B01003_001"] = CONTROLLED
    medians, spread = _medians(grid.settings, info, counts, merged, codes)
    both = pd.concat([estimates, medians], axis=1).add_suffix("E")
    both = both.join(pd.concat([margins, spread], axis=1).add_suffix("M"))
    return _labelled(both[sorted(both.columns)].astype("int64").astype(str), pd.Series(names))


def one_table(cells: pd.DataFrame, name: str) -> pd.DataFrame:
    """The cells of one of the Bureau's tables, between the identifiers that go around them."""
    cell = cells.columns.str.fullmatch(r"[BC]\d{5}_\d{3}[EM]")
    kept = cells.columns[~cell | cells.columns.str.startswith(f"{name}_")]
    return cells[kept]


def census_2000_table(counts: Counts, area: pd.Series, groups: pd.Index) -> pd.DataFrame:
    """People, tenure and household income by tract of 2000, with the Summary Files' cells (no margins).

    Parameters
    ----------
    counts
        People of each block group, see :func:`densitymap.sample.people.draw_people`.
    area
        Tract of 2000 of each block group, indexed by block group.
    groups
        Block groups in the order of the counts.

    Returns
    -------
    DataFrame of text
        ``GEOID``, ``P001001``, ``H007001`` to ``H007003``, ``P052001`` to ``P052017``.
    """
    codes, names = pd.factorize(area.reindex(groups), sort=True)
    merged = merge_counts(counts, codes, size=len(names))
    owned, rented = merged["owners"].sum(axis=1), merged["renters"].sum(axis=1)
    fine = merged["owner_income"] + merged["renter_income"]
    income = np.hstack([fine[:, :2].sum(axis=1, keepdims=True), fine[:, 2:]])
    cells = {
        "P001001": merged["people"][:, 0],
        "H007001": owned + rented,
        "H007002": owned,
        "H007003": rented,
    }
    cells |= {"P052001": income.sum(axis=1)}
    cells |= {f"P052{k + 2:03d}": income[:, k] for k in range(income.shape[1])}
    return pd.DataFrame({"GEOID": names} | cells).astype(str)


def block_table(grid: Grid, homes: pd.DataFrame) -> pd.DataFrame:
    """Blocks of the 2020 count with P.L. 94-171 columns, as the real pack's CSV has them."""
    people, cells = block_people(grid, homes), grid.cells
    geo = cells["block"]
    return pd.DataFrame(
        {
            "GEOCODE": geo, "COUNTY": geo.str[2:5], "TRACT": geo.str[5:11], "BLKGRP": geo.str[11],
            "BLOCK": geo.str[11:15],
            "PLACE": np.where(cells["in_city"], "04000", "99999"), "VTD": "SAMPLE",
            "AREALAND": (cells["acres"] * 4046.8564224).round().astype(int), "AREAWATR": 0,
            "INTPTLAT": cells["latitude"].round(7), "INTPTLON": cells["longitude"].round(7),
            "POP100": people["people"], "HU100": people["homes"], "POP2020": people["people"],
            "WHITE": people["white"], "BLACK": people["black"], "HISPANIC": people["hispanic"],
            "NON_HISPANIC": people["people"] - people["hispanic"], "NATIVE": people["native"],
            "ASIAN": people["asian"],
            "PACISL": people["pacific"], "OTHER": people["other"], "MULTINH": people["several"],
            "POP18_2020": people["adults"], "GQPOP": people["group_quarters"], "TOT_HOUSING": people["homes"],
            "OCCUPIED": people["occupied"], "VACANT": people["homes"] - people["occupied"],
        }
    ).sort_values("GEOCODE", ignore_index=True)  # fmt: skip


def _series(table: str, values: Integers, start: int) -> Cells:
    return {f"{table}_{start + k:03d}": values[:, k] for k in range(values.shape[1])}


def _cells(counts: Counts) -> Cells:
    """Every count cell but income by tenure."""
    owners, renters, homes = counts["owners"], counts["renters"], counts["homes"]
    nobody = np.zeros((len(homes), 2), np.int64)  # mobile homes, and boats or vans
    owned, rented = owners.sum(axis=1), renters.sum(axis=1)
    income = counts["owner_income"] + counts["renter_income"]
    groups = counts["groups"]
    cells: Cells = {"B01003_001": counts["people"][:, 0], "B03002_001": counts["people"][:, 0]}
    cells |= (
        {"B03002_002": groups[:, :7].sum(axis=1)}
        | _series("B03002", groups[:, :7], 3)
        | {"B03002_012": groups[:, 7]}
    )
    cells |= {"B15003_001": counts["schooling"].sum(axis=1)} | _series("B15003", counts["schooling"], 2)
    cells |= {"B19001_001": income.sum(axis=1), "B19001_002": income[:, :2].sum(axis=1)} | _series(
        "B19001", income[:, 2:], 3
    )
    cells |= {"B25001_001": homes.sum(axis=1), "B25002_001": homes.sum(axis=1), "B25002_002": owned + rented}
    cells |= {"B25002_003": homes.sum(axis=1) - owned - rented}
    cells |= {"B25003_001": owned + rented, "B25003_002": owned, "B25003_003": rented}
    cells |= {"B25007_001": owned + rented, "B25007_002": owned} | _series("B25007", counts["owner_ages"], 3)
    cells |= {"B25007_012": rented} | _series("B25007", counts["renter_ages"], 13)
    cells |= {"B25024_001": homes.sum(axis=1)} | _series("B25024", np.hstack([homes, nobody]), 2)
    cells |= {"B25032_001": owned + rented, "B25032_002": owned} | _series(
        "B25032", np.hstack([owners, nobody]), 3
    )
    cells |= {"B25032_013": rented} | _series("B25032", np.hstack([renters, nobody]), 14)
    cells |= {"B25034_001": homes.sum(axis=1)} | _series("B25034", counts["decades"], 2)
    cells |= {"B25044_001": owned + rented, "B25044_002": owned} | _series("B25044", counts["owner_cars"], 3)
    cells |= {"B25044_009": rented} | _series("B25044", counts["renter_cars"], 10)
    cells |= {"B25070_001": rented} | _series("B25070", counts["burden"], 2)
    cells |= {"C17002_001": counts["poverty"].sum(axis=1)} | _series("C17002", counts["poverty"], 2)
    return cells


def _income_by_tenure(counts: Counts) -> Cells:
    """B25118: eleven income classes, each a sum of the fine ones."""
    edges = [0, 1, 2, 3, 4, 5, 7, 10, 12, 13, 15]  # to 5, 10, 15, 20, 25, 35, 50, 75, 100, 150 thousand, more
    cells: Cells = {}
    for tenure, start in (("owner", 3), ("renter", 15)):
        cells |= _series("B25118", np.add.reduceat(counts[f"{tenure}_income"], edges, axis=1), start)
    owned, rented = counts["owner_income"].sum(axis=1), counts["renter_income"].sum(axis=1)
    return cells | {"B25118_001": owned + rented, "B25118_002": owned, "B25118_014": rented}


def _margins(settings: Settings, estimates: pd.DataFrame) -> pd.DataFrame:
    """Margins at 90 %: the variance grows with the estimate from a floor."""
    variance = settings["margin.variance_floor"] + settings["margin.variance_per_person"] * estimates
    return (_Z90 * np.sqrt(variance)).round().astype("int64")


def _medians(
    settings: Settings, info: pd.DataFrame, counts: Counts, merged: Counts, codes: npt.NDArray[np.intp]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Median income, rent and value with margins; sentinels where households are few or the class is open."""
    size = len(merged["owners"])
    owned, rented = counts["owners"].sum(axis=1), counts["renters"].sum(axis=1)
    income = median_of_classes(merged["owner_income"] + merged["renter_income"])
    rent = weighted(info["rent_usd"].to_numpy(), rented, codes=codes, size=size)
    value = weighted(info["value_usd"].to_numpy(), owned, codes=codes, size=size)
    universe = {"B19013_001": merged["owners"].sum(axis=1) + merged["renters"].sum(axis=1)}
    universe |= {"B25064_001": merged["renters"].sum(axis=1), "B25077_001": merged["owners"].sum(axis=1)}
    tops = {
        "B19013_001": (income, TOP_INCOME),
        "B25064_001": (rent, TOP_RENT),
        "B25077_001": (value, TOP_VALUE),
    }
    sure, unsure = settings["margin.median_share"]
    estimates, margins = {}, {}
    for cell, (median, top) in tops.items():
        few = universe[cell] < settings["margin.fewest_for_median"]
        is_open = ~few & (median >= top - 1)
        share = sure + (unsure - sure) / np.sqrt(1 + universe[cell] / 40)
        shown = np.where(few | np.isnan(median), 0, median)
        estimates[cell] = np.where(few, TOO_FEW, np.where(is_open, top, shown)).round()
        margins[cell] = np.where(few, NO_MARGIN, np.where(is_open, OPEN_INTERVAL, shown * share)).round()
    return pd.DataFrame(estimates), pd.DataFrame(margins)


def median_of_classes(counts: Integers) -> Floats:
    """Median income [USD] from the fine classes, linear within a class; the open class gives the top code.

    Examples
    --------
    >>> rows = np.zeros((1, 17), int)
    >>> rows[0, 10] = 4  # four households between 50,000 and 60,000
    >>> median_of_classes(rows).tolist()
    [55000.0]
    """
    edges = np.array([0, *INCOME_EDGES_USD, TOP_INCOME], float)
    below = np.concatenate([np.zeros((len(counts), 1)), np.cumsum(counts, axis=1)], axis=1)
    half = below[:, -1] / 2
    at = np.minimum((below[:, 1:] < half[:, None]).sum(axis=1), len(INCOME_EDGES_USD))
    row = np.arange(len(counts))
    inside = np.divide(
        half - below[row, at], counts[row, at], out=np.zeros(len(counts)), where=counts[row, at] > 0
    )
    median = edges[at] + inside * (edges[at + 1] - edges[at])
    return np.asarray(np.where(at == len(INCOME_EDGES_USD), TOP_INCOME, median), float)


def _labelled(table: pd.DataFrame, geoid: pd.Series) -> pd.DataFrame:
    """Put the API's identifiers around the cells."""
    is_group = geoid.str.len().iloc[0] == 12  # noqa: PLR2004 - state 2, county 3, tract 6, block group 1
    county = geoid.str[2:5].map({"121": "Fulton County", "089": "DeKalb County"})
    tract = geoid.str[5:9].str.lstrip("0") + ("." + geoid.str[9:11]).where(geoid.str[9:11] != "00", "")
    name = "Census Tract " + tract + "; " + county + "; Georgia"
    out = pd.DataFrame({"GEO_ID": ("1500000US" if is_group else "1400000US") + geoid})
    out["NAME"] = "Block Group " + geoid.str[11] + "; " + name if is_group else name
    out = out.join(table)
    out["state"], out["county"], out["tract"] = geoid.str[:2], geoid.str[2:5], geoid.str[5:11]
    if is_group:
        out["block group"] = geoid.str[11]
    return out
