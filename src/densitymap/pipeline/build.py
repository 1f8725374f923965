"""The build: files to layers, layers to joined tables, tables to results; only what changed is redone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from densitymap.city import DEFAULT, City, load_city
from densitymap.errors import MissingDataError, ValidationError
from densitymap.geometry import ACRE_FT2
from densitymap.ingest.receipt import sha256_of
from densitymap.pipeline import derived as stage_derived
from densitymap.pipeline import funnel as stage_funnel
from densitymap.pipeline import layers as stage_layers
from densitymap.pipeline import parcels as stage_parcels
from densitymap.pipeline import results as stage_results
from densitymap.pipeline import uptake as stage_uptake
from densitymap.pipeline import workspace
from densitymap.pipeline.layers import Layers
from densitymap.pipeline.workspace import Workspace

REPORT = "build.json"
SYNTHETIC = "SYNTHETIC SAMPLE"


@dataclass(slots=True)
class Clock:
    """Seconds by stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage."""
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)


def build(
    space: Workspace,
    *,
    source: Path | None = None,
    area: str = "district-5",
    city_name: str = DEFAULT,
    locked: bool = False,
    progress: Callable[..., None] = lambda *_: None,
) -> dict[str, Any]:
    """Build a workspace from published files.

    Parameters
    ----------
    space
        Where ``data/`` lies; earlier outputs are replaced only by whole ones.
    source
        Folder of published files; ``data/1_raw`` when not given.
    area
        What :func:`densitymap.parcels.area.resolve` understands, or a file of polygons.
    city_name
        Record in ``catalog/cities``.
    locked
        Refuse to build when a file differs from ``densitymap.lock``.
    progress
        Told what is being done.

    Returns
    -------
    dict
        The report, also kept as ``data/4_results/build.json``.

    Raises
    ------
    MissingDataError, UsageError, ValidationError, CRSError
        With every fault found; the previous build stays.
    """
    clock = Clock()
    city = load_city(city_name)
    roots = stage_layers.source_roots(space, source)
    workspace.sweep(space)
    with clock.stage("layers"):
        layers = stage_layers.build_layers(space, city, roots, progress=progress)
    synthetic = stage_layers.is_synthetic(roots)
    if synthetic:
        mark_synthetic(layers)
    lock = lock_of(layers)
    if locked:
        check_lock(space, lock)
    with clock.stage("join"):
        progress("Joining lots, zoning, places and census")
        redone = _join(space, layers, city, area)
    with clock.stage("results"):
        progress("Judging lots and tracts")
        redone += stage_results.build_results(space, city, layers)
    with clock.stage("funnel"):
        progress("Counting what is allowed, fits and pays")
        redone += stage_funnel.build_funnel(space, city, layers)
    with clock.stage("uptake"):
        progress("Drawing what is expected in ten years")
        drawn, expected = stage_uptake.expect(space, city)
        redone += drawn
    with clock.stage("derived lots"):
        progress("Deriving lots where there are buildings and no parcels")
        derived = stage_derived.build_derived(space, city, layers)
    _write_lock(space, lock)
    report = _report(space, layers, lock, synthetic=synthetic)
    report["expected"] = expected
    report["derived_lots"] = derived
    report["seconds"] = clock.seconds
    report["redone"] = layers.redone + redone + (["derived_lots"] if derived["redone"] else [])
    workspace.write_json(space.results / REPORT, report)
    return report


def mark_synthetic(layers: Layers) -> None:
    """Say of every layer that it is made up: no publisher answers for it, no licence binds it."""
    told = dict.fromkeys(("publisher", "licence", "attribution", "vintage"), SYNTHETIC)
    for name, receipt in layers.receipts.items():
        receipt.update(told, title=f"{SYNTHETIC}: {name.replace('_', ' ')}")


def lock_of(layers: Layers) -> dict[str, Any]:
    """What the build is made from: file, vintage, rows, hash and licence of each layer.

    Fetched layers also have their address, the service's layer and the time; the time is no part of the hash.
    """
    kept = ("file", "title", "publisher", "vintage", "licence", "attribution", "sha256", "rows_in", "crs_in")
    told = ("url", "service_layer")
    entries = {
        name: {key: receipt[key] for key in (*kept, *told) if key in receipt}
        for name, receipt in layers.receipts.items()
    }
    mark = workspace.hash_of(entries)
    for name, receipt in layers.receipts.items():
        entries[name] |= {key: receipt[key] for key in ("fetched_at",) if key in receipt}
    return {"version": 1, "layers": entries, "lock_hash": mark}


def check_lock(space: Workspace, lock: dict[str, Any]) -> None:
    """Refuse files that differ from the lock.

    Raises
    ------
    MissingDataError
        If there is no lock yet.
    ValidationError
        Naming every layer that differs.
    """
    kept = workspace.read_json(space.lock)
    if kept is None:
        raise MissingDataError(
            "There is no densitymap.lock to hold to", next_step="run `densitymap build` once"
        )
    old, new = kept["layers"], lock["layers"]
    faults = [
        f"{name}: {'gone' if name not in new else 'new' if name not in old else 'changed'}"
        for name in sorted(old.keys() | new.keys())
        if old and old.get(name, {}).get("sha256") != new.get(name, {}).get("sha256")
    ]
    faults += _changed_since_fetched(space, kept.get("sources", {}))
    if faults:
        raise ValidationError(
            "The published files differ from densitymap.lock",
            faults=faults,
            next_step="build without --locked to accept them",
        )


def _changed_since_fetched(space: Workspace, sources: dict[str, Any]) -> list[str]:
    """Fetched files that are not what the lock says, one line each."""
    faults = []
    for name, entry in sources.items():
        path = space.raw / entry["file"]
        if not path.is_file():
            faults.append(f"{name}: {entry['file']} is gone")
        elif sha256_of(path) != entry["sha256"]:
            faults.append(f"{name}: {entry['file']} is not the file that was fetched")
    return faults


def _write_lock(space: Workspace, lock: dict[str, Any]) -> None:
    """Write what the build is made from, and keep what the lock says of fetched sources."""
    kept = workspace.read_json(space.lock) or {}
    fetched = {"sources": kept["sources"]} if "sources" in kept else {}
    workspace.write_json(space.lock, lock | fetched)


def _join(space: Workspace, layers: Layers, city: City, area: str) -> list[str]:
    """Join the area's lots, unless nothing they rest on has changed."""
    inputs = {name: receipt["sha256"] for name, receipt in layers.receipts.items()}
    found = stage_parcels.find_area(area, layers, city)
    edits = stage_parcels.edits_of(space, city)
    edited = None if edits is None else workspace.hash_of(edits.to_csv(index=False))
    mark = workspace.fingerprint([inputs, found.name, found.polygon.wkb_hex, edited])
    stamp = space.parcels / "join.json"
    outputs = [space.parcels / f"{name}.parquet" for name in stage_parcels.TABLES]
    if workspace.is_fresh(stamp, mark, outputs):
        return []
    joined = stage_parcels.join_area(layers, found, city, edits=edits)
    stage_parcels.write(joined, space.parcels)
    parcels = joined.tables["parcels"]
    summary = {
        "area": found.name,
        "area_acres": round(found.polygon.area / ACRE_FT2, 1),
        "parcels_read": joined.records_read,
        "parcels_in_area": int(parcels["n_records"].sum()),
        "area_covered_share": round(stage_parcels.covered_share(parcels, found), 4),
        "unmatched": stage_parcels.unmatched_counts(joined),
        "corrections": {
            "given": 0 if edits is None else len(edits),
            "not_applied": joined.edits_not_applied,
        },
        "tables": sorted(joined.tables),
    }
    workspace.write_json(stamp, {"fingerprint": mark, "summary": summary})
    return ["3_parcels"]


