"""The index page of a batch: every brief by place, and those that could not be made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from densitymap.maps.words import Words
from densitymap.reports.page import finished


def render(
    area: str, made: Sequence[Mapping[str, Any]], failed: Sequence[Mapping[str, str]], say: Words
) -> str:
    """Write the index page.

    Parameters
    ----------
    area
        Name of the area.
    made
        ``place``, ``kind``, ``lots`` and ``files`` (form to path) of each brief.
    failed
        ``place`` and ``why`` of each that could not be made.
    say
        The reader's language.

    Raises
    ------
    ValidationError
        If the page is not fit to be read by everyone.
    """
    rows = [
        dict(row) | {"files": {form: PurePath(path).name for form, path in row["files"].items()}}
        for row in made
    ]
    title = say("index.title", area=area)
    return finished("index.html", name="index", say=say, area=area, rows=rows, failed=failed, title=title)
