"""Draws over all lots, compiled: see :mod:`densitymap.feasibility.starts` for what they compute.

Lots run outside and a block of draws inside, so a lot's options are read from memory once a block. Scratch
of a lot: its *products* (one outcome of one process by one actor; the better of sale and rent stands for
it) and its *nests* (process and actor), whose new rights are learnt over the ramp.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from densitymap.feasibility.starts import (
    ACTOR,
    ADDED,
    BUILT,
    COST,
    GROUP,
    INVESTING,
    LAND,
    LOOSE_USD,
    N_ACTORS,
    N_NESTS,
    NEW,
    OUTCOME,
    PROCESS,
    RENT,
    SALE,
    STATUS,
    TENURE,
    TORN,
    YIELD,
    compiled,
    inlined,
)  # fmt: skip

_CLOSED, _MAYBE = 0, 1
_OLD, _FRESH, _BUILT, _TORN, _IS_PROJECT, _NEST_FIELDS = 0, 1, 2, 4, 6, 7
"""Fields of a nest: rate of old and new options once learnt, homes built and torn down a year by old and
new options, whether it builds."""


@inlined
def _values(numbers: Any, codes: Any, span: Any, factors: Any, land_usd: Any, rlv: Any, today: Any) -> None:
    """Residual land value of each option, array [option, draw]; the best a developer could pay today."""
    price, here, rent, cost = factors
    first, last = span
    for d in range(len(land_usd)):
        today[d] = 0.0
    for r in range(first, last):
        sold, let, spent, kept = numbers[r, SALE], numbers[r, RENT], numbers[r, COST], numbers[r, LAND]
        o = r - first
        for d in range(len(land_usd)):
            rlv[o, d] = sold * price[here, d] + let * rent[d] - spent * cost[d] + kept * land_usd[d]
        if codes[r, ACTOR] == 0 and codes[r, NEW] == 0 and codes[r, PROCESS] != INVESTING:
            for d in range(len(land_usd)):
                today[d] = max(today[d], rlv[o, d])


@inlined
def _products(codes: Any, span: Any, begins: Any) -> Any:
    """Find where each product's rows begin; options of one product lie together."""
    first, last = span
    found = 0
    for r in range(first, last):
        same = r > first and codes[r, ACTOR] == codes[r - 1, ACTOR]
        same = same and codes[r, PROCESS] == codes[r - 1, PROCESS]
        if not (same and codes[r, OUTCOME] == codes[r - 1, OUTCOME]):
            begins[found] = r
            found += 1
    begins[found] = last
    return found


@inlined
def _better(numbers: Any, codes: Any, span: Any, given: Any, rlv: Any) -> Any:
    """Row of a product's better tenure in a draw; -1 where none is open."""
    begin, end, first = span
    d, rent, cost, log_rate = given
    best, at = -np.inf, -1
    for r in range(begin, end):
        worth = rlv[r - first, d]
        is_open = worth > best and codes[r, STATUS] != _CLOSED and log_rate[d, codes[r, GROUP]] > -np.inf
        if is_open and (codes[r, TENURE] == 0 or numbers[r, YIELD] * rent >= cost):
            best, at = worth, r
    return at


@inlined
def _open(
    numbers: Any, codes: Any, products: Any, given: Any, rlv: Any, utility: Any, row: Any, pays: Any
) -> Any:
    """Open products of a lot in a draw: their utilities and rows; and what pays each actor best."""
    d, land_usd, today, premium, rent, cost, slope, log_maybe, log_rate, reference, most = given
    begins, n_products, first = products
    found = 0
    for a in range(N_ACTORS):
        pays[a, 0], pays[a, 1] = -1.0, 0.0
    for k in range(n_products):
        at = _better(numbers, codes, (begins[k], begins[k + 1], first), (d, rent, cost, log_rate), rlv)
        if at < 0:
            continue
        best = rlv[at - first, d]
        pull = log_rate[d, codes[at, GROUP]]
        if codes[at, PROCESS] != INVESTING:
            actor = codes[at, ACTOR]
            paid = land_usd * (1 + premium[d, actor])
            gain = best - max(paid, today)
            if gain < -LOOSE_USD:
                continue
            pull += slope * (min((best - paid) / land_usd, most) - reference)
            if gain > pays[actor, 0] or pays[actor, 0] < 0:
                pays[actor, 0], pays[actor, 1] = max(gain, 0.0), numbers[at, ADDED]
        if codes[at, STATUS] == _MAYBE:
            pull += log_maybe
        utility[found], row[found] = pull, at
        found += 1
    return found


