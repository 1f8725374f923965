"""The stage *pays*: options taken apart, valued and set against what else the lot could be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from densitymap import params
from densitymap.feasibility.as_is import ASSESSOR, as_is_value
from densitymap.feasibility.costs import Costs
from densitymap.feasibility.decision import Best, Decided, best_by_actor, best_today, decide, place_prices
from densitymap.feasibility.forms import Terms, size_factor
from densitymap.feasibility.proforma import Valued, value_options
from densitymap.geometry import Floats

BY_PLACE = "the neighbourhood's median sale of a house (single source), or floor area at its price"
BY_MODEL = (
    "place prices of 2023 (sales with a size, else neighbourhood means); assessor's values where recent"
)
STANDS_IN = "no price of the place is known: the costs' medians stand in"
PRICED = ("price_usd_per_ft2", "price_p10_usd_per_ft2", "price_p90_usd_per_ft2", "as_is_value_usd")
"""Numbers of :func:`priced`: price of a standing house of the reference size and the interval of the
place's mean [USD/ft2], and what the lot is worth as it stands [USD]; missing where prices say nothing."""
TOLD = (
    "price_source", "price_note", "price_year", "as_is_value_source", "as_is_value_year", "as_is_value_note",
    "as_is_value_p10_usd", "as_is_value_p90_usd",
)  # fmt: skip
"""What else :func:`priced` says: who says so, of which year, how sure, and what a reader must know."""
BOUNDS = ("low", "value", "high")
"""Ends of a range: unfavourable, default, favourable."""


@dataclass(frozen=True, kw_only=True)
class Worth:
    """What lots are worth as they stand; arrays in the order of the lots.

    Attributes
    ----------
    price_usd_per_ft2
        Of a standing house of the reference size [USD/ft2]; NaN unknown.
    as_is_usd
        Of the lot with what stands on it [USD]; NaN unknown.
    source, year
        Who says so, and of which year the dollars are.
    """

    price_usd_per_ft2: Floats
    as_is_usd: Floats
    source: str
    year: int | None = None


@dataclass(frozen=True, kw_only=True)
class Paying:
    """One policy judged: the options, their worth, their alternatives, the best of each lot and actor."""

    terms: Terms
    valued: Valued
    decided: Decided
    best: Best


def priced(lots: pd.DataFrame, prices: pd.DataFrame, *, elasticity: float) -> pd.DataFrame:
    """Give lots what prices say of them, in columns of their own (:data:`PRICED`, :data:`TOLD`), in memory.

    Parameters
    ----------
    lots
        Table ``parcels``.
    prices
        Table ``place_prices``.
    elasticity
        Of the price per ft2 with respect to size.
    """
    place = prices.set_index("neighborhood").reindex(lots["neighborhood"].astype("string"))
    rates = {name: place[name].to_numpy(float, na_value=np.nan) for name in PRICED[:3]}
    notes = {name: place[name].array for name in TOLD[:3]}
    stands = as_is_value(lots, prices, elasticity=elasticity)
    modelled = stands["as_is_value_source"].ne(ASSESSOR).fillna(value=True)
    stands = stands.mask(modelled & ~is_residential(lots))
    return lots.assign(**rates, **notes, **{name: stands[name] for name in (PRICED[3], *TOLD[3:])})


def worth_of(lots: pd.DataFrame, costs: Costs, *, bound: str = "value") -> Worth:
    """Value lots by what prices say of them (:func:`priced`); by their neighbourhood where they say nothing.

    Parameters
    ----------
    lots
        Table ``parcels``, perhaps with the columns of :func:`priced`.
    costs
        With the neighbourhoods' medians.
    bound
        ``low``, ``value`` or ``high`` of the place's price. The as-is value moves with it.
    """
    fallback = worth_by_place(lots, costs, bound=bound)
    if not set(PRICED) <= set(lots.columns):
        return fallback
    column = {"low": PRICED[1], "value": PRICED[0], "high": PRICED[2]}[bound]
    price, middle, as_is = (
        lots[name].to_numpy(float, na_value=np.nan) for name in (column, PRICED[0], PRICED[3])
    )
    moved = np.where(np.isnan(price), 1.0, price / middle)
    return Worth(
        price_usd_per_ft2=np.where(np.isnan(price), fallback.price_usd_per_ft2, price),
        as_is_usd=np.where(np.isnan(as_is), fallback.as_is_usd, as_is * moved),
        source=BY_MODEL,
        year=int(params.choice("price_year", group="prices")),
    )


