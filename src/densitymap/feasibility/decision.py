"""What pays, and whom: residual land value against the lot as it stands and against today's law.

``decision value = RLV - max(as-is x (1 + premium), best legal today, 0)`` (the project's zoning and
capacity reference, section 3). An option pays where that is 0 or more: the best form that is legal today
is its own alternative, and builders bid land up to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap.feasibility.costs import Costs
from densitymap.feasibility.forms import ACTORS, PLANS, Terms, size_factor
from densitymap.feasibility.proforma import Valued
from densitymap.geometry import Flags, Floats, Indices

CENT_USD = 0.01
"""Decision values agree to this: an option that is its own alternative pays."""
_BUILDERS = [place for place, (actor, _) in enumerate(PLANS) if actor == "developer"]
_RENTS = [place for place, (_, tenure) in enumerate(PLANS) if tenure == "rent"]
_OWNERS_RENT = PLANS.index(("owner", "rent"))


@dataclass(frozen=True, kw_only=True)
class Decided:
    """Every option against its alternatives: arrays [entry, plan]; NaN or False where unknown.

    Attributes
    ----------
    surplus_usd
        Over the price of the lot as it stands, with the actor's premium.
    decision_value_usd
        Over the best alternative, today's law included.
    yield_on_cost
        Net income over cost and land, of rented homes; an owner's kept land counts 0.
    pays
        Whether the plan pays.
    as_is_usd, best_today_usd
        Of each lot, as they were given.
    """

    as_is_usd: Floats
    best_today_usd: Floats
    surplus_usd: Floats
    decision_value_usd: Floats
    yield_on_cost: Floats
    pays: Flags


@dataclass(frozen=True, kw_only=True)
class Best:
    """The option that pays each actor best: arrays [lot, actor], actors as :data:`ACTORS`.

    Attributes
    ----------
    entry, plan
        Of the terms; -1 where nothing pays.
    units
        Homes when done; NaN where nothing pays.
    level
        Level of its verdict (1 MAYBE, 2 TRUE); 0 where nothing pays.
    decision_value_usd
        NaN where nothing pays.
    is_known
        Whether any option of the actor could be judged; a lot without options is known to hold none.
    """

    entry: Indices
    plan: Indices
    units: Floats
    level: npt.NDArray[np.int8]
    decision_value_usd: Floats
    is_known: Flags


def place_prices(neighborhood: pd.Series, costs: Costs) -> pd.DataFrame:
    """Give the fall-back price of each lot's neighbourhood, where no model of prices is loaded.

    One listing of new homes gives the price in its own neighbourhood; the others stand to it as their
    median sales do, but for what is the size of their houses.

    Parameters
    ----------
    neighborhood
        Of each lot.
    costs
        With ``places`` (median sale of a house).

    Returns
    -------
    DataFrame on the same index
        ``price_usd_per_ft2`` of a standing house of the reference size, ``as_is_usd`` of a standing house,
        their ``_low`` and ``_high``; missing where the neighbourhood has no median sale.
    """
    listing = costs.records["new_attached_price_usd_per_ft2"]
    size = float(size_factor(costs["new_attached_price_ft2"], costs))
    there = listing.value / size / costs["new_home_price_factor"]
    found = pd.DataFrame(index=neighborhood.index)
    for ending, bound in (("", "value"), ("_low", "low"), ("_high", "high")):
        median = neighborhood.map({name: getattr(place, bound) for name, place in costs.places.items()})
        found[f"as_is_usd{ending}"] = median.astype("Float64")
        beside = found[f"as_is_usd{ending}"] / costs.places[str(listing.place)].value
        found[f"price_usd_per_ft2{ending}"] = there * beside ** costs["place_price_elasticity"]
    return found


def best_today(terms: Terms, valued: Valued) -> Floats:
    """Give what the market would pay for each lot under these terms; NaN where no builder has a use for it.

    Parameters
    ----------
    terms, valued
        Of today's law (no change).
    """
    bids = np.fmax.reduce(valued.rlv_usd[:, _BUILDERS], axis=1)
    best = np.full(terms.n_lots, np.nan)
    if len(terms.starts):
        best[terms.lots_with] = np.fmax.reduceat(bids, terms.starts)
    return best


def decide(
    terms: Terms, valued: Valued, *, as_is_usd: Floats, best_today_usd: Floats, is_vacant: Flags, costs: Costs
) -> Decided:
    """Set every option against its alternatives.

    Parameters
    ----------
    terms, valued
        The options and their worth under the policy in question.
    as_is_usd
        Value of each lot as it stands [USD]; NaN unknown: then nothing is decided, unless it is vacant.
    best_today_usd
        Of each lot (:func:`best_today`); NaN none.
    is_vacant
        Lots known to be vacant.
    costs
        Premium, acquisition, cap rate and spread.
    """
    reserve = np.where(np.isnan(as_is_usd) & is_vacant, 0.0, as_is_usd)[terms.lot, None]
    premium = np.array([actor == "developer" for actor, _ in PLANS]) * costs["acquisition_premium_share"]
    asked = reserve * (1 + premium)
    alternative = np.maximum(asked, np.fmax(best_today_usd[terms.lot], 0.0)[:, None])
    decision = valued.rlv_usd - alternative
    earned = _yields(terms, valued, alternative, costs)
    pays = decision >= -CENT_USD
    builders_let = PLANS.index(("developer", "rent"))
    enough = costs["cap_rate_share"] + costs["yield_spread_share"]
    pays[:, builders_let] &= earned[:, builders_let] >= enough
    return Decided(
        as_is_usd=as_is_usd,
        best_today_usd=best_today_usd,
        surplus_usd=valued.rlv_usd - asked,
        decision_value_usd=decision,
        yield_on_cost=earned,
        pays=pays,
    )


def _yields(terms: Terms, valued: Valued, land_usd: Floats, costs: Costs) -> Floats:
    land = land_usd * (1 + costs["acquisition_cost_share"])
    kept = terms.of("kept") > 0
    land[kept, _OWNERS_RENT] = 0.0
    whole = valued.cost_usd[:, None] + land
    earned = np.full(whole.shape, np.nan)
    earned[:, _RENTS] = valued.noi_usd[:, None] / whole[:, _RENTS]
    return np.where(np.isnan(valued.rlv_usd), np.nan, earned)


def best_by_actor(terms: Terms, decided: Decided) -> Best:
    """Find the option of the highest decision value that pays, for each lot and actor.

    Ties go to the first row of ``fits``; row order within a lot is that of the forms, not of the file.
    """
    shape = (terms.n_lots, len(ACTORS))
    entry, plan = np.full(shape, -1, dtype=np.intp), np.full(shape, -1, dtype=np.intp)
    known = np.ones(shape, dtype=bool)
    for place, actor in enumerate(ACTORS):
        plans = [at for at, (who, _) in enumerate(PLANS) if who == actor]
        worth = np.where(decided.pays[:, plans], decided.decision_value_usd[:, plans], -np.inf)
        if len(terms.starts):
            entry[terms.lots_with, place] = _first_best(worth.max(axis=1), terms)
            judged = (~np.isnan(decided.decision_value_usd[:, plans])).any(axis=1)
            open_to = terms.applies[terms.kind][:, plans].any(axis=1)
            unknown = np.logical_or.reduceat(open_to & ~judged, terms.starts)
            some = np.logical_or.reduceat(judged, terms.starts)
            known[terms.lots_with, place] = some | ~unknown
        found = entry[:, place] >= 0
        plan[found, place] = np.array(plans)[worth[entry[found, place]].argmax(axis=1)]
    none = entry < 0
    return Best(
        entry=entry,
        plan=plan,
        units=np.where(none, np.nan, _take(terms.units, entry)),
        level=np.where(none, 0, _take(terms.level, entry)).astype(np.int8),
        decision_value_usd=np.where(none, np.nan, _take_pair(decided.decision_value_usd, entry, plan)),
        is_known=known,
    )


def _first_best(worth: Floats, terms: Terms) -> Indices:
    """First entry of the highest worth of each lot that has entries; -1 where none is finite."""
    best = np.maximum.reduceat(worth, terms.starts)
    per_entry = np.repeat(best, np.diff(np.append(terms.starts, len(worth))))
    places = np.where((worth == per_entry) & np.isfinite(worth), np.arange(len(worth)), len(worth))
    first = np.minimum.reduceat(places, terms.starts)
    return np.where(first < len(worth), first, -1)


def _take(values: npt.NDArray[np.generic], entry: Indices) -> npt.NDArray[np.generic]:
    if not len(values):
        return np.zeros(entry.shape, dtype=values.dtype)
    return np.asarray(values[np.maximum(entry, 0)])


def _take_pair(values: Floats, entry: Indices, plan: Indices) -> Floats:
    if not len(values):
        return np.full(entry.shape, np.nan)
    return np.asarray(values[np.maximum(entry, 0), np.maximum(plan, 0)])


def options_table(terms: Terms, fits: pd.DataFrame, valued: Valued, decided: Decided) -> pd.DataFrame:
    """Lay the options out, one row per lot, option, actor and tenure; to be shown, never written per lot.

    Parameters
    ----------
    terms, valued, decided
        The options, their worth, their alternatives.
    fits
        The table the terms were taken from.

    Returns
    -------
    DataFrame
        ``parcel_id policy fit_mode fit_type form verdict actor tenure units_after units_added
        existing_assumed units_demolished gdv_usd cost_usd rlv_usd yield_on_cost as_is_value_usd
        best_legal_today_usd surplus_usd decision_value_usd pays``, in the order of the terms.
    """
    at, plan = np.nonzero(terms.applies[terms.kind])
    rows = fits.iloc[terms.row[at]].reset_index(drop=True)
    who = np.array(PLANS, dtype=object)[plan]
    standing = np.where(terms.assumed, 1.0, terms.units_standing)[at]
    return rows[["parcel_id", "policy", "fit_mode", "fit_type", "form", "verdict"]].assign(
        actor=who[:, 0],
        tenure=who[:, 1],
        units_after=terms.units[at],
        units_added=terms.units[at] - standing,
        existing_assumed=terms.assumed[at],
        units_demolished=terms.units_demolished[at],
        gdv_usd=valued.gdv_usd[at, plan],
        cost_usd=valued.cost_usd[at],
        rlv_usd=valued.rlv_usd[at, plan],
        yield_on_cost=decided.yield_on_cost[at, plan],
        as_is_value_usd=decided.as_is_usd[terms.lot[at]],
        best_legal_today_usd=decided.best_today_usd[terms.lot[at]],
        surplus_usd=decided.surplus_usd[at, plan],
        decision_value_usd=decided.decision_value_usd[at, plan],
        pays=pd.array(decided.pays[at, plan], dtype="boolean"),
    )
