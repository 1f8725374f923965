"""Arithmetic of the American Community Survey: every derived estimate with its margin of error.

Margins are at the 90 % level, as published. Formulas: U.S. Census Bureau, *Understanding and Using
American Community Survey Data: What All Data Users Need to Know*, chapter 8 ("Calculating Measures
of Error for Derived Estimates"); the rule for zero cells is on slide 26 of the Bureau's 2016
presentation (reference/displacement.md, section 3). Arrays broadcast; unknown stays NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap import params, schema
from densitymap.census import sentinels

Floats = npt.NDArray[np.float64]

Z90 = 1.645
"""Margins of error over standard errors, at the 90 % level the ACS publishes."""


def standard_error(moe: npt.ArrayLike) -> Floats:
    """Turn a published margin into a standard error."""
    return np.asarray(moe, dtype=float) / Z90


def sum_moe(estimates: npt.ArrayLike, moes: npt.ArrayLike, *, axis: int = -1) -> Floats:
    """Margin of a sum (or difference) of estimates.

    Zero estimates all carry the same large margin; counting each would inflate the result, so only
    the largest margin among them is counted.

    Examples
    --------
    >>> float(sum_moe([0, 0, 30], [12, 12, 9]))
    15.0
    """
    values, margins = np.broadcast_arrays(np.asarray(estimates, float), np.asarray(moes, float))
    zero = values == 0
    largest = np.where(zero, margins, 0.0).max(axis=axis, initial=0.0)
    return np.asarray(np.sqrt((np.where(zero, 0.0, margins) ** 2).sum(axis=axis) + largest**2))


def proportion_moe(
    part: npt.ArrayLike, whole: npt.ArrayLike, part_moe: npt.ArrayLike, whole_moe: npt.ArrayLike
) -> Floats:
    """Margin of a share, its numerator being part of its denominator.

    Where the radicand is negative the ratio formula takes its place; where the share is 1 the
    formula would give a false 0, and the numerator's margin over the denominator stands in.
    Undefined (NaN) where the denominator is 0.

    Examples
    --------
    >>> round(float(proportion_moe(50, 100, 10, 10)), 3)
    0.087
    """
    x, y, mx, my = (np.asarray(value, dtype=float) for value in (part, whole, part_moe, whole_moe))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = x / y
        radicand = mx**2 - share**2 * my**2
        root = np.where(radicand < 0, mx**2 + share**2 * my**2, radicand)
        result = np.where(radicand == 0, mx, np.sqrt(root)) / y
    return np.where(y > 0, result, np.nan)


def ratio_moe(x: npt.ArrayLike, y: npt.ArrayLike, x_moe: npt.ArrayLike, y_moe: npt.ArrayLike) -> Floats:
    """Margin of x / y where x is no part of y; NaN where y is 0."""
    a, b, ma, mb = (np.asarray(value, dtype=float) for value in (x, y, x_moe, y_moe))
    with np.errstate(divide="ignore", invalid="ignore"):
        result = np.sqrt(ma**2 + (a / b) ** 2 * mb**2) / np.abs(b)
    return np.where(b != 0, result, np.nan)


def product_moe(x: npt.ArrayLike, y: npt.ArrayLike, x_moe: npt.ArrayLike, y_moe: npt.ArrayLike) -> Floats:
    """Margin of x * y."""
    a, b, ma, mb = (np.asarray(value, dtype=float) for value in (x, y, x_moe, y_moe))
    return np.asarray(np.sqrt(a**2 * mb**2 + b**2 * ma**2))


def change_moe(
    old: npt.ArrayLike, new: npt.ArrayLike, old_moe: npt.ArrayLike, new_moe: npt.ArrayLike
) -> Floats:
    """Margin of the relative change (new - old) / old, as a share: the ratio's margin."""
    return ratio_moe(new, old, new_moe, old_moe)


def differ(
    a: npt.ArrayLike, b: npt.ArrayLike, a_moe: npt.ArrayLike, b_moe: npt.ArrayLike
) -> npt.NDArray[np.bool_]:
    """Whether two estimates differ at the 90 % level. Never use it across overlapping periods."""
    x, y, mx, my = (np.asarray(value, dtype=float) for value in (a, b, a_moe, b_moe))
    return np.asarray(np.abs(x - y) > np.sqrt(mx**2 + my**2))


