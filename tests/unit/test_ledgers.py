"""Ledgers on small drawn lots, answers by hand; they cannot be added; nothing of one lot is told."""

from __future__ import annotations

import json
import operator

import numpy as np
import pandas as pd
import pytest

from densitymap.feasibility.sums import Changes
from densitymap.scenarios.beliefs import drawn
from densitymap.scenarios.break_even import NOT_NEEDED, UNDEFINED, Relief, break_even
from densitymap.scenarios.direct import MAY_BE_LET, OWNED, VACANT, direct, lot_classes
from densitymap.scenarios.ledger import NAMES, Ledger, count_band, moved, sign, told
from densitymap.scenarios.ledger_words import ledger_lines, sign_lines
from densitymap.scenarios.market import avoided, moves_avoided_per_home
from densitymap.scenarios.tenure import cells_of, let_homes, low_income_cut
from ledger_lots import POINT, SEED, SIZE, income_table, lots, tenure_table


def test_homes_are_sorted_by_what_tells_who_may_live_there():
    cells = cells_of(lots())
    assert cells.code[2] == -1  # nothing stands
    named = cells.table.iloc[cells.code[[0, 1, 3]]]
    assert named["structure"].tolist() == ["1", "2", "unknown"]
    assert named["is_home_address"].tolist() == ["yes", "no", "unknown"]
    assert cells.table["lots"].sum() == 3
    more = cells_of(lots(existing_units=pd.array([1, 8, 0, 1], dtype="Int64")))
    assert more.code[1] == -1  # more than four homes: not this ledger's


def test_an_address_is_weighed_by_its_error_rate_and_proves_nothing():
    cells = cells_of(lots())
    let = let_homes(cells, tenure_table(), income_table(), POINT, low_income_usd=50_000.0, seed=SEED)
    by_lot = let.renters[0][cells.code[[0, 1, 3]]]
    lives = 0.6 * 0.85 / (0.6 * 0.85 + 0.4 * 0.05)  # one home, the bill comes home
    assert by_lot[0] == pytest.approx(1 - lives)
    assert 0 < by_lot[0] < 0.4
    prior = 1.0  # two homes at 60 % owners: an owner is expected on the lot
    assert by_lot[1] == pytest.approx(prior * 0.5)
    assert by_lot[2] == pytest.approx(0.4)  # no evidence: the tract's share for such structures
    assert let.low_income[0][cells.code[3]] == pytest.approx(0.4 * 0.75)  # 30 of 40 renters under 50,000


def test_absent_tables_give_a_flat_wide_prior_that_says_so():
    cells, values = cells_of(lots()), drawn(SIZE, SEED)
    let = let_homes(cells, None, None, values, low_income_usd=float("nan"), seed=SEED)
    assert all("flat wide prior" in line for line in let.sources)
    spread = np.quantile(let.renters[:, cells.code[3]], [0.1, 0.9])
    assert spread[1] - spread[0] > 0.4


def test_low_income_is_a_share_of_the_loaded_tracts_median():
    tracts = pd.DataFrame({"median_household_income_usd": [50_000.0, np.nan, 70_000.0, 90_000.0]})
    assert low_income_cut(tracts) == pytest.approx(56_000.0)
    assert np.isnan(low_income_cut(None))


def changes_of(**lots_by_process):
    """A run in which every draw changes the same lots: by process, and cell."""
    lots_by_process = {name: np.tile(row, (SIZE, 1)) for name, row in lots_by_process.items()}
    return Changes(names=("0", "1", "2"), lots=lots_by_process, homes={})


