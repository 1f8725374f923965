"""The fit recovers what was drawn, shrinks to its priors, and tells what happened here."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import uptake_lots as t
from densitymap.feasibility import calibrate, evidence, local
from densitymap.feasibility.calibrate import (
    FITTED,
    SLOPES,
    exposure,
    fit,
    posterior,
    side_by_side,
    unexplained,
)
from densitymap.feasibility.draws import Places
from densitymap.feasibility.priors import priors, with_posterior
from densitymap.feasibility.uptake import uptake

NONE = dict.fromkeys(FITTED, 0)


def many(n: int = 4_000, seed: int = 1):
    rng = np.random.default_rng(seed)
    options = t.together(*(t.one_option(lot=lot, process=k, outcome=0) for lot in range(2) for k in (0, 1)))
    wide = {name: np.tile(getattr(options, name), n // 2) for name in calibrate.Options.__dataclass_fields__
            if name != "outcomes"}  # fmt: skip
    wide["lot"] = np.repeat(np.arange(n), 2)
    known = t.lots(n)
    known.covariates[:, 2] = rng.integers(0, 2, n)
    return calibrate.Options(outcomes=t.OUTCOMES, **wide), known


def yearly_rates(known, process):
    """Yearly rate of a process on each lot by the priors' defaults; 0 where nothing pays."""
    place = calibrate.PROCESSES.index(process)
    slopes = np.array([priors()[name].default for name in SLOPES])
    design = np.column_stack([known.value[:, place], known.covariates])
    return np.exp(calibrate._prior_log_rates()[place] + known.offset[:, place] + design @ slopes)


def permits_of(rates: np.ndarray, years: float, seed: int) -> np.ndarray:
    return np.flatnonzero(np.random.default_rng(seed).random(len(rates)) < 1 - np.exp(-rates * years))


def test_exposure_gives_the_rates_the_draws_use():
    options, known, _ = t.drawn(120, seed=9)
    draws = t.default_parameters(t.places(), years=1)
    open_now = calibrate.Options(
        **{name: getattr(options, name) for name in options.__dataclass_fields__ if name != "is_new_right"},
        is_new_right=np.zeros(len(options.lot), bool),
    )
    result = uptake(open_now, known, draws, {"lot": pd.Series([f"{k:03d}" for k in range(120)])})
    single = [at for at, level in enumerate(result.levels) if level == "lot"]
    kernel = -np.log1p(-result.sums[0, single, 0])
    ours = exposure(open_now, known, t.places())
    summed = sum(yearly_rates(ours, name) for name in FITTED)
    np.testing.assert_allclose(kernel, summed, rtol=1e-6)


def test_many_permits_outweigh_the_prior_and_give_the_rate_back():
    options, known = many()
    seen = exposure(options, known, Places.named(["a"]))
    true = 4 * yearly_rates(seen, "adu")
    lots = permits_of(true, 6.0, seed=3)
    found = fit(seen, lots, np.zeros(len(lots), np.int64), counts={**NONE, "adu": len(lots)}, years=6.0)
    before = dict(zip(calibrate.PROCESSES, calibrate._prior_log_rates(), strict=True))
    assert found.mode["log adu"] - before["adu"] == pytest.approx(np.log(4), abs=0.2)
    told = posterior(found)
    assert told["adu_rate"]["low"] < 4 * priors()["adu_rate"].default < told["adu_rate"]["high"]
    wide = priors()["adu_rate"]
    assert told["adu_rate"]["high"] / told["adu_rate"]["low"] < wide.high / wide.low


def test_a_slope_is_found_where_permits_show_it():
    options, known = many()
    seen = exposure(options, known, Places.named(["a"]))
    absentee = known.covariates[:, 2]
    rates = 5 * yearly_rates(seen, "adu") * np.exp(1.0 * absentee - 0.3 * absentee)
    lots = permits_of(rates, 6.0, seed=4)
    found = fit(seen, lots, np.zeros(len(lots), np.int64), counts={**NONE, "adu": len(lots)}, years=6.0)
    assert 0.55 < found.mode["absentee_slope"] < 1.2


