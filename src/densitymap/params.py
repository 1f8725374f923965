"""Read the catalogue: every value that is a choice lives in ``catalog/`` as TOML.

A record is found by its kind (a folder) and its name (a file): adding a city, a zoning code, a
scenario or an index is adding one file. A folder of the user's own can be searched first.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from densitymap.errors import UsageError, ValidationError

CATALOG = Path(str(files("densitymap"))) / "catalog"
"""Where the shipped records lie."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Give `` Did you mean 'x'?`` for the closest known name, or an empty string.

    Examples
    --------
    >>> nearest("R4-A", ["R-4A", "C-1"])
    " Did you mean 'R-4A'?"
    >>> nearest("zzz", ["R-4A"])
    ''
    """
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def read_toml(path: Path) -> dict[str, Any]:
    """Read one TOML file; the mark some editors put before the first letter is passed over.

    Raises
    ------
    ValidationError
        If the file is not TOML: names the file, line and column.
    """
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as fault:
        raise ValidationError(
            f"{path} is not valid TOML: it is no text in UTF-8 (byte {fault.start:,})",
            next_step="save it as plain text in UTF-8",
        ) from fault
    except (tomllib.TOMLDecodeError, RecursionError) as fault:
        raise ValidationError(
            f"{path} is not valid TOML: {fault}", next_step="correct the file there"
        ) from fault


def names(kind: str, *, extra: Path | None = None) -> tuple[str, ...]:
    """List the records of a kind, sorted: the shipped ones and those under ``extra/kind``."""
    folders = [CATALOG / kind] + ([extra / kind] if extra else [])
    return tuple(sorted({path.stem for folder in folders for path in folder.glob("*.toml")}))


def load(kind: str, name: str, *, extra: Path | None = None) -> dict[str, Any]:
    """Load one record of the catalogue.

    Parameters
    ----------
    kind
        Folder of the catalogue: ``cities``, ``codes``, ``scenarios``, ``indices``, ...
    name
        File name without its ending.
    extra
        A user's own catalogue, searched before the shipped one.

    Raises
    ------
    UsageError
        If there is no such record; the nearest name is suggested.
    ValidationError
        If the file is not TOML.
    """
    for folder in ([extra] if extra else []) + [CATALOG]:
        path = folder / kind / f"{name}.toml"
        if path.is_file():
            return read_toml(path)
    known = names(kind, extra=extra)
    raise UsageError(
        f"There is no {kind} record named {name!r}.{nearest(name, known)}",
        next_step=f"known: {', '.join(known) or 'none'}",
    )


def load_parts(kind: str, name: str, *, extra: Path | None = None) -> dict[str, dict[str, Any]]:
    """Load the files of the folder that bears a record's name, keyed by file name, sorted.

    A large record (a zoning code) is split this way: ``codes/atlanta.toml`` and ``codes/atlanta/*.toml``.
    The folder is the one beside the record that :func:`load` would find.
    """
    for folder in ([extra] if extra else []) + [CATALOG]:
        if (folder / kind / f"{name}.toml").is_file():
            return {path.stem: read_toml(path) for path in sorted((folder / kind / name).glob("*.toml"))}
    return {}


@cache
def choice(name: str, *, group: str = "pipeline") -> Any:
    """Give a number somebody chose, from ``catalog/choices``; its unit and citation stand there.

    Examples
    --------
    >>> choice("corridor_reach_ft")
    1320.0
    """
    return load("choices", group)[name]["value"]


@cache
def load_all(kind: str) -> Mapping[str, dict[str, Any]]:
    """Load every shipped record of a kind, keyed by name."""
    return {name: load(kind, name) for name in names(kind)}
