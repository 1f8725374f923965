"""Rates of a lot's changes, year by year, compiled: nests, what is learnt, and competing risks.

A *member* is one outcome of one process by one actor, a *nest* a process by an actor; only nests that hold
a new right are learnt. Every inner loop runs over the draws and writes one row: so it compiles into
arithmetic on eight draws at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from densitymap.feasibility.elementary import exp, inlined, log, started_per_rate
from densitymap.feasibility.starts import (
    ACTOR,
    BUILT,
    INVESTING,
    N_ACTORS,
    NEW,
    OUTCOME,
    PROCESS,
    TORN,
)

ROW, NEST = 0, 1
"""Fields of a member: its row of the options, its nest among the lot's."""
_LOTS, _OTHERS, _BUILT, _TORN, RATES = range(5)
"""Rates of a lot: of projects, of purchases, of homes built and torn down."""
_OLD, _FRESH, _BUILT_OLD, _BUILT_FRESH, _TORN_OLD, _TORN_FRESH, NEST_FIELDS = range(7)


@inlined
def _full_rates(span: Any, given: Any, nest: Any, utility: Any, total: Any, top: Any) -> None:
    """Turn utilities of a nest into rates once all is learnt: ``exp(base) (sum_o w_o)^theta``, as ``w_o``.

    Weights are taken against the best of the nest, so that an option open alone has exactly its own rate.
    """
    begin, end = span
    intercept, moved, theta, per_theta = given
    if end == begin + 1:
        for d in range(len(theta)):
            utility[begin, d] = exp(intercept[nest, d] + moved[d] + utility[begin, d])
        return
    _best(span, utility, top)
    _weights(span, per_theta, utility, total, top)
    for d in range(len(theta)):
        several = (theta[d] - 1.0) * log(total[d] if total[d] > 0.0 else 1.0)
        total[d] = exp(intercept[nest, d] + moved[d] + top[d] + several)
    for k in range(begin, end):
        for d in range(len(theta)):
            utility[k, d] *= total[d]


@inlined
def _best(span: Any, utility: Any, top: Any) -> None:
    """Find the best utility of a nest; 0 where nothing is open."""
    begin, end = span
    for d in range(len(top)):
        top[d] = utility[begin, d]
    for k in range(begin + 1, end):
        for d in range(len(top)):
            top[d] = max(top[d], utility[k, d])
    for d in range(len(top)):
        top[d] = top[d] if top[d] > -np.inf else 0.0


@inlined
def _weights(span: Any, per_theta: Any, utility: Any, total: Any, top: Any) -> None:
    begin, end = span
    for d in range(len(top)):
        total[d] = 0.0
    for k in range(begin, end):
        for d in range(len(top)):
            utility[k, d] = exp((utility[k, d] - top[d]) * per_theta[d])
        for d in range(len(top)):
            total[d] += utility[k, d]


@inlined
def _add(row: Any, values: Any, k: Any, factor: Any, at: Any) -> None:
    if factor != 0.0:
        for d in range(values.shape[1]):
            row[at, d] += factor * values[k, d]


@inlined
def nests_of(
    numbers: Any, codes: Any, members: Any, found: Any, given: Any, rates: Any, sums: Any, kinds: Any
) -> Any:
    """Rates of all members, and sums of each nest: of what was a right before, and of what is new."""
    learns, projects = kinds
    nests, total, top = sums
    begin, count = 0, 0
    while begin < found:
        p = members[begin, ROW]
        nest = np.int64(codes[p, PROCESS]) * N_ACTORS + codes[p, ACTOR]
        end, has_new = begin, False
        while end < found:
            r = members[end, ROW]
            if np.int64(codes[r, PROCESS]) * N_ACTORS + codes[r, ACTOR] != nest:
                break
            has_new = has_new or codes[r, NEW] == 1
            end += 1
        _full_rates((begin, end), given, nest, rates, total, top)
        learns[count], projects[count] = has_new, codes[p, PROCESS] != INVESTING
        first = count * NEST_FIELDS
        for field in range(NEST_FIELDS):
            for d in range(rates.shape[1]):
                nests[first + field, d] = 0.0
        for k in range(begin, end):
            r = members[k, ROW]
            new = np.int64(codes[r, NEW])
            members[k, NEST] = count
            _add(nests, rates, k, 1.0, first + _OLD + new)
            _add(nests, rates, k, numbers[r, BUILT], first + _BUILT_OLD + new)
            _add(nests, rates, k, numbers[r, TORN], first + _TORN_OLD + new)
        begin = end
        count += 1
    return count


@inlined
def _known(nests: Any, count: Any, learns: Any, given: Any, known: Any) -> None:
    """Share of the full rate of old options of each nest in a year in which new rights are learnt.

    In a nest whose share ``s`` of the weight is new, at pace ``r``, an old option's rate is the full one
    times ``(1 - s + r^(1/theta) s)^(theta - 1)``, and a new one's that times ``r^(1/theta)``.
    """
    theta, pace, y = given
    for n in range(count):
        if learns[n]:
            at = n * NEST_FIELDS
            for d in range(len(theta)):
                both = nests[at + _OLD, d] + nests[at + _FRESH, d]
                share = nests[at + _FRESH, d] / (both if both > 0.0 else 1.0)
                known[y * count + n, d] = exp((theta[d] - 1.0) * log(1.0 - (1.0 - pace[y, d]) * share))


