"""What protections cost a programme over their full term [USD], by draw and place: one rule for all who ask.

A cost is the product of numbers of the protection times what they are counted on, and both are data
(``catalog/levers/protections.toml``, ``costs``). What has no price is named with the reason, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from densitymap.feasibility.pieces import EVERYWHERE
from densitymap.feasibility.uptake import Uptake
from densitymap.geometry import Floats
from densitymap.scenarios.beliefs import parameter_drawn
from densitymap.scenarios.direct import INVESTOR, MAY_BE_LET, OWNED, households, lot_classes
from densitymap.scenarios.evaluate import protected
from densitymap.scenarios.protections import Protection
from densitymap.scenarios.tenure import Cells, Let

_CLASSES: Mapping[str, str] = {"may_be_let": MAY_BE_LET, "owner_occupied": OWNED}
"""Class of the lots that a protection is for, by its word in the catalogue."""


@dataclass(frozen=True, kw_only=True)
class Basis:
    """What programme costs are counted on; in memory only.

    Attributes
    ----------
    lots
        Table ``parcels``, with a column per place of the protections.
    cells, let, beliefs
        Lots alike, who may live there, and what is believed, by draw.
    seed
        Of the draws.
    result
        Uptake, with the changes of the cells.
    level, names
        Places that costs are told for.
    labels
        Place of each lot; None where there is one place that holds all.
    """

    lots: pd.DataFrame
    cells: Cells
    let: Let
    beliefs: Mapping[str, Floats]
    seed: int
    result: Uptake
    level: str = EVERYWHERE
    names: tuple[str, ...] = (EVERYWHERE,)
    labels: pd.Series | None = None

    @property
    def size(self) -> int:
        """Number of draws."""
        return len(self.let.renters)

    def bound(self, item: Protection) -> np.ndarray:
        """Lots that a protection may pay for: those of its place, and of the class it is for."""
        inside = protected(self.lots, item)
        only = None if item.hazard is None else _CLASSES.get(item.hazard.lots)
        return inside if only is None else inside & (lot_classes(self.lots) == only).to_numpy(bool)

    def place(self) -> np.ndarray:
        """Code of each lot's place; -1 where it lies in none."""
        if self.labels is None:
            return np.zeros(len(self.lots), np.intp)
        return pd.Index(self.names).get_indexer(pd.Index(self.labels.astype(object)))

    def counted(self, per_lot: Floats, bound: np.ndarray) -> Floats:
        """Sum over bound lots of what a lot of each cell has: by cell in, by place out, and draw if any."""
        place, cell = self.place(), self.cells.code
        held = bound & (place >= 0) & (cell >= 0)
        lots = np.zeros((len(self.cells.table), len(self.names)))
        np.add.at(lots, (cell[held], place[held]), 1.0)
        return np.asarray(np.atleast_2d(per_lot) @ lots)

    def luck(self) -> Floats:
        """Projects drawn over projects expected, array [draw, place]."""
        return np.stack([_luck_of(self.result, self.level, name) for name in self.names], axis=1)

    def per_lot(self, by_cell: Floats) -> Floats:
        """What a lot of each cell has of a sum over the cell."""
        return by_cell / np.maximum(self.cells.table["lots"].to_numpy(float), 1.0)

    def displaced(self) -> Floats:
        """Households that lots which are built on would displace, were none kept, array [draw, cell].

        Houses bought to flip or let are no building and are left out, as in what protections keep.
        """
        by_process = households(self.result.changes, self.cells, self.let, self.beliefs)
        built = (value for name, value in by_process.items() if name != INVESTOR)
        return sum(built, np.zeros_like(self.let.renters))

    def accessory(self) -> Floats:
        """Accessory homes completed, array [draw, cell]."""
        changes, found = self.result.changes, np.zeros_like(self.let.renters)
        found[:, [int(name) for name in changes.names]] = changes.homes.get("adu", 0.0)
        return found


