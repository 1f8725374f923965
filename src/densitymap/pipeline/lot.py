"""The whole chain from law to verdict for one lot of the last build."""

from __future__ import annotations

from typing import Any

import pandas as pd

from densitymap import params, schema
from densitymap.city import load_city
from densitymap.errors import MissingDataError, UsageError
from densitymap.parcels.redact import redacted
from densitymap.pipeline import workspace
from densitymap.pipeline.redactions import redactions
from densitymap.pipeline.workspace import Workspace
from densitymap.scenarios.policy import load_policy
from densitymap.zoning.explain import explain


def explain_parcel(space: Workspace, parcel_id: str) -> dict[str, Any]:
    """Explain a lot: what is known of it, its districts and their law, what is allowed and what fits.

    Raises
    ------
    MissingDataError
        If nothing has been built.
    UsageError
        If no lot of the build has this identifier or address; the nearest is suggested.
    """
    lots = redacted(workspace.read_frame(space.parcels / "parcels.parquet"), redactions(space))
    lot = find_lot(lots, parcel_id)
    name = str(lot["parcel_id"])
    pieces = workspace.read_frame(space.parcels / "parcel_zones.parquet")
    policy = load_policy(load_city().code)
    zones = pieces[pieces["parcel_id"] == name]
    shown = [column.name for column in schema.table("parcels").columns if column.publishable]
    return {
        "parcel_id": name,
        "lot": {column: _value(lot[column]) for column in shown if column != "geometry"},
        "zones": _records(zones.drop(columns="parcel_id")),
        "law": [explain(zone, policy) for zone in zones.loc[~zones["is_sliver"], "zone_code"]],
        "allowed": _rows(space, "allowed", name),
        "fits": _rows(space, "fits", name),
    }


def find_lot(lots: pd.DataFrame, text: str) -> pd.Series:
    """Find the lot a person means, by identifier or by how its address begins.

    Raises
    ------
    MissingDataError
        If the last build has no lots.
    UsageError
        If there is none; the nearest identifier is suggested.
    """
    key = "".join(sign for sign in text.upper() if sign.isalnum())
    exact = (lots["parcel_id"] == text) | (lots["parcel_key"] == key)
    address = lots["site_address"].str.upper().str.startswith(text.upper(), na=False)
    for match in (exact, address):
        if match.any():
            return lots.loc[match].iloc[0]
    if len(lots) == 0:
        raise MissingDataError("The last build has no lots", next_step="build an area with a parcel layer")
    raise UsageError(f"No lot of the last build is {text!r}.{params.nearest(text, lots['parcel_id'])}")


def _rows(space: Workspace, table: str, parcel_id: str) -> list[dict[str, Any]]:
    frame = workspace.read_frame(space.results / f"{table}.parquet")
    return _records(frame[frame["parcel_id"] == parcel_id].drop(columns="parcel_id"))


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): _value(value) for key, value in row.items()} for row in frame.to_dict("records")]


def _value(value: Any) -> Any:
    if pd.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value
