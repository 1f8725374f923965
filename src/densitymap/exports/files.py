"""Layers to files: GeoParquet, GeoJSON, CSV. Every write goes to the path it is given, whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from densitymap.exports.content import CRS_OUT, Dataset
from densitymap.exports.safe import for_spreadsheets
from densitymap.geometry import geometries

DEGREES = 1e-7
"""Grid of written coordinates [degrees], about a centimetre."""


def in_degrees(frame: pd.DataFrame) -> gpd.GeoDataFrame:
    """A layer in EPSG:4326, rings in RFC 7946 order, on a grid of a centimetre."""
    turned = gpd.GeoDataFrame(frame).to_crs(CRS_OUT)
    shapes = shapely.set_precision(geometries(turned), DEGREES, mode="pointwise")
    return turned.set_geometry(
        gpd.GeoSeries(shapely.orient_polygons(shapes), index=turned.index, crs=CRS_OUT)
    )


def geoparquet(dataset: Dataset, path: Path, provenance: Mapping[str, Any]) -> None:
    """Write GeoParquet 1.1 (or plain Parquet) with the provenance and every field's meaning as metadata."""
    if dataset.has_shapes:
        in_degrees(dataset.frame).to_parquet(
            path, index=False, compression="zstd", schema_version="1.1.0", write_covering_bbox=True
        )
    else:
        dataset.frame.to_parquet(path, index=False, compression="zstd")
    table = pq.read_table(path)
    told = {
        "title": dataset.title,
        "licence": dataset.licence,
        "attribution": dataset.attribution,
        "note": dataset.note,
        "provenance": dict(provenance),
        "fields": [
            {"name": one.name, "title": one.title, "unit": one.unit, "meaning": one.meaning}
            for one in dataset.fields
        ],
    }
    text = json.dumps(told, ensure_ascii=False, sort_keys=True).encode()
    metadata = {**(table.schema.metadata or {}), b"densitymap": text}
    pq.write_table(table.replace_schema_metadata(metadata), path, compression="zstd")


def geojson(dataset: Dataset, path: Path, provenance: Mapping[str, Any]) -> None:
    """Write GeoJSON (RFC 7946: EPSG:4326, rings right-hand) with title, licence and provenance beside it."""
    document = json.loads(in_degrees(dataset.frame).to_json(drop_id=True, show_bbox=False))
    document.pop("crs", None)
    document |= {
        "name": dataset.name,
        "title": dataset.title,
        "licence": dataset.licence,
        "attribution": dataset.attribution,
        "note": dataset.note,
        "provenance": dict(provenance),
    }
    path.write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n")


def csv(dataset: Dataset, path: Path) -> None:
    """Write CSV in UTF-8; shapes become ``longitude`` and ``latitude`` of a point inside."""
    for_spreadsheets(flat(dataset)).to_csv(path, index=False, lineterminator="\n")


def flat(dataset: Dataset) -> pd.DataFrame:
    """A layer as a table: the shape gives way to a point inside it."""
    if not dataset.has_shapes:
        return dataset.frame
    inside = in_degrees(
        gpd.GeoDataFrame(
            geometry=shapely.point_on_surface(geometries(dataset.frame)),
            crs=getattr(dataset.frame, "crs", None),
        )
    ).geometry
    plain = pd.DataFrame(dataset.frame.drop(columns="geometry"))
    return plain.assign(longitude=inside.x.round(6).to_numpy(), latitude=inside.y.round(6).to_numpy())


def arrow_metadata(path: Path) -> dict[str, Any]:
    """Read back what :func:`geoparquet` said of a file."""
    found = pa.parquet.read_schema(path).metadata or {}
    return dict(json.loads(found[b"densitymap"]))
