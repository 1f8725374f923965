"""The hazard by hand, one outcome a lot, places, ranges and what is hidden."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

import uptake_lots as t
from densitymap.errors import UsageError, ValidationError
from densitymap.feasibility import adapter, starts
from densitymap.feasibility import uptake as module
from densitymap.feasibility.adapter import lots_of
from densitymap.feasibility.draws import Places, draw_parameters, tornado_parameters
from densitymap.feasibility.hazard import ACTORS, MAYBE, with_investors
from densitymap.feasibility.pays import Worth
from densitymap.feasibility.priors import choice, luck, priors, read_priors
from densitymap.feasibility.uptake import poisson, told, tornado, uptake

BOTH = pytest.mark.parametrize("compiled", [False, True])
OWNER, DEVELOPER = ACTORS.index("owner"), ACTORS.index("developer")


def run(options, known, draws, **how):
    return uptake(options, known, draws, {}, **how)


def started(result, part="lots"):
    return result.sums[0, 0, getattr(result.measures, part)]


@BOTH
def test_one_option_starts_by_the_complementary_log_log(compiled):
    # surplus 100,000 over 400,000 is the reference 0.25: the rate is the owner's share of the process
    draws = t.plain()
    rate = t.rate_of("adu", "owner", draws)
    years = np.arange(10)
    by_hand = np.exp(-rate * years) * (1 - np.exp(-rate))
    np.testing.assert_allclose(started(run(t.one_option(), t.lots(), draws, compiled=compiled)), by_hand)


def test_the_rate_is_the_priors_rate_over_where_it_paid_times_the_actors_share():
    prior, paying = priors()["adu_rate"].default, priors()["adu_paying_share"].default
    assert t.rate_of("adu", "owner", t.plain()) == pytest.approx(prior / paying * 0.85)


@BOTH
def test_a_lone_maybe_has_its_probability_times_the_rate(compiled):
    draws = t.plain(1, maybe=np.array([0.3]))
    sure, maybe = (
        -np.log1p(-started(run(t.one_option(status=status), t.lots(), draws, compiled=compiled))[0])
        for status in (2, MAYBE)
    )
    assert maybe == pytest.approx(0.3 * sure)


@BOTH
def test_a_factor_on_a_lone_options_rate_is_exactly_that_times_the_rate(compiled):
    draws = t.plain(1, rate=np.array([[1.0, 0.3, 4.0]]))
    whole, less, more = (
        -np.log1p(-started(run(t.one_option(rate_group=group), t.lots(), draws, compiled=compiled))[0])
        for group in (0, 1, 2)
    )
    assert less == pytest.approx(0.3 * whole)
    assert more == pytest.approx(4.0 * whole)


@BOTH
def test_a_rate_of_nothing_closes_an_option_and_leaves_it_a_yardstick(compiled):
    options, known, _ = t.drawn(60, seed=11)
    hit = options.process == 1
    draws = draw_parameters(t.places(), n_draws=4)
    none = dataclasses.replace(draws, rate=np.column_stack([np.ones(4), np.zeros(4)]))
    rated = dataclasses.replace(options, rate_group=hit.astype(np.int64))
    closed = dataclasses.replace(options, status=np.where(hit, 0, options.status))
    found = run(rated, known, none, compiled=compiled)
    np.testing.assert_array_equal(found.sums, run(closed, known, draws, compiled=compiled).sums)
    assert 0 < found.sums.sum() < run(options, known, draws, compiled=compiled).sums.sum()


@BOTH
def test_factors_of_one_change_no_byte(compiled):
    options, known, _ = t.drawn(60, seed=12)
    draws = draw_parameters(t.places(), n_draws=4)
    rated = dataclasses.replace(options, rate_group=np.arange(len(options.lot)) % 3)
    ones = dataclasses.replace(draws, rate=np.ones((4, 3)))
    found = run(rated, known, ones, compiled=compiled)
    assert found.sums.tobytes() == run(options, known, draws, compiled=compiled).sums.tobytes()


@BOTH
def test_a_maybe_that_never_holds_starts_nothing(compiled):
    draws = t.plain(maybe=np.array([0.0]))
    assert started(run(t.one_option(status=MAYBE), t.lots(), draws, compiled=compiled)).sum() == 0


@BOTH
@pytest.mark.parametrize("actor", [DEVELOPER, OWNER])
def test_what_does_not_pay_an_actor_is_not_expected_of_it(actor, compiled):
    dear = t.one_option(actor=actor, process=1, land=0.0, sale_usd=500_000.0, rent_usd=0.0, tenure=0)
    result = run(dear, t.lots(), t.plain(), compiled=compiled)
    assert result.sums.sum() == 0


@BOTH
def test_a_form_must_beat_what_today_would_bring(compiled):
    today = t.one_option(actor=DEVELOPER, process=1, outcome=2, land=0.0, tenure=0, sale_usd=1_000_000.0,
                         rent_usd=0.0, status=0)  # fmt: skip
    # 800,000 for the land under today's law; the duplex brings 700,000, more than the lot as it stands
    duplex = t.one_option(actor=DEVELOPER, process=1, outcome=3, land=0.0, tenure=0, sale_usd=900_000.0,
                          rent_usd=0.0, is_new_right=True)  # fmt: skip
    alone = run(duplex, t.lots(), t.plain(), compiled=compiled)
    beside = run(t.together(today, duplex), t.lots(), t.plain(), compiled=compiled)
    assert started(alone).sum() > 0
    assert beside.sums.sum() == 0


@BOTH
def test_a_new_right_is_learnt_over_the_ramp(compiled):
    draws = t.plain(4, ramp=np.array([[0.25, 0.5, 1.0, 1.0]]))
    options = t.one_option(is_new_right=True)
    lots = started(run(options, t.lots(), draws, compiled=compiled))
    left = 1 - np.concatenate([[0.0], np.cumsum(lots)[:-1]])
    rates = -np.log1p(-lots / left)
    np.testing.assert_allclose(rates / rates[-1], [0.25, 0.5, 1.0, 1.0])


def test_a_form_of_another_size_is_no_new_right_and_not_what_today_brings():
    today = t.together(t.one_option(actor=DEVELOPER), t.one_option())
    larger = t.one_option(actor=DEVELOPER, rent_usd=350_000.0)
    new = t.one_option(outcome=3, process=1)
    both = adapter.beside(t.together(larger, t.one_option(), new), today).ordered()
    told = zip(both.outcome, both.actor, both.rent_usd, both.status, both.is_new_right, both.is_today,
               strict=True)  # fmt: skip
    assert sorted(tuple(entry) for entry in told) == [
        (0, DEVELOPER, 300_000.0, 0, False, True),
        (0, DEVELOPER, 350_000.0, 2, False, False),
        (0, OWNER, 300_000.0, 2, False, True),
        (3, OWNER, 300_000.0, 2, True, False),
    ]


@BOTH
def test_like_forms_share_a_process_and_unlike_ones_add(compiled):
    pair = t.together(t.one_option(), t.one_option(outcome=1, process=0))
    rates = {
        theta: -np.log1p(
            -started(run(pair, t.lots(), t.plain(1, theta=np.array([theta])), compiled=compiled))[0]
        )
        for theta in (0.001, 1.0)
    }
    one = t.rate_of("adu", "owner", t.plain())
    assert rates[0.001] == pytest.approx(one, rel=1e-2)
    assert rates[1.0] == pytest.approx(2 * one)


@BOTH
def test_builders_let_only_what_yields_enough(compiled):
    short = t.one_option(actor=DEVELOPER, yield_ratio=0.99, land=2.0)
    enough = t.one_option(actor=DEVELOPER, yield_ratio=1.01, land=2.0)
    assert run(short, t.lots(), t.plain(), compiled=compiled).sums.sum() == 0
    assert run(enough, t.lots(), t.plain(), compiled=compiled).sums.sum() > 0


@BOTH
def test_a_purchase_adds_no_home_but_takes_the_lot(compiled):
    draws = t.plain()
    alone = run(t.one_option(), t.lots(), draws, compiled=compiled)
    options = with_investors(t.one_option(), has_home=np.array([True]))
    beside = run(options, t.lots(), draws, compiled=compiled)
    assert beside.expected("gross")[0, 0] < alone.expected("gross")[0, 0]
    assert beside.sums[0, 0, beside.measures.outcome_lots][-1] > 0
    assert beside.sums[0, 0, beside.measures.outcome_gross][-1] == 0


def test_the_compiled_kernel_and_its_twin_give_the_same_numbers():
    options, known, of = t.drawn(150, seed=3)
    options = with_investors(options, has_home=np.arange(150) % 3 > 0)
    options = dataclasses.replace(options, rate_group=np.arange(len(options.lot)) % 4)
    draws = draw_parameters(t.places(), n_draws=12)
    rate = np.random.default_rng(3).choice([0.0, 0.4, 1.0, 2.5], (12, 4))
    rate[:, 0] = 1.0
    draws = dataclasses.replace(draws, rate=rate)
    one, other = (uptake(options, known, draws, {"p": of}, compiled=way) for way in (True, False))
    np.testing.assert_allclose(one.sums, other.sums, rtol=1e-10, atol=1e-13)
    np.testing.assert_array_equal(one.projects, other.projects)
    assert one.sums.sum() > 0


def test_leaving_out_what_pays_nobody_changes_nothing(monkeypatch):
    options, known, _ = t.drawn(150, seed=4)
    draws = draw_parameters(t.places(), n_draws=12)
    assert starts.may_count(options, known, draws).mean() < 0.9
    short = run(options, known, draws)
    monkeypatch.setattr(module, "may_count", lambda *_: None)
    np.testing.assert_allclose(run(options, known, draws).sums, short.sums, rtol=1e-12)


def test_levels_are_sums_of_the_same_pieces():
    options, known, of = t.drawn(90, seed=5)
    half = pd.Series(np.where(np.arange(90) < 45, "north", "south"))
    result = uptake(options, known, draw_parameters(t.places(), n_draws=4), {"p": of, "half": half})
    gross = pd.Series(result.expected("gross")[2]).groupby(list(result.levels)).sum()
    assert gross["p"] == pytest.approx(gross["all"])
    assert gross["half"] == pytest.approx(gross["all"])


@BOTH
def test_small_places_keep_their_changes_by_process_and_nothing_else(compiled):
    """Held to a level of the same places, of which every sum is kept; more draws than a block holds."""
    options, known, of = t.drawn(60, seed=7)
    options, draws = (
        with_investors(options, has_home=np.ones(60, bool)),
        draw_parameters(t.places(), n_draws=70),
    )
    whole = uptake(options, known, draws, {"p": of}, compiled=compiled)
    brief = uptake(options, known, draws, {}, small=of, compiled=compiled)
    assert brief.levels == ("all",)
    assert list(brief.changes.names) == [
        n for n, at in zip(whole.names, whole.levels, strict=True) if at == "p"
    ]
    outcomes = {"convert": ["keep:convert"], "redevelop": ["new:house", "new:duplex", "new:triplex"],
                "adu": ["keep:house_adu"], "split": ["split:split"], "investor": ["none:investor_purchase"]}  # fmt: skip
    assert set(brief.changes.lots) == set(brief.changes.homes) == set(outcomes)
    at = np.array(whole.levels) == "p"
    for process, names in outcomes.items():
        codes = [whole.outcomes.index(name) for name in names]
        for found, part in (
            (brief.changes.lots, whole.measures.outcome_lots), (brief.changes.homes, whole.measures.outcome_gross)
        ):  # fmt: skip
            own = whole.sums[:, at, part][:, :, codes].sum(axis=2)
            np.testing.assert_allclose(found[process], own, rtol=1e-10, atol=1e-14)


def test_lots_without_a_value_are_left_out_and_counted():
    known = dataclasses.replace(t.lots(3), as_is_usd=np.array([4e5, np.nan, 4e5]))
    options = t.together(*(t.one_option(lot=lot) for lot in range(3)))
    result = run(options, known, t.plain())
    assert (result.lots, result.lots_unknown) == (2, 1)
    assert result.expected("gross")[0, 0] == pytest.approx(
        2 * run(t.one_option(), t.lots(), t.plain()).expected("gross")[0, 0]
    )


def test_the_land_share_is_told_only_where_the_assessor_parts_land_from_buildings():
    table = pd.DataFrame(
        {
            "is_built": pd.array([True, True, None, False, True], dtype="boolean"),
            "owner_occupied": pd.array([True, None, None, False, True], dtype="boolean"),
            "year_built": pd.array([1950, None, None, None, 1960], dtype="Int64"),
            "neighborhood": "Kirkwood",
            "appraised_value_usd": pd.array([400e3, 400e3, 0.0, 90e3, 100e3], dtype="Float64"),
            "appraised_improvement_usd": pd.array([300e3, None, 0.0, 0.0, 120e3], dtype="Float64"),
        }
    )
    worth = Worth(
        price_usd_per_ft2=np.ones(5), as_is_usd=np.array([1.0, 1.0, np.nan, 1.0, 1.0]), source="a test"
    )
    known, _ = lots_of(table, worth, year=2020)
    np.testing.assert_allclose(known.covariates[:, 0], [0.25, np.nan, np.nan, 1.0, np.nan])
    assert known.lacking == {"land_share": 2, "age": 2, "absentee": 1, "sold": 4, "discretion": 4}
    bare, _ = lots_of(table.drop(columns="appraised_improvement_usd"), worth, year=2020)
    assert bare.lacking["land_share"] == 4


def test_net_is_gross_less_what_is_torn_down():
    options, known, _ = t.drawn(200, seed=6)
    result = run(options, known, draw_parameters(t.places(), n_draws=50))
    table = told(result).query("area_level == 'all' and horizon_year == 10").set_index("uptake_measure")
    means = table["uptake_mean"]
    assert means["net"] == pytest.approx(means["gross"] - means["demolished"])
    assert means["demolished"] > 0
    parts = means[[name for name in means.index if name.startswith("gross by ")]]
    assert parts.sum() == pytest.approx(means["gross"])


def test_options_that_are_not_of_these_lots_are_refused_with_every_fault():
    wrong = dataclasses.replace(t.one_option(lot=4, rate_group=1), units_built=np.array([-1.0]))
    with pytest.raises(ValidationError) as fault:
        run(wrong, t.lots(), t.plain())
    assert len(fault.value.faults) == 3


@pytest.mark.parametrize(("draws", "years"), [(0, 10), (10, 0)])
def test_no_draw_or_no_year_is_refused(draws, years):
    with pytest.raises(UsageError):
        draw_parameters(t.places(), n_draws=draws, years=years)


def test_draws_of_the_beliefs_hit_their_points():
    draws = draw_parameters(t.places(), n_draws=20_000)
    prior = priors()["cost_level"]
    found = np.quantile(draws.cost, [0.1, 0.5, 0.9])
    np.testing.assert_allclose(found, [prior.low, prior.default, prior.high], rtol=0.01)


def test_the_luck_of_a_place_hangs_on_its_name():
    two = draw_parameters(Places.named(["a", "b"]), n_draws=5).price
    turned = draw_parameters(Places.named(["b", "a"]), n_draws=5).price
    np.testing.assert_array_equal(two, turned[:, ::-1])
    assert not np.allclose(luck(5, "a", 4), luck(5, "b", 4))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cite": None}, "has no cite"),
        ({"low": 0.009}, "in order"),
        ({"colour": "red"}, "unknown field colour"),
        ({"scale": "cubic"}, "log or linear"),
    ],
)
def test_a_belief_without_source_or_order_is_refused(change, words):
    prior = priors()["adu_rate"]
    fields = {name: getattr(prior, name) for name in prior.__dataclass_fields__ if name != "name"}
    fields = {name: value for name, value in {**fields, **change}.items() if value is not None}
    with pytest.raises(ValidationError, match=words):
        read_priors({"adu_rate": fields})


def test_poisson_quantiles_are_those_of_the_distribution():
    from scipy.stats import poisson as reference  # noqa: PLC0415

    mean, at = (part.ravel() for part in np.meshgrid([0.01, 0.7, 6.0, 90.0, 480.0], [0.02, 0.4, 0.9, 0.999]))
    np.testing.assert_array_equal(poisson(mean, at), reference.ppf(at, mean))
    large = poisson(np.array([4_000.0]), np.array([0.9]))
    assert large[0] == pytest.approx(reference.ppf(0.9, 4_000.0), abs=2)


def test_the_tornado_moves_one_belief_at_a_time_and_puts_the_widest_first():
    options, known, _ = t.drawn(200, seed=7)
    draws = tornado_parameters(t.places())
    bars = tornado(run(options, known, draws), draws, {"cost_level": "Costs"})
    widths = [abs(bar["high"] - bar["low"]) for bar in bars]
    assert widths == sorted(widths, reverse=True)
    costs = next(bar for bar in bars if bar["name"] == "cost_level")
    assert costs["low"] > costs["default"] > costs["high"]
    assert costs["label"] == "Costs"
    assert len(bars) == len(priors())


def test_small_areas_and_small_counts_are_hidden():
    options, known, _ = t.drawn(60, seed=8)
    of = pd.Series(["small"] * 3 + ["large"] * 57)
    result = uptake(options, known, draw_parameters(t.places(), n_draws=20), {"npu": of})
    table = module.hidden(told(result), result)
    small = table[table["area_name"] == "small"]
    assert small["is_hidden"].all()
    assert small[["uptake_p10", "uptake_p90", "uptake_mean"]].isna().all(axis=None)
    large = table[(table["area_name"] == "large") & (table["uptake_measure"] == "gross")]
    assert large["uptake_p90"].notna().all()


def test_every_choice_of_uptake_has_unit_and_citation():
    from densitymap import params  # noqa: PLC0415

    for name in ("choices", "permits"):
        for key, part in params.load("uptake", name).items():
            if isinstance(part, dict) and "value" in part:
                assert part["unit"], key
                assert part["cite"], key
    assert choice("n_draws") >= 1_000
