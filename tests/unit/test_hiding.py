"""Counts by place add up to the whole, and no count of few lots can be worked out from the others."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from densitymap import params
from densitymap.scenarios.hiding import told_by_place

LEAST = int(params.choice("counts_shown_min", group="feasibility"))


def counted(**paying):
    """Places of 40 lots each: so many of them pay one home."""
    place = np.repeat(np.array(list(paying), dtype=object), 40)
    homes = np.concatenate([np.repeat([1.0, 0.0], [n, 40 - n]) for n in paying.values()])
    return told_by_place(homes, place, known=np.ones(len(homes), dtype=bool))


def test_one_small_place_takes_the_next_smallest_with_it():
    """The reviewer's case: 20 in all, N 16 shown and M hidden gave M = 20 - 16."""
    told = counted(M=4, N=16, O=0, W=0)
    assert told.counts.isna().to_dict() == {"M": True, "N": True, "O": False, "W": False}
    assert told.rest == 20


def test_two_small_places_of_fewer_lots_together_than_may_be_told_take_a_third():
    told = counted(A=1, B=2, C=9, D=30)
    assert told.counts.isna().to_dict() == {"A": True, "B": True, "C": True, "D": False}
    assert told.rest == 12


def test_nothing_is_hidden_where_nothing_is_small():
    told = counted(A=10, B=0, C=12)
    assert told.counts.tolist() == [10, 0, 12]
    assert told.rest == 0


def test_one_place_alone_has_no_remainder():
    told = counted(A=2)
    assert (told.counts.isna().all(), told.rest) == (True, None)


def test_what_is_told_of_every_lot_elsewhere_is_not_hidden():
    place = np.array(["A", "B"], dtype=object)
    told = told_by_place(np.array([1.0, 3.0]), place, known=np.ones(2, dtype=bool), private=False)
    assert (told.counts.tolist(), told.rest) == ([1, 3], 0)


def test_unknown_lots_count_for_nothing_and_leave_no_remainder_of_nothing():
    place = np.array(["A", "B"], dtype=object)
    told = told_by_place(np.array([np.nan, np.nan]), place, known=np.zeros(2, dtype=bool))
    assert (told.counts.isna().all(), told.rest) == (True, None)


@given(st.lists(st.integers(0, 40), min_size=2, max_size=9))
def test_shown_counts_and_the_remainder_add_up_and_tell_of_no_few_lots(paying):
    told = counted(**{f"P{n}": count for n, count in enumerate(paying)})
    hidden = told.counts.isna().to_numpy()
    assert told.counts.sum() + told.rest == sum(paying)
    assert hidden.sum() != 1
    own = pd.Series(paying)
    assert hidden[(own > 0) & (own < LEAST)].all()
    if hidden.any() and sum(paying) >= LEAST:
        assert own[hidden].sum() >= LEAST


@pytest.mark.parametrize("turn", [1, 2])
def test_the_order_of_places_does_not_matter(turn):
    names = [*"ABCDE"]
    paying = dict(zip(names, [2, 9, 9, 0, 20], strict=True))
    one = counted(**paying)
    other = counted(**{name: paying[name] for name in names[turn:] + names[:turn]})
    pd.testing.assert_series_equal(one.counts, other.counts)
