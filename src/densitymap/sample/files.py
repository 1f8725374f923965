"""Write files in chunks, the same bytes every time, and all of them or none."""

from __future__ import annotations

import json
import shutil
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import shapely
from pyproj import CRS

from densitymap.errors import UsageError, ValidationError
from densitymap.params import read_toml

Append = Callable[[Any], None]
_STAMP = "2026-01-01T00:00:00Z"
_ZIP_DATE = (2026, 1, 1, 0, 0, 0)
MARK = "pack.toml"
"""File at the root of a sample, which says that it is one."""


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Give a new folder to fill; it takes the place of ``folder`` only when it was filled without a fault.

    Raises
    ------
    UsageError
        If ``folder`` exists and holds something that is not a sample: it is never replaced.
    ValidationError
        If the disk refuses the new folder.
    """
    folder = folder.absolute()
    if folder.exists() and not _is_sample(folder):
        raise UsageError(
            f"{folder} holds something that is not a sample of densitymap; it is left alone.",
            next_step="name a folder that is new, empty or holds a sample",
        )
    tag = uuid.uuid4().hex[:8]
    fresh = folder.with_name(f".{folder.name}.{tag}.part")
    try:
        fresh.mkdir(parents=True)
    except OSError as fault:
        raise ValidationError(
            f"{folder} could not be written ({fault.strerror or fault})",
            next_step="free some space, or choose another folder",
        ) from fault
    try:
        yield fresh
        former = folder.with_name(f".{folder.name}.{tag}.former")
        if folder.exists():
            folder.rename(former)
        fresh.rename(folder)
        shutil.rmtree(former, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


@contextmanager
def steady_bytes() -> Iterator[None]:
    """Keep clocks out of the files GDAL writes; the setting is put back afterwards."""
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _STAMP})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})


@contextmanager
def geoparquet(path: Path) -> Iterator[Append]:
    """Append frames to a GeoParquet 1.0 file, one row group each; the first sets columns and types."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer: list[pq.ParquetWriter] = []

    def append(frame: gpd.GeoDataFrame) -> None:
        table = _arrow(frame, writer[0].schema if writer else None)
        if not writer:
            table = table.replace_schema_metadata({"geo": json.dumps(_geo(frame.crs))})
            writer.append(pq.ParquetWriter(path, table.schema, compression="zstd"))
        writer[0].write_table(table.replace_schema_metadata(writer[0].schema.metadata))

    try:
        yield append
    finally:
        for each in writer:
            each.close()


def geopackage(path: Path) -> Append:
    """Append frames of polygons to the one layer of a GeoPackage, as multipolygons."""
    path.parent.mkdir(parents=True, exist_ok=True)

    def append(frame: gpd.GeoDataFrame) -> None:
        pyogrio.write_dataframe(
            frame,
            path,
            layer=path.stem,
            driver="GPKG",
            append=path.exists(),
            use_arrow=True,
            promote_to_multi=True,
            geometry_type="MultiPolygon",
        )

    return append


def csv(path: Path) -> Append:
    """Append frames to a CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)

    def append(frame: pd.DataFrame) -> None:
        frame.to_csv(path, mode="a", header=not path.exists(), index=False, lineterminator="\n")

    return append


def write_layer(path: Path, frame: gpd.GeoDataFrame, *, crs: str) -> None:
    """Write a whole layer in the format its ending names; ``.zip`` is a zipped Shapefile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = frame.to_crs(crs) if frame.crs != crs else frame
    if path.suffix == ".zip":
        _zipped_shapefile(path, frame)
    elif path.suffix == ".geojson":
        pyogrio.write_dataframe(frame, path, driver="GeoJSON", COORDINATE_PRECISION=7, RFC7946="NO")
    else:
        pyogrio.write_dataframe(
            frame, path, driver={".fgb": "FlatGeobuf", ".gpkg": "GPKG"}[path.suffix], use_arrow=True
        )


def _zipped_shapefile(path: Path, frame: gpd.GeoDataFrame) -> None:
    parts = path.with_suffix(".parts")
    parts.mkdir()
    pyogrio.write_dataframe(
        frame,
        parts / f"{path.stem}.shp",
        driver="ESRI Shapefile",
        DBF_DATE_LAST_UPDATE=_STAMP[:10],
        ENCODING="UTF-8",
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in sorted(parts.iterdir()):
            archive.writestr(zipfile.ZipInfo(part.name, _ZIP_DATE), part.read_bytes(), zipfile.ZIP_DEFLATED)
    shutil.rmtree(parts)


def _arrow(frame: gpd.GeoDataFrame, schema: pa.Schema | None) -> pa.Table:
    """The frame with its shapes as WKB; columns that hold nothing are text."""
    plain = pd.DataFrame(frame.drop(columns="geometry"))
    plain["geometry"] = shapely.to_wkb(frame.geometry.to_numpy())
    if schema is not None:
        return pa.Table.from_pandas(plain, schema=schema, preserve_index=False)
    table = pa.Table.from_pandas(plain, preserve_index=False)
    fields = [pa.field(f.name, pa.string()) if pa.types.is_null(f.type) else f for f in table.schema]
    return table.cast(pa.schema(fields))


def _geo(crs: Any) -> dict[str, Any]:
    """GeoParquet 1.0.0 metadata."""
    column = {"encoding": "WKB", "geometry_types": [], "crs": CRS(crs).to_json_dict()}
    return {"version": "1.0.0", "primary_column": "geometry", "columns": {"geometry": column}}


def _is_sample(folder: Path) -> bool:
    if folder.is_dir() and next(folder.iterdir(), None) is None:
        return True
    mark = folder / MARK
    return mark.is_file() and bool(read_toml(mark).get("synthetic"))
