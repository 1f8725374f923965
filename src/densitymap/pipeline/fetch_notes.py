"""The note beside each fetched file: where it came from, when, what the server said, and its hash."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from densitymap.pipeline import workspace

AS_FETCHED = "as fetched"
"""A vintage the catalogue leaves to the server."""


def note_path(raw: Path, relative: str) -> Path:
    """Where the note of a file lies: hidden, so that no layer's pattern takes it for data.

    Examples
    --------
    >>> note_path(Path("raw"), "zoning/zoning.geojson").as_posix()
    'raw/zoning/.zoning.geojson.fetched.json'
    """
    path = raw / relative
    return path.with_name(f".{path.name}.fetched.json")


def read_note(raw: Path, record: Mapping[str, Any], *, path: Path | None = None) -> Any:
    """Note of a source's file, or None where it was not fetched, or the file is gone."""
    relative = record.get("file") if path is None else path.relative_to(raw).as_posix()
    if relative is None or not (raw / relative).is_file():
        return None
    return workspace.read_json(note_path(raw, relative))


def as_told(receipt: dict[str, Any], path: Path) -> dict[str, Any]:
    """A layer's receipt with what the server said when its file was fetched; as it is for other files.

    The server's own words on its licence go before the catalogue's, and its last edit is the vintage
    where the catalogue leaves that open.
    """
    note = workspace.read_json(note_path(path.parent, path.name))
    if not note or note.get("sha256") != receipt["sha256"]:
        return receipt
    told = {name: note[name] for name in ("url", "service_layer", "fetched_at")}
    told["licence"] = note["licence"] or receipt["licence"]
    if receipt["vintage"] == AS_FETCHED:
        told["vintage"] = note["vintage"] or f"fetched {note['fetched_at'][:10]}"
    return receipt | told
