"""What census files do to numbers and identifiers, undone: codes, cut-off medians, lost zeros.

Ingest and displacement both read these rules; the codes and lengths are in ``catalog/census``.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from functools import cache

import pandas as pd

from densitymap import params
from densitymap.errors import DensitymapWarning, ValidationError

ESTIMATE = "estimate"
"""Kind of a value that is a plain estimate."""

_SHOWN = 5


@cache
def _codes() -> tuple[dict[float, str], dict[float, float]]:
    """Give the kind of each code, and the value of those that carry one."""
    table = params.load("census", "sentinels")["estimate"]
    kinds = {float(code): record["kind"] for code, record in table.items()}
    values = {float(code): record["value"] for code, record in table.items() if "value" in record}
    return kinds, values


def sentinels(values: pd.Series, *, measure: str | None = None) -> tuple[pd.Series, pd.Series]:
    """Part the numbers of a census column from the codes that stand in their place.

    Parameters
    ----------
    values
        Numbers or numeric text as published, estimates or margins.
    measure
        Our name of the column; a median is then also marked where it is cut off.

    Returns
    -------
    values : Series of Float64, same index
        Missing where a code stood; 0 where the code says the margin is nil.
    kinds : Series of string, same index
        ``estimate``, the code's kind, ``top_coded`` or ``bottom_coded``; missing where blank.

    Raises
    ------
    ValidationError
        If a value is not a number.

    Examples
    --------
    >>> numbers, kinds = sentinels(pd.Series(["41000", "-666666666", "-555555555", None]))
    >>> numbers.tolist()
    [41000.0, <NA>, 0.0, <NA>]
    >>> kinds.tolist()
    ['estimate', 'no_estimate', 'controlled', <NA>]
    """
    numbers = _numbers(values)
    known, carried = _codes()
    kinds = numbers.map(known).astype("string")
    clean = numbers.mask(kinds.notna(), numbers.map(carried).astype("Float64"))
    kinds = kinds.mask(numbers.notna() & kinds.isna(), ESTIMATE)
    for cut in params.load("census", "sentinels")["cut"]:
        if cut["measure"] == measure:
            kinds = kinds.mask((clean >= cut["top"]).fillna(False), "top_coded")
            if "bottom" in cut:
                kinds = kinds.mask((clean <= cut["bottom"]).fillna(False), "bottom_coded")
    return clean, kinds


def _numbers(values: pd.Series) -> pd.Series:
    blank = values.isna()
    text = values.astype("string").str.strip()
    numbers = pd.to_numeric(text, errors="coerce").astype("Float64")
    bad = numbers.isna() & ~blank & (text != "").fillna(False)
    if bad.any():
        shown = ", ".join(repr(value) for value in values[bad].head(_SHOWN))
        raise ValidationError(f"{values.name}: {int(bad.sum())} values are not numbers; first {shown}")
    return numbers


def has_sentinels(values: pd.Series) -> bool:
    """Whether census codes were left in a column of numbers."""
    return bool(values.isin(list(_codes()[0])).any())


def geoids(values: pd.Series, *, level: str = "tract") -> pd.Series:
    """Census identifiers as text of full length.

    Spreadsheets turn them into numbers and lose the leading zero. One digit short is padded, and
    counted in a warning, when the result opens with a state's code; anything else is refused.

    Parameters
    ----------
    values
        Text, integers, or floats that are whole.
    level
        ``county``, ``tract``, ``block_group`` or ``block``.

    Raises
    ------
    ValidationError
        Naming the first identifiers that cannot be one.

    Examples
    --------
    >>> geoids(pd.Series([13121003100])).tolist()
    ['13121003100']
    """
    areas = params.load("census", "areas")
    length = areas["digits"][level]
    text = values.astype("string").str.strip().str.replace(r"\.0+$", "", regex=True)
    short = (text.str.len() == length - 1).fillna(False)
    padded = text.mask(short, text.str.zfill(length))
    good = padded.str.fullmatch(rf"\d{{{length}}}") & padded.str[:2].isin(areas["states"]["codes"])
    bad = ~good.fillna(False).astype(bool)
    if bad.any():
        shown = ", ".join(repr(value) for value in values[bad].head(_SHOWN))
        raise ValidationError(
            f"{values.name or 'identifier'}: {int(bad.sum())} of {len(values)} are no {level} identifiers of "
            f"{length} digits that open with a state's code; first {shown}",
            next_step="read the column as text, so that leading zeros survive",
        )
    if short.any():
        warnings.warn(
            f"{values.name or 'identifier'}: {int(short.sum())} identifiers had lost their leading zero and "
            f"were padded to {length} digits",
            DensitymapWarning,
            stacklevel=2,
        )
    return padded


def refuse_percentages(frame: pd.DataFrame, shares: Iterable[str]) -> None:
    """Refuse a column of shares (0 to 1) that holds percentages (0 to 100).

    Raises
    ------
    ValidationError
        Naming every such column, how many values exceed 1 and the largest.
    """
    faults = []
    for name in shares:
        known = frame[name].dropna()
        over = known > 1
        if len(known) and over.mean() > 0.5:  # noqa: PLR2004 - most of it: another unit
            faults.append(f"{name}: {int(over.sum())} of {len(known)} exceed 1, the largest {known.max():g}")
    if faults:
        raise ValidationError(
            "Shares from 0 to 1 are expected; these columns look like percentages",
            faults=faults,
            next_step="divide them by 100",
        )


def refuse_text(frame: pd.DataFrame, columns: Iterable[str], *, where: str) -> None:
    """Refuse columns of numbers that hold text or endless numbers; every such column is told at once.

    Raises
    ------
    ValidationError
        Naming each column, how many cells, and the first by its row of the table.

    Examples
    --------
    >>> refuse_text(pd.DataFrame({"rent": ["900", "250,000+"]}), ["rent"], where="tracts.csv")
    Traceback (most recent call last):
    densitymap.errors.ValidationError: tracts.csv: cells that are not finite numbers
      rent: 1 cell; first '250,000+' in row 2
    """
    faults = []
    for name in columns:
        values = frame[name].reset_index(drop=True)
        numbers = pd.to_numeric(values, errors="coerce").astype("Float64")
        bad = (values.notna() & (numbers.isna() | (numbers.abs() == float("inf")).fillna(False))).to_numpy()
        if bad.any():
            row, count = int(bad.argmax()), int(bad.sum())
            cells = "cell" if count == 1 else "cells"
            faults.append(f"{name}: {count} {cells}; first {str(values[row])!r} in row {row + 1}")
    if faults:
        raise ValidationError(f"{where}: cells that are not finite numbers", faults=faults)


def one_vintage(frame: pd.DataFrame, *, where: str) -> int:
    """Vintage of the tract lines of a frame, refused if there are two.

    Raises
    ------
    ValidationError
        Naming the vintages found, and how many rows each has.
    """
    counts = frame["tract_vintage"].value_counts(dropna=False).sort_index()
    if len(counts) != 1 or counts.index.isna().any():
        found = ", ".join(f"{vintage} ({rows:,} rows)" for vintage, rows in counts.items()) or "no rows"
        raise ValidationError(
            f"{where}: tracts of one vintage are needed, found {found}; their lines differ",
            next_step="choose one vintage, or apportion one to the other first",
        )
    return int(counts.index[0])
