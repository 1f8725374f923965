"""A scenario as a file: read with every fault told at once, written so that it reads back the same."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from densitymap import params
from densitymap.errors import MissingDataError, ValidationError
from densitymap.zoning.code import MARKS

QUESTIONS = ("second_home", "house", "adu", "duplex", "triplex")
"""What a policy is asked of each lot: may a second home of any form, or this form, stand there?"""
_NEEDED = ("title", "question", "summary", "source", "mark")
_FIELDS = (*_NEEDED, "version", "extends", "allow_empty", "lever")
_ALLOWED = {"question": QUESTIONS, "mark": MARKS}


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A named list of levers, read from ``catalog/scenarios`` or a file."""

    name: str
    title: str
    question: str
    summary: str
    source: str
    mark: str
    levers: tuple[Mapping[str, Any], ...] = ()
    allow_empty: bool = False
    notes: tuple[str, ...] = ()


def file_of(name: str | Path) -> Path | None:
    """Tell whether a scenario is named by its file, and which.

    Raises
    ------
    MissingDataError
        If it is and the file is not there.
    """
    path = Path(name)
    if path.suffix.lower() != ".toml":
        return None
    if not path.is_file():
        raise MissingDataError(f"There is no scenario file {path}", next_step="give the path of a TOML file")
    return path


def scenario_of(name: str, record: Mapping[str, Any], *, known: Sequence[str] = ()) -> Scenario:
    """Read a scenario, without what it extends, which must be among the known names.

    Raises
    ------
    ValidationError
        With every fault of its fields, or if it is written for another version of the format.
    """
    faults = [*_version_faults(record), *_field_faults(record), *_extends_faults(record, known)]
    if faults:
        raise ValidationError(
            f"Scenario {name} cannot be read",
            faults=faults,
            next_step="compare it with `densitymap scenario new`",
        )
    form = params.load("levers", "format")
    version = record.get("version", form["version"])
    old = version < form["version"]
    note = (
        f"the file is of version {version} and was read as version {form['version']}: nothing in it changed"
    )
    return Scenario(
        name=name,
        levers=tuple(record.get("lever", ())),
        allow_empty=record.get("allow_empty", False),
        notes=(note,) if old else (),
        **{field: record[field] for field in _NEEDED},
    )


def _version_faults(record: Mapping[str, Any]) -> list[str]:
    form = params.load("levers", "format")
    version = record.get("version", form["version"])
    if isinstance(version, bool) or not isinstance(version, int):
        return [f"version must be a whole number, not {version!r}"]
    if version < form["oldest"]:
        return [f"version {version} is older than any that can be read ({form['oldest']})"]
    if version > form["version"]:
        return [f"version {version} is newer than this densitymap reads ({form['version']}): update it"]
    return []


def _field_faults(record: Mapping[str, Any]) -> list[str]:
    faults = [f"{field} is missing" for field in _NEEDED if field not in record]
    faults += [
        f"unknown field {field!r}.{params.nearest(field, _FIELDS)}"
        for field in record
        if field not in _FIELDS
    ]
    for field in (field for field in _NEEDED if field in record):
        given = record[field]
        if not isinstance(given, str):
            faults.append(f"{field} must be a text, not {given!r}")
        elif not given.strip():
            faults.append(f"{field} is empty")
        elif given not in _ALLOWED.get(field, (given,)):
            known = _ALLOWED[field]
            said = f"{field} must be one of {', '.join(known)}, not {given!r}."
            faults.append(f"{said}{params.nearest(given, known)}")
    if not _is_list_of(dict, record.get("lever", [])):
        faults.append("lever must be [[lever]] tables")
    if not isinstance(record.get("allow_empty", False), bool):
        faults.append("allow_empty must be true or false")
    return faults


def _is_list_of(kind: type, given: object) -> bool:
    return isinstance(given, list) and all(isinstance(item, kind) for item in given)


def _extends_faults(record: Mapping[str, Any], known: Sequence[str]) -> Iterator[str]:
    """What is wrong with the scenarios whose levers are put before its own."""
    names = record.get("extends", [])
    if not _is_list_of(str, names):
        yield "extends must be a list of names"
        return
    for name in dict.fromkeys(names):
        if name not in known:
            yield f"extends: there is no scenario named {name!r}.{params.nearest(name, known)}"


def scenario_toml(scenario: Scenario) -> str:
    """Write a scenario as TOML: it reads back as the same scenario, whatever its texts hold."""
    lines = [f"version = {params.load('levers', 'format')['version']}"]
    lines += [f"{field} = {_toml(getattr(scenario, field))}" for field in _NEEDED]
    lines += ["allow_empty = true"] if scenario.allow_empty else []
    for lever in scenario.levers:
        lines += ["", "[[lever]]", *(f"{_key(name)} = {_toml(value)}" for name, value in lever.items())]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    plain = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if plain else _toml(name)


def _toml(value: Any) -> str:
    """One value of TOML.

    Examples
    --------
    >>> print(_toml({"near": "rail_stations", "within_ft": 2640.0}))
    { near = "rail_stations", within_ft = 2640.0 }
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else {math.inf: "inf", -math.inf: "-inf"}.get(value, "nan")
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(name)} = {_toml(inner)}" for name, inner in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(inner) for inner in value) + "]"
    return str(value)
