"""Whether an endpoint is still what the catalogue says: its name, its fields, its rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from densitymap.errors import NetworkError, UsageError
from densitymap.fetch import census_api, overture, service, tiger
from densitymap.fetch.census_api import Key
from densitymap.fetch.kept import whole

_FIRST_BYTES = 4_096
_ZIP, _TIFF, _VRT = (b"PK\x03\x04",), (b"II", b"MM"), (b"<VRTDataset",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What an endpoint answered, and each point in which it differs from the catalogue."""

    found: str
    rows: int | None = None
    moved: tuple[str, ...] = ()


def check(source: Mapping[str, Any], session: Any, *, key: Key | None) -> Finding:
    """Ask an endpoint what it is.

    Parameters
    ----------
    source
        A record of ``catalog/sources``.
    session
        Asks with short time limits and no repeats.
    key
        The Census key; without it the Census is only asked whether it is there.

    Raises
    ------
    NetworkError, ValidationError, UsageError
        If it does not answer, or is not what the catalogue says.
    """
    if source["kind"] == "census":
        return _census(source, session, key)
    return _CHECKS[source["kind"]](source, session)


def _arcgis(source: Mapping[str, Any], session: Any) -> Finding:
    ids = source.get("layer_ids") or [source.get("layer_id")]
    layers = [service.described(source, session, layer_id=number) for number in ids]
    count = sum(service.row_count(layer, session) for layer in layers)
    return Finding(
        found=f"{', '.join(layer.name for layer in layers)}; {len(layers[0].fields)} fields",
        rows=count,
        moved=(*_number(source, layers[0].layer_id), *_rows(source, count)),
    )


def _number(source: Mapping[str, Any], layer_id: int) -> Iterator[str]:
    hint = source.get("layer_id", layer_id)
    if hint != layer_id:
        yield f"the layer is number {layer_id} of its service now, not {hint}"


def _rows(source: Mapping[str, Any], count: int) -> Iterator[str]:
    """Tell a count that is less than half or more than twice what it was when the record was written."""
    about = source.get("rows_about")
    if about and not about / 2 <= count <= about * 2:
        yield f"{count:,} rows, the catalogue says about {about:,}"


def _census(source: Mapping[str, Any], session: Any, key: Key | None) -> Finding:
    question = census_api.question_of(source)
    address = f"{source['url']}/{question.year}/{question.dataset}"
    if key is None:
        answer = session.get(address, params=[("get", "NAME"), ("for", "state:13")], allow_redirects=False)
        if answer.status_code == 404:  # noqa: PLR2004 - HTTP: not found
            raise UsageError(f"{census_api.told(question)}: there is no such dataset")
        return Finding(found="answers; its variables are not checked without a key")
    for variables in census_api.chunks(census_api.variables_of(question)):
        wanted = [("get", ",".join(variables)), ("for", f"county:{question.counties[0]}")]
        wanted += [("in", f"state:{question.state}"), ("key", key.value)]
        answer = session.get(address, params=wanted, allow_redirects=False)
        census_api.read_answer(answer, variables, question, key=key)
    return Finding(found=f"{len(question.cells)} cells are there")


def _tiger(source: Mapping[str, Any], session: Any) -> Finding:
    form = source.get("form", "cartographic")
    path = tiger.boundary_path(source["year"], source["level"], source["state"], kind=form)
    return _begins(f"{source['url']}/{path}", session, _ZIP, source["title"])


def _relationship(source: Mapping[str, Any], session: Any) -> Finding:
    url = f"{source['url']}/{tiger.relationship_path(source['level'], source['state'])}"
    header = _first_line(url, session, source["title"])
    part = {"tract": "TRACT", "block_group": "BLKGRP"}[source["level"]]
    return _fields(header.split("|"), (f"GEOID_{part}_20", f"GEOID_{part}_10", "AREALAND_PART"))


def _table(source: Mapping[str, Any], session: Any) -> Finding:
    header = _first_line(source["url"], session, source["title"], query=source.get("query"))
    return _fields(next(csv.reader(io.StringIO(header))), source.get("columns", ()))


