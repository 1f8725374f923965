"""What a project is worth to who builds it: residual land value, linear in price and in cost.

``RLV = (GDV (1 - sale cost - margin) / (1 + phi) - C) / (1 + acquisition)`` (the project's zoning and
capacity reference, section 3). GDV is the value of the finished project, C its cost without land and
finance, phi the cost of finance as a share. Rented homes are worth their net income over the cap rate.
Columns in, columns out. Lots share a few hundred kinds of project, so money is summed by kind and brought
to lots by their prices: numpy alone is fast enough, and draws are one more axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from densitymap.feasibility.costs import Costs
from densitymap.feasibility.forms import FIELDS, Terms
from densitymap.geometry import Floats

MONTHS_PER_YEAR = 12


def residual_land_value(
    gdv_usd: Any, cost_usd: Any, *, sale_cost: Any, margin: Any, phi: Any, acquisition: Any
) -> Any:
    """Most that can be paid for the land [USD]; scalars or arrays that broadcast.

    Parameters
    ----------
    gdv_usd
        Value of the finished project [USD].
    cost_usd
        Cost of building, without land and finance [USD].
    sale_cost, margin
        Shares of the value that selling costs and that the builder asks.
    phi
        Finance as a share of cost (:func:`finance_share`).
    acquisition
        Cost of buying as a share of the land price.

    Examples
    --------
    A house of 3,000 ft2 sold at 400 USD a ft2, built for 746,130 USD:

    >>> phi = finance_share(loan_to_cost=0.7, drawn=0.55, rate=0.085, months=12, points=0.015)
    >>> shares = {'sale_cost': 0.06, 'margin': 0.15, 'acquisition': 0.02}
    >>> value = residual_land_value(1_200_000, 746_130, phi=phi, **shares)
    >>> round(value, -3)
    159000.0
    """
    return (gdv_usd * (1 - sale_cost - margin) / (1 + phi) - cost_usd) / (1 + acquisition)


def finance_share(*, loan_to_cost: Any, drawn: Any, rate: Any, months: Any, points: Any) -> Any:
    """Finance as a share of cost: interest on what is drawn, and points, on the part that is lent.

    Examples
    --------
    >>> round(finance_share(loan_to_cost=0.7, drawn=0.55, rate=0.085, months=12, points=0.015), 6)
    0.043225
    """
    return loan_to_cost * (drawn * rate * months / MONTHS_PER_YEAR + points)


def net_income_usd(rent_usd_per_month: Any, *, vacancy: Any, operating: Any) -> Any:
    """Income of a year after vacancy and running costs [USD].

    Examples
    --------
    >>> round(net_income_usd(1731.0, vacancy=0.06, operating=0.28) / 200_640, 3)
    0.07
    """
    return rent_usd_per_month * MONTHS_PER_YEAR * (1 - vacancy) * (1 - operating)


def scalars(costs: Costs | Mapping[str, Any]) -> SimpleNamespace:
    """Reduce costs to what the sum needs.

    A mapping of plain values serves for draws: each may be an array over draws (:func:`money`).
    """
    c = costs
    phi, phi_owner = phis(c)
    sale, fee = c["sale_cost_share"], c["nonprofit_fee_share"]
    return SimpleNamespace(
        new=c["new_home_price_factor"],
        attached=c["attached_price_factor"] * (1 - c["condo_share"] * c["condo_discount_share"]),
        marginal=1 + c["price_size_elasticity"],
        hard=1 + c["soft_cost_share"] + c["contingency_share"],
        trees=c["tree_recompense_usd_per_inch"] * c["trees_removed_inches"],
        income=net_income_usd(1.0, vacancy=c["vacancy_share"], operating=c["operating_share"]),
        income_adu=net_income_usd(1.0, vacancy=c["vacancy_share"], operating=c["operating_share_adu"]),
        keeps_developer=(1 - sale - c["margin_share"]) / (1 + phi),
        keeps_owner_sale=(1 - sale) / (1 + phi_owner),
        keeps_owner_rent=1 / (1 + phi_owner),
        keeps_trust_sale=(1 - sale - fee) / (1 + phi),
        keeps_trust_rent=(1 - fee) / (1 + phi),
        paid=1 + c["acquisition_cost_share"],
    )


def phis(costs: Costs | Mapping[str, Any]) -> tuple[Any, Any]:
    """Finance as a share of cost: a builder's loan, an owner's home equity loan (no points)."""
    shared = {
        "loan_to_cost": costs["loan_to_cost_share"],
        "drawn": costs["loan_drawn_share"],
        "months": costs["build_time_months"],
    }
    builder = finance_share(
        **shared, rate=costs["loan_rate_share_per_year"], points=costs["loan_points_share"]
    )
    owner = finance_share(**shared, rate=costs["heloc_rate_share_per_year"], points=0.0)
    return builder, owner


@dataclass(frozen=True, kw_only=True)
class Money:
    """What each kind of project costs and brings; arrays [kind], or [kind, draw].

    Attributes
    ----------
    cost
        Cost without land and finance [USD].
    noi
        Net income if all its homes are let [USD/year].
    sale_price, sale_fixed, rent_price, rent_fixed
        Value when done, sold and let, is ``price x p + fixed`` with p the place's price per ft2 of a
        standing house of the reference size.
    kept, lost_price
        Share of the as-is value that stays with the lot; what the kept house loses is ``lost_price x p``.
    homes
        Homes made.
    """

    cost: Any
    noi: Any
    sale_price: Any
    sale_fixed: Any
    rent_price: Any
    rent_fixed: Any
    kept: Any
    lost_price: Any
    homes: Any


def money(kinds: Floats, costs: Costs | Mapping[str, Any]) -> Money:
    """Sum up each kind of project; the only place where costs and values are added.

    Parameters
    ----------
    kinds
        ``Terms.kinds`` [field, kind]; for draws [field, kind, 1].
    costs
        Costs, or plain values by name, each a number or an array over draws.
    """
    t, s, c = columns(kinds), scalars(costs), costs
    sale, rent = (value_items(t, s, c, tenure=tenure) for tenure in ("sale", "rent"))
    return Money(
        cost=sum(cost_items(t, s, c).values()),
        noi=c["cap_rate_share"] * sum(item.fixed for item in rent.values()),
        sale_price=sum(item.price for item in sale.values()),
        sale_fixed=sum(item.fixed for item in sale.values()),
        rent_price=sum(item.price for item in rent.values()),
        rent_fixed=sum(item.fixed for item in rent.values()),
        kept=t.kept + t.kept_less * c["kept_house_value_share"],
        lost_price=lost_price(t, s),
        homes=t.homes + t.adu_homes + t.inner_kept + t.inner_new,
    )


def columns(kinds: Floats) -> SimpleNamespace:
    """Name the fields of kinds of project (:data:`~densitymap.feasibility.forms.FIELDS`)."""
    return SimpleNamespace(**dict(zip(FIELDS, kinds, strict=True)))


def cost_items(t: Any, s: Any, c: Any) -> dict[str, Any]:
    """What a project costs, item by item [USD]; land and finance are not among them.

    Parameters
    ----------
    t, s, c
        :func:`columns` of the kinds, :func:`scalars` of the costs, and the costs themselves.
    """
    hard = (
        t.house_ft2 * c["hard_cost_house_usd_per_ft2"]
        + t.duplex_ft2 * c["hard_cost_duplex_usd_per_ft2"]
        + t.triplex_ft2 * c["hard_cost_triplex_usd_per_ft2"]
    )
    return {
        "hard_cost": hard,
        "soft_cost": hard * c["soft_cost_share"],
        "contingency": hard * c["contingency_share"],
        "site_work": (t.fee_homes + t.fee_homes_of_four) * c["site_work_usd_per_home"],
        "impact_fees": t.fee_homes * c["impact_fee_usd_per_home"]
        + t.fee_homes_of_four * c["impact_fee_usd_per_home_of_four_or_more"]
        + t.adu_homes * c["impact_fee_usd_per_adu"],
        "accessory_home": t.adu_homes * c["adu_turnkey_usd"] + t.adu_ft2 * c["adu_turnkey_usd_per_ft2"],
        "inner_accessory_home": t.inner_kept * c["attached_adu_usd"]
        + t.inner_new * c["attached_adu_new_usd"],
        "conversion": t.divided * c["conversion_usd_per_home"],
        "division": t.is_split * c["split_usd"],
        "demolition": t.demolishes * c["demolition_usd"],
        "trees": t.clears * s.trees,
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One item of value: ``price x p + fixed`` [USD] with p the place's price per ft2."""

    price: Any
    fixed: Any


