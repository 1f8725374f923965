"""Commands about scenarios: ``scenario``, ``compare``, ``frontier``, ``ordinance``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from densitymap.cli.console import SETTINGS
from densitymap.errors import UsageError
from densitymap.exports.safe import as_text
from densitymap.pipeline import explain as explaining
from densitymap.pipeline import frontier as frontiers
from densitymap.pipeline import ordinance as ordinances
from densitymap.pipeline import scenario_files, scenarios, sensitivity, workspace
from densitymap.scenarios.frontier_words import lines as frontier_lines
from densitymap.scenarios.headline import headline
from densitymap.scenarios.ledger_words import detail_lines, ledger_lines, sign_lines, sign_table
from densitymap.scenarios.places import place_of

ACTIONS = ("list", "show", "run", "new", "validate")
ALLOW_EMPTY = "Go on where a lever reaches no lot (otherwise exit code 5)."


def scenario(
    action: Annotated[str, typer.Argument(help="list, show, run, new or validate.")],
    name: Annotated[str | None, typer.Argument(help="A scenario's name, or its TOML file.")] = None,
    *,
    allow_empty: Annotated[bool, typer.Option("--allow-empty", help=ALLOW_EMPTY)] = False,
    draws: Annotated[int | None, typer.Option(min=1, help="Draws of what is expected.")] = None,
    more: Annotated[bool, typer.Option("--detail", help="Also say what the answer hangs on.")] = False,
) -> None:
    """List scenarios, show or check one, start a new one, or evaluate one on the last build.

    Example: densitymap scenario run triplex-near-rail --json
    """
    if action not in ACTIONS:
        raise UsageError(f"There is no `scenario {action}`", next_step=f"use {', '.join(ACTIONS)}")
    if action == "list":
        return _list()
    if name is None:
        raise UsageError(
            f"`scenario {action}` needs a name", next_step="`densitymap scenario list` names them"
        )
    if action == "run":
        with SETTINGS.progress("Evaluating"):
            said = scenarios.run(SETTINGS.workspace, name, allow_empty=allow_empty, n_draws=draws)
            if more:
                said = said | {"detail": sensitivity.detail(SETTINGS.workspace, name, n_draws=draws)}
        return _tell([said])
    return {"show": _show, "new": _new, "validate": _validate}[action](name, allow_empty=allow_empty)


def _list() -> None:
    told = scenario_files.listed(SETTINGS.workspace)
    for one in told["scenarios"]:
        SETTINGS.say(f"{one['name']}: {one['summary']}")
    for one in told["cannot_be_read"]:
        SETTINGS.say(f"{one['name']} cannot be used: {one['why']}")
    SETTINGS.say("Next: densitymap scenario run NAME, or densitymap compare A B")
    SETTINGS.answer(told)


def _show(name: str, **_: Any) -> None:
    told = scenario_files.show(SETTINGS.workspace, name)
    SETTINGS.say(f"{told['title']}\n{told['summary']}\nSource: {told['source']} ({told['mark']})")
    for number, lever in enumerate(told["levers"], start=1):
        SETTINGS.say(f"  {number}. {_in_full(lever)}")
    for note in told["notes"]:
        SETTINGS.say(f"Note: {note}")
    ran = told["manifest"]
    SETTINGS.say(
        "Not run here yet." if ran is None else f"Last run: {ran['fingerprint'][:12]}, seed {ran['seed']}."
    )
    SETTINGS.say(f"Next: densitymap scenario run {name}")
    SETTINGS.answer(told)


def _new(name: str, **_: Any) -> None:
    path = scenario_files.new(SETTINGS.workspace, name)
    SETTINGS.say(f"A scenario to fill in: {path}\nNext: edit it, then densitymap scenario validate {name}")
    SETTINGS.answer({"file": str(path), "name": name})


def _validate(name: str, *, allow_empty: bool) -> None:
    told = scenario_files.validate(SETTINGS.workspace, name, allow_empty=allow_empty)
    count = len(told["levers"])
    SETTINGS.say(f"{told['name']}: {count} lever{'' if count == 1 else 's'}, no fault.")
    for lever in told["levers"]:
        if lever["lots_reached"] is not None:
            SETTINGS.say(f"  {_lever(lever)}: reaches {_lots(lever['lots_reached'])}")
    for note in told["notes"]:
        SETTINGS.say(f"Note: {note}")
    SETTINGS.say(f"Next: densitymap scenario run {name}")
    SETTINGS.answer(told)


def _note(said: list[dict[str, Any]]) -> None:
    """Say what the levers of scenarios met; what they make unlawful is warned of."""
    for one in said:
        for line in one["notes"]:
            SETTINGS.say(f"{one['name']}: {line}.")


def _lever(lever: Mapping[str, Any]) -> str:
    """A lever in few words: what it does, to which standard of which use, where."""
    words = [str(lever[name]) for name in ("kind", "standard", "use") if name in lever]
    place = [f"({place_of(lever['where']).words})"] if "where" in lever else []
    return " ".join([*words, *place])


def _in_full(lever: Mapping[str, Any]) -> str:
    """A lever as its file has it, less the signs of the file's format."""
    rest = [f"{key} {_value(value)}" for key, value in lever.items() if key not in ("kind", "where")]
    place = [place_of(lever["where"]).words] if "where" in lever else []
    return ": ".join([str(lever["kind"]), "; ".join([*rest, *place])] if [*rest, *place] else [lever["kind"]])


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_value(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value))
    return "no limit" if value == math.inf else str(value)


