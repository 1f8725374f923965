"""Feasibility by area: counts with their range, small cells hidden. No lot can be read off it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from densitymap import params, schema
from densitymap.feasibility.funnel import PAYS

SHOWN_WITH_AREA = ("lots", "lots_unknown", "lots_assumed")
"""Columns hidden only where the whole area is."""
PAIRS = tuple((f"lots_more_{end}", f"homes_more_{end}") for end in ("true", "maybe", "low", "high"))
"""Counts of lots, and the homes on them: hidden together."""


def by_area(totals: Mapping[str, pd.DataFrame], *, policy: str, level: str | None = None) -> pd.DataFrame:
    """Lay counts by area beside their range.

    Parameters
    ----------
    totals
        Tables of :func:`~densitymap.feasibility.funnel.totals` of the same areas, with ``area_level`` (what
        they are), under ``low``, ``value`` and ``high``.
    policy
        Name of the policy.
    level
        What all areas are, where the tables do not say.

    Returns
    -------
    DataFrame
        Table ``feasibility``: what pays in areas of few lots, or on few lots, is missing and ``is_hidden``.
    """
    if level is not None:
        totals = {end: table.assign(area_level=level) for end, table in totals.items()}
    table = totals["value"].rename(columns={"place": "area_name"}).assign(policy=policy)
    keys = ["area_level", "place", "stage"]
    for end in ("low", "high"):
        bound = totals[end].set_index(keys).reindex(pd.MultiIndex.from_frame(totals["value"][keys]))
        for what in ("lots", "homes"):
            table[f"{what}_more_{end}"] = (
                bound[f"{what}_more_true"] + bound[f"{what}_more_maybe"]
            ).to_numpy()
    return schema.conform(hidden(table), "feasibility")


def hidden(table: pd.DataFrame) -> pd.DataFrame:
    """Hide what pays in areas of few lots, and counts of few lots with the homes on them.

    What is allowed and what fits is told of every lot elsewhere, and is not hidden.
    """
    fewest = int(params.choice("lots_shown_min", group="feasibility"))
    least = int(params.choice("counts_shown_min", group="feasibility"))
    private = table["stage"].isin(PAYS).to_numpy(bool)
    area = private & (table["lots"] < fewest).to_numpy(bool)
    shown, few = table.copy(), area.copy()
    for pair in PAIRS:
        counted = table[pair[0]]
        small = area | (private & ((counted > 0) & (counted < least)).to_numpy(bool, na_value=False))
        shown.loc[small, list(pair)] = pd.NA
        few |= small
    shown.loc[area, list(SHOWN_WITH_AREA)] = pd.NA
    return shown.assign(is_hidden=np.asarray(few))
