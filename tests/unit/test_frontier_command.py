"""The frontier and the explanation on a built sample: files that run, numbers that agree, errors with codes."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from commands import densitymap
from densitymap import params
from densitymap.city import load_city
from densitymap.pipeline.workspace import Workspace

PACKAGES = "duplex-any-lot-of-record,triplex-any-lot-with-protections"
ASK = ("frontier", "--packages", PACKAGES, "--draws", 30, "--json")


@pytest.fixture(scope="module")
def space(sample_space, tmp_path_factory):
    """The shared sample, copied, with homes known on every lot, so that everything can be computed."""
    folder = tmp_path_factory.mktemp("frontier") / "space"
    shutil.copytree(sample_space, folder)
    path = Workspace(folder).parcels / "parcels.parquet"
    lots = gpd.read_parquet(path)
    lots.assign(existing_units=lots["existing_units"].fillna(1)).to_parquet(path)
    return folder


@pytest.fixture(scope="module")
def told(space):
    """What a frontier says where one was asked before and somebody keeps a file of his own beside it."""
    earlier = Workspace(space).results / "frontier"
    earlier.mkdir(exist_ok=True)
    for name in ("frontier-neighborhood-99", "mine"):
        (earlier / f"{name}.toml").write_text("")
    ran = densitymap(*ASK, "--workspace", space)
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_channels_stay_apart_and_rise_together(told):
    assert set(told["channels"]) == {"regional", "local", "adverse"}
    for points in told["channels"].values():
        homes = [point["scored"]["net_homes"]["mean"] for point in points]
        moved = [in_order(point["scored"]["direct"]["mean"]) for point in points]
        assert points
        assert homes == sorted(homes)
        assert moved == sorted(moved)


def in_order(count):
    """A number of households, words about 0."""
    return 0.0 if count == "fewer than 5" else count


def test_no_household_below_five_is_told_of_any_point_or_rule(told):
    points = [point for points in told["channels"].values() for point in points]
    ruled = [row for rows in told["baselines"].values() for row in rows]
    ledgers = [point[name] for point in points for name in ("market", "exclusion")]
    ledgers += [
        row["direct"] for row in [*(p["scored"] for p in points), *(p["promised"] for p in points), *ruled]
    ]
    for ledger in ledgers:
        told_as = [value for name, value in ledger.items() if name != "sign"]
        assert all(value in {"fewer than 5", 0} or abs(value) >= 5 for value in told_as)


def test_promised_and_scored_are_of_different_runs(told):
    points = told["channels"]["regional"]
    assert any(point["promised"] != point["scored"] for point in points)
    assert told["draws"] == {"to_choose": 30, "to_score": 30, "seed": told["draws"]["seed"]}


def test_all_rules_stand_beside_the_points(told):
    assert set(told["baselines"]) == {"uniform", "random", "transit-only", "avoid-pressure"}
    packages = [row["package"] for row in told["baselines"]["uniform"]]
    assert packages == PACKAGES.split(",")


def test_every_point_is_a_scenario_that_is_accepted(told, space):
    for point in told["channels"]["regional"]:
        levers = tomllib.loads(Path(point["file"]).read_text()).get("lever", [])
        named = {name for lever in levers for name in lever["where"]["neighborhood"]}
        assert named == set(point["chosen"])
    last = told["channels"]["regional"][-1]["file"]
    ran = densitymap("scenario", "run", last, "--draws", 10, "--json", "--workspace", space)
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["net_homes"] is not None


def test_who_lives_where_by_race_changes_nothing(told, space, tmp_path):
    """Shuffle the blocks' people among blocks: no column of race may reach the choice."""
    other = tmp_path / "shuffled"
    shutil.copytree(space, other)
    path = Workspace(other).layers / "blocks_2020.parquet"
    blocks = pd.read_parquet(path)
    people = [
        name for name in blocks if blocks[name].dtype.kind in "iuf" or str(blocks[name].dtype) == "Int64"
    ]
    assert people
    order = np.random.default_rng(5).permutation(len(blocks))
    moved = gpd.read_parquet(path)
    moved[people] = blocks[people].iloc[order].to_numpy()
    assert not moved[people].equals(blocks[people])
    moved.to_parquet(path)
    again = json.loads(densitymap(*ASK, "--workspace", other).out)
    for one, same in zip(told["channels"]["local"], again["channels"]["local"], strict=True):
        assert {**one, "file": ""} == {**same, "file": ""}


