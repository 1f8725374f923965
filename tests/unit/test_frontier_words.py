"""A frontier in words: what opens the answer, what stands in one line, what is said of the budget."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from densitymap.scenarios.frontier_score import Table, against_budget, groups, scored
from densitymap.scenarios.frontier_words import lines
from densitymap.scenarios.place_sums import Sums

BAND = {"mean": 1.0, "p5": 0.0, "p50": 1.0, "p95": 2.0}
DIRECT = BAND | {"sign": "+"}


def point(number, *, is_nothing=False, over=False, runs_over=None, chosen=None):
    scored = {"net_homes": BAND, "direct": DIRECT, "programme_cost_usd": BAND | {"mean": 100 * number}}
    return {
        "point": number, "chosen": {"A": "p"} if chosen is None else chosen, "promised": scored, "scored": scored,
        "over_budget": over, "share_of_runs_over_budget": runs_over, "ties_with_no_change": is_nothing,
        "programme_cost_usd_per_direct_move_avoided": "undefined", "market": {"sign": "-"},
        "programme_cost_usd_per_market_move_avoided": "undefined", "exclusion": {"sign": "unclear"},
        "share_of_runs_better": number / 10, "scenario": f"frontier-neighborhood-{number:02d}",
    }  # fmt: skip


def told(points, groups):
    return {
        "channels": {"regional": points}, "groups": groups, "baselines": {}, "protections_priced": {},
        "left_out": [], "fell_behind": 0, "lots_in_no_place": 0, "notes": [],
    }  # fmt: skip


def after_signs(document):
    """Lines after the table of signs: its head, and one line a channel."""
    return lines(document)[1 + len(document["channels"]) :]


def test_signs_by_channel_stand_first():
    points = [point(n) for n in (1, 2, 3)]
    points[0] |= {"scored": points[0]["scored"] | {"direct": BAND | {"sign": "-"}}}
    document = told(points, [[1, 2, 3]])
    document["channels"]["local"] = points
    said = lines(document)
    assert said[2].startswith("  given the local channel (extrapolated): D - at point 1")
    assert said[0].startswith("Against no change: direct D, market I, exclusion E")
    assert said[1] == "  given the regional channel: D - at point 1, + at points 2 to 3; I -; E unclear"


def test_where_no_point_can_be_told_from_another_that_opens_the_answer():
    said = after_signs(told([point(n, is_nothing=True) for n in (1, 2, 3)], [[1, 2, 3]]))
    assert said[0].startswith("No point can be told from another: ")
    assert said[0].endswith("None can be told from no change either.")
    assert said[1].startswith("Points 1 to 3: ")
    assert len([line for line in said if line.startswith("Point")]) == 1


def test_points_that_can_be_told_apart_stand_in_lines_of_their_own():
    said = after_signs(told([point(n, is_nothing=n == 2) for n in (1, 2, 3, 4)], [[1, 2], [3, 4]]))
    assert said[0].startswith("4 points in 2 groups: ")
    assert said[0].endswith("Point 2 cannot be told from no change.")
    assert [line.split(":")[0] for line in said[1:3]] == ["Points 1 to 2", "Points 3 to 4"]
    assert "mean 100 to 200 USD (90 % band 0 to 2)" in said[1]
    assert "regional channel: Points 1 to 2: 10% to 20%; Points 3 to 4: 30% to 40%" in said[3]


@pytest.mark.parametrize(
    ("draws", "words"),
    [
        ([0.2, 0.5, 3.0], "direct displacement fewer than 5;"),
        ([-31.0, -21.0, 1.0], "direct displacement -21 (-30 to fewer than 5);"),
        ([0.0, 0.0, 0.0], "direct displacement 0;"),
        ([1.0, 7.0, 1234.0], "direct displacement 7 (fewer than 5 to 1,111);"),
    ],
)
def test_households_are_told_as_the_ledgers_tell_them(draws, words):
    """Whole, and no number below five, whichever way it points (issue 9 item 4)."""
    nothing, direct = np.zeros((3, 1)), np.array(draws)[:, None]
    table = Table(
        places=("A",), packages=("no-change", "p"), beliefs={}, rented=np.zeros(3), low_income=np.zeros(3),
        sums=tuple(Sums(net=nothing, direct=moved, cost=nothing) for moved in (nothing, direct)),
    )  # fmt: skip
    found = scored(table, np.array([1]))
    one = point(1) | {"promised": found, "scored": found}
    assert words in after_signs(told([one], [[1]]))[1]
    numbers = [value for value in found["direct"].values() if not isinstance(value, str)]
    assert all(value == 0 or abs(value) >= 5 for value in numbers)


def test_cost_per_move_is_told_where_moves_are_surely_avoided():
    points = [point(n) for n in (1, 2, 3)]
    points[1]["programme_cost_usd_per_market_move_avoided"] = {"p5": 100.0, "p50": 2_000.0, "p95": 30_000.0}
    said = [line for line in lines(told(points, [[1, 2, 3]])) if line.startswith("Programme cost per")]
    assert said == [
        "Programme cost per household not directly displaced: undefined",
        (
            "Programme cost per modelled low-income move avoided (borrowed effect, range), regional channel: "
            "point 2: 2,000 (100 to 30,000) USD; points 1, 3: undefined"
        ),
    ]


def test_a_group_names_what_all_its_points_choose():
    both = [point(1, chosen={"A": "p", "B": "q"}), point(2, chosen={"A": "p", "B": "p"})]
    assert "all choose p in A" in after_signs(told(both, [[1, 2]]))[1]
    assert " in B" not in after_signs(told(both, [[1, 2]]))[1]
    assert "choose" not in after_signs(told([point(1, chosen={}), point(2)], [[1, 2]]))[1]


def test_a_broken_budget_is_said_with_how_often_it_is_broken():
    points = [
        point(1, over=True, runs_over=0.5),
        point(2, runs_over=0.25),
        point(3, over=True, runs_over=0.6),
    ]
    said = after_signs(told(points, [[1, 2, 3]]))
    assert "over the budget in 25% to 60% of fresh runs, and on average: points 1, 3" in said[1]
    assert said[-1].endswith("scenario run frontier-neighborhood-02")
    assert "budget" not in " ".join(after_signs(told([point(1), point(2)], [[1, 2]])))


def test_no_point_and_one_point():
    assert lines(told([], []))[0] == "No choice keeps the budget."
    assert (
        after_signs(told([point(1)], [[1]]))[0]
        == "There is one point only. Every point can be told from no change."
    )


@given(
    st.integers(1, 9).flatmap(
        lambda n: st.tuples(st.just(n), st.sets(st.tuples(st.integers(0, 8), st.integers(0, 8))))
    )
)
def test_groups_hold_each_point_once_and_only_points_that_all_tie(drawn):
    size, pairs = drawn
    ties = [[m for m in range(size) if m != n and ({(n, m), (m, n)} & pairs)] for n in range(size)]
    found = groups(ties)
    assert [n for group in found for n in group] == list(range(size))
    for group in found:
        assert all(m in ties[n] for n in group for m in group if m != n)
    for one, other in itertools.pairwise(found):
        assert not all(other[0] in ties[n] for n in one)


@pytest.mark.parametrize(
    ("budget", "over", "share"), [(10.0, True, 0.5), (20.0, False, 0.5), (np.inf, False, None)]
)
def test_a_point_over_its_budget_on_average_is_flagged(budget, over, share):
    """Costs 0 or 40 by draw: a budget of 20 is kept on average, and broken in half the runs."""
    nothing = np.zeros((4, 1))
    sums = Sums(net=nothing, direct=nothing, cost=np.array([[0.0], [40.0], [0.0], [40.0]]))
    table = Table(
        places=("A",), packages=("no-change", "p"), beliefs={}, rented=np.zeros(4), low_income=np.zeros(4),
        sums=(Sums(net=nothing, direct=nothing, cost=nothing), sums),
    )  # fmt: skip
    found = against_budget(table, np.array([1]), budget)
    assert found == {"over_budget": over, "share_of_runs_over_budget": share}
