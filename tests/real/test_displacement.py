"""Displacement on the real pack: published classes, the corrected ones, the back-test's bars, a profile."""

from __future__ import annotations

import json

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from densitymap import schema
from densitymap.displacement import backtest, index
from densitymap.displacement.agreement import agreement, typology_as_pressure
from densitymap.displacement.backtest_document import mark
from densitymap.displacement.draws import approximate_margins
from densitymap.displacement.forward import forward, forward_of
from densitymap.displacement.profile import ProfileInput, profile
from densitymap.displacement.typology_table import FLAGS, typology_stability, typology_table
from densitymap.errors import UsageError, ValidationError
from densitymap.pipeline.tables import read_panel

ROUNDED_TIE = "13121001002"
"""Its nonwhite share in 2000 is the median to the 12 digits of the file; the published flag had more."""


@pytest.fixture(scope="module")
def expected(cases_dir):
    return pd.read_csv(cases_dir / "udp_atlanta_expected.csv", dtype={"GEOID": str})


@pytest.fixture(scope="module")
def panel(real_dir):
    return pd.read_csv(real_dir / "panel" / "tracts_1990_2018.csv.gz", dtype={"GEOID": str})


@pytest.fixture(scope="module")
def atlanta(panel):
    return backtest.run(panel, "Atlanta")


def test_published_classes_and_labels_match_in_every_tract(cases_dir, expected):
    found = typology_table(read_panel(cases_dir / "udp_atlanta_inputs.csv"), mode="as_published")
    assert found["GEOID"].tolist() == expected["GEOID"].tolist()
    assert found["typ_cat"].tolist() == expected["typ_cat"].fillna("").tolist()
    assert found["public_label"].tolist() == expected["public_label"].tolist()
    assert found["typology_code"].tolist() == expected["typology_code"].astype("Int64").tolist()
    for flag in FLAGS:
        differ = (found[flag] != expected[flag]).fillna(False) & (found["GEOID"] != ROUNDED_TIE)
        assert not differ.any(), flag


def test_corrected_labels_match_and_207_change(cases_dir):
    brackets = read_panel(cases_dir / "udp_atlanta_brackets.csv")
    found = typology_table(
        read_panel(cases_dir / "udp_atlanta_inputs.csv"), mode="corrected", brackets=brackets
    )
    target = pd.read_csv(cases_dir / "udp_atlanta_corrected_classes.csv", dtype={"GEOID": str})
    target = target.set_index("GEOID").loc[found["GEOID"]]
    assert (found["public_label"].to_numpy() == target["corrected"].to_numpy()).mean() >= 0.98
    assert abs(int((found["public_label"].to_numpy() != target["udp"].to_numpy()).sum()) - 207) <= 3
    reynoldstown = found.set_index("GEOID").loc["13121003100", "public_label"]
    assert reynoldstown == "Early/Ongoing Gentrification"


def test_sampling_error_moves_labels_about_as_much_as_known(cases_dir):
    inputs = pd.read_csv(cases_dir / "udp_atlanta_inputs.csv", dtype={"GEOID": str})
    drawn = typology_stability(inputs, mode="as_published")
    own = drawn.loc[drawn["is_own"], "draw_share"]
    assert drawn["n_draws"].iloc[0] >= 300
    # reference/displacement.md section 3: mean .86 and 43 % under .9, with another approximation of the shares' error
    assert 0.80 <= own.mean() <= 0.92
    assert 0.33 <= (own < 0.9).mean() <= 0.53


