"""Edits of single facts by hand: a row says the old value, and is applied only while it still holds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from densitymap import params, schema
from densitymap.errors import ValidationError

COLUMNS = ("parcel_id", "field", "old_value", "new_value", "reason", "source")


def corrected(lots: pd.DataFrame, edits: pd.DataFrame, *, where: str) -> tuple[pd.DataFrame, list[str]]:
    """Apply guarded edits to lots.

    Parameters
    ----------
    lots
        Table ``parcels``; it is not changed.
    edits
        As text: :data:`COLUMNS`. An empty ``old_value`` says that the value was missing.
    where
        The file's name, for messages.

    Returns
    -------
    DataFrame
        The lots with every edit whose old value still holds.
    list of str
        Edits not applied, each with why: the lot is not in the area, or the value has moved on.

    Raises
    ------
    ValidationError
        With every fault of the file: columns absent, a field that may not be edited, a new value
        that does not fit the field, no reason or source, one fact edited twice.
    """
    absent = [f"column {name} is absent" for name in COLUMNS if name not in edits]
    faults = absent or list(_faults(edits))
    if faults:
        raise ValidationError(f"{where} cannot be applied", faults=faults, next_step=f"correct {where}")
    result, told = lots.copy(), []
    for field, rows in edits.groupby("field", sort=True):
        result[field], applied, not_applied = _edited(result, str(field), rows)
        told += not_applied
        if f"{field}_source" in result:
            source = dict(zip(applied["parcel_id"], "hand correction: " + applied["source"], strict=True))
            named = result["parcel_id"].map(source).astype("string")
            result[f"{field}_source"] = named.fillna(result[f"{field}_source"])
    return result, told


def _editable() -> tuple[str, ...]:
    return tuple(params.choice("editable_fields"))


def _faults(edits: pd.DataFrame) -> Iterator[str]:
    allowed = _editable()
    for name in ("parcel_id", "field", "reason", "source"):
        for row in np.flatnonzero(edits[name].fillna("").str.strip().eq("")):
            yield f"row {row + 1}: {name} is empty"
    for row in np.flatnonzero(~edits["field"].isin(allowed)):
        field = str(edits["field"].iloc[row])
        yield f"row {row + 1}: {field} may not be edited by hand.{params.nearest(field, allowed)}"
    for row in np.flatnonzero(edits.duplicated(["parcel_id", "field"])):
        yield f"row {row + 1}: {edits['field'].iloc[row]} of {edits['parcel_id'].iloc[row]} is edited twice"
    for name in allowed:
        yield from _value_faults(edits.reset_index(drop=True), name)


def _value_faults(edits: pd.DataFrame, field: str) -> Iterator[str]:
    """New values that the field cannot hold."""
    rows = edits[edits["field"] == field]
    values, spec = _typed(rows["new_value"], field), schema.columns()[field]
    bad = rows["new_value"].fillna("").ne("") & values.isna()
    if spec.minimum is not None:
        bad |= (values < spec.minimum).fillna(value=False)
    if spec.maximum is not None:
        bad |= (values > spec.maximum).fillna(value=False)
    for number, text in zip(rows.index[bad] + 1, rows.loc[bad, "new_value"], strict=True):
        yield f"row {number}: {text!r} is no value for {field}"


def _typed(text: pd.Series, field: str) -> pd.Series:
    """Text as values of a field; empty and unreadable are missing."""
    kind = schema.columns()[field].dtype
    empty = text.fillna("").str.strip()
    if kind in ("integer", "number"):
        return pd.to_numeric(empty, errors="coerce").astype("Float64")
    if kind == "boolean":
        return empty.str.lower().map({"true": True, "false": False}).astype("boolean")
    return empty.mask(empty.eq("")).astype("string")


def _edited(lots: pd.DataFrame, field: str, rows: pd.DataFrame) -> tuple[pd.Series, pd.DataFrame, list[str]]:
    """One field after its edits, the edits applied, and what was not applied with why."""
    column = lots[field].copy()
    place = pd.Index(lots["parcel_id"].astype("object")).get_indexer(
        pd.Index(rows["parcel_id"].astype("object"))
    )
    here = place >= 0
    old, new = _typed(rows["old_value"], field), _typed(rows["new_value"], field)
    found = column.iloc[place[here]].astype(old.dtype)
    was = old[here]
    now, before = found.reset_index(drop=True), was.reset_index(drop=True)
    same = (now.eq(before).fillna(value=False) | (now.isna() & before.isna())).to_numpy(bool)
    column.iloc[place[here][same]] = new[here][same].astype(column.dtype).array
    told = [f"{name}: {field} not applied, the lot is not in the area" for name in rows["parcel_id"][~here]]
    stale = rows[here][~same]
    told += [
        f"{name}: {field} not applied, it is {value} now, the edit was written against {written!r}"
        for name, value, written in zip(
            stale["parcel_id"], found[~same], stale["old_value"].fillna(""), strict=True
        )
    ]
    return column, rows[here][same], told
