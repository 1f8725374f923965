"""From Esri's JSON to files that ingest reads: GeoJSON in the server's own plane, or CSV without shapes.

Publishers' field names stay as they are; dates become ISO text in UTC; rows stand in the order of their
object ids, so that the same rows always make the same bytes.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj import CRS

from densitymap.atomic import put
from densitymap.errors import ValidationError
from densitymap.fetch import arcgis
from densitymap.fetch.arcgis import Query
from densitymap.fetch.kept import Fetched, Place
from densitymap.fetch.service import Service, described, licence_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE = "esriFieldTypeDate"
_POINTS = ("esriGeometryPoint", "esriGeometryMultipoint")


def fetch(source: Mapping[str, Any], place: Place, session: Any, folder: Path) -> Fetched:
    """Fetch a source of kind ``arcgis``: every row in the place's box, or of the whole layer.

    Parameters
    ----------
    source
        A record of ``catalog/sources`` (see :mod:`densitymap.fetch.service`); ``layer_ids`` where it means
        several layers of one schema, ``whole`` where the box does not limit it, ``where``, ``may_be_empty``.
    place
        The box.
    session, folder
        Where to ask, and the folder the file goes to.

    Raises
    ------
    NetworkError
        If not every row came exactly once; nothing is written then; whole pages are kept for the next run.
    ValidationError
        If the layer is not the one meant, or empty where it must not be.
    """
    target = folder / source["file"]
    parts = target.with_name(f".{target.name}.part")
    hints = source.get("layer_ids", [None])
    layers = [described(source, session, layer_id=hint) for hint in hints]
    asked = [query_of(layer, source, place, shapes=target.suffix != ".csv") for layer in layers]
    pages = [arcgis.fetch_pages(query, session, parts / str(query.service.layer_id)) for query in asked]
    rows = sum(1 for page in chain.from_iterable(pages) for _ in arcgis.read_pages([page]))
    if not rows and not source.get("may_be_empty", False):
        raise ValidationError(
            f"{source['title']}: the service has no row in {place.name}",
            next_step="is the area in the publisher's territory? otherwise run `densitymap doctor`",
        )
    files: tuple[Path, ...] = ()
    if rows:
        features = chain.from_iterable(map(arcgis.read_pages, pages))
        files = (put(target, partial(write, features=features, query=asked[0])),)
    shutil.rmtree(parts, ignore_errors=True)
    return Fetched(
        files=files,
        url=layers[0].url,
        layer=", ".join(layer.name for layer in layers),
        rows=rows,
        vintage=_edited(layers[0].edited_ms),
        licence=licence_of(layers[0], session),
        notes=_notes(layers, source, rows, place),
    )


def query_of(service: Service, source: Mapping[str, Any], place: Place, *, shapes: bool) -> Query:
    """The question a source asks of a layer: its fields that are there, in the layer's own order."""
    wanted = {**source.get("fields", {}), **source.get("fields_optional", {})}
    limited = not source.get("whole", False) and service.shape is not None
    return Query(
        service=service,
        fields=tuple(name for name in service.fields if name in wanted or not wanted),
        where=source.get("where", "1=1"),
        bounds_deg=place.bounds_deg if limited else None,
        shapes=shapes,
    )


def write(path: Path, *, features: Iterable[Mapping[str, Any]], query: Query) -> None:
    """Write features as GeoJSON, or as CSV where no shapes were asked for.

    Raises
    ------
    ValidationError
        If the server names no reference system of its shapes.
    """
    names = [name for name in query.service.fields if name in {query.service.id_field, *query.fields}]
    value = partial(_value, kinds=query.service.fields)
    rows = ({name: value(name, (f.get("attributes") or {}).get(name)) for name in names} for f in features)
    if not query.shapes:
        with path.open("w", encoding="utf-8", newline="") as stream:
            table = csv.DictWriter(stream, names, lineterminator="\n")
            table.writeheader()
            table.writerows(rows)
        return
    system = _urn(query.service)
    with path.open("w", encoding="utf-8") as stream:
        head = {"type": "FeatureCollection", "crs": {"type": "name", "properties": {"name": system}}}
        stream.write(json.dumps(head)[:-1] + ', "features": [')
        for number, line in enumerate(_lines(features, query, names, value)):
            stream.write((",\n" if number else "\n") + line)
        stream.write("\n]}\n")


def _lines(
    features: Iterable[Mapping[str, Any]], query: Query, names: list[str], value: Callable[..., Any]
) -> Iterator[str]:
    for feature in features:
        attributes = feature.get("attributes") or {}
        yield json.dumps(
            {
                "type": "Feature",
                "properties": {name: value(name, attributes.get(name)) for name in names},
                "geometry": geometry(feature.get("geometry"), where=query.service.name),
            },
            ensure_ascii=False,
            allow_nan=False,
        )


