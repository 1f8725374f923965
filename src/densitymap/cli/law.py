"""Commands about the law: ``zone``, ``lot``, ``cases``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from densitymap.cli.console import SETTINGS
from densitymap.errors import UsageError
from densitymap.pipeline.lot import explain_parcel
from densitymap.pipeline.tables import read_text_table
from densitymap.scenarios.cases import run_cases
from densitymap.scenarios.explain_lot import explain_lot
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
    SETTINGS.say('Next: densitymap lot --wkt "POLYGON((0 0,50 0,50 150,0 150,0 0))" --zone CODE')
    SETTINGS.answer(answer)


def lot(
    parcel_id: Annotated[
        str | None, typer.Argument(help="A lot of the last build: identifier or address.")
    ] = None,
    wkt: Annotated[str | None, typer.Option(help="A lot you draw, in feet.")] = None,
    zone_code: Annotated[str | None, typer.Option("--zone", help="Its zoning code.")] = None,
    house: Annotated[str, typer.Option(help="The house on it: x0 y0 x1 y1, in feet.")] = "",
    floor: Annotated[float | None, typer.Option(help="Floor area of the house, in ft2.")] = None,
    streets: Annotated[str, typer.Option(help="Its street edges, as WKT lines.")] = "",
    of_record: Annotated[str, typer.Option(help="Lot of record: yes, no or unknown.")] = "unknown",
) -> None:
    """Explain one lot, from the law to the verdict, with citations.

    Example: densitymap lot --wkt "POLYGON((0 0,50 0,50 150,0 150,0 0))" --zone R-4A
    """
    if parcel_id is None and (wkt is None or zone_code is None):
        raise UsageError("Name a lot of the last build, or draw one with --wkt and --zone")
    if wkt is not None and zone_code is not None:
        answer = explain_lot(
            wkt, zone_code, house=house, house_floor_ft2=floor, streets=streets, of_record=of_record
        )
        for policy in answer["policies"]:
            _tell(policy["title"], policy["verdicts"])
    else:
        answer = explain_parcel(SETTINGS.workspace, str(parcel_id))
        SETTINGS.say(f"{answer['lot']['site_address']} ({answer['parcel_id']})")
        for row in answer["allowed"]:
            SETTINGS.say(f"{row['policy']}: {row['verdict']}. {row['reason']} [{row['citation']}]")
        for name in dict.fromkeys(row["policy"] for row in answer["fits"]):
            _tell(f"{name}, what fits", [row for row in answer["fits"] if row["policy"] == name])
    SETTINGS.say("Next: densitymap map")
    SETTINGS.answer(answer)


def _tell(title: str, rows: list[dict[str, Any]]) -> None:
    SETTINGS.say(f"{title}:")
    for row in rows:
        form = row["form"] or row["fit_type"]
        SETTINGS.say(f"  {row['verdict']:<7} {row['fit_mode']:<5} {form} ({row['units']}): {row['reason']}")


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


COMMANDS = {"zone": zone, "lot": lot, "cases": cases}
