"""Law on lots: margins, split zoning, missing measures, bad input."""

import numpy as np
import pandas as pd
import pytest

from densitymap import schema
from densitymap.capacity.allowed import units_allowed
from densitymap.capacity.legal import EXACT, measured_margins
from densitymap.errors import ValidationError
from densitymap.scenarios.answers import allowed, minimum_lot_answers
from densitymap.scenarios.drawn import ground_of_inputs, read_inputs
from densitymap.scenarios.fits import fits
from densitymap.scenarios.policy import Scenario, apply, load_policy
from densitymap.zoning.standards import standards_for


@pytest.fixture(scope="module")
def duplex():
    return apply("duplex-by-right", load_policy("atlanta"))


def lots(**columns):
    count = len(next(iter(columns.values())))
    base = {
        "parcel_id": [f"p{place}" for place in range(count)],
        "lot_area_ft2": [10_000.0] * count,
        "lot_width_ft": [80.0] * count,
        "zone_district": ["R-4"] * count,
    }
    return pd.DataFrame(base | columns)


def judge(frame, policy, zones=None, sliver_share=1.0, **options):
    standards = standards_for(frame, policy, parcel_zones=zones, sliver_share=sliver_share)
    return units_allowed(frame, standards, policy=policy.name, question=policy.question, **options)


def test_a_slack_within_the_margin_is_too_close_to_call(duplex):
    widths = [67.8, 68.1, 69.5, 70.0, 71.9, 72.2]
    answer = judge(lots(lot_width_ft=widths), duplex)
    assert answer["verdict"].tolist() == ["FALSE", "MAYBE", "MAYBE", "MAYBE", "MAYBE", "TRUE"]
    assert answer["reason"].iloc[2] == (
        "The lot is 69.5 ft wide; R-4 asks for 70. That is too close to call from a map."
    )
    areas = [8729.0, 8731.0, 9269.0, 9271.0]
    answer = judge(lots(lot_area_ft2=areas), duplex)
    assert answer["verdict"].tolist() == ["FALSE", "MAYBE", "MAYBE", "TRUE"]
    assert (measured_margins().length_ft, measured_margins().share) == (2.0, 0.03)


def test_given_measures_have_no_margin(duplex):
    answer = judge(lots(lot_width_ft=[69.999, 70.0]), duplex, margins=EXACT)
    assert answer["verdict"].tolist() == ["FALSE", "TRUE"]


def test_a_missing_measure_is_a_doubt_and_is_named(duplex):
    answer = judge(lots(lot_width_ft=[np.nan, 80.0, 50.0], lot_area_ft2=[1e4, np.nan, np.nan]), duplex)
    assert answer["verdict"].tolist() == ["MAYBE", "MAYBE", "FALSE"]
    assert answer["reason"].tolist()[:2] == ["The lot width is not known.", "The lot area is not known."]


def test_nullable_measures_are_read_as_missing(duplex):
    frame = lots(lot_width_ft=[pd.NA, 80.0]).astype({"lot_width_ft": "Float64", "lot_area_ft2": "Float64"})
    assert judge(frame, duplex)["verdict"].tolist() == ["MAYBE", "TRUE"]


def shares(*rows):
    return pd.DataFrame(rows, columns=["parcel_id", "zone_code", "share", "is_sliver"])


def test_split_zoning_decides_only_where_its_parts_agree(duplex):
    zones = shares(
        ("p0", "R-4", 0.6, False), ("p0", "R-4A", 0.4, False),
        ("p1", "R-4", 0.6, False), ("p1", "R-3", 0.4, False),
        ("p2", "R-3", 0.5, False), ("p2", "R-2", 0.5, False),
        ("p3", "R-4", 0.999, False), ("p3", "R-3", 0.001, True),
    )  # fmt: skip
    answer = judge(lots(zone_district=["R-4", "R-4", "R-3", "R-4"]), duplex, zones)
    assert answer["verdict"].tolist() == ["TRUE", "MAYBE", "FALSE", "TRUE"]
    assert answer["binding_rule"].iloc[1] == "split_zoning"
    assert "R-4 and R-3" in answer["reason"].iloc[1]
    assert answer["units_certain"].tolist() == [2, 0, 0, 2]
    assert answer["zone_district"].tolist() == ["R-4", "R-4", "R-2", "R-4"]


def test_land_without_zoning_beyond_a_sliver_leaves_a_doubt(duplex):
    zones = shares(("p0", "R-4", 0.9, False), ("p1", "R-4", 0.97, False), ("p2", "R-4", 0.9, False))
    frame = lots(zone_district=["R-4", "R-4", "R-4"])
    answer = judge(frame, duplex, zones, sliver_share=0.05)
    assert answer["verdict"].tolist() == ["MAYBE", "TRUE", "MAYBE"]
    assert "R-4 and land without zoning" in answer["reason"].iloc[0]
    assert judge(frame, duplex, zones)["verdict"].tolist() == ["TRUE"] * 3