def value_items(t: Any, s: Any, c: Any, *, tenure: str) -> dict[str, Item]:
    """What a project is worth when done, item by item; a house that is kept is not among them.

    Parameters
    ----------
    t, s, c
        As in :func:`cost_items`.
    tenure
        ``sale``: homes are sold where they can be. ``rent``: all are let, at income over the cap rate.
    """
    rents = [c[f"rent_{kind}_usd_per_month"] for kind in ("1br", "2br", "3br", "house")]
    cap = c["cap_rate_share"]
    behind = s.income_adu * _rent((t.adu_1br, t.adu_2br, t.adu_3br), rents)
    found = {"accessory_homes_let": Item(price=0.0 * behind, fixed=behind / cap)}
    if tenure == "rent":
        apart = s.income_adu * _rent((t.adu_sold_1br, t.adu_sold_2br, t.adu_sold_3br), rents)
        let = s.income * _rent((t.let_1br, t.let_2br, t.let_3br, t.let_house), rents)
        return found | {"homes_let": Item(price=0.0 * let, fixed=(let + apart) / cap)}
    attached = s.new * s.attached
    new = s.new * (t.detached_price_ft2 - t.carved_new_ft2 * s.marginal) + attached * t.attached_price_ft2
    sold = {
        "new_homes_sold": new,
        "accessory_homes_sold": attached * t.adu_sold_price_ft2,
        "divided_homes_sold": s.attached * t.divided_price_ft2,
    }
    return found | {name: Item(price=price, fixed=0.0 * price) for name, price in sold.items()}