def test_direct_counts_who_must_go_by_kind_of_change():
    cells = cells_of(lots())
    let = let_homes(cells, tenure_table(), income_table(), POINT, low_income_usd=50_000.0, seed=SEED)
    still = POINT | {"tenure_hazard_log_odds": np.zeros(SIZE)}
    one = np.arange(3) == cells.code[3]
    changes = changes_of(redevelop=2.0 * one, adu=5.0 * one, convert=0.0 * one, investor=1.0 * one)
    found = direct(changes, cells, let, still)
    poor = 0.4 * 0.75
    assert found.by_process["redevelop"][0] == pytest.approx(2 * poor * 1.0)
    assert "adu" not in found.by_process  # the house stays, nobody goes
    assert found.by_process["investor"][0] == pytest.approx(poor * 0.4)
    assert found.total[0] == pytest.approx(2 * poor + 0.4 * poor)
    assert found.owners_sell[0] == pytest.approx((2 + 1) * 0.6)  # torn down or bought; no part of the whole
    assert found.by_neighborhood["Edgewood"][0] == pytest.approx(found.total[0])
    assert found.by_class[MAY_BE_LET][0] == pytest.approx(found.total[0])
    kept = np.full((SIZE, 3), 0.25)
    less = direct(changes, cells, let, still, kept)
    assert less.by_process["redevelop"][0] == pytest.approx(0.75 * 2 * poor)
    assert less.by_process["investor"][0] == found.by_process["investor"][0]  # a flip is no redevelopment
    assert less.total[0] == pytest.approx(0.75 * 2 * poor + 0.4 * poor)
    lower = direct(changes, cells, let, still | {"tenure_hazard_log_odds": np.ones(SIZE)})
    assert lower.total[0] > found.total[0]


def test_the_share_of_the_stock_that_is_displaced_hangs_on_no_size_of_area():
    """A city of ten such districts: ten times the homes and the households, and ten times the moves avoided."""
    net, gone, here = (np.full(SIZE, value) for value in (50.0, 300.0, 3_000.0))
    district, city = (avoided(POINT, n * net, n * gone, n * here) for n in (1, 10))
    per_home = moves_avoided_per_home(POINT)
    for name in ("local", "adverse"):
        assert city[name] == pytest.approx(10 * district[name])
        assert district[name] == pytest.approx(per_home[name] * net * 0.9)


def test_classes_speak_of_lots_and_addresses():
    assert lot_classes(lots()).tolist() == [OWNED, MAY_BE_LET, VACANT, MAY_BE_LET]


@pytest.mark.parametrize("add", [operator.add, operator.iadd, lambda a, b: sum([a, b])])
def test_ledgers_cannot_be_added(add):
    one, other = (Ledger(name=name, level=np.ones(3)) for name in ("direct", "market"))
    with pytest.raises(TypeError, match="never added"):
        add(one, other)
    with pytest.raises(TypeError, match="never added"):
        _ = 1 + one


def test_a_ledger_that_lacks_something_says_what():
    ledger = told(Ledger(name="owner_stress", needs=("the city levy: rate_mills unread",)))
    assert ledger["computable"] is False
    assert ledger["needs"] == ["the city levy: rate_mills unread"]
    assert "difference" not in ledger
    assert {"unit", "horizon_years", "population"} <= set(ledger)


def test_small_counts_are_words_and_signs_need_a_band():
    assert count_band(np.full(10, 4.4)) == "fewer than 5"
    assert count_band(np.full(10, 40.4))["p50"] == 40
    assert sign(np.array([-1.0, 0.5, 2.0])) == "unclear"
    assert sign(np.array([-3.0, -2.0, -1.0])) == "-"


@pytest.mark.parametrize(
    ("draws", "told_as"),
    [
        ([1, 21, 93], {"p5": "fewer than 5", "p50": 21.0, "p95": 86.0}),
        ([-93, -21, -1], {"p5": -86.0, "p50": -21.0, "p95": "fewer than 5"}),
        ([-0.2, 0.4, 0.9], dict.fromkeys(("p5", "p50", "p95"), "fewer than 5")),
        ([0, 0, 0], dict.fromkeys(("p5", "p50", "p95"), 0.0)),
    ],
)
def test_no_end_of_any_band_of_households_tells_of_fewer_than_five(draws, told_as):
    """One rule for levels, differences and classes (issue 9 item 4)."""
    values = np.array(draws, dtype=float)
    assert moved(values) == told_as
    assert break_even(values, np.full(3, 50.0))["delta_direct"] == told_as
    ledger = told(Ledger(name="direct", level=values, difference={"": values}))
    lower = pytest.approx(np.mean(values < 0), abs=1e-3)
    assert ledger["difference"] == told_as | {"sign": sign(values), "share_of_runs_lower": lower}
    assert ledger["level"] in (told_as, "fewer than 5")
    lines = " ".join(ledger_lines(answered(ledger)))
    assert not set(lines.replace("[", " ").split()) & {"0.4", "1", "-1", "-0.2"}