def test_without_years_the_priors_stand():
    options, known = many(200)
    seen = exposure(options, known, Places.named(["a"]))
    none = np.array([], np.int64)
    found = fit(seen, none, none, counts=NONE, years=0.0)
    told = posterior(found)
    for name in ("adu_rate", "redevelop_rate", "absentee_slope"):
        assert told[name]["default"] == pytest.approx(priors()[name].default)


def test_no_permit_in_many_lot_years_lowers_the_rate_but_not_to_nothing():
    options, known = many()
    seen = exposure(options, known, Places.named(["a"]))
    none = np.array([], np.int64)
    told = posterior(fit(seen, none, none, counts=NONE, years=6.0))
    assert 0 < told["adu_rate"]["default"] < 0.7 * priors()["adu_rate"].default
    assert told["split_rate"]["default"] == pytest.approx(priors()["split_rate"].default)


def test_permits_where_it_does_not_pay_count_for_the_rate_alone():
    options, known = many(400)
    known = calibrate.Lots(as_is_usd=np.where(np.arange(400) < 200, 4e5, np.nan), area=known.area,
                           covariates=known.covariates)  # fmt: skip
    seen = exposure(options, known, Places.named(["a"]))
    closed = np.full(30, 399)
    found = fit(seen, closed, np.zeros(30, np.int64), counts={**NONE, "adu": 30}, years=6.0)
    assert posterior(found)["adu_rate"]["default"] > priors()["adu_rate"].default
    assert found.mode["absentee_slope"] == pytest.approx(priors()["absentee_slope"].default, abs=0.1)


def test_permits_beyond_any_belief_leave_the_prior_and_are_named():
    options, known = many(400)
    known = calibrate.Lots(as_is_usd=np.where(np.arange(400) < 4, 4e5, np.nan), area=known.area,
                           covariates=known.covariates)  # fmt: skip
    seen = exposure(options, known, Places.named(["a"]))
    found = fit(seen, np.full(300, 399), np.zeros(300, np.int64), counts={**NONE, "adu": 300}, years=6.0)
    assert "adu_rate" not in posterior(found)
    (told,) = unexplained(found)
    assert "300 permits" in told
    assert "the prior stands" in told
    within = fit(seen, np.array([1]), np.zeros(1, np.int64), counts={**NONE, "adu": 1}, years=6.0)
    assert unexplained(within) == []
    low, high = priors()["adu_rate"].bounds
    assert all(low <= point <= high for point in posterior(within)["adu_rate"].values())


def test_a_posterior_takes_the_priors_place_in_the_draws():
    after = with_posterior({"adu_rate": {"low": 0.01, "default": 0.02, "high": 0.03}})
    assert after["adu_rate"].default == 0.02
    assert after["split_rate"] == priors()["split_rate"]
    assert [row["posterior"] for row in side_by_side({})] == [row["prior"] for row in side_by_side({})]


def test_homes_that_stand_are_shares_of_the_lots_whose_homes_are_known():
    lots = pd.DataFrame(
        {"zone_district": ["R-5"] * 5 + ["R-4"] * 3, "existing_units": [2, 1, 3, 0, None, 1, 1, None]}
    ).astype({"existing_units": "Int64"})
    found = local.homes_standing(lots)
    assert found["districts"]["R-5"] == {"lots": 5, "known": 3, "two_or_more_share": pytest.approx(2 / 3)}
    assert found["districts"]["R-4"]["two_or_more_share"] == 0
    assert found["districts"]["R-4A"]["two_or_more_share"] is None
    assert "67% of 3 R-5 lots" in local.sentence(found, None)
    assert local.NO_PERMITS in local.sentence(found, None)


def test_unknown_homes_are_not_computable():
    lots = pd.DataFrame({"zone_district": ["R-5"], "existing_units": pd.array([pd.NA], "Int64")})
    found = local.homes_standing(lots)
    assert not found["computable"]
    assert found["needs"]
    assert "not known" in local.sentence(found, None)


