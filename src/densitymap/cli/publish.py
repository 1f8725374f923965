"""Commands for readers: ``report``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from densitymap.cli.console import SETTINGS
from densitymap.errors import UsageError
from densitymap.pipeline import report as reporting

REFUSED = 5


def report(
    place: Annotated[str | None, typer.Argument(help="Neighbourhood, npu-n or district-5.")] = None,
    scenario: Annotated[
        str | None, typer.Option(help="Rules to set beside today's: a scenario's name or file.")
    ] = None,
    lang: Annotated[str, typer.Option(help="Language: en, es.")] = "en",
    form: Annotated[str, typer.Option("--format", help="html, pdf or html,pdf.")] = "html,pdf",
    out: Annotated[Path | None, typer.Option(help="Folder to write to (default maps/reports).")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every neighbourhood and NPU, with an index page.")
    ] = False,
    check: Annotated[
        Path | None, typer.Option(help="Say whether this report still matches the workspace.")
    ] = None,
) -> None:
    """Write the two-page brief of a place, as a web page and a PDF.

    Example: densitymap report Reynoldstown --scenario triplex-by-right --lang es
    """
    if sum((place is not None, every, check is not None)) != 1:
        raise UsageError(
            "Name one place, or --all, or --check FILE", next_step="densitymap report Reynoldstown"
        )
    formats = tuple(dict.fromkeys(part.strip().lower() for part in form.split(",") if part.strip()))
    order = reporting.Order(scenario=scenario, language=lang, formats=formats, folder=out)
    if check is not None:
        _check(check)
    elif every:
        _all(order)
    else:
        _one(str(place), order)


def _one(place: str, order: reporting.Order) -> None:
    with SETTINGS.progress("Writing the brief"):
        made = reporting.report(SETTINGS.workspace, place, order)
    for path in made["files"].values():
        SETTINGS.say(f"Brief: {path}")
    SETTINGS.say("Next: print it, or densitymap report --all")
    SETTINGS.answer(made)


def _all(order: reporting.Order) -> None:
    with SETTINGS.progress("Writing briefs") as move:
        made = reporting.report_all(SETTINGS.workspace, order, progress=move)
    SETTINGS.say(f"{len(made['briefs'])} briefs; index: {made['index']}")
    for fault in made["failed"]:
        SETTINGS.say(f"Not made: {fault['place']}: {fault['why']}")
    SETTINGS.say("Next: open the index in a browser")
    SETTINGS.answer(made)
    if made["failed"]:
        raise typer.Exit(REFUSED)


def _check(file: Path) -> None:
    found = reporting.check(SETTINGS.workspace, file)
    if found["matches"]:
        SETTINGS.say(f"{file.name} is what the inputs here give, to the byte.")
    else:
        for reason in found["differs"]:
            SETTINGS.say(f"{file.name} differs in {reason}")
        SETTINGS.say("Next: make the report again")
    SETTINGS.answer(found)
    if not found["matches"]:
        raise typer.Exit(REFUSED)


COMMANDS: dict[str, Callable[..., Any]] = {"report": report}
