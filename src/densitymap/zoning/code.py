"""A zoning code read from the catalogue: districts, and one row per district, use and standard.

Law is data: this module reads and checks ``catalog/codes`` against the closed vocabulary of
``catalog/standards``; it knows no district by name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from densitymap import params
from densitymap.errors import ValidationError

Status = Literal["read", "unread", "unresolved"]
STATUSES: tuple[Status, ...] = ("read", "unread", "unresolved")
MARKS = ("V", "S", "M", "A")
"""How sure a value is: two sources agree, one source, from memory, our assumption."""

ROW_COLUMNS = (
    "district", "use", "standard", "value", "unit", "basis", "condition", "valid_from", "valid_to",
    "section", "url", "mark", "sources", "verified_by", "read_on",
)  # fmt: skip
"""Columns of the long table of a code."""

_ROW_FIELDS = {*ROW_COLUMNS} - {"district"}
_REQUIRED = ("use", "standard", "value", "unit")


@dataclass(frozen=True, kw_only=True, slots=True)
class Standard:
    """One entry of the closed vocabulary of standards."""

    name: str
    unit: str
    sense: Literal["min", "max", "yard", "threshold", "flag"]
    meaning: str


@dataclass(frozen=True, kw_only=True, slots=True)
class District:
    """One district, or one subarea of a district; a subarea inherits nothing."""

    name: str
    title: str
    family: str
    status: Status
    reason: str | None = None
    section: str = ""
    url: str | None = None
    subareas: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    note: str | None = None
    unread: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ZoningCode:
    """A city's code: its districts, its long table of values, and the grammar of its map."""

    name: str
    title: str
    url: str
    conditional_section: str
    rows: pd.DataFrame
    districts: Mapping[str, District]
    families: Mapping[str, str | None]
    overlays: Mapping[str, str]
    overlay_reasons: Mapping[str, str]
    sources: Mapping[str, str]
    uses: tuple[str, ...]


def standards() -> Mapping[str, Standard]:
    """Every standard of the vocabulary by name."""
    found: dict[str, Standard] = {}
    for record in params.load_all("standards").values():
        found |= {name: Standard(name=name, **fields) for name, fields in record.items()}
    return found


def load_code(name: str, *, on: date | None = None, extra: Path | None = None) -> ZoningCode:
    """Load a zoning code and check every value of it.

    Parameters
    ----------
    name
        Record in ``catalog/codes``.
    on
        Day whose law is wanted; without it, every value that has not ended.
    extra
        A user's own catalogue, searched first.

    Raises
    ------
    ValidationError
        With every fault: a value without citation, mark or unit, an unknown standard (the nearest
        is suggested), use, basis or source, a value given twice.
    """
    head = params.load("codes", name, extra=extra)
    faults: list[str] = []
    districts: dict[str, District] = {}
    rows: list[dict[str, Any]] = []
    for part, records in params.load_parts("codes", name, extra=extra).items():
        for key, record in records.items():
            place = f"codes/{name}/{part}.toml [{key}]"
            if key in districts:
                faults.append(f"{place}: the district is declared twice")
            districts[key] = _district(key, record, head, (place, faults))
            rows += _rows(key, record, head, (place, faults))
    table = _in_force(_table(rows), on)
    faults += _repeated(table)
    if faults:
        raise ValidationError(
            f"Zoning code {name} has {len(faults)} fault{'s' if len(faults) > 1 else ''}",
            faults=faults,
            next_step=f"correct catalog/codes/{name}; standards are declared in catalog/standards",
        )
    return _assemble(name, head, districts, table)


def _assemble(
    name: str, head: Mapping[str, Any], districts: Mapping[str, District], table: pd.DataFrame
) -> ZoningCode:
    overlays = head.get("overlays", {})
    return ZoningCode(
        name=name,
        title=head["title"],
        url=head["url"],
        conditional_section=head["conditional_section"],
        rows=table,
        districts=districts,
        families={family: fields.get("pattern") for family, fields in head["families"].items()},
        overlays={spelling: key for key, fields in overlays.items() for spelling in fields["spellings"]},
        overlay_reasons={key: fields["reason"] for key, fields in overlays.items()},
        sources=head["sources"],
        uses=tuple(head["uses"]),
    )


