"""The frontier's search, held to brute force and to the relations any frontier has."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densitymap.scenarios.frontier import NONE, Values, best, front, undominated

NUMBERS = st.integers(-20, 40)


@st.composite
def worlds(draw: st.DrawFn) -> Values:
    """Up to six places and two packages besides none; whole numbers, so that sums are exact."""
    places = draw(st.integers(1, 6))
    packages = draw(st.integers(1, 2))

    def table(numbers: st.SearchStrategy[int]) -> np.ndarray:
        rows = draw(
            st.lists(
                st.lists(numbers, min_size=packages, max_size=packages), min_size=places, max_size=places
            )
        )
        return np.column_stack([np.zeros(places), np.array(rows, float)])

    return Values(net=table(NUMBERS), direct=table(NUMBERS), cost=table(st.integers(0, 30)))


def everything(values: Values) -> np.ndarray:
    """Net homes, displacement and cost of every choice there is."""
    places, packages = values.net.shape
    return np.array([values.of(np.array(c)) for c in itertools.product(range(packages), repeat=places)])


@given(worlds(), st.integers(-40, 60), st.integers(0, 120))
@settings(max_examples=20, deadline=None)
def test_the_best_choice_is_that_of_brute_force(values, direct_max, budget):
    every = everything(values)
    allowed = every[(every[:, 1] <= direct_max) & (every[:, 2] <= budget)]
    found = best(values, direct_max=direct_max, budget_usd=budget)
    if not len(allowed):
        assert found is None
        return
    order = np.lexsort((allowed[:, 2], allowed[:, 1], -allowed[:, 0]))
    assert values.of(found) == pytest.approx(tuple(allowed[order[0]]), abs=1e-3)


@given(worlds(), st.integers(0, 120))
@settings(max_examples=6, deadline=None)
def test_no_choice_there_is_beats_a_point_of_the_front(values, budget):
    every = everything(values)
    every = every[every[:, 2] <= budget]
    points = [values.of(choice) for choice in front(values, points=3, budget_usd=budget)]
    assert points, "doing nothing costs nothing and displaces nobody more than the least bound asks, or less"
    for net, direct, cost in points:
        assert cost <= budget + 1e-3
        beats = (
            (every[:, 0] >= net) & (every[:, 1] <= direct) & ((every[:, 0] > net) | (every[:, 1] < direct))
        )
        assert not beats.any()


@given(worlds())
@settings(max_examples=6, deadline=None)
def test_more_homes_along_the_front_always_cost_more_displacement(values):
    points = np.array([values.of(choice) for choice in front(values, points=3)])
    assert (np.diff(points[:, 0]) > 0).all()
    assert (np.diff(points[:, 1]) > 0).all()


@given(worlds(), st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=6, deadline=None)
def test_a_larger_budget_never_gives_a_worse_front(values, budget, more):
    small = front(values, points=3, budget_usd=budget)
    large = [values.of(choice) for choice in front(values, points=3, budget_usd=budget + more)]
    for choice in small:
        net, direct, _ = values.of(choice)
        bounded = best(values, direct_max=direct, budget_usd=budget + more)
        assert values.of(bounded)[0] >= net - 1e-3
    assert max(point[0] for point in large) >= max(values.of(choice)[0] for choice in small) - 1e-3


@given(worlds(), st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_the_order_of_places_changes_no_value(values, random):
    order = list(range(len(values.net)))
    random.shuffle(order)
    mixed = Values(net=values.net[order], direct=values.direct[order], cost=values.cost[order])
    assert values.of(best(values)) == pytest.approx(mixed.of(best(mixed)), abs=1e-3)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=12))
def test_undominated_keeps_exactly_the_rows_no_other_beats(rows):
    net, direct = (np.array(column, float) for column in zip(*rows, strict=True))
    beaten = [
        ((net >= n) & (direct <= d) & ((net > n) | (direct < d))).any()
        for n, d in zip(net, direct, strict=True)
    ]
    free = {(n, d) for n, d, lost in zip(net, direct, beaten, strict=True) if not lost}
    assert {(net[k], direct[k]) for k in undominated(net, direct)} == free


def test_where_every_package_takes_homes_away_nothing_changes():
    values = Values(net=np.array([[0.0, -3.0]] * 4), direct=np.array([[0.0, 1.0]] * 4), cost=np.zeros((4, 2)))
    assert best(values).tolist() == [NONE] * 4