def _report(space: Workspace, layers: Layers, lock: dict[str, Any], *, synthetic: bool) -> dict[str, Any]:
    joined = workspace.read_json(space.parcels / "join.json")["summary"]
    parcels = workspace.read_frame(space.parcels / "parcels.parquet")
    changed = layers.receipts["parcels"]["changed"]
    zoned = parcels.loc[parcels["zone_district"].notna(), "n_records"].sum()
    return {
        "synthetic": SYNTHETIC if synthetic else False,
        **{key: joined[key] for key in ("area", "area_acres", "parcels_read", "parcels_in_area")},
        "lots": len(parcels),
        "stacked_merged": _counted(changed, "stacked"),
        "duplicates": _counted(changed, "repeating"),
        "without_id": _counted(changed, "no parcel id"),
        "zoned_share": round(float(zoned / parcels["n_records"].sum()), 4) if len(parcels) else None,
        "unmatched": joined["unmatched"],
        "corrections": joined["corrections"],
        "parcels_by_neighbourhood": _records_by(parcels, "neighborhood"),
        "area_covered_share": joined["area_covered_share"],
        **stage_results.summary(space),
        "zone_districts": _records_by(parcels, "zone_district"),
        "layers": {name: _layer_entry(receipt) for name, receipt in layers.receipts.items()},
        "layers_absent": layers.absent,
        "lock_hash": lock["lock_hash"],
    }


def _counted(reasons: dict[str, int], word: str) -> int:
    return sum(count for reason, count in reasons.items() if word in reason)


def _records_by(parcels: pd.DataFrame, column: str) -> dict[str, int]:
    counts = parcels.groupby(parcels[column].fillna("no data"))["n_records"].sum()
    named = {str(key): int(count) for key, count in counts.items()}
    return dict(sorted(named.items(), key=lambda item: (-item[1], item[0])))


LAYER_ENTRY = (
    "title", "file", "rows_in", "rows_out", "vintage", "licence", "attribution", "sha256",
    "left_out", "changed", "unused_files",
)  # fmt: skip


def _layer_entry(receipt: dict[str, Any]) -> dict[str, Any]:
    kept = {name: receipt[name] for name in LAYER_ENTRY}
    return kept | {"rows": receipt["rows_out"], "crs": receipt["crs_in"]}