def test_definitions_disagree_as_they_are_known_to(panel, cases_dir):
    tracts = (
        panel[panel["city"] == "Atlanta"].rename(columns={"GEOID": "tract_geoid"}).assign(tract_vintage=2010)
    )
    known = {"governing_2015": 54, "ncrc_2019": 31, "landis_2016": 64, "ellen_oregan": 46, "ding_2016": 160}
    tables = {name: index.score(tracts, name) for name in (*known, "freeman_2005")}
    for name, count in known.items():
        assert abs(int(tables[name]["is_flagged"].sum()) - count) <= 4, name
    assert not tables["freeman_2005"]["is_classifiable"].any()
    published = typology_as_pressure(
        typology_table(read_panel(cases_dir / "udp_atlanta_inputs.csv"), mode="as_published")
    )
    assert published["is_flagged"].sum() == 40
    both = agreement(pd.concat([*tables.values(), published], ignore_index=True))
    schema.check(both, "agreement")
    assert both["n_flagged"].max() < both["n_definitions"].max()


def test_backtest_clears_its_bars(atlanta):
    found = atlanta["outcomes"]["li_fell"]
    assert found["base_rate"] == pytest.approx(0.255, abs=0.002)
    for model in backtest.MODELS:
        assert found["F00"][model]["auc"] >= 0.80
        assert found["F12"][model]["auc"] >= 0.82
        for known in backtest.FEATURE_SETS:
            assert found[known][model]["ece"] <= 0.06
    assert found["baselines"]["near_downtown"]["auc"] == pytest.approx(0.788, abs=0.002)


def test_inner_ten_kilometres_are_not_told_apart(atlanta):
    inner = atlanta["outcomes"]["li_fell"]["inner_10km"]
    assert inner["n"] == 125
    assert inner["base_rate"] == pytest.approx(0.64, abs=0.01)
    assert not any(inner["may_rank"].values())
    assert inner["reads"] == "history does not tell these tracts apart"


def test_backtest_answers_in_json_of_the_stated_form(atlanta):
    told = json.loads(json.dumps(atlanta, allow_nan=False))
    assert told["test"] == "Atlanta"
    assert "Atlanta" not in told["trained_on"]
    assert set(told["outcomes"]) == {"li_fell", "li_fell_20", "li_share_5", "nonwhite_10"}
    for outcome in told["outcomes"].values():
        assert {"F00", "F12", "baselines", "paired", "inner_10km"} <= set(outcome)
        for known in ("F00", "F12"):
            for model in ("logit", "gbm"):
                assert {"auc", "auc_ci", "ap", "brier_skill", "ece"} <= set(outcome[known][model])
                low, high = outcome[known][model]["auc_ci"]
                assert low <= outcome[known][model]["auc"] <= high


def test_unknown_metro_and_bad_panels_are_refused(panel):
    with pytest.raises(UsageError, match="Did you mean 'Atlanta'"):
        backtest.run(panel, "Atlnta")
    small = panel[panel["city"].isin(["Atlanta", "Memphis"])]
    for bad, match in (
        (small.assign(per_li_00=small["per_li_00"] * 100), "per_li_00"),
        (pd.concat([small, small.iloc[:1]]), "repeat a tract"),
        (pd.concat([small, small.iloc[:1].assign(city="Alone")]), "city Alone: 1 tract"),
        (small.assign(mrent_12=float("nan")), "mrent_12: every value is missing"),
        (small[small["city"] == "Atlanta"], "nothing to learn from"),
    ):
        with pytest.raises(ValidationError, match=match):
            backtest.run(bad, "Atlanta")


def test_the_page_is_current(request):
    page = (request.config.rootpath / "docs" / "backtest.md").read_text()
    assert mark() in page, "run `python benchmarks/bench_displacement.py --write`"


def test_forward_scores_are_silent_where_history_is(panel):
    tracts = panel[panel["city"] == "Atlanta"]
    found = forward(tracts, may_rank_inner=False)
    near = (tracts["dcbd"] <= 10).to_numpy()
    assert found.loc[near, "pressure_score"].isna().all()
    assert found["pressure_score"].notna().sum() > 500
    assert set(found.loc[found["pressure_score"].notna(), "pressure_reason"]) == {
        "resembles tracts where the number of low-income households fell"
    }


