"""Scenario files of a workspace: show what one does, start a new one, check one."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd

from densitymap.city import load_city
from densitymap.errors import DensitymapError, DensitymapWarning, UsageError, ValidationError
from densitymap.pipeline import workspace
from densitymap.pipeline.scenario_places import placed
from densitymap.pipeline.scenarios import (
    FOLDER,
    RUN,
    folder_of,
    names_of,
    policy_of,
)
from densitymap.pipeline.workspace import Workspace
from densitymap.scenarios.answers import allowed_on
from densitymap.scenarios.document import Scenario, scenario_toml
from densitymap.scenarios.evaluate import levers_without_lots, lots_reached
from densitymap.scenarios.levers import is_law
from densitymap.scenarios.policy import Policy, load_policy
from densitymap.scenarios.standing import bound
from densitymap.scenarios.unlawful import unlawful
from densitymap.zoning.parts import parts_of

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


def listed(space: Workspace) -> dict[str, Any]:
    """Every scenario, no change first; one that cannot be used hides no other.

    Returns
    -------
    dict
        ``scenarios`` (``name``, ``title``, ``summary``, ``levers``: how many) and ``cannot_be_read``
        (``name``, ``why``).
    """
    found, refused = [], []
    for name in names_of(space):
        try:
            policy = policy_of(space, name)
        except DensitymapError as fault:
            refused.append({"name": name, "why": str(fault)})
            continue
        told = {"name": name, "title": policy.title, "summary": policy.summary, "levers": len(policy.levers)}
        found.append(told)
    return {"scenarios": found, "cannot_be_read": refused}


def show(space: Workspace, name: str) -> dict[str, Any]:
    """What a scenario does, lever by lever, and the manifest of its last run if there was one."""
    policy = policy_of(space, name)
    kept = workspace.read_json(folder_of(space, policy) / RUN) or {}
    return {
        "name": policy.name,
        "title": policy.title,
        "question": policy.question,
        "summary": policy.summary,
        "source": policy.source,
        "mark": policy.mark,
        "levers": [dict(lever) for lever in policy.levers],
        "places": [place.words for place in policy.all_places],
        "notes": list(policy.notes),
        "manifest": kept.get("manifest"),
        "last_run": kept.get("record"),
    }


_TEMPLATE = Scenario(
    name="new",
    title="A title people understand",
    question="second_home",
    summary="What it changes, in one or two sentences.",
    source="who proposed it, with a link or a number",
    mark="A",
    levers=(
        {"kind": "allow_use", "districts": ["R-4", "R-4A", "R-5"], "use": "duplex", "units": 2},
        {"kind": "set_at_most", "districts": ["R-4", "R-4A", "R-5"], "standard": "lot_area_min_ft2",
         "value": 5000, "unit": "ft2", "where": {"near": "rail_stations", "within_ft": 2640}},
        {"kind": "tenure_protection"},
    ),
)  # fmt: skip


def new(space: Workspace, name: str) -> Path:
    """Write a scenario to fill in, in the workspace's folder ``scenarios``.

    Raises
    ------
    UsageError
        If the name cannot be a file's, or is taken.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a scenario", next_step="use small letters, digits and hyphens"
        )
    if name in names_of(space):
        raise UsageError(f"There is a scenario named {name!r} already", next_step="choose another name")
    path = space.root / FOLDER / f"{name}.toml"
    workspace.write_text(path, scenario_toml(replace(_TEMPLATE, name=name)))
    return path


def validate(space: Workspace, name: str, *, allow_empty: bool = False) -> dict[str, Any]:
    """Check a scenario; on a built workspace also whom its levers reach.

    Raises
    ------
    ValidationError
        With every fault, if levers contradict one another on a lot, or if a lever reaches no lot and that is
        not allowed.
    """
    policy = policy_of(space, name)
    notes = list(policy.notes)
    path = space.parcels / "parcels.parquet"
    if not path.is_file():
        unasked = [{**lever, "lots_reached": None} for lever in policy.levers]
        return {"name": policy.name, "built": False, "levers": unasked, "notes": notes, "warnings": []}
    lots = workspace.read_frame(path).reset_index(drop=True)
    lots = placed(space, load_city(), lots, [policy])
    bound(lots, policy)
    policy.refuse_repeated(lots)
    counts = lots_reached(lots, policy)
    empty = levers_without_lots(policy, counts)
    if empty and not (allow_empty or policy.allow_empty):
        raise ValidationError(
            f"Scenario {policy.name} has levers that reach no lot here",
            faults=empty,
            next_step="correct `where` or the districts, or add --allow-empty (in its file: allow_empty)",
        )
    levers = [{**lever, "lots_reached": n} for lever, n in zip(policy.levers, counts, strict=True)]
    told = {"name": policy.name, "built": True, "levers": levers, "notes": [*notes, *empty]}
    return told | {"warnings": _warned(space, policy, lots)}


def _warned(space: Workspace, policy: Policy, lots: gpd.GeoDataFrame) -> list[str]:
    """Warn of lots where a scenario of the law makes a house unlawful, or lawful as a lot of record alone."""
    city = load_city()
    base = load_policy(city.code)
    if not any(is_law(lever) for lever in policy.levers):
        return []
    pieces = workspace.read_frame(space.parcels / "parcel_zones.parquet")
    parts = parts_of(lots, parcel_zones=pieces, sliver_share=city.sliver_share)
    before, after = (allowed_on(lots, parts, one, reasons=False) for one in (base, policy))
    said: list[str] = unlawful(lots, before, after, base=base, policy=policy)["warnings"]
    for line in said:
        warnings.warn(f"{policy.name}: {line}", DensitymapWarning, stacklevel=3)
    return said
