"""Read one published file into a frame, as it is, with its reference system."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
from pyproj import CRS, Transformer

from densitymap.city import City
from densitymap.errors import CRSError, MissingDataError, ValidationError

PARQUET = (".parquet", ".geoparquet", ".pq")
TABLES = (".csv", ".csv.gz", ".txt")
VECTORS = (".geojson", ".json", ".gpkg", ".shp", ".zip", ".fgb")
COORDINATES = (("lon", "lat"), ("longitude", "latitude"), ("x", "y"), ("intptlon", "intptlat"))
"""Names, in small letters, under which a table may carry a point."""


def formats() -> tuple[str, ...]:
    """Endings of the files that can be read."""
    return PARQUET + TABLES + VECTORS


def column_names(path: Path, *, file_layer: str | None = None) -> tuple[str, ...]:
    """Column names of a file, without reading its rows.

    Raises
    ------
    MissingDataError
        If the file is not there.
    ValidationError
        If the file is of no known format, damaged, or holds several layers and none is named.
    """
    if not path.exists():
        raise MissingDataError(f"{path.name}: no such file", next_step="check the path")
    try:
        if path.name.endswith(PARQUET):
            return tuple(pq.read_schema(path).names)
        if path.name.endswith(TABLES):
            return tuple(pd.read_csv(path, nrows=0, encoding="utf-8-sig").columns)
        if path.name.endswith(VECTORS):
            info = pyogrio.read_info(path, layer=_file_layer(path, file_layer))
            return (*info["fields"], "geometry")
    except (OSError, ValueError, pyogrio.errors.DataSourceError, pd.errors.ParserError) as fault:
        raise _damaged(path, fault) from fault
    raise ValidationError(f"{path.name}: unknown format", next_step=f"use one of {', '.join(formats())}")


def read(
    path: Path,
    *,
    columns: Iterable[str] | None = None,
    file_layer: str | None = None,
    coordinates: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Read a file: a GeoDataFrame where it has shapes, else a DataFrame of text.

    Parameters
    ----------
    path
        GeoJSON, GPKG, GeoParquet, Shapefile (also zipped), FlatGeobuf or CSV.
    columns
        Publisher's columns to read; all when not given. Names the file lacks are passed over.
    file_layer
        Layer inside the file, where it holds several.
    coordinates
        ``lon`` and ``lat`` column names of a CSV.

    Raises
    ------
    MissingDataError
        If the file is not there.
    ValidationError
        If it is damaged or of no known format.
    """
    present = column_names(path, file_layer=file_layer)
    wanted = [name for name in present if columns is None or name in set(columns)]
    try:
        if path.name.endswith(PARQUET):
            return _read_parquet(path, wanted)
        if path.name.endswith(TABLES):
            return _read_csv(path, columns, coordinates)
        return pyogrio.read_dataframe(
            path,
            layer=_file_layer(path, file_layer),
            columns=[name for name in wanted if name != "geometry"],
            use_arrow=not path.name.endswith((".geojson", ".json")),
        )
    except (OSError, ValueError, pyogrio.errors.DataSourceError, pd.errors.ParserError) as fault:
        raise _damaged(path, fault) from fault


def check_place(frame: gpd.GeoDataFrame, city: City, *, where: str) -> None:
    """Refuse shapes without a reference system, or whose coordinates do not fall on the city.

    Raises
    ------
    CRSError
        Naming the file, the system it declares and where its coordinates would lie.
    """
    if frame.crs is None:
        raise CRSError(
            f"{where}: the file names no coordinate reference system",
            next_step="give it one (a .prj beside a Shapefile), or `densitymap add … --crs EPSG:…`",
        )
    bounds = frame.geometry.dropna().bounds
    if bounds.empty:
        return
    middle_x = ((bounds["minx"] + bounds["maxx"]) / 2).to_numpy()
    middle_y = ((bounds["miny"] + bounds["maxy"]) / 2).to_numpy()
    to_degrees = Transformer.from_crs(CRS(frame.crs), city.export_crs, always_xy=True)
    lon, lat = to_degrees.transform(middle_x, middle_y)
    west, south, east, north = city.extent
    inside = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    if inside.mean() < 0.5:  # noqa: PLR2004 - a majority
        raise CRSError(
            f"{where}: declared as {CRS(frame.crs).to_string()}, but {(~inside).sum():,} of {len(inside):,} "
            f"shapes lie outside {city.title} (first at x {middle_x[0]:.4f}, y {middle_y[0]:.4f})",
            next_step="the declared system is probably wrong: `densitymap add … --crs EPSG:…`",
        )


def _read_parquet(path: Path, wanted: list[str]) -> pd.DataFrame:
    metadata = pq.read_schema(path).metadata or {}
    if b"geo" in metadata:
        return gpd.read_parquet(path, columns=wanted if "geometry" in wanted else None)
    return pd.read_parquet(path, columns=wanted)


def _read_csv(
    path: Path, columns: Iterable[str] | None, coordinates: Mapping[str, str] | None
) -> pd.DataFrame:
    frame = pd.read_csv(path, dtype="string", encoding="utf-8-sig", keep_default_na=False, na_values=[""])
    named = dict(coordinates) if coordinates else _coordinate_names(frame)
    kept = frame if columns is None else frame[[c for c in frame if c in set(columns)]]
    if not named:
        return kept
    lon = pd.to_numeric(frame[named["lon"]], errors="coerce").astype(float)
    lat = pd.to_numeric(frame[named["lat"]], errors="coerce").astype(float)
    points = gpd.GeoSeries(gpd.points_from_xy(lon, lat), index=frame.index, crs="EPSG:4326")
    points[lon.isna() | lat.isna()] = None
    return gpd.GeoDataFrame(kept, geometry=points)


def _coordinate_names(frame: pd.DataFrame) -> dict[str, str]:
    lower = {str(name).lower(): str(name) for name in frame.columns}
    for lon, lat in COORDINATES:
        if lon in lower and lat in lower:
            return {"lon": lower[lon], "lat": lower[lat]}
    return {}


def _file_layer(path: Path, named: str | None) -> str:
    layers = [str(name) for name, _ in pyogrio.list_layers(path)]
    if named in layers:
        return str(named)
    if len(layers) == 1:
        return layers[0]
    raise ValidationError(
        f"{path.name} holds {len(layers)} layers and none is named",
        faults=layers,
        next_step="write the one that is meant to a file of its own",
    )


def _damaged(path: Path, fault: Exception) -> ValidationError:
    return ValidationError(f"{path.name} cannot be read: {fault}", next_step="download the file again")