def test_the_back_test_decides_who_is_scored_forward(panel, atlanta):
    table, told = forward_of(panel, atlanta)
    ranked = atlanta["outcomes"]["li_fell"]["inner_10km"]["may_rank"]["logit"]
    near = (panel.loc[panel["city"] == "Atlanta", "dcbd"] <= 10).to_numpy()
    assert bool(table.loc[near, "pressure_score"].notna().any()) == ranked
    assert told["tracts"] == len(table) == 738
    assert told["scored"] == table["pressure_score"].notna().sum()
    assert "mid-2030s" in told["horizon"]


@pytest.fixture(scope="module")
def reynoldstown(real_dir, panel):
    places = gpd.read_file(real_dir / "boundaries" / "neighborhoods.geojson").to_crs(2240)
    tracts = gpd.read_file(real_dir / "census" / "tracts_2010vintage_fulton_dekalb.geojson").to_crs(2240)
    counts = pd.read_csv(real_dir / "census" / "blocks_2020_pl94171_atlanta.csv")
    points = shapely.points(counts["INTPTLON"], counts["INTPTLAT"])
    blocks = gpd.GeoDataFrame(counts, geometry=points, crs=4326).to_crs(2240)
    names = {"POP100": "population_2020", "WHITE": "white_nonhispanic_2020", "HU100": "housing_units_2020"}
    return profile(
        ProfileInput(
            name="Reynoldstown",
            place=places[places["NAME"] == "Reynoldstown"],
            tracts={2010: tracts.rename(columns={"GEOID": "tract_geoid"})},
            blocks=blocks.rename(columns=names),
            history=panel,  # five metros: only the place's own is compared with
        )
    )


def test_reynoldstown_tract_and_place_are_told_apart(reynoldstown):
    first = reynoldstown["tracts"][0]
    assert first["tract_geoid"] == "13121003100"
    assert first["share_of_place"] == pytest.approx(0.53, abs=0.005)
    shares = [first["history"][year]["nonwhite_share"]["value"] for year in ("1990", "2000", "2014-2018")]
    assert [round(100 * share) for share in shares] == [95, 89, 38]
    census = reynoldstown["census_2020"]
    assert census["people_of_color_2020"]["value"] == pytest.approx(1_464, rel=0.01)
    assert census["population_2020"]["value"] == pytest.approx(3_630, rel=0.01)


def test_a_profile_says_what_it_cannot(reynoldstown):
    told = json.loads(json.dumps(reynoldstown, allow_nan=False))
    assert any("freed people" in line for line in told["cannot_test"])
    assert told["land_price_per_acre"] == "not in this data"
    assert told["place_history"]["2000"]["population"]["margin"] == "not published"
    metro = told["comparison"]["metro"]
    assert (metro["name"], metro["tracts"]) == ("Atlanta", 738)
    assert 4.0e6 < metro["2014-2018"]["population"]["value"] < 5.0e6


def test_published_definitions_are_drawn_with_approximated_margins(panel):
    tracts = (
        panel[panel["city"] == "Atlanta"].rename(columns={"GEOID": "tract_geoid"}).assign(tract_vintage=2010)
    )
    judged = index.judge(approximate_margins(tracts), "governing_2015")
    schema.check(judged.pressure, "pressure")
    known = judged.pressure["is_classifiable"].to_numpy(dtype=bool)
    stable = judged.pressure.loc[known, "class_draw_share"]
    assert judged.pressure["n_draws"].eq(300).all()
    assert 0.5 < stable.mean() < 1
    assert judged.pressure.loc[known, "moe_source"].str.contains("per_col_00: approximated").all()
    assert judged.pressure["moe_source"].str.contains("pop_00: none, held fixed").all()


def test_a_metro_taught_by_its_own_blocks_is_held_out_block_by_block(panel):
    small = panel[panel["city"].isin(["Atlanta", "Memphis"])]
    told = backtest.taught_inside(small, "Memphis")
    assert told["blocks"] == 13, "12, and one of the 39 tracts without coordinates"
    for way in ("alone", "with_others"):
        for model in backtest.MODELS:
            assert 0.75 < told[way][model] < 0.92
