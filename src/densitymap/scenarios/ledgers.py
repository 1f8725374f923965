"""The four ledgers of a scenario beside no change: direct, market, owner stress, exclusion.

They count different people over different causes and are never added. The first line of any answer is the
table of signs by channel. Chances stand in memory; what is told is by neighbourhood or coarser, rounded.
Source: the project's displacement reference, section 5; where issue 9 differs, the issue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from densitymap.feasibility.pieces import EVERYWHERE
from densitymap.feasibility.uptake import Uptake
from densitymap.geometry import Floats
from densitymap.scenarios import market, tax
from densitymap.scenarios.beliefs import beliefs, channels, drawn, extrapolated, parameter_drawn
from densitymap.scenarios.break_even import Relief, break_even
from densitymap.scenarios.direct import (
    ADDED,
    CLASS_LEVEL,
    MAY_BE_LET,
    Direct,
    direct,
    kept_by,
    lot_classes,
    net_by_class,
)
from densitymap.scenarios.evaluate import Results, protected
from densitymap.scenarios.flow import Flow
from densitymap.scenarios.ledger import BY_NOTHING, Ledger, band, count_band, moved, sign, told
from densitymap.scenarios.programme import Basis, cost_words, costs_of
from densitymap.scenarios.tenure import Cells, Let, cells_of, let_homes, low_income_cut

NEVER_ADDED = "The ledgers count different people over different causes: they are never added."
CLASSES_NOTE = (
    f"'{MAY_BE_LET}' stands for low-income rentals: which lots those are is known of none. '{ADDED}' is what "
    "is added beside a house that stays."
)
SHARES_NOTE = "Shares of model runs, given each channel; they are no probabilities and are not pooled."


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What every scenario's ledgers rest on; in memory only.

    Attributes
    ----------
    lots
        Table ``parcels``.
    cells, let
        Lots alike, and who may live there.
    beliefs
        Drawn by name.
    tax, income
        Levies, and layer ``income_by_tenure`` or None.
    owner_needs
        What the owners' ledger lacks.
    seed
        Of the draws.
    """

    lots: pd.DataFrame
    cells: Cells
    let: Let
    beliefs: Mapping[str, Floats]
    tax: tax.Tax
    income: pd.DataFrame | None
    owner_needs: tuple[str, ...]
    seed: int

    @property
    def size(self) -> int:
        """Number of draws."""
        return len(self.let.renters)

    def expected(self, flow: Flow, told: Mapping[str, pd.Series]) -> Uptake:
        """Draw what is expected, at the levels that are told and as the ledgers need it."""
        return flow.expected({**told, CLASS_LEVEL: lot_classes(self.lots)}, small=self.cells.labels())

    @property
    def rented(self) -> Floats:
        """Rented homes on lots of one to four homes, by draw."""
        return np.asarray(self.let.renters @ self._homes)

    @property
    def low_income(self) -> Floats:
        """Low-income renter households on lots of one to four homes, by draw."""
        return np.asarray(self.let.low_income @ self._homes)

    @property
    def _homes(self) -> Floats:
        """Standing homes of each cell."""
        return self.cells.table["lots"].to_numpy(float) * self.cells.homes


@dataclass(frozen=True, kw_only=True)
class Census:
    """Tables of who lives where; None where not loaded."""

    tenure: pd.DataFrame | None = None
    income: pd.DataFrame | None = None
    tracts: pd.DataFrame | None = None


