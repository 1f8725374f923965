"""Read and write the single tables a person hands over on the command line."""

from __future__ import annotations

import csv
import gzip
import zlib
from pathlib import Path

import pandas as pd

from densitymap.errors import MissingDataError, ValidationError
from densitymap.pipeline.workspace import write_atomically

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Signs by which a spreadsheet takes a cell for a formula."""


def read_text_table(path: Path) -> pd.DataFrame:
    """Read a CSV file, every cell as text.

    Raises
    ------
    MissingDataError
        If the file is not there.
    ValidationError
        If it is not a table, or has no rows.
    """
    if not path.is_file():
        raise MissingDataError(f"{path} is not there", next_step="check the path")
    try:
        table = pd.read_csv(path, dtype="string", keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, pd.errors.ParserError, UnicodeDecodeError) as fault:
        raise ValidationError(f"{path.name} is not a CSV table in UTF-8: {fault}") from fault
    if table.empty:
        raise ValidationError(f"{path.name} has no rows")
    return table


def read_panel(path: Path) -> pd.DataFrame:
    """Read a CSV file of tracts, plain or gzipped: identifiers as text, the rest as numbers.

    Raises
    ------
    MissingDataError
        If the file is not there.
    ValidationError
        If it is not a table.
    """
    if not path.is_file():
        raise MissingDataError(f"{path} is not there", next_step="check the path")
    try:
        table = pd.read_csv(path, dtype={"GEOID": "string"}, encoding="utf-8-sig", low_memory=False)
        _refuse_torn(path)
    except (ValueError, OSError, EOFError, zlib.error) as fault:
        raise ValidationError(
            f"{path.name} is not a CSV table in UTF-8: {fault}", next_step="download the file again"
        ) from fault
    if table.empty:
        raise ValidationError(f"{path.name} has no rows")
    return table


def _refuse_torn(path: Path) -> None:
    """Refuse a file whose last row breaks off: what follows it is lost without a trace."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as lines:
        rows = csv.reader(lines)
        width = last = len(next(rows))
        at = 0
        for row in filter(None, rows):
            last, at = len(row), at + 1
    if last < width:
        raise ValidationError(
            f"{path.name}: the last row ({at:,}) has {last} of {width} cells; the file breaks off there",
            next_step="download the file again",
        )


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a CSV file atomically; text that a spreadsheet would run is marked as text."""
    safe = table.copy()
    for name in safe.select_dtypes(include=["object", "string"]).columns:
        text = safe[name].astype("string")
        safe[name] = text.mask(text.str.startswith(FORMULA), "'" + text)
    write_atomically(path, lambda part: safe.to_csv(part, index=False, lineterminator="\n"))