def counted(dates: list[str], kinds: list[str], district: str = "R-5", **known) -> dict:
    permits = pd.DataFrame({"kind": kinds, "date": pd.to_datetime(dates)})
    rows = local.before_and_after(permits, pd.Series([district] * len(dates)), **known)
    return {(row["zone_district"], row["kind"]): row for row in rows}


def test_permits_are_counted_before_and_after_the_law():
    dates = pd.to_datetime(["2015-01-01", "2016-06-01", "2018-01-01", "2020-01-01", "2023-01-01"])
    permits = pd.DataFrame({"kind": ["adu", "duplex", "adu", "adu", "other"], "date": dates})
    district = pd.Series(["R-5", "R-5", "R-5", "R-4", "R-5"])
    rows = {(row["zone_district"], row["kind"]): row for row in local.before_and_after(permits, district)}
    r5 = rows["R-5", "adu"]
    assert (r5["permits_before"], r5["permits_after"]) == (1, 1)
    assert r5["per_year_after"] == pytest.approx(1 / 6, abs=1e-3)
    assert r5["per_year_before"] == pytest.approx(1 / 2, abs=1e-3)
    assert rows["R-5", "duplex"]["permits_before"] == 1
    assert rows["R-4", "adu"]["permits_after"] == 1
    assert rows["R-4", "adu"]["years_before"] == pytest.approx(4, abs=0.01)
    assert all(row["note"] is None for row in rows.values())


def test_years_the_permits_say_nothing_of_are_not_years_without_permits():
    """Eight permits in a file of five years are 1.6 a year, whenever the law was changed before it."""
    dates = ["2019-03-01", *["2021-06-01"] * 6, "2024-03-10"]
    rows = counted(dates, ["adu"] * 8)
    found = rows["R-5", "adu"]
    assert found["years_after"] == pytest.approx(5.03, abs=0.005)
    assert found["per_year_after"] == pytest.approx(1.59, abs=0.005)
    assert (found["first_day"], found["last_day"]) == ("2019-03-01", "2024-03-10")
    assert found["years_before"] == 0
    assert found["per_year_before"] is found["permits_before"] is None
    assert "start 2019-03-01: they cannot tell what was before 2017" in found["note"]
    said = local.sentence({"computable": False}, list(rows.values()))
    assert "1.59 from 2019-03-01 (8 in 5.0 years" in said
    assert "before 2017 (0" not in said
    assert "cannot tell what was before 2017" in said
    assert "duplexes" in said


def test_permits_that_end_before_the_law_cannot_tell_what_came_of_it():
    found = counted(["2014-01-01", "2016-06-30"], ["duplex", "adu"])["R-5", "adu"]
    assert found["per_year_after"] is found["permits_after"] is None
    assert found["per_year_before"] == pytest.approx(1 / 2.5, abs=1e-3)
    assert "cannot tell what came since 2017" in found["note"]


def test_the_model_stands_beside_both_kinds_and_expects_nothing_the_law_refused():
    expected = {"adu": {"R-5": 3.4, "R-4": 1.0}, "duplex": {"R-5": 0.8, "R-4": 0.0}}
    rows = counted(["2015-01-01", "2024-03-10"], ["adu", "duplex"], modelled=expected)
    adu, duplex = rows["R-5", "adu"], rows["R-5", "duplex"]
    assert (adu["modelled_per_year_before"], adu["modelled_per_year"]) == (0, 3.4)
    assert (duplex["modelled_per_year_before"], duplex["modelled_per_year"]) == (0.8, 0.8)
    assert rows["R-4A", "adu"]["modelled_per_year"] is None
    said = local.sentence({"computable": False}, list(rows.values()))
    assert "model 3.4" in said
    assert "model 0.8" in said
    assert "model no figure" in said