def lost_price(t: Any, s: Any) -> Any:
    """What a kept house loses with the floor area it gives up, per unit of the place's price per ft2."""
    return t.carved_kept_ft2 * s.marginal


def _rent(homes: Sequence[Any], rents: Sequence[Any]) -> Any:
    return sum(count * rent for count, rent in zip(homes, rents, strict=False))


@dataclass(frozen=True, kw_only=True)
class Coefficients:
    """Residual land value by kind and plan, linear: ``price x p + constant + as_is x (as-is value)``.

    Arrays [kind, plan], or [kind, plan, draw]; NaN where the plan cannot be followed.
    """

    price: Floats
    constant: Floats
    as_is: Floats


def coefficients(kinds: Floats, applies: Any, costs: Costs | Mapping[str, Any]) -> Coefficients:
    """Give the coefficients of residual land value: exact, not an approximation.

    Parameters
    ----------
    kinds, applies
        Of :class:`~densitymap.feasibility.forms.Terms`; with a last axis of 1 each for draws.
    costs
        Costs, or plain values by name, each a number or an array over draws.
    """
    found, s, c = money(kinds, costs), scalars(costs), costs
    trust_sale = found.homes * c["affordable_price_usd_per_home"]
    trust_rent = c["affordable_rent_share"] * found.rent_fixed
    given = found.homes * c["subsidy_usd_per_home"]
    none = 0.0 * found.cost
    columns = zip(
        _linear(found.sale_price, found.sale_fixed, found, s.keeps_developer, s.paid),
        _linear(found.rent_price, found.rent_fixed, found, s.keeps_developer, s.paid),
        _linear(found.sale_price, found.sale_fixed, found, s.keeps_owner_sale, stays=1.0),
        _linear(found.rent_price, found.rent_fixed, found, s.keeps_owner_rent, stays=1.0),
        _linear(none, trust_sale + given / s.keeps_trust_sale, found, s.keeps_trust_sale, s.paid),
        _linear(none, trust_rent + given / s.keeps_trust_rent, found, s.keeps_trust_rent, s.paid),
        strict=True,
    )
    stacked = (np.stack(np.broadcast_arrays(*column), axis=1) for column in columns)
    price, constant, as_is = np.broadcast_arrays(*stacked)
    return Coefficients(
        price=np.where(applies, price, np.nan),
        constant=np.where(applies, constant, np.nan),
        as_is=np.where(applies, as_is, np.nan),
    )