def _fields(present: list[str], wanted: tuple[str, ...] | list[str]) -> Finding:
    absent = tuple(f"no column {name}" for name in wanted if name not in present)
    return Finding(found=f"{len(present)} columns", moved=absent)


def _gtfs(source: Mapping[str, Any], session: Any) -> Finding:
    return _begins(source["url"], session, _ZIP, source["title"])


def _socrata(source: Mapping[str, Any], session: Any) -> Finding:
    answer = session.get(source["url"], params={"$select": "count(*) as n"})
    whole(answer, where=source["title"])
    try:
        return Finding(found="answers", rows=int(answer.json()[0]["n"]))
    except (ValueError, LookupError, TypeError) as fault:
        raise NetworkError(f"{source['title']}: no count came") from fault


def _raster(source: Mapping[str, Any], session: Any) -> Finding:
    """Look at each place in order; the first that is well serves, the others are told as moved."""
    faults: list[str] = []
    for origin in source["from"]:
        try:
            found = _coverage(origin, session) if "coverage" in origin else _tiles(origin, session)
        except NetworkError as fault:
            faults.append(f"{origin['title']}: {fault.args[0]}")
            continue
        return Finding(found=found.found, moved=tuple(faults))
    raise NetworkError("; ".join(faults))


def _tiles(origin: Mapping[str, Any], session: Any) -> Finding:
    for url in origin["files"]:
        _begins(url, session, (*_TIFF, *_VRT), origin["title"])
    return Finding(found=f"{origin['title']}: {len(origin['files'])} files are there")


def _coverage(origin: Mapping[str, Any], session: Any) -> Finding:
    query = {
        "service": "WCS",
        "version": "1.0.0",
        "request": "DescribeCoverage",
        "coverage": origin["coverage"],
    }
    answer = session.get(origin["url"], params=query)
    text = whole(answer, where=origin["title"]).decode("utf-8", "replace")
    if "ServiceException" in text or origin["coverage"].split(":")[-1] not in text:
        raise NetworkError(f"{origin['title']}: the service does not describe {origin['coverage']}")
    return Finding(found=f"{origin['title']}: the coverage is described")


def _overpass(source: Mapping[str, Any], session: Any) -> Finding:
    answer = session.get(source["url"].removesuffix("interpreter") + "status")
    whole(answer, where=source["title"])
    return Finding(found="answers")


def _overture(source: Mapping[str, Any], session: Any) -> Finding:
    body = whole(session.get(source["url"]), where=source["title"])
    return Finding(found=f"release {overture.latest(body, where=source['title'])}")


def _begins(url: str, session: Any, marks: tuple[bytes, ...], where: str) -> Finding:
    start = _start(url, session, where)
    if not start.startswith(marks):
        raise NetworkError(f"{where}: another file is there: it begins {start[:40]!r}")
    return Finding(found="the file is there")


def _first_line(url: str, session: Any, where: str, *, query: Mapping[str, str] | None = None) -> str:
    return _start(url, session, where, query=query).decode("utf-8-sig", "replace").splitlines()[0].strip()


def _start(url: str, session: Any, where: str, *, query: Mapping[str, str] | None = None) -> bytes:
    """First bytes of a file; the rest is not read."""
    asked = {"Range": f"bytes=0-{_FIRST_BYTES - 1}"}
    with session.get(url, params=query, headers=asked, stream=True) as answer:
        if answer.status_code not in (200, 206):
            raise NetworkError(f"{where}: HTTP {answer.status_code}")
        start: bytes = next(answer.iter_content(_FIRST_BYTES), b"")
    if not start.strip():
        raise NetworkError(f"{where}: nothing came")
    return start


_CHECKS: Mapping[str, Callable[[Mapping[str, Any], Any], Finding]] = {
    "arcgis": _arcgis,
    "gtfs": _gtfs,
    "overpass": _overpass,
    "overture": _overture,
    "raster": _raster,
    "relationship": _relationship,
    "socrata": _socrata,
    "table": _table,
    "tiger": _tiger,
}