def _lots(count: int) -> str:
    return f"{count:,} lot{'' if count == 1 else 's'}"


def _tell(said: list[dict[str, Any]]) -> None:
    for line in sign_lines(said):
        SETTINGS.say(line)
    for line in headline(said):
        SETTINGS.say(line)
    for one in said:
        for lever in one["levers"]:
            SETTINGS.say(f"  {_lever(lever)}: reaches {_lots(lever['lots_reached'])}")
        for row in one["homes_by_form"]:
            saleable, rented = row["homes_saleable_max"], row["homes_rent_only_max"]
            homes = f"{saleable:,} homes saleable apart, {rented:,} rent-only"
            SETTINGS.say(f"  {row['form']}: {_lots(row['lots_reached'])} reached; at most {homes}")
    _note(said)
    for one in said:
        for line in (*ledger_lines(one), *detail_lines(one.get("detail", {}))):
            SETTINGS.say(line)
    for line in dict.fromkeys(line for one in said for line in one["not_computable"]):
        SETTINGS.say(f"Not computable: {line}")
    if any(one["label"] for one in said):
        SETTINGS.say(f"Where nobody knows what stands, homes are counted {said[0]['label']}.")
    SETTINGS.say("Next: densitymap ordinance NAME shows what the code would say")
    SETTINGS.answer(said[0] if len(said) == 1 else {"scenarios": said})


def compare(
    names: Annotated[
        list[str], typer.Argument(help="Scenarios: names or TOML files; no change comes first.")
    ],
    *,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write places and scenarios to FILE.csv.")] = None,
    allow_empty: Annotated[bool, typer.Option("--allow-empty", help=ALLOW_EMPTY)] = False,
    draws: Annotated[int | None, typer.Option(min=1, help="Draws of what is expected.")] = None,
) -> None:
    """Set scenarios side by side on the last build, no change first: allowed, fits, pays, expected.

    Example: densitymap compare duplex-by-right triplex-near-rail --json
    """
    with SETTINGS.progress("Comparing"):
        said = scenarios.compare(SETTINGS.workspace, names, allow_empty=allow_empty, n_draws=draws)
    if csv is not None:
        table = scenarios.places_table(said["scenarios"])
        table[["scenario", "place"]] = table[["scenario", "place"]].apply(as_text)
        workspace.write_atomically(csv, lambda part: table.to_csv(part, index=False))
        SETTINGS.say(f"Table: {csv}")
    for line in sign_lines(said["scenarios"]):
        SETTINGS.say(line)
    for line in headline(said["scenarios"]):
        SETTINGS.say(line)
    _note(said["scenarios"])
    for line in dict.fromkeys(line for one in said["scenarios"] for line in one["not_computable"]):
        SETTINGS.say(f"Not computable: {line}")
    SETTINGS.say("Next: densitymap scenario run NAME tells one in full")
    SETTINGS.answer(said)


