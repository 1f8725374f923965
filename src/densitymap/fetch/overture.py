"""Overture Maps: the newest release's buildings on a box, read from its Parquet files, as an option.

Old releases are deleted, so the newest is asked for each time (reference/live_sources.md section 7).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyarrow import fs

from densitymap.atomic import put
from densitymap.errors import MissingDataError, NetworkError
from densitymap.fetch.kept import Bounds, Fetched, Place, whole

COLUMNS = ("id", "class", "height", "num_floors")
"""What is kept of a building, beside its shape."""


def fetch(source: Mapping[str, Any], place: Place, session: Any, folder: Path) -> Fetched:
    """Fetch the buildings of a box from the newest release.

    Raises
    ------
    NetworkError
        If the list of releases or the files cannot be read.
    MissingDataError
        If the box holds no building.
    """
    release = latest(whole(session.get(source["url"]), where=source["title"]), where=source["title"])
    where = source["bucket"].format(release=release)
    try:
        store = fs.S3FileSystem(
            anonymous=True, region=source["region"], request_timeout=60, connect_timeout=10
        )
        found = buildings(ds.dataset(where, filesystem=store, format="parquet"), place.bounds_deg)
    except (OSError, pa.ArrowException) as fault:
        raise NetworkError(f"{source['title']}: {where} cannot be read: {fault}") from fault
    path = put(folder / source["file"], lambda part: found.to_parquet(part, index=False))
    return Fetched(files=(path,), url=source["url"], rows=len(found), vintage=release)


def latest(body: bytes, *, where: str) -> str:
    """Name of the newest release, from the catalogue of releases (STAC).

    Raises
    ------
    NetworkError
        If the catalogue does not say.

    Examples
    --------
    >>> latest(b'{"latest": "2026-10-21.0"}', where="Overture")
    '2026-10-21.0'
    """
    try:
        release = json.loads(body).get("latest")
    except (ValueError, AttributeError) as fault:
        raise NetworkError(f"{where}: the list of releases is no JSON object") from fault
    if not isinstance(release, str) or not release.replace("-", "").replace(".", "").isalnum():
        raise NetworkError(f"{where}: the list of releases names no latest one")
    return release


def buildings(dataset: Any, bounds_deg: Bounds) -> gpd.GeoDataFrame:
    """Buildings whose own box meets a box: only files and row groups that can hold them are read.

    Parameters
    ----------
    dataset
        A pyarrow dataset with ``bbox``, ``geometry`` (WKB) and :data:`COLUMNS`.
    bounds_deg
        West, south, east, north.

    Raises
    ------
    MissingDataError
        If there is none.
    """
    west, south, east, north = bounds_deg
    meets = (
        (pc.field("bbox", "xmin") <= east)
        & (pc.field("bbox", "xmax") >= west)
        & (pc.field("bbox", "ymin") <= north)
        & (pc.field("bbox", "ymax") >= south)
    )
    table = dataset.to_table(columns=["geometry", *COLUMNS], filter=meets)
    if table.num_rows == 0:
        raise MissingDataError("Overture Maps: no building on the area")
    shapes = gpd.GeoSeries.from_wkb(table["geometry"].to_pandas(), crs="EPSG:4326")
    rows = table.drop(["geometry"]).to_pandas()
    return gpd.GeoDataFrame(rows, geometry=shapes).sort_values("id", ignore_index=True)
