"""Commands for readers: ``report``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from densitymap.cli.console import SETTINGS, pair
from densitymap.errors import UsageError
from densitymap.pipeline import memo as memos
from densitymap.pipeline import report as reporting

REFUSED = 5
_ONE = "Name one place, or --all, or --check FILE, or scenarios with --memo"


def report(
    place: Annotated[
        list[str] | None,
        typer.Argument(
            help="Neighbourhood, npu-n or district-5; with --memo, scenarios; after --compare, more of them.",
            metavar="PLACE",
        ),
    ] = None,
    *,
    scenario: Annotated[
        str | None, typer.Option(help="Rules to set beside today's: a scenario's name or file.")
    ] = None,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A B [C]", help="Scenarios side by side on one brief, today's rules first."),
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
    memo: Annotated[
        bool, typer.Option("--memo", help="Staff memo (.docx) of these scenarios, no change first.")
    ] = False,
) -> None:
    """Write the two-page brief of a place, as a web page and a PDF; or the staff memo of some scenarios.

    Example: densitymap report Reynoldstown --scenario triplex-by-right --lang es

    Example: densitymap report Kirkwood --compare duplex-by-right triplex-by-right

    Example: densitymap report --memo triplex-by-right small-lots
    """
    named = list(place or [])
    if memo:
        return _memo(named, out, alone=not (every or check or scenario or compare))
    if compare is not None and (scenario or every or check):
        raise UsageError(
            "--compare goes with a place alone", next_step="densitymap report Reynoldstown --compare A B"
        )
    plans: tuple[str, ...] = (scenario,) if scenario else ()
    if compare is not None:
        named, plans = named[:1], pair(compare) + tuple(named[1:])
    if sum((bool(named), every, check is not None)) != 1 or len(named) > 1:
        raise UsageError(_ONE, next_step="densitymap report Reynoldstown (a name of two words in quotes)")
    formats = tuple(dict.fromkeys(part.strip().lower() for part in form.split(",") if part.strip()))
    order = reporting.Order(scenarios=plans, language=lang, formats=formats, folder=out)
    if check is not None:
        _check(check)
    elif every:
        _all(order)
    else:
        _one(named[0], order)
    return None


def _memo(names: list[str], out: Path | None, *, alone: bool) -> None:
    if not alone:
        raise UsageError(
            "--memo takes scenarios alone", next_step="densitymap report --memo triplex-by-right small-lots"
        )
    with SETTINGS.progress("Writing the memo"):
        made = memos.memo(SETTINGS.workspace, names, folder=out)
    SETTINGS.say(f"Memo: {made['file']}")
    for line in made["not_computable"]:
        SETTINGS.say(f"Not computable: {line}")
    SETTINGS.say("Next: open it, and write the recommendation")
    SETTINGS.answer(made)


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
