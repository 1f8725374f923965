"""Policies a map shows: those every build judged, or the scenarios it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from densitymap import params
from densitymap.city import load_city
from densitymap.errors import UsageError
from densitymap.pipeline import workspace
from densitymap.pipeline.results import BASELINE
from densitymap.pipeline.workspace import Workspace
from densitymap.scenarios.answers import allowed as allowed_under
from densitymap.scenarios.policy import apply, load_policy

TABLES = ("allowed", "fits", "zone_answers")
"""Results a map reads, by policy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """What policies say: name, title and question of each (today's law first), and their long tables.

    ``pair`` are the two to compare, ``shown`` the one the map opens on, ``notes`` what a reader must
    know of them. Policies to compare were asked the same question.
    """

    policies: list[tuple[str, str, str]]
    allowed: pd.DataFrame
    fits: pd.DataFrame
    zone_answers: pd.DataFrame
    pair: tuple[str, str] | None = None
    shown: str | None = None
    notes: tuple[str, ...] = ()


def judged_under(
    space: Workspace, report: Mapping[str, Any], scenario: str | None, compare: tuple[str, str] | None
) -> Judged:
    """Give the answers of the policies asked for, beside today's law; of all the build judged if none.

    Raises
    ------
    UsageError
        If there is no such scenario; the nearest is suggested.
    """
    asked = [*(compare or ()), *([scenario] if scenario else [])]
    stored = report["policies"]
    unknown = [name for name in asked if name not in stored]
    if unknown:
        raise UsageError(
            f"There is no scenario named {unknown[0]!r}.{params.nearest(unknown[0], stored)}",
            next_step=f"known: {', '.join(stored)}",
        )
    names = list(dict.fromkeys([BASELINE, *asked])) if asked else list(stored)
    questions = params.load("words", "questions")
    told = {name: questions[stored[name]["question"]] for name in names}
    tables = {name: workspace.read_frame(space.results / f"{name}.parquet") for name in TABLES}
    pair = compare or ((BASELINE, scenario) if scenario and scenario != BASELINE else None)
    if pair:
        question = stored[pair[1]]["question"]
        tables["allowed"] = _asked(space, names, question)
        told = dict.fromkeys(names, questions[question])
    return Judged(
        policies=[(name, stored[name]["title"], told[name]) for name in names],
        pair=pair,
        shown=pair[1] if pair else None,
        notes=tuple(note for name in names for note in stored[name].get("notes", ())),
        **tables,
    )


def _asked(space: Workspace, names: Sequence[str], question: str) -> pd.DataFrame:
    """Ask every policy the same of each lot, so that their answers can be compared."""
    city = load_city()
    law = load_policy(city.code)
    policies = [law if name == BASELINE else apply(name, law) for name in names]
    return allowed_under(
        workspace.read_frame(space.parcels / "parcels.parquet"),
        [replace(policy, question=question) for policy in policies],
        parcel_zones=workspace.read_frame(space.parcels / "parcel_zones.parquet"),
        sliver_share=city.sliver_share,
    )
