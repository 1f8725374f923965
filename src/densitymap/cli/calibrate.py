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
    SETTINGS.say("Next: densitymap build")
    SETTINGS.answer(answer if fits else here)


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
