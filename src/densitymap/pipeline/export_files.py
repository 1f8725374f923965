"""Formats of an export: each writes its files whole, one by one, and says what stands in each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from densitymap.exports import files, gpkg, workbook
from densitymap.exports.content import Bundle, Dataset
from densitymap.ingest.receipt import sha256_of
from densitymap.pipeline import workspace


def entry(path: Path, names: list[str]) -> dict[str, Any]:
    """What a written file is: its name, size, hash, and the layers in it."""
    return {
        "path": path.name, "bytes": path.stat().st_size, "sha256": sha256_of(path), "datasets": names,
    }  # fmt: skip


Written = Iterable[tuple[Path, list[str]]]


def _parts(bundle: Bundle) -> Iterable[tuple[str, tuple[Dataset, ...]]]:
    """One file for what may stand together, one per share-alike licence."""
    yield "densitymap", bundle.datasets
    for dataset in bundle.apart:
        yield f"densitymap_{dataset.name}_share_alike", (dataset,)


def _write_gpkg(bundle: Bundle, folder: Path) -> Written:
    for name, datasets in _parts(bundle):
        path = folder / f"{name}.gpkg"
        write = partial(gpkg.geopackage, bundle, datasets)
        workspace.write_atomically(path, partial(_through, ".gpkg", write))
        yield path, [dataset.name for dataset in datasets]


def _through(ending: str, write: Callable[[Path], Any], part: Path) -> None:
    """Write by a name with the format's ending, which GDAL goes by."""
    named = part.with_name(part.name + ending)
    try:
        write(named)
        named.replace(part)
    finally:
        named.unlink(missing_ok=True)


def _write_each(
    bundle: Bundle, folder: Path, *, ending: str, write: Callable[[Dataset, Path], None], bare: bool = True
) -> Written:
    """One file per layer; ``bare`` says whether tables without shapes get one too."""
    for dataset in (*bundle.datasets, *bundle.apart):
        if dataset.has_shapes or bare:
            path = folder / f"{dataset.name}.{ending}"
            workspace.write_atomically(path, partial(write, dataset))
            yield path, [dataset.name]


def _write_parquet(bundle: Bundle, folder: Path) -> Written:
    write = partial(files.geoparquet, provenance=bundle.provenance)
    return _write_each(bundle, folder, ending="parquet", write=write)


def _write_geojson(bundle: Bundle, folder: Path) -> Written:
    write = partial(files.geojson, provenance=bundle.provenance)
    return _write_each(bundle, folder, ending="geojson", write=write, bare=False)


def _write_csv(bundle: Bundle, folder: Path) -> Written:
    return _write_each(bundle, folder, ending="csv", write=files.csv)


def _write_xlsx(bundle: Bundle, folder: Path) -> Written:
    path = folder / "densitymap.xlsx"
    workspace.write_atomically(path, partial(workbook.workbook, bundle, bundle.datasets))
    yield path, [dataset.name for dataset in bundle.datasets]


WRITERS: Mapping[str, Callable[[Bundle, Path], Written]] = {
    "gpkg": _write_gpkg,
    "geoparquet": _write_parquet,
    "geojson": _write_geojson,
    "csv": _write_csv,
    "xlsx": _write_xlsx,
}