DEMAND = {
    "homes_wanted_and_not_built_in_the_region": dict.fromkeys(("p5", "p50", "p95"), 60_000),
    "low_income_moves_by_rents": dict.fromkeys(("p5", "p50", "p95"), 1_000),
    "cumulation": "ten years",
}


def answered(ledger):
    """A record of one computable ledger, as a terminal tells it."""
    absent = {
        "letter": "T",
        "title": "t",
        "unit": "u",
        "population": "p",
        "computable": False,
        "needs": ["x"],
    }
    kept = dict.fromkeys(NAMES, absent) | {"direct": ledger, "note": "", "programme_costs_usd": {}}
    kept["protections_priced"] = {}
    kept |= {"demand": DEMAND, "who_lives_where": {"sources": ["a table"], "low_income_below_usd": 50_000}}
    kept["market"] = absent | {"channels": {"local": {"extrapolation": "seen on large buildings"}}}
    return {"ledgers": kept, "rho_star": None}


def test_signs_stand_first_even_where_no_ledger_can_be_computed():
    plain = {"ledgers": None, "not_computable": ["ledgers, rho_star: needs homes", "pays: needs costs"]}
    said = [
        *sign_lines(
            [plain | {"name": "no-change", "difference": None}, plain | {"name": "a", "difference": {}}]
        )
    ]
    assert said[0].startswith("a, against no change: direct D, market I, owners T, exclusion E")
    assert [line.split(": ")[0] for line in said[1:4]] == [
        f"  given the {channel} channel" for channel in ("regional", "local", "adverse")
    ]
    assert all(line.count("not computable") == 4 for line in said[1:4])
    assert said[4:] == ["  not computable: needs homes"]


def test_break_even_is_a_set_of_draws_and_not_a_mean_of_ratios():
    generator = np.random.default_rng(1)
    net = generator.uniform(5, 50, 2_000)
    direct_more = np.full(2_000, 2.0)
    per_home = {"regional": np.full(2_000, 0.05), "local": np.full(2_000, 1.0)}
    relief = {name: Relief(avoided=value * net, per_home=value) for name, value in per_home.items()}
    found = break_even(direct_more, net, relief)
    assert found["rho_star"]["p50"] == pytest.approx(2.0 / np.median(net), rel=0.02)
    assert found["channels"]["local"]["share_of_runs_better"] == 1.0
    assert found["channels"]["regional"]["share_of_runs_better"] == pytest.approx(np.mean(net > 40), abs=1e-3)
    none = break_even(direct_more, net - 25, relief)
    assert none["status"] == UNDEFINED
    assert none["channels"] == found["channels"]  # what each channel says hangs on no ratio
    assert break_even(-direct_more, net)["status"] == NOT_NEEDED
    assert break_even(-direct_more, net)["rho_star"] is None
    assert break_even(direct_more, -net)["status"].startswith(UNDEFINED)
    assert "takes homes away" in break_even(direct_more, -net)["status"]


def test_runs_that_displace_nobody_more_need_no_break_even():
    direct_more = np.repeat([-1.0, 3.0], 500)
    found = break_even(direct_more, np.full(1_000, 10.0))
    assert found["share_of_runs_needing_none"] == 0.5
    assert found["rho_star"] == {"p5": -0.1, "p50": 0.1, "p95": 0.3}
    assert break_even(np.full(3, 2.0), np.full(3, 10.0))["share_of_runs_needing_none"] == 0.0


def test_a_band_that_reads_as_touching_zero_has_no_break_even():
    net = np.linspace(0.01, 9.0, 401) ** 2 / 9.0
    told = break_even(np.ones(401), net)
    assert told["delta_net_homes"]["p5"] == 0.0
    assert (told["status"], told["rho_star"]) == (UNDEFINED, None)


def test_a_total_over_ledgers_is_in_no_document(sample_ledgers):
    text = json.dumps(sample_ledgers).casefold()
    for word in ("d+i", "total_displacement", "all_ledgers", "displaced_in_all", "sum_of_ledgers"):
        assert word not in text


@pytest.fixture
def sample_ledgers():
    return told(Ledger(name="direct", level=np.arange(100.0)))