def geometry(shape: Mapping[str, Any] | None, *, where: str = "layer") -> dict[str, Any] | None:
    """GeoJSON geometry of an Esri one; None where there is none.

    Raises
    ------
    ValidationError
        If it is of a kind that cannot be read (true curves).

    Examples
    --------
    >>> geometry({"x": 1.0, "y": 2.0})
    {'type': 'Point', 'coordinates': [1.0, 2.0]}
    >>> geometry({"rings": [[[0, 0], [0, 1], [1, 1], [0, 0]]]})["type"]
    'Polygon'
    """
    if not shape:
        return None
    if "rings" in shape:
        return _polygon(shape["rings"])
    if "paths" in shape:
        return _simplest("LineString", [_flat(path) for path in shape["paths"] if len(path) > 1])
    if "points" in shape:
        return _simplest("Point", _flat(shape["points"]))
    if "x" in shape:
        known = isinstance(shape["x"], int | float) and isinstance(shape.get("y"), int | float)
        return {"type": "Point", "coordinates": [shape["x"], shape["y"]]} if known else None
    raise ValidationError(f"{where}: a shape of an unknown kind ({', '.join(shape)})")


def _polygon(rings: list[list[list[float]]]) -> dict[str, Any] | None:
    """Outer rings run clockwise, holes the other way; a hole belongs to the smallest ring around it."""
    flat = [_flat(ring) for ring in rings if len(ring) > 3]  # noqa: PLR2004 - a triangle and back
    turned = [_signed_area(ring) for ring in flat]
    shells = [ring for ring, area in zip(flat, turned, strict=True) if area <= 0]
    holes = [ring for ring, area in zip(flat, turned, strict=True) if area > 0]
    shells, holes = (shells, holes) if shells else (holes, [])
    parts = [[shell] for shell in shells]
    for hole in holes:
        home = _around(hole, shells) if len(shells) > 1 else 0
        if home is None:
            parts.append([hole])
        else:
            parts[home].append(hole)
    return _simplest("Polygon", parts)


def _around(hole: list[list[float]], shells: list[list[list[float]]]) -> int | None:
    inside = shapely.Point(hole[0])
    areas = [shapely.Polygon(shell) for shell in shells]
    around = [row for row, area in enumerate(areas) if area.is_valid and area.covers(inside)]
    return min(around, key=lambda row: areas[row].area) if around else None


def _signed_area(ring: list[list[float]]) -> float:
    xy = np.asarray(ring, float)
    x, y = xy[:, 0] - xy[0, 0], xy[:, 1] - xy[0, 1]
    return float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2


def _simplest(kind: str, parts: list[Any]) -> dict[str, Any] | None:
    if not parts:
        return None
    if len(parts) == 1:
        return {"type": kind, "coordinates": parts[0]}
    return {"type": f"Multi{kind}", "coordinates": parts}


def _flat(points: list[list[float]]) -> list[list[float]]:
    return [point[:2] for point in points]


def _value(name: str, value: Any, *, kinds: Mapping[str, str]) -> Any:
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if kinds[name] == _DATE and isinstance(value, int | float) and not isinstance(value, bool):
        return _iso(value)
    return value


def _iso(milliseconds: float) -> str | None:
    """Epoch milliseconds as ISO text in UTC; None where no calendar has the day.

    Examples
    --------
    >>> _iso(1354060800000)
    '2012-11-28T00:00:00Z'
    """
    try:
        moment = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None
    return moment.replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def _edited(milliseconds: int | None) -> str | None:
    told = None if milliseconds is None else _iso(milliseconds)
    return told and f"edited {told[:10]}"


def _urn(service: Service) -> str:
    if service.crs is None:
        raise ValidationError(f"{service.name}: the server names no reference system of its shapes")
    authority, code = service.crs.split(":")
    known = CRS(service.crs).to_authority(min_confidence=100)
    authority, code = known or (authority, code)
    return f"urn:ogc:def:crs:{authority}::{code}"


def _notes(layers: list[Service], source: Mapping[str, Any], rows: int, place: Place) -> tuple[str, ...]:
    absent = [name for name in source.get("fields_optional", {}) if name not in layers[0].fields]
    lacking = (f"fields not there: {', '.join(absent)}",) if absent else ()
    empty = () if rows else (f"no row lies in {place.name}; no file is written",)
    plane = source.get("crs", layers[0].crs)
    moved = () if plane == layers[0].crs else (f"shapes are in {layers[0].crs}; the catalogue says {plane}",)
    return (*chain.from_iterable(layer.notes for layer in layers), *moved, *lacking, *empty)