def _linear(
    price: Any, fixed: Any, found: Money, keeps: Any, paid: Any = 1.0, *, stays: Any = None
) -> tuple[Any, Any, Any]:
    """One plan: what of the value is kept after selling, margin and finance; what is paid beside the land.

    An owner's kept house is not sold: its value stays whole (``stays`` 1). A builder's is sold with the rest.
    """
    stays = keeps if stays is None else stays
    return (
        (price * keeps - found.lost_price * stays) / paid,
        (fixed * keeps - found.cost) / paid,
        (found.kept * stays / paid),
    )


@dataclass(frozen=True, kw_only=True)
class Valued:
    """Every option of every lot valued: arrays [entry, plan]; NaN where no plan applies, or unknown."""

    rlv_usd: Floats
    gdv_usd: Floats
    cost_usd: Floats
    noi_usd: Floats


def value_options(terms: Terms, price_usd_per_ft2: Floats, as_is_usd: Floats, costs: Costs) -> Valued:
    """Value every option of every lot.

    Parameters
    ----------
    terms
        The options (:func:`~densitymap.feasibility.forms.terms`).
    price_usd_per_ft2
        Price of a standing house of the reference size at each lot [USD/ft2]; NaN unknown.
    as_is_usd
        Value of each lot as it stands [USD]; NaN unknown.
    costs
        Costs of the city.

    Returns
    -------
    Valued
        ``cost_usd`` [entry] without land and finance; ``noi_usd`` [entry] if all homes are let.
    """
    found = money(terms.kinds, costs)
    linear = coefficients(terms.kinds, terms.applies, costs)
    price, as_is = price_usd_per_ft2[terms.lot], as_is_usd[terms.lot]
    kind = terms.kind
    return Valued(
        rlv_usd=_at(linear.price[kind], price) + linear.constant[kind] + _at(linear.as_is[kind], as_is),
        gdv_usd=_gdv(found, costs, terms, price, as_is),
        cost_usd=np.asarray(found.cost)[kind],
        noi_usd=np.asarray(found.noi)[kind],
    )


def _at(coefficient: Floats, value: Floats) -> Floats:
    """Coefficient times value; an unknown value does not matter where its coefficient is 0."""
    with np.errstate(invalid="ignore"):
        return np.where(coefficient == 0, 0.0, coefficient * value[:, None])


def _gdv(found: Money, costs: Costs, terms: Terms, price: Floats, as_is: Floats) -> Floats:
    kind = terms.kind
    lost = _at(found.lost_price[kind][:, None], price)[:, 0]
    kept = _at(found.kept[kind][:, None], as_is)[:, 0] - lost
    sale = _at(found.sale_price[kind][:, None], price)[:, 0] + found.sale_fixed[kind] + kept
    rent = _at(found.rent_price[kind][:, None], price)[:, 0] + found.rent_fixed[kind] + kept
    trust = (found.homes * costs["affordable_price_usd_per_home"])[kind]
    let = (found.rent_fixed * costs["affordable_rent_share"])[kind]
    by_plan = np.stack([sale, rent, sale, rent, trust, let], axis=1)
    return np.where(terms.applies[kind], by_plan, np.nan)
