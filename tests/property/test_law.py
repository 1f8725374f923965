"""Relations that hold whatever the lots: loosening never lowers, order and baseline do not matter."""

from functools import cache
from itertools import product

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from densitymap.capacity.allowed import QUESTIONS, units_allowed
from densitymap.capacity.legal import HOMES
from densitymap.scenarios.policy import apply, load_policy
from densitymap.zoning.code import standards
from densitymap.zoning.parse import parse_zone
from densitymap.zoning.standards import standards_for
from loosening import loosening_levers, under

TODAY = load_policy("atlanta")
DISTRICTS = [
    "R-1", "R-3", "R-4", "R-4A", "R-4B", "R-5", "R-LC", "RG-3", "MR-2", "MR-MU", "LW", "C-1", "I-1", "PD-H",
    "HC-20A SA3",
]  # fmt: skip
"""Every way a district may be read: in full, in part, by gross land, without a total of homes, not at all."""
ZONES = [*DISTRICTS, "R-5-C", "R-4,R-5", None]
RANK = {"FALSE": 0, "NO DATA": 1, "MAYBE": 1, "TRUE": 2}

a_lot = st.tuples(
    st.one_of(st.none(), st.floats(100, 30_000)),
    st.one_of(st.none(), st.floats(5, 200)),
    st.sampled_from(ZONES),
    st.sampled_from([True, False, None]),
)


def frame(rows):
    area, width, zone, record = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "parcel_id": [f"p{place}" for place in range(len(rows))],
            "lot_area_ft2": np.array(area, dtype=float),
            "lot_width_ft": np.array(width, dtype=float),
            "zone_district": pd.array(zone, dtype="string"),
            "is_lot_of_record": pd.array(record, dtype="boolean"),
        }
    )


def judge(lots, policy, question="second_home"):
    return units_allowed(lots, standards_for(lots, policy), policy="p", question=question)


FORMS = tuple(f"is_allowed_{form}" for form in HOMES)


def levels(answers):
    """Level of each form on each lot: 0 refused, 1 in doubt or without zoning, 2 allowed."""
    return answers[list(FORMS)].astype("Float64").fillna(0.5) * 2


TOWN = frame(
    list(product((300.0, 2_500.0, 5_000.0, 7_400.0, 12_000.0, None), (14.0, 39.0, 60.0, None), ZONES, (True, False, None)))
)  # fmt: skip
"""Lots of every size in every zone."""


@cache
def town_today():
    return judge(TOWN, TODAY)


@settings(max_examples=60, deadline=None)
@given(loosening_levers(TODAY.code, DISTRICTS))
def test_no_lever_that_loosens_lowers_what_is_allowed(lever):
    before, then = town_today(), judge(TOWN, under(TODAY, lever))
    assert (levels(then) >= levels(before)).to_numpy(bool).all()
    for column in ("units_allowed", "units_certain"):
        known = before[column].notna() & then[column].notna()
        assert (then[column] >= before[column])[known].all()


MORE = ("duplex-by-right", "triplex-by-right", "duplex-any-lot-of-record", "adu-everywhere")
POLICIES = {name: apply(name, TODAY) for name in MORE}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(a_lot, min_size=1, max_size=12),
    st.sampled_from(MORE),
    st.sampled_from(list(QUESTIONS)),
)
def test_allowing_a_use_never_lowers_any_verdict(rows, name, question):
    lots = frame(rows)
    before, then = (judge(lots, policy, question)["verdict"].map(RANK) for policy in (TODAY, POLICIES[name]))
    assert (then >= before).all()


@settings(max_examples=20, deadline=None)
@given(st.lists(a_lot, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_row_order_does_not_matter(rows, chance):
    lots = frame(rows)
    order = list(range(len(rows)))
    chance.shuffle(order)
    straight, mixed = judge(lots, TODAY), judge(lots.iloc[order], TODAY)
    pd.testing.assert_frame_equal(straight, mixed.loc[lots.index])


@settings(max_examples=20, deadline=None)
@given(st.lists(a_lot, min_size=1, max_size=8))
def test_the_empty_scenario_is_the_baseline(rows):
    lots = frame(rows)
    pd.testing.assert_frame_equal(judge(lots, TODAY), judge(lots, apply("no-change", TODAY)))


@settings(max_examples=20, deadline=None)
@given(st.lists(a_lot, min_size=1, max_size=8))
def test_counts_agree_with_verdicts(rows):
    answer = judge(frame(rows), TODAY, "second_home")
    sure, most = answer["units_certain"], answer["units_allowed"]
    assert (sure <= most)[sure.notna() & most.notna()].all()
    assert (sure[answer["verdict"] == "TRUE"] >= 2).all()
    assert answer["units_allowed"][answer["verdict"] == "NO DATA"].isna().all()


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_answered(text):
    for zone in parse_zone(text, TODAY.code):
        assert zone.status in ("read", "unread", "unresolved")
        assert zone.status == "read" or zone.reason


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(name for name in TODAY.code.districts if " SA" not in name)),
    st.booleans(),
    st.sampled_from(["", " ", "  "]),
)
def test_case_blanks_and_condition_do_not_change_the_base(base, conditional, blanks):
    text = blanks + base.lower().replace(" ", "  ") + ("-c" if conditional else "") + blanks
    (zone,) = parse_zone(text, TODAY.code)
    assert (zone.base, zone.conditional) == (base, conditional)


def test_every_standard_of_the_vocabulary_is_a_column():
    assert set(standards()) <= set(standards_for(frame([(1.0, 1.0, "R-4", None)]), TODAY).columns)
