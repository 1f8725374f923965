"""The gate every page passes before it is written: nothing trips a screen reader, nothing runs."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser

from densitymap.errors import ValidationError

VOID = frozenset({"meta", "img", "br", "hr", "link", "input", "col", "wbr"})
RUNS = frozenset({"script", "iframe", "object", "embed", "form", "base", "link"})
"""Elements that could run or fetch something: a report has none."""
LOCAL = ("#", "data:image/")
SCOPES = ("col", "row", "rowgroup", "colgroup")
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


class _Page(HTMLParser):
    """Reads a page and collects its faults."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.open: list[str] = []
        self.seen: dict[str, int] = {}
        self.level = 0
        self.text: dict[str, str] = {}
        self.tables: list[dict[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Check an element as it opens."""
        given = {name: value or "" for name, value in attrs}
        self.seen[tag] = self.seen.get(tag, 0) + 1
        if tag not in VOID:
            self.open.append(tag)
        self._runs(tag, given)
        if tag == "html" and not given.get("lang", "").strip():
            self.faults.append("html: no language")
        if tag in HEADINGS:
            self._heading(int(tag[1]))
        if tag == "img" and not given.get("alt", "").strip():
            self.faults.append(f"img {self.seen['img']}: no alternative text")
        if tag == "svg" and not given.get("aria-label", "").strip():
            self.faults.append(f"svg {self.seen['svg']}: no label")
        self._table(tag, given)

    def _runs(self, tag: str, given: Mapping[str, str]) -> None:
        if tag in RUNS:
            self.faults.append(f"{tag}: a report holds nothing that runs or fetches")
        handlers = [name for name in given if name.startswith("on")]
        self.faults.extend(f"{tag}: attribute {name} would run" for name in handlers)
        source = given.get("src", "")
        if source and not source.startswith(LOCAL):
            self.faults.append(f"{tag}: src is outside the page")
        if given.get("href", "").strip().lower().startswith(("javascript:", "data:", "vbscript:")):
            self.faults.append(f"{tag}: href would run")

    def _heading(self, level: int) -> None:
        if level > self.level + 1:
            self.faults.append(f"h{level}: follows h{self.level or 'nothing'}, a level is left out")
        self.level = level

    def _table(self, tag: str, given: Mapping[str, str]) -> None:
        if tag == "table":
            self.tables.append({"caption": 0, "th": 0})
        elif self.tables and tag in self.tables[-1]:
            self.tables[-1][tag] += 1
        if tag == "th" and given.get("scope") not in SCOPES:
            self.faults.append("th: no scope")

    def handle_endtag(self, tag: str) -> None:
        """Check a table when it ends."""
        while tag in self.open and self.open.pop() != tag:
            pass
        if tag == "table" and self.tables:
            told = self.tables.pop()
            number = self.seen["table"]
            self.faults += [f"table {number}: no {part}" for part, count in told.items() if not count]

    def handle_data(self, data: str) -> None:
        """Keep the text of the title, headings, captions, header cells and links."""
        for tag in self.open[-2:]:
            self.text[tag] = self.text.get(tag, "") + data


def faults(html: str) -> list[str]:
    """Everything wrong with a page.

    Examples
    --------
    >>> faults('<html lang="en"><title>T</title><h1>T</h1><img src="data:image/png,"></html>')
    ['img 1: no alternative text']
    """
    page = _Page()
    page.feed(html)
    found = list(page.faults)
    if not page.text.get("title", "").strip():
        found.insert(0, "title: the page has none")
    if page.seen.get("h1", 0) != 1:
        found.append(f"h1: the page has {page.seen.get('h1', 0)}, not one")
    return found


def check(html: str, *, name: str) -> None:
    """Refuse a page with faults.

    Raises
    ------
    ValidationError
        Naming every fault.
    """
    found = faults(html)
    if found:
        raise ValidationError(f"{name}: the page is not fit to be read by everyone", faults=found)
