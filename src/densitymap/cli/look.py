"""Commands that show: ``map``, ``doctor``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from densitymap.cli.console import SETTINGS, pair
from densitymap.errors import EXIT_CODES, UsageError
from densitymap.fetch import http, keys
from densitymap.pipeline import doctor as checks
from densitymap.pipeline import map as drawing


def map_command(
    scenario: Annotated[str | None, typer.Argument(help="Scenario to show: a name or a TOML file.")] = None,
    *,
    named: Annotated[
        str | None, typer.Option("--scenario", metavar="SCENARIO", help="The same, as an option.")
    ] = None,
    compare: Annotated[
        tuple[str, str] | None, typer.Option(metavar="BEFORE AFTER", help="Two scenarios, side by side.")
    ] = None,
    area: Annotated[
        str | None, typer.Option(help="A part of the last build: a neighbourhood, npu-o, a box, a file.")
    ] = None,
    lang: Annotated[str, typer.Option(help="Language of the page: en, es.")] = "en",
    image: Annotated[
        Path | None, typer.Option(help="Write one layer as a picture instead: FILE.png or FILE.svg.")
    ] = None,
    layer: Annotated[
        str | None, typer.Option(help="Layer of the picture: zoning, pressure, verdict:SCENARIO …")
    ] = None,
    source: Annotated[
        Path | None, typer.Option(help="Folder of published files, for rasters (default data/1_raw).")
    ] = None,
) -> None:
    """Draw the interactive map of the last build; it opens without a network.

    Example: densitymap map triplex-by-right --area Reynoldstown --lang es
    """
    if scenario and named and scenario != named:
        raise UsageError(
            f"Two scenarios are named: {scenario} and --scenario {named}",
            next_step=f"name one, or densitymap map --compare {scenario} {named}",
        )
    scenario = scenario or named
    if scenario and compare:
        raise UsageError(
            "A map shows one scenario or compares two, not both",
            next_step="leave out SCENARIO, or --compare",
        )
    if layer and image is None:
        raise UsageError("--layer names the layer of a picture", next_step="add --image FILE.png")
    compare = None if compare is None else pair(compare)
    request = drawing.Request(scenario=scenario, compare=compare, area=area, language=lang, source=source)
    with SETTINGS.progress("Drawing the map"):
        written = _written(request, image, layer)
    SETTINGS.say(f"{'Picture' if image else 'Map'}: {written['file']} ({written['bytes'] / 1e6:.2f} MB)")
    SETTINGS.say("Next: open it in a browser" if image is None else "Next: put it in a report")
    SETTINGS.answer(written)


def _written(request: drawing.Request, image: Path | None, layer: str | None) -> dict[str, Any]:
    if image is None:
        return drawing.draw(SETTINGS.workspace, request)
    return drawing.picture(SETTINGS.workspace, request, layer=layer or "zoning", path=image)


def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Look at this machine only.")] = False,
    endpoints: Annotated[
        str, typer.Option(envvar="DENSITYMAP_ENDPOINTS", help="Hosts that are elsewhere: HOST=ADDRESS,…")
    ] = "",
) -> None:
    """Check this machine and every publisher's server against the catalogue; say how to mend each.

    Each server is asked for its name, fields and count, all at once; without a network it ends within 15 s
    with exit code 4. What moved is told with the file to edit (exit code 5).

    Example: densitymap doctor --json
    """
    key = keys.known_key(os.environ, keys.settings_file(os.environ, Path.home()))
    found = checks.examine(
        SETTINGS.workspace, offline=offline, endpoints=http.endpoints_from(endpoints), key=key
    )
    for line in _told_of_health(found):
        SETTINGS.say(line)
    SETTINGS.say("Next: densitymap build" if found["ok"] else "Next: mend what is BAD, then run this again")
    SETTINGS.answer(found | {"exit_codes": EXIT_CODES})
    if not found["ok"]:
        raise typer.Exit(found["exit_code"])


def _told_of_health(found: dict[str, Any]) -> Iterator[str]:
    for check in found["checks"]:
        mark = "ok " if check["ok"] else "BAD" if check["needed"] else "opt"
        yield f"{mark}  {check['name']}: {check['found']}"
        if not check["ok"]:
            yield f"     Mend: {check['mend']}"
    silent: dict[str, list[str]] = {}
    for entry in found["endpoints"]:
        if entry["state"] == "silent":
            silent.setdefault(entry["found"], []).append(entry["name"])
            continue
        rows = f", {entry['rows']:,} rows" if entry["rows"] is not None else ""
        yield f"{'BAD' if entry['moved'] else 'ok '}  {entry['name']}: {entry['found']}{rows}"
        yield from (f"     Moved: {point}" for point in entry["moved"])
        if entry["moved"]:
            yield f"     Mend: {entry['mend']}"
    for reason, names in silent.items():
        yield f"BAD  {reason}\n     Needed for: {', '.join(names)}"
    if silent:
        yield "     Mend: check the connection; if one server alone is silent, look for its new address and"
        yield "           edit catalog/sources/NAME.toml"


COMMANDS = {"map": map_command, "doctor": doctor}
