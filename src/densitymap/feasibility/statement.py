"""One project told line by line: every input with its source, every sum, down to the decision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from densitymap.feasibility.costs import Cost, Costs
from densitymap.feasibility.decision import Decided
from densitymap.feasibility.forms import FIELDS, PLANS, Terms
from densitymap.feasibility.proforma import (
    Valued,
    columns,
    cost_items,
    lost_price,
    phis,
    scalars,
    value_items,
)

COMPUTED = "computed"
LABELS = {
    "new_homes_sold": "New homes, sold",
    "accessory_homes_sold": "Accessory homes, sold apart",
    "divided_homes_sold": "Homes made of the house, sold",
    "homes_let": "Homes let: net income over the cap rate",
    "accessory_homes_let": "Accessory homes let: net income over the cap rate",
    "house_made_smaller": "Floor area the house gives up",
    "house_kept": "House kept, as it stands",
    "homes_at_an_affordable_price": "Homes at an affordable price",
    "homes_at_an_affordable_rent": "Homes at an affordable rent: net income over the cap rate",
    "hard_cost": "Hard cost",
    "soft_cost": "Soft cost",
    "contingency": "Contingency",
    "site_work": "Site and utilities",
    "impact_fees": "Impact fees",
    "accessory_home": "Accessory home, turnkey",
    "inner_accessory_home": "Accessory home inside the house",
    "conversion": "Dividing the house",
    "division": "Dividing the lot",
    "demolition": "Demolition",
    "trees": "Tree recompense",
}
USES: dict[str, tuple[str, ...]] = {
    "house_ft2": ("hard_cost_house_usd_per_ft2", "soft_cost_share", "contingency_share"),
    "duplex_ft2": ("hard_cost_duplex_usd_per_ft2", "soft_cost_share", "contingency_share"),
    "triplex_ft2": ("hard_cost_triplex_usd_per_ft2", "soft_cost_share", "contingency_share"),
    "fee_homes": ("site_work_usd_per_home", "impact_fee_usd_per_home"),
    "fee_homes_of_four": ("site_work_usd_per_home", "impact_fee_usd_per_home_of_four_or_more"),
    "adu_homes": ("adu_turnkey_usd", "adu_turnkey_usd_per_ft2", "impact_fee_usd_per_adu"),
    "inner_kept": ("attached_adu_usd", "attached_adu_ft2"),
    "inner_new": ("attached_adu_new_usd", "attached_adu_ft2"),
    "divided": ("conversion_usd_per_home",),
    "is_split": ("split_usd",),
    "demolishes": ("demolition_usd",),
    "clears": ("tree_recompense_usd_per_inch", "trees_removed_inches"),
    "kept_less": ("kept_house_value_share",),
}
"""Inputs that a project with this field rests on."""
SOLD = (
    "new_home_price_factor", "attached_price_factor", "condo_share", "condo_discount_share",
    "price_size_elasticity", "price_size_reference_ft2",
)  # fmt: skip
LET = ("cap_rate_share", "vacancy_share")
FINANCE = ("loan_to_cost_share", "loan_drawn_share", "build_time_months")
LOAN = ("loan_rate_share_per_year", "loan_points_share", "acquisition_cost_share")
BY_ACTOR = {
    "developer": (*LOAN, "margin_share", "acquisition_premium_share"),
    "owner": ("heloc_rate_share_per_year",),
    "nonprofit": (*LOAN, "nonprofit_fee_share", "subsidy_usd_per_home"),
}


NOBODY_BIDS = ": nobody bids"
NEEDS = {
    "as_is": "the value of the lot as it stands (--set as_is=NUMBER)",
    "price": "the price of homes there (--place NAME, or --set place_price=NUMBER)",
    "law": "what the law allows there (--zone CODE)",
}
"""What a sum may lack, in words that say how to give it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line: an input with its range, an item of value or cost, a sum (then without a range)."""

    name: str
    label: str
    value: float | None
    unit: str
    year: int | None = None
    source: str = COMPUTED
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """Who says a price or a value, in whose dollars, and how sure it is."""

    source: str
    year: int | None
    low: float
    high: float


def inputs(terms: Terms, entry: int, plan: int, costs: Costs) -> list[Line]:
    """Give every input one plan of one entry rests on, with its range, unit, year and citation."""
    actor, tenure = PLANS[plan]
    field = dict(zip(FIELDS, terms.kinds[:, terms.kind[entry]], strict=True))
    names = [name for key, uses in USES.items() if field[key] > 0 for name in uses]
    sold, trust = tenure == "sale", actor == "nonprofit"
    lets_behind = any(field[f"adu_{rooms}br"] > 0 for rooms in (1, 2, 3))
    names += ["sale_cost_share"] if sold or actor == "developer" else []
    if sold:
        names += ["affordable_price_usd_per_home"] if trust else SOLD
    if not sold or (lets_behind and not trust):
        names += LET
        names += ["operating_share_adu"] if lets_behind else []
        names += ["operating_share", "yield_spread_share"] if not sold else []
        names += ["affordable_rent_share"] if trust else []
        names += [name for name in _rents(field, all_homes=not sold) if name not in names]
    names += [*FINANCE, *BY_ACTOR[actor]]
    return [_input(costs.records[name]) for name in dict.fromkeys(names)]


def _input(cost: Cost) -> Line:
    return Line(
        name=cost.name,
        label=cost.name.replace("_", " "),
        value=cost.value,
        unit=cost.unit,
        year=cost.year,
        source=cost.cite,
        low=cost.low,
        high=cost.high,
    )


def _rents(field: dict[str, float], *, all_homes: bool) -> Iterator[str]:
    kinds = ("adu", "let", "adu_sold") if all_homes else ("adu",)
    for rooms in ("1br", "2br", "3br"):
        if any(field[f"{kind}_{rooms}"] > 0 for kind in kinds):
            yield f"rent_{rooms}_usd_per_month"
    if all_homes and field["let_house"] > 0:
        yield "rent_house_usd_per_month"


def lines(
    terms: Terms,
    entry: int,
    plan: int,
    *,
    costs: Costs,
    valued: Valued,
    decided: Decided,
    price_usd_per_ft2: float,
) -> list[Line]:
    """Tell one plan of one entry line by line; the sums are those of the vectorised computation.

    Parameters
    ----------
    terms, valued, decided
        The options, their worth and alternatives.
    entry, plan
        Which option, and who does what with it (:data:`~densitymap.feasibility.forms.PLANS`).
    costs
        The costs they were computed with.
    price_usd_per_ft2
        The place's price per ft2.
    """
    t, s = columns(terms.kinds[:, terms.kind[entry]]), scalars(costs)
    as_is = float(decided.as_is_usd[terms.lot[entry]])
    found = [*_values(t, s, costs, plan, price=price_usd_per_ft2, as_is=as_is)]
    found.append(_sum("gdv_usd", "Value when done", valued.gdv_usd[entry, plan]))
    items = {name: float(value) for name, value in cost_items(t, s, costs).items()}
    found += [_sum(name, LABELS[name], value) for name, value in items.items() if value]
    found.append(_sum("cost_usd", "Cost, without land and finance", valued.cost_usd[entry]))
    found += _shares(
        plan, costs, valued.gdv_usd[entry, plan], homes=float(t.homes + t.adu_homes + t.inner_new)
    )
    found += _residual(
        plan, costs, cost=float(valued.cost_usd[entry]), rlv=float(valued.rlv_usd[entry, plan])
    )
    found += _decision(terms, entry, plan, costs=costs, decided=decided)
    return [_with_reason(line, as_is, price_usd_per_ft2) for line in found]


def needs(as_is_usd: float, price_usd_per_ft2: float) -> list[str]:
    """What is unknown of the lot, in words (:data:`NEEDS`)."""
    unknown = {"as_is": np.isnan(as_is_usd), "price": np.isnan(price_usd_per_ft2)}
    return [NEEDS[name] for name, is_so in unknown.items() if is_so]


def not_computable(lacking: Sequence[str]) -> str:
    """Say what a figure lacks.

    Examples
    --------
    >>> not_computable(["a price", "a zone"])
    'not computable: needs a price; a zone'
    """
    return f"not computable: needs {'; '.join(lacking)}"


def _with_reason(line: Line, as_is_usd: float, price_usd_per_ft2: float) -> Line:
    """An unknown sum says in the place of its source what it lacks; a bid hangs on no as-is value."""
    if line.value is not None:
        return line
    is_bid = line.name == "best_legal_today_usd"
    lacking = needs(0.0 if is_bid else as_is_usd, price_usd_per_ft2) or [NEEDS["law"]]
    return replace(line, source=not_computable(lacking))


def _sum(name: str, label: str, value: Any, *, unit: str = "USD") -> Line:
    number = float(value)
    return Line(name=name, label=label, value=None if np.isnan(number) else number, unit=unit)


def _residual(plan: int, costs: Costs, *, cost: float, rlv: float) -> list[Line]:
    """From the value after selling, margin and finance down to the land; where none is left, nobody buys."""
    is_owner = PLANS[plan][0] == "owner"
    share = 0.0 if is_owner else costs["acquisition_cost_share"]
    net = _sum("net_value_usd", "Value after selling, margin and finance", rlv * (1 + share) + cost)
    if rlv < 0:
        label = "Residual land value" + ("" if is_owner else f" (that, over {1 + share:g}){NOBODY_BIDS}")
        short = _sum("shortfall_usd", "Less than nothing is left for the land", rlv * (1 + share))
        return [
            net,
            short,
            _sum("acquisition_usd", "Cost of buying the lot", 0.0),
            _sum("rlv_usd", label, rlv),
        ]
    return [
        net,
        _sum("acquisition_usd", "Cost of buying the lot", rlv * share),
        _sum("rlv_usd", "Most that can be paid for the lot (residual land value)", rlv),
    ]


def _values(t: Any, s: Any, costs: Costs, plan: int, *, price: float, as_is: float) -> Iterator[Line]:
    actor, tenure = PLANS[plan]
    items = value_items(t, s, costs, tenure=tenure)
    if actor == "nonprofit":
        homes = t.homes + t.adu_homes + t.inner_kept + t.inner_new
        rent = sum(float(item.fixed) for item in items.values()) * costs["affordable_rent_share"]
        name = f"homes_at_an_affordable_{'price' if tenure == 'sale' else 'rent'}"
        yield _sum(
            name, LABELS[name], homes * costs["affordable_price_usd_per_home"] if tenure == "sale" else rent
        )
        return
    for name, item in items.items():
        priced = float(item.price) * price if float(item.price) else 0.0
        amount = priced + float(item.fixed)
        if amount:
            yield _sum(name, LABELS[name], amount)
    kept = float(t.kept + t.kept_less * costs["kept_house_value_share"])
    if kept:
        yield _sum("house_kept", LABELS["house_kept"], kept * as_is)
    lost = float(lost_price(t, s))
    if lost:
        yield _sum("house_made_smaller", LABELS["house_made_smaller"], -lost * price)


def _shares(plan: int, costs: Costs, gdv: float, *, homes: float) -> list[Line]:
    """What selling, margin, finance and subsidy take or give."""
    actor, tenure = PLANS[plan]
    builder, owner = phis(costs)
    found = []
    if actor == "developer" or tenure == "sale":
        found.append(_sum("sale_cost_usd", "Cost of selling", gdv * costs["sale_cost_share"]))
    if actor == "developer":
        found.append(_sum("margin_usd", "Margin the builder asks", gdv * costs["margin_share"]))
    if actor == "nonprofit":
        found.append(_sum("nonprofit_fee_usd", "Nonprofit's fee", gdv * costs["nonprofit_fee_share"]))
        found.append(_sum("subsidy_usd", "Subsidy", homes * costs["subsidy_usd_per_home"]))
    phi = owner if actor == "owner" else builder
    return [*found, _sum("finance_share", "Finance (phi)", phi, unit="share of cost")]


def _decision(terms: Terms, entry: int, plan: int, *, costs: Costs, decided: Decided) -> list[Line]:
    actor, tenure = PLANS[plan]
    as_is, today = decided.as_is_usd[terms.lot[entry]], decided.best_today_usd[terms.lot[entry]]
    premium = costs["acquisition_premium_share"] if actor == "developer" else 0.0
    found = [
        _sum("as_is_usd", "The lot as it stands", as_is),
        _sum("asked_usd", "What its owner asks (with the premium)", as_is * (1 + premium)),
        _sum(
            "best_legal_today_usd",
            f"What a builder would pay under today's law{NOBODY_BIDS if today == 0 else ''}",
            today,
        ),
        _sum("surplus_usd", "Over what its owner asks", decided.surplus_usd[entry, plan]),
        _sum("decision_value_usd", "Over the best alternative", decided.decision_value_usd[entry, plan]),
    ]
    if tenure == "rent":
        earned = decided.yield_on_cost[entry, plan]
        found.append(_sum("yield_on_cost", "Net income over cost and land", earned, unit="share/year"))
    return found


def price_line(price_usd_per_ft2: float, said: Said) -> Line:
    """The place's price, as an input; its range is that of the place's mean."""
    return Line(
        name="place_price_usd_per_ft2", label="price of a standing house of the reference size",
        value=price_usd_per_ft2, unit="USD/ft2", year=said.year, source=said.source, low=said.low,
        high=said.high,
    )  # fmt: skip


def as_is_line(as_is_usd: float, said: Said) -> Line:
    """What the lot is worth as it stands, with its range, in the place of the computed line."""
    return Line(
        name="as_is_usd", label="The lot as it stands", value=as_is_usd, unit="USD",
        year=said.year, source=said.source, low=said.low, high=said.high,
    )  # fmt: skip


def as_documents(given: Sequence[Line], told: Sequence[Line]) -> list[dict[str, Any]]:
    """Inputs and sums for JSON; a sum that tells no year is in dollars of its inputs' latest."""
    latest = max((line.year for line in given if line.year is not None), default=None)
    dated = (replace(line, year=latest) if line.year is None else line for line in told)
    return [asdict(line) for line in (*given, *dated)]
