"""The UDP typology on drawn tracts, each answer reasoned by hand from the definition; refusals; sentinels."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from densitymap import params
from densitymap.displacement.correct import corrected_inputs
from densitymap.displacement.typology_table import REQUIRED, typology_stability, typology_table
from densitymap.errors import MissingDataError, UsageError, ValidationError
from densitymap.pipeline.tables import read_panel

N = 11


def inputs(**columns):
    """Eleven alike tracts, mixed-moderate, with a rising slope so that medians exist."""
    slope = np.linspace(0.9, 1.1, N)
    level = {name: np.full(N, 0.3) for name in REQUIRED if name.startswith(("per_", "pct_"))}
    base = level | {
        "GEOID": [f"13121{number:06d}" for number in range(N)],
        "region": "Drawn",
        "pop_00": 2000.0, "hh_90": 800.0, "hh_00": 900.0, "hh_e": 1000.0,
        "mrent_90": 300 * slope, "mrent_00": 500 * slope, "mrent_12": 900 * slope, "mrent_e": 1000 * slope,
        "mhval_90": 5e4 * slope, "mhval_00": 1e5 * slope, "mhval_12": 1.5e5 * slope, "mhval_e": 2e5 * slope,
        "hinc_90": 2e4 * slope, "hinc_00": 4e4 * slope, "hinc_e": 6e4 * slope, "rm_hinc_e": 6e4,
        "inc120_00": 0.55, "inc120_e": 0.55, "lmh": 5.0, "zillow_ch": slope - 0.5,
        "dp_PChRent": 0.0, "dp_RentGap": 0.0, "dense": 0.0, "pct_students": 0.05,
    }  # fmt: skip
    return pd.DataFrame(base | columns)


def one(column, value, row=5, **more):
    frame = inputs(**more)
    frame[column] = frame[column].astype(float)
    frame.loc[row, column] = value
    return frame


def published(frame, **options):
    return typology_table(frame, mode="as_published", **options)


def test_an_even_region_is_at_risk_of_becoming_exclusive():
    # Mixed moderate income, costly homes, prices neither rapid nor falling, nobody lost: ARE or SMMI.
    found = published(inputs())
    assert set(found["typ_cat"]) <= {"ARE", "SMMI"}


def test_few_people_in_2000_give_no_class():
    row = published(one("pop_00", 500)).iloc[5]  # must exceed 500
    assert row["typ_cat"] == ""
    assert pd.isna(row["typology_code"])
    assert row["public_label"] == "Unavailable or Unreliable Data"


def test_students_come_first():
    assert published(one("pct_students", 0.31)).iloc[5]["public_label"] == "High Student Population"
    assert published(one("pct_students", 0.30)).iloc[5]["public_label"] != "High Student Population"


def test_predominant_low_income_that_lost_low_income_households_is_ongoing_displacement():
    frame = inputs()
    frame.loc[5, ["per_li_e", "inc120_e"]] = [0.6, 0.8]
    assert published(frame).iloc[5]["typ_cat"] == "LISD"
    frame.loc[5, "per_li_00"] = 0.7  # 630 low-income households then, 600 now
    assert published(frame).iloc[5]["typ_cat"] == "OD"


def test_exclusive_needs_high_income_twice_and_the_2017_rule_needs_high_cost():
    frame = inputs()
    frame.loc[5, ["per_li_00", "inc120_00", "per_li_e", "inc120_e"]] = [0.1, 0.3, 0.1, 0.3]
    frame.loc[5, "lmh"] = 6
    assert published(frame).iloc[5]["typ_cat"] == "SAE"
    assert published(frame, rules="2017").iloc[5]["typ_cat"] != "SAE"
    frame.loc[5, "lmh"] = 3
    assert published(frame, rules="2017").iloc[5]["typ_cat"] == "SAE"


def test_missing_housing_class_gives_no_rich_class():
    assert published(one("lmh", np.nan)).iloc[5]["typ_cat"] == ""


def test_income_class_is_missing_without_shares():
    assert pd.isna(published(one("per_li_e", np.nan)).iloc[5]["inc_cat_e"])


def test_the_rapid_cut_of_a_wider_region_is_used_where_given():
    plain = published(inputs())["change_flag"]
    cut = published(inputs(thr_rent_rapid=9.0, thr_hv_rapid=9.0))["change_flag"]
    assert (plain == 3).any()
    assert not (cut == 3).any()


def test_southern_california_reads_another_label():
    frame = inputs()
    frame.loc[5, ["per_li_e", "inc120_e", "per_li_00"]] = [0.6, 0.8, 0.5]
    # gentrified in the urban sense, no loss of low-income households: upgraded on the main map only
    frame.loc[5, ["mrent_00", "mhval_00", "per_rent_00", "per_nonwhite_00", "per_col_00"]] = [
        450,
        9e4,
        0.5,
        0.5,
        0.1,
    ]
    frame.loc[5, ["per_col_e", "hinc_00", "hinc_e", "mhval_e"]] = [0.6, 3e4, 6e4, 4e5]
    main = published(frame).iloc[5]
    assert main["gent_00_e_urban"] == 1
    assert main["gent_00_e"] == 0
    assert main["public_label"] == "Early/Ongoing Gentrification"
    for region in ("San Bernardino", "SanBernardino", "Ventura"):
        assert (
            published(frame.assign(region=region)).iloc[5]["public_label"]
            == "Low-Income/Susceptible to Displacement"
        )


def test_each_region_is_judged_by_itself_and_rows_keep_their_order():
    near = inputs()
    far = inputs(region="Far").assign(GEOID=[f"08031{number:06d}" for number in range(N)])
    far[[name for name in far if name.startswith(("mrent", "mhval", "hinc"))]] *= 3
    far["rm_hinc_e"] *= 3
    both = pd.concat([near, far]).sample(frac=1, random_state=1)
    found = published(both)
    assert found["GEOID"].tolist() == both["GEOID"].tolist()
    alone = published(near).set_index("GEOID")["public_label"]
    assert found.set_index("GEOID").loc[alone.index, "public_label"].tolist() == alone.tolist()


def test_row_order_is_irrelevant():
    frame = one("per_li_e", 0.6, inc120_e=0.8)
    back = published(frame.iloc[::-1]).sort_values("GEOID", ignore_index=True)
    pd.testing.assert_frame_equal(back, published(frame))


def test_corrected_needs_brackets():
    with pytest.raises(MissingDataError, match="--brackets") as told:
        typology_table(inputs(), mode="corrected")
    assert told.value.exit_code == 3


def brackets(scale=1.0):
    counts = {"I_20000_{}": 300.0, "I_40000_{}": 300.0, "I_80000_{}": 300.0}
    columns = {name.format(year): number * scale for year in ("90", "00") for name, number in counts.items()}
    return pd.DataFrame({"GEOID": inputs()["GEOID"]} | columns)


def test_correction_rebuilds_income_and_divides_the_rest_by_the_same_factor():
    frame = inputs(hinc_00=15_000.0).set_index("GEOID")  # the brackets' median is 30,000: half was lost
    fixed = corrected_inputs(frame, brackets().set_index("GEOID"), params.load("typologies", "udp_2018"))
    assert fixed["hinc_00"].tolist() == pytest.approx([30_000.0] * N)
    assert fixed["mrent_00"].tolist() == pytest.approx((frame["mrent_00"] * 2).tolist())
    # low income: under 24,000: 300 + 300 * 4,000 / 19,999.99 of 900
    assert fixed["per_li_00"].tolist() == pytest.approx([(300 + 300 * 4_000 / 19_999.99) / 900] * N)
    assert fixed["hinc_e"].tolist() == frame["hinc_e"].tolist()


def test_brackets_scaled_alike_change_nothing():
    one_, two = (typology_table(inputs(), brackets=brackets(scale)) for scale in (1.0, 7.0))
    pd.testing.assert_frame_equal(one_, two)


def test_a_tract_without_brackets_is_refused():
    with pytest.raises(ValidationError, match="1 of 11 tracts are absent; first 13121000004"):
        typology_table(inputs(), brackets=brackets().drop(index=4))


@pytest.mark.parametrize(
    ("frame", "match"),
    [
        (inputs().drop(columns="lmh"), "lmh"),
        (inputs(per_li_e=30.0), "percentages"),
        (one("per_li_e", -666666666), "per_li_e: census codes"),
        (inputs(hinc_e=np.nan), "hinc_e: every value is missing"),
        (inputs().iloc[:1], "region Drawn: one tract"),
        (pd.concat([inputs(), inputs().iloc[:1]]), "1 rows repeat a tract; first 13121000000"),
        (inputs(GEOID="99121000000"), "tract identifiers"),
    ],
)
def test_inputs_that_cannot_be_classified_are_refused(frame, match):
    with pytest.raises(ValidationError, match=match):
        published(frame)


def test_all_faults_are_told_at_once():
    with pytest.raises(ValidationError) as told:
        published(pd.concat([inputs(hinc_e=np.nan), inputs(hinc_e=np.nan).iloc[:1]]))
    assert len(told.value.faults) == 2


def test_integer_geoids_are_read():
    frame = inputs()
    frame["GEOID"] = frame["GEOID"].astype("int64")
    assert published(frame)["GEOID"].tolist() == inputs()["GEOID"].tolist()


def test_unknown_mode_and_rules_suggest():
    with pytest.raises(UsageError, match="as_published"):
        typology_table(inputs(), mode="as_publish")
    with pytest.raises(UsageError, match="udp_2018"):
        typology_table(inputs(), mode="as_published", rules="2019")


def test_stability_sums_to_one_and_marks_the_own_label():
    frame = inputs(mrent_e_moe=100.0, mrent_12_moe=100.0, mhval_e_moe=2e4, mhval_12_moe=2e4)
    drawn = typology_stability(frame, mode="as_published", n_draws=40)
    assert drawn.groupby("GEOID")["draw_share"].sum().tolist() == pytest.approx([1.0] * N)
    assert drawn.groupby("GEOID")["is_own"].sum().tolist() == [1] * N
    assert (drawn["entropy_bits"] >= 0).all()


def test_text_and_endless_numbers_are_refused_together():
    frame = one("mhval_e", np.inf)
    frame["mrent_e"] = ["250,000+", *["900"] * (N - 1)]
    with pytest.raises(ValidationError) as told:
        published(frame)
    assert "mrent_e: 1 cell; first '250,000+' in row 1" in str(told.value)
    assert "mhval_e: 1 cell; first 'inf' in row 6" in str(told.value)


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_breaks_off_is_refused(tmp_path, packed):
    text = "GEOID,hh\n13121000100,5\n13121000200"
    path = tmp_path / ("panel.csv.gz" if packed else "panel.csv")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    with pytest.raises(ValidationError, match=r"last row \(2\) has 1 of 2 cells"):
        read_panel(path)
    path.write_bytes(gzip.compress(text.encode() * 50)[:-20] if packed else text.encode("utf-16"))
    with pytest.raises(ValidationError, match="not a CSV table"):
        read_panel(path)


def test_a_whole_file_is_read_with_its_zeros(tmp_path):
    path = tmp_path / "panel.csv"
    path.write_text("\ufeffGEOID,hh\r\n01001020100,5\r\n\r\n", encoding="utf-8")
    assert read_panel(path).to_dict("list") == {"GEOID": ["01001020100"], "hh": [5]}
