"""Fit the hazard to local permits, shrinking to the priors; and tell what has happened here.

Counts of a process are Poisson with the sum of the lots' rates over the years observed; which of the open
lots they fell on tells of the slopes (multinomial given the count). Beliefs are normal on the log rate and
on the slopes, with the spread of the priors, so a process nobody sought a permit for keeps its prior but
for what no permit in so many lot-years says. Posterior: mode by Fisher scoring, spread by its curvature.
A permit on a lot where the pro forma says it does not pay counts for the rate, not for the slopes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from densitymap.feasibility.draws import Places, default_parameters, log_rates
from densitymap.feasibility.hazard import (
    COVARIATES,
    MAYBE,
    PROCESSES,
    Codes,
    Lots,
    Options,
    actor_shares,
)  # fmt: skip
from densitymap.feasibility.priors import TENTH, Prior, choice, priors
from densitymap.feasibility.starts import INVESTING, LOOSE_USD, N_ACTORS
from densitymap.geometry import Floats

FITTED = tuple(name for name in PROCESSES if name != "investor")
"""Processes that permits tell of."""
SLOPES = ("value_slope", *(f"{name}_slope" for name in COVARIATES))
_ROUNDS, _ENOUGH = 60, 1e-9
_PAYING = {"adu": "adu_paying_share"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Exposure:
    """What the model says of each lot and process, every belief at its default.

    Parameters
    ----------
    offset
        Log rate of the lot and process when intercepts and slopes are 0, array [lot, process];
        ``-inf`` where nothing pays.
    value
        Surplus over as-is value of the process's best option, less the reference, array [lot, process].
    covariates
        Centred covariates, array [lot, covariate].
    """

    offset: Floats
    value: Floats
    covariates: Floats


def exposure(options: Options, lots: Lots, places: Places) -> Exposure:
    """Take the default draw apart into what the intercepts and slopes are multiplied with."""
    draws = default_parameters(places)
    o, theta = options.ordered(), float(draws.theta[0])
    land_usd = lots.as_is_usd[o.lot]
    rlv = o.sale_usd + o.rent_usd - o.cost_usd + o.land * land_usd
    today = np.zeros(len(lots.as_is_usd))
    of = (o.actor == 0) & o.is_today & (o.process != INVESTING) & lots.is_known[o.lot]
    np.maximum.at(today, o.lot[of], rlv[of])
    paid = land_usd * (1 + draws.premium[0][o.actor])
    pays = (
        (o.status > 0)
        & ((o.tenure == 0) | (o.yield_ratio >= 1))
        & lots.is_known[o.lot]
        & (o.process != INVESTING)
    )
    pays &= rlv - np.maximum(paid, today[o.lot]) >= -LOOSE_USD
    pull = np.minimum((rlv - paid) / land_usd, choice("value_limit")) - choice("value_reference")
    log_maybe = np.where(o.status == MAYBE, np.log(draws.maybe[0]), 0.0)
    terms = pd.DataFrame({"rlv": rlv, "pull": pull, "u": draws.value_slope[0] * pull + log_maybe})
    return _gathered(o, pays, terms, theta, lots)


def _gathered(o: Options, pays: Any, terms: pd.DataFrame, theta: float, lots: Lots) -> Exposure:
    shape = (len(lots.as_is_usd), len(PROCESSES) * N_ACTORS)
    nest = o.lot * shape[1] + o.process * N_ACTORS + o.actor
    better = terms.assign(nest=nest, outcome=o.outcome)[pays]
    better = better.sort_values("rlv", ascending=False, kind="stable").drop_duplicates(["nest", "outcome"])
    weights = np.bincount(
        better["nest"], np.exp(better["u"].to_numpy(float) / theta), minlength=shape[0] * shape[1]
    ).reshape(shape[0], len(PROCESSES), N_ACTORS)
    flat = np.full(shape[0] * len(PROCESSES), -np.inf)
    np.maximum.at(flat, better["nest"].to_numpy() // N_ACTORS, better["pull"].to_numpy(float))
    best = flat.reshape(shape[0], len(PROCESSES))
    with np.errstate(divide="ignore"):
        total = np.log((actor_shares() * weights**theta).sum(axis=2))
    value = np.where(np.isfinite(best), best, 0.0)
    slope = priors()["value_slope"].default
    return Exposure(offset=total - slope * value, value=value, covariates=lots.centred())


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """Posterior of log rates (where it pays) and slopes: mode and standard deviation by name."""

    mode: Mapping[str, float]
    spread: Mapping[str, float]
    expected: Mapping[str, float]
    observed: Mapping[str, int]
    years: float


def fit(known: Exposure, lot: Codes, process: Codes, *, counts: Mapping[str, int], years: float) -> Fit:
    """Fit intercepts and slopes.

    Parameters
    ----------
    known
        From :func:`exposure`.
    lot, process
        Lot and process of each permit that is on a lot.
    counts
        Permits of each process in all, on lots or not.
    years
        Years the permits were observed over.
    """
    beliefs = priors()
    start = {f"log {name}": float(rate) for name, rate in zip(PROCESSES, _prior_log_rates(), strict=True)}
    names = [*(f"log {name}" for name in FITTED), *SLOPES]
    mean = np.array([start[name] if name in start else beliefs[name].default for name in names])
    spread = np.array([_spread(name, beliefs) for name in names])
    parts = [
        _Part.of(known, place, lot[process == place], counts[name], years)
        for place, name in enumerate(FITTED)
    ]
    at = mean.copy()
    for _ in range(_ROUNDS):
        gradient, curvature = _scores(at, parts)
        gradient -= (at - mean) / spread**2
        curvature += np.diag(spread**-2)
        step = np.linalg.solve(curvature, gradient)
        step *= min(1.0, 1.0 / max(np.abs(step).max(), 1e-12))
        at += step
        if np.abs(step).max() < _ENOUGH:
            break
    width = np.sqrt(np.diag(np.linalg.inv(curvature)))
    return Fit(
        mode=dict(zip(names, at.tolist(), strict=True)),
        spread=dict(zip(names, width.tolist(), strict=True)),
        expected={name: part.total(mean) for name, part in zip(FITTED, parts, strict=True)},
        observed=dict(counts),
        years=years,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """One process: open lots, and which of them had a permit."""

    place: int
    offset: Floats
    design: Floats
    hits: Codes
    count: int
    years: float

    @classmethod
    def of(cls, known: Exposure, place: int, lots: Codes, count: int, years: float) -> _Part:
        opened = np.flatnonzero(np.isfinite(known.offset[:, place]))
        where = pd.Index(opened).get_indexer(pd.Index(lots))
        design = np.column_stack([known.value[opened, place], known.covariates[opened]])
        return cls(
            place=place, offset=known.offset[opened, place], design=design,
            hits=where[where >= 0], count=count, years=years,
        )  # fmt: skip

    def weights(self, at: Floats) -> Floats:
        """Expected permits of each open lot."""
        slopes = at[len(FITTED) :]
        return np.asarray(self.years * np.exp(at[self.place] + self.offset + self.design @ slopes))

    def total(self, at: Floats) -> float:
        """Expected permits of the process."""
        return float(self.weights(at).sum())


def _scores(at: Floats, parts: list[_Part]) -> tuple[Floats, Floats]:
    """Gradient of the log likelihood, and its expected curvature."""
    gradient, curvature = np.zeros(len(at)), np.zeros((len(at), len(at)))
    for part in parts:
        weight = part.weights(at)
        if not weight.sum() > 0:
            continue
        share = weight / weight.sum()
        middle = share @ part.design
        lean = np.zeros(len(at))
        lean[part.place], lean[len(FITTED) :] = 1.0, middle
        gradient += (part.count - weight.sum()) * lean
        gradient[len(FITTED) :] += (part.design[part.hits] - middle).sum(axis=0)
        apart = part.design - middle
        curvature += weight.sum() * np.outer(lean, lean)
        curvature[len(FITTED) :, len(FITTED) :] += len(part.hits) * (apart.T * share) @ apart
    return gradient, curvature


def _prior_log_rates() -> Floats:
    beliefs = priors()
    values = {name: np.array([prior.default]) for name, prior in beliefs.items()}
    return log_rates(beliefs, values)[0]


def _rate_name(process: str) -> str:
    return next(name for name, prior in priors().items() if prior.process == process)


def _spread(name: str, beliefs: Mapping[str, Prior]) -> float:
    if not name.startswith("log "):
        prior = beliefs[name]
        return (prior.high - prior.low) / (2 * TENTH)
    process = name.removeprefix("log ")
    both = [beliefs[_rate_name(process)], beliefs[_PAYING.get(process, "redevelop_paying_share")]]
    parts = [np.log(prior.high / prior.low) / (2 * TENTH) for prior in both]
    return float(np.hypot(*parts))


def posterior(found: Fit) -> dict[str, dict[str, float]]:
    """Beliefs after the fit, in the priors' own terms: ``low``, ``default``, ``high`` by name.

    Permits tell the rate on paying lots; how often it paid elsewhere no longer matters, so those shares
    stay at their defaults. Points are held within the beliefs' bounds, as draws are; a rate that permits
    put beyond them is not taken over (:func:`unexplained`).
    """
    beliefs, told = priors(), {}
    for process in FITTED:
        name, share = _rate_name(process), _PAYING.get(process, "redevelop_paying_share")
        if not _is_within(found, process):
            continue
        low, high = beliefs[name].bounds
        told[name] = {
            end: float(np.clip(_rate(found, process, z), low, high))
            for end, z in (("low", -TENTH), ("default", 0.0), ("high", TENTH))
        }
        told[share] = dict.fromkeys(("low", "default", "high"), beliefs[share].default)
    for name in SLOPES:
        low, high = beliefs[name].bounds
        told[name] = {
            end: float(np.clip(found.mode[name] + z * found.spread[name], low, high))
            for end, z in (("low", -TENTH), ("default", 0.0), ("high", TENTH))
        }
    return told


def _rate(found: Fit, process: str, z: float) -> float:
    """Yearly rate per eligible lot at a standard normal quantile."""
    share = _PAYING.get(process, "redevelop_paying_share")
    mode, spread = found.mode[f"log {process}"], found.spread[f"log {process}"]
    return float(np.exp(mode + z * spread) * priors()[share].default)


def _is_within(found: Fit, process: str) -> bool:
    low, high = priors()[_rate_name(process)].bounds
    return low <= _rate(found, process, 0.0) <= high


def unexplained(found: Fit) -> list[str]:
    """Say of which processes permits tell more than any belief allows: their priors stand."""
    return [
        f"{priors()[_rate_name(process)].label}: {found.observed[process]:,} permits where the priors expect "
        f"{found.expected[process]:.1f}; what pays here does not explain them, so the prior stands"
        for process in FITTED
        if not _is_within(found, process)
    ]


def side_by_side(told: Mapping[str, Mapping[str, float]]) -> list[dict[str, Any]]:
    """Prior and posterior of each belief that permits can tell of; without a fit the prior stands."""
    rows = []
    for name in (*(_rate_name(process) for process in FITTED), *SLOPES):
        prior = priors()[name]
        before = {"low": prior.low, "default": prior.default, "high": prior.high}
        points = told.get(name, before)
        rows.append(
            {"name": name, "label": prior.label, "unit": prior.unit, "prior": before,
             "prior_cite": prior.cite, "posterior": dict(points)}
        )  # fmt: skip
    return rows