@inlined
def _nests(found: Any, utility: Any, row: Any, numbers: Any, codes: Any, given: Any, scratch: Any) -> Any:
    """Rate of each product once new rights are learnt: ``exp(base) (sum_o w_o)^theta``, shared as ``w_o``."""
    full, of, nests = scratch
    intercept, d, moved, theta = given
    p, count = 0, 0
    while p < found:
        nest = codes[row[p], PROCESS] * N_ACTORS + codes[row[p], ACTOR]
        base = intercept[d, nest] + moved
        end, total, scale = p + 1, 1.0, 1.0
        while end < found and codes[row[end], PROCESS] * N_ACTORS + codes[row[end], ACTOR] == nest:
            end += 1
        if end == p + 1:
            full[p] = np.exp(base + utility[p])
        else:
            total = 0.0
            for o in range(p, end):
                full[o] = np.exp(utility[o] / theta)
                total += full[o]
            scale = np.exp(base + theta * np.log(total)) / total if total > 0 else 0.0
        for field in range(_NEST_FIELDS):
            nests[count, field] = 0.0
        nests[count, _IS_PROJECT] = 0.0 if nest // N_ACTORS == INVESTING else 1.0
        while p < end:
            r = row[p]
            new = codes[r, NEW]
            full[p] *= scale
            of[p] = count
            nests[count, _OLD + new] += full[p]
            nests[count, _BUILT + new] += full[p] * numbers[r, BUILT]
            nests[count, _TORN + new] += full[p] * numbers[r, TORN]
            p += 1
        count += 1
    return count


@inlined
def _learnt(count: Any, nests: Any, given: Any, known: Any) -> None:
    """Share of the full rate of old and new options of each nest while new rights are learnt.

    In a nest whose share ``s`` of the weight is new, at pace ``r``, an old option's rate is the full one
    times ``(1 - s + r^(1/theta) s)^(theta - 1)``, and a new one's that times ``r^(1/theta)``.
    """
    theta, ramp, pace = given
    for n in range(count):
        old, new = nests[n, _OLD], nests[n, _FRESH]
        if new == 0.0 or ramp >= 1.0:
            known[n, 0], known[n, 1] = 1.0, 1.0
        elif old == 0.0:
            known[n, 0], known[n, 1] = 0.0, ramp
        else:
            factor = ((old + pace * new) / (old + new)) ** (theta - 1.0)
            known[n, 0], known[n, 1] = factor, factor * pace


@inlined
def _years(count: Any, nests: Any, given: Any, known: Any, done: Any, at: Any, out: Any) -> None:
    """Years of one lot: at most one change; what is completed goes to ``done``, array [nest, is new]."""
    d, here = at
    theta, ramp, pace, finished = given
    years = ramp.shape[1]
    has_new = False
    for n in range(count):
        has_new = has_new or nests[n, _FRESH] > 0
        done[n, 0], done[n, 1] = 0.0, 0.0
    standing, y = 1.0, 0
    while y < years:
        level = ramp[d, y]
        _learnt(count, nests, (theta, level, pace[d, y]), known)
        everything, lots, built, torn = 0.0, 0.0, 0.0, 0.0
        for n in range(count):
            old, new = known[n, 0], known[n, 1]
            rate = old * nests[n, _OLD] + new * nests[n, _FRESH]
            everything += rate
            lots += rate * nests[n, _IS_PROJECT]
            built += old * nests[n, _BUILT] + new * nests[n, _BUILT + 1]
            torn += old * nests[n, _TORN] + new * nests[n, _TORN + 1]
        if everything <= 0:
            return
        yearly, completed = -np.expm1(-everything) / everything, 0.0
        while y < years and (not has_new or ramp[d, y] == level):
            begun = standing * yearly
            standing -= begun * everything
            completed += begun * finished[d, y]
            out[d, here, y] += begun * lots
            out[d, here, years + y] += begun * built
            out[d, here, 2 * years + y] += begun * torn
            y += 1
        for n in range(count):
            done[n, 0] += completed * known[n, 0]
            done[n, 1] += completed * known[n, 1]


