"""The command whose files other tools open: ``export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from densitymap.cli.console import SETTINGS
from densitymap.pipeline.export import export as run_export


def export(
    form: Annotated[
        str,
        typer.Option("--format", help="gpkg, geoparquet, geojson, csv, xlsx, postgis; several with commas."),
    ] = "gpkg",
    out: Annotated[Path | None, typer.Option(help="Folder to write to (default exports).")] = None,
    dsn: Annotated[
        str | None,
        typer.Option(envvar="DENSITYMAP_DSN", help="Database for postgis: postgresql://user@host/name."),
    ] = None,
    schema: Annotated[str, typer.Option(help="Schema for postgis.")] = "densitymap",
    shapes: Annotated[
        bool, typer.Option("--shapes", help="Keep outlines without a stated licence: for your own use only.")
    ] = False,
) -> None:
    """Write the results for QGIS, a database or a spreadsheet, with a description of every field.

    Example: densitymap export --format gpkg,csv
    """
    formats = [part.strip().lower() for part in form.split(",") if part.strip()]
    with SETTINGS.progress("Exporting") as move:
        done = run_export(
            SETTINGS.workspace, formats, out=out, dsn=dsn, schema_name=schema, shapes=shapes, progress=move
        )
    for file in done["files"]:
        SETTINGS.say(f"{file['path']}: {', '.join(file['datasets'])} ({file['bytes'] / 1e6:.1f} MB)")
    for table in done["tables"]:
        SETTINGS.say(f"Table {table}")
    for name, why in done["left_out"].items():
        SETTINGS.say(f"Left out, {name}: {why}")
    SETTINGS.say(f"Next: open {done['folder']}" if done["files"] else "Next: densitymap export --format gpkg")
    SETTINGS.answer(done)


COMMANDS = {"export": export}