def _district(
    key: str, record: Mapping[str, Any], head: Mapping[str, Any], report: tuple[str, list[str]]
) -> District:
    place, faults = report
    known = {*District.__dataclass_fields__, "rows", "mark", "sources", "read_on", "verified_by"}
    faults += [f"{place}: unknown field {name!r}.{params.nearest(name, known)}" for name in {*record} - known]
    for name in ("title", "family", "status"):
        if name not in record:
            faults.append(f"{place}: {name} is missing")
    if record.get("status") not in STATUSES:
        faults.append(f"{place}: status must be one of {', '.join(STATUSES)}")
    if record.get("status") != "read" and not record.get("reason"):
        faults.append(f"{place}: a district that is not read says why in `reason`")
    if record.get("family") not in {*head["families"], "?"}:
        faults.append(f"{place}: family {record.get('family')!r} is not declared")
    unread = record.get("unread", {})
    faults += [
        f"{place}: unread names no standard: {name!r}.{params.nearest(name, standards())}"
        for name in unread
        if name not in standards()
    ]
    return District(
        name=key,
        title=record.get("title", key),
        family=record.get("family", "?"),
        status=record.get("status", "unresolved"),
        reason=record.get("reason"),
        section=record.get("section", ""),
        url=record.get("url"),
        subareas=tuple(record.get("subareas", ())),
        tags=tuple(record.get("tags", ())),
        note=record.get("note"),
        unread=unread,
    )


def _rows(
    key: str, record: Mapping[str, Any], head: Mapping[str, Any], report: tuple[str, list[str]]
) -> Iterator[dict[str, Any]]:
    inherited = ("mark", "sources", "section", "url", "read_on", "verified_by")
    for number, given in enumerate(record.get("rows", ()), start=1):
        defaults = {name: record.get(name, head.get(name)) for name in inherited}
        row = dict.fromkeys(ROW_COLUMNS) | defaults | given | {"district": key}
        report[1].extend(
            f"{report[0]} row {number} ({given.get('standard', '?')}): {fault}"
            for fault in _row_faults(given, row, head)
        )
        yield row


def _row_faults(given: Mapping[str, Any], row: Mapping[str, Any], head: Mapping[str, Any]) -> Iterator[str]:
    for name in {*given} - _ROW_FIELDS:
        yield f"unknown field {name!r}.{params.nearest(name, _ROW_FIELDS)}"
    for name in _REQUIRED:
        if given.get(name) is None:
            yield f"{name} is missing"
    yield from _unit_faults(str(given.get("standard")), given.get("unit"))
    yield from _value_faults(row["value"])
    yield from _choice_faults("use", [row["use"]], head["uses"])
    yield from _choice_faults("basis", [row["basis"]], head["bases"])
    yield from _choice_faults("source", row["sources"] or (), head["sources"])
    if row["mark"] not in MARKS:
        yield f"mark must be one of {', '.join(MARKS)}"
    if not row["section"] and row["mark"] != "A":
        yield "no citation: give `section`, or mark = 'A' and say assumption"
    if not row["sources"]:
        yield "no source"


def _unit_faults(name: str, unit: object) -> Iterator[str]:
    standard = standards().get(name)
    if standard is None:
        yield f"unknown standard {name!r}.{params.nearest(name, standards())}"
    elif unit not in (None, standard.unit):
        yield f"unit is {unit!r}, the standard's is {standard.unit!r}"


def _choice_faults(what: str, given: Iterable[Any], known: Iterable[str]) -> Iterator[str]:
    for name in given:
        if name is not None and name not in known:
            yield f"unknown {what} {name!r}.{params.nearest(str(name), known)}"


def _value_faults(value: object) -> Iterator[str]:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield f"value {value!r} is not a number"
    elif math.isnan(value) or value < 0:
        yield f"value {value!r}: an unread value is left out; a limit is not negative"


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=pd.Index(ROW_COLUMNS))
    table["value"] = pd.to_numeric(table["value"], errors="coerce").astype("float64")
    for name in ("valid_from", "valid_to", "read_on"):
        table[name] = table[name].astype("object")
    return table


def _in_force(table: pd.DataFrame, on: date | None) -> pd.DataFrame:
    ended, begun = table["valid_to"], table["valid_from"]
    if on is None:
        return table[ended.isna()].reset_index(drop=True)
    keep = (begun.isna() | (begun.dropna() <= on).reindex(table.index, fill_value=False)) & (
        ended.isna() | (ended.dropna() > on).reindex(table.index, fill_value=False)
    )
    return table[keep].reset_index(drop=True)


def _repeated(table: pd.DataFrame) -> list[str]:
    again = table[table.duplicated(["district", "use", "standard"])]
    return [
        f"[{district}] {standard} for {use} is given twice"
        for district, use, standard in zip(again["district"], again["use"], again["standard"], strict=True)
    ]


def open_families(code: ZoningCode) -> dict[str, re.Pattern[str]]:
    """Shapes of the families that the ordinance numbers without end."""
    return {name: re.compile(pattern) for name, pattern in code.families.items() if pattern}
