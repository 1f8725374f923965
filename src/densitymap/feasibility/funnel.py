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
from densitymap.feasibility.forms import ACTORS, counted
from densitymap.geometry import Flags, Floats

PAYS = ("pays_developer", "pays_owner")
STAGES = ("allowed", "fits", *PAYS)
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
    allowed: pd.DataFrame, fits: pd.DataFrame, lots: pd.DataFrame, *, best: Best | None = None
) -> pd.DataFrame:
    """Bring one policy's stages to each lot; in memory only, never written per lot.

    Parameters
    ----------
    allowed, fits
        Tables of one policy.
    lots
        Table ``parcels``.
    best
        What pays (:func:`~densitymap.feasibility.decision.best_by_actor`); without it the stage is missing.

    Returns
    -------
    DataFrame
        Indexed as the lots: for each stage ``<stage>_true`` and ``<stage>_may`` (additional homes surely,
        and at most; missing unknown), and ``existing_assumed``.
    """
    keys = lots["parcel_id"].to_numpy(object)
    law = allowed.set_index(allowed["parcel_id"].to_numpy(object))
    lawful = law["units_allowed"].reindex(keys).to_numpy(float, na_value=np.nan)
    certain = law["units_certain"].reindex(keys).to_numpy(float, na_value=np.nan)
    surely, placed = _most(fits, keys, ("TRUE",)), _most(fits, keys, ("TRUE", "MAYBE"))
    return with_pays(staged(lots, lawful, certain, surely, placed), best)


def staged(
    lots: pd.DataFrame, lawful: Floats, certain: Floats, surely: Floats, placed: Floats
) -> pd.DataFrame:
    """Bring counts of homes to each lot, as :func:`funnel` does from tables; what pays is missing.

    Parameters
    ----------
    lots
        Table ``parcels``.
    lawful, certain
        Most homes the law allows, and surely allows, on each lot; NaN unknown.
    surely, placed
        Most homes that fit surely, and at most; NaN none.
    """
    standing, assumed = standing_units(lots)
    table = pd.DataFrame({"existing_assumed": assumed}, index=lots.index)
    table["is_read"] = ~np.isnan(lawful)
    table["standing"] = standing
    _add(table, "allowed", np.fmax(certain, surely), np.fmax(lawful, placed))
    _add(table, "fits", surely, placed)
    return with_pays(table, None)


def with_pays(table: pd.DataFrame, best: Best | None) -> pd.DataFrame:
    """Give the table with what pays: of another market, the earlier stages stay as they are."""
    found = table.copy()
    for stage in PAYS:
        if best is None:
            found[[f"{stage}_true", f"{stage}_may"]] = pd.NA
            continue
        units, level, known = _paying(best, stage)
        _add(found, stage, np.where(level == TRUE, units, np.nan), units, known=known)
    return found


def _add(table: pd.DataFrame, stage: str, true: Floats, may: Floats, *, known: Flags | None = None) -> None:
    """Add a stage in additional homes; missing where the law is unread, or the stage is not known."""
    judged = np.ones(len(table), dtype=bool) if known is None else known
    there = np.asarray(table["is_read"].to_numpy(bool) & judged, dtype=bool)
    for ending, units in (("true", true), ("may", may)):
        more = np.fmax(np.where(np.isnan(units), 0.0, units - table["standing"].to_numpy(float)), 0.0)
        table[f"{stage}_{ending}"] = pd.array(np.where(there, more, np.nan), dtype="Float64")


def _most(fits: pd.DataFrame, keys: np.ndarray, verdicts: tuple[str, ...]) -> Floats:
    rows = fits[counted(fits) & fits["verdict"].isin(verdicts).to_numpy(bool)]
    units = pd.Series(
        rows["units"].to_numpy(float, na_value=np.nan), index=rows["parcel_id"].to_numpy(object)
    )
    return units.groupby(level=0).max().reindex(keys).to_numpy(float)


def _paying(best: Best, stage: str) -> tuple[Floats, Any, Flags]:
    """Homes, level and whether it is known, of what pays a builder, or else an owner or a nonprofit.

    Of the latter two, whichever is worth more.
    """
    names = ("developer",) if stage == PAYS[0] else ("owner", "nonprofit")
    actors = np.array([ACTORS.index(name) for name in names])
    worth = np.where(best.entry < 0, -np.inf, best.decision_value_usd)[:, actors]
    at = (np.arange(len(worth)), actors[worth.argmax(axis=1)])
    return best.units[at], best.level[at], np.asarray(best.is_known[:, actors].any(axis=1), dtype=bool)


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
    named = np.full(len(table), "all", dtype=object) if by is None else by.to_numpy(object)
    code, places = pd.factorize(named, sort=True)
    parts = []
    for stage in STAGES:
        sums = {
            name: np.bincount(code, weights=values, minlength=len(places)).round().astype(np.int64)
            for name, values in _counts(table, stage).items()
        }
        parts.append(pd.DataFrame({"place": places, "stage": stage, **sums}))
    together = pd.concat(parts).sort_values("place", kind="stable", ignore_index=True)
    counts = list(together.columns[2:])
    return together.astype(dict.fromkeys(counts, "Int64"))


def _counts(table: pd.DataFrame, stage: str) -> dict[str, Floats]:
    """What each lot adds to each count."""
    true = table[f"{stage}_true"].to_numpy(float, na_value=np.nan)
    may = table[f"{stage}_may"].to_numpy(float, na_value=np.nan)
    known = ~np.isnan(may)
    return {
        "lots": known.astype(float),
        "lots_unknown": (~known).astype(float),
        "lots_assumed": (known & table["existing_assumed"].to_numpy(bool)).astype(float),
        "lots_more_true": (true > 0).astype(float),
        "lots_more_maybe": ((may > 0) & ~(true > 0)).astype(float),
        "homes_more_true": np.where(known, true, 0.0),
        "homes_more_maybe": np.where(known, may - true, 0.0),
    }


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
