"""Counts by place that add up to the whole while none of few lots can be read off, or worked out.

A count of few lots is hidden. Where what is left over would then tell of one place alone, or of few lots, the
next smallest count is hidden too (complementary suppression), and what is hidden is told as one remainder.
Only within a level: counts of different levels that overlap are not set against each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap import params
from densitymap.feasibility.publish import TOGETHER, hidden_together
from densitymap.geometry import Floats
from densitymap.scenarios.places import Flags

STAGES = {"allowed": "allowed", "fits": "fits", "pays": "pays_developer", "pays_owner": "pays_owner"}
"""Counts of a scenario, and the stage of the funnel each is of."""
WHOLE = ("allowed", "fits")
"""Those told of every lot elsewhere, which hide nothing."""
REMAINDER = "elsewhere (places hidden above, together)"
"""Name of the line that holds what is hidden of the places of a level."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """A count of each place as it may be told.

    Attributes
    ----------
    counts
        By place; missing where hidden.
    rest
        What the hidden places come to together; None where that would be of one place alone.
    """

    counts: pd.Series
    rest: int | None


def told_stages(
    stages: pd.DataFrame, place: npt.NDArray[np.object_], *, has_flow: bool
) -> dict[str, dict[str, Told | None]]:
    """Tell each of :data:`STAGES` by place, under ``true`` (surely) and ``maybe`` (how many more at most).

    Parameters
    ----------
    stages
        The funnel per lot.
    place : (lots,)
        Place of each lot.
    has_flow
        Whether what pays has been asked; else it is None.
    """
    told: dict[str, dict[str, Told | None]] = {"true": {}, "maybe": {}}
    for name, stage in STAGES.items():
        whole = name in WHOLE
        if not whole and not has_flow:
            told["true"][name] = told["maybe"][name] = None
            continue
        true, may = (stages[f"{stage}_{end}"].to_numpy(float, na_value=np.nan) for end in ("true", "may"))
        known = ~np.isnan(may)
        told["true"][name] = told_by_place(true, place, known=known, private=not whole)
        told["maybe"][name] = told_by_place(may - true, place, known=known, private=not whole)
    return told


def told_by_place(
    homes: Floats, place: npt.NDArray[np.object_], *, known: Flags, private: bool = True
) -> Told:
    """Count homes by place, and hide what must not be told.

    Parameters
    ----------
    homes : (lots,)
        Additional homes of each lot.
    place : (lots,)
        Place of each lot.
    known : (lots,)
        Whether the lot's count is known; others are left out.
    private
        Whether counts of few lots are hidden (what is allowed is told of every lot elsewhere).

    Examples
    --------
    >>> names = np.array(["A"] * 30 + ["B"] * 30 + ["C"] * 30, dtype=object)
    >>> homes = np.concatenate([np.repeat([1.0, 0.0], [n, 30 - n]) for n in (20, 9, 2)])
    >>> told = told_by_place(homes, names, known=np.ones(90, dtype=bool))
    >>> told.counts.tolist(), told.rest
    ([20, <NA>, <NA>], 11)
    """
    code, names = pd.factorize(place, sort=True)
    size = len(names)
    sums, paying, lots = (
        np.bincount(code, weights=weights, minlength=size).round().astype(float)
        for weights in (np.where(known, homes, 0.0), known & (homes > 0), known)
    )
    counts = pd.Series(sums, index=pd.Index(names, dtype=object)).astype("Int64")
    if not private:
        return Told(counts=counts, rest=0)
    fewest, least = (
        int(params.choice(name, group="feasibility")) for name in ("lots_shown_min", "counts_shown_min")
    )
    small = (lots < fewest) | ((paying > 0) & (paying < least))
    out = hidden_together(sums, paying, small, least=least)
    alone = 0 < out.sum() < TOGETHER or not known.any()
    return Told(counts=counts.mask(out), rest=None if alone else int(sums[out].sum()))
