"""What the map works out by itself: changes between years, differences of policies, other languages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import maps_content as drawn
from densitymap.errors import ValidationError
from densitymap.maps import change, content, difference, layers, ranges, static, themes, translate, words


def themes_of(given, language="en"):
    frames = layers.derived(given)
    return {theme["id"]: theme for theme in layers.themes_of(given, frames, words.load(language))}, frames


def test_a_change_of_shares_is_in_points_with_its_margin():
    found = change.with_changes(drawn.content().history)
    assert found["change__low_income__00_e"].round(6).tolist()[0] == -0.12
    assert found["change__low_income__00_e_moe"].tolist()[0] == pytest.approx(0.05)  # sqrt(0.03^2 + 0.04^2)
    assert np.isnan(found["change__low_income__00_e"].iloc[1])


def test_dollars_of_two_years_are_compared_in_dollars_of_one():
    found = change.with_changes(drawn.content().history)
    assert found["change__income__00_e"].iloc[0] == pytest.approx(0.0)  # 40,000 in 2000 are 61,200 in 2018
    assert found["change__income__00_e"].iloc[1] == pytest.approx(1 / 1.53 - 1)
    assert found["change__income__00_e_moe"].iloc[0] == pytest.approx(np.hypot(20_000, 1.53 * 9_000) / 61_200)


def test_a_change_nobody_can_form_is_no_layer():
    known, _ = themes_of(drawn.content())
    assert "change:low_income:00-e" in known
    assert not [name for name in known if name.startswith("change:rent:")]


def test_titles_of_changes_carry_years_and_none_says_current():
    known, _ = themes_of(drawn.content())
    changes = [theme for theme in known.values() if theme.get("family", "").startswith("change:")]
    assert changes
    assert all(theme["variant"].startswith("Change 2000 to 2014-18") for theme in changes)
    assert not [theme for theme in known.values() if "current" in theme["title"].lower()]


def test_a_definition_says_which_classes_it_counts_and_which_tracts_it_cannot_judge():
    known, frames = themes_of(drawn.content())
    theme = known["definition:history:governing_2015"]
    places = themes.classify(frames["history"][theme["column"]], theme).tolist()
    assert [theme["classes"][place]["label"] for place in places] == [
        "gentrified, as Governing defines it (counted as change or pressure)",
        "no data",
    ]
    assert theme["doubt"]["column"] == "stability__governing_2015"
    freeman = known["definition:history:freeman_2005"]
    assert freeman["needs"] == "not classifiable: input new_housing_share_00 missing"


def test_what_was_not_computed_is_offered_and_says_what_it_needs():
    known, frames = themes_of(drawn.content())
    theme = known["expected:triplex-by-right"]
    assert "Not computable" in theme["needs"]
    assert frames["block_groups"][theme["column"]].isna().all()
    groups = drawn.content().block_groups.assign(**{"expected_homes__triplex-by-right": [0.0, 3.5]})
    known, frames = themes_of(drawn.content(block_groups=groups))
    assert "needs" not in known["expected:triplex-by-right"]
    places = themes.classify(
        frames["block_groups"]["expected_homes__triplex-by-right"], known["expected:triplex-by-right"]
    )
    assert places.tolist() == [0, 2]


def test_the_table_of_block_groups_tells_ranges_and_says_what_is_hidden():
    ends = {"expected_homes__no-change": 2.0, "expected_low__no-change": 0.0, "expected_high__no-change": 8.1}
    groups = drawn.content().block_groups
    groups = groups.assign(**{name: [value, None] for name, value in ends.items()})
    names = ["130890200001", "130890201001", "elsewhere"]
    say = words.load("en")
    heads, rows = ranges.heads_and_cells(drawn.content(block_groups=groups), names, say)
    assert heads == ["Homes expected: Today's law"]
    assert rows == [["2.0 [0.0; 8.1]"], [say("card.not_known")], [say("card.not_known")]]
    assert ranges.heads_and_cells(drawn.content(), names, say) == ([], [[], [], []])


def test_the_difference_keeps_what_is_unknown_and_what_has_no_limit():
    lots = pd.DataFrame(
        {
            "units_allowed__a": pd.array([1, None, np.inf, np.inf, 2], dtype="Float64"),
            "units_allowed__b": pd.array([3, 3, np.inf, 3, 2], dtype="Float64"),
            "verdict__a": ["FALSE", "NO DATA", "MAYBE", "TRUE", "FALSE"],
            "verdict__b": ["TRUE", "TRUE", "MAYBE", "MAYBE", "MAYBE"],
        }
    )
    found = difference.columns(lots, "a", "b")
    assert found["pair_allowed"].isna().tolist() == [False, True, False, False, False]
    assert found["pair_allowed"].dropna().tolist() == [2.0, 0.0, -np.inf, 0.0]
    assert found["pair_verdict"].tolist() == ["to_yes", pd.NA, "same", "less", "to_maybe"]
    assert "pair_fits" not in found


def test_answers_to_different_questions_are_not_compared():
    given = drawn.content(pair=("no-change", "triplex-by-right"))
    assert "verdicts" not in difference.counts(given, given.pair)
    assert any("different questions" in said for said in difference.sentences(given, words.load("en")))
    _, frames = themes_of(given)
    assert frames["lots"]["pair_verdict"].isna().all()
    alike = replace(given, policies=[(name, title, "Same?") for name, title, _ in given.policies])
    told = difference.counts(alike, given.pair)
    assert sum(told["verdicts"].values()) == len(given.lots)


def test_a_pair_of_unknown_policies_is_refused_with_the_nearest():
    with pytest.raises(ValidationError, match="Did you mean 'triplex-by-right'"):
        content.check(drawn.content(pair=("no-change", "triplexbyright")))


def test_a_definition_without_its_columns_is_refused():
    broken = replace(drawn.GOVERNING, column="class__nothing")
    with pytest.raises(ValidationError, match="class__nothing of the definition governing_2015"):
        content.check(drawn.content(definitions=[broken]))


def test_historic_zones_become_an_overlay_by_their_code():
    zones = drawn.content().zones.assign(zone_district=["HC-20A SA3", "C-1", "R-5", "LD-1"])
    found = layers.made(drawn.content(zones=zones))
    assert found["historic"]["name"].tolist() == ["HC-20A SA3", "LD-1"]
    assert "historic" not in layers.made(drawn.content())


def test_sentences_are_translated_whole_or_not_at_all():
    say = words.load("es").sentences
    told = say(
        "The lot is 43.5 ft wide; R-4A asks for 50. A lot of record may be exempt; "
        "nobody has checked whether it is one."
    )
    assert told == (
        "El lote mide 43.5 pies de ancho; R-4A pide 50. Un lote registrado puede estar exento; "
        "nadie ha comprobado si lo es."
    )
    assert say("The lot is 43 ft wide; R-4 asks for 50. Nobody wrote this sentence.") is None


def test_a_column_is_translated_and_its_strangers_are_named():
    texts = pd.Series(["No zoning polygon covers the lot.", None, "Strange <b>."], dtype="string")
    said, left = translate.column(texts, words.load("es").sentences)
    assert said.tolist() == ["Ningún polígono de zonificación cubre el lote.", pd.NA, "Strange <b>."]
    assert left == ["Strange <b>."]


@pytest.mark.parametrize("language", ["es"])
def test_every_template_fills_the_blanks_of_its_english(language):
    for english, other in words.load(language).sentences.pairs:
        blanks = {part.split("}")[0] for part in english.split("{")[1:]}
        assert {part.split("}")[0] for part in other.split("{")[1:]} == blanks, english


def test_past_years_and_definitions_are_tables_too():
    tables = {table["id"]: table for table in static.tables(drawn.content(), words.load("en"))}
    past = tables["history"]
    low = past["heads"].index("Households of low income: Change 2000 to 2014-18")
    assert past["rows"][0][low] == "-12 points (± 5 points (90 % margin))"
    assert past["rows"][1][low] == "not known"
    told = tables["definitions_history"]["rows"]
    assert told[0][1] == "gentrified, as Governing defines it"
    assert told[1][1] == "no data"
    assert told[0][2] == "not classifiable: input new_housing_share_00 missing"
    assert [
        t
        for t in static.tables(drawn.content(history=None, definitions=()), words.load("en"))
        if t["id"] == "history"
    ] == []
