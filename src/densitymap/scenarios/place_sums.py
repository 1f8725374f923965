"""What a package does in each place, draw by draw: net homes, direct displacement, programme cost.

A lever that is bound to a place changes the lots of that place alone, so a package asked everywhere once
tells what it would do in every place. In memory only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from densitymap.feasibility.uptake import Uptake
from densitymap.geometry import Floats
from densitymap.scenarios.direct import direct, kept_by
from densitymap.scenarios.flow import Flow
from densitymap.scenarios.programme import Basis, cost_words, costs_of
from densitymap.scenarios.tenure import Cells, Let

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

    def basis(self, lots: pd.DataFrame, result: Uptake) -> Basis:
        """What programme costs of a package are counted on, place by place."""
        return Basis(
            lots=lots, cells=self.cells, let=self.let, beliefs=self.beliefs, seed=self.seed, result=result,
            level=PLACE, names=self.names, labels=self.labels,
        )  # fmt: skip


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
        Why nobody can tell what a protection costs, by kind.
    priced
        How each protection is priced, or who pays it, by kind.
    """

    net: Floats
    direct: Floats
    cost: Floats
    unpriced: Mapping[str, str] = field(default_factory=dict)
    priced: Mapping[str, str] = field(default_factory=dict)


def place_sums(flow: Flow, ground: Ground) -> Sums:
    """Sum a package over the places of a frontier.

    Parameters
    ----------
    flow
        The package, judged everywhere.
    ground
        The places.
    """
    result = flow.expected({PLACE: ground.labels}, small=ground.cells.labels())
    results, size = flow.results, len(result.sums)
    items = results.policy.protections
    kept = kept_by(results.lots, ground.cells, items, size=size, seed=ground.seed)
    costs = costs_of(items, ground.basis(results.lots, result))
    return Sums(
        net=_columns(result, result.net, ground.names),
        direct=_by_place(result, ground, kept),
        cost=sum(costs.usd.values(), np.zeros((size, len(ground.names)))),
        unpriced=costs.unpriced,
        priced=cost_words(items),
    )


def _by_place(result: Uptake, ground: Ground, kept: Floats | None) -> Floats:
    found = direct(result.changes, ground.cells, ground.let, ground.beliefs, kept).by_neighborhood
    nobody = np.zeros(len(result.sums))
    return np.stack([found.get(name, nobody) for name in ground.names], axis=1)


def _columns(result: Uptake, values: Floats, names: Sequence[str]) -> Floats:
    at = {
        name: n
        for n, (level, name) in enumerate(zip(result.levels, result.names, strict=True))
        if level == PLACE
    }
    return values[:, [at[name] for name in names]]
