"""One draw over all lots, compiled: see :mod:`densitymap.feasibility.starts` for what it computes.

Scratch of a lot: its open *products* (one outcome of one process by one actor; the better of sale and
rent stands for it), their utility, rate and row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from densitymap.feasibility.starts import (
    ACTOR,
    ADDED,
    BUILT,
    COST,
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


@inlined
def _values(numbers: Any, codes: Any, first: Any, last: Any, factors: Any, land_usd: Any, rlv: Any) -> Any:
    """Residual land value of each option; gives the best a developer could pay under today's law."""
    price, rent, cost = factors
    today = 0.0
    for r in range(first, last):
        worth = numbers[r, SALE] * price + numbers[r, RENT] * rent - numbers[r, COST] * cost
        worth += numbers[r, LAND] * land_usd
        rlv[r - first] = worth
        if codes[r, ACTOR] == 0 and codes[r, NEW] == 0 and codes[r, PROCESS] != INVESTING:
            today = max(today, worth)
    return today


@inlined
def _open(
    numbers: Any, codes: Any, span: Any, given: Any, rlv: Any, utility: Any, row: Any, pays: Any
) -> Any:
    """Open products of a lot: their utilities and rows; and what pays each actor best."""
    land_usd, today, premium, rent, cost, slope, log_maybe, reference, limit = given
    first, last = span
    found, r = 0, first
    for a in range(N_ACTORS):
        pays[a, 0], pays[a, 1] = -1.0, 0.0
    while r < last:
        actor, process, outcome = codes[r, ACTOR], codes[r, PROCESS], codes[r, OUTCOME]
        best, at = -np.inf, -1
        while r < last and codes[r, ACTOR] == actor and codes[r, PROCESS] == process \
                and codes[r, OUTCOME] == outcome:  # fmt: skip
            asked = codes[r, TENURE] == 0 or numbers[r, YIELD] * rent >= cost
            if asked and codes[r, STATUS] != _CLOSED and rlv[r - first] > best:
                best, at = rlv[r - first], r
            r += 1
        if at < 0:
            continue
        pull = 0.0
        if process != INVESTING:
            paid = land_usd * (1 + premium[actor])
            gain = best - max(paid, today)
            if gain < -LOOSE_USD:
                continue
            pull = slope * (min((best - paid) / land_usd, limit) - reference)
            if gain > pays[actor, 0] or pays[actor, 0] < 0:
                pays[actor, 0], pays[actor, 1] = max(gain, 0.0), numbers[at, ADDED]
        if codes[at, STATUS] == _MAYBE:
            pull += log_maybe
        utility[found], row[found] = pull, at
        found += 1
    return found


@inlined
def _full_rates(
    found: Any, utility: Any, row: Any, codes: Any, base: Any, theta: Any, full: Any, newness: Any
) -> None:
    """Rate of each product once new rights are learnt: ``exp(base) (sum_o w_o)^theta``, shared as ``w_o``.

    ``newness`` becomes the share of a nest's weight that lies in new rights, the same for its products.
    """
    p = 0
    while p < found:
        nest = codes[row[p], PROCESS] * N_ACTORS + codes[row[p], ACTOR]
        end, total, fresh = p, 0.0, 0.0
        while end < found and codes[row[end], PROCESS] * N_ACTORS + codes[row[end], ACTOR] == nest:
            full[end] = np.exp(utility[end] / theta)
            total += full[end]
            fresh += full[end] if codes[row[end], NEW] == 1 else 0.0
            end += 1
        scale = np.exp(base[nest] + theta * np.log(total)) / total if total > 0 else 0.0
        while p < end:
            full[p] *= scale
            newness[p] = fresh / total if total > 0 else 0.0
            p += 1


@inlined
def _rates(found: Any, row: Any, codes: Any, full: Any, newness: Any, given: Any, rate: Any) -> Any:
    """Rate of each product while new rights are learnt; gives the rate of the lot.

    In a nest whose share ``s`` of the weight is new, at pace ``r``, an old option's rate is the full one
    times ``(1 - s + r^(1/theta) s)^(theta - 1)``, and a new one's that times ``r^(1/theta)``.
    """
    theta, ramp, pace = given
    everything, share, factor = 0.0, 0.0, 1.0
    for p in range(found):
        rate[p] = full[p]
        if newness[p] >= 1.0:
            rate[p] *= ramp
        elif newness[p] > 0.0:
            if newness[p] != share:
                share = newness[p]
                factor = (1.0 - share + pace * share) ** (theta - 1.0)
            rate[p] *= factor * pace if codes[row[p], NEW] == 1 else factor
        everything += rate[p]
    return everything


