"""The ArcGIS pager: every row of a layer once, or an error that names the page.

The server is asked first which object ids answer the question. Each page must then hold exactly the ids that
are due, in order; so a page that is short, doubled or of another layer is seen when it comes, and what was
fetched can be kept on disk and taken up after a kill (reference/live_sources.md section 8, the nine rules).
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from densitymap import params
from densitymap.errors import NetworkError
from densitymap.fetch.answers import ask
from densitymap.fetch.http import BrokenAnswerError, BusyError
from densitymap.fetch.kept import Bounds, put_text
from densitymap.fetch.service import Service, asked_again

Features = list[dict[str, Any]]


class ChangedError(NetworkError):
    """The layer changed while it was fetched."""


class WrongPageError(BrokenAnswerError):
    """A page holds other rows than were due."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """What is asked of a layer: which rows, which fields, with shapes or without."""

    service: Service
    fields: tuple[str, ...]
    where: str = "1=1"
    bounds_deg: Bounds | None = None
    shapes: bool = True

    @property
    def url(self) -> str:
        """Address of the question."""
        return f"{self.service.url}/query"

    def rows(self) -> dict[str, str]:
        """Parameters that say which rows."""
        if self.bounds_deg is None:
            return {"where": self.where}
        west, south, east, north = self.bounds_deg
        box = {"xmin": west, "ymin": south, "xmax": east, "ymax": north, "spatialReference": {"wkid": 4326}}
        return {
            "where": self.where,
            "geometry": json.dumps(box, separators=(",", ":")),
            "geometryType": "esriGeometryEnvelope",
            "inSR": "4326",
            "spatialRel": "esriSpatialRelIntersects",
        }

    def page(self) -> dict[str, str]:
        """Parameters that say what of each row."""
        chosen = dict.fromkeys((self.service.id_field, *self.fields))
        plane = {"outSR": self.service.crs.split(":")[1]} if self.shapes and self.service.crs else {}
        return {
            "outFields": ",".join(chosen),
            "returnGeometry": "true" if self.shapes else "false",
            "orderByFields": self.service.id_field,
            **plane,
        }

    def mark(self, ids: list[int]) -> str:
        """Hash of the question, the rows due and the last edit: pages of another are never taken up."""
        asked = [self.url, self.rows(), self.page(), self.service.edited_ms, self.service.fields, ids]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def fetch_pages(query: Query, session: Any, parts: Path) -> list[Path]:
    """Fetch all rows of a question, as files of features in the order of their object ids.

    A layer whose rows change meanwhile is fetched once more, then refused.

    Parameters
    ----------
    query
        The question.
    session
        A :class:`densitymap.fetch.http.Session`.
    parts
        Folder for pages; those of an interrupted run of the same question are taken up.

    Raises
    ------
    NetworkError
        Naming the page, if not every row came exactly once.
    """
    ids = expected_ids(query, session)
    for _ in range(2):
        try:
            pages = _all_pages(query, ids, session, parts)
        except WrongPageError as fault:
            now = expected_ids(query, session)
            if now == ids:
                raise NetworkError(str(fault), next_step="run `densitymap doctor`") from fault
        else:
            now = expected_ids(query, session)
            if now == ids:
                return pages
        before, ids = len(ids), now
    raise ChangedError(
        f"{query.service.name}: changed twice while it was fetched ({before:,} rows, then {len(ids):,})",
        next_step="run the same command again when the publisher is done",
    )


def expected_ids(query: Query, session: Any) -> list[int]:
    """Object ids that answer a question, sorted; the server's count must agree.

    Raises
    ------
    NetworkError
        If the server contradicts itself each time it is asked.
    """
    service, fault = query.service, ""
    for attempt in range(max(1, session.retries)):
        listed = _counted(query, session, {"returnIdsOnly": "true"}).get("objectIds") or []
        count = _counted(query, session, {"returnCountOnly": "true"}).get("count")
        if count == len(listed) == len(set(listed)):
            return sorted(listed)
        fault = f"counts {count} rows and lists {len(listed):,} ids, {len(set(listed)):,} of them distinct"
        session.wait(attempt)
    raise NetworkError(f"{service.name}: the server {fault}", next_step="run the same command again later")


def read_pages(pages: list[Path]) -> Iterator[dict[str, Any]]:
    """Features of pages on disk, one after another."""
    for page in pages:
        yield from json.loads(page.read_text(encoding="utf-8"))


def _counted(query: Query, session: Any, what: Mapping[str, str]) -> dict[str, Any]:
    return asked_again(session, query.url, {**query.rows(), **what}, where=query.service.name)


def _all_pages(query: Query, ids: list[int], session: Any, parts: Path) -> list[Path]:
    folder = parts / query.mark(ids)
    _forget_others(parts, folder)
    size = query.service.page_rows if query.service.by_offset else min(_id_rows(), query.service.page_rows)
    pages: list[Path] = []
    done = 0
    while done < len(ids):
        path = folder / f"{done:09d}.json"
        features = _taken_up(path, query, ids[done:])
        if features is None:
            features, size = _page(query, ids, done, size, session)
            put_text(path, json.dumps(features, ensure_ascii=False))
        pages.append(path)
        done += len(features)
    return pages


def _page(query: Query, ids: list[int], done: int, size: int, session: Any) -> tuple[Features, int]:
    """One page, asked for again and for less as long as it does not come; and the size that worked."""
    attempts = int(params.choice("arcgis_page_attempts", group="http"))
    for attempt in range(attempts):
        due = ids[done : done + size]
        where = f"{query.service.name}, rows {done + 1:,} to {done + len(due):,}"
        try:
            answer = ask(session, query.url, _question(query, due, done), where=where)
            return _checked(answer, query, due, where), size
        except BrokenAnswerError as fault:
            if attempt + 1 == attempts:
                raise
            size = max(1, size // 2) if isinstance(fault, BusyError) else size
            session.wait(attempt)
    raise AssertionError("a page has at least one attempt")  # pragma: no cover


def _question(query: Query, due: list[int], done: int) -> dict[str, str]:
    if query.service.by_offset:
        return {**query.rows(), **query.page(), "resultOffset": str(done), "resultRecordCount": str(len(due))}
    return {**query.page(), "objectIds": ",".join(map(str, due))}


def _checked(answer: Mapping[str, Any], query: Query, due: list[int], where: str) -> Features:
    """Features of a page, as many of the due as it holds, from the first on and in order."""
    features = answer.get("features")
    if not isinstance(features, list):
        raise BrokenAnswerError(f"{where}: the answer holds no features")
    _check_plane(answer.get("spatialReference"), query, where)
    ids = [_object_id(feature, query.service.id_field) for feature in features]
    if not query.service.by_offset:
        order = sorted(range(len(ids)), key=lambda row: (ids[row] is None, ids[row] or 0))
        features, ids = [features[row] for row in order], [ids[row] for row in order]
    if not ids or ids != due[: len(ids)] or (len(ids) < len(due) and not query.service.by_offset):
        wrong = next((due[row] for row, oid in enumerate(ids) if row >= len(due) or oid != due[row]), None)
        told = f"object id {wrong} is not where it should be" if wrong is not None else "rows are lacking"
        raise WrongPageError(f"{where}: {len(ids):,} rows came for {len(due):,}, and {told}")
    return features


def _check_plane(told: Any, query: Query, where: str) -> None:
    """Refuse shapes in another plane than the one asked for; a page that names none is believed."""
    if not query.shapes or not isinstance(told, dict) or query.service.crs is None:
        return
    codes = {str(told[name]) for name in ("wkid", "latestWkid") if told.get(name)}
    if codes and query.service.crs.split(":")[1] not in codes:
        raise NetworkError(
            f"{where}: shapes came in {', '.join(sorted(codes))}, {query.service.crs} was asked for",
            next_step="run `densitymap doctor`",
        )


def _object_id(feature: Any, field: str) -> int | None:
    value = (feature.get("attributes") or {}).get(field) if isinstance(feature, dict) else None
    return value if isinstance(value, int) else None


def _taken_up(path: Path, query: Query, due: list[int]) -> Features | None:
    """Features of a page kept by an interrupted run, if it is whole and holds the rows due."""
    try:
        features = json.loads(path.read_text(encoding="utf-8"))
        ids = [_object_id(feature, query.service.id_field) for feature in features]
    except (OSError, ValueError, TypeError):
        return None
    return features if ids and ids == due[: len(ids)] else None


def _forget_others(parts: Path, folder: Path) -> None:
    if parts.is_dir():
        for other in parts.iterdir():
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)


def _id_rows() -> int:
    return int(params.choice("arcgis_id_rows", group="http"))