def _luck_of(result: Uptake, level: str, name: str) -> Floats:
    """Projects drawn over projects expected in a place; 1 where none is expected."""
    found = [
        n for n, pair in enumerate(zip(result.levels, result.names, strict=True)) if pair == (level, name)
    ]
    if not found:
        return np.ones(len(result.sums))
    expected = result.expected("lots")[:, found[0]]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, result.projects[:, found[0]] / expected, 1.0)


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What protections cost.

    Attributes
    ----------
    usd
        By kind of protection, array [draw, place].
    unpriced
        Why nobody can tell what a kind costs, by kind.
    """

    usd: Mapping[str, Floats] = field(default_factory=dict)
    unpriced: Mapping[str, str] = field(default_factory=dict)


def _households_displaced(basis: Basis, bound: np.ndarray) -> Floats:
    """Households that must go where lots are built on, were none kept; the share kept is a factor."""
    return basis.counted(basis.per_lot(basis.displaced()), bound)


def _accessory_homes(basis: Basis, bound: np.ndarray) -> Floats:
    """Accessory homes on lots whose owner lives there: all of them, as nobody knows an owner's income."""
    return basis.counted(basis.per_lot(basis.accessory()), bound) * basis.luck()


def _owner_households(basis: Basis, bound: np.ndarray) -> Floats:
    return basis.counted((1 - basis.let.renters) * basis.cells.homes, bound)


def _low_income_homes(basis: Basis, bound: np.ndarray) -> Floats:
    return basis.counted(basis.let.low_income * basis.cells.homes, bound)


def _homes(basis: Basis, bound: np.ndarray) -> Floats:
    """Every home standing; a lot on which no home stands counts as one, the home to come."""
    place = basis.place()
    empty = bound & (basis.cells.code < 0) & (place >= 0)
    return basis.counted(basis.cells.homes, bound) + np.bincount(place[empty], minlength=len(basis.names))


_COUNTED: Mapping[str, Callable[[Basis, np.ndarray], Floats]] = {
    "households_displaced": _households_displaced,
    "accessory_homes": _accessory_homes,
    "owner_households": _owner_households,
    "low_income_homes": _low_income_homes,
    "homes": _homes,
}


def costs_of(items: Sequence[Protection], basis: Basis) -> Costs:
    """Tell what protections cost over their full term.

    Parameters
    ----------
    items
        Protections of a policy; two of one kind are summed.
    basis
        What they are counted on.

    Returns
    -------
    Costs
        What the catalogue says a programme does not pay (builders or landlords do) is in neither part.
    """
    usd: dict[str, Floats] = {}
    unpriced: dict[str, str] = {}
    for item in items:
        if item.costs is None:
            if not item.paid_by:
                unpriced[item.kind] = "the catalogue has no price of it"
        else:
            usd[item.kind] = usd.get(item.kind, 0.0) + _cost(item, basis)
    return Costs(usd=usd, unpriced=unpriced)


def _cost(item: Protection, basis: Basis) -> Floats:
    if item.costs is None:
        raise ValueError(f"{item.kind} has no price")
    each = np.prod(
        [
            parameter_drawn(item.kind, name, item.parameters[name], size=basis.size, seed=basis.seed)
            for name in item.costs.times
        ],
        axis=0,
    )
    count = _COUNTED[item.costs.counted_on](basis, basis.bound(item))
    return np.asarray(each[:, None] * np.broadcast_to(count, (basis.size, len(basis.names))))


def cost_words(items: Sequence[Protection]) -> dict[str, str]:
    """Say of each kind how it is priced, who pays it otherwise, or that it has no price."""
    return {item.kind: _words(item) for item in items}


def _words(item: Protection) -> str:
    if item.costs is not None:
        return (
            f"{' x '.join(item.costs.times)} x {item.costs.counted_on.replace('_', ' ')}. {item.costs.note}"
        )
    return item.paid_by or "not priced: the catalogue has no price of it"
