"""From what pays (the pro forma) to what may be started (the hazard): one policy's options, laid out.

The worth of an option is linear in price, rent and cost, so it is taken apart once and recomputed in
every draw: what prices carry, what rents carry (by setting rents to 0), what is spent.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from densitymap.feasibility.costs import Costs
from densitymap.feasibility.draws import Places
from densitymap.feasibility.forms import PLANS, Terms
from densitymap.feasibility.hazard import (
    ACTORS,
    CLOSED,
    COVARIATES,
    PROCESSES,
    TENURES,
    Codes,
    Flags,
    Lots,
    Options,
    process_of,
    with_investors,
)  # fmt: skip
from densitymap.feasibility.pays import PRICED, Paying, Worth, is_residential
from densitymap.feasibility.priors import TENTH, choice
from densitymap.feasibility.proforma import coefficients
from densitymap.geometry import Floats

_PER_DECADE = 10.0
_SAME_USD = 1.0
"""A form worth the same under both laws, to a dollar, is the form of today."""


def options_of(
    paying: Paying,
    fits: pd.DataFrame,
    worth: Worth,
    costs: Costs,
    *,
    today: tuple[Paying, pd.DataFrame] | None,
) -> Options:
    """Lay out what could be done on each lot under one policy.

    Parameters
    ----------
    paying, fits
        The policy judged, and the rows of ``fits`` it was judged on.
    worth, costs
        Prices, as-is values and costs it was judged with.
    today
        The same of no change; None where the policy is no change.

    Returns
    -------
    Options
        With no change's forms that the policy lacks as yardsticks (status closed), and every purchase to
        flip or let.
    """
    whole = _laid_out(paying, fits, worth, costs, names=())
    if today is not None:
        former = _laid_out(*today, worth, costs, names=whole.outcomes)
        whole = beside(_with_names(whole, former.outcomes), former)
    return whole.ordered()


def with_purchases(options: Options, lots: pd.DataFrame) -> Options:
    """Add the purchases to flip or let on residential lots that are not known to be vacant."""
    built = lots["is_built"].astype("boolean").to_numpy(bool, na_value=True)
    return with_investors(options, has_home=built & is_residential(lots))


def lots_of(lots: pd.DataFrame, worth: Worth, *, year: int) -> tuple[Lots, Places]:
    """What the hazard asks of each lot; unknown stays unknown.

    Parameters
    ----------
    lots
        Table ``parcels``; the intervals of :func:`~densitymap.feasibility.pays.priced` say how sure the
        price of each neighbourhood is.
    worth
        As-is values.
    year
        Year the age of a structure is counted to.
    """
    vacant = (~lots["is_built"].astype("boolean")).to_numpy(bool, na_value=False)
    as_is = np.where(np.isnan(worth.as_is_usd) & vacant, choice("vacant_unvalued_usd"), worth.as_is_usd)
    unknown = np.full(len(lots), np.nan)
    found = {
        "land_share": _land_share(lots),
        "age": (year - lots["year_built"].to_numpy(float, na_value=np.nan)) / _PER_DECADE,
        "absentee": 1.0 - lots["owner_occupied"].astype("Float64").to_numpy(float, na_value=np.nan),
    }
    codes, names = pd.factorize(lots["neighborhood"].astype("string").fillna(""), sort=True)
    values = np.stack([found.get(name, unknown) for name in COVARIATES], axis=1)
    known = Lots(as_is_usd=as_is, area=np.asarray(codes, np.int64), covariates=values)
    return known, Places(names=[str(name) for name in names], price_sd=_price_sd(lots, codes, len(names)))


def _land_share(lots: pd.DataFrame) -> Floats:
    """Land's share of the appraised value; NaN where the assessor does not tell land from buildings."""
    whole, buildings = (
        lots.reindex(columns=[name])[name].to_numpy(float, na_value=np.nan)
        for name in ("appraised_value_usd", "appraised_improvement_usd")
    )
    is_told = (whole > 0) & (buildings >= 0) & (buildings <= whole)
    return np.where(is_told, 1.0 - buildings / np.where(is_told, whole, 1.0), np.nan)


def _price_sd(lots: pd.DataFrame, codes: Codes, count: int) -> Floats:
    """Standard deviation of each neighbourhood's log price, from its 80 % interval; NaN where unknown."""
    low, high = (lots.reindex(columns=[name])[name].to_numpy(float, na_value=np.nan) for name in PRICED[1:3])
    spread = pd.Series(np.log(high / low) / (2 * TENTH))
    return spread.groupby(codes).first().reindex(range(count)).to_numpy(float)


