"""OpenStreetMap through the Overpass API: one polite POST, refused unless it is whole, as GeoJSON.

What comes is © OpenStreetMap contributors under the ODbL: attribute it, and share what is derived from
it alike.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from densitymap import params
from densitymap.errors import NetworkError, ValidationError
from densitymap.fetch.kept import Bounds, Fetched, Place, put_text, whole

ATTRIBUTION = "© OpenStreetMap contributors, ODbL"


def fetch(source: Mapping[str, Any], place: Place, session: Any, folder: Path) -> Fetched:
    """Fetch one kind of element of OpenStreetMap on a box, as GeoJSON.

    The server is run by volunteers for all: an answer is kept beside the file, and asked for again only
    when it is older than the catalogue says.

    Parameters
    ----------
    source
        A record of ``catalog/sources`` of kind ``overpass``.
    place
        The box.
    session, folder
        Where to ask, and the folder the file goes to.

    Raises
    ------
    NetworkError
        If the answer is not whole.
    ValidationError
        If nothing of that kind is mapped there.
    """
    question = query(source["selectors"], place.bounds_deg)
    kept = (
        folder / Path(source["file"]).parent / f".{hashlib.sha256(question.encode()).hexdigest()[:16]}.json"
    )
    if _is_recent(kept):
        body = kept.read_text(encoding="utf-8")
    else:
        answered = session.post(source["url"], data={"data": question})
        body = whole(answered, where=source["title"]).decode("utf-8")
    answer = read_answer(body, where=source["title"])
    if not _is_recent(kept):
        put_text(kept, body)
    found = collection(answer, tags=source["tags"], shape=source["shape"])
    path = put_text(folder / source["file"], json.dumps(found, ensure_ascii=False))
    moment = as_of(answer)
    return Fetched(
        files=(path,), url=source["url"], rows=len(found["features"]), vintage=moment, licence="ODbL"
    )


def _is_recent(kept: Path) -> bool:
    hours = params.choice("overpass_keep_h", group="fetch")
    return kept.is_file() and time.time() - kept.stat().st_mtime < hours * 3600


def query(selectors: Sequence[str], bounds_deg: Bounds, *, timeout_s: int | None = None) -> str:
    """Write the query for some kinds of elements in a box, with their full geometry.

    Parameters
    ----------
    selectors
        Overpass selectors such as ``way[highway]``.
    bounds_deg
        West, south, east, north.
    timeout_s
        Seconds the server may work on it [s]; the catalogue's if not given.

    Examples
    --------
    >>> query(["way[highway]"], (-84.4, 33.7, -84.3, 33.8), timeout_s=60)
    '[out:json][timeout:60][bbox:33.7,-84.4,33.8,-84.3];(way[highway];);out body geom;'
    """
    west, south, east, north = bounds_deg
    wanted = "".join(f"{selector};" for selector in selectors)
    asked_s = params.choice("overpass_answer_s", group="fetch") if timeout_s is None else timeout_s
    return f"[out:json][timeout:{asked_s}][bbox:{south},{west},{north},{east}];({wanted});out body geom;"


def read_answer(body: str, *, where: str) -> dict[str, Any]:
    """Read an answer, refusing one that the server broke off.

    Overpass answers 200 with the elements it had found so far, and says in ``remark`` that it ran out
    of time or memory.

    Raises
    ------
    NetworkError
        If it is a page, broken, cut off, or carries a remark.
    """
    again = "run the same command again later, or for a smaller area: the server is shared by all"
    try:
        answer = json.loads(body)
    except ValueError as fault:
        said = " ".join(body[:200].split())
        raise NetworkError(f"{where}: no JSON came: {said!r}", next_step=again) from fault
    if not isinstance(answer, dict) or not isinstance(answer.get("elements"), list):
        raise NetworkError(f"{where}: the answer holds no list of elements", next_step=again)
    if answer.get("remark"):
        raise NetworkError(f"{where}: the server broke off: {answer['remark']}", next_step=again)
    return answer


def as_of(answer: Mapping[str, Any]) -> str:
    """Tell the moment the map data is of, as the server gives it."""
    return str(answer.get("osm3s", {}).get("timestamp_osm_base", "not stated"))


def collection(answer: Mapping[str, Any], *, tags: Sequence[str], shape: str) -> dict[str, Any]:
    """Turn elements into a GeoJSON collection, sorted by id, each with the same properties.

    Parameters
    ----------
    answer
        As :func:`read_answer` gave it.
    tags
        Tags kept as properties; null where an element has none.
    shape
        ``line`` (ways as they run), ``polygon`` (closed ways, multipolygon relations) or ``point``.

    Raises
    ------
    ValidationError
        If nothing of that shape is there.
    """
    features = []
    for element in answer["elements"]:
        geometry = _geometry(element, shape)
        if geometry is not None:
            names = element.get("tags", {})
            properties = {"id": f"{element['type']}/{element['id']}", **{tag: names.get(tag) for tag in tags}}
            features.append((element["type"], element["id"], properties, geometry))
    if not features:
        raise ValidationError(
            f"OpenStreetMap: no {shape} among {len(answer['elements'])} elements",
            next_step="check the area: nothing is mapped there, or the selector is wrong",
        )
    features.sort(key=lambda feature: feature[:2])
    return {
        "type": "FeatureCollection",
        "attribution": ATTRIBUTION,
        "features": [
            {"type": "Feature", "properties": properties, "geometry": shapely.geometry.mapping(geometry)}
            for _, _, properties, geometry in features
        ],
    }


def _geometry(element: Mapping[str, Any], shape: str) -> BaseGeometry | None:
    if element["type"] == "node":
        return shapely.Point(element["lon"], element["lat"]) if shape == "point" else None
    if element["type"] == "relation":
        return _multipolygon(element) if shape == "polygon" else None
    run = _run(element.get("geometry", ()))
    if shape == "line" and len(run) > 1:
        return shapely.LineString(run)
    closed = len(run) > 3 and run[0] == run[-1]  # noqa: PLR2004 - a ring has four positions
    return shapely.Polygon(run) if shape == "polygon" and closed else None


def _run(positions: Iterable[Mapping[str, float] | None]) -> list[tuple[float, float]]:
    return [(place["lon"], place["lat"]) for place in positions if place]


def _multipolygon(relation: Mapping[str, Any]) -> BaseGeometry | None:
    """Rings of a relation from its members: pieces of rings are joined end to end, inner ones are cut out."""
    rings = {
        role: _rings(
            [m for m in relation.get("members", ()) if m["type"] == "way" and (m["role"] or "outer") == role]
        )
        for role in ("outer", "inner")
    }
    if not len(rings["outer"]):
        return None
    whole = shapely.union_all(rings["outer"])
    return shapely.difference(whole, shapely.union_all(rings["inner"])) if len(rings["inner"]) else whole


def _rings(members: Sequence[Mapping[str, Any]]) -> Any:
    runs = [_run(member.get("geometry", ())) for member in members]
    lines = [shapely.LineString(run) for run in runs if len(run) > 1]
    return shapely.get_parts(shapely.polygonize(lines)) if lines else np.empty(0, object)