def measures(raw: pd.DataFrame, *, table: str = "tracts") -> pd.DataFrame:
    """Our census measures, with margins, from the Census API's variables.

    Parameters
    ----------
    raw
        One row per area and period: the key columns of ``table``, and variables such as
        ``B25003_001E`` (estimate) and ``B25003_001M`` (margin), numbers or text, codes left in or
        already removed. Variables that are absent leave their measures missing; so does ``acs_period``
        those whose cells moved between vintages.
    table
        ``tracts`` or ``block_groups``.

    Returns
    -------
    DataFrame[TRACTS] or DataFrame[BLOCK_GROUPS]
        On the index of ``raw``.

    Raises
    ------
    ValidationError
        If a value is neither a number nor a code.
    """
    recipe = params.load("census", "measures")
    found: dict[str, Any] = {}
    years = _last_years(raw)
    for name, record in recipe["counts"].items():
        entries = record.get("by_year")
        counted = _count(raw, record) if entries is None else _count_by_year(raw, entries, years)
        found[name], found[f"{name}_moe"] = counted
    for name, record in recipe["shares"].items():
        found[name], found[f"{name}_moe"] = _share(found, record["of"], record["in"])
    for name, record in recipe["medians"].items():
        value, kind = sentinels(_column(raw, f"{record['cell']}E"), measure=name)
        found |= {name: value, f"{name}_kind": kind, f"{name}_moe": _cell(raw, f"{record['cell']}M")}
    keys = {key: raw[key] for key in schema.table(table).column_names if key in raw and key not in found}
    made = {name: _series(value, raw.index) for name, value in found.items()}
    return schema.conform(pd.DataFrame(keys | made, index=raw.index), table)


def _series(value: pd.Series | Floats, index: pd.Index) -> pd.Series:
    if isinstance(value, pd.Series):
        return value
    return pd.Series(value, index=index).astype("Float64").mask(np.isnan(value))


def _column(raw: pd.DataFrame, name: str) -> pd.Series:
    return raw[name] if name in raw else pd.Series(pd.NA, index=raw.index, dtype="Float64", name=name)


def _cell(raw: pd.DataFrame, name: str) -> Floats:
    """Give one variable as floats, NaN where absent or not published."""
    return sentinels(_column(raw, name))[0].to_numpy(dtype=float, na_value=np.nan)


def _count(raw: pd.DataFrame, record: dict[str, list[str]]) -> tuple[Floats, Floats]:
    """Sum cells, less others, and give the margin."""
    plus, minus = record["sum"], record.get("less", [])
    if "else" in record and not all(f"{name}E" in raw for name in plus):
        plus = record["else"]
    sign = np.array([1.0] * len(plus) + [-1.0] * len(minus))
    estimates = np.stack([_cell(raw, f"{name}E") for name in plus + minus], axis=-1)
    margins = np.stack([_cell(raw, f"{name}M") for name in plus + minus], axis=-1)
    return estimates @ sign, sum_moe(estimates, margins)


def _last_years(raw: pd.DataFrame) -> Floats:
    """Last year of each row's period, NaN where it is not told."""
    periods = _column(raw, "acs_period").astype("string")
    return np.asarray(pd.to_numeric(periods.str.extract(r"(\d{4})$")[0]), dtype=float)


def _count_by_year(raw: pd.DataFrame, entries: list[dict[str, Any]], years: Floats) -> tuple[Floats, Floats]:
    """Count by the cells that hold a measure in each row's year; unknown in a year that no entry covers."""
    estimate, margin = np.full(len(raw), np.nan), np.full(len(raw), np.nan)
    for entry in entries:
        rows = (years >= entry["from"]) & (years <= entry.get("to", np.inf))
        if rows.any():
            found = _count(raw, entry)
            estimate[rows], margin[rows] = found[0][rows], found[1][rows]
    return estimate, margin


def _share(found: dict[str, Any], part: str, whole: str) -> tuple[Floats, Floats]:
    numerator, denominator = found[part], found[whole]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(denominator > 0, numerator / denominator, np.nan)
    return share, proportion_moe(numerator, denominator, found[f"{part}_moe"], found[f"{whole}_moe"])
