"""Relations that hold whatever the lots: loosening never lowers, order and baseline do not matter."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from densitymap.capacity.allowed import QUESTIONS, units_allowed
from densitymap.scenarios.policy import Scenario, apply, load_policy
from densitymap.zoning.code import standards
from densitymap.zoning.parse import parse_zone
from densitymap.zoning.standards import standards_for

TODAY = load_policy("atlanta")
ZONES = ["R-3", "R-4", "R-4A", "R-4B", "R-5", "R-5-C", "RG-3", "MR-2", "C-1", "R-4,R-5", None]
NAMED = ["R-3", "R-4", "R-4A", "R-4B", "R-5"]
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


def loosened(lever):
    return apply(
        Scenario(name="l", title="", question="duplex", summary="", source="", mark="A", levers=(lever,)),
        TODAY,
    )


LOOSER = [
    {"kind": "set_at_most", "standard": "lot_area_min_ft2"},
    {"kind": "set_at_most", "standard": "lot_width_min_ft"},
    {"kind": "set_at_least", "standard": "far_max"},
    {"kind": "set_at_least", "standard": "coverage_max"},
    {"kind": "set_at_least", "standard": "adu_floor_area_max_ft2"},
]


@settings(max_examples=20, deadline=None)
@given(
    st.lists(a_lot, min_size=1, max_size=8),
    st.sampled_from(LOOSER),
    st.floats(0, 1),
    st.sampled_from(list(QUESTIONS)),
)
def test_loosening_a_standard_never_lowers_what_is_allowed(rows, lever, part, question):
    lots = frame(rows)
    value = part if lever["standard"] == "coverage_max" else part * 20_000  # a share of the lot ends at 1
    after = loosened(lever | {"districts": NAMED, "value": value})
    before, then = judge(lots, TODAY, question), judge(lots, after, question)
    # A limit moved near a lot can make it too close to call, never refuse what was allowed.
    assert not ((before["verdict"].map(RANK) == 2) & (then["verdict"].map(RANK) == 0)).any()
    known = before["units_allowed"].notna() & then["units_allowed"].notna()
    assert (then["units_allowed"] >= before["units_allowed"])[known].all()


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
