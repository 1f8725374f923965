"""From the publisher's columns to ours: names, numbers, codes, blanks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from densitymap import census, params, schema
from densitymap.city import Source
from densitymap.errors import ValidationError
from densitymap.ingest.receipt import Receipt

TEXT: Final = "string"


def needed(source: Source) -> set[str]:
    """Publisher's columns a source reads: the mapped ones, the filter's and the owner's."""
    names = set(source.where)
    for entry in source.columns.values():
        names |= _inputs(entry)
    for value in source.owner.values():
        names |= {value} if isinstance(value, str) else set(value)
    return names


def require(source: Source, present: tuple[str, ...], *, where: str) -> None:
    """Refuse a file that lacks a mapped column; optional ones may be absent.

    Raises
    ------
    ValidationError
        Naming all absent columns, ours and the publisher's, and the nearest name in the file.
    """
    faults = []
    for ours, entry in source.columns.items():
        absent = sorted(_inputs(entry) - set(present))
        if absent and ours not in source.optional:
            hint = params.nearest(absent[0], present)
            faults.append(f"{ours}: the file has no column {', '.join(map(repr, absent))}.{hint}")
    if faults:
        raise ValidationError(
            f"{where} does not look like {source.title}",
            faults=faults,
            next_step="choose the right file, or write its column map into catalog/cities",
        )


def mapped(
    raw: pd.DataFrame,
    source: Source,
    table: schema.Table,
    receipt: Receipt,
    *,
    census_codes: bool = False,
) -> pd.DataFrame:
    """Our columns from the publisher's, stripped and typed.

    Text loses outer blanks and becomes missing when empty; inner spaces stay, for they are part of
    a parcel identifier. A number that cannot be read becomes missing and is counted; so does a
    Census code that stands for a number, and its kind is kept where the table has a column for it.
    """
    result = pd.DataFrame(index=raw.index)
    for column in table.columns:
        entry = source.columns.get(column.name)
        if entry is None or not _inputs(entry) <= set(raw.columns):
            continue
        if column.dtype in ("integer", "number"):
            if census_codes:
                raw, kinds = _without_codes(raw, entry, column, receipt)
                if f"{column.name}_kind" in table.column_names:
                    result[f"{column.name}_kind"] = kinds
            result[column.name] = _number(raw, entry, column, receipt)
        elif column.dtype == "boolean":
            result[column.name] = _boolean(_text(raw, entry))
        else:
            result[column.name] = _text(raw, entry)
    return result


def stripped(values: pd.Series) -> pd.Series:
    """Text without outer blanks; empty becomes missing.

    Examples
    --------
    >>> stripped(pd.Series([" 14 0107  LL0020 ", "  ", None])).tolist()
    ['14 0107  LL0020', <NA>, <NA>]
    """
    text = values.astype(TEXT).str.strip()
    return text.mask(text == "", pd.NA)


def _boolean(text: pd.Series) -> pd.Series:
    truth = text.str.lower().isin(("true", "t", "yes", "y", "1")).astype("boolean")
    return truth.mask(text.isna(), pd.NA)


def selected(raw: pd.DataFrame, source: Source, receipt: Receipt) -> pd.DataFrame:
    """Rows the source's filter keeps; the others are counted."""
    keep = np.ones(len(raw), dtype=bool)
    for name, allowed in source.where.items():
        values = [allowed] if isinstance(allowed, str) else list(allowed)
        keep &= stripped(raw[name]).isin(values).to_numpy(dtype=bool)
    receipt.drop(f"not {', '.join(map(str, source.where.values()))}", raw.index[~keep])
    return raw[keep]


def _inputs(entry: Any) -> set[str]:
    if isinstance(entry, str):
        return {entry}
    if "value" in entry:
        return set()
    return set(entry["sum"]) if "sum" in entry else {entry["from"]}


def _text(raw: pd.DataFrame, entry: Any) -> pd.Series:
    if isinstance(entry, str):
        return stripped(_without_decimal(raw[entry]))
    if "value" in entry:
        return pd.Series(str(entry["value"]), index=raw.index, dtype=TEXT)
    text = stripped(_without_decimal(raw[entry["from"]]))
    if "after" in entry:
        text = text.str.rsplit(entry["after"], n=1).str[-1]
    if "first" in entry:
        text = text.str[: entry["first"]]
    if "missing" in entry:
        text = text.mask(text == str(entry["missing"]), pd.NA)
    return text.str.zfill(entry["width"]) if "width" in entry else text


def _without_decimal(values: pd.Series) -> pd.Series:
    """A code some file format turned into a number, as text again (13089020100.0 -> 13089020100)."""
    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        return values.astype("Int64")
    return values


def _number(raw: pd.DataFrame, entry: Any, column: schema.Column, receipt: Receipt) -> pd.Series:
    plain: Mapping[str, Any] = {"from": entry} if isinstance(entry, str) else entry
    if "value" in plain:
        return pd.Series(plain["value"], index=raw.index, dtype="Float64")
    parts = [_parsed(raw[name], column, receipt) for name in plain.get("sum", [plain.get("from")])]
    total = sum(parts[1:], start=parts[0])
    if "missing" in plain:
        total = total.mask((total == plain["missing"]).fillna(value=False), pd.NA)
    total = total * plain.get("scale", 1.0)
    return total.round() if column.dtype == "integer" else total


def _without_codes(
    raw: pd.DataFrame, entry: Any, column: schema.Column, receipt: Receipt
) -> tuple[pd.DataFrame, pd.Series]:
    """Census codes in the inputs of a column made missing, before any arithmetic touches them."""
    kinds = pd.Series(pd.NA, index=raw.index, dtype=TEXT)
    for name in sorted(_inputs(entry)):
        values, found = census.sentinels(raw[name], measure=column.name)
        raw = raw.assign(**{name: values})
        kinds = kinds.where(kinds.notna() & (kinds != census.ESTIMATE), found)
    for kind in kinds[kinds != census.ESTIMATE].dropna().unique():
        receipt.change(f"{column.name}: Census code, {kind}", raw.index[kinds.eq(kind).fillna(value=False)])
    return raw, kinds


def _parsed(values: pd.Series, column: schema.Column, receipt: Receipt) -> pd.Series:
    if pd.api.types.is_numeric_dtype(values):
        return values.astype("Float64")
    text = stripped(values)
    plain = text.str.replace(r"^\$|(?<=\d),(?=\d{3})", "", regex=True)
    number = pd.to_numeric(plain, errors="coerce").astype("Float64")
    unreadable = number.isna() & text.notna()
    receipt.change(f"{column.name}: not a number, made missing", text[unreadable])
    return number