def test_the_model_tells_accessory_homes_and_duplexes_by_district():
    """Twice the lots are twice the permits; a kind without an option is 0; both ways to the rate agree."""
    options, known = many(400)
    names = ("keep:house_adu", "new:duplex", "new:duplex_adu", "new:house", "none:investor_purchase")
    options = calibrate.Options(
        **{
            name: getattr(options, name)
            for name in options.__dataclass_fields__
            if name not in ("outcomes", "outcome")
        },
        outcome=np.where(options.process == 0, 0, np.where(options.lot < 200, 1, 3)),
        outcomes=names,
    )
    district = pd.Series(np.where(np.arange(400) < 200, "R-5", "R-4"))
    found = local.modelled(options, known, Places.named(["a"]), district)
    assert found["duplex"]["R-5"] > 0 == found["duplex"]["R-4"]
    assert found["adu"]["R-4A"] == 0
    seen = exposure(options, known, Places.named(["a"]))
    by_rate = yearly_rates(seen, "adu")[(district == "R-5").to_numpy()].sum()
    assert found["adu"]["R-5"] == pytest.approx(by_rate, rel=0.1)
    twice = local.modelled(options, known, Places.named(["a"]), pd.Series(["R-5"] * 400))
    assert twice["adu"]["R-5"] == pytest.approx(found["adu"]["R-5"] + found["adu"]["R-4"])


def test_a_city_left_out_does_not_speak_for_itself():
    table = evidence.observations()
    before = evidence.leave_out("Portland")
    changed = table.assign(rate=table["rate"].where(table["city"] != "Portland", 0.5))
    after = evidence.leave_out("Portland", table=changed)
    assert after[0]["naive"] == before[0]["naive"]
    assert after[0]["model"] == before[0]["model"]
    assert after[0]["observed"] == 0.5


def test_the_intervals_hold_more_often_than_the_pooled_rate_and_are_wider():
    rows = evidence.leave_one_out()
    assert {row["city"] for row in rows} == {"Portland", "Minneapolis", "Austin", "Seattle"}
    inside = {name: sum(row[name].holds(row["observed"]) for row in rows) for name in ("model", "naive")}
    assert inside["model"] >= 0.8 * len(rows)
    assert inside["model"] > inside["naive"]
    assert all(row["model"].width > row["naive"].width for row in rows)


def _row(city: str, observed: float, low: float, high: float) -> dict:
    return {"city": city, "title": "rows", "observed": observed,
            "model": evidence.Interval(low=low, middle=(low + high) / 2, high=high)}  # fmt: skip


def test_the_summary_says_what_its_coverage_rests_on():
    """Widths by city, rows that are one city left out, and which way a miss went: by rule, for any rows."""
    rows = [_row("A", 0.01, 0.001, 0.05), _row("B", 0.01, 0.02, 0.06), _row("C", 0.09, 0.02, 0.04),
            _row("D", 0.01, 0.005, 0.05), _row("D", 0.01, 0.005, 0.06)]  # fmt: skip
    said = evidence.summary(rows, "model")
    assert said.startswith(
        "Model: 3 of 5 rows inside, 2 of 4 cities left out (2 rows are of D, left out once)."
    )
    assert "Width: median 10.0 x (A 50.0 x, B 3.0 x, C 2.0 x, D 10.0 to 12.0 x)." in said
    assert "B (rows): over-predicted, observed 1.000%, interval from 2.000%" in said
    assert "C (rows): under-predicted, observed 9.000%, interval to 4.000%" in said
    assert "Outside: none." in evidence.summary(rows[:1], "model")
    assert "left out once" not in evidence.summary(rows[:3], "model")


def test_the_document_says_that_seattle_is_one_city_and_minneapolis_was_over_predicted():
    lines = evidence.document().splitlines()
    (model,) = [line for line in lines if line.startswith("Model: ")]
    assert "2 rows are of Seattle, left out once" in model
    assert "Minneapolis (Duplexes and triplexes, 2.6 years): over-predicted" in model
    widths = [row["model"].width for row in evidence.leave_one_out()]
    assert f"median {np.median(widths):.1f} x" in model
    assert f"Seattle {min(widths[-2:]):.1f} to {max(widths[-2:]):.1f} x" in model


def test_the_pace_of_the_first_years_follows_the_ramp():
    found = evidence.pace(np.array([0.0, 0.0]), np.array([2.6, 1.0]), ramp_years=3.0)
    assert found[0] == pytest.approx((1 / 3 + 2 / 3 + 0.6) / 2.6)
    assert found[1] == pytest.approx(1 / 3)
