"""The Census API: few calls, joined on GEO_ID, every estimate with its margin, the key told to nobody else.

No client library is used: each of them loses codes, margins or the "Missing Key" page
(reference/live_sources.md section 4). Values stay text as published; ingest undoes the Bureau's codes
(:mod:`densitymap.census`).
"""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyogrio

from densitymap import params
from densitymap.atomic import put
from densitymap.errors import NetworkError, UsageError, ValidationError
from densitymap.fetch.kept import Fetched, Place, whole

IDENTITY = ("GEO_ID", "NAME")
_HTML = re.compile(r"^\s*(<!doctype|<html|<head)", re.IGNORECASE)
_SHOWN = 120


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is asked of one dataset: cells of tables, for every area of a level in some counties.

    ``cells`` are bare (``B25003_001``) and asked with their margins where ``margins``; else they are
    whole variables (``P1_001N``).
    """

    dataset: str
    year: int
    level: str
    state: str
    counties: tuple[str, ...]
    cells: tuple[str, ...]
    margins: bool = True


@dataclass(frozen=True, slots=True)
class Key:
    """A key that never shows itself."""

    value: str

    def __repr__(self) -> str:
        return "Key(hidden)"

    __str__ = __repr__


def fetch(
    source: Mapping[str, Any], place: Place, session: Any, folder: Path, *, key: Callable[[], Key]
) -> Fetched:
    """Fetch one table of the catalogue for its counties, as CSV.

    Parameters
    ----------
    source
        A record of ``catalog/sources`` of kind ``census``.
    place
        Not used: the API is asked by county.
    session, folder
        Where to ask, and the folder the file goes to.
    key
        Gives the user's key; called once, here.

    Raises
    ------
    UsageError, NetworkError, ValidationError
        As :func:`ask`.
    """
    del place
    question = question_of(source)
    table = ask(question, session=session, key=key(), base=source["url"])
    if "points" in source:
        table = _with_points(table, source["points"], question, session)
    path = put(folder / source["file"], lambda part: table.to_csv(part, index=False, lineterminator="\n"))
    period = f"{question.year - 4}-{question.year}" if question.margins else str(question.year)
    return Fetched(files=(path,), url=source["url"], rows=len(table), vintage=period)


def question_of(source: Mapping[str, Any]) -> Question:
    """What a record of the catalogue asks: cells it names, or those behind our measures."""
    cells = source["cells"]
    if cells == "measures":
        recipe = params.load("census", "measures")
        cells = cells_behind([*recipe["counts"].values(), *recipe["medians"].values()], source["year"])
    return Question(
        dataset=source["dataset"],
        year=source["year"],
        level=source["level"],
        state=source["state"],
        counties=tuple(source["counties"]),
        cells=tuple(cells),
        margins=source.get("margins", True),
    )


def _with_points(
    table: pd.DataFrame, points: Mapping[str, str], question: Question, session: Any
) -> pd.DataFrame:
    """Give each area the internal point that a boundary file tells of it.

    Raises
    ------
    ValidationError
        If the file is none, or an area has no point in it: the two are of different blocks.
    """
    body = whole(session.get(points["url"]), where=told(question))
    frame = pyogrio.read_dataframe(io.BytesIO(body), read_geometry=False)
    places = frame.set_index(points["geoid"])[[points["lon"], points["lat"]]]
    places.columns = pd.Index(["INTPTLON", "INTPTLAT"])
    geoid = table["GEO_ID"].str.rsplit("US", n=1).str[-1]
    joined = table.join(places.reindex(geoid).set_axis(table.index))
    without = joined["INTPTLON"].isna()
    if without.any():
        first = joined.loc[without, "GEO_ID"].iloc[0]
        raise ValidationError(f"{told(question)}: {int(without.sum())} areas have no point; first {first}")
    return joined


class _TransientError(NetworkError):
    """The server failed at this query and may not at the next."""


def ask(
    question: Question, *, session: Any, key: Key, base: str, wait: Callable[[float], None] = time.sleep
) -> pd.DataFrame:
    """Ask a question in as many calls as it needs.

    Parameters
    ----------
    question
        What to ask.
    session
        Anything with requests' ``get``.
    key
        The user's key.
    base
        Address of the API, such as ``https://api.census.gov/data``.
    wait
        Told the seconds to let pass before a failed call is made again.

    Returns
    -------
    DataFrame of text
        ``GEO_ID``, ``NAME``, the cells (estimate, then margin), then the parts of the identifier; one
        row per area, sorted by ``GEO_ID``. Missing where the API answers null.

    Raises
    ------
    UsageError
        If the key is missing or refused.
    NetworkError
        If the API does not answer, answers something else than a table, or has no such rows.
    ValidationError
        If calls about the same areas disagree on which there are.
    """
    address = f"{base}/{question.year}/{question.dataset}"
    parts: list[pd.DataFrame] = []
    for places in _places(question):
        columns: list[pd.DataFrame] = []
        for variables in chunks(variables_of(question)):
            wanted = [("get", ",".join((*IDENTITY, *variables))), *places, ("key", key.value)]
            answer = partial(session.get, address, params=wanted, allow_redirects=False)
            columns.append(_patiently(answer, (*IDENTITY, *variables), question, key=key, wait=wait))
        parts.append(_side_by_side(columns, question))
    table = pd.concat(parts, ignore_index=True)
    if table["GEO_ID"].duplicated().any():
        twice = table.loc[table["GEO_ID"].duplicated(), "GEO_ID"].iloc[0]
        raise ValidationError(f"{told(question)}: the answer holds {twice} twice")
    return table.sort_values("GEO_ID", ignore_index=True)


def variables_of(question: Question) -> list[str]:
    """Variables a question needs, in order: each estimate directly before its margin."""
    if not question.margins:
        return list(question.cells)
    return [f"{cell}{suffix}" for cell in question.cells for suffix in "EM"]


def chunks(variables: list[str]) -> Iterator[list[str]]:
    """Split variables into calls; an even size keeps an estimate and its margin in one."""
    size = params.load("census", "api")["variables_per_call"]["value"]
    for start in range(0, len(variables), size):
        yield variables[start : start + size]


def cells_behind(recipes: Iterable[Mapping[str, Any]], year: int) -> tuple[str, ...]:
    """Cells that recipes of ``catalog/census/measures.toml`` rest on, in a year, sorted.

    A cell of a table that did not exist yet is left out: its measure is unknown in that year.

    Examples
    --------
    >>> cells_behind([{"sum": ["B15003_022"]}, {"cell": "B19013_001"}], 2011)
    ('B19013_001',)
    """
    first_year = params.load("census", "api")["first_year"]
    found: set[str] = set()
    for recipe in recipes:
        for entry in recipe.get("by_year", [recipe]):
            if entry.get("from", year) <= year <= entry.get("to", year):
                found |= {*entry.get("sum", ()), *entry.get("less", ()), entry.get("cell", "")} - {""}
    return tuple(sorted(cell for cell in found if first_year.get(cell.split("_")[0], year) <= year))


def told(question: Question) -> str:
    """Name a question for a message; nothing in it is secret."""
    return f"Census API, {question.dataset} {question.year}, {question.level.replace('_', ' ')}s"


def _places(question: Question) -> Iterator[list[tuple[str, str]]]:
    level = params.load("census", "api")["levels"][question.level]
    if question.year < level.get("first_year", question.year):
        raise UsageError(
            f"{told(question)}: the API has them from {level['first_year']} on",
            next_step=f"ask for {level['first_year']} or later, or for tracts",
        )
    groups = [[county] for county in question.counties] if level["one_county"] else [list(question.counties)]
    for group in groups:
        within = f"state:{question.state} county:{','.join(group)}"
        yield [("for", level["ask"]), ("in", within), *(("in", inner) for inner in level["inner"])]


def _patiently(
    call: Callable[[], Any],
    asked: Sequence[str],
    question: Question,
    *,
    key: Key,
    wait: Callable[[float], None],
) -> pd.DataFrame:
    choices = params.load("census", "api")
    pause = choices["first_wait_s"]["value"]
    for last in [*[False] * (choices["tries"]["value"] - 1), True]:
        try:
            return read_answer(call(), asked, question, key=key)
        except _TransientError:
            if last:
                raise
            wait(pause)
            pause *= 2
    raise AssertionError  # the last try returns or raises


def read_answer(response: Any, asked: Sequence[str], question: Question, *, key: Key) -> pd.DataFrame:
    """Read one answer, telling apart the many things the API says instead of a table.

    Raises
    ------
    UsageError
        If the key is missing or refused, or the API knows no such variable or dataset.
    NetworkError
        If there are no rows, a web page instead of data, a broken body, or a failure of the server.
    """
    body, where = response.text.replace(key.value, "KEY"), told(question)
    _refuse_key_pages(response, body, where)
    if response.status_code == 204:  # noqa: PLR2004 - HTTP: no content
        raise NetworkError(
            f"{where}: the API has no rows for these places",
            next_step="check year and level in the catalogue: not every table is published for block groups",
        )
    if "error while running your query" in body.lower():
        raise _TransientError(
            f"{where}: the API failed while running the query, again and again",
            next_step="wait a few minutes and run the same command: what was fetched is kept",
        )
    if response.status_code in (400, 404):
        raise UsageError(
            f"{where}: the API refuses the query ({response.status_code}): {_shown(body)}",
            next_step="correct the variables or the year in catalog/census and catalog/cities",
        )
    if _HTML.match(body) or "html" in response.headers.get("Content-Type", "").lower():
        raise NetworkError(
            f"{where}: a web page came instead of data (HTTP {response.status_code}): {_shown(body)}",
            next_step="a proxy or a notice stands between; open the API's address in a browser",
        )
    if response.status_code != 200:  # noqa: PLR2004 - HTTP: ok
        raise NetworkError(f"{where}: HTTP {response.status_code}", next_step="try again later")
    return _table(body, asked, where)


def _refuse_key_pages(response: Any, body: str, where: str) -> None:
    """The API tells of a missing or bad key by header, by redirect, or by a page with status 200."""
    header = str(response.headers.get("X-DataWebAPI-KeyError", ""))
    location = str(response.headers.get("Location", ""))
    text = f"{header} {location} {body[:2000]}".lower()
    choices = params.load("census", "api")
    step = f"get one at {choices['key_signup']} and set {choices['key_variable']}"
    if "invalid" in text and "key" in text and (header or location or _HTML.match(body)):
        raise UsageError(f"{where}: the API refuses the key", next_step=f"check it for slips, or {step}")
    if header or re.search(r"missing[ _]?key", text):
        raise UsageError(f"{where}: the API asks for a key, and none reached it", next_step=step)
    if location:
        raise NetworkError(
            f"{where}: the API sends elsewhere (HTTP {response.status_code}), where no data is",
            next_step="run `densitymap doctor`: the address may have moved",
        )


def _table(body: str, asked: Sequence[str], where: str) -> pd.DataFrame:
    again = "run the same command again: the answer was cut or changed on the way"
    try:
        rows = json.loads(body)
    except ValueError as fault:
        raise NetworkError(f"{where}: the answer is broken JSON", next_step=again) from fault
    if not isinstance(rows, list) or len(rows) < 2 or not all(isinstance(row, list) for row in rows):  # noqa: PLR2004 - header and one row
        raise NetworkError(f"{where}: the answer is no table with rows: {_shown(body)}", next_step=again)
    header = [str(name) for name in rows[0]]
    ragged = next((k for k, row in enumerate(rows[1:], start=1) if len(row) != len(header)), None)
    if ragged is not None:
        raise NetworkError(f"{where}: row {ragged} has {len(rows[ragged])} of {len(header)} values")
    absent = [name for name in asked if name not in header]
    if absent:
        raise NetworkError(f"{where}: the answer lacks {', '.join(absent)}", next_step=again)
    return pd.DataFrame(rows[1:], columns=header, dtype="string")


def _side_by_side(tables: list[pd.DataFrame], question: Question) -> pd.DataFrame:
    """Join the calls about the same areas; an area one of them lacks is a fault, never a blank."""
    first = tables[0].set_index("GEO_ID")
    if not first.index.is_unique:
        raise ValidationError(f"{told(question)}: an area comes twice in one answer")
    for table in tables[1:]:
        other = table.set_index("GEO_ID")
        astray = first.index.symmetric_difference(other.index)
        if len(astray):
            raise ValidationError(
                f"{told(question)}: {len(astray)} areas are in one call but not the next; first {astray[0]}",
                next_step="run the same command again: the data changed while it was fetched",
            )
        first = first.join(other[[name for name in other if name not in first]])
    front = [name for name in IDENTITY[1:] if name in first]
    cells = [name for name in variables_of(question) if name in first]
    rest = [name for name in first if name not in {*front, *cells}]
    return first[[*front, *cells, *rest]].reset_index()


def _shown(body: str) -> str:
    plain = " ".join(re.sub(r"<[^>]*>", " ", body).split())
    return repr(plain[:_SHOWN]) if plain else "nothing"
