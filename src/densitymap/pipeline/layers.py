"""Stage 1 to 2: every published file becomes a clean layer with a receipt."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from densitymap import params
from densitymap.city import City, Layer
from densitymap.displacement import acs
from densitymap.errors import DensitymapError, MissingDataError, UsageError, ValidationError
from densitymap.ingest import find, normalise
from densitymap.ingest.find import Found
from densitymap.ingest.receipt import parts_of, sha256_of
from densitymap.pipeline import workspace
from densitymap.pipeline.fetch_notes import as_told
from densitymap.pipeline.workspace import Workspace

NEEDED = ("parcels", "zoning")
"""Layers without which there is nothing to join."""

Progress = Callable[[str], None]


@dataclass(slots=True)
class Layers:
    """The layers of a build: their files, receipts, and what was redone."""

    folder: Path
    receipts: dict[str, dict[str, Any]] = field(default_factory=dict)
    rasters: dict[str, Path] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    redone: list[str] = field(default_factory=list)

    def read(self, name: str) -> Any:
        """Read a layer's table."""
        return workspace.read_frame(self.folder / f"{name}.parquet")

    def has(self, name: str) -> bool:
        """Whether the layer is loaded as a table."""
        return name in self.receipts and name not in self.rasters


def source_roots(space: Workspace, source: Path | None) -> list[Path]:
    """Folders to search: the named one (or ``data/1_raw``), and what was added by hand.

    Raises
    ------
    MissingDataError
        If the folder is not there.
    """
    root = source or space.raw
    find.require_root(root)
    added = space.raw / find.ADDED
    return [root] if source is None or not added.is_dir() else [space.raw, root]


def is_synthetic(roots: Sequence[Path]) -> bool:
    """Whether any of the folders holds the synthetic sample (its ``pack.toml`` says so)."""
    packs = [root / "pack.toml" for root in roots]
    return any(params.read_toml(pack).get("synthetic", False) for pack in packs if pack.is_file())


def build_layers(space: Workspace, city: City, roots: Sequence[Path], *, progress: Progress) -> Layers:
    """Bring every layer that has a file up to date; layers that have not changed are left alone.

    Raises
    ------
    MissingDataError
        If a layer without which nothing can be joined has no file.
    ValidationError
        With the faults of all files, told at once; what was there before stays.
    """
    result = Layers(space.layers)
    faults: list[DensitymapError] = []
    for layer in city.layers.values():
        progress(layer.title)
        try:
            _build_layer(result, layer, city, roots)
        except DensitymapError as fault:
            faults.append(fault)
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise ValidationError(f"{len(faults)} layers were refused", faults=[str(fault) for fault in faults])
    _require(result, city)
    return result


def _build_layer(result: Layers, layer: Layer, city: City, roots: Sequence[Path]) -> None:
    found = find.find(layer, roots)
    if found is None:
        result.absent.append(layer.name)
        return
    target = result.folder / f"{layer.name}.parquet"
    stamp = result.folder / f"{layer.name}.receipt.json"
    mark = workspace.fingerprint([layer.name, found.relative, sha256_of(found.path), *map(str, found.unused)])
    if layer.shape == "raster":
        result.rasters[layer.name] = found.path
        result.receipts[layer.name] = as_told(_raster_receipt(found, layer), found.path)
        return
    if workspace.is_fresh(stamp, mark, [target]):
        result.receipts[layer.name] = as_told(workspace.read_json(stamp)["receipt"], found.path)
        return
    frame, receipt = normalise.layer_from(
        found, layer, city, measures=acs.measures, crs=declared_system(found)
    )
    workspace.write_frame(target, frame)
    entry = receipt.as_dict() | {"output_sha256": sha256_of(target)}
    workspace.write_json(stamp, {"fingerprint": mark, "receipt": entry})
    result.receipts[layer.name] = as_told(entry, found.path)
    result.redone.append(layer.name)


def _raster_receipt(found: Found, layer: Layer) -> dict[str, Any]:
    source = found.source or layer.sources[0]
    return normalise.receipt_of(found, layer, source).as_dict()


def _require(result: Layers, city: City) -> None:
    lacking = [city.layers[name] for name in NEEDED if name in result.absent]
    if lacking:
        names = "; ".join(f"{layer.name} ({layer.title}): from {layer.fill}" for layer in lacking)
        raise MissingDataError(
            f"No file was found for {names}",
            next_step=f"`densitymap add FILE --as {lacking[0].name}`, or `densitymap sample`",
        )


def declared_system(found: Found) -> str | None:
    """Reference system a user declared for a file added by hand."""
    note = workspace.read_json(found.path.with_name(f".{found.path.name}.crs.json"))
    return note["crs"] if note else None


def add_file(space: Workspace, city: City, path: Path, name: str, *, crs: str | None) -> dict[str, Any]:
    """Bring a file in by hand as a layer, with the same checks a build makes.

    The file is copied to ``data/1_raw/added/<layer>/`` only after it was read and found good; a
    file added before is replaced.

    Raises
    ------
    UsageError
        If there is no such layer.
    MissingDataError, ValidationError, CRSError
        If the file is absent or refused; nothing on disk is changed then.
    """
    if name not in city.layers or city.layers[name].shape == "raster":
        known = [key for key, layer in city.layers.items() if layer.shape != "raster"]
        raise UsageError(
            f"There is no layer named {name!r}.{params.nearest(name, known)}",
            next_step=f"known: {', '.join(known)}",
        )
    declared = normalise.declared_crs(crs) if crs else None
    found = Found(path, path.parent, None)
    _, receipt = normalise.layer_from(found, city.layers[name], city, measures=acs.measures, crs=declared)
    _keep(space.raw / find.ADDED / name, path, declared)
    return receipt.as_dict()


def _keep(folder: Path, path: Path, declared: str | None) -> None:
    """Copy a file and what belongs to it; the one it replaces goes only when the new one is whole."""
    parts = parts_of(path)
    for part in parts:
        workspace.write_atomically(folder / part.name, partial(shutil.copyfile, part))
    note = folder / f".{path.name}.crs.json"
    if declared:
        workspace.write_json(note, {"crs": declared})
    else:
        note.unlink(missing_ok=True)
    kept = {part.name for part in parts} | {note.name}
    for other in folder.iterdir():
        if other.name not in kept:
            other.unlink()