def test_a_split_lot_asked_of_its_main_district_alone_is_at_best_maybe(duplex):
    answer = judge(lots(zone_count=[2, 1]), duplex)
    assert answer["verdict"].tolist() == ["MAYBE", "TRUE"]
    assert answer["units_certain"].tolist() == [0, 2]


def test_zoning_written_as_two_districts_is_split(duplex):
    answer = judge(lots(zone_district=["R-4,R-3", "R-4"]), duplex)
    assert answer["verdict"].tolist() == ["MAYBE", "TRUE"]


def test_the_answer_keeps_the_index_and_order_of_the_lots(duplex):
    frame = lots(zone_district=["R-4", None, "R-3"]).set_axis([9, 2, 5])
    answer = judge(frame, duplex)
    assert answer.index.tolist() == [9, 2, 5]
    assert answer["parcel_id"].tolist() == ["p0", "p1", "p2"]
    assert answer["verdict"].tolist() == ["TRUE", "NO DATA", "FALSE"]


def test_no_lots_give_an_empty_table(duplex):
    frame = lots(zone_district=["R-4"]).iloc[:0]
    assert len(judge(frame, duplex)) == 0


def test_faults_of_the_input_are_told_together(duplex):
    frame = lots(zone_district=["R-4", "R-4"])
    standards = standards_for(frame, duplex)
    with pytest.raises(ValidationError) as told:
        units_allowed(frame.drop(columns="lot_width_ft"), standards, policy="p", question="castle")
    assert "lot_width_ft is absent" in str(told.value)
    assert "question must be one of" in str(told.value)
    with pytest.raises(ValidationError, match="repeat a parcel_id, first p0"):
        units_allowed(pd.concat([frame, frame.iloc[:1]]), standards, policy="p")
    with pytest.raises(ValidationError, match="standards without lots: 1 rows, first p1"):
        units_allowed(frame.iloc[:1], standards, policy="p")
    with pytest.raises(ValidationError, match="lots without standards: 1, first p1"):
        units_allowed(frame, standards[standards["parcel_id"] == "p0"], policy="p")


def test_several_policies_make_one_table_that_checks(duplex):
    today = load_policy("atlanta")
    table = allowed(lots(zone_district=["R-4", "C-1", None]), [today, duplex])
    schema.check(schema.conform(table, "allowed"), "allowed")
    assert table["policy"].tolist() == ["no-change"] * 3 + ["duplex-by-right"] * 3


def test_hostile_text_in_a_zone_is_carried_as_text_only(duplex):
    answer = judge(lots(zone_district=["<img src=x onerror=alert(1)>", "=cmd|'/C calc'!A0"]), duplex)
    assert answer["verdict"].tolist() == ["MAYBE", "MAYBE"]
    assert not answer["reason"].str.contains("<img|=cmd", regex=True).any()


def test_each_district_answers_for_a_lot_of_its_least_size():
    today = load_policy("atlanta")
    zones = pd.Series(["R-5", "R-4-C", "MR-MU", "C-1", None, "R-5"], index=list("abcdef"))
    now = minimum_lot_answers(zones, today)
    assert now["answer"].tolist() == [
        "Duplex, or house and accessory home (2 homes)",
        "At most: House and accessory home (2 homes); a council condition (-C) may allow less",
        "Multi-family buildings (up to 12 homes); how many homes is not counted here",
        f"Not known: {today.code.districts['C-1'].reason}",
        "Not known: no zoning code is given",
        "Duplex, or house and accessory home (2 homes)",
    ]
    assert now["zone_status"].tolist() == ["read", "conditional", "read", "unread", "unresolved", "read"]
    assert now["units"].tolist() == [2, 2, pd.NA, pd.NA, pd.NA, 2]
    then = minimum_lot_answers(zones, apply("triplex-by-right", today))
    assert then["units"].tolist() == [3, 3, pd.NA, pd.NA, pd.NA, 3]


@pytest.mark.parametrize(
    ("use", "homes", "words"),
    [("multi", 4, "Multi-family building (4 homes)"), ("cottage_court", 3, "Cottage court (3 homes)")],
)
def test_a_larger_form_that_a_scenario_gives_is_counted_where_it_gives_it(use, homes, words):
    today = load_policy("atlanta")
    lever = {"kind": "allow_use", "districts": ["R-4"], "use": use, "units": homes}
    form = {"name": "larger", "title": "t", "question": "triplex", "summary": "s", "source": "s", "mark": "A"}
    then = apply(Scenario(levers=(lever,), **form), today)
    frame = lots(
        zone_district=["R-4", "R-4", "R-4-C", "R-5", "RG-3"],
        lot_area_ft2=[1e4, 5e3, 1e4, 1e4, 1e4],  # 5,000 ft2 hold no larger form at half of it in floor area
    )
    now, after = (allowed(frame, [policy]) for policy in (today, then))
    assert now["units_allowed"].tolist() == [2, 2, 2, 2, pd.NA]
    assert after["units_allowed"].tolist() == [homes, 2, homes, 2, pd.NA]
    assert now["units_certain"].tolist() == [2, 0, 0, 2, 0]
    assert after["units_certain"].tolist() == [homes, 0, 0, 2, 0]
    assert minimum_lot_answers(pd.Series(["R-4"]), then)["answer"].tolist() == [words]
    larger = " It allows larger buildings." if use == "multi" else ""
    assert after["reason"].iloc[0] == f"R-4 does not allow a triplex.{larger}"