def ordinance(
    scenario: Annotated[str | None, typer.Argument(help="A scenario's name, or its TOML file.")] = None,
    *,
    out: Annotated[Path | None, typer.Option(help="Write FILE.docx, .md, .csv or .json.")] = None,
    given: Annotated[
        Path | None, typer.Option("--from", help="A schedule (.csv, .json) to make a scenario of.")
    ] = None,
) -> None:
    """Write the schedule of each changed standard: section, value now, value proposed, lots affected.

    A working paper, not legal text.

    Example: densitymap ordinance duplex-by-right --out duplex.docx
    """
    if (scenario is None) == (given is None):
        raise UsageError(
            "Name a scenario, or give a schedule with --from", next_step="densitymap scenario list"
        )
    if given is not None:
        written = ordinances.scenario_from(given, out)
        SETTINGS.say(f"Scenario: {written['file']}\nNext: densitymap scenario validate {written['file']}")
        return SETTINGS.answer(written)
    if out is not None:
        ordinances.check_ending(out)
    schedule = ordinances.schedule(SETTINGS.workspace, str(scenario))
    if out is not None:
        ordinances.write(schedule, out)
        SETTINGS.say(f"Schedule: {out}")
    else:
        for line in ordinances.lines(schedule):
            SETTINGS.say(line)
    SETTINGS.answer(schedule)
    return None


def frontier(
    *,
    budget: Annotated[
        float | None, typer.Option(help="Most programme cost, over its full term [USD].")
    ] = None,
    packages: Annotated[
        str | None, typer.Option(help="Scenarios to choose from, with commas between: names or TOML files.")
    ] = None,
    by: Annotated[str, typer.Option(help="Places to choose for: neighborhood, zone.")] = "neighborhood",
    channel: Annotated[str | None, typer.Option(help="One channel only: regional, local, adverse.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the points as scenario files.")] = None,
    draws: Annotated[int | None, typer.Option(min=2, help="Model runs to choose on; as many score.")] = None,
) -> None:
    """Choose which package goes where: most net homes for least direct displacement, point by point.

    Example: densitymap frontier --budget 2000000 --by neighborhood --json
    """
    request = frontiers.Request(
        packages=tuple(name.strip() for name in (packages or "").split(",") if name.strip()),
        by=by,
        budget_usd=float("inf") if budget is None else budget,
        channels=frontiers.CHANNELS if channel is None else (channel,),
        n_draws=draws,
    )
    with SETTINGS.progress("Searching the frontier"):
        told = frontiers.frontier(SETTINGS.workspace, request, out=out)
    for line in frontier_lines(told):
        SETTINGS.say(line)
    SETTINGS.answer(told)


def explain(
    scenario: Annotated[str, typer.Argument(help="A scenario's name, or its TOML file.")],
    than: Annotated[str, typer.Argument(help="What it is set beside.")] = "no-change",
    *,
    draws: Annotated[int | None, typer.Option(min=2, help="Model runs.")] = None,
) -> None:
    """Say what drives the difference between two scenarios, and what each number rests on.

    Example: densitymap explain triplex-near-rail duplex-by-right
    """
    with SETTINGS.progress("Explaining"):
        told = explaining.explain(SETTINGS.workspace, scenario, than, n_draws=draws)
    if told["signs"]:
        for line in sign_table(f"{told['scenario']}, against {told['than']}", told["signs"]):
            SETTINGS.say(line)
    for line in told["sentences"]:
        SETTINGS.say(line)
    for link in told["chain"]:
        SETTINGS.say(f"{link['number']}: {link['made_of']}")
    SETTINGS.say(f"Rests on {told['rests_on']['words']}")
    SETTINGS.answer(told)


COMMANDS: dict[str, Callable[..., Any]] = {
    "scenario": scenario,
    "compare": compare,
    "ordinance": ordinance,
    "frontier": frontier,
    "explain": explain,
}
