"""ACS arithmetic, against the worked figures the Bureau publishes and against hand sums."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from densitymap import params, schema
from densitymap.census import geoids, one_vintage, refuse_percentages, sentinels
from densitymap.displacement import acs
from densitymap.displacement.correct import median_from_brackets, share_below
from densitymap.displacement.reliability import median_moe, reliability
from densitymap.errors import DensitymapWarning, ValidationError

# Worked figures of the U.S. Census Bureau, "Understanding and Using American Community Survey Data: What All Data
# Users Need to Know" (2018), chapter 8: never-married females of Fairfax County, Arlington County and Alexandria
# city, Virginia, and their share of all females (page 64). Its ratio and change examples were not at hand.
NEVER_MARRIED = ([135_173, 43_104, 24_842], [3_860, 2_642, 1_957])
FEMALES = ([466_037, 97_360, 67_101], [391, 572, 459])


def test_handbook_aggregated_counts():
    assert sum(NEVER_MARRIED[0]) == 203_119
    assert acs.sum_moe(*NEVER_MARRIED) == pytest.approx(5_070, abs=1)
    assert sum(FEMALES[0]) == 630_498
    assert acs.sum_moe(*FEMALES) == pytest.approx(831, abs=1)


def test_handbook_proportion():
    assert round(203_119 / 630_498, 3) == 0.322
    assert acs.proportion_moe(203_119, 630_498, 5_070, 831) == pytest.approx(0.008, abs=0.0001)


def test_zero_cells_count_once():
    # Three cells: two zeros with margins 12 and 9; only the larger 12 is counted: sqrt(12^2 + 5^2) = 13.
    assert acs.sum_moe([0, 0, 40], [12, 9, 5]) == pytest.approx(13)


def test_margin_of_a_sum_is_the_root_of_squares():
    assert acs.sum_moe([10, 20], [3, 4]) == pytest.approx(5)


def test_unknown_margin_makes_the_sum_unknown():
    assert np.isnan(acs.sum_moe([10, 20], [3, np.nan]))


def test_proportion_by_hand():
    # p = .5; sqrt(10^2 - .25 * 12^2) / 100 = sqrt(64) / 100 = .08
    assert acs.proportion_moe(50, 100, 10, 12) == pytest.approx(0.08)


def test_negative_radicand_falls_back_to_the_ratio():
    # p = .9; 5^2 - .81 * 10^2 < 0, so sqrt(25 + 81) / 100
    assert acs.proportion_moe(90, 100, 5, 10) == pytest.approx(np.sqrt(106) / 100)


def test_a_share_of_one_is_not_certain():
    assert acs.proportion_moe(100, 100, 20, 20) == pytest.approx(0.2)


def test_share_of_nothing_is_undefined():
    assert np.isnan(acs.proportion_moe(0, 0, 12, 12))


def test_ratio_product_and_change_by_hand():
    assert acs.ratio_moe(50, 100, 3, 8) == pytest.approx(np.sqrt(9 + 0.25 * 64) / 100)
    assert acs.product_moe(10, 20, 3, 2) == pytest.approx(np.sqrt(100 * 4 + 400 * 9))
    assert acs.change_moe(100, 50, 8, 3) == pytest.approx(acs.ratio_moe(50, 100, 3, 8))


def test_difference_is_tested_at_the_published_level():
    assert not acs.differ(100, 104, 3, 4)
    assert acs.differ(100, 106, 3, 4)


def test_sentinels_keep_their_kind():
    numbers, kinds = sentinels(pd.Series(["5", "-666666666", "-555555555", "", None]))
    assert numbers.tolist() == [5.0, pd.NA, 0.0, pd.NA, pd.NA]
    assert kinds.tolist() == ["estimate", "no_estimate", "controlled", pd.NA, pd.NA]


def test_every_listed_code_is_taken_out():
    codes = params.load("census", "sentinels")["estimate"]
    numbers, kinds = sentinels(pd.Series([float(code) for code in codes]))
    assert (numbers.dropna() >= 0).all()
    assert kinds.tolist() == [record["kind"] for record in codes.values()]


def test_cut_off_medians_are_marked():
    _, kinds = sentinels(pd.Series([250001.0, 2499.0, 60000.0]), measure="median_household_income_usd")
    assert kinds.tolist() == ["top_coded", "bottom_coded", "estimate"]


def test_words_among_numbers_are_refused():
    with pytest.raises(ValidationError, match="not numbers"):
        sentinels(pd.Series(["12", "<img onerror=alert(1)>"], name="hincome"))


def test_geoids_lose_and_regain_their_zero():
    with pytest.warns(DensitymapWarning, match="1 identifiers had lost their leading zero"):
        found = geoids(pd.Series([6037101110, 13121003100]))
    assert found.tolist() == ["06037101110", "13121003100"]


@pytest.mark.parametrize("bad", ["9913100", "99121003100", "1312100310X", None])
def test_what_is_no_geoid_is_refused(bad):
    with pytest.raises(ValidationError, match="tract identifiers"):
        geoids(pd.Series(["13121003100", bad], name="GEOID"))


def test_percentages_are_refused_by_name():
    frame = pd.DataFrame({"renter_share": [40.0, 60.0, 0.5], "vacant_share": [0.1, 0.2, 0.3]})
    with pytest.raises(ValidationError, match="renter_share: 2 of 3 exceed 1, the largest 60"):
        refuse_percentages(frame, ["renter_share", "vacant_share"])


def test_two_vintages_are_refused_naming_both():
    frame = pd.DataFrame({"tract_vintage": pd.array([2010, 2020, 2020], dtype="Int64")})
    with pytest.raises(ValidationError, match=r"2010 \(1 rows\), 2020 \(2 rows\)"):
        one_vintage(frame, where="test")


def raw_row(**cells):
    base = {"tract_geoid": "13121003100", "tract_vintage": 2020, "acs_period": "2020-2024"}
    return pd.DataFrame([base | cells])


def test_measures_make_shares_with_margins():
    made = acs.measures(
        raw_row(
            B25003_001E="100", B25003_001M="12", B25003_003E="50", B25003_003M="10", B19013_001E="-666666666"
        )
    )
    schema.check(made, "tracts")
    row = made.iloc[0]
    assert row["renter_share"] == 0.5
    assert row["renter_share_moe"] == pytest.approx(0.08)
    assert pd.isna(row["median_household_income_usd"])
    assert row["median_household_income_usd_kind"] == "no_estimate"
    assert pd.isna(row["owner_households"])


def test_rent_burden_leaves_out_the_uncomputed():
    cells = {f"B25070_{cell:03d}E": 10 for cell in range(7, 11)} | {"B25070_001E": 100, "B25070_011E": 20}
    row = acs.measures(raw_row(**cells)).iloc[0]
    assert row["rent_computed_households"] == 80
    assert row["rent_burdened_30_share"] == 0.5
    assert row["rent_burdened_35_share"] == 0.375
    assert row["rent_burdened_50_share"] == 0.125
    assert pd.isna(row["rent_burdened_30_share_moe"])


def test_population_falls_back_to_the_plain_count():
    assert acs.measures(raw_row(B01003_001E=7)).iloc[0]["population"] == 7


def test_every_estimate_has_its_margin_beside_it():
    for name in ("tracts", "block_groups"):
        columns = schema.table(name).column_names
        counted = {
            column.name for column in schema.table(name).columns if column.kind in ("extensive", "intensive")
        }
        for column in counted:
            assert columns[columns.index(column) + 1] == f"{column}_moe"


def test_every_measure_is_declared_and_every_part_known():
    recipe = params.load("census", "measures")
    known = schema.columns()
    for theme in ("counts", "shares", "medians"):
        assert set(recipe[theme]) <= set(known)
    for record in recipe["shares"].values():
        assert {record["of"], record["in"]} <= set(recipe["counts"])


def test_median_and_share_from_brackets_by_hand():
    counts, upper = np.array([10.0, 20.0, 10.0]), np.array([10.0, 20.0, 30.0])
    assert median_from_brackets(counts, upper) == pytest.approx(15)
    assert share_below(counts, upper, 15.0) == pytest.approx((10 + 20 * 5 / 9.99) / 40)
    assert share_below(counts, upper, 5.0) == 0  # under the first bound: 0, as UDP has it
    assert np.isnan(median_from_brackets(np.zeros(3), upper))


def test_counts_are_judged_by_cv_and_shares_by_points():
    count = reliability(
        pd.Series([100.0, 100.0, 0.0, None, 100.0]), pd.Series([19.0, 70.0, 12.0, 5.0, None]), kind="count"
    )
    assert count.tolist() == ["reliable", "unreliable", "unreliable", pd.NA, "margin not published"]
    share = reliability(pd.Series([0.02, 0.5, 0.5]), pd.Series([0.04, 0.12, 0.2]), kind="share")
    assert share.tolist() == ["reliable", "use with care", "unreliable"]


def test_margin_of_a_median_from_brackets_by_hand():
    # 1,900 households, evenly spread from 0 to 40,000: SE of 50 % is sqrt(95 / (5 * 1900)) * 50 = 5 points,
    # so the limits are 18,000 and 22,000, the standard error 2,000.
    counts, upper = np.array([475.0] * 4), np.array([10e3, 20e3, 30e3, 40e3])
    assert median_moe(counts, upper) == pytest.approx(1.645 * 2_000)


def test_margin_of_a_median_in_the_open_bracket_is_unknown():
    assert np.isnan(median_moe(np.array([10.0, 0.0, 0.0, 475.0]), np.array([10e3, 20e3, 30e3, 40e3])))