@pytest.mark.parametrize(("stalls", "verdict"), [(0, "TRUE"), (1, "TRUE"), (2, "FALSE")])
def test_stalls_beyond_one_a_home_take_ground(stalls, verdict):
    """2,000 ft2 may be covered: two homes take 1,056 and 250 of drive, and 200 a stall, but never less than 400."""
    pulled = [
        {"kind": "set_standard", "districts": ["R-5"], "standard": "coverage_max", "value": 0.2},
        {"kind": "set_standard", "districts": ["R-5"], "standard": "parking_min_per_unit", "value": stalls},
    ]
    form = {"name": "parked", "title": "t", "question": "duplex", "summary": "s", "source": "s", "mark": "A"}
    policy = apply(Scenario(levers=tuple(pulled), **form), load_policy("atlanta"))
    frame = lots(zone_district=["R-5"])
    assert judge(frame, policy, margins=EXACT)["verdict"].tolist() == [verdict]
    inputs = read_inputs(pd.DataFrame([DRAWN]), where="drawn")
    found = fits(ground_of_inputs(inputs), [policy]).set_index(["fit_mode", "fit_type"])["verdict"]
    assert found["new", "duplex"] == verdict
    assert (
        found["new", "house"] == found["new", "house_adu"] == "TRUE"
    )  # the accessory home needs no stall of its own


DRAWN = {
    "case_id": "100 ft by 100 ft", "zone": "R-5", "lot_wkt": "POLYGON((0 0,100 0,100 100,0 100,0 0))",
    "street_edges_wkt": "LINESTRING(0 0,100 0)",
}  # fmt: skip


def test_a_division_makes_no_lot_that_exists_today():
    """Two lots of 70 ft and more, one of at most 7,800 ft2: what is waived for existing lots is not for them."""
    slanted = {
        "zone": "R-4",
        "lot_wkt": "POLYGON((0 0,150 0,150 60,0 200,0 0))",
        "street_edges_wkt": "LINESTRING(0 0,150 0)",
    }
    ground = ground_of_inputs(read_inputs(pd.DataFrame([DRAWN | slanted]), where="drawn"))
    form = {"name": "divided", "title": "t", "question": "house", "summary": "s", "source": "s", "mark": "A"}
    pulled = (
        {"kind": "allow_splits", "districts": ["R-4"]},
        {"kind": "waive_minimums", "districts": ["R-4"], "use": "house"},
    )
    small = {"kind": "set_at_most", "districts": ["R-4"], "standard": "lot_area_min_ft2", "value": 7000}
    for levers, count in ((pulled, 0), ((*pulled, small), 1)):
        found = fits(ground, [apply(Scenario(levers=levers, **form), load_policy("atlanta"))])
        assert found["fit_mode"].eq("split").sum() == count


@pytest.mark.parametrize(
    ("lot_ft", "house", "now", "then"),
    [
        ((40, 120), "8 30 32 68", "HOUSE", "SFD_N"),  # a narrower template fits as well: it goes first
        ((60, 85), "10 30 45 66", "HOUSE", "HOUSE"),  # nothing else fits: it is not taken away
    ],
)
def test_the_own_house_rebuilt_goes_last_where_an_accessory_home_may_be_inside(lot_ft, house, now, then):
    (width, depth), today = lot_ft, load_policy("atlanta")
    drawn = {
        "case_id": "1", "zone": "R-5", "house_x0_y0_x1_y1_ft": house, "house_floor_sf": 900,
        "lot_wkt": f"POLYGON((0 0,{width} 0,{width} {depth},0 {depth},0 0))",
        "street_edges_wkt": f"LINESTRING(0 0,{width} 0)", "lot_of_record": "yes",
    }  # fmt: skip
    ground = ground_of_inputs(read_inputs(pd.DataFrame([drawn]), where="drawn"))
    found = fits(ground, [today, apply("missing-middle-2021", today)])
    houses = found[(found["fit_mode"] == "new") & (found["fit_type"] == "house")]
    assert houses["form"].tolist() == [now, then]
    assert houses["verdict"].tolist() == ["TRUE", "TRUE"]
