"""What is judged in numbers is what the tables say in words; shortcuts change no answer."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densitymap.capacity import verdict
from densitymap.capacity.allowed import units_allowed
from densitymap.capacity.verdict import RULES, Judgement, Margins, judge
from densitymap.feasibility.funnel import funnel
from densitymap.pipeline import scenarios, workspace
from densitymap.pipeline.results import policies
from densitymap.pipeline.tally import Tally, by_rule, by_type, by_verdict
from densitymap.pipeline.workspace import Workspace
from densitymap.scenarios import divide
from densitymap.scenarios import fits as fitting
from densitymap.scenarios.evaluate import evaluate
from densitymap.scenarios.policy import apply, load_policy, scenario_names
from densitymap.scenarios.record import LEVELS, Needs, Outcome, record
from densitymap.scenarios.standing import standards_under

AMOUNTS = st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1.0, 2.0, 49.0, 50.0, 51.0, 5000.0, 5100.0])
ROW = st.tuples(
    AMOUNTS,
    AMOUNTS,
    st.booleans(),
    st.booleans(),
    st.integers(0, 2),
    st.sampled_from([-1.0, 0.0, 0.02, np.inf]),
)
NEAR = Margins(length_ft=2.0, share=0.03)


@pytest.fixture(scope="module")
def loaded(sample_space):
    loaded = scenarios.load_ground(Workspace(sample_space))
    loaded.place([apply(name, load_policy("atlanta")) for name in scenario_names()])
    return loaded


@pytest.fixture(scope="module")
def results(loaded):
    """Every shipped scenario evaluated, each reusing the places of no change as a run does."""
    today = load_policy("atlanta")
    base = evaluate(loaded.scene, today)
    rest = {name: apply(name, today) for name in scenario_names() if name != today.name}
    return {today.name: base} | {
        name: evaluate(loaded.scene, policy, reuse=base.places) for name, policy in rest.items()
    }


@pytest.mark.skipif(not verdict.kernel.HAS_NUMBA, reason="numba is not installed: there is one path only")
@settings(deadline=None, max_examples=60)
@given(st.lists(ROW, min_size=1, max_size=30), st.sampled_from(RULES), st.booleans())
def test_compiled_and_plain_judge_alike(rows, rule, doubted):
    have, need, waived, softened, level, tightness = (np.array(column) for column in zip(*rows, strict=True))
    before = Judgement(
        level=level.astype(np.int8),
        rule=np.full(len(rows), -1, dtype=np.int8),
        have=np.zeros(len(rows)),
        need=np.zeros(len(rows)),
        tightness=tightness,
    )
    doubts = {"waived": waived, "softened": softened} if doubted else {}
    compiled, plain = before.copy(), before.copy()
    judge(compiled, rule, have, need, margins=NEAR, **doubts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verdict.kernel, "HAS_NUMBA", False)
        judge(plain, rule, have, need, margins=NEAR, **doubts)
    for name in Judgement.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(compiled, name), getattr(plain, name), err_msg=name)


@pytest.mark.parametrize("name", ["no-change", *(name for name in scenario_names() if name != "no-change")])
def test_a_scenario_in_numbers_is_the_build_in_words(loaded, results, name):
    found, scene = results[name], loaded.scene
    standards = standards_under(
        scene.lots, found.policy, parcel_zones=scene.parcel_zones, sliver_share=scene.sliver_share
    )
    said = units_allowed(scene.lots, standards, policy=name, question=found.policy.question)
    columns = ["parcel_id", "verdict", "units_allowed", "units_certain", "binding_rule"]
    pd.testing.assert_frame_equal(found.allowed[columns], said[columns].reset_index(drop=True))
    table = fitting.fits(scene.ground, [found.policy])
    pd.testing.assert_frame_equal(found.fits.drop(columns="reason"), table.drop(columns="reason"))
    assert table["reason"].notna().all()
    pd.testing.assert_frame_equal(found.stages, funnel(found.allowed, found.fits, scene.lots))
    assert (found.stages["fits_may"] > 0).any()


def test_cuts_left_out_early_would_have_come_to_nothing(loaded, results, monkeypatch):
    found = results["missing-middle-2021"]
    monkeypatch.setattr(
        divide, "_large_enough", lambda _ground, _policy, shapes, _lot: np.full(len(shapes), True)
    )
    slow = evaluate(loaded.scene, found.policy)
    pd.testing.assert_frame_equal(found.fits, slow.fits)
    assert (found.fits["fit_mode"] == "split").any()


def test_a_build_in_parts_writes_what_one_piece_would(loaded, sample_space, monkeypatch):
    stored = pd.read_parquet(sample_space / "data/4_results/fits.parquet")
    rules = policies(loaded.city)
    whole = fitting.fits(loaded.scene.ground, rules)
    pd.testing.assert_frame_equal(stored, whole)
    monkeypatch.setattr(fitting, "_CHUNK", 150)
    keys = ["policy", "fit_mode", "fit_type", "parcel_id"]
    few = rules[:2]
    parts = fitting.fits(loaded.scene.ground, few).sort_values(keys, ignore_index=True)
    alone = whole[whole["policy"].isin([policy.name for policy in few])].sort_values(keys, ignore_index=True)
    pd.testing.assert_frame_equal(parts, alone)


def test_a_tally_of_parts_counts_the_stored_tables(loaded, sample_space):
    told = json.loads((sample_space / "data/4_results/results.json").read_text())["summary"]
    zones = loaded.scene.lots.set_index("parcel_id")["zone_district"]
    fits = pd.read_parquet(sample_space / "data/4_results/fits.parquet")
    for name, own in fits.assign(zone_district=fits["parcel_id"].map(zones)).groupby("policy"):
        new = own[own["fit_mode"] == "new"]
        counts = new[new["fit_type"] == "duplex"]["verdict"].value_counts()
        assert {w: n for w, n in told["fits"][name]["new"]["duplex"].items() if n} == counts.to_dict()
        assert sum(row["lots"] for row in told["fits_by_rule"][name]) == len(own)
    allowed = pd.read_parquet(sample_space / "data/4_results/allowed.parquet")
    known = allowed["units_allowed"].notna().groupby(allowed["policy"]).sum()
    assert told["homes_allowed_known_on"] == known.to_dict()
    for name, own in allowed.groupby("policy"):
        unsure = own[own["verdict"] == "MAYBE"]["binding_rule"].value_counts().to_dict()
        rows = [row for row in told["verdicts_by_rule"][name] if row["verdict"] == "MAYBE"]
        assert pd.DataFrame(rows).groupby("binding_rule")["lots"].sum().to_dict() == unsure


def test_a_tally_adds_over_parts_and_keeps_missing_apart():
    frame = pd.DataFrame(
        {
            "policy": "p",
            "zone_district": pd.array(["R-4", None, "R-4", "R-4"], dtype="string"),
            "verdict": ["TRUE", "NO DATA", "TRUE", "FALSE"],
            "binding_rule": pd.array(["use", None, "use", "yards"], dtype="string"),
            "fit_mode": "new",
            "fit_type": "house",
        }
    )
    tally = Tally(by=("fit_mode", "fit_type", "zone_district", "verdict", "binding_rule"))
    given_on = list(tally.over([frame.iloc[:2], frame.iloc[2:]]))
    pd.testing.assert_frame_equal(pd.concat(given_on), frame)
    counts = tally.of("p")
    assert by_verdict(counts) == {"TRUE": 2, "MAYBE": 0, "FALSE": 1, "NO DATA": 1}
    assert by_type(counts)["new"]["house"]["TRUE"] == 2
    first, *rest = by_rule(counts)
    assert first == {"zone_district": "R-4", "verdict": "TRUE", "binding_rule": "use", "lots": 2}
    assert {"zone_district": "no data", "verdict": "NO DATA", "binding_rule": "no data", "lots": 1} in rest


def test_parts_that_fail_midway_leave_the_previous_file(tmp_path):
    path, frame = tmp_path / "table.parquet", pd.DataFrame({"a": [1, 2]})
    workspace.write_parts(path, iter([frame, frame]))
    assert pd.read_parquet(path)["a"].tolist() == [1, 2, 1, 2]

    def broken():
        yield frame
        raise ValueError("midway")

    with pytest.raises(ValueError, match="midway"):
        workspace.write_parts(path, broken())
    assert pd.read_parquet(path)["a"].tolist() == [1, 2, 1, 2]
    assert [entry.name for entry in tmp_path.iterdir()] == ["table.parquet"]


@pytest.mark.parametrize("level", LEVELS)
def test_places_of_every_level_hold_every_lot(results, level):
    base = Outcome(results=results["no-change"])
    told = record(Outcome(results=results["triplex-near-rail"]), base, Needs(pays=("left out",)))
    rows = told[f"by_{level}"]
    assert sum(row["lots"] for row in rows) == told["lots"]
    assert sum(row["funnel"]["fits"] for row in rows) == told["funnel"]["fits"]
