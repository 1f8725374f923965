"""Fit the hazard to a file of permits, and tell what happened here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from densitymap.city import City
from densitymap.errors import MissingDataError
from densitymap.feasibility import calibrate as fitting
from densitymap.feasibility import local
from densitymap.feasibility.addresses import parts
from densitymap.feasibility.hazard import PROCESSES
from densitymap.feasibility.permits import believed, read_permits
from densitymap.pipeline import workspace
from densitymap.pipeline.funnel import BASELINE, read_lots
from densitymap.pipeline.tables import read_text_table
from densitymap.pipeline.uptake import CALIBRATION, prepare
from densitymap.pipeline.workspace import Workspace

LAYER = "the workspace's layer of permits"
NOWHERE = "no permit lies on a lot of the build: the priors stand"
_HALF = 0.5


def read_permit_file(path: Path, space: Workspace) -> pd.DataFrame:
    """Read, check and believe a permits file; against the lots of the last build, where there is one.

    Raises
    ------
    MissingDataError
        If the file is not there.
    ValidationError
        If it is not a table of permits, or its coordinates belong to other rows.
    """
    table = read_text_table(path)
    today = datetime.now(UTC).date().isoformat()
    permits = read_permits(table, today=today, where=path.name)
    return believed(permits, lots=_witnesses(space, permits), where=path.name)


def read_permit_layer(space: Workspace) -> pd.DataFrame:
    """Read, check and believe the permits that the workspace holds (fetched or added, then built).

    Raises
    ------
    MissingDataError
        If it holds none.
    ValidationError
        If they are no permits, or their coordinates belong to other rows.
    """
    layer = workspace.layer_or_none(space, "permits")
    if layer is None or not len(layer):
        raise MissingDataError(
            "No permits are loaded", next_step="densitymap fetch, then build; or give --permits FILE"
        )
    point = layer.geometry.to_crs("EPSG:4326").representative_point()
    table = pd.DataFrame(layer.drop(columns="geometry")).assign(longitude=point.x, latitude=point.y)
    today = datetime.now(UTC).date().isoformat()
    permits = read_permits(table.astype("string"), today=today, where=LAYER)
    return believed(permits, lots=_witnesses(space, permits), where=LAYER)


def _witnesses(space: Workspace, permits: pd.DataFrame) -> gpd.GeoDataFrame | None:
    """Lots that can say where addresses lie; drawn lots only for addresses that were drawn with them."""
    if not (space.parcels / "parcels.parquet").is_file():
        return None
    lots = _lot_places(space)
    report = workspace.read_json(space.results / "build.json") or {}
    if not report.get("synthetic"):
        return lots
    ours = _position(_joined(parts(lots["site_address"])), _joined(permits)) >= 0
    return lots if ours.mean() > _HALF else None


def calibrate(space: Workspace, city: City, path: Path | None = None) -> dict[str, Any]:
    """Fit the hazard to permits, write the fit, and tell prior and posterior side by side.

    Parameters
    ----------
    path
        A file of permits; None takes the workspace's own layer.

    Raises
    ------
    MissingDataError
        If there are no permits, or nothing has been built.
    ValidationError
        If the permits are refused.
    """
    permits = read_permit_layer(space) if path is None else read_permit_file(path, space)
    ready = prepare(space, city, [BASELINE])
    places = _lot_places(space)
    lot = locate(permits, places)
    counted, years = local.window(permits)
    on_lots = counted[lot.reindex(counted.index) >= 0]
    counted = on_lots[on_lots["process"].isin(fitting.FITTED)]
    years = years if len(on_lots) else 0.0
    at = lot.reindex(counted.index).to_numpy(np.int64)
    process = counted["process"].map(PROCESSES.index).to_numpy(np.int64)
    counts = {name: int((counted["process"] == name).sum()) for name in fitting.FITTED}
    known = fitting.exposure(ready.options[BASELINE], ready.known, ready.places)
    found = fitting.fit(known, at, process, counts=counts, years=years)
    after = fitting.posterior(found) if years > 0 else {}
    modelled = local.modelled(ready.options[BASELINE], ready.known, ready.places, ready.lots["zone_district"])
    here = what_happened(ready.lots, permits, lot, modelled)
    document = {
        "note": "; ".join(fitting.unexplained(found)) or None if years > 0 else NOWHERE,
        "permits": {"file": LAYER if path is None else path.name,
                    "rows_used": len(counted), "rows_read": len(permits),
                    "set_aside": permits.attrs.get("set_aside", []), "years": round(years, 2)},
        "expected_by_priors": {name: round(value, 2) for name, value in found.expected.items()},
        "observed": counts,
        "posterior": after,
        "side_by_side": fitting.side_by_side(after),
        "local": here,
        "what_happened_here": here["text"],
    }  # fmt: skip
    workspace.write_json(space.results / CALIBRATION, document)
    return document


def what_happened(
    lots: pd.DataFrame,
    permits: pd.DataFrame | None = None,
    lot: pd.Series | None = None,
    modelled: Mapping[str, Mapping[str, float]] | None = None,
) -> dict[str, Any]:
    """Tell what happened here: homes that stand, and permits before and after; with a short text."""
    standing, rows = local.homes_standing(lots), None
    if permits is not None and lot is not None and len(permits):
        rows = local.before_and_after(permits, _district(lots, lot), modelled=modelled)
    text = local.sentence(standing, rows)
    return {"homes_standing": standing, "permits": rows or local.NO_PERMITS, "text": text}


def _district(lots: pd.DataFrame, lot: pd.Series) -> pd.Series:
    zones = lots["zone_district"].astype("string").reset_index(drop=True)
    return zones.reindex(lot.where(lot >= 0)).set_axis(lot.index)


def _lot_places(space: Workspace) -> gpd.GeoDataFrame:
    """Identifier, address, shape and middle of each lot."""
    columns = ["parcel_id", "parcel_key", "site_address", "geometry"]
    lots: gpd.GeoDataFrame = gpd.read_parquet(space.parcels / "parcels.parquet", columns=columns)
    middle = lots.geometry.representative_point()
    return lots.assign(x_ft=middle.x, y_ft=middle.y)


def locate(permits: pd.DataFrame, lots: gpd.GeoDataFrame) -> pd.Series:
    """Position of each permit's lot: by parcel, else by address, else the lot its point lies in; else -1."""
    key = permits["parcel_id"].str.upper().str.replace(r"[^A-Z0-9]", "", regex=True)
    found = _position(lots["parcel_key"].astype("string"), key)
    own, wanted = parts(lots["site_address"]), permits[["number", "street"]]
    named = _position(_joined(own), _joined(wanted))
    found = found.where(found >= 0, named)
    placed = np.flatnonzero(permits[["x_ft", "y_ft"]].notna().all(axis=1))
    points = shapely.points(permits[["x_ft", "y_ft"]].iloc[placed].to_numpy(float))
    near, inside = lots.sindex.query(points, predicate="within")
    by_point = pd.Series(-1, index=permits.index)
    by_point.iloc[placed[near]] = inside
    return found.where(found >= 0, by_point).astype("int64")


def _joined(address: pd.DataFrame) -> pd.Series:
    return address["number"].astype("Int64").astype("string") + " " + address["street"]


def _position(keys: pd.Series, wanted: pd.Series) -> pd.Series:
    known = keys.reset_index(drop=True).dropna().drop_duplicates()
    at = pd.Series(known.index, index=known.to_numpy(object))
    return pd.Series(at.reindex(wanted.to_numpy(object)).fillna(-1).to_numpy(), index=wanted.index).astype(
        "int64"
    )


def look_around(space: Workspace) -> dict[str, Any]:
    """Tell what happened here without fitting: homes that stand, and the last fit's permits if there is one.

    Raises
    ------
    MissingDataError
        If nothing has been built.
    """
    last = workspace.read_json(space.results / CALIBRATION) or {}
    if last:
        return dict(last["local"])
    workspace.read_frame(space.parcels / "parcels.parquet")
    return what_happened(read_lots(space))
