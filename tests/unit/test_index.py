"""Definitions from the catalogue: verbs by hand, unknown inputs, refusals, and what they may not say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from densitymap import params, schema
from densitymap.displacement import index, verbs
from densitymap.displacement.agreement import agreement, overlap
from densitymap.displacement.definition import load_index, read_index
from densitymap.errors import UsageError, ValidationError

ALL = verbs.Setting(reference=np.ones(4, bool), neighbours=np.array([[0, 1], [1, 0], [2, 3]]))


def tracts(n=4, **columns):
    base = {
        "tract_geoid": [f"1312100{number:04d}" for number in range(n)],
        "tract_vintage": pd.array([2020] * n, dtype="Int64"),
        "acs_period": "2020-2024",
        "renter_share": np.linspace(0.1, 0.9, n),
        "median_household_income_usd": np.linspace(120_000, 30_000, n),
        "rent_burdened_30_share": np.linspace(0.2, 0.8, n),
    }
    return pd.DataFrame(base | columns)


def test_percentile_counts_ties_half():
    assert verbs.percentile(np.array([1.0, 2.0, 2.0, np.nan]), ALL).tolist()[:3] == [1 / 6, 4 / 6, 4 / 6]
    assert verbs.percentile(np.array([1.0, 2.0, 2.0, 9.0]), ALL, reverse=True).tolist() == [
        0.875,
        0.5,
        0.5,
        0.125,
    ]


def test_reference_set_is_what_one_is_compared_with():
    half = verbs.Setting(reference=np.array([True, True, False, False]), neighbours=np.empty((0, 2), int))
    assert verbs.above(np.array([1.0, 3.0, 2.5, 1.5]), half).tolist() == [0, 1, 1, 0]


def test_logic_is_kleene():
    yes, no, unknown = np.array([1.0]), np.array([0.0]), np.array([np.nan])
    assert verbs.all_of([no, unknown], ALL).tolist() == [0]
    assert np.isnan(verbs.all_of([yes, unknown], ALL)).all()
    assert verbs.any_of([yes, unknown], ALL).tolist() == [1]
    assert np.isnan(verbs.any_of([no, unknown], ALL)).all()
    assert verbs.count_at_least([yes, yes, unknown], ALL, n=2).tolist() == [1]
    assert verbs.count_at_least([no, no, unknown], ALL, n=2).tolist() == [0]
    assert np.isnan(verbs.count_at_least([yes, no, unknown], ALL, n=2)).all()


def test_ties_are_stated():
    values = np.array([1.0, 2.0, 3.0, np.nan])
    assert verbs.above(values, ALL)[:3].tolist() == [0, 0, 1]
    assert verbs.above(values, ALL, or_equal=True)[:3].tolist() == [0, 1, 1]


def test_neighbours():
    assert verbs.touches(np.array([0.0, 1.0, 1.0, 0.0]), ALL).tolist() == [1, 0, 0, 0]
    assert np.isnan(verbs.touches(np.array([0.0, np.nan, 1.0, 0.0]), ALL)[0])


def test_groups_of_equal_number():
    assert verbs.quantile_group(np.array([1.0, 2.0, 3.0, 4.0]), ALL, groups=2).tolist() == [1, 1, 2, 2]


def test_pressure_orders_places_and_contributions_sum_to_it():
    judged = index.judge(tracts(9), "pressure")
    for frame, name in ((judged.pressure, "pressure"), (judged.inputs, "pressure_inputs")):
        schema.check(frame, name)
    assert judged.pressure["pressure_class"].tolist() == ["lower"] * 3 + ["middle"] * 3 + ["higher"] * 3
    summed = judged.inputs.groupby("tract_geoid")["input_contribution"].sum()
    assert np.allclose(summed.to_numpy(float), judged.pressure["pressure_score"].to_numpy(float))
    assert judged.pressure["inputs_left_out"].eq("bachelors_or_higher_share").all()


def test_missing_input_is_named_and_never_nought():
    frame = tracts(5)
    frame.loc[2, "rent_burdened_30_share"] = np.nan
    row = index.score(frame, "pressure").iloc[2]
    assert pd.isna(row["pressure_score"])
    assert pd.isna(row["is_flagged"])
    assert row["pressure_reason"] == "not classifiable: input rent_burdened_30_share missing"


def test_without_margins_nothing_is_drawn():
    judged = index.judge(tracts(), "pressure")
    assert judged.pressure["n_draws"].eq(0).all()
    assert judged.pressure["class_draw_share"].isna().all()
    assert judged.draws.empty


def test_draws_sum_to_one_and_widen_with_the_margin():
    def judged(margin):
        return index.judge(tracts(12, median_household_income_usd_moe=margin), "pressure")

    narrow, wide = judged(100.0), judged(60_000.0)
    schema.check(wide.draws, "pressure_draws")
    assert np.allclose(wide.draws.groupby("tract_geoid")["class_draw_share"].sum().to_numpy(float), 1)
    assert narrow.pressure["class_draw_share"].mean() > wide.pressure["class_draw_share"].mean()
    assert (wide.pressure["n_draws"] >= 300).all()
    assert wide.pressure["moe_source"].str.contains("median_household_income_usd: published").all()


def test_draws_are_reproducible():
    frame = tracts(8, renter_share_moe=0.1)
    pd.testing.assert_frame_equal(index.score(frame, "pressure"), index.score(frame, "pressure"))


def test_row_order_is_irrelevant_to_the_class():
    frame = tracts(9)
    back = index.score(frame.iloc[::-1], "pressure").set_index("tract_geoid")["pressure_class"]
    assert back.sort_index().tolist() == index.score(frame, "pressure")["pressure_class"].tolist()


def test_vintages_periods_duplicates_and_single_tracts_are_refused():
    mixed = tracts()
    mixed.loc[0, "tract_vintage"] = 2010
    with pytest.raises(ValidationError, match=r"2010.*2020"):
        index.judge(mixed, "pressure")
    with pytest.raises(ValidationError, match="periods 2015-2019, 2020-2024 are mixed"):
        index.judge(tracts(acs_period=["2015-2019"] + ["2020-2024"] * 3), "pressure")
    with pytest.raises(ValidationError, match="1 tracts repeat; first 13121000000"):
        index.judge(tracts().iloc[[0, 1, 2, 0]], "pressure")
    with pytest.raises(ValidationError, match="judged against others"):
        index.judge(tracts(1), "pressure")


def test_unknown_index_suggests_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'pressure'"):
        load_index("presure")


def test_a_bad_definition_tells_all_its_faults():
    record = params.load("indices", "pressure")
    steps = [
        {"name": "a", "verb": "percentil", "of": "renter_share"},
        {"name": "b", "verb": "above", "of": "renter_shar", "quantil": 0.4},
        {"name": "c", "verb": "compare", "of": ["renter_share"], "op": ">"},
    ]
    with pytest.raises(ValidationError) as told:
        read_index(record | {"step": steps}, "mine")
    text = str(told.value)
    for part in ("'percentile'", "'renter_share'", "'quantile'", "compare needs 'value'", "takes one name"):
        assert part in text


@pytest.mark.parametrize("name", params.names("indices"))
def test_every_definition_is_whole_and_cited(name):
    spec = load_index(name)
    assert spec.cite
    assert spec.formula
    assert spec.caveats
    assert spec.race
    names = {entry.name for entry in spec.inputs}
    raced = {
        name for name in names if "white" in name or "black" in name or "hispanic" in name or "asian" in name
    }
    if spec.kind == "ours":
        assert not raced


def test_the_word_risk_is_not_used():
    for kind in ("indices", "profiles", "models"):
        assert "risk" not in str(params.load_all(kind)).casefold()
    assert "risk" not in str(schema.table("pressure").columns).casefold()


def test_agreement_counts_and_names():
    frame = tracts(9)
    frame.loc[0, "rent_burdened_30_share"] = np.nan
    frame["senior_owner_share"] = np.linspace(0.3, 0.1, 9)
    both = pd.concat([index.score(frame, name) for name in ("pressure", "senior_owners")], ignore_index=True)
    found = agreement(both)
    schema.check(found, "agreement")
    assert found["n_definitions"].eq(2).all()
    assert found["n_classifiable"].tolist() == [0] + [2] * 8
    assert found["n_flagged"].iloc[-1] == 2
    assert "pressure: higher pressure than most tracts" in found["flagged_by"].iloc[-1]
    assert "input rent_burdened_30_share missing" in found["not_classifiable_by"].iloc[0]
    assert overlap(both).loc["pressure", "pressure"] == 1
    with pytest.raises(ValidationError, match="repeat"):
        agreement(pd.concat([both, both]))
