"""Parameters of each draw: beliefs, prices and the pace of a new right, drawn with common random numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from densitymap.errors import UsageError
from densitymap.feasibility.hazard import ACTORS, COVARIATES, PROCESSES, actor_shares
from densitymap.feasibility.priors import TENTH, Prior, choice, luck, with_posterior
from densitymap.geometry import Floats

_SLOPES = {name: f"{name}_slope" for name in COVARIATES}
_PAYING = {"adu": "adu_paying_share"}
"""Belief on where a process paid in the evidence; the others take that of new building."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Draws:
    """One entry per draw; nests are pairs of process and actor, process first.

    Parameters
    ----------
    intercept
        Log rate of each nest where it pays, array [draw, nest]; ``-inf`` where nobody does it.
    value_slope
        Log hazard per unit of surplus over as-is value.
    slopes
        Array [draw, covariate].
    theta
        Dissimilarity of the nests.
    maybe
        Probability that a MAYBE holds.
    ramp
        Share of the full rate of a new right, array [draw, year].
    finished
        Share of a year's starts completed by the horizon, array [draw, year].
    price, rent, cost
        Factors: array [draw, area], and one per draw.
    rate
        Factors on the rates of options by their group, array [draw, group]; the first is 1.
    premium
        Premium over the as-is price by actor, array [draw, actor].
    seed
        Seed of the draws.
    labels
        What each draw is, where draws are named (a tornado).
    """

    intercept: Floats
    value_slope: Floats
    slopes: Floats
    theta: Floats
    maybe: Floats
    ramp: Floats
    finished: Floats
    price: Floats
    rent: Floats
    cost: Floats
    premium: Floats
    rate: Floats
    seed: int
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def size(self) -> int:
        """Number of draws."""
        return len(self.theta)

    @property
    def years(self) -> int:
        """Years of the horizon."""
        return self.ramp.shape[1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """The price areas of the lots, and how sure their prices are.

    Parameters
    ----------
    names
        Name of each area: its luck hangs on the name, not on its position.
    price_sd
        Standard deviation of log price of each area against the market; NaN takes the catalogue's.
    """

    names: Sequence[str]
    price_sd: Floats

    @classmethod
    def named(cls, names: Sequence[str]) -> Places:
        """Areas whose intervals are not known."""
        return cls(names=names, price_sd=np.full(len(names), np.nan))

    def luck(self, seed: int, size: int) -> Floats:
        """Log of each area's price against the market, array [draw, area]."""
        spread = np.where(np.isnan(self.price_sd), choice("place_price_sd"), self.price_sd)
        drawn = [luck(seed, f"price of {name}", size) for name in self.names]
        return np.stack(drawn, axis=1) * spread if drawn else np.zeros((size, 0))


def draw_parameters(
    places: Places,
    *,
    n_draws: int | None = None,
    seed: int | None = None,
    years: int | None = None,
    posterior: Mapping[str, Mapping[str, float]] | None = None,
) -> Draws:
    """Draw parameters from the beliefs.

    Parameters
    ----------
    places
        The price areas.
    n_draws, seed, years
        The catalogue's where not given.
    posterior
        Beliefs after permits, by name.

    Notes
    -----
    Good and bad years are averaged over the catalogue's horizon, whatever ``years`` is: a longer run
    begins as a shorter one does.

    Raises
    ------
    UsageError
        If there is no draw or no year.

    Examples
    --------
    >>> few, many = (draw_parameters(Places.named(["a"]), n_draws=n) for n in (3, 7))
    >>> bool((many.intercept[:3] == few.intercept).all())
    True
    """
    n_draws, seed, years = (
        choice(name) if given is None else given
        for name, given in (("n_draws", n_draws), ("seed", seed), ("horizon_years", years))
    )
    if n_draws < 1 or years < 1:
        raise UsageError("Uptake needs at least one draw and one year")
    known = with_posterior(posterior)
    values = {name: prior.at(luck(seed, name, n_draws)) for name, prior in known.items()}
    weather = luck(seed, "year", n_draws) * choice("year_sd") / np.sqrt(choice("horizon_years"))
    return _assemble(values, places.luck(seed, n_draws), weather, seed=seed, years=years)


def default_parameters(
    places: Places, *, years: int | None = None, posterior: Mapping[str, Mapping[str, float]] | None = None
) -> Draws:
    """One draw with every belief at its default."""
    return one_at_a_time(places, [], years=years, posterior=posterior)


def tornado_parameters(
    places: Places, *, years: int | None = None, posterior: Mapping[str, Mapping[str, float]] | None = None
) -> Draws:
    """Draws that set one belief at a time to its 10 % and 90 % point, the others at their defaults.

    The first draw has all at their defaults. ``labels`` names the belief and the end of each draw.
    """
    return one_at_a_time(places, list(with_posterior(posterior)), years=years, posterior=posterior)


def one_at_a_time(
    places: Places,
    names: Sequence[str],
    *,
    years: int | None = None,
    posterior: Mapping[str, Mapping[str, float]] | None = None,
) -> Draws:
    """Draws for :func:`tornado_parameters`, for some beliefs only."""
    known = with_posterior(posterior)
    labels = [("default", ""), *((name, end) for name in names for end in ("low", "high"))]
    ends = {"": 0.0, "low": -TENTH, "high": TENTH}
    values = {
        name: prior.at(np.array([ends[end] if of == name else 0.0 for of, end in labels]))
        for name, prior in known.items()
    }
    size = len(labels)
    still = np.zeros((size, len(places.names)))
    horizon = choice("horizon_years") if years is None else years
    return _assemble(values, still, np.zeros(size), seed=0, years=horizon, labels=tuple(labels))


def log_rates(known: Mapping[str, Prior], values: Mapping[str, Floats]) -> Floats:
    """Log rate of each process on a lot where it pays, array [draw, process].

    The evidence counts projects per *eligible* lot; on the lots where it pays the rate is higher by the
    inverse of the share of eligible lots on which it paid.
    """
    by_process = {prior.process: name for name, prior in known.items() if prior.process}
    found = []
    for process in PROCESSES:
        rate = values[by_process[process]]
        if process != "investor":
            rate = rate / values[_PAYING.get(process, "redevelop_paying_share")]
        found.append(np.log(rate))
    return np.stack(found, axis=1)


def _assemble(
    values: Mapping[str, Floats],
    place_luck: Floats,
    weather: Floats,
    *,
    seed: int,
    years: int,
    labels: tuple[tuple[str, str], ...] = (),
) -> Draws:
    known = with_posterior(None)
    with np.errstate(divide="ignore"):
        shares = np.log(actor_shares())
    rates = log_rates(known, values) + weather[:, None]
    year = np.arange(1, years + 1)
    premium = np.zeros((len(weather), len(ACTORS)))
    premium[:, ACTORS.index("developer")] = values["developer_premium"]
    left = years - values["completion_lag_years"][:, None] - (year - 1)
    return Draws(
        intercept=(rates[:, :, None] + shares).reshape(len(weather), -1),
        value_slope=values["value_slope"],
        slopes=np.stack([values[_SLOPES[name]] for name in COVARIATES], axis=1),
        theta=values["nest_dissimilarity"],
        maybe=values["maybe_probability"],
        ramp=np.minimum(1.0, year / values["ramp_years"][:, None]),
        finished=values["completion_share"][:, None] * np.clip(left, 0.0, 1.0),
        price=values["price_level"][:, None] * np.exp(place_luck),
        rent=values["rent_level"],
        cost=values["cost_level"],
        premium=premium,
        rate=np.ones((len(weather), 1)),
        seed=seed,
        labels=labels,
    )
