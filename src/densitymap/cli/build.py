"""Commands that make data: ``sample``, ``add``, ``build``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from densitymap.city import load_city
from densitymap.cli.console import SETTINGS
from densitymap.errors import UsageError
from densitymap.pipeline import build as pipeline
from densitymap.pipeline import layers as stage_layers
from densitymap.sample.write import write_sample


def sample(
    lots: Annotated[int, typer.Option(help="How many lots to draw (500 to 2,000,000).")] = 3000,
    seed: Annotated[int, typer.Option(help="Same seed and number, same bytes.")] = 5,
) -> None:
    """Draw a synthetic District 5 in the publishers' own schemas.

    Example: densitymap sample --lots 20000
    """
    folder = SETTINGS.workspace.raw
    if folder.is_dir() and any(folder.iterdir()) and not stage_layers.is_synthetic([folder]):
        raise UsageError(
            "data/1_raw holds files that are not the sample; they are left alone",
            next_step="choose another --workspace for the sample",
        )
    with SETTINGS.progress("Drawing the sample") as move:
        summary = write_sample(folder, n_lots=lots, seed=seed, progress=move)
    SETTINGS.say(f"SYNTHETIC SAMPLE of {lots:,} lots written to data/1_raw.")
    SETTINGS.say("Next: densitymap build")
    SETTINGS.answer(summary)


def add(
    file: Annotated[Path, typer.Argument(help="File to bring in.")],
    layer: Annotated[str, typer.Option("--as", help="Layer it is, such as parcels or zoning.")],
    crs: Annotated[str | None, typer.Option(help="Its reference system, if it names none.")] = None,
) -> None:
    """Bring a file in by hand, with the same checks as a build.

    Example: densitymap add reynoldstown_lots.gpkg --as parcels
    """
    city = load_city()
    receipt = stage_layers.add_file(SETTINGS.workspace, city, file, layer, crs=crs)
    SETTINGS.say(f"{file.name}: {receipt['rows_out']:,} of {receipt['rows_in']:,} rows are good as {layer}.")
    for reason, count in (receipt["left_out"] | receipt["changed"]).items():
        SETTINGS.say(f"  {count:,}: {reason}")
    SETTINGS.say("Next: densitymap build")
    SETTINGS.answer(receipt)


def build(
    source: Annotated[
        Path | None, typer.Option(help="Folder of published files (default data/1_raw).")
    ] = None,
    area: Annotated[
        str, typer.Option(help="district-5, a neighbourhood, npu-o, west,south,east,north, a file, or city.")
    ] = "district-5",
    locked: Annotated[bool, typer.Option("--locked", help="Refuse files that differ from the lock.")] = False,
) -> None:
    """Join lots, zoning and census for an area, and judge them.

    Example: densitymap build --area Reynoldstown
    """
    with SETTINGS.progress("Building") as move:
        report = pipeline.build(SETTINGS.workspace, source=source, area=area, locked=locked, progress=move)
    _tell(report)
    SETTINGS.say("Next: densitymap map")
    SETTINGS.answer(report)


def _tell(report: dict[str, Any]) -> None:
    for line in [*_told_of_area(report), *_told_of_law(report), *_told_of_files(report)]:
        SETTINGS.say(line)
    seconds = sum(report["seconds"].values())
    SETTINGS.say(f"Took {seconds:.1f} s; redone: {', '.join(report['redone']) or 'nothing'}.")


def _told_of_area(report: dict[str, Any]) -> Iterator[str]:
    if report["synthetic"]:
        yield report["synthetic"]
    yield (
        f"{report['area']}: {report['lots']:,} lots from {report['parcels_in_area']:,} records "
        f"({report['parcels_read']:,} read), {report['area_covered_share']:.0%} of the land."
    )
    if report["zoned_share"] is not None:
        yield f"Zoned: {report['zoned_share']:.2%} of records."
    for name, entry in report["unmatched"].items():
        if entry["count"]:
            yield f"Unmatched, {name}: {entry['count']:,}"
    for line in report["corrections"]["not_applied"]:
        yield f"Correction of {line}"


def _told_of_law(report: dict[str, Any]) -> Iterator[str]:
    for policy, counts in report["verdicts"].items():
        yield f"{policy}: " + ", ".join(f"{word} {count:,}" for word, count in counts.items())
    for row in report["minimums"]:
        if row["reference_both"] is not None:
            yield (
                f"{row['zone_district']}: {row['both']:.1%} of {row['lots']:,} lots meet its own area and "
                f"width ({row['both_if_close_calls_pass']:.1%} if close calls pass; reference "
                f"{row['reference_both']:.0%})"
            )


def _told_of_files(report: dict[str, Any]) -> Iterator[str]:
    for name, entry in report["layers"].items():
        for unused in entry["unused_files"]:
            yield f"Unused: {unused} (the layer {name} has a file of higher order)"
    if report["layers_absent"]:
        yield f"No file for: {', '.join(report['layers_absent'])}"


COMMANDS = {"sample": sample, "add": add, "build": build}
