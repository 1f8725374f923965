"""The stage *pays*: options taken apart, valued and set against what else the lot could be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from densitymap import params
from densitymap.feasibility.costs import Costs
from densitymap.feasibility.decision import Best, Decided, best_by_actor, best_today, decide, place_prices
from densitymap.feasibility.forms import Terms, size_factor
from densitymap.feasibility.proforma import Valued, value_options
from densitymap.geometry import Floats

BY_PLACE = "the neighbourhood's median sale of a house (single source), or floor area at its price"
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
    source
        Who says so.
    """

    price_usd_per_ft2: Floats
    as_is_usd: Floats
    source: str


@dataclass(frozen=True, kw_only=True)
class Paying:
    """One policy judged: the options, their worth, their alternatives, the best of each lot and actor."""

    terms: Terms
    valued: Valued
    decided: Decided
    best: Best


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
