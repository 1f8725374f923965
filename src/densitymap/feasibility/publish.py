"""Feasibility by area: counts with their range, small cells hidden. No lot can be read off it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from densitymap import params, schema
from densitymap.feasibility.funnel import PAYS
from densitymap.geometry import Flags, Floats

SHOWN_WITH_AREA = ("lots", "lots_unknown", "lots_assumed")
"""Columns hidden only where the whole area is."""
PAIRS = tuple((f"lots_more_{end}", f"homes_more_{end}") for end in ("true", "maybe", "low", "high"))
"""Counts of lots, and the homes on them: hidden together."""
TOGETHER = 2
"""Fewest places a remainder may be of: from one alone its count could be read."""


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

    Where one count of a level is hidden alone, the next smallest is too: the total would give it away. What
    is allowed and what fits is told of every lot elsewhere, and is not hidden.
    """
    fewest = int(params.choice("lots_shown_min", group="feasibility"))
    least = int(params.choice("counts_shown_min", group="feasibility"))
    private = table["stage"].isin(PAYS).to_numpy(bool)
    area = private & (table["lots"] < fewest).to_numpy(bool)
    shown, few = table.copy(), area.copy()
    levels = table.groupby(["area_level", "stage"], observed=True).indices
    for pair in PAIRS:
        lots, homes = (table[name].to_numpy(float, na_value=0.0) for name in pair)
        small = area | (private & (lots < least) & ((lots > 0) | (homes > 0)))
        for rows in levels.values():
            small[rows] = hidden_together(homes[rows], lots[rows], small[rows], least=least)
        shown.loc[small, list(pair)] = pd.NA
        few |= small
    shown.loc[area, list(SHOWN_WITH_AREA)] = pd.NA
    return shown.assign(is_hidden=np.asarray(few))


def hidden_together(counts: Floats, lots: Floats, hidden: Flags, *, least: int) -> Flags:
    """Hide further places, the smallest counts first, until the hidden ones stand for one another.

    Parameters
    ----------
    counts, lots, hidden : (places,)
        Homes, the lots they are on, and what is hidden for itself.
    least
        Fewest lots that may be told of.

    Returns
    -------
    (places,) bool
        No place more where nothing is hidden. Counts of zero go last: they hide nobody.

    Examples
    --------
    >>> hidden = np.array([False, True, False, False])
    >>> hidden_together(np.array([9.0, 3, 0, 7]), np.array([9.0, 3, 0, 6]), hidden, least=5).tolist()
    [False, True, False, True]
    """
    if not hidden.any():
        return hidden
    order = np.lexsort((counts, counts == 0, ~hidden))
    together = np.cumsum(lots[order])
    enough = (np.arange(1, len(order) + 1) >= max(TOGETHER, int(hidden.sum()))) & (together >= least)
    last = int(np.argmax(enough)) if enough.any() else max(int(hidden.sum()), TOGETHER) - 1
    found = np.zeros(len(hidden), dtype=bool)
    found[order[: last + 1]] = True
    return found
