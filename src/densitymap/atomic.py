"""A file is written beside its place and put there in one step: what was there stays whole until then."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

PART = ".part"
"""Ending of a file that is being written."""


def put(path: Path, write: Callable[[Path], Any]) -> Path:
    """Write a file whole, and give its place.

    Whatever happens in between (a kill, a full disk), the previous file stays.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=PART, dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        write(part)
        with part.open("rb+") as stream:
            os.fsync(stream.fileno())
        part.chmod(0o644)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path
