"""The command ``calibrate``: fit uptake to local permits, and tell what happened here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from densitymap.city import load_city
from densitymap.cli.console import SETTINGS
from densitymap.pipeline.calibrate import calibrate as fit_permits
from densitymap.pipeline.calibrate import look_around


def calibrate(
    permits: Annotated[
        Path | None, typer.Option(help="A CSV file of building permits (default: those the build holds).")
    ] = None,
    *,
    local: Annotated[
        bool, typer.Option("--local", help="Tell what rights long in force have come to here.")
    ] = False,
) -> None:
    """Fit how much gets built to local permits; prior and posterior side by side.

    Example: densitymap calibrate --permits permits.csv --json
    """
    fits = permits is not None or not local
    space = SETTINGS.workspace
    answer: dict[str, Any] = {}
    if fits:
        answer = fit_permits(space, load_city(), permits)
        _tell(answer)
    here = look_around(space)
    if local:
        SETTINGS.say(here["text"])
        _tell_local(here["permits"])
    SETTINGS.say("Next: densitymap build")
    SETTINGS.answer(answer if fits else here)


def _tell_local(rows: list[dict[str, Any]] | str) -> None:
    """Permits a year of each district and kind, before and after, beside the model's; "-" where unknown."""
    if isinstance(rows, str) or "years_after" not in rows[0]:
        return
    SETTINGS.say("  permits a year: seen (years), model")
    for row in rows:
        cells = [f"{row['zone_district']:<5} {row['kind']:<10}"]
        for when, model, year in (
            ("before", "modelled_per_year_before", "before"), ("after", "modelled_per_year", "since"),
        ):  # fmt: skip
            seen = f"{_number(row[f'per_year_{when}'])} ({row[f'years_{when}']:.2f}), {_number(row[model])}"
            cells.append(f"{year} {row['since']}: {seen:<20}")
        SETTINGS.say(f"  {'  '.join(cells)}".rstrip())
    for note in dict.fromkeys(row["note"] for row in rows if row["note"]):
        SETTINGS.say(f"  Note: {note}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _tell(answer: dict[str, Any]) -> None:
    used = answer["permits"]
    SETTINGS.say(f"{used['rows_used']:,} of {used['rows_read']:,} permits counted, {used['years']:g} years")
    if answer["note"]:
        SETTINGS.say(f"Note: {answer['note']}")
    for line in used["set_aside"]:
        SETTINGS.say(f"  set aside: {line}")
    SETTINGS.say("  belief (10 %, middle, 90 %)                 before                      after")
    for row in answer["side_by_side"]:
        before, after = (" ".join(f"{row[part][end]:.3g}" for end in ("low", "default", "high"))
                         for part in ("prior", "posterior"))  # fmt: skip
        SETTINGS.say(f"  {row['label']:<42} {before:<27} {after}")