def test_a_budget_of_nothing_buys_no_protection(space, tmp_path):
    ran = densitymap(*ASK, "--budget", 0, "--out", tmp_path, "--workspace", space)
    assert ran.code == 0, ran.err
    said = json.loads(ran.out)
    for point in said["channels"]["adverse"]:
        assert point["promised"]["programme_cost_usd"]["mean"] == 0
        assert "triplex-any-lot-with-protections" not in point["chosen"].values()


def test_points_over_the_budget_are_flagged_and_the_budget_is_explained(space, tmp_path):
    budget = 300_000
    ran = densitymap(*ASK, "--budget", budget, "--out", tmp_path, "--workspace", space)
    said = json.loads(ran.out)
    points = said["channels"]["regional"]
    assert any(point["scored"]["programme_cost_usd"]["mean"] for point in points)
    for point in points:
        assert point["over_budget"] == (point["scored"]["programme_cost_usd"]["mean"] > budget)
        assert 0 <= point["share_of_runs_over_budget"] <= 1
        assert point["scenario"] == point["file"]
    assert "kept on average" in " ".join(said["notes"])
    assert "of fresh runs" in ran.err


def test_what_each_protection_costs_is_told_in_words(told):
    priced = told["protections_priced"]["triplex-any-lot-with-protections"]
    assert set(priced) == {"tenure_protection", "no_net_loss", "tax_relief", "preservation_purchase"}
    assert "builders" in priced["no_net_loss"]
    assert "levy" in priced["tax_relief"]
    assert all(point["cost_unknown_of"] == [] for point in told["channels"]["local"])


def test_a_point_is_named_as_any_scenario_is(told, space):
    last = told["channels"]["regional"][-1]["scenario"]
    assert last == f"frontier-neighborhood-{len(told['channels']['regional']):02d}"
    ran = densitymap("scenario", "show", last, "--json", "--workspace", space)
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["name"] == last
    missing = densitymap("map", "frontier-neighborhod-01", "--workspace", space)
    assert missing.code == 2
    assert "There is no scenario named 'frontier-neighborhod-01'" in missing.err
    assert "Did you mean 'frontier-neighborhood-01'" in missing.err
    assert "duplex-by-right" in missing.err
    assert "path" in missing.err


def test_points_of_an_earlier_frontier_are_forgotten(told, space):
    left = {path.stem for path in (Workspace(space).results / "frontier").glob("*.toml")}
    assert left == {point["scenario"] for point in told["channels"]["local"]} | {"mine"}


def test_by_zone_binds_districts_and_leaves_out_what_has_none(space, tmp_path):
    ran = densitymap(*ASK, "--by", "zone", "--channel", "local", "--out", tmp_path, "--workspace", space)
    assert ran.code == 0, ran.err
    said = json.loads(ran.out)
    assert list(said["channels"]) == ["local"]
    assert [text.split(":")[0] for text in said["left_out"]] == ["triplex-any-lot-with-protections"]
    for path in tmp_path.glob("*.toml"):
        assert densitymap("scenario", "validate", path, "--workspace", space).code == 0


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("--by", "neighbourhood"), 2, "neighborhood"),
        (("--channel", "regionl"), 2, "regional"),
        (("--budget", "-1"), 2, "at least 0"),
        (("--budget", "nan"), 2, "at least 0"),
        (("--packages", "duplex-by-rigth"), 2, "duplex-by-right"),
        (("--packages", "no-change"), 2, "besides no change"),
        (("--packages", "absent.toml"), 3, "absent.toml"),
    ],
)
def test_what_cannot_be_asked_is_said(space, args, code, words):
    ran = densitymap("frontier", *args, "--workspace", space)
    assert ran.code == code
    assert words in ran.err
    assert "Traceback" not in ran.err


