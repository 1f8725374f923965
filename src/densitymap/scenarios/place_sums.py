"""What a package does in each place, draw by draw: net homes, direct displacement, programme cost.

A lever that is bound to a place changes the lots of that place alone, so a package asked everywhere once
tells what it would do in every place. In memory only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from densitymap import params
from densitymap.feasibility.hazard import process_of
from densitymap.feasibility.uptake import Uptake
from densitymap.geometry import Floats
from densitymap.scenarios.beliefs import parameter_drawn
from densitymap.scenarios.direct import direct, kept_by
from densitymap.scenarios.evaluate import Results, protected
from densitymap.scenarios.flow import Flow
from densitymap.scenarios.protections import Parameter, Protection
from densitymap.scenarios.tenure import LEVEL, Cells, Let

PLACE = "neighborhood"
"""Level the ledgers sum at: the labels of the frontier stand in for it."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """The places of a frontier, and who may live there.

    Attributes
    ----------
    names
        Places.
    labels
        Place of each lot; missing where it lies in none.
    cells, let, beliefs
        Of lots sorted by these places.
    seed
        Of the draws.
    """

    names: tuple[str, ...]
    labels: pd.Series
    cells: Cells
    let: Let
    beliefs: Mapping[str, Floats]
    seed: int

    def summed(self, per_lot: Floats) -> Floats:
        """Sum over the lots of each place."""
        code = pd.Index(self.names).get_indexer(pd.Index(self.labels.astype(object)))
        inside = code >= 0
        return np.asarray(np.bincount(code[inside], per_lot[inside], minlength=len(self.names)), float)


@dataclass(frozen=True, kw_only=True)
class Sums:
    """One package asked everywhere, array [draw, place] each.

    Attributes
    ----------
    net, direct
        Net homes; directly displaced low-income renter households.
    cost
        Programme cost over its full term [USD].
    unpriced
        Protections whose cost nobody can tell.
    """

    net: Floats
    direct: Floats
    cost: Floats
    unpriced: tuple[str, ...] = ()


def place_sums(flow: Flow, ground: Ground) -> Sums:
    """Sum a package over the places of a frontier.

    Parameters
    ----------
    flow
        The package, judged everywhere.
    ground
        The places.
    """
    result = flow.expected({PLACE: ground.labels, LEVEL: ground.cells.labels()})
    results, size = flow.results, len(result.sums)
    items = results.policy.protections
    kept = kept_by(results.lots, ground.cells, items, size=size, seed=ground.seed)
    after = _by_place(result, ground, kept)
    cost, unpriced = _costs(results, ground, result, stayed=_by_place(result, ground, None) - after)
    return Sums(net=_columns(result, result.net, ground.names), direct=after, cost=cost, unpriced=unpriced)


def _by_place(result: Uptake, ground: Ground, kept: Floats | None) -> Floats:
    found = direct(result, ground.cells, ground.let, ground.beliefs, kept).by_neighborhood
    nobody = np.zeros(len(result.sums))
    return np.stack([found.get(name, nobody) for name in ground.names], axis=1)


def _columns(result: Uptake, values: Floats, names: Sequence[str]) -> Floats:
    at = {
        name: n
        for n, (level, name) in enumerate(zip(result.levels, result.names, strict=True))
        if level == PLACE
    }
    return values[:, [at[name] for name in names]]


def _costs(
    results: Results, ground: Ground, result: Uptake, *, stayed: Floats
) -> tuple[Floats, tuple[str, ...]]:
    """Programme cost by draw and place, and protections without a price."""
    cost, unpriced = np.zeros_like(stayed), []
    free = params.load("frontier", "choices")["borne_by_others"]["kinds"]
    for item in results.policy.protections:
        if item.kind == "tenure_protection":
            cost = cost + stayed * _kept_usd(ground, len(stayed))[:, None]
        elif item.kind == "adu_grant":
            homes = _accessory(result, ground.names)
            cost = cost + homes * _drawn(item, "grant_usd", ground, len(stayed))[:, None]
        elif item.kind == "tax_relief":
            owners = ground.summed(np.where(protected(results.lots, item), _owners(ground), 0.0))
            names = ("cost_usd_per_award_year", "take_up_share", "term_years")
            each = np.prod([_drawn(item, name, ground, len(stayed)) for name in names], axis=0)
            cost = cost + each[:, None] * owners
        elif "cost_usd_per_home" in item.parameters:
            homes = ground.summed(np.where(protected(results.lots, item), _homes(ground), 0.0))
            each = np.prod(
                [_drawn(item, n, ground, len(stayed)) for n in ("lots_share", "cost_usd_per_home")], axis=0
            )
            cost = cost + each[:, None] * homes
        elif item.kind not in free:
            unpriced.append(item.kind)
    return cost, tuple(dict.fromkeys(unpriced))


def _drawn(item: Protection, name: str, ground: Ground, size: int) -> Floats:
    return parameter_drawn(item.kind, name, item.parameters[name], size=size, seed=ground.seed)


def _kept_usd(ground: Ground, size: int) -> Floats:
    name = "cost_usd_per_household_kept"
    price = Parameter(**params.load("frontier", "choices")[name])
    return parameter_drawn("tenure_protection", name, price, size=size, seed=ground.seed)


def _accessory(result: Uptake, names: Sequence[str]) -> Floats:
    """Accessory homes completed, by draw and place: all of them, as nobody knows an owner's income."""
    codes = [
        n
        for n, name in enumerate(result.outcomes)
        if not name.startswith("none:") and process_of(*name.split(":")) == "adu"
    ]
    gross = result.sums[:, :, result.measures.outcome_gross][:, :, codes].sum(axis=2)
    return _columns(result, gross, names)


def _homes(ground: Ground) -> Floats:
    """Homes standing on each lot of one to four, 0 elsewhere."""
    homes = ground.cells.table["homes"].to_numpy(float)
    return np.where(ground.cells.code >= 0, homes[np.maximum(ground.cells.code, 0)], 0.0)


def _owners(ground: Ground) -> Floats:
    """Expected owner households of each lot."""
    share = 1 - ground.let.renters.mean(axis=0)
    return _homes(ground) * np.where(ground.cells.code >= 0, share[np.maximum(ground.cells.code, 0)], 0.0)
