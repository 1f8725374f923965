"""The funnel: allowed, fits, pays, in additional homes beyond those that stand; TRUE and MAYBE apart.

``allowed >= fits >= pays`` on every lot: what fits is lawful, and only what fits is valued. Where the
homes that stand are unknown, additional is beyond one ("if one house stands"). A lot of which the law has
not been read is told as unknown, in every stage.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from densitymap import params
from densitymap.feasibility.decision import Best
from densitymap.feasibility.forms import ACTORS, Terms, counted
from densitymap.geometry import Floats

STAGES = ("allowed", "fits", "pays_developer", "pays_owner")
"""Stages; an owner's or a nonprofit's best option is ``pays_owner``."""
TRUE = 2
SUPPOSED = "if one house stands"


def standing_units(lots: pd.DataFrame) -> tuple[Floats, np.ndarray]:
    """Homes that stand on each lot, and whether one is supposed because nobody knows.

    A lot known to be vacant holds none.
    """
    known = lots["existing_units"].to_numpy(float, na_value=np.nan)
    vacant = (~lots["is_built"].astype("boolean")).to_numpy(bool, na_value=False)
    units = np.where(np.isnan(known) & vacant, 0.0, known)
    return np.where(np.isnan(units), 1.0, units), np.isnan(units)


def funnel(
    allowed: pd.DataFrame, fits: pd.DataFrame, lots: pd.DataFrame, *, pays: tuple[Terms, Best] | None = None
) -> pd.DataFrame:
    """Bring one policy's stages to each lot; in memory only, never written per lot.

    Parameters
    ----------
    allowed, fits
        Tables of one policy.
    lots
        Table ``parcels``.
    pays
        The options and what pays (:func:`~densitymap.feasibility.decision.best_by_actor`); without it
        the stage is missing.

    Returns
    -------
    DataFrame
        Indexed as the lots: for each stage ``<stage>_true`` and ``<stage>_may`` (additional homes surely,
        and at most; missing unknown), and ``existing_assumed``.
    """
    standing, assumed = standing_units(lots)
    keys = lots["parcel_id"].to_numpy(object)
    law = allowed.set_index(allowed["parcel_id"].to_numpy(object))
    lawful = law["units_allowed"].reindex(keys).to_numpy(float, na_value=np.nan)
    certain = law["units_certain"].reindex(keys).to_numpy(float, na_value=np.nan)
    unread = np.isnan(lawful)
    placed = _most(fits, keys, ("TRUE", "MAYBE"))
    surely = _most(fits, keys, ("TRUE",))
    found = {
        "allowed": (np.fmax(certain, surely), np.fmax(lawful, placed)),
        "fits": (surely, placed),
        **_paying(pays, len(lots)),
    }
    table = pd.DataFrame({"existing_assumed": assumed}, index=lots.index)
    for stage, (true, may) in found.items():
        for ending, units in (("true", true), ("may", may)):
            more = np.fmax(np.where(np.isnan(units), 0.0, units - standing), 0.0)
            missing = unread | _unjudged(pays, stage, len(lots))
            table[f"{stage}_{ending}"] = pd.array(np.where(missing, np.nan, more), dtype="Float64")
    return table


def _most(fits: pd.DataFrame, keys: np.ndarray, verdicts: tuple[str, ...]) -> Floats:
    rows = fits[counted(fits) & fits["verdict"].isin(verdicts).to_numpy(bool)]
    units = pd.Series(
        rows["units"].to_numpy(float, na_value=np.nan), index=rows["parcel_id"].to_numpy(object)
    )
    return units.groupby(level=0).max().reindex(keys).to_numpy(float)


def _paying(pays: tuple[Terms, Best] | None, count: int) -> dict[str, tuple[Floats, Floats]]:
    """Homes of what pays a builder, and of what pays an owner or a nonprofit, whichever is worth more."""
    if pays is None:
        return {stage: (np.full(count, np.nan), np.full(count, np.nan)) for stage in STAGES[2:]}
    best = pays[1]
    worth = np.where(best.entry < 0, -np.inf, best.decision_value_usd)
    others = [ACTORS.index("owner"), ACTORS.index("nonprofit")]
    chosen = np.array(others)[worth[:, others].argmax(axis=1)]
    found = {}
    for stage, actor in zip(STAGES[2:], (np.zeros(count, dtype=int), chosen), strict=True):
        at = (np.arange(count), actor)
        units, level = best.units[at], best.level[at]
        found[stage] = (np.where(level == TRUE, units, np.nan), units)
    return found


def _unjudged(pays: tuple[Terms, Best] | None, stage: str, count: int) -> Any:
    if not stage.startswith("pays"):
        return np.zeros(count, dtype=bool)
    if pays is None:
        return np.ones(count, dtype=bool)
    known = pays[1].is_known
    return ~known[:, 0] if stage == "pays_developer" else ~known[:, 1:].any(axis=1)


def totals(table: pd.DataFrame, by: pd.Series | None = None) -> pd.DataFrame:
    """Count lots and additional homes of each stage.

    Parameters
    ----------
    table
        From :func:`funnel`.
    by
        Place of each lot; without it one row of all.

    Returns
    -------
    DataFrame
        One row per place and stage: ``place stage lots lots_unknown lots_assumed``, ``lots_more_true`` and
        ``lots_more_maybe`` (lots with an additional home surely, and only perhaps), ``homes_more_true``
        and ``homes_more_maybe`` (additional homes surely, and how many more at most).
    """
    place = pd.Series("all", index=table.index) if by is None else by
    parts = [
        _stage(table, stage).groupby(place.to_numpy(object)).sum().assign(stage=stage) for stage in STAGES
    ]
    joined = pd.concat(parts).rename_axis("place").reset_index()
    counts = joined.columns.difference(["place", "stage"])
    joined[counts] = joined[counts].round().astype("Int64")
    order = {stage: rank for rank, stage in enumerate(STAGES)}
    ranked = joined.assign(rank=joined["stage"].map(order)).sort_values(["place", "rank"])
    return ranked.drop(columns="rank").reset_index(drop=True)


def _stage(table: pd.DataFrame, stage: str) -> pd.DataFrame:
    true, may = table[f"{stage}_true"], table[f"{stage}_may"]
    known = may.notna()
    surely, perhaps = (true > 0).fillna(value=False), (may > 0).fillna(value=False)
    return pd.DataFrame(
        {
            "lots": known.astype(int),
            "lots_unknown": (~known).astype(int),
            "lots_more_true": surely.astype(int),
            "lots_more_maybe": (perhaps & ~surely).astype(int),
            "homes_more_true": true.where(known),
            "homes_more_maybe": (may - true).where(known),
            "lots_assumed": (known & table["existing_assumed"]).astype(int),
        }
    )


def total_needs(lots: pd.DataFrame, residential: np.ndarray) -> list[str]:
    """Say what a total, a net figure and a count of demolitions need and do not have; empty if nothing.

    Parameters
    ----------
    lots
        Table ``parcels``.
    residential
        Lots on the residential land.
    """
    area = np.where(residential, lots["lot_area_ft2"].to_numpy(float), 0.0)
    known = (lots["existing_units"].notna() | lots["is_built"].notna()).to_numpy(bool)
    share = float(area[known].sum() / area.sum()) if area.sum() > 0 else 0.0
    least = float(params.choice("total_known_share", group="feasibility"))
    if share >= least:
        return []
    return [f"existing use on {least:.0%} of the residential land (known on {share:.0%})"]
