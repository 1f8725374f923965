"""Commands that show: ``map``, ``doctor``."""

from __future__ import annotations

from typing import Annotated

import typer

from densitymap.cli.console import SETTINGS
from densitymap.errors import EXIT_CODES
from densitymap.pipeline import doctor as checks
from densitymap.pipeline import map as drawing


def map_command(
    lang: Annotated[str, typer.Option(help="Language of the page: en, es.")] = "en",
) -> None:
    """Draw the interactive map of the last build; it opens without a network.

    Example: densitymap map --lang es
    """
    with SETTINGS.progress("Drawing the map"):
        written = drawing.draw(SETTINGS.workspace, language=lang)
    SETTINGS.say(f"Map: {written['file']} ({written['bytes'] / 1e6:.2f} MB, opens offline)")
    SETTINGS.say("Next: open it in a browser")
    SETTINGS.answer(written)


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
