"""What changed between two locks: layers by hash, lots and zoning where their data is at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from densitymap import params
from densitymap.city import DEFAULT, load_city
from densitymap.errors import MissingDataError, ValidationError
from densitymap.parcels import changes
from densitymap.pipeline import workspace
from densitymap.pipeline.workspace import Workspace

TOLD = ("rows", "rows_in", "vintage", "licence", "url", "service_layer", "file", "fetched_at", "crs_in")
"""Facts of a layer or a fetched source that are told before and after, where they differ."""


@dataclass(frozen=True, slots=True)
class Edition:
    """A lock, and the workspace that holds the layers it speaks of."""

    path: Path
    lock: Mapping[str, Any]
    space: Workspace

    def why_not(self, name: str) -> str | None:
        """Why a layer of this edition cannot be read; None where it can."""
        entry = self.lock["layers"].get(name)
        if entry is None:
            return f"{self.path.name} has no layer {name}"
        stamp = workspace.read_json(self.space.layers / f"{name}.receipt.json")
        if not isinstance(stamp, dict) or not (self.space.layers / f"{name}.parquet").is_file():
            return f"the layer {name} of {self.path.name} is not at hand"
        if stamp.get("receipt", {}).get("sha256") != entry["sha256"]:
            return f"the layer {name} beside {self.path.name} is of another edition"
        return None

    def read(self, name: str) -> Any:
        """Read a layer.

        Raises
        ------
        ValidationError
            If its file is damaged.
        """
        path = self.space.layers / f"{name}.parquet"
        try:
            return workspace.read_frame(path)
        except (OSError, ValueError) as fault:
            raise ValidationError(
                f"{path.name} beside {self.path.name} cannot be read: {fault}",
                next_step="run `densitymap build` in its workspace",
            ) from fault


def open_edition(place: Path, data: Path | None = None) -> Edition:
    """Open a lock.

    Parameters
    ----------
    place
        The lock, or the workspace it lies in.
    data
        Workspace whose layers it speaks of; the folder of the lock when not given.

    Raises
    ------
    MissingDataError
        If there is no such lock or workspace.
    ValidationError
        If the file is no lock.
    """
    path = Workspace(place).lock if place.is_dir() else place
    if not path.is_file():
        raise MissingDataError(
            f"There is no lock at {path}",
            next_step="`densitymap build` writes densitymap.lock; keep a copy of it",
        )
    if data is not None and not data.is_dir():
        raise MissingDataError(
            f"There is no workspace at {data}", next_step="name the folder that holds data/"
        )
    lock = workspace.read_json(path)
    if not _is_lock(lock):
        raise ValidationError(f"{path.name} is no lock of densitymap", next_step="name a densitymap.lock")
    return Edition(path, lock, Workspace(data or path.parent))


def compare(before: Edition, after: Edition, *, city_name: str = DEFAULT) -> dict[str, Any]:
    """Tell what changed from one edition to the next.

    Returns
    -------
    dict
            ``layers`` and ``sources`` (what was fetched): one entry each that is new, gone or changed, with
        what was and what is; ``unchanged``: how many layers are not; ``parcels`` and ``zoning``: events
        and counts, or ``not_compared`` with the reason.
    """
    layers, unchanged = _changes(before.lock["layers"], after.lock["layers"])
    sources, _ = _changes(before.lock.get("sources", {}), after.lock.get("sources", {}))
    return {
        "before": {"lock": before.path.name, "lock_hash": before.lock.get("lock_hash")},
        "after": {"lock": after.path.name, "lock_hash": after.lock.get("lock_hash")},
        "layers": layers,
        "sources": sources,
        "unchanged": unchanged,
        "parcels": _parcels(before, after),
        "zoning": _zoning(before, after, city_name),
    }


def _is_lock(lock: Any) -> bool:
    parts = [lock.get("layers"), lock.get("sources", {})] if isinstance(lock, dict) else [None]
    return all(
        isinstance(part, dict)
        and all(isinstance(e, dict) and isinstance(e.get("sha256"), str) for e in part.values())
        for part in parts
    )


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[list[dict[str, Any]], int]:
    entries = [_entry(name, old.get(name), new.get(name)) for name in sorted(old.keys() | new.keys())]
    told = [entry for entry in entries if entry["change"] != "unchanged"]
    return told, len(entries) - len(told)


def _entry(name: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> dict[str, Any]:
    if old is None or new is None:
        change, facts = ("new", new or {}) if old is None else ("gone", old)
        return {"name": name, "change": change, **{key: value for key, value in facts.items() if key in TOLD}}
    changed = "unchanged" if old["sha256"] == new["sha256"] else "changed"
    differs = {
        key: {"before": old.get(key), "after": new.get(key)} for key in TOLD if old.get(key) != new.get(key)
    }
    return {"name": name, "change": changed, **differs}


def _why_not(before: Edition, after: Edition, name: str) -> str | None:
    reasons = [reason for edition in (before, after) if (reason := edition.why_not(name))]
    return "; ".join(reasons) or None


def _same(before: Edition, after: Edition, name: str) -> bool:
    old, new = (edition.lock["layers"].get(name, {}).get("sha256") for edition in (before, after))
    return old is not None and old == new


def _parcels(before: Edition, after: Edition) -> dict[str, Any]:
    counts = dict.fromkeys(changes.CHANGES, 0)
    if _same(before, after, "parcels"):
        return {"counts": counts, "events": []}
    if reason := _why_not(before, after, "parcels"):
        return {"not_compared": reason}
    chosen = {name: params.choice(name, group="diff") for name in ("same_share", "link_share")}
    events = changes.parcel_changes(before.read("parcels"), after.read("parcels"), **chosen)
    found = events["change"].value_counts()
    return {"counts": {name: int(found.get(name, 0)) for name in counts}, "events": events.to_dict("records")}


def _zoning(before: Edition, after: Edition, city_name: str) -> dict[str, Any]:
    if _same(before, after, "zoning"):
        return {"ground": [], "lots": []}
    if reason := _why_not(before, after, "zoning"):
        return {"not_compared": reason}
    holder = next((edition for edition in (after, before) if not edition.why_not("parcels")), None)
    zones = [edition.read("zoning") for edition in (before, after)]
    lots = holder.read("parcels") if holder else zones[0].iloc[:0].assign(parcel_id="")
    sliver = load_city(city_name).sliver_area_ft2
    ground, moved = changes.rezoned(zones[0], zones[1], lots, sliver_ft2=sliver)
    return {
        "ground": ground.round({"acres": 2}).to_dict("records"),
        "lots": _records(moved),
        "lots_at_hand": holder is not None,
    }


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    plain = frame.astype(object).where(frame.notna(), None)
    return [dict(zip(plain.columns, row, strict=True)) for row in plain.itertuples(index=False)]
