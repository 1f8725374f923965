"""What pays under a policy, and what is expected of it: feasibility asked in memory, draw by draw alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from densitymap.capacity.rules import load_buildings
from densitymap.feasibility.adapter import lots_of, options_of, with_purchases
from densitymap.feasibility.costs import Costs
from densitymap.feasibility.draws import Draws, draw_parameters
from densitymap.feasibility.draws import Places as PriceAreas
from densitymap.feasibility.forms import terms
from densitymap.feasibility.funnel import with_pays
from densitymap.feasibility.hazard import Lots, Options
from densitymap.feasibility.pays import Paying, Worth, bids_today, paying, priced, worth_of
from densitymap.feasibility.uptake import Uptake, uptake
from densitymap.geometry import Floats
from densitymap.scenarios.evaluate import Results
from densitymap.scenarios.rates import Rated, rated

_YEAR_OF = "rent_1br_usd_per_month"
"""The cost whose year the age of a structure is counted to."""


@dataclass(frozen=True, kw_only=True)
class Market:
    """Prices, costs and today's bids that every policy is judged with; and no change, judged.

    Attributes
    ----------
    costs, worth, today_usd
        See :mod:`~densitymap.feasibility.pays`.
    today
        No change, judged, and its table ``fits``.
    known, areas
        What the hazard asks of the lots.
    draws
        Common to all policies.
    year
        Year the costs, and so the values, are of.
    """

    costs: Costs
    worth: Worth
    today_usd: Floats
    today: tuple[Paying, pd.DataFrame]
    known: Lots
    areas: PriceAreas
    draws: Draws
    year: int


def market_of(
    base: Results,
    costs: Costs,
    *,
    places: pd.DataFrame,
    n_draws: int | None = None,
    posterior: Mapping[str, Any] | None = None,
) -> Market:
    """Prepare the market from what no change says.

    Parameters
    ----------
    base
        No change, evaluated; its lots carry what prices say of them, where there are any.
    costs
        The city's.
    places
        Prices of neighbourhoods: table ``place_prices``; where one has none, the costs' medians stand in.
    n_draws
        The catalogue's if not given.
    posterior
        Beliefs after permits.
    """
    lots = priced(base.lots, places, elasticity=costs["price_size_elasticity"])
    options = terms(base.fits, lots, costs, load_buildings())
    worth = worth_of(lots, costs)
    bids = bids_today(options, worth, costs)
    judged = paying(options, lots, worth, costs, today_usd=bids)
    year = costs.records[_YEAR_OF].year
    known, areas = lots_of(lots, worth, year=year)
    return Market(
        costs=costs,
        worth=worth,
        today_usd=bids,
        today=(judged, base.fits),
        known=known,
        areas=areas,
        draws=draw_parameters(areas, n_draws=n_draws, posterior=posterior),
        year=year,
    )


@dataclass(frozen=True, kw_only=True)
class Flow:
    """One policy judged in a market; in memory only."""

    results: Results
    market: Market
    paying: Paying

    @cached_property
    def stages(self) -> pd.DataFrame:
        """The funnel per lot with what pays."""
        return with_pays(self.results.stages, self.paying.best)

    @property
    def options(self) -> Options:
        """What could be done on each lot; purchases to flip or let too."""
        return self.rated.options

    @cached_property
    def rated(self) -> Rated:
        """The options, and what the policy's protections do to their rates."""
        fits = self.results.fits
        is_today = self.results.policy.levers == ()
        today = None if is_today else self.market.today
        laid = options_of(self.paying, fits, self.market.worth, self.market.costs, today=today)
        lots, draws = self.results.lots, self.market.draws
        whole = with_purchases(laid, lots)
        return rated(whole, lots, self.results.policy.protections, size=draws.size, seed=draws.seed)

    def expected(self, places: Mapping[str, pd.Series], *, small: pd.Series | None = None) -> Uptake:
        """Draw what is expected, by place; of small places the changes alone."""
        draws = replace(self.market.draws, rate=self.rated.rate)
        return uptake(self.options, self.market.known, draws, places, small=small)


def flow_of(results: Results, market: Market) -> Flow:
    """Judge what pays under a policy."""
    options = terms(results.fits, results.lots, market.costs, load_buildings())
    judged = paying(options, results.lots, market.worth, market.costs, today_usd=market.today_usd)
    return Flow(results=results, market=market, paying=judged)
