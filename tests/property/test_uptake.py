"""Relations that hold of any options: years, law, luck, order and ranges."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import uptake_lots as t
from densitymap.feasibility.draws import draw_parameters
from densitymap.feasibility.hazard import CLOSED, MAYBE, TRUE, with_investors
from densitymap.feasibility.uptake import told, uptake

N = 25
QUICK = settings(max_examples=20, deadline=None)
SEEDS = st.integers(0, 10_000)


def run(seed, *, years=10, n_draws=6, change=lambda options: options):
    options, known, of = t.drawn(N, seed)
    draws = draw_parameters(t.places(), n_draws=n_draws, years=years)
    return uptake(change(options), known, draws, {"p": of})


@QUICK
@given(SEEDS)
def test_more_years_never_lower_what_is_completed(seed):
    table = told(run(seed)).query("uptake_measure in ['gross', 'projects', 'demolished']")
    keys = ["area_level", "area_name", "uptake_measure"]
    for _, part in table.sort_values("horizon_year").groupby(keys):
        for name in ("uptake_p10", "uptake_p50", "uptake_p90", "uptake_mean"):
            assert (part[name].diff().dropna() >= -1e-9).all()


@QUICK
@given(SEEDS, st.integers(1, 9))
def test_a_longer_horizon_begins_as_a_shorter_one_and_never_ends_lower(seed, years):
    short, long = (run(seed, years=years + more) for more in (0, 3))
    for part in ("lots", "gross", "torn"):
        begun = long.sums[:, :, getattr(long.measures, part)][:, :, :years]
        np.testing.assert_allclose(begun, short.sums[:, :, getattr(short.measures, part)], rtol=1e-12)
        assert (long.expected(part) >= short.expected(part) - 1e-12).all()
    assert (long.projects >= short.projects).all()


@QUICK
@given(SEEDS)
def test_nothing_starts_where_the_law_says_false(seed):
    def closed(options):
        return dataclasses.replace(options, status=np.full(len(options.lot), CLOSED))

    assert run(seed, change=closed).sums.sum() == 0


@QUICK
@given(SEEDS)
def test_a_lot_changes_at_most_once(seed):
    options, known, _ = t.drawn(N, seed)
    certain = dataclasses.replace(draw_parameters(t.places(), n_draws=3), finished=np.ones((3, 10)))
    eager = dataclasses.replace(certain, intercept=certain.intercept + 8)  # rates of hundreds of percent
    whole = with_investors(options, has_home=np.ones(N, bool))
    one_each = {"lot": pd.Series([f"lot {k}" for k in range(N)])}
    result = uptake(whole, known, eager, one_each)
    lots = result.sums[:, :, result.measures.outcome_lots].sum(axis=2)
    single = np.array([level == "lot" for level in result.levels])
    assert (lots[:, single] <= 1 + 1e-9).all()
    assert lots[:, single].max() > 0.99


@QUICK
@given(SEEDS)
def test_the_same_seed_gives_the_same_bytes_and_order_does_not_matter(seed):
    def shuffled(options):
        order = np.random.default_rng(seed).permutation(len(options.lot))
        return options.take(order[np.argsort(options.lot[order], kind="stable")])

    first, again, other = run(seed), run(seed), run(seed, change=shuffled)
    assert first.sums.tobytes() == again.sums.tobytes()
    assert first.projects.tobytes() == again.projects.tobytes()
    np.testing.assert_array_equal(other.sums, first.sums)


@QUICK
@given(SEEDS)
def test_more_draws_leave_the_first_ones_as_they_are(seed):
    few, many = run(seed, n_draws=3), run(seed, n_draws=8)
    np.testing.assert_array_equal(many.sums[:3], few.sums)
    np.testing.assert_array_equal(many.projects[:3], few.projects)


@QUICK
@given(SEEDS)
def test_a_firmer_verdict_never_lowers_a_process(seed):
    def firm(options):
        return dataclasses.replace(options, status=np.where(options.status == MAYBE, TRUE, options.status))

    unsure, sure = run(seed), run(seed, change=firm)
    lots = [result.sums[:, :, result.measures.lots].sum(axis=2) for result in (unsure, sure)]
    assert (lots[1] >= lots[0] - 1e-12).all()


@QUICK
@given(SEEDS)
def test_nothing_is_expected_of_an_actor_that_nothing_pays(seed):
    result = run(seed)
    measures = result.measures
    expected, paying = (result.sums[:, :, measures.by_actor(part)] for part in (0, 1))
    assert (expected[paying == 0] == 0).all()


@QUICK
@given(SEEDS, st.integers(0, 5), st.floats(0.0, 1.0))
def test_a_lower_rate_never_raises_what_is_completed_of_a_form_nor_lowers_the_rest(seed, outcome, factor):
    options, known, of = t.drawn(N, seed)
    draws = draw_parameters(t.places(), n_draws=4)
    less = dataclasses.replace(draws, rate=np.column_stack([np.ones(4), np.full(4, factor)]))
    rated = dataclasses.replace(options, rate_group=(options.outcome == outcome).astype(np.int64))
    was, now = (uptake(rated if low else options, known, less, {"p": of}) for low in (False, True))
    before, after = (result.sums[:, :, result.measures.outcome_lots] for result in (was, now))
    assert (after[:, :, outcome] <= before[:, :, outcome] + 1e-12).all()
    others = np.arange(before.shape[2]) != outcome
    assert (after[:, :, others] >= before[:, :, others] - 1e-12).all()


@QUICK
@given(SEEDS)
def test_a_policy_that_only_adds_forms_never_has_fewer_lots_changed_by_any_year(seed):
    fewer = run(seed, change=lambda options: options.take(~options.is_new_right))
    more = run(seed)
    lots = [np.cumsum(result.sums[:, 0, result.measures.lots], axis=1) for result in (fewer, more)]
    assert np.all(lots[1] >= lots[0] - 1e-12)