@inlined
def _rates_of_year(
    nests: Any, count: Any, kinds: Any, given: Any, known: Any, rates: Any, settled: Any
) -> None:
    """Rates of a lot in a year, nest by nest, so that no sum hangs on which of them are learnt."""
    learns, projects = kinds
    pace, y = given
    for part in range(RATES):
        for d in range(rates.shape[1]):
            rates[part, d] = 0.0
    for n in range(count):
        for which in range(3):
            part = which + 1 if which > 0 else (_LOTS if projects[n] else _OTHERS)
            old = n * NEST_FIELDS + 2 * which
            if not learns[n]:
                for d in range(rates.shape[1]):
                    rates[part, d] += nests[old, d]
            elif settled:
                for d in range(rates.shape[1]):
                    rates[part, d] += nests[old, d] + nests[old + 1, d]
            else:
                for d in range(rates.shape[1]):
                    both = nests[old, d] + pace[y, d] * nests[old + 1, d]
                    rates[part, d] += known[y * count + n, d] * both


@inlined
def run_years(nests: Any, count: Any, kinds: Any, given: Any, scratch: Any, out: Any, at: Any) -> None:
    """Years of a lot: at most one change. ``begun`` is what starts in a year per unit of rate."""
    theta, pace, learning = given
    known, begun, (rates, standing, share, left) = scratch
    here, changes, builds, tears = at
    years = len(begun)
    for d in range(len(theta)):
        standing[d] = 1.0
    for y in range(years):
        if y < learning:
            _known(nests, count, kinds[0], (theta, pace, y), known)
        if y <= learning:
            _rates_of_year(nests, count, kinds, (pace, y), known, rates, y == learning)
            _yearly(rates, share, left)
        for d in range(len(theta)):
            begun[y, d] = standing[d] * share[d]
        for d in range(len(theta)):
            standing[d] *= left[d]
        if changes:
            _started(begun, y, rates, _LOTS, out, here, y)
        if builds:
            _started(begun, y, rates, _BUILT, out, here, years + y)
        if tears:
            _started(begun, y, rates, _TORN, out, here, 2 * years + y)


@inlined
def _yearly(rates: Any, share: Any, left: Any) -> None:
    """Starts of a year per unit of rate, and what is left of the lot, by competing risks."""
    for d in range(len(share)):
        share[d] = started_per_rate(rates[_LOTS, d] + rates[_OTHERS, d])
    for d in range(len(share)):
        left[d] = 1.0 - share[d] * (rates[_LOTS, d] + rates[_OTHERS, d])


@inlined
def _started(begun: Any, y: Any, rates: Any, part: Any, out: Any, here: Any, at: Any) -> None:
    for d in range(begun.shape[1]):
        out[here, at, d] += begun[y, d] * rates[part, d]


@inlined
def completed(count: Any, learns: Any, given: Any, known: Any, begun: Any, done: Any) -> None:
    """What is completed by the horizon per unit of rate: row 0 of what is known, then of each nest learnt.

    Summed from the last year back, in which all is alike: no sum hangs on how long other draws learn.
    """
    pace, finished, learning = given
    for d in range(begun.shape[1]):
        done[0, d] = 0.0
    for back in range(len(begun)):
        y = len(begun) - 1 - back
        if y == learning - 1:
            _copied(count, done)
        for d in range(begun.shape[1]):
            done[0, d] += begun[y, d] * finished[y, d]
        for n in range(count if y < learning else 0):
            if learns[n]:
                for d in range(begun.shape[1]):
                    done[2 * n + 1, d] += begun[y, d] * finished[y, d] * known[y * count + n, d]
                for d in range(begun.shape[1]):
                    ready = begun[y, d] * finished[y, d] * known[y * count + n, d]
                    done[2 * n + 2, d] += ready * pace[y, d]
    if learning == 0:
        _copied(count, done)


@inlined
def _copied(count: Any, done: Any) -> None:
    for row in range(1, 2 * count + 1):
        for d in range(done.shape[1]):
            done[row, d] = done[0, d]


@inlined
def add_completed(
    numbers: Any, codes: Any, members: Any, found: Any, rates: Any, done: Any, out: Any, at: Any
) -> None:
    """Add what is completed by the horizon, by outcome and by actor."""
    here, start, n_outcomes, learns = at
    for k in range(found):
        r, n = members[k, ROW], members[k, NEST]
        of = 1 + 2 * n + codes[r, NEW] if learns[n] else 0
        outcome, actor = start + codes[r, OUTCOME], start + 2 * n_outcomes + codes[r, ACTOR]
        built = numbers[r, BUILT]
        for d in range(rates.shape[1]):
            out[here, outcome, d] += rates[k, d] * done[of, d]
        if built > 0:
            for d in range(rates.shape[1]):
                out[here, outcome + n_outcomes, d] += built * (rates[k, d] * done[of, d])
            for d in range(rates.shape[1]):
                out[here, actor, d] += built * (rates[k, d] * done[of, d])