def test_where_homes_are_unknown_it_says_what_it_needs(sample_space, tmp_path):
    folder = tmp_path / "unknown"
    shutil.copytree(sample_space, folder)
    path = Workspace(folder).parcels / "parcels.parquet"
    lots = gpd.read_parquet(path)
    lots.assign(existing_units=pd.array([pd.NA] * len(lots), dtype="Int64")).to_parquet(path)
    ran = densitymap("frontier", "--draws", 5, "--workspace", folder)
    assert ran.code == 3
    assert "not computable: needs existing use" in ran.err
    assert "Nothing else of it can be told" in ran.err
    assert "densitymap compare adu-everywhere duplex-by-right" in ran.err
    assert densitymap("frontier", "--workspace", tmp_path / "nothing").code == 3


def test_an_explanation_agrees_with_itself_and_names_its_inputs(space):
    args = ("explain", "duplex-any-lot-of-record", "duplex-by-right", "--draws", 20, "--json")
    ran = densitymap(*args, "--workspace", space)
    assert ran.code == 0, ran.err
    first = ran.err.splitlines()[0]
    assert first.startswith("duplex-any-lot-of-record, against duplex-by-right: direct D, market I")
    said = json.loads(ran.out)
    whole = {name: part["value"] for name, part in said["difference"].items()}
    assert [row["lever"]["kind"] for row in said["by_lever"]] == ["waive_minimums"]
    assert said["by_lever"][0]["alone"] == said["by_lever"][0]["left_out"] == whole
    assert sum(row["allowed"] or 0 for row in said["by_place"]) <= whole["allowed"]
    assert f"{whole['fits']:+,g} homes that fit" in " ".join(said["sentences"])
    lock = json.loads((space / "densitymap.lock").read_text())["layers"]
    for link in said["chain"]:
        loaded = {name: layer["sha256"] for name, layer in lock.items() if name in link["files"]}
        assert loaded == {name: sha for name, sha in link["files"].items() if sha}
        assert set(link["not_loaded"]) == set(link["files"]) - set(loaded)
        assert "parcels" in loaded
        assert link["seed"] == said["rests_on"]["seed"]


def test_every_layer_of_the_chain_is_one_of_the_city(space):
    """A number whose chain names a layer that no city has can never be followed to its file."""
    known = set(load_city().layers)
    for link in params.load("frontier", "chain").values():
        assert set(link["layers"]) <= known
        assert all(load_city().with_role(role) for role in link["roles"])


def test_where_no_ledger_can_be_computed_the_table_of_signs_stands_all_the_same(sample_space, tmp_path):
    folder = tmp_path / "unknown"
    shutil.copytree(sample_space, folder)
    path = Workspace(folder).parcels / "parcels.parquet"
    lots = gpd.read_parquet(path)
    lots.assign(existing_units=pd.array([pd.NA] * len(lots), dtype="Int64")).to_parquet(path)
    ran = densitymap("explain", "small-lots", "--draws", 5, "--json", "--workspace", folder)
    assert ran.code == 0, ran.err
    rows = json.loads(ran.out)["signs"]
    assert [row["channel"] for row in rows] == ["regional", "local", "adverse"]
    assert {row[name] for row in rows for name in ("direct", "market")} == {"not computable"}


def test_a_scenario_beside_itself_has_no_driver(space):
    ran = densitymap("explain", "small-lots", "small-lots", "--draws", 5, "--json", "--workspace", space)
    said = json.loads(ran.out)
    assert said["by_lever"] == []
    assert {part["value"] for part in said["difference"].values()} == {0}
