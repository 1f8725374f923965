"""Three counts that are taken for one another: houses that may be built, houses that stand, lots too small."""

import pandas as pd
import pytest

from densitymap.capacity.legal import FORMS
from densitymap.scenarios.policy import Scenario, apply, load_policy
from densitymap.scenarios.unlawful import houses_unlawful, lots_below, newly_nonconforming


def answers(homes, **forms):
    """Table ``allowed`` of three-valued answers, by form; forms left out are refused."""
    table = pd.DataFrame({"units_allowed": pd.array(homes, dtype="Int64")})
    no = [False] * len(homes)
    return table.assign(
        **{f"is_allowed_{form}": pd.array(forms.get(form, no), dtype="boolean") for form in FORMS}
    )


def standing(homes, built=None):
    built = [True] * len(homes) if built is None else built
    return pd.DataFrame(
        {"existing_units": pd.array(homes, dtype="Int64"), "is_built": pd.array(built, dtype="boolean")}
    )


def test_a_house_forbidden_where_a_duplex_stays_is_nonconforming_though_two_homes_may_stand():
    before = answers([2, 2], house=[True, True], duplex=[True, True])
    after = answers([2, 2], duplex=[True, True])
    assert newly_nonconforming(standing([1, 2]), before, after).tolist() == [True, False]


def test_an_empty_lot_becomes_nonconforming_of_nothing():
    before, after = answers([1, 1, 1], house=[True] * 3), answers([0, 0, 0])
    lots = standing([0, None, None], [False, False, None])
    assert newly_nonconforming(lots, before, after).tolist() == [False, False, True]


def test_lots_where_a_house_is_unlawful_are_parted_by_what_stands_and_the_counts_relate():
    lots = standing([1, 1, 2, 0, None, None, 1], [True, True, True, False, False, None, True])
    before = answers([1] * 7, house=[True, None, True, True, True, None, True])
    after = answers([0] * 6 + [1], house=[False] * 6 + [None])
    found = houses_unlawful(lots, before, after)
    assert found | {"text": None} == {
        "lots": 6, "lots_with_a_house": 2, "lots_with_more_homes": 1, "lots_with_no_home": 2, "lots_unknown": 1,
        "lots_newly_nonconforming": 3, "text": None,
    }  # fmt: skip
    assert "unlawful on 6 lots" in found["text"]
    assert "nonconforming on 3 lots: the 2, the 1 (each counted as one house) and 0 others" in found["text"]
    assert houses_unlawful(lots, before, before)["text"] is None


@pytest.fixture(scope="module")
def today():
    return load_policy("atlanta")


def drawn(today, **fields):
    lever = {"kind": "set_standard", "districts": ["R-4"], "standard": "lot_area_min_ft2", **fields}
    words = dict.fromkeys(("title", "summary", "source"), "")
    return apply(Scenario(name="drawn", question="house", mark="A", levers=(lever,), **words), today)


def town():
    """R-4 asks 9,000 ft2 and 70 ft: met, too small, too narrow, one of another district, one unmeasured."""
    return pd.DataFrame(
        {
            "zone_district": ["R-4", "R-4", "R-4", "R-5", "R-4"],
            "lot_area_ft2": [12000.0, 5000, 12000, 12000, None],
            "lot_width_ft": [80.0, 80, 40, 80, 80],
        }
    )


def test_a_larger_minimum_counts_the_lots_that_fall_below_it_and_says_what_is_supposed(today):
    after = answers([1] * 5, house=[None, None, None, True, None])
    found = lots_below(town(), after, base=today, policy=drawn(today, value=27000))
    assert [found[f"lots_{name}"] for name in ("now", "proposed", "newly", "of_record_only")] == [2, 3, 1, 1]
    assert "lawful only as on a lot of record: a lot of record may have a house" in found["text"]
    refused = answers([0] * 5, house=[False] * 5)
    assert (
        lots_below(town(), refused, base=today, policy=drawn(today, value=27000))["lots_of_record_only"] == 0
    )


def test_a_smaller_minimum_or_one_for_other_lots_warns_of_nothing(today):
    after = answers([1] * 5, house=[True] * 5)
    assert lots_below(town(), after, base=today, policy=drawn(today, value=5000))["text"] is None
    near = {"near": "rail_stations", "within_ft": 2640}
    policy = drawn(today, value=27000, where=near)
    lots = town().assign(**{policy.places[0].key: [False, True, True, True, True]})
    assert lots_below(lots, after, base=today, policy=policy)["lots_newly"] == 0
