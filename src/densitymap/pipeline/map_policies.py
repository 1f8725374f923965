"""Policies a map shows: those every build judged, or the scenarios it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from densitymap import params
from densitymap.errors import UsageError
from densitymap.pipeline import workspace
from densitymap.pipeline.results import BASELINE
from densitymap.pipeline.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """What policies say: name, title and question of each (today's law first), and their long tables.

    ``pair`` are the two to compare, ``shown`` the one the map opens on, ``notes`` what a reader must
    know of them.
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
    tables = {
        name: workspace.read_frame(space.results / f"{name}.parquet")
        for name in ("allowed", "fits", "zone_answers")
    }
    return Judged(
        policies=[(name, stored[name]["title"], questions[stored[name]["question"]]) for name in names],
        pair=compare or ((BASELINE, scenario) if scenario and scenario != BASELINE else None),
        shown=(compare[1] if compare else scenario) if asked and names != [BASELINE] else None,
        notes=tuple(note for name in names for note in stored[name].get("notes", ())),
        **tables,
    )
