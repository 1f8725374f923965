"""Word files from blocks: headings, paragraphs and tables a screen reader can read; same blocks, same bytes.

python-docx is in the extra ``reports`` and loaded only here. Text is written as text: nothing in it is a
field, a link or markup, and signs that XML cannot hold are dropped.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from densitymap.errors import MissingDataError

_DATE = (1980, 1, 1, 0, 0, 0)
"""Of every part of the file: the first day a zip can name, so that two runs give the same bytes."""
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")
"""Signs no XML may hold, and those that turn the direction of text."""
_MARGIN_IN, _FONT, _FONT_PT, _CELL_PT = 0.8, "DejaVu Sans", 10, 8


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is the largest below the title."""

    text: str
    level: int = 1


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, or an item of a list."""

    text: str
    is_item: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its caption, its header row, and rows whose first cell heads them."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


Block = Heading | Text | Table


def clean(text: object) -> str:
    """Drop signs that no Word file may hold.

    Examples
    --------
    >>> clean("a" + chr(0) + "b" + chr(0x202E) + "=1+1")
    'ab=1+1'
    """
    return _UNFIT.sub("", str(text))


def write(blocks: Sequence[Block], *, title: str, language: str = "en-US", keywords: str = "") -> bytes:
    """One Word file.

    Parameters
    ----------
    blocks
        What stands in it, in order, below the title.
    title
        Also the document's own title.
    language
        Of the text, for hyphenation and for being read aloud.
    keywords
        Kept in the document's properties: the seal of what it was made from.

    Raises
    ------
    MissingDataError
        If python-docx is not installed.
    """
    try:
        import docx  # noqa: PLC0415 (an extra)
    except ImportError as fault:
        raise MissingDataError(
            "Word files need python-docx", next_step="pip install 'densitymap[reports]'"
        ) from fault
    paper = docx.Document()
    _set_up(paper, clean(title), language, keywords)
    paper.add_heading(clean(title), level=0)
    for block in blocks:
        if isinstance(block, Heading):
            paper.add_heading(clean(block.text), level=block.level)
        elif isinstance(block, Text):
            paper.add_paragraph(clean(block.text), style="List Bullet" if block.is_item else None)
        else:
            _table(paper, block)
    held = io.BytesIO()
    paper.save(held)
    return _dated(held.getvalue())


def _set_up(paper: Any, title: str, language: str, keywords: str) -> None:
    """Properties, language, margins and letters of the document."""
    from docx.oxml.ns import qn  # noqa: PLC0415 (an extra)
    from docx.shared import Inches, Pt  # noqa: PLC0415 (an extra)

    told = paper.core_properties
    told.title, told.language, told.author, told.keywords = title[:255], language, "densitymap", keywords
    told.created = told.modified = datetime(*_DATE)  # noqa: DTZ001 (python-docx takes it as UTC)
    told.last_modified_by, told.comments, told.revision = "densitymap", "", 1
    style = paper.styles["Normal"]
    style.font.name, style.font.size = _FONT, Pt(_FONT_PT)
    for mark in paper.styles.element.iter(qn("w:lang")):
        mark.set(qn("w:val"), language)
    for section in paper.sections:
        section.left_margin = section.right_margin = Inches(_MARGIN_IN)
        section.top_margin = section.bottom_margin = Inches(_MARGIN_IN)


def _table(paper: Any, block: Table) -> None:
    """A caption that stays with its table; a header row that is repeated on every page."""
    caption = paper.add_paragraph(style="Caption")
    caption.add_run(clean(block.caption))
    caption.paragraph_format.keep_with_next = True
    grid = paper.add_table(rows=1 + len(block.rows), cols=len(block.head), style="Table Grid")
    _tell(grid, block.caption)
    for place, (line, texts) in enumerate(zip(grid.rows, [block.head, *block.rows], strict=True)):
        _fill(line, texts, heads=1 if place else len(texts))
        _mark(line, "w:cantSplit" if place else "w:tblHeader")
    paper.add_paragraph()


def _fill(row: Any, texts: Sequence[str], *, heads: int) -> None:
    from docx.shared import Pt  # noqa: PLC0415 (an extra)
    from docx.text.paragraph import Paragraph  # noqa: PLC0415 (an extra)

    cells = row._tr.tc_lst  # noqa: SLF001 (row.cells walks the whole table each time)
    for place, (cell, text) in enumerate(zip(cells, texts, strict=True)):
        run = Paragraph(cell.p_lst[0], row).add_run(clean(text))
        run.bold, run.font.size = place < heads, Pt(_CELL_PT)


def _mark(row: Any, name: str) -> None:
    from docx.oxml import OxmlElement  # noqa: PLC0415 (an extra)

    row._tr.get_or_add_trPr().append(OxmlElement(name))  # noqa: SLF001 (python-docx has no word for it)


def _tell(grid: Any, caption: str) -> None:
    """Give a table its alternative text, and say that its first row and column are headers."""
    from docx.oxml import OxmlElement  # noqa: PLC0415 (an extra)
    from docx.oxml.ns import qn  # noqa: PLC0415 (an extra)

    properties = grid._tbl.tblPr  # noqa: SLF001 (python-docx has no word for it)
    look = properties.find(qn("w:tblLook"))
    if look is not None:
        look.set(qn("w:firstRow"), "1")
        look.set(qn("w:firstColumn"), "1")
    told = OxmlElement("w:tblCaption")
    told.set(qn("w:val"), clean(caption))
    properties.append(told)


def _dated(content: bytes) -> bytes:
    """Pack the parts again, all with one date."""
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(held, "w") as new:
        for name in old.namelist():
            part = zipfile.ZipInfo(name, _DATE)
            part.compress_type, part.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            new.writestr(part, old.read(name))
    return held.getvalue()
