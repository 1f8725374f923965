"""What every fetcher is given and gives back, and how a file is put in its place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from densitymap.atomic import put
from densitymap.errors import NetworkError

Bounds = tuple[float, float, float, float]
_PAGE_MARKS = (b"<!doctype", b"<html", b"<head")


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """The area a fetch is for: its name and its box in degrees (west, south, east, north)."""

    name: str
    bounds_deg: Bounds


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """What came: the files, what the publisher said of them, and what a reader should know."""

    files: tuple[Path, ...]
    url: str
    layer: str | None = None
    rows: int | None = None
    vintage: str | None = None
    licence: str | None = None
    notes: tuple[str, ...] = ()


def put_text(path: Path, text: str) -> Path:
    """Put text in its place whole, in UTF-8."""
    return put(path, lambda part: part.write_text(text, encoding="utf-8"))


def whole(answer: Any, *, where: str) -> bytes:
    """Body of an answer, refused where it is an error, a web page, or empty.

    Parameters
    ----------
    answer
        As requests gives it.
    where
        How messages name it.

    Raises
    ------
    NetworkError
        Saying which.
    """
    body: bytes = answer.content
    if answer.status_code != 200:  # noqa: PLR2004 - HTTP: ok
        raise NetworkError(f"{where}: HTTP {answer.status_code}", next_step="run `densitymap doctor`")
    if body[:200].lstrip().lower().startswith(_PAGE_MARKS):
        said = " ".join(body[:120].decode("utf-8", "replace").split())
        raise NetworkError(f"{where}: a web page came instead of the file: {said!r}")
    if not body:
        raise NetworkError(f"{where}: nothing came", next_step="try again later")
    return body
