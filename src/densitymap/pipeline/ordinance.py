"""Schedules of a scenario's changes: made from the last build, written for people, read back."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from densitymap.city import load_city
from densitymap.errors import MissingDataError, UsageError, ValidationError
from densitymap.exports.safe import for_spreadsheets
from densitymap.pipeline import workspace
from densitymap.pipeline.scenarios import FOLDER, load_ground, policy_of
from densitymap.pipeline.tables import read_text_table
from densitymap.pipeline.workspace import Workspace
from densitymap.reports import word
from densitymap.scenarios import ordinance as core
from densitymap.scenarios.document import scenario_of, scenario_toml
from densitymap.scenarios.evaluate import evaluate
from densitymap.scenarios.ordinance_read import scenario_from as read_back
from densitymap.scenarios.policy import apply, load_policy

ENDINGS = (".csv", ".docx", ".json", ".md")
_TRUE = ("true", "1")


def schedule(space: Workspace, name: str) -> dict[str, Any]:
    """Lay out what a scenario changes on the lots of the last build.

    Raises
    ------
    MissingDataError
        If nothing has been built.
    """
    policy = policy_of(space, name)
    loaded = load_ground(space)
    loaded.place([policy])
    base = evaluate(loaded.scene, load_policy(loaded.city.code))
    return core.schedule(evaluate(loaded.scene, policy, reuse=base.places), base)


def lines(told: Mapping[str, Any]) -> Iterator[str]:
    """The schedule for a terminal, line by line."""
    return core.screen(told)


def write(told: Mapping[str, Any], path: Path) -> None:
    """Write a schedule as ``.docx``, ``.md``, ``.csv`` or ``.json``.

    Raises
    ------
    UsageError
        If the ending is none of these.
    """
    check_ending(path)
    writers: dict[str, Callable[[Path], Any]] = {
        ".md": lambda part: part.write_text("\n".join(core.lines(told)) + "\n", encoding="utf-8"),
        ".csv": lambda part: for_spreadsheets(core.table(told)).to_csv(part, index=False),
        ".json": lambda part: part.write_text(
            json.dumps(told, indent=1, ensure_ascii=False), encoding="utf-8"
        ),
        ".docx": partial(_docx, told),
    }
    workspace.write_atomically(path, writers[path.suffix.lower()])


def check_ending(path: Path) -> None:
    """Refuse a file that no schedule can be written to, before anything is computed.

    Raises
    ------
    UsageError
        If the ending is none that can be written.
    """
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(
            f"A schedule cannot be written as {path.name}", next_step=f"use {', '.join(ENDINGS)}"
        )


def _docx(told: Mapping[str, Any], path: Path) -> None:
    """Write the schedule as a Word file: one table, then what is open."""
    columns = {
        "District": "district", "Use": "use", "Standard": "meaning", "Where": "where_words",
        "Section": "section", "Now": "value_now", "Proposed": "value_proposed", "Unit": "unit",
        "Lots": "lots_affected", "Newly lawful": "lots_newly_lawful",
        "Newly nonconforming": "lots_newly_nonconforming",
    }  # fmt: skip
    rows = [
        [
            core.amount(row[name]) if name.startswith("value") else _plain(row[name])
            for name in columns.values()
        ]
        for row in told["rows"]
    ]
    blocks: list[word.Block] = [
        word.Text(core.NOTE),
        word.Text(told["summary"]),
        word.Table("Standards that would change", list(columns), rows),
    ]
    open_points = (
        ("What becomes unlawful", told["unlawful"]),
        ("Conflicts", told["conflicts"]),
        (core.UNREAD.capitalize(), told["unread"]),
    )
    for title, items in open_points:
        blocks.append(word.Heading(title, level=2))
        blocks += [word.Text(item, is_item=True) for item in items or ["none"]]
    path.write_bytes(word.write(blocks, title=f"Schedule of changes: {told['title']}"))


def _plain(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def scenario_from(path: Path, out: Path | None) -> dict[str, Any]:
    """Make a scenario file of a schedule (``.csv`` or ``.json``).

    Raises
    ------
    MissingDataError
        If the file is not there.
    ValidationError
        If it is not a schedule, or what it says is no scenario: every fault is told, and nothing is written.
    UsageError
        If the scenario cannot be put where it should go.
    """
    if not path.is_file():
        raise MissingDataError(f"{path} is not there", next_step="check the path")
    told = _read_json(path) if path.suffix.lower() == ".json" else _read_csv(path)
    found = read_back(told)
    if out is None and Path(found.name).name != found.name:
        raise UsageError(f"{found.name!r} cannot name a file", next_step="name one with --out NAME.toml")
    target = out or path.with_name(f"{found.name}.toml")
    if target.suffix.lower() != ".toml":
        raise UsageError(f"A scenario is a TOML file, not {target.name}", next_step="use --out NAME.toml")
    if out is None and target.exists():
        raise UsageError(f"{target} is there already", next_step="name another with --out")
    text = scenario_toml(found)
    apply(scenario_of(target.stem, tomllib.loads(text)), load_policy(load_city().code))
    workspace.write_text(target, text)
    return {"file": str(target), "name": target.stem, "levers": len(found.levers), "folder": FOLDER}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as fault:
        raise ValidationError(f"{path.name} is not JSON: {fault}") from fault
    rows = told.get("rows") if isinstance(told, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValidationError(
            f"{path.name} is not a schedule: it has no rows", next_step="densitymap ordinance NAME --json"
        )
    return dict(told)


def _read_csv(path: Path) -> dict[str, Any]:
    text = read_text_table(path)
    wanted = [*(f"scenario_{field}" for field in core.HEAD), "district", "use", "standard", "value_proposed"]
    missing = [name for name in wanted if name not in text]
    if missing:
        raise ValidationError(
            f"{path.name} is not a schedule", faults=[f"{name} is not a column" for name in missing]
        )
    text = text.fillna("").apply(_unmarked)
    laws = text[text["district"] != ""]
    kept = text.get("protection", pd.Series("", index=text.index))
    try:
        protections = [json.loads(lever) for lever in kept[kept != ""]]
    except (ValueError, RecursionError) as fault:
        raise ValidationError(f"{path.name}: a protection is not readable: {fault}") from fault
    return {
        **{field: str(text[f"scenario_{field}"].iloc[0]) for field in core.HEAD},
        "allow_empty": text.get("scenario_allow_empty", pd.Series([""])).iloc[0].lower() in _TRUE,
        "rows": [{str(k): v for k, v in row.items()} for row in laws.to_dict("records")],
        "protections": protections,
    }


def _unmarked(column: pd.Series) -> pd.Series:
    """Take off the mark that keeps a text from running in a spreadsheet."""
    return column.str.replace(r"^'(?=\s*[=+\-@|%])", "", regex=True)
