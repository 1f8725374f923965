"""What a scenario may be named by: a shipped or own name, a point of the last frontier, a file's path."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from densitymap import params
from densitymap.errors import UsageError
from densitymap.pipeline.workspace import Workspace
from densitymap.scenarios.document import file_of

_FRONTIER = "frontier"


def frontier_folder(space: Workspace) -> Path:
    """Where the points of the last frontier lie: scenario files whose names may be used as any other."""
    return space.results / _FRONTIER


def points_of(space: Workspace) -> dict[str, Path]:
    """Files of the points of the last frontier, by name."""
    return {path.stem: path for path in sorted(frontier_folder(space).glob("frontier-*.toml"))}


def named(space: Workspace, name: str, known: Sequence[str]) -> str | Path:
    """Tell where a scenario stands: the file of a point of the last frontier, else what was given.

    Parameters
    ----------
    space
        A workspace.
    name
        A name, or a file's path.
    known
        Names of the catalogue and of the workspace's own scenarios.

    Raises
    ------
    UsageError
        If there is none of this name: the nearest is suggested, and what may be named is listed.
    MissingDataError
        If it is a path and no file is there.
    """
    points = points_of(space)
    if name in known or file_of(name) is not None:
        return name
    if name in points:
        return points[name]
    shown = [*known, *([f"{min(points)} to {max(points)} (the last frontier)"] if points else [])]
    raise UsageError(
        f"There is no scenario named {name!r}.{params.nearest(name, [*known, *points])}",
        next_step=f"name one of {', '.join(shown)}, or give the path of a scenario's TOML file",
    )
