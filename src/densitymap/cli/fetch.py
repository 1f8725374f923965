"""Commands that ask the publishers' servers, and compare what they said: ``fetch``, ``diff``."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from densitymap.cli.console import SETTINGS
from densitymap.errors import UsageError
from densitymap.fetch import catalogue, keys
from densitymap.fetch.http import Session, endpoints_from
from densitymap.pipeline import diff as editions
from densitymap.pipeline import fetch as pipeline

_SHOWN = 10


def fetch(
    area: Annotated[
        str, typer.Option(help="district-5, a neighbourhood, npu-o, west,south,east,north, a file, or city.")
    ] = "district-5",
    only: Annotated[list[str] | None, typer.Option(help="A layer or a source; may be repeated.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask nobody; tell what is kept.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be asked for.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Fetch also what was fetched today.")] = False,
    endpoints: Annotated[
        str,
        typer.Option(
            envvar="DENSITYMAP_ENDPOINTS",
            help="Where hosts really are: host=https://address,… (* for all; http only for 127.0.0.1).",
        ),
    ] = "",
) -> None:
    """Fetch an area's layers from their publishers into data/1_raw, and write what came into densitymap.lock.

    A layer is written only when every row came exactly once. An interrupted fetch goes on where it stopped.
    What fails leaves what was there; all failures are told. The Census needs a key: CENSUS_API_KEY.

    Example: densitymap fetch --area district-5 --only parcels --only zoning
    """
    chosen = tuple(only or ())
    if offline and dry_run:
        raise UsageError("--offline and --dry-run are two different questions", next_step="give one of them")
    if dry_run:
        report = pipeline.plan(area=area, only=chosen)
    elif offline:
        report = pipeline.look(SETTINGS.workspace, area=area, only=chosen)
    else:
        key = _census_key(chosen)
        with SETTINGS.progress("Fetching") as move:
            report = pipeline.fetch(
                SETTINGS.workspace,
                area=area,
                only=chosen,
                session=Session(endpoints=endpoints_from(endpoints)),
                key=key,
                again=again,
                progress=move,
            )
    for line in _told_of_fetch(report):
        SETTINGS.say(line)
    SETTINGS.answer(report)
    if report["exit_code"]:
        raise typer.Exit(report["exit_code"])


def _census_key(only: tuple[str, ...]) -> Callable[[], Any]:
    """Give what finds the key; on a terminal it is asked for now, before a moving bar hides the question."""
    find = partial(keys.find_key, os.environ, keys.settings_file(os.environ, Path.home()))
    wanted = catalogue.chosen(catalogue.sources(), only)
    if not sys.stdin.isatty() or not any(record["kind"] == "census" for record in wanted.values()):
        return find
    try:
        found = find(prompt=getpass.getpass)
    except UsageError:
        return find  # each Census source tells it, and the others are fetched
    return lambda: found


def _told_of_fetch(report: dict[str, Any]) -> Iterator[str]:
    for entry in report["sources"]:
        told = f"{entry['state']:<8}{entry['source']}: "
        if entry["state"] == pipeline.PLANNED:
            yield told + f"{entry['url']} -> {entry['file'] or 'nothing'}"
        elif entry["state"] == pipeline.FAILED:
            yield told + entry["error"].replace("\n", "\n        or ")
            if entry.get("earlier"):
                yield "        what was fetched before stays"
        else:
            rows = "" if entry["rows"] is None else f"{entry['rows']:,} rows, "
            yield told + f"{rows}{entry['vintage'] or 'no date'} -> {entry['file'] or 'nothing'}"
            yield from (f"        note: {note}" for note in entry["notes"])
            if "instead_of" in entry:
                before = entry["instead_of"]
                yield f"        instead of {before['source']}: {before['error'].splitlines()[0]}"
    failed = [entry for entry in report["sources"] if entry["state"] == pipeline.FAILED]
    if failed:
        yield f"{len(failed)} of {len(report['sources'])} sources failed; what was there stays."
        yield from (f"Next: {step}" for step in dict.fromkeys(e["next"] for e in failed) if step)
    elif report["sources"] and report["sources"][0]["state"] != pipeline.PLANNED:
        yield "Next: densitymap build"


def diff(
    lock_a: Annotated[Path, typer.Argument(help="Earlier densitymap.lock, or its workspace.")],
    lock_b: Annotated[Path, typer.Argument(help="Later densitymap.lock, or its workspace.")],
    data_a: Annotated[Path | None, typer.Option(help="Workspace with the earlier layers.")] = None,
    data_b: Annotated[Path | None, typer.Option(help="Workspace with the later layers.")] = None,
) -> None:
    """Tell what changed in the world between two locks: layers, lots split or merged, ground rezoned.

    Lots and zoning are compared where each lock lies in the workspace that was built with it, or
    --data-a and --data-b name those workspaces.

    Example: densitymap diff march/densitymap.lock june/densitymap.lock
    """
    before, after = editions.open_edition(lock_a, data_a), editions.open_edition(lock_b, data_b)
    found = editions.compare(before, after)
    for line in _told_of_change(found):
        SETTINGS.say(line)
    SETTINGS.answer(found)


def _told_of_change(found: dict[str, Any]) -> Iterator[str]:
    for entry in (*found["layers"], *found["sources"]):
        rows = entry.get("rows_in", entry.get("rows"))
        known = isinstance(rows, dict) and all(isinstance(count, int) for count in rows.values())
        told = f" ({rows['before']:,} rows before, {rows['after']:,} now)" if known else ""
        yield f"{entry['name']}: {entry['change']}{told}"
    yield f"{found['unchanged']} layers are unchanged."
    for name, what in (("parcels", "events"), ("zoning", "ground")):
        if "not_compared" in found[name]:
            yield f"{name} not compared: {found[name]['not_compared']}"
            yield "  Next: keep the workspace of each lock, and name it with --data-a or --data-b"
        else:
            yield from _told_of(name, found[name][what])


def _told_of(name: str, rows: list[dict[str, Any]]) -> Iterator[str]:
    yield f"{name}: {len(rows) or 'no'} changes"
    for row in rows[:_SHOWN]:
        if name == "parcels":
            yield f"  {row['change']}: {row['before'] or 'nothing'} -> {row['after'] or 'nothing'}"
        else:
            yield f"  {row['from'] or 'no zoning'} -> {row['to'] or 'no zoning'}: {row['acres']:,.2f} acres"
    if len(rows) > _SHOWN:
        yield f"  … {len(rows) - _SHOWN:,} more with --json"


COMMANDS: dict[str, Callable[..., Any]] = {"fetch": fetch, "diff": diff}