def told_of(lots: pd.DataFrame, costs: Costs) -> pd.DataFrame:
    """Say of each lot who says what it is worth (:func:`worth_of`), in whose dollars, and how sure.

    Parameters
    ----------
    lots, costs
        As for :func:`worth_of`.

    Returns
    -------
    DataFrame on the lots' index
        ``price_source``, ``price_year``, ``price_note``, ``price_low``, ``price_high`` [USD/ft2, of the
        place's mean]; ``as_is_source``, ``as_is_year``, ``as_is_note``, ``as_is_low``, ``as_is_high`` [USD].
        Missing where nobody says.
    """
    low, middle, high = (worth_by_place(lots, costs, bound=bound) for bound in BOUNDS)
    told = lots.reindex(columns=[*PRICED, *TOLD])
    found = {}
    for name, own, ends, fallback in (
        ("price", "price", PRICED[1:3], "price_usd_per_ft2"),
        ("as_is", "as_is_value", TOLD[-2:], "as_is_usd"),
    ):
        known = told[PRICED[0] if name == "price" else PRICED[3]].notna()
        there = ~np.isnan(getattr(middle, fallback))
        stand_in = {"source": BY_PLACE, "year": middle.year, "note": STANDS_IN}
        for part, text in stand_in.items():
            other = pd.Series([text] * len(lots), index=lots.index, dtype="object").where(there)
            found[f"{name}_{part}"] = told[f"{own}_{part}"].astype("object").where(known, other)
        for end, column, worth in zip(("low", "high"), ends, (low, high), strict=True):
            found[f"{name}_{end}"] = told[column].astype("Float64").where(known, getattr(worth, fallback))
    return pd.DataFrame(found)


def worth_by_place(lots: pd.DataFrame, costs: Costs, *, bound: str = "value") -> Worth:
    """Value lots by their floor area at the neighbourhood's price, or by its median sale.

    For where no model of prices is loaded.

    A median house is no value of a shop, of a lot with several homes, or of a vacant lot: those are
    unknown (a vacant lot is then priced by what may be built on it).

    Parameters
    ----------
    lots
        Table ``parcels``.
    costs
        With the medians.
    bound
        ``low``, ``value`` or ``high`` of the price. The as-is value moves with it.
    """
    found = place_prices(lots["neighborhood"], costs)
    ending = "" if bound == "value" else f"_{bound}"
    one = (lots["existing_units"] == 1).to_numpy(bool, na_value=True)
    built = lots["is_built"].astype("boolean").to_numpy(bool, na_value=True)
    house = one & built & is_residential(lots)
    median = found[f"as_is_usd{ending}"].to_numpy(float, na_value=np.nan)
    price = found[f"price_usd_per_ft2{ending}"].to_numpy(float, na_value=np.nan)
    floor = lots["existing_floor_area_ft2"].astype("Float64").to_numpy(float, na_value=np.nan)
    by_size = price * floor * size_factor(np.where(floor > 0, floor, np.nan), costs)
    return Worth(
        price_usd_per_ft2=price,
        as_is_usd=np.where(house, np.where(np.isnan(by_size), median, by_size), np.nan),
        source=BY_PLACE,
        year=max((place.year for place in costs.places.values()), default=None),
    )


def is_residential(lots: pd.DataFrame) -> np.ndarray:
    """Tell lots that the tax digest does not say are something else than residential."""
    digest = lots["digest_class"].astype("string")
    letter = str(params.choice("residential_digest", group="feasibility"))
    return np.asarray(digest.str.startswith(letter).fillna(value=True), dtype=bool)


def bids_today(options: Terms, worth: Worth, costs: Costs) -> Floats:
    """Give what builders would pay for each lot under today's law [USD]; NaN where they want none.

    ``options`` are those of no change.
    """
    return best_today(options, value_options(options, worth.price_usd_per_ft2, worth.as_is_usd, costs))


def paying(options: Terms, lots: pd.DataFrame, worth: Worth, costs: Costs, *, today_usd: Floats) -> Paying:
    """Judge what pays under one policy.

    Parameters
    ----------
    options
        What fits under the policy (:func:`~densitymap.feasibility.forms.terms`).
    lots
        Table ``parcels``.
    worth
        What lots are worth as they stand.
    costs
        Costs of the city.
    today_usd
        From :func:`bids_today`, with the same worth and costs.
    """
    valued = value_options(options, worth.price_usd_per_ft2, worth.as_is_usd, costs)
    vacant = (~lots["is_built"].astype("boolean")).to_numpy(bool, na_value=False)
    decided = decide(
        options, valued, as_is_usd=worth.as_is_usd, best_today_usd=today_usd, is_vacant=vacant, costs=costs
    )
    return Paying(terms=options, valued=valued, decided=decided, best=best_by_actor(options, decided))


def at_bound(costs: Costs, bound: str) -> Costs:
    """Give the costs at the unfavourable (``low``) or favourable (``high``) end of the range."""
    if bound == "value":
        return costs
    against = {"low": "high", "high": "low"}[bound]
    ends = {
        **dict.fromkeys(params.choice("range_costs", group="feasibility"), against),
        **dict.fromkeys(params.choice("range_values", group="feasibility"), bound),
    }
    values = {name: float(getattr(costs.records[name], end)) for name, end in ends.items()}
    return costs.with_values(values, cite=f"the {bound} end of the range")
