"""Commands that show: ``map``, ``doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from densitymap.cli.console import SETTINGS
from densitymap.errors import EXIT_CODES, UsageError
from densitymap.pipeline import doctor as checks
from densitymap.pipeline import map as drawing


def map_command(
    scenario: Annotated[str | None, typer.Argument(help="Scenario to show: a name or a TOML file.")] = None,
    *,
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
    if scenario and compare:
        raise UsageError(
            "A map shows one scenario or compares two, not both",
            next_step="leave out SCENARIO, or --compare",
        )
    if layer and image is None:
        raise UsageError("--layer names the layer of a picture", next_step="add --image FILE.png")
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


def doctor() -> None:
    """Check versions, the workspace, disk, fonts, grids and the map's assets; say how to mend each.

    Example: densitymap doctor --json
    """
    found = checks.examine(SETTINGS.workspace)
    for check in found["checks"]:
        mark = "ok " if check["ok"] else "BAD"
        SETTINGS.say(
            f"{mark}  {check['name']}: {check['found']}"
            + ("" if check["ok"] else f"\n     Mend: {check['mend']}")
        )
    SETTINGS.say("Next: densitymap build" if found["ok"] else "Next: mend what is BAD, then run this again")
    SETTINGS.answer(found | {"exit_codes": EXIT_CODES})
    if not found["ok"]:
        raise typer.Exit(3)


COMMANDS = {"map": map_command, "doctor": doctor}
