"""Commands about the law: ``zone``, ``cases``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from densitymap.cli.console import SETTINGS
from densitymap.pipeline.tables import read_text_table
from densitymap.scenarios.cases import run_cases
from densitymap.zoning.code import load_code
from densitymap.zoning.parse import describe

REFUSED = 5


def zone(
    text: Annotated[str, typer.Argument(metavar="CODE", help="A zoning code as it is mapped.")],
    code: Annotated[str, typer.Option(help="Zoning code of which city.")] = "atlanta",
) -> None:
    """Read a zoning code: base, family, subarea, condition, overlays, and what is known of it.

    Example: densitymap zone "SPI-9-C SA1" --json
    """
    answer = describe(text, load_code(code))
    for part in answer if isinstance(answer, list) else [answer]:
        SETTINGS.say(", ".join(f"{key} {_word(value)}" for key, value in part.items() if value is not None))
    SETTINGS.say("Next: densitymap build")
    SETTINGS.answer(answer)


def cases(
    file: Annotated[Path, typer.Argument(help="Worked cases: lots with expected answers.")],
    code: Annotated[str, typer.Option(help="Zoning code the zones are read in.")] = "atlanta",
) -> None:
    """Compute worked cases from their inputs and compare them with what is expected.

    Example: densitymap cases parcel_cases.csv --json
    """
    result = run_cases(read_text_table(file), code=code, where=file.name)
    for row in result["rows"]:
        if not row["ok"]:
            SETTINGS.say(f"{row['case']} {row['column']}: {row['computed']}, expected {row['expected']}")
    SETTINGS.say(f"{result['passed']} passed, {result['failed']} failed")
    SETTINGS.answer(result)
    if result["failed"]:
        raise typer.Exit(REFUSED)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


COMMANDS = {"zone": zone, "cases": cases}