@inlined
def _finish(
    found: Any, row: Any, scratch: Any, done: Any, numbers: Any, codes: Any, sizes: Any, out: Any
) -> None:
    """Add what is completed by the horizon, by outcome and by actor."""
    full, of, _ = scratch
    years, n_outcomes, d, here = sizes
    for p in range(found):
        r = row[p]
        share = full[p] * done[of[p], codes[r, NEW]]
        at = 3 * years + codes[r, OUTCOME]
        out[d, here, at] += share
        out[d, here, at + n_outcomes] += share * numbers[r, BUILT]
        out[d, here, 3 * years + 2 * n_outcomes + codes[r, ACTOR]] += share * numbers[r, BUILT]


@compiled
def draw_block(
    numbers: Any, codes: Any, starts: Any, lots: Any, given: Any, n_outcomes: Any, out: Any
) -> None:
    """A block of draws over all lots.

    ``lots`` holds their as-is values, price areas, centred covariates and places. ``given`` holds by draw
    the intercepts by nest, slope on value, slopes, theta, log probability of MAYBE, ramp, pace, finished,
    price by area (array [area, draw]), rent, cost, premium by actor, log factors on rates by group; and
    reference and limit of the value term. ``out`` is array [draw, place, sum], added to.

    No row of an array is taken in the loops: a view counts its references, and threads wait for one another
    at the count.
    """
    as_is, area, away, place = lots
    (intercept, slope, slopes, theta, log_maybe, ramp, pace, finished, price, rent, cost, premium, log_rate,
     ends) = given  # fmt: skip
    most = 1
    for i in range(len(as_is)):
        most = max(most, starts[i + 1] - starts[i])
    n_draws, years = len(theta), ramp.shape[1]
    rlv, today, land_usd = np.empty((most, n_draws)), np.empty(n_draws), np.empty(n_draws)
    begins, row, of = np.empty(most + 1, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    utility, full, nests = np.empty(most), np.empty(most), np.empty((N_NESTS, _NEST_FIELDS))
    pays, known, done = np.empty((N_ACTORS, 2)), np.empty((N_NESTS, 2)), np.empty((N_NESTS, 2))
    scratch = (full, of, nests)
    at = 3 * years + 2 * n_outcomes + N_ACTORS
    for i in range(len(as_is)):
        span, here = (starts[i], starts[i + 1]), place[i]
        if span[0] == span[1]:
            continue
        for d in range(n_draws):
            land_usd[d] = as_is[i] * price[area[i], d]
        _values(numbers, codes, span, (price, area[i], rent, cost), land_usd, rlv, today)
        products = (begins, _products(codes, span, begins), span[0])
        for d in range(n_draws):
            terms = (d, land_usd[d], today[d], premium, rent[d], cost[d], slope[d], log_maybe[d], log_rate,
                     ends[0], ends[1])  # fmt: skip
            found = _open(numbers, codes, products, terms, rlv, utility, row, pays)
            if found == 0:
                continue
            for a in range(N_ACTORS):
                if pays[a, 0] >= 0:
                    out[d, here, at + a] += 1
                    out[d, here, at + N_ACTORS + a] += pays[a, 1]
            moved = 0.0
            for c in range(away.shape[1]):
                moved += slopes[d, c] * away[i, c]
            count = _nests(found, utility, row, numbers, codes, (intercept, d, moved, theta[d]), scratch)
            _years(count, nests, (theta[d], ramp, pace, finished), known, done, (d, here), out)
            _finish(found, row, scratch, done, numbers, codes, (years, n_outcomes, d, here), out)