def _laid_out(
    paying: Paying, fits: pd.DataFrame, worth: Worth, costs: Costs, *, names: Sequence[str]
) -> Options:
    terms: Terms = paying.terms
    rows = fits.iloc[terms.row]
    labels = (rows["fit_mode"] + ":" + rows["fit_type"]).to_numpy(object)
    distinct = sorted(set(labels))
    process = pd.Series([process_of(*name.split(":")) for name in distinct], index=distinct, dtype=object)
    entry, plan = np.nonzero(terms.applies[terms.kind] & process.reindex(labels).notna().to_numpy()[:, None])
    outcomes = tuple(dict.fromkeys([*names, *distinct]))
    parts = _parts(terms, worth, costs, entry, plan)
    standing = np.where(terms.assumed, 1.0, terms.units_standing)[entry]
    torn = np.where(terms.assumed & (terms.units_demolished != 0), 1.0, terms.units_demolished)[entry]
    added = terms.units[entry] - standing
    who = np.array([[ACTORS.index(actor), TENURES.index(tenure)] for actor, tenure in PLANS])[plan]
    of_process = process.map(lambda name: -1 if name is None else PROCESSES.index(name))
    asked = costs["cap_rate_share"] + costs["yield_spread_share"]
    let_by_builder = plan == PLANS.index(("developer", "rent"))
    earned = paying.decided.yield_on_cost[entry, plan] / asked
    known = np.isfinite(sum(parts.values())) & np.isfinite(added)
    laid = Options(
        lot=terms.lot[entry].astype(np.int64),
        process=of_process.reindex(labels).to_numpy(np.int64)[entry],
        actor=who[:, 0],
        tenure=who[:, 1],
        outcome=pd.Index(outcomes).get_indexer(labels)[entry].astype(np.int64),
        status=terms.level[entry].astype(np.int64),
        is_new_right=np.zeros(len(entry), dtype=bool),
        is_today=np.ones(len(entry), dtype=bool),
        rate_group=np.zeros(len(entry), np.int64),
        units_built=np.maximum(added + torn, 0.0),
        units_demolished=torn,
        units_added=added,
        yield_ratio=np.where(let_by_builder, np.where(np.isnan(earned), 0.0, earned), np.inf),
        outcomes=outcomes,
        **parts,
    )
    return laid.take(known)


def _parts(terms: Terms, worth: Worth, costs: Costs, entry: Codes, plan: Codes) -> dict[str, Floats]:
    """What prices, rents and costs carry of each option's residual land value."""
    unlet = costs.with_values({name: 0.0 for name in costs.records if name.startswith("rent_")})
    whole = coefficients(terms.kinds, terms.applies, costs)
    bare = coefficients(terms.kinds, terms.applies, unlet)
    kind, lot = terms.kind[entry], terms.lot[entry]
    price = worth.price_usd_per_ft2[lot]
    slope = whole.price[kind, plan]
    return {
        "sale_usd": np.where(slope == 0, 0.0, slope * price),
        "rent_usd": (whole.constant - bare.constant)[kind, plan],
        "cost_usd": -bare.constant[kind, plan],
        "land": whole.as_is[kind, plan],
    }


def _with_names(options: Options, outcomes: tuple[str, ...]) -> Options:
    fields = {name: getattr(options, name) for name in Options.__dataclass_fields__}
    return Options(**{**fields, "outcomes": outcomes})


def beside(policy: Options, today: Options) -> Options:
    """Tell the policy's options that are new, and keep today's that it lacks as yardsticks.

    A form that today's law allows at another size or in another tenure is known to builders, so it is no
    new right; what today would bring is still today's.
    """
    known, same = _among(policy, today)
    fields = {name: getattr(policy, name) for name in Options.__dataclass_fields__}
    marked = Options(**{**fields, "is_new_right": ~known, "is_today": same})
    former = today.take(~_among(today, policy)[1] & (today.actor == ACTORS.index("developer")))
    closed = {
        name: np.concatenate([getattr(marked, name), getattr(former, name)])
        for name in fields
        if name != "outcomes"
    }
    closed["status"][len(policy.lot) :] = CLOSED
    return Options(outcomes=policy.outcomes, **closed)


def _among(these: Options, those: Options) -> tuple[Flags, Flags]:
    """Whether the others hold a lot's form for the same actor; and its tenure, worth the same to a dollar."""
    form, keys = ["lot", "outcome", "actor"], ["lot", "outcome", "actor", "tenure"]
    own, other = (
        pd.DataFrame({name: getattr(part, name) for name in keys} | {"worth": _at_defaults(part)})
        for part in (these, those)
    )
    worth = other.drop_duplicates(keys).set_index(keys)["worth"]
    same = np.abs(own["worth"].to_numpy() - worth.reindex(pd.MultiIndex.from_frame(own[keys])).to_numpy())
    known = pd.MultiIndex.from_frame(own[form]).isin(pd.MultiIndex.from_frame(other[form]))
    return np.asarray(known), np.asarray(same <= _SAME_USD)


def _at_defaults(options: Options) -> Floats:
    """Worth of each option with every factor at 1, but for what stays of the as-is value."""
    return np.asarray(options.sale_usd + options.rent_usd - options.cost_usd)
