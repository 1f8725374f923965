"""Commands about census tracts and places, from ``typology`` to ``profile``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from densitymap.cli.console import SETTINGS
from densitymap.displacement.backtest import run as run_backtest
from densitymap.displacement.forward import forward_of
from densitymap.displacement.typology_table import typology_stability, typology_table
from densitymap.pipeline.pressure import pressure_of
from densitymap.pipeline.profile import profile_of
from densitymap.pipeline.tables import read_panel, write_csv


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
    stability: Annotated[
        Path | None,
        typer.Option(help="Also write how often each label comes up when sampling error is drawn."),
    ] = None,
) -> None:
    """Classify tracts by the Urban Displacement Project's typology.

    Example: densitymap typology tracts.csv --mode as_published --out classes.csv
    """
    inputs = read_panel(file)
    households = None if brackets is None else read_panel(brackets)
    table = typology_table(inputs, mode=mode.value, rules=rules.value, brackets=households)
    if stability is not None:
        with SETTINGS.progress("Drawing sampling error"):
            drawn = typology_stability(inputs, mode=mode.value, rules=rules.value, brackets=households)
        write_csv(stability, drawn)
    write_csv(out, table)
    counts = table["public_label"].value_counts()
    for label, count in counts.items():
        SETTINGS.say(f"{count:,}  {label}")
    SETTINGS.say(f"Written: {out.name} ({len(table):,} tracts)")
    SETTINGS.answer({"file": str(out), "tracts": len(table), "labels": counts.to_dict()})


def backtest(
    panel: Annotated[Path, typer.Option(help="Tracts 1990-2018, as the data pack's panel.")],
    test: Annotated[str, typer.Option(help="Metro to test on; the others are learnt from.")],
) -> None:
    """Say how well the past of other metros foretold which tracts of this one changed.

    Example: densitymap backtest --panel tracts_1990_2018.csv.gz --test Atlanta
    """
    with SETTINGS.progress("Testing"):
        result = run_backtest(read_panel(panel), test)
    SETTINGS.say(result["caveat"])
    for name, outcome in result["outcomes"].items():
        for features in ("F00", "F12"):
            told = ", ".join(
                f"{model} AUC {scores['auc']:.2f}" for model, scores in outcome[features].items()
            )
            SETTINGS.say(f"{name} {features}: {told}")
    SETTINGS.say("Next: densitymap profile Reynoldstown")
    SETTINGS.answer(result)


def forward(
    panel: Annotated[Path, typer.Option(help="Tracts 1990-2018, as the data pack's panel.")],
    metro: Annotated[str, typer.Option(help="Metro whose tracts are looked at.")],
    out: Annotated[Path, typer.Option(help="CSV file to write.")],
) -> None:
    """Say which tracts resemble those where low-income households became fewer, and where history is mute.

    Example: densitymap forward --panel tracts_1990_2018.csv.gz --metro Atlanta --out forward.csv
    """
    with SETTINGS.progress("Testing, then scoring"):
        tracts = read_panel(panel)
        table, told = forward_of(tracts, run_backtest(tracts, metro))
    write_csv(out, table)
    SETTINGS.say(f"{told['metro']}, {told['horizon']}: {told['reading']}.")
    SETTINGS.say(
        f"{told['scored']:,} of {told['tracts']:,} tracts have a score; "
        f"near downtown: {told['near_downtown']}."
    )
    SETTINGS.say(told["caveat"])
    SETTINGS.say(f"Written: {out.name}")
    SETTINGS.answer({"file": str(out)} | told)


def pressure(place: Annotated[str, typer.Argument(help="Neighbourhood, npu-o or district-5.")]) -> None:
    """Say of each tract in a place how many definitions flag it, which, why, and how steadily.

    Example: densitymap pressure Reynoldstown --json
    """
    told = pressure_of(SETTINGS.workspace, place)
    SETTINGS.say(f"{told['place']}: {told['note']}")
    for tract in told["tracts"]:
        SETTINGS.say(
            f"Tract {tract['tract_geoid']} ({tract['tract_vintage']} lines), "
            f"{tract['share_of_place']:.0%} of the place: "
            + (
                f"{tract['flagged']} of {tract['classifiable']} published definitions flag it"
                if tract["classifiable"]
                else "no published definition can be asked on these lines"
            )
        )
        for row in tract["definitions"]:
            steady = row["class_draw_share"]
            drawn = "" if steady is None else f" (same class in {steady:.0%} of draws)"
            SETTINGS.say(f"  {row['title']} ({row['index_years']}): {row['pressure_label']}{drawn}")
    SETTINGS.say("Next: --json for the reason behind each")
    SETTINGS.answer(told)


def profile(place: Annotated[str, typer.Argument(help="Neighbourhood, npu-o or district-5.")]) -> None:
    """Tell a place over the years, each figure with its margin or why it has none.

    Example: densitymap profile Reynoldstown --json
    """
    told = profile_of(SETTINGS.workspace, place)
    SETTINGS.say(f"{told['place']}: {told['acres']:,} acres. {told['note']}")
    for tract in told["tracts"]:
        line = f"Tract {tract['tract_geoid']} ({tract['tract_vintage']} lines)"
        SETTINGS.say(f"{line}: {tract['share_of_place']:.0%} of the place")
        _tell_history(tract.get("history"))
        _tell_history(tract.get("estimates"))
    if isinstance(told["place_history"], dict):
        SETTINGS.say(f"{told['place']} itself, apportioned: {told['apportioning']}")
        _tell_history(told["place_history"])
    if isinstance(told["census_2020"], dict):
        SETTINGS.say("2020 Census blocks inside the place (a full count):")
        _tell_figures(told["census_2020"])
    for sentence in told["cannot_test"]:
        SETTINGS.say(f"Counts cannot tell: {sentence}")
    SETTINGS.say("Next: --json for every figure with its margin")
    SETTINGS.answer(told)


def _tell_history(history: Any) -> None:
    for year, figures in history.items() if isinstance(history, dict) else []:
        if isinstance(figures, dict) and any(isinstance(figure, dict) for figure in figures.values()):
            SETTINGS.say(f"  {year}")
            _tell_figures(figures)


def _tell_figures(figures: dict[str, Any]) -> None:
    for name, figure in figures.items():
        if isinstance(figure, dict) and figure.get("value") is not None:
            value = f"{figure['value']:.1%}" if "share" in name else f"{figure['value']:,.0f}"
            margin = figure["margin"]
            doubt = f"± {margin:,.3g}" if isinstance(margin, int | float) else f"margin {margin}"
            SETTINGS.say(f"    {name.replace('_', ' ')}: {value} ({doubt})")


COMMANDS = {
    "typology": typology,
    "backtest": backtest,
    "forward": forward,
    "pressure": pressure,
    "profile": profile,
}
