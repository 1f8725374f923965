"""The redaction list: what somebody asked to be left out of every map, page and file."""

from __future__ import annotations

import numpy as np
import pandas as pd

from densitymap import params, schema
from densitymap.errors import ValidationError

COLUMNS = ("parcel_id", "field", "reason")
WHOLE = "*"
"""In ``field``: the lot itself is left out."""


def check(rows: pd.DataFrame, *, where: str) -> pd.DataFrame:
    """Refuse a redaction list that cannot be read; every fault is told at once.

    Parameters
    ----------
    rows
        As text: :data:`COLUMNS`; ``field`` names a column of ``parcels``, or ``*`` for the whole lot.

    Raises
    ------
    ValidationError
        If columns are absent, a lot is not named, or a field is unknown (the nearest is suggested).
    """
    absent = [f"column {name} is absent" for name in COLUMNS if name not in rows]
    if absent:
        raise ValidationError(f"{where} cannot be read", faults=absent, next_step=f"correct {where}")
    known = (WHOLE, *schema.table("parcels").column_names)
    field, lot = rows["field"].fillna("").str.strip(), rows["parcel_id"].fillna("").str.strip()
    faults = [f"row {row + 1}: parcel_id is empty" for row in np.flatnonzero(lot.eq(""))]
    faults += [
        f"row {row + 1}: no field {field.iloc[row]!r}.{params.nearest(str(field.iloc[row]), known)}"
        for row in np.flatnonzero(~field.isin(known))
    ]
    if faults:
        raise ValidationError(f"{where} cannot be read", faults=faults, next_step=f"correct {where}")
    return rows.assign(parcel_id=lot, field=field)


def redacted(table: pd.DataFrame, rows: pd.DataFrame | None) -> pd.DataFrame:
    """Leave out what was asked of a table that has ``parcel_id``.

    Parameters
    ----------
    table
        Any table by lot; it is not changed.
    rows
        From :func:`check`; None where there is no list.

    Examples
    --------
    >>> lots = pd.DataFrame({"parcel_id": ["a", "b"], "site_address": ["1 X ST", "2 X ST"]})
    >>> asked = pd.DataFrame({"parcel_id": ["a", "b"], "field": ["*", "site_address"], "reason": ["", ""]})
    >>> redacted(lots, asked)["site_address"].isna().tolist()
    [True]
    """
    if rows is None or rows.empty or "parcel_id" not in table:
        return table
    whole = rows.loc[rows["field"] == WHOLE, "parcel_id"]
    kept = table[~table["parcel_id"].isin(whole)].copy()
    for field, asked in rows[rows["field"] != WHOLE].groupby("field"):
        if field in kept and field != "parcel_id":
            kept.loc[kept["parcel_id"].isin(asked["parcel_id"]), field] = None
    return kept.reset_index(drop=True)
