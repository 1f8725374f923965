"""One GeoPackage: a layer per theme, aliases, QGIS styles; two runs give the same bytes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyogrio
import shapely

from densitymap.exports.content import Bundle, Dataset, rules
from densitymap.exports.style import qml
from densitymap.geometry import geometries

STILL = "2000-01-01T00:00:00.000Z"
"""Written wherever the format asks when: the provenance names the data's own dates."""


def geopackage(bundle: Bundle, datasets: Iterable[Dataset], path: Path) -> None:
    """Write layers in the city's plane, then aliases, styles and provenance.

    Parameters
    ----------
    bundle
        For provenance and sources.
    datasets
        Layers and tables of this file.
    path
        File to write; what is there is replaced.
    """
    path.unlink(missing_ok=True)
    chosen = list(datasets)
    for dataset in chosen:
        _layer(dataset, path)
    with closing(sqlite3.connect(path)) as base, base:
        _describe(base, chosen)
        _styles(base, chosen)
        _tell(base, bundle)
        _still(base)
    with closing(sqlite3.connect(path)) as base:
        base.execute("VACUUM")


def _layer(dataset: Dataset, path: Path) -> None:
    options: dict[str, Any] = {"driver": "GPKG", "layer": dataset.name, "append": path.exists()}
    if not path.exists():
        options["dataset_options"] = {"VERSION": "1.2"}  # what QGIS of Debian's stable release reads in full
    if not dataset.has_shapes:
        pyogrio.write_dataframe(dataset.frame, path, **options)
        return
    frame = gpd.GeoDataFrame(dataset.frame)
    shapes, kinds = geometries(frame), set(frame.geometry.geom_type.dropna())
    if kinds & {"MultiPolygon", "MultiLineString", "MultiPoint"}:
        single = max(kinds).removeprefix("Multi")
        frame = frame.set_geometry(gpd.GeoSeries(_multi(shapes, single), index=frame.index, crs=frame.crs))
    pyogrio.write_dataframe(
        frame, path, layer_options={"DESCRIPTION": dataset.title, "IDENTIFIER": dataset.name}, **options
    )


def _multi(shapes: object, single: str) -> list[object]:
    wrap = {
        "Polygon": shapely.MultiPolygon,
        "LineString": shapely.MultiLineString,
        "Point": shapely.MultiPoint,
    }
    parts = (shapely.get_parts(shape) if shape is not None else None for shape in shapes)  # type: ignore[attr-defined]
    return [None if part is None else wrap[single](list(part)) for part in parts]


EXTENSION = "http://www.geopackage.org/spec121/#extension_schema"
SCHEMA_TABLES = """
CREATE TABLE IF NOT EXISTS gpkg_extensions (
    table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL,
    scope TEXT NOT NULL, CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));
CREATE TABLE IF NOT EXISTS gpkg_data_columns (
    table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT, description TEXT,
    mime_type TEXT, constraint_name TEXT, CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name),
    CONSTRAINT gdc_tn UNIQUE (table_name, name));
CREATE TABLE IF NOT EXISTS gpkg_data_column_constraints (
    constraint_name TEXT NOT NULL, constraint_type TEXT NOT NULL, value TEXT, min NUMERIC,
    min_is_inclusive BOOLEAN, max NUMERIC, max_is_inclusive BOOLEAN, description TEXT,
    CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value));
CREATE TABLE layer_styles (
    id INTEGER PRIMARY KEY AUTOINCREMENT, f_table_catalog TEXT, f_table_schema TEXT, f_table_name TEXT,
    f_geometry_column TEXT, styleName TEXT, styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN,
    description TEXT, owner TEXT, ui TEXT, update_time DATETIME);
CREATE TABLE about (id INTEGER PRIMARY KEY, what TEXT, value TEXT);
"""


def _describe(base: sqlite3.Connection, datasets: list[Dataset]) -> None:
    """Aliases and meanings of fields, by the format's schema extension (``gpkg_data_columns``)."""
    base.executescript(SCHEMA_TABLES)
    for table in ("gpkg_data_columns", "gpkg_data_column_constraints"):
        base.execute(
            "INSERT OR IGNORE INTO gpkg_extensions VALUES (?, NULL, 'gpkg_schema', ?, 'read-write')",
            (table, EXTENSION),
        )
    rows = [
        (dataset.name, one.name, one.name, one.title, f"{one.meaning}{f' [{one.unit}]' if one.unit else ''}")
        for dataset in datasets
        for one in dataset.fields
    ]
    base.executemany("INSERT OR REPLACE INTO gpkg_data_columns VALUES (?, ?, ?, ?, ?, NULL, NULL)", rows)


def _styles(base: sqlite3.Connection, datasets: list[Dataset]) -> None:
    """Styles as QGIS keeps them in a GeoPackage (table ``layer_styles``)."""
    styles = rules()["style"]
    for dataset in datasets:
        style = next((style for name, style in styles.items() if dataset.name.startswith(name)), None)
        if not dataset.has_shapes or style is None or style["column"] not in dataset.frame:
            continue
        shapes = gpd.GeoDataFrame(dataset.frame).geometry
        kind = str(shapes.geom_type.iloc[0]) if len(shapes) else "Polygon"
        aliases = {one.name: one.title for one in dataset.fields}
        base.execute(
            "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, "
            "styleName, styleQML, styleSLD, useAsDefault, description, owner, ui, update_time) "
            "VALUES ('', '', ?, 'geom', ?, ?, '', 1, ?, '', '', ?)",
            (dataset.name, dataset.title, qml(style, kind, aliases), dataset.title, STILL),
        )
    _register(base, "layer_styles", "QGIS styles")


def _register(base: sqlite3.Connection, table: str, description: str) -> None:
    base.execute(
        "INSERT OR IGNORE INTO gpkg_contents (table_name, data_type, identifier, description, last_change) "
        "VALUES (?, 'attributes', ?, ?, ?)",
        (table, table, description, STILL),
    )


def _tell(base: sqlite3.Connection, bundle: Bundle) -> None:
    """Provenance as a table anybody can read."""
    rows = [
        (key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for key, value in bundle.provenance.items()
    ]
    rows += [(f"not in this file: {name}", why) for name, why in bundle.left_out.items()]
    base.executemany("INSERT INTO about (what, value) VALUES (?, ?)", rows)
    _register(base, "about", "Where the numbers come from")


def _still(base: sqlite3.Connection) -> None:
    base.execute("UPDATE gpkg_contents SET last_change = ?", (STILL,))
