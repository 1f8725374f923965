"""Files that are simply downloaded: CSV tables, Socrata resources, transit feeds."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from densitymap import params
from densitymap.atomic import put
from densitymap.errors import NetworkError, ValidationError
from densitymap.fetch import gtfs
from densitymap.fetch.kept import Fetched, Place, put_text, whole


def fetch_table(source: Mapping[str, Any], place: Place, session: Any, folder: Path) -> Fetched:
    """Fetch a CSV table and check that it is the one the catalogue speaks of.

    Parameters
    ----------
    source
        A record of ``catalog/sources``: ``url``, optionally ``query``, and ``columns`` it must have.
    place
        Not used: the query names the counties.
    session, folder
        Where to ask, and the folder the file goes to.

    Raises
    ------
    NetworkError
        If a web page comes instead, or the body is cut.
    ValidationError
        If columns are absent or there are no rows.
    """
    del place
    answer = session.get(source["url"], params=source.get("query"))
    body = whole(answer, where=source["title"])
    try:
        table = pd.read_csv(io.BytesIO(body), dtype="string", encoding="utf-8-sig", keep_default_na=False)
    except (ValueError, UnicodeDecodeError) as fault:
        raise ValidationError(f"{source['title']}: no CSV table came: {fault}") from fault
    require(table, source)
    path = put(folder / source["file"], lambda part: part.write_bytes(body))
    return Fetched(files=(path,), url=source["url"], rows=len(table), vintage=source.get("vintage"))


def fetch_socrata(source: Mapping[str, Any], place: Place, session: Any, folder: Path) -> Fetched:
    """Fetch a Socrata resource page by page, and prove by its own count that all of it came.

    Raises
    ------
    NetworkError
        If pages and count disagree, or an answer is no list.
    ValidationError
        If it has no rows.
    """
    del place
    size = params.choice("socrata_page_rows", group="fetch")
    expected = int(_list(session.get(source["url"], params={"$select": "count(*) as n"}), source)[0]["n"])
    rows: list[dict[str, Any]] = []
    while len(rows) < expected:
        query = {"$limit": str(size), "$offset": str(len(rows)), "$order": ":id"}
        page = _list(session.get(source["url"], params=query), source)
        if not page:
            break
        rows += page
    if len(rows) != expected:
        raise NetworkError(
            f"{source['title']}: {len(rows):,} rows came, the server counts {expected:,}",
            next_step="run the same command again: the data changed while it was fetched",
        )
    table = pd.DataFrame(rows)
    require(table, source)
    path = put(folder / source["file"], lambda part: table.to_csv(part, index=False, lineterminator="\n"))
    return Fetched(files=(path,), url=source["url"], rows=len(table), vintage=source.get("vintage"))


def fetch_gtfs(source: Mapping[str, Any], place: Place, session: Any, folder: Path) -> Fetched:
    """Fetch a transit feed, and derive the stations and lines its rail trips serve.

    Raises
    ------
    NetworkError, ValidationError
        If it is not a whole feed, or has no such routes.
    """
    del place
    body = whole(session.get(source["url"]), where=source["title"])
    feed = gtfs.read_feed(body, where=source["title"])
    kind = {"route_type": source["route_type"], "where": source["title"]}
    made = {"stations": gtfs.stations(feed, **kind), "lines": gtfs.lines(feed, **kind)}
    files = [put(folder / source["file"], lambda part: part.write_bytes(body))]
    for name, found in made.items():
        files.append(put_text(folder / source[name], json.dumps(found, ensure_ascii=False)))
    return Fetched(
        files=tuple(files),
        url=source["url"],
        rows=len(made["stations"]["features"]),
        vintage=gtfs.valid(feed),
    )


def require(table: pd.DataFrame, source: Mapping[str, Any]) -> None:
    """Refuse a table without rows or without the columns its record names.

    Raises
    ------
    ValidationError
        Naming every absent column, and the nearest that is there.
    """
    present = [str(name) for name in table]
    absent = [name for name in source.get("columns", ()) if name not in present]
    if absent:
        raise ValidationError(
            f"{source['title']} has changed",
            faults=[f"no column {name!r}.{params.nearest(name, present)}" for name in absent],
            next_step="correct the columns in its record of catalog/sources",
        )
    if table.empty:
        raise ValidationError(f"{source['title']}: the table has no rows")


def _list(answer: Any, source: Mapping[str, Any]) -> list[dict[str, Any]]:
    try:
        rows = json.loads(whole(answer, where=source["title"]))
    except ValueError as fault:
        raise NetworkError(f"{source['title']}: no JSON came") from fault
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise NetworkError(f"{source['title']}: the answer is no list of rows: {str(rows)[:120]!r}")
    return rows
