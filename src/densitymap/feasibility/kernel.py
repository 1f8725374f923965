"""Draws over all lots, compiled: see :mod:`densitymap.feasibility.starts` for what they compute.

Lots run outside and a block of draws inside: every inner loop runs over the draws and writes one row, so
that it compiles into arithmetic on eight draws at once. A *member* of a lot is one outcome of one process
by one actor; the better of sale and rent stands for it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from densitymap.feasibility.elementary import compiled, inlined
from densitymap.feasibility.kernel_rates import (
    NEST_FIELDS,
    RATES,
    ROW,
    add_completed,
    completed,
    nests_of,
    run_years,
)
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
    NEW,
    OUTCOME,
    PROCESS,
    RENT,
    SALE,
    STATUS,
    TENURE,
    TODAY,
    TORN,
    YIELD,
)  # fmt: skip

_CLOSED, _MAYBE = 0, 1
_NOBODY = -1.0
"""Gain of an actor whom nothing pays."""


@inlined
def _worths(numbers: Any, codes: Any, span: Any, factors: Any, land: Any, worth: Any, today: Any) -> None:
    """Residual land value of each option, array [option, draw]; the best a developer could pay today."""
    price, here, rent, cost = factors
    first, last = span
    for d in range(len(rent)):
        today[d] = 0.0
    for r in range(first, last):
        sold, let, spent, kept = numbers[r, SALE], numbers[r, RENT], numbers[r, COST], numbers[r, LAND]
        o = r - first
        for d in range(len(rent)):
            worth[o, d] = sold * price[here, d] + let * rent[d] - spent * cost[d] + kept * land[d]
        if codes[r, ACTOR] == 0 and codes[r, TODAY] == 1 and codes[r, PROCESS] != INVESTING:
            for d in range(len(rent)):
                today[d] = max(today[d], worth[o, d])


@inlined
def _shut(numbers: Any, codes: Any, at: Any, factors: Any, log_rate: Any, worth: Any) -> None:
    """Take from the draws an option that yields too little to let, or that a factor closes."""
    r, o = at
    rent, cost = factors
    asked, group = numbers[r, YIELD], codes[r, GROUP]
    if codes[r, TENURE] != 0 and asked < np.inf:
        for d in range(len(rent)):
            worth[o, d] = worth[o, d] if asked * rent[d] >= cost[d] else -np.inf
    if group != 0:
        for d in range(len(rent)):
            worth[o, d] = worth[o, d] if log_rate[group, d] > -np.inf else -np.inf


@inlined
def _joins(numbers: Any, codes: Any, at: Any, worth: Any) -> Any:
    """Let the better tenure of a product stand for it; whether the row is one member with the row before."""
    r, p, o, q = at
    same = codes[r, STATUS] == codes[p, STATUS] and codes[r, NEW] == codes[p, NEW]
    same = same and codes[r, GROUP] == codes[p, GROUP] and numbers[r, BUILT] == numbers[p, BUILT]
    same = same and numbers[r, TORN] == numbers[p, TORN] and numbers[r, ADDED] == numbers[p, ADDED]
    for d in range(worth.shape[1]):
        better = worth[o, d] > worth[q, d]
        worth[q, d] = (worth[o, d] if same else -np.inf) if better else worth[q, d]
    if not same:
        for d in range(worth.shape[1]):
            worth[o, d] = worth[o, d] if worth[q, d] == -np.inf else -np.inf
    return same


@inlined
def _members(
    numbers: Any, codes: Any, span: Any, factors: Any, log_rate: Any, worth: Any, members: Any
) -> Any:
    """Find the members of a lot; options of one product lie together."""
    first, last = span
    found = 0
    for r in range(first, last):
        if codes[r, STATUS] == _CLOSED:
            continue
        _shut(numbers, codes, (r, r - first), factors, log_rate, worth)
        if found > 0:
            p = members[found - 1, ROW]
            same = codes[r, ACTOR] == codes[p, ACTOR] and codes[r, PROCESS] == codes[p, PROCESS]
            same = same and codes[r, OUTCOME] == codes[p, OUTCOME]
            if same and _joins(numbers, codes, (r, p, r - first, p - first), worth):
                continue
        members[found, ROW] = r
        found += 1
    return found


@inlined
def _utilities(codes: Any, members: Any, span: Any, given: Any, worth: Any, money: Any, utility: Any) -> Any:
    """Utility of each member in each draw, ``-inf`` where it is not open; hurdles are by actor.

    Members that are open in no draw of the block are left out; how many remain is given back.
    """
    found, first = span
    slope, log_maybe, log_rate, reference, most = given
    paid, hurdle, per_usd = money
    kept = 0
    for k in range(found):
        r = members[k, ROW]
        o, a, g = r - first, codes[r, ACTOR], codes[r, GROUP]
        n_open = 0
        if codes[r, PROCESS] == INVESTING:
            for d in range(len(slope)):
                n_open += 1 if worth[o, d] > -np.inf else 0
            for d in range(len(slope)):
                utility[kept, d] = log_rate[g, d] if worth[o, d] > -np.inf else -np.inf
        else:
            for d in range(len(slope)):
                n_open += 1 if worth[o, d] - hurdle[a, d] >= -LOOSE_USD else 0
            for d in range(len(slope) if n_open > 0 else 0):
                pull = slope[d] * (min((worth[o, d] - paid[a, d]) * per_usd[d], most) - reference)
                is_open = worth[o, d] - hurdle[a, d] >= -LOOSE_USD
                utility[kept, d] = pull + log_rate[g, d] if is_open else -np.inf
        if n_open > 0:
            if codes[r, STATUS] == _MAYBE:
                for d in range(len(slope)):
                    utility[kept, d] += log_maybe[d]
            members[kept, ROW] = r
            kept += 1
    return kept


@inlined
def _pays(numbers: Any, codes: Any, members: Any, span: Any, worth: Any, hurdle: Any, pays: Any) -> None:
    """What pays each actor best: its gain and the homes it adds."""
    gains, homes = pays
    found, first = span
    for a in range(N_ACTORS):
        for d in range(worth.shape[1]):
            gains[a, d] = _NOBODY
        for d in range(worth.shape[1]):
            homes[a, d] = 0.0
    for k in range(found):
        r = members[k, ROW]
        o, a, added = r - first, codes[r, ACTOR], numbers[r, ADDED]
        if codes[r, PROCESS] == INVESTING:
            continue
        for d in range(worth.shape[1]):
            gain = worth[o, d] - hurdle[a, d]
            gain = max(gain, 0.0) if gain >= -LOOSE_USD else _NOBODY
            homes[a, d] = added if gain > gains[a, d] else homes[a, d]
            gains[a, d] = max(gain, gains[a, d])


@inlined
def _ground(as_is: Any, area: Any, price: Any, premium: Any, land: Any, per_usd: Any, paid: Any) -> None:
    """As-is value of a lot in each draw, and what each actor pays for it."""
    for d in range(len(land)):
        land[d] = as_is * price[area, d]
    for d in range(len(land)):
        per_usd[d] = 1.0 / land[d]
    for a in range(N_ACTORS):
        for d in range(len(land)):
            paid[a, d] = land[d] * (1.0 + premium[a, d])


@inlined
def _moved(away: Any, i: Any, slopes: Any, moved: Any) -> None:
    """What the covariates of a lot add to its log rates."""
    for d in range(len(moved)):
        moved[d] = 0.0
    for c in range(away.shape[1]):
        by = away[i, c]
        if by != 0.0:
            for d in range(len(moved)):
                moved[d] += slopes[c, d] * by


@inlined
def _told_pays(pays: Any, out: Any, here: Any, start: Any) -> None:
    gains, homes = pays
    for a in range(N_ACTORS):
        for d in range(gains.shape[1]):
            out[here, start + a, d] += 1.0 if gains[a, d] >= 0.0 else 0.0
        for d in range(gains.shape[1]):
            out[here, start + N_ACTORS + a, d] += homes[a, d]


@inlined
def _scratch(most: Any, sizes: Any) -> Any:
    """Arrays a lot is worked in: of options, of members, of actors, of the lot, of nests, of years."""
    n, n_nests, years = sizes
    options = (np.empty((most, n)), np.empty((most, n)), np.empty((most, 2), np.int64))
    actors = (
        np.empty((N_ACTORS, n)),
        np.empty((N_ACTORS, n)),
        np.empty((N_ACTORS, n)),
        np.empty((N_ACTORS, n)),
    )
    lot = (np.empty(n), np.empty(n), np.empty(n), np.empty(n))
    nests = (np.empty((n_nests * NEST_FIELDS, n)), np.empty(n), np.empty(n))
    kinds = (np.empty(n_nests, np.bool_), np.empty(n_nests, np.bool_))
    rates = (np.empty((RATES, n)), np.empty(n), np.empty(n), np.empty(n))
    yearly = (np.empty((n_nests * years, n)), np.empty((years, n)), rates)
    return options, actors, lot, nests, kinds, yearly, np.empty((2 * n_nests + 1, n))


@inlined
def _opened(numbers: Any, codes: Any, lot: Any, given: Any, scratch: Any, out: Any, at: Any) -> Any:
    """Find what is open on a lot in some draw of the block, and tell what pays; how many members that is."""
    span, as_is, area = lot
    slope, log_maybe, price, rent, cost, premium, log_rate, reference, limit = given
    (worth, utility, members), (paid, hurdle, gains, homes), (land, per_usd, today) = scratch
    here, start = at
    _ground(as_is, area, price, premium, land, per_usd, paid)
    _worths(numbers, codes, span, (price, area, rent, cost), land, worth, today)
    found = _members(numbers, codes, span, (rent, cost), log_rate, worth, members)
    for a in range(N_ACTORS):
        for d in range(len(rent)):
            hurdle[a, d] = max(paid[a, d], today[d])
    terms = (slope, log_maybe, log_rate, reference, limit)
    found = _utilities(codes, members, (found, span[0]), terms, worth, (paid, hurdle, per_usd), utility)
    if found > 0:
        _pays(numbers, codes, members, (found, span[0]), worth, hurdle, (gains, homes))
        _told_pays((gains, homes), out, here, start)
    return found


@inlined
def _features(numbers: Any, codes: Any, members: Any, found: Any) -> Any:
    """Whether anything on a lot is a project, builds, tears down, is new."""
    changes, builds, tears, is_new = False, False, False, False
    for k in range(found):
        r = members[k, ROW]
        changes = changes or codes[r, PROCESS] != INVESTING
        builds, tears = builds or numbers[r, BUILT] > 0, tears or numbers[r, TORN] > 0
        is_new = is_new or codes[r, NEW] == 1
    return changes, builds, tears, is_new


@compiled
def draw_block(
    numbers: Any, codes: Any, starts: Any, lots: Any, given: Any, n_outcomes: Any, out: Any
) -> None:
    """A block of draws over all lots.

    ``lots`` holds their as-is values, price areas, centred covariates and places. ``given`` holds the
    draws, the last axis always the draw: intercepts by nest, slope on value, slopes, theta, log probability
    of MAYBE, pace by year (``ramp^(1/theta)``), finished by year, price by area, rent, cost, premium by
    actor, log factors on rates by group; then reference and limit of the value term, and the first year in
    which every draw has learnt. ``out`` is array [place, sum, draw], added to.

    No row of an array is taken in the loops: a view counts its references, and threads wait for one another
    at the count.
    """
    as_is, area, away, place = lots
    (intercept, slope, slopes, theta, log_maybe, pace, finished, price, rent, cost, premium, log_rate,
     reference, limit, learning) = given  # fmt: skip
    most = 1
    for i in range(len(as_is)):
        most = max(most, starts[i + 1] - starts[i])
    n, years = len(theta), len(finished)
    options, actors, (land, per_usd, today, moved), (nests, total, top), kinds, yearly, done = _scratch(
        most, (n, len(intercept), years)
    )
    _, utility, members = options
    known, begun, _ = yearly
    per_theta = 1.0 / theta
    money = (slope, log_maybe, price, rent, cost, premium, log_rate, reference, limit)
    for i in range(len(as_is)):
        span, here = (starts[i], starts[i + 1]), place[i]
        if span[0] == span[1]:
            continue
        at = (here, 3 * years + 2 * n_outcomes + N_ACTORS)
        used = (options, actors, (land, per_usd, today))
        found = _opened(numbers, codes, (span, as_is[i], area[i]), money, used, out, at)
        if found == 0:
            continue
        _moved(away, i, slopes, moved)
        nested = (intercept, moved, theta, per_theta)
        count = nests_of(numbers, codes, members, found, nested, utility, (nests, total, top), kinds)
        changes, builds, tears, is_new = _features(numbers, codes, members, found)
        learns = learning if is_new else 0
        run_years(nests, count, kinds, (theta, pace, learns), yearly, out, (here, changes, builds, tears))
        completed(count, kinds[0], (pace, finished, learns), known, begun, done)
        ends = (here, 3 * years, n_outcomes, kinds[0])
        add_completed(numbers, codes, members, found, utility, done, out, ends)
