"""What a metro's own tracts lead one to expect: learnt before 2000, in one metro, never from outcomes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from densitymap import params
from densitymap.displacement.backtest_document import document
from densitymap.displacement.features import LEVELS, expected_change, features, regressed, unexplained_share

SIDE = 15
RULES = {"penalty": {"value": 0.0}, "tail": {"value": 0.0}}


@pytest.fixture(scope="module")
def choices():
    return params.load("models", "backtest")


@pytest.fixture
def metro():
    """225 tracts on a grid; from 1990 to 2000 low-income households fell where rents were high."""
    draw = np.random.default_rng(4)
    n = SIDE**2
    rent_90, rent_00 = draw.uniform(500, 1500, n), draw.uniform(500, 1500, n)
    table = {f"{what}_{year}": draw.uniform(0.1, 0.9, n) for what in LEVELS for year in ("90", "00")}
    table |= {"mrent_90": rent_90, "mrent_00": rent_00}
    hh = np.full(n, 1000.0)
    table |= {"hh_90": hh, "hh_00": hh, "pop_90": 2.5 * hh, "pop_00": 2.5 * hh, "li_90": 0.4 * hh}
    table["li_00"] = table["li_90"] * np.exp(-(rent_90 - 1000) / 1000)
    late = ("mrent_12", "mhval_12", "iinc_12", "per_limove_12", "movers_12", "li_e", "per_li_e")
    table |= {name: draw.uniform(0.1, 0.9, n) for name in late}
    place = np.arange(n)
    table |= {"lat": 33 + place // SIDE / 100, "lon": -84 + place % SIDE / 100, "area": np.ones(n)}
    return pd.DataFrame(table).assign(dcbd=lambda frame: (frame["lat"] - 33) * 111, city="Grid")


def test_the_law_of_the_nineties_is_asked_of_what_2000_was(metro, choices):
    expected = expected_change(metro, choices)["log_growth_low_income_expected"]
    assert np.corrcoef(expected, metro["mrent_00"])[0, 1] < -0.95
    assert abs(np.corrcoef(expected, metro["mrent_90"])[0, 1]) < 0.3


def test_a_forecast_sees_nothing_after_2000_and_no_feature_sees_the_end(metro, choices):
    shuffled = metro.copy()
    for name in [name for name in metro if name.endswith(("_12", "_e"))]:
        shuffled[name] = metro[name].to_numpy()[::-1]
    seen = [features(frame, with_2012=False, choices=choices) for frame in (metro, shuffled)]
    pd.testing.assert_frame_equal(*seen)
    blind = metro.assign(li_e=np.nan, per_li_e=np.nan)
    nowcasts = [features(frame, with_2012=True, choices=choices) for frame in (metro, blind)]
    pd.testing.assert_frame_equal(*nowcasts)


def test_a_share_that_stands_out_among_its_likes_is_unexplained(metro, choices):
    bumped = metro.assign(per_li_00=0.3 + 0.0002 * (1500 - metro["mrent_00"]))
    bumped.loc[112, "per_li_00"] += 0.4
    beyond = unexplained_share(bumped, choices)["per_li_00_unexplained"]
    assert beyond.idxmax() == 112
    assert beyond.drop(112).abs().max() < beyond[112] / 2


def test_unknown_places_and_values_are_not_made_up(metro, choices):
    holes = metro.copy()
    holes.loc[0, ["lat", "lon"]] = np.nan
    holes.loc[1, "li_90"] = np.nan
    holes.loc[2, [f"{what}_00" for what in (*LEVELS, "hh", "pop", "li")]] = np.nan
    table = features(holes, with_2012=False, choices=choices)
    near = [name for name in table if name.endswith(("_near", "_wide"))]
    assert table.loc[0, near].isna().all()
    assert table.loc[[0, 1], "log_growth_low_income_expected"].notna().all()
    assert np.isnan(table.loc[2, "per_li_00_unexplained"])


def test_nothing_is_expected_where_nothing_was_seen():
    known = pd.DataFrame({"x": [0.0, 1.0, 2.0]})
    told = regressed(known, np.array([np.nan, 3.0, np.nan]), known, RULES)
    assert np.isnan(told).all()
    assert regressed(known, np.array([1.0, 3.0, np.nan]), known, RULES) == pytest.approx([1.0, 3.0, 5.0])


def test_tails_are_cut_and_a_penalty_draws_to_the_mean():
    known = pd.DataFrame({"x": np.linspace(-1, 1, 101)})
    wild = known["x"].to_numpy().copy()
    wild[-1] = 1000.0
    cut = regressed(known, wild, known, RULES | {"tail": {"value": 0.02}})
    assert abs(cut[-1]) < 1.1
    drawn = regressed(known, known["x"].to_numpy(), known, RULES | {"penalty": {"value": 1e9}})
    assert drawn == pytest.approx(np.zeros(101), abs=1e-6)


def test_the_page_sets_the_bar_beside_what_the_metro_itself_can_teach():
    score = {"auc": 0.75, "auc_ci": [0.7, 0.8], "ap": 0.5, "brier_skill": 0.1, "ece": 0.03}
    better = score | {"auc": 0.77}
    paired = {"near_downtown": {"difference": 0.1, "ci": [0.05, 0.2]}}
    outcome = {name: {"logit": score, "gbm": better} for name in ("F00", "F12")}
    outcome["paired"] = {name: {"logit": paired, "gbm": paired} for name in ("F00", "F12")}
    outcome |= {"baselines": {}, "inner_10km": {"base_rate": None, "n": 0, "reads": "-"}}
    outcome |= {"base_rate": 0.3, "n": 9}
    result = {"test": "Grid", "trained_on": ["Else"], "tracts_tested": 9, "tracts_trained_on": 9}
    result |= {"without_coordinates": 0, "outcomes": {"li_fell": outcome}}
    inside = {
        "blocks": 12,
        "alone": {"logit": 0.744, "gbm": 0.747},
        "with_others": {"logit": 0.752, "gbm": 0.759},
    }
    page = document([result], [inside])
    assert "Bar of AUC 0.77 for `li_fell` on F12: logit misses it (0.750) and gbm clears it (0.770)" in page
    assert "12 blocks of tracts held out in turn, the same models reach logit 0.744, gbm 0.747" in page
