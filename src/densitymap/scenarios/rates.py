"""What protections do to the hazard: factors on the rates of options, by lot and by draw.

Which options of which lots a protection slows, stops or speeds is data (``catalog/levers/protections.toml``,
``hazard``). Options that the same protections act on share a factor; every scenario meets the same luck.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from densitymap.feasibility.hazard import ACTORS, PROCESSES, Flags, Options
from densitymap.geometry import Floats
from densitymap.scenarios.beliefs import parameter_drawn
from densitymap.scenarios.direct import MAY_BE_LET, OWNED, lot_classes
from densitymap.scenarios.evaluate import protected
from densitymap.scenarios.protections import Hazard, Protection

_ACTS: Mapping[str, Callable[[Options], Flags]] = {
    "any": lambda options: np.ones(len(options.lot), dtype=bool),
    "tears_down": lambda options: np.asarray(options.units_demolished > 0),
    "divides_home": lambda options: np.asarray(options.process == PROCESSES.index("convert")),
    "owner_adds_home": lambda options: np.asarray(
        (options.process == PROCESSES.index("adu")) & (options.actor == ACTORS.index("owner"))
    ),
}
_LOTS: Mapping[str, Callable[[pd.Series], pd.Series]] = {
    "any": lambda classes: classes.notna(),
    "may_be_let": lambda classes: classes == MAY_BE_LET,
    "owner_occupied": lambda classes: classes == OWNED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Rated:
    """Options whose rates protections act on.

    Attributes
    ----------
    options
        With their group of rates.
    rate
        Factor of each group, array [draw, group]; the first is 1.
    lots
        Lots on which each protection moves a rate, in the order of the protections; None for those that
        act on none.
    """

    options: Options
    rate: Floats
    lots: tuple[int | None, ...]


def rated(
    options: Options, lots: pd.DataFrame, protections: Sequence[Protection], *, size: int, seed: int
) -> Rated:
    """Tell what protections do to the rates of options.

    Parameters
    ----------
    options
        What could be done on each lot.
    lots
        Table ``parcels``, with a column per place of the protections.
    protections
        Of the policy.
    size, seed
        Draws, and their seed.
    """
    group, rate = np.zeros(len(options.lot), np.int64), np.ones((size, 1))
    classes = lot_classes(lots)
    found: list[int | None] = []
    for item in protections:
        acts = item.hazard
        if acts is None:
            found.append(None)
            continue
        hit = _hit(options, protected(lots, item) & np.asarray(_LOTS[acts.lots](classes), bool), acts)
        group, rate = _finer(group, rate, hit, _factor(item, acts, size=size, seed=seed))
        found.append(len(np.unique(options.lot[hit])))
    return Rated(options=replace(options, rate_group=group), rate=rate, lots=tuple(found))


def _hit(options: Options, bound: Flags, acts: Hazard) -> Flags:
    kinds = np.logical_or.reduce([_ACTS[name](options) for name in acts.options])
    return np.asarray(kinds & bound[options.lot])


def _factor(item: Protection, acts: Hazard, *, size: int, seed: int) -> Floats:
    drawn = parameter_drawn(item.kind, acts.parameter, item.parameters[acts.parameter], size=size, seed=seed)
    return 1.0 - drawn if acts.takes_out else drawn


def _finer(group: np.ndarray, rate: Floats, hit: Flags, factor: Floats) -> tuple[np.ndarray, Floats]:
    """Split groups by whether a factor acts; keep only those that hold options, and the first."""
    wide = np.concatenate([rate, rate * factor[:, None]], axis=1)
    code = group + rate.shape[1] * hit
    kept = np.union1d([0], code)
    return np.searchsorted(kept, code), wide[:, kept]


def effect(item: Protection, lots: int | None, *, largest_project_homes: float) -> str:
    """Say what a protection does to the rates, or why it does nothing.

    Parameters
    ----------
    item
        The protection.
    lots
        Lots on which it moves a rate (:attr:`Rated.lots`).
    largest_project_homes
        Homes of the largest project that may be started.
    """
    if item.hazard is not None:
        factor = f"{'1 less ' if item.hazard.takes_out else ''}{item.hazard.parameter}"
        return (
            f"Rates on {lots or 0:,} lots are multiplied by {factor}, drawn in each draw. {item.hazard.note}"
        )
    if item.kind == "inclusionary":
        return _inclusionary(item, largest_project_homes)
    return f"Acts on no rate of building (it acts on: {item.term})."


def _inclusionary(item: Protection, largest: float) -> str:
    least = item.parameters["project_size_min_homes"].value
    share = item.parameters["homes_share"].value
    if largest < least:
        return (
            f"Not applicable: it is asked of projects of {least:g} or more homes, and the largest here has "
            f"{largest:g}. No effect."
        )
    whole = np.floor(share * largest)
    if whole < 1:
        return (
            f"Whole homes only: {share:.0%} of {largest:g} homes, the largest project, is less than one. "
            "No effect."
        )
    return "Not computed: needs the price of a home at a low-income rent. No effect is counted."
