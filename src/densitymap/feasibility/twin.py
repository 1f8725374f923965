"""One draw over all lots, in numpy: the same numbers as the compiled kernel, to rounding."""

from __future__ import annotations

from typing import Any

import numpy as np

from densitymap.feasibility import starts as s
from densitymap.feasibility.hazard import CLOSED, MAYBE
from densitymap.geometry import Floats


def draw_once(packed: s.Packed, given: tuple[Any, ...], out: Floats) -> None:
    """Add one draw's sums to ``out``, array [place, sum]; ``given`` as in the compiled kernel."""
    intercept, slope, slopes, theta, log_maybe, ramp, finished, price, rent, cost, premium, log_rate, ends = (
        given
    )
    lot = np.repeat(np.arange(len(packed.as_is)), np.diff(packed.starts))
    if not len(lot):
        return
    land_usd = packed.as_is * price[packed.area]
    codes, numbers = packed.codes, packed.numbers
    rlv = numbers[:, s.SALE] * price[packed.area][lot] + numbers[:, s.RENT] * rent
    rlv = rlv - numbers[:, s.COST] * cost + numbers[:, s.LAND] * land_usd[lot]
    today = _today(lot, codes, rlv, len(land_usd))
    row = _products(lot, codes, numbers, rlv, (rent, cost), log_rate)
    at, actor = lot[row], codes[row, s.ACTOR]
    paid = land_usd[at] * (1 + premium[actor])
    gain = rlv[row] - np.maximum(paid, today[at])
    is_investor = codes[row, s.PROCESS] == s.INVESTING
    is_open = is_investor | (gain >= -s.LOOSE_USD)
    row, at, actor, paid, gain, is_investor = (
        part[is_open] for part in (row, at, actor, paid, gain, is_investor)
    )
    _pays(packed, row, at, actor, np.where(is_investor, -np.inf, gain), out)
    pull = slope * (np.minimum((rlv[row] - paid) / land_usd[at], ends[1]) - ends[0])
    utility = np.where(is_investor, 0.0, pull)
    utility = utility + np.where(codes[row, s.STATUS] == MAYBE, log_maybe, 0.0)
    utility = utility + log_rate[codes[row, s.GROUP]]
    nest = codes[row, s.PROCESS] * s.N_ACTORS + actor
    base = intercept[nest] + (packed.away @ slopes)[at]
    _years(packed, (row, at, nest, np.exp(utility / theta), base), (theta, ramp, finished), out)


def _today(lot: Any, codes: Any, rlv: Floats, n_lots: int) -> Floats:
    """Most a developer could pay for each lot under today's law, at least 0."""
    best = np.zeros(n_lots)
    of = (codes[:, s.ACTOR] == 0) & (codes[:, s.TODAY] == 1) & (codes[:, s.PROCESS] != s.INVESTING)
    np.maximum.at(best, lot[of], rlv[of])
    return best


def _products(
    lot: Any, codes: Any, numbers: Floats, rlv: Floats, factors: tuple[float, float], log_rate: Floats
) -> Any:
    """Row of the better of sale and rent for each lot, actor, process and outcome that has one."""
    asked = (codes[:, s.TENURE] == 0) | (numbers[:, s.YIELD] * factors[0] >= factors[1])
    closed = (codes[:, s.STATUS] == CLOSED) | np.isneginf(log_rate[codes[:, s.GROUP]])
    worth = np.where(asked & ~closed, rlv, -np.inf)
    keys = np.column_stack([lot, codes[:, [s.ACTOR, s.PROCESS, s.OUTCOME]]])
    begins = np.flatnonzero(np.concatenate([[True], np.any(keys[1:] != keys[:-1], axis=1)]))
    best = np.maximum.reduceat(worth, begins)
    product = np.repeat(np.arange(len(begins)), np.diff(np.append(begins, len(lot))))
    first = np.full(len(begins), len(lot))
    hit = np.flatnonzero((worth == best[product]) & np.isfinite(worth))
    np.minimum.at(first, product[hit], hit)
    return first[first < len(lot)]


def _pays(packed: s.Packed, row: Any, at: Any, actor: Any, gain: Floats, out: Floats) -> None:
    """Lots and added homes of the option worth most to each actor (the first, where two tie)."""
    found = np.flatnonzero(gain > -np.inf)
    gain = np.maximum(gain, 0.0)  # the kernel counts a gain of rounding as none
    order = found[np.lexsort((found, -gain[found], actor[found], at[found]))]
    pair = at[order] * s.N_ACTORS + actor[order]
    best = order[np.concatenate([[True], pair[1:] != pair[:-1]])] if len(order) else order
    start = out.shape[1] - 2 * s.N_ACTORS
    place = packed.place[at[best]]
    np.add.at(out, (place, start + actor[best]), 1.0)
    np.add.at(out, (place, start + s.N_ACTORS + actor[best]), packed.numbers[row[best], s.ADDED])


def _years(packed: s.Packed, opened: tuple[Any, ...], pace: tuple[Any, ...], out: Floats) -> None:
    row, at, nest, weight, base = opened
    theta, ramp, finished = pace
    years, n_lots, n_outcomes = len(ramp), len(packed.as_is), len(packed.outcomes)
    is_new = packed.codes[row, s.NEW] == 1
    is_project = packed.codes[row, s.PROCESS] != s.INVESTING
    built, torn = packed.numbers[row, s.BUILT], packed.numbers[row, s.TORN]
    key = at * s.N_NESTS + nest
    standing, place = np.ones(n_lots), packed.place[at]
    for year in range(years):
        own = np.where(is_new, weight * ramp[year] ** (1 / theta), weight)
        total = np.bincount(key, own, minlength=n_lots * s.N_NESTS)[key]
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.where(total > 0, own * np.exp(base + theta * np.log(total)) / total, 0.0)
        everything = np.bincount(at, rate, minlength=n_lots)
        begun = -standing * np.expm1(-everything)
        standing = standing - begun
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(rate > 0, begun[at] * rate / everything[at], 0.0)
        for start, part in ((0, is_project), (years, built), (2 * years, torn)):
            np.add.at(out, (place, start + year), share * part)
        done = share * finished[year]
        outcome, actor = packed.codes[row, s.OUTCOME], packed.codes[row, s.ACTOR]
        np.add.at(out, (place, 3 * years + outcome), done)
        np.add.at(out, (place, 3 * years + n_outcomes + outcome), done * built)
        np.add.at(out, (place, 3 * years + 2 * n_outcomes + actor), done * built)
