"""Find the file of each layer under a folder of published files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from densitymap.city import Layer, Source
from densitymap.errors import MissingDataError, ValidationError
from densitymap.ingest.receipt import BESIDE_SHAPEFILE

ADDED = "added"
"""Folder of files a user brought in by hand (`densitymap add`); they win over all others."""
NEVER_READ = ("fixtures", "corrections")
"""Folders of a pack that hold tests or edits, not layers."""


@dataclass(frozen=True, slots=True)
class Found:
    """A layer's file and the source record that reads it; ``unused`` are of lower order."""

    path: Path
    root: Path
    source: Source | None
    unused: tuple[Path, ...] = ()

    @property
    def relative(self) -> str:
        """Path inside the pack, with forward slashes: no path of this machine is ever kept."""
        return self.path.relative_to(self.root).as_posix()


def find(layer: Layer, roots: Sequence[Path]) -> Found | None:
    """Find the file of a layer: one added by hand first, then the sources in their order.

    Returns
    -------
    Found or None
        None if no file of any source is there.

    Raises
    ------
    ValidationError
        If two files match the same source: they truly compete, and a person must choose.
    """
    candidates: list[tuple[Source | None, Path, list[Path]]] = [
        (None, root, sorted(_files_in(root / ADDED / layer.name))) for root in roots
    ]
    for source in layer.sources:
        candidates += [(source, root, _matches(source, root)) for root in roots]
    present = [(source, root, files) for source, root, files in candidates if files]
    if not present:
        return None
    chosen, root, files = present[0]
    if len(files) > 1:
        raise ValidationError(
            f"Layer {layer.name}: {len(files)} files compete as {chosen.name if chosen else 'added'}",
            faults=[file.relative_to(root).as_posix() for file in files],
            next_step="keep one of them in the folder, or name another with --source",
        )
    unused = tuple(file for _, _, others in present[1:] for file in others)
    return Found(files[0], root, chosen, unused)


def _matches(source: Source, root: Path) -> list[Path]:
    found = {path for pattern in source.files for path in root.glob(pattern)}
    main = (path for path in found if path.suffix not in BESIDE_SHAPEFILE)
    return sorted(path for path in main if not _is_set_aside(path.relative_to(root)))


def _is_set_aside(relative: Path) -> bool:
    parts = relative.parts
    return any(part in NEVER_READ for part in parts) or ADDED in parts or relative.name.startswith(".")


def _files_in(folder: Path) -> list[Path]:
    files = folder.glob("*") if folder.is_dir() else []
    return [path for path in files if not path.name.startswith(".") and path.suffix not in BESIDE_SHAPEFILE]


def require_root(root: Path) -> None:
    """Refuse a folder of published files that is not there.

    Raises
    ------
    MissingDataError
        Naming the folder and what to do.
    """
    if not root.is_dir():
        raise MissingDataError(
            f"There is no folder of published files at {root}",
            next_step="`densitymap sample` writes a synthetic one; --source names another",
        )
