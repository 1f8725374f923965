"""How many lots a policy reaches, counted by hand."""

import pandas as pd
import pytest

from densitymap import schema
from densitymap.errors import ValidationError
from densitymap.scenarios.answers import allowed
from densitymap.scenarios.policy import apply, load_policy
from densitymap.scenarios.reach import reach


@pytest.fixture(scope="module")
def table():
    lots = pd.DataFrame(
        {
            "parcel_id": list("abcde"),
            "lot_area_ft2": [12_000.0, 8_000.0, 9_500.0, 12_000.0, 12_000.0],
            "lot_width_ft": [90.0, 50.0, 60.0, 90.0, 90.0],
            "zone_district": ["R-4", "R-4", "R-5", "R-4-C", None],
            "is_lot_of_record": pd.array([True, True, True, True, True], dtype="boolean"),
        }
    )
    today = load_policy("atlanta")
    policies = [today, apply("duplex-by-right", today), apply("missing-middle-2021", today)]
    answers = allowed(lots, policies)
    counted = reach(answers, policies)
    schema.check(schema.conform(counted, "reach"), "reach")
    return counted.set_index(["policy", "form"])


def test_a_duplex_reaches_the_lots_that_refused_it(table):
    row = table.loc[("duplex-by-right", "duplex")]
    # a: TRUE, newly; b: 50 ft, refused; c: R-5 had it; d: -C, newly MAYBE; e: no data.
    assert row[["lots", "lots_no_data", "lots_allowed", "lots_maybe", "lots_reached"]].tolist() == [
        5,
        1,
        2,
        1,
        2,
    ]
    assert row[["homes_saleable_max", "homes_rent_only_max"]].tolist() == [6, 0]
    assert row[["homes_saleable_certain", "homes_rent_only_certain"]].tolist() == [4, 0]


def test_an_accessory_home_is_rent_only_until_the_law_lets_it_be_sold_apart(table):
    now, then = table.loc[("no-change", "adu")], table.loc[("missing-middle-2021", "adu")]
    assert now[["homes_saleable_certain", "homes_rent_only_certain"]].tolist() == [3, 3]
    assert then[["homes_saleable_certain", "homes_rent_only_certain"]].tolist() == [6, 0]


def test_the_baseline_reaches_nothing(table):
    assert table.loc["no-change", "lots_reached"].tolist() == [0, 0, 0, 0]


def test_a_missing_baseline_is_named():
    today = load_policy("atlanta")
    empty = pd.DataFrame({"policy": ["no-chnge"], "parcel_id": ["a"], "verdict": ["TRUE"]})
    with pytest.raises(ValidationError, match="Did you mean 'no-chnge'"):
        reach(empty, [today])
