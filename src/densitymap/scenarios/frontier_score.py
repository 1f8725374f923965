"""Score the choices of a frontier on fresh draws, and set them beside simple rules.

Choosing the best of many on noisy draws flatters what is chosen (the winner's curse): each choice tells
what was promised and what fresh draws give. Points that fresh draws cannot tell apart are ties.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from densitymap.geometry import Floats
from densitymap.scenarios import market
from densitymap.scenarios.break_even import share_better
from densitymap.scenarios.frontier import Choice, Values
from densitymap.scenarios.ledger import band, households, moved, record, sign
from densitymap.scenarios.place_sums import Sums

UNDEFINED = "undefined: no moves avoided that model runs can tell from none"
_RATIO_DIGITS = -2


@dataclass(frozen=True, kw_only=True)
class Table:
    """Packages in places, draw by draw; the first package is no change.

    Attributes
    ----------
    places, packages
        Names.
    sums
        Of each package, no change first.
    beliefs
        Drawn by name, of the same draws.
    rented, low_income
        Rented homes, and low-income renter households, on lots of one to four homes, by draw.
    """

    places: tuple[str, ...]
    packages: tuple[str, ...]
    sums: tuple[Sums, ...]
    beliefs: Mapping[str, Floats]
    rented: Floats = field(repr=False)
    low_income: Floats = field(repr=False)

    def at(self, runs: slice) -> Table:
        """The same table, of some draws."""
        cut = tuple(replace(s, net=s.net[runs], direct=s.direct[runs], cost=s.cost[runs]) for s in self.sums)
        beliefs = {name: values[runs] for name, values in self.beliefs.items()}
        return replace(
            self, sums=cut, beliefs=beliefs, rented=self.rented[runs], low_income=self.low_income[runs]
        )

    @property
    def added_mean(self) -> Values:
        """Mean over the draws of what each package adds to no change."""
        base = self.sums[0]
        return Values(
            net=np.stack([(s.net - base.net).mean(axis=0) for s in self.sums], axis=1),
            direct=np.stack([(s.direct - base.direct).mean(axis=0) for s in self.sums], axis=1),
            cost=np.stack([s.cost.mean(axis=0) for s in self.sums], axis=1),
        )

    @property
    def priced(self) -> dict[str, dict[str, str]]:
        """How the protections of each package that has some are priced, or who pays them."""
        return {name: dict(s.priced) for name, s in zip(self.packages, self.sums, strict=True) if s.priced}

    def total(self, name: str, choice: Choice) -> Floats:
        """``net``, ``direct`` or ``cost`` of a choice, by draw: the level, not the difference."""
        stacked = np.stack([getattr(s, name) for s in self.sums], axis=2)
        return np.asarray(stacked[:, np.arange(len(choice)), choice].sum(axis=1))

    def added(self, name: str, choice: Choice) -> Floats:
        """The same beyond no change, by draw."""
        return self.total(name, choice) - self.total(name, np.zeros_like(choice))


def scored(table: Table, choice: Choice) -> dict[str, Any]:
    """Tell a choice in some draws: net homes, direct displacement and cost, with mean and 90 % band.

    Households are told as the ledgers tell them: whole, and in words where they are few.
    """
    net, direct, cost = (table.added(name, choice) for name in ("net", "direct", "cost"))
    return {
        "net_homes": {"mean": round(float(net.mean()), 1), **band(net)},
        "direct": households(direct),
        "programme_cost_usd": {"mean": round(float(cost.mean())), **band(cost)},
    }


def by_channel(table: Table, choice: Choice) -> dict[str, dict[str, Any]]:
    """Tell what each channel says of a choice: its ledgers of market and exclusion, shown and not optimised.

    Shares of model runs are given each channel and are never pooled.
    """
    net, direct, cost = (table.added(name, choice) for name in ("net", "direct", "cost"))
    nothing = np.zeros_like(choice)
    now, was = (
        market.avoided(table.beliefs, table.total("net", c), table.total("direct", c), table.low_income)
        for c in (choice, nothing)
    )
    less = {name: now[name] - was[name] for name in market.CHANNELS}
    taken = {name: table.total("direct", choice) + np.abs(less[name]) for name in market.CHANNELS}
    reach = market.out_of_reach(table.beliefs, net, table.rented, taken)
    return {
        name: {
            "market": moved(-less[name]) | {"sign": sign(-less[name])},
            "exclusion": moved(reach[name]) | {"sign": sign(reach[name])},
            "share_of_runs_better": share_better(less[name], direct),
            "programme_cost_usd_per_market_move_avoided": cost_per_move(cost, less[name]),
        }
        for name in market.CHANNELS
    }


def cost_per_move(cost: Floats, avoided: Floats) -> dict[str, float] | str:
    """Programme cost per modelled low-income move avoided (borrowed effect, range) [USD].

    The set of draws, where moves avoided are surely above none; words elsewhere.

    Examples
    --------
    >>> cost_per_move(np.array([100.0, 200.0, 300.0]), np.array([1.0, 1.0, 1.0]))["p50"]
    200.0
    >>> cost_per_move(np.ones(3), np.array([-1.0, 1.0, 2.0]))
    'undefined: no moves avoided that model runs can tell from none'
    """
    ends = record()["shown"]["band"]
    if np.quantile(avoided, ends[0]) <= 0:
        return UNDEFINED
    above = avoided > 0
    told = np.quantile(cost[above] / avoided[above], ends)
    return {
        name: float(round(float(v), _RATIO_DIGITS))
        for name, v in zip(("p5", "p50", "p95"), told, strict=True)
    }


def ties(table: Table, choices: Sequence[Choice]) -> list[list[int]]:
    """Say of each choice which others fresh draws cannot tell from it, in homes nor in displacement."""
    net = [table.added("net", choice) for choice in choices]
    direct = [table.added("direct", choice) for choice in choices]
    return [
        [
            other
            for other in range(len(choices))
            if other != one and _same(net[one], net[other]) and _same(direct[one], direct[other])
        ]
        for one in range(len(choices))
    ]


def groups(alike: Sequence[Sequence[int]]) -> list[list[int]]:
    """Put neighbours of a frontier together as long as none of a group can be told from another of it.

    Parameters
    ----------
    alike
        Which others each point ties with (:func:`ties`).

    Examples
    --------
    >>> groups([[1], [0, 2], [1]])
    [[0, 1], [2]]
    """
    found: list[list[int]] = []
    for point, others in enumerate(alike):
        if found and set(found[-1]) <= set(others):
            found[-1].append(point)
        else:
            found.append([point])
    return found


def ties_with_no_change(table: Table, choice: Choice) -> bool:
    """Whether fresh draws cannot tell a choice from no change, in homes nor in displacement."""
    return all(
        _same(added, np.zeros_like(added))
        for added in (table.added("net", choice), table.added("direct", choice))
    )


def against_budget(table: Table, choice: Choice, budget_usd: float) -> dict[str, Any]:
    """Say whether a choice costs more than the budget on average, and in which share of model runs."""
    cost = table.added("cost", choice)
    return {
        "over_budget": bool(cost.mean() > budget_usd),
        "share_of_runs_over_budget": None
        if np.isinf(budget_usd)
        else round(float(np.mean(cost > budget_usd)), 3),
    }


def _same(one: Floats, other: Floats) -> bool:
    low, _, high = np.quantile(one - other, record()["shown"]["band"])
    return bool(low <= 0 <= high)


def rules(
    table: Table,
    *,
    near_rail: Sequence[bool] | None,
    pressed: Sequence[bool] | None,
    n_random: int,
    seed: int,
) -> dict[str, list[Choice]]:
    """Choices by simple rules: one package everywhere, near rail only, away from pressure only, at random.

    Parameters
    ----------
    table
        The packages and places.
    near_rail, pressed
        Of each place; None where unknown, and the rule is left out.
    n_random, seed
        Random choices.
    """
    places, packages = len(table.places), len(table.packages)
    rng = np.random.default_rng(seed)
    everywhere = [np.full(places, n, np.intp) for n in range(1, packages)]
    found = {
        "uniform": everywhere,
        "random": [rng.integers(0, packages, places).astype(np.intp) for _ in range(n_random)],
    }
    if near_rail is not None:
        found["transit-only"] = [np.where(near_rail, choice, 0) for choice in everywhere]
    if pressed is not None:
        found["avoid-pressure"] = [np.where(pressed, 0, choice) for choice in everywhere]
    return found
