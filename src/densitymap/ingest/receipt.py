"""What happened to a file on its way in: the receipt that lies beside every layer."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

SHOWN = 25
"""How many rows a receipt lists by name for each reason; the count is always whole."""


@dataclass(kw_only=True, slots=True)
class Receipt:
    """Source, hash, rows in and out, and each reason a row was changed or left out."""

    layer: str
    source: str
    title: str
    file: str
    sha256: str
    publisher: str
    licence: str
    attribution: str
    vintage: str
    crs_in: str | None = None
    rows_in: int = 0
    rows_out: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    listed: dict[str, list[str]] = field(default_factory=dict)
    unused_files: list[str] = field(default_factory=list)

    def drop(self, reason: str, rows: Any) -> None:
        """Count rows left out for a reason, and list the first of them."""
        self._note(self.left_out, reason, rows)

    def change(self, reason: str, rows: Any) -> None:
        """Count rows whose value or shape was changed for a reason, and list the first of them."""
        self._note(self.changed, reason, rows)

    def _note(self, into: dict[str, int], reason: str, rows: Any) -> None:
        names = [str(row) for row in rows]
        if not names:
            return
        into[reason] = into.get(reason, 0) + len(names)
        shown = self.listed.setdefault(reason, [])
        shown.extend(names[: max(0, SHOWN - len(shown))])

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


BESIDE_SHAPEFILE = (".shx", ".dbf", ".prj", ".cpg")
"""Files that a Shapefile is made of, besides the one that is named."""


def parts_of(path: Path) -> list[Path]:
    """The file, and for a Shapefile those beside it that belong to it."""
    beside = [path.with_suffix(ending) for ending in BESIDE_SHAPEFILE] if path.suffix == ".shp" else []
    return [path, *(part for part in beside if part.is_file())]


def sha256_of(path: Path) -> str:
    """SHA-256 of a file; of a Shapefile, over all its parts."""
    digest = hashlib.sha256()
    for part in parts_of(path):
        with part.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
