"""A spreadsheet that runs nothing: every text cell is text; two runs give the same bytes."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from densitymap.errors import MissingDataError
from densitymap.exports.content import Bundle, Dataset, rules
from densitymap.exports.files import flat
from densitymap.exports.safe import for_spreadsheets

STILL = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - the format knows no zone
_SHEET_NAME = 31


def workbook(bundle: Bundle, datasets: Iterable[Dataset], path: Path) -> dict[str, str]:
    """Write one sheet per layer, then the dictionary, the sources and where it comes from.

    Returns
    -------
    dict
        Layers too long for a sheet, each with why it is not there.

    Raises
    ------
    MissingDataError
        If openpyxl is not installed.
    """
    try:
        from openpyxl import Workbook  # noqa: PLC0415 - an extra
    except ImportError as fault:
        raise MissingDataError(
            "Spreadsheets need openpyxl", next_step="pip install 'densitymap[exports]'"
        ) from fault
    book, left = Workbook(write_only=True), {}
    book.properties.creator = "densitymap"
    book.properties.created = book.properties.modified = STILL
    longest = rules()["spreadsheet"]["rows_max"]
    for dataset in datasets:
        if len(dataset.frame) > longest:
            left[dataset.name] = f"{len(dataset.frame):,} rows are more than a sheet holds"
            continue
        _sheet(book, dataset.name, flat(dataset))
    _sheet(book, "dictionary", bundle.dictionary)
    _sheet(book, "sources", bundle.sources)
    _sheet(book, "about", _about(bundle))
    held = io.BytesIO()
    book.save(held)
    path.write_bytes(_still(held.getvalue()))
    return left


def _about(bundle: Bundle) -> pd.DataFrame:
    rows = {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for key, value in bundle.provenance.items()
    }
    rows |= {f"not in this file: {name}": why for name, why in bundle.left_out.items()}
    return pd.DataFrame({"what": list(rows), "value": list(rows.values())})


def _sheet(book: Any, name: str, table: pd.DataFrame) -> None:
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415 - an extra
    from openpyxl.styles import Font  # noqa: PLC0415 - an extra

    sheet = book.create_sheet(name[:_SHEET_NAME])
    sheet.freeze_panes = "A2"
    header = []
    for column in table.columns:
        cell = WriteOnlyCell(sheet, value=str(column))
        cell.font = Font(bold=True)
        header.append(cell)
    sheet.append(header)
    safe = for_spreadsheets(table).astype(object)
    for row in safe.where(safe.notna(), None).itertuples(index=False, name=None):
        sheet.append([_cell(sheet, value) for value in row])


def _cell(sheet: Any, value: Any) -> Any:
    """A cell; text is written as text whatever it looks like."""
    if not isinstance(value, str):
        return value.item() if hasattr(value, "item") else value
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415 - an extra

    cell = WriteOnlyCell(sheet, value=value)
    cell.data_type = "s"
    return cell


def _still(document: bytes) -> bytes:
    """The same workbook with the zip's clock stopped."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(document)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in sorted(old.namelist()):
            info = zipfile.ZipInfo(entry, (2000, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(info, _fixed(entry, old.read(entry)))
    return out.getvalue()


def _fixed(entry: str, data: bytes) -> bytes:
    """Stop the clock that openpyxl sets to the hour of saving, over the one it was given."""
    if entry != "docProps/core.xml":
        return data
    return re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>2000-01-01T00:00:00Z", data)
