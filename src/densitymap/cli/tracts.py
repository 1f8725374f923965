"""Commands about census tracts: ``typology``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from densitymap.cli.console import SETTINGS
from densitymap.displacement.typology_table import typology_file
from densitymap.pipeline.tables import write_csv


class Mode(StrEnum):
    """How the inputs are read."""

    as_published = "as_published"
    corrected = "corrected"


class Rules(StrEnum):
    """Which year's definition."""

    y2018 = "2018"
    y2017 = "2017"


def typology(
    file: Annotated[Path, typer.Argument(help="Tracts with the inputs of the UDP typology.")],
    out: Annotated[Path, typer.Option(help="CSV file to write.")],
    mode: Annotated[
        Mode, typer.Option(help="corrected: medians re-allocated; not reviewed by UDP.")
    ] = Mode.corrected,
    rules: Annotated[Rules, typer.Option(help="Which year's definition.")] = Rules.y2018,
    brackets: Annotated[
        Path | None, typer.Option(help="Households by income bracket, for corrected.")
    ] = None,
) -> None:
    """Classify tracts by the Urban Displacement Project's typology.

    Example: densitymap typology tracts.csv --mode as_published --out classes.csv
    """
    table = typology_file(file, mode=mode.value, rules=rules.value, brackets=brackets)
    write_csv(out, table)
    counts = table["public_label"].value_counts()
    for label, count in counts.items():
        SETTINGS.say(f"{count:,}  {label}")
    SETTINGS.say(f"Written: {out.name} ({len(table):,} tracts)")
    SETTINGS.answer({"file": str(out), "tracts": len(table), "labels": counts.to_dict()})


COMMANDS = {"typology": typology}
