"""The code turned wide: one row per lot, district and use."""

import numpy as np
import pandas as pd
import pytest

from densitymap import schema
from densitymap.scenarios.policy import load_policy
from densitymap.zoning.standards import law_table, standards_for


@pytest.fixture(scope="module")
def today():
    return load_policy("atlanta")


def one(zone, today, area=10_000.0):
    lots = pd.DataFrame({"parcel_id": ["a"], "lot_area_ft2": [area], "zone_district": [zone]})
    return standards_for(lots, today).set_index("use")


def test_one_row_per_use_checked_against_its_declaration(today):
    frame = standards_for(
        pd.DataFrame({"parcel_id": ["a", "b"], "lot_area_ft2": [1.0, 2.0], "zone_district": ["R-4", None]}),
        today,
    )
    schema.check(schema.conform(frame, "standards"), "standards")
    assert frame["use"].tolist() == ["house", "adu", "duplex", "triplex"] * 2


def test_a_uses_own_value_goes_before_that_of_any_use(today):
    table = one("R-5", today)
    assert table["far_max"].to_dict() == {"house": 0.5, "adu": 0.5, "duplex": 0.6, "triplex": 0.5}
    assert table["units_max"].to_dict() == {"house": 1, "adu": 1, "duplex": 2, "triplex": 0}
    assert set(table["lot_units_max"]) == {2}


@pytest.mark.parametrize(
    ("zone", "area", "cap"),
    [
        ("R-4", 8_000.0, 4_000.0),
        ("R-4A", 7_500.0, 3_750.0),
        ("R-4A", 7_400.0, 3_750.0),  # the lesser of 3,750 and 0.65 x 7,400 = 4,810
        ("R-4A", 5_000.0, 3_250.0),
        ("R-4B", 2_700.0, 2_100.0),  # the lesser of 2,100 and 0.90 x 2,700 = 2,430
        ("R-5", 3_000.0, 1_950.0),
        ("R-5", 2_000.0, 1_800.0),  # 0.65 x 2,000 = 1,300, but at least 1,800
    ],
)
def test_small_lot_floor_area(today, zone, area, cap):
    assert one(zone, today, area).loc["house", "floor_area_max_ft2"] == cap


def test_unread_is_missing_and_no_maximum_is_infinite(today):
    table = one("C-1", today)
    assert table["units_max"].isna().all()
    assert np.isinf(table["height_max_ft"]).all()
    assert set(table["far_basis"]) == {"gross"}
    assert one("C-4", today)["height_max_ft"].isna().all()


def test_corner_yard_is_half_the_front_yard(today):
    law = law_table(today.code, ("house",))
    read = law[law["setback_street_side_ft"].notna()]
    assert len(read) == 10
    assert (read["setback_street_side_ft"] == read["setback_front_ft"] / 2).all()


def test_a_subarea_inherits_nothing_from_its_district(today):
    assert one("SPI-22 SA1", today)["far_max"].tolist() == [4.0] * 4
    assert one("SPI-22 SA2", today)["far_max"].isna().all()
    assert one("SPI-22", today)["far_max"].isna().all()