def situation(
    lots: pd.DataFrame, census: Census, levies: tax.Tax, *, size: int, seed: int, year: int
) -> Situation:
    """Prepare the ledgers of a run.

    Parameters
    ----------
    lots
        Table ``parcels``.
    census
        Census tables.
    levies
        The city's.
    size, seed
        Draws, the same as uptake's.
    year
        Year that values are held against.
    """
    values, cells = drawn(size, seed), cells_of(lots)
    let = let_homes(
        cells, census.tenure, census.income, values, low_income_usd=low_income_cut(census.tracts), seed=seed
    )
    return Situation(
        lots=lots, cells=cells, let=let, beliefs=values, tax=levies, income=census.income,
        owner_needs=tax.needs(levies, lots, census.income, year=year), seed=seed,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Counted:
    """A scenario's draws that the ledgers are made of; in memory only."""

    results: Results
    direct: Direct
    net: Floats
    net_by_class: Mapping[str, Floats]
    stress: Floats | None
    costs: Mapping[str, Floats] = field(default_factory=dict)


def counted(results: Results, result: Uptake, given: Situation, *, base: Results | None = None) -> Counted:
    """Count one scenario.

    Parameters
    ----------
    results, result
        The scenario evaluated, and its uptake as the situation draws it (:meth:`Situation.expected`).
    given
        The situation.
    base
        No change, evaluated; None where this is no change.
    """
    items = results.policy.protections
    kept = kept_by(results.lots, given.cells, items, size=given.size, seed=given.seed)
    place = result.levels.index(EVERYWHERE)
    return Counted(
        results=results,
        direct=direct(result.changes, given.cells, given.let, given.beliefs, kept),
        net=result.net[:, place],
        net_by_class=net_by_class(result),
        stress=_stress(results, given, base),
        costs=programme_costs(results, given, result),
    )


def _stress(results: Results, given: Situation, base: Results | None) -> Floats | None:
    if given.owner_needs or given.income is None:
        return None
    reached = np.zeros(len(given.lots), dtype=bool)
    if base is not None:
        now, before = (
            one.allowed["units_allowed"].to_numpy(float, na_value=np.nan) for one in (results, base)
        )
        reached = now > before  # an unread district is not known to be reached
    relief = [item for item in results.policy.protections if item.kind == "tax_relief"]
    covered, take_up = np.zeros(len(given.lots), dtype=bool), np.zeros(given.size)
    for item in relief:
        covered |= protected(results.lots, item)
        share = item.parameters["take_up_share"]
        take_up = parameter_drawn(item.kind, "take_up_share", share, size=given.size, seed=given.seed)
    owners = tax.owners_of(given.lots, _owner_households(given), reached=reached, protected=covered)
    return tax.stressed(given.tax, owners, given.income, given.beliefs, take_up=take_up)


def _owner_households(given: Situation) -> Floats:
    """Expected owner households of each lot; 0 where no home of one to four stands."""
    per_home = 1 - given.let.renters.mean(axis=0)
    per_lot = per_home * given.cells.homes
    return np.where(given.cells.code >= 0, per_lot[np.maximum(given.cells.code, 0)], 0.0)


def programme_costs(results: Results, given: Situation, result: Uptake) -> dict[str, Floats]:
    """What each protection costs over its full term [USD], by draw, where it has a price."""
    basis = Basis(
        lots=results.lots,
        cells=given.cells,
        let=given.let,
        beliefs=given.beliefs,
        seed=given.seed,
        result=result,
    )
    return {kind: usd.sum(axis=1) for kind, usd in costs_of(results.policy.protections, basis).usd.items()}


def ledgers(one: Counted, base: Counted, given: Situation) -> dict[str, Any]:
    """Tell the ledgers of a scenario beside no change, ready for JSON.

    Parameters
    ----------
    one, base
        The scenario and no change, counted in the same draws; the same object for no change itself.
    given
        The situation.
    """
    kept = _all(one, base, given)
    is_base = one is base
    return {
        "note": NEVER_ADDED,
        "signs": None if is_base else _signs(kept),
        **{name: told(ledger) for name, ledger in kept.items()},
        "demand": _demand(given),
        "programme_costs_usd": {name: band(values) for name, values in one.costs.items()},
        "protections_priced": cost_words(one.results.policy.protections),
        "who_lives_where": {
            "sources": list(given.let.sources),
            "low_income_below_usd": None
            if np.isnan(given.let.low_income_usd)
            else round(given.let.low_income_usd),
        },
        "extrapolations": dict(extrapolated()),
        "draws": given.size,
        "seed": given.seed,
    }


def rho_star(one: Counted, base: Counted, given: Situation) -> dict[str, Any] | None:
    """Tell the break-even of a scenario, in all and by class of lot; None for no change itself."""
    if one is base:
        return None
    less, per_home = avoided(one, base, given), market.moves_avoided_per_home(given.beliefs)
    relief = {name: Relief(avoided=less[name], per_home=per_home[name]) for name in market.CHANNELS}
    whole = break_even(one.direct.total - base.direct.total, one.net - base.net, relief)
    parts = {
        name: break_even(
            one.direct.by_class[name] - base.direct.by_class[name],
            one.net_by_class[name] - base.net_by_class[name],
        )
        for name in one.direct.by_class
    }
    return whole | {"by_lot_class": parts, "by_lot_class_note": CLASSES_NOTE, "note": SHARES_NOTE}


def _all(one: Counted, base: Counted, given: Situation) -> dict[str, Ledger]:
    return {
        "direct": _direct(one, base),
        "market": _market(one, base, given),
        "owner_stress": _owners(one, base, given),
        "exclusion": _exclusion(one, base, given),
    }


def _direct(one: Counted, base: Counted) -> Ledger:
    own, was = one.direct, base.direct
    return Ledger(
        name="direct",
        level=own.total,
        difference={} if one is base else {BY_NOTHING: own.total - was.total},
        more={
            "owners_who_sell": count_band(own.owners_sell),
            "by_process": {name: count_band(values) for name, values in own.by_process.items()},
            "by_lot_class": {name: count_band(values) for name, values in own.by_class.items()},
            "by_neighborhood": {name: count_band(values) for name, values in own.by_neighborhood.items()},
            "difference_by_neighborhood": None
            if one is base
            else {
                name: moved(values - was.by_neighborhood[name])
                for name, values in own.by_neighborhood.items()
            },
        },
    )


def avoided(one: Counted, base: Counted, given: Situation) -> dict[str, Floats]:
    """Moves avoided beyond those of no change, by channel."""
    now, was = (
        market.avoided(given.beliefs, each.net, each.direct.total, given.low_income) for each in (one, base)
    )
    return {name: now[name] - was[name] for name in market.CHANNELS}


def _market(one: Counted, base: Counted, given: Situation) -> Ledger:
    less = {} if one is base else {name: -v for name, v in avoided(one, base, given).items()}
    return Ledger(
        name="market", difference=less, more={"channels": {n: dict(c) for n, c in channels().items()}}
    )


def _owners(one: Counted, base: Counted, given: Situation) -> Ledger:
    if one.stress is None or base.stress is None:
        return Ledger(name="owner_stress", needs=given.owner_needs)
    left = tax.exits(one.stress, given.beliefs)
    return Ledger(
        name="owner_stress",
        level=one.stress,
        difference={} if one is base else {BY_NOTHING: one.stress - base.stress},
        more={"exits": count_band(left), "passed_on_to_rents": given.tax.passed_on_to_rents},
    )


def _exclusion(one: Counted, base: Counted, given: Situation) -> Ledger:
    if one is base:
        return Ledger(name="exclusion")
    taken = {name: one.direct.total + np.abs(values) for name, values in avoided(one, base, given).items()}
    change = market.out_of_reach(given.beliefs, one.net - base.net, given.rented, taken)
    return Ledger(name="exclusion", difference=change)


def signs(one: Counted, other: Counted, given: Situation) -> list[dict[str, Any]]:
    """Tell the direction of every ledger of one scenario beside another, channel by channel."""
    return _signs(_all(one, other, given))


def _signs(kept: Mapping[str, Ledger]) -> list[dict[str, Any]]:
    """The first line of any answer: direction of every ledger, channel by channel."""
    rows = []
    for name in market.CHANNELS:
        row = {"channel": name, "is_extrapolated": channels()[name]["is_extrapolated"]}
        for ledger in kept.values():
            values = ledger.difference.get(name, ledger.difference.get(BY_NOTHING))
            row[ledger.name] = "not computable" if values is None else sign(values)
        rows.append(row)
    return rows


def _demand(given: Situation) -> dict[str, Any]:
    """The people coming into the city: a level, equal in all scenarios."""
    return {
        "equal_in_all_scenarios": True,
        "homes_wanted_and_not_built_in_the_region": band(given.beliefs["region_unmet_demand"]),
        "homes_of_the_region": band(given.beliefs["region_homes"]),
        "low_income_moves_by_rents": moved(market.demand_moves(given.beliefs)),
        "lettings_out_of_reach_here": moved(market.demand_out_of_reach(given.beliefs, given.rented)),
        "cumulation": "ten years; homes count as if they stood throughout",
        "cite": beliefs()["region_unmet_demand"].cite,
    }