@inlined
def _lot(found: Any, row: Any, numbers: Any, codes: Any, rates: Any, given: Any, here: Any, out: Any) -> None:
    """Years of one lot: at most one change; sums go to the lot's place."""
    full, newness, rate = rates
    theta, ramp, pace, finished, n_outcomes = given
    years = len(ramp)
    has_new = False
    for p in range(found):
        has_new = has_new or newness[p] > 0
    standing, y = 1.0, 0
    while y < years:
        level = ramp[y]
        everything = _rates(found, row, codes, full, newness, (theta, level, pace[y]), rate)
        if everything <= 0:
            return
        lots, built, torn = 0.0, 0.0, 0.0
        for p in range(found):
            built += rate[p] * numbers[row[p], BUILT]
            torn += rate[p] * numbers[row[p], TORN]
            lots += 0.0 if codes[row[p], PROCESS] == INVESTING else rate[p]
        yearly, done = -np.expm1(-everything) / everything, 0.0
        while y < years and (not has_new or ramp[y] == level):
            begun = standing * yearly
            standing -= begun * everything
            done += begun * finished[y]
            out[here, y] += begun * lots
            out[here, years + y] += begun * built
            out[here, 2 * years + y] += begun * torn
            y += 1
        if done > 0:
            _finish(found, row, rate, done, numbers, codes, (years, n_outcomes, here), out)


@inlined
def _finish(
    found: Any, row: Any, rate: Any, done: Any, numbers: Any, codes: Any, sizes: Any, out: Any
) -> None:
    """Add what is completed by the horizon, by outcome and by actor."""
    years, n_outcomes, here = sizes
    for p in range(found):
        r = row[p]
        share = done * rate[p]
        at = 3 * years + codes[r, OUTCOME]
        out[here, at] += share
        out[here, at + n_outcomes] += share * numbers[r, BUILT]
        out[here, 3 * years + 2 * n_outcomes + codes[r, ACTOR]] += share * numbers[r, BUILT]


@compiled
def draw_once(
    numbers: Any, codes: Any, starts: Any, lots: Any, given: Any, n_outcomes: Any, out: Any
) -> None:
    """One draw over all lots.

    ``lots`` holds their as-is values, price areas, centred covariates and places. ``given`` holds the
    draw's intercepts by nest, slope on value, slopes, theta, probability of MAYBE, ramp, finished, price
    by area, rent, cost, premium by actor, reference and limit of the value term. ``out`` is array
    [place, sum], added to.
    """
    as_is, area, away, place = lots
    intercept, slope, slopes, theta, maybe, ramp, finished, price, rent, cost, premium, ends = given
    most = 1
    for i in range(len(as_is)):
        most = max(most, starts[i + 1] - starts[i])
    rlv, utility, rate, full = np.empty(most), np.empty(most), np.empty(most), np.empty(most)
    newness, row = np.empty(most), np.empty(most, np.int64)
    base, pays = np.empty(N_NESTS), np.empty((N_ACTORS, 2))
    log_maybe = np.log(maybe) if maybe > 0 else -np.inf
    years, pace = len(ramp), ramp ** (1 / theta)
    at = 3 * years + 2 * n_outcomes + N_ACTORS
    for i in range(len(as_is)):
        first, last = starts[i], starts[i + 1]
        if first == last:
            continue
        land_usd = as_is[i] * price[area[i]]
        today = _values(numbers, codes, first, last, (price[area[i]], rent, cost), land_usd, rlv)
        terms = (land_usd, today, premium, rent, cost, slope, log_maybe, ends[0], ends[1])
        found = _open(numbers, codes, (first, last), terms, rlv, utility, row, pays)
        if found == 0:
            continue
        here = place[i]
        for a in range(N_ACTORS):
            if pays[a, 0] >= 0:
                out[here, at + a] += 1
                out[here, at + N_ACTORS + a] += pays[a, 1]
        moved = 0.0
        for c in range(away.shape[1]):
            moved += slopes[c] * away[i, c]
        for k in range(N_NESTS):
            base[k] = intercept[k] + moved
        _full_rates(found, utility, row, codes, base, theta, full, newness)
        rates, paces = (full, newness, rate), (theta, ramp, pace, finished, n_outcomes)
        _lot(found, row, numbers, codes, rates, paces, here, out)
