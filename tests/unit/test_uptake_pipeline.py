"""Calibrate and expect on a built workspace: commands, exit codes, what is written and what never is."""

from __future__ import annotations

import json
import shutil

import geopandas as gpd
import pandas as pd
import pytest

from commands import densitymap
from densitymap.city import load_city
from densitymap.feasibility.priors import choice
from densitymap.pipeline import uptake as stage
from densitymap.pipeline.uptake import build_uptake
from densitymap.pipeline.workspace import Workspace
from densitymap.scenarios.headline import headline


@pytest.fixture(scope="module")
def space(sample_space, tmp_path_factory):
    folder = tmp_path_factory.mktemp("uptake") / "space"
    shutil.copytree(sample_space, folder)
    return folder


@pytest.fixture(scope="module")
def permits(space):
    return next((space / "data" / "1_raw").rglob("permits.csv"))


@pytest.fixture(scope="module")
def fitted(space, permits):
    ran = densitymap("calibrate", "--permits", permits, "--local", "-w", space, "--json")
    assert ran.code == 0, ran.err
    return ran


def test_prior_and_posterior_stand_side_by_side(fitted):
    rows = {row["name"]: row for row in fitted.document["side_by_side"]}
    assert rows["adu_rate"]["prior"]["default"] == 0.004
    assert rows["adu_rate"]["posterior"] != rows["adu_rate"]["prior"]
    assert all(row["unit"] and row["prior_cite"] for row in rows.values())


def test_rows_spoilt_in_the_sample_are_set_aside_and_named(fitted):
    used = fitted.document["permits"]
    assert 0 < len(used["set_aside"]) < 0.1 * used["rows_read"]
    assert all("BB-" in line for line in used["set_aside"])
    assert used["rows_used"] > 0


def test_what_happened_here_is_told(fitted):
    assert "R-5" in fitted.document["what_happened_here"]
    assert "does not explain" in fitted.err


def test_expected_is_drawn_by_area_and_never_by_lot(space, fitted, monkeypatch):
    monkeypatch.setattr(stage, "total_needs", lambda *_: [])
    document = build_uptake(Workspace(space), load_city(), n_draws=60)
    table = pd.read_parquet(space / "data" / "4_results" / "uptake.parquet")
    lots = pd.read_parquet(space / "data" / "3_parcels" / "parcels.parquet", columns=["parcel_id"])
    assert not set(table["area_name"]) & set(lots["parcel_id"])
    assert document["fitted_to_permits"]
    assert document["what_happened_here"] == fitted.document["what_happened_here"]
    base = document["policies"]["no-change"]
    reform = document["policies"]["missing-middle-2021"]
    assert base["computable"]
    assert base["gross_more_than_no_change"] == {"p10": 0.0, "p50": 0.0, "p90": 0.0}
    assert reform["gross"]["p10"] <= reform["gross"]["p50"] <= reform["gross"]["p90"]
    assert reform["tornado"]
    shown = table[~table["is_hidden"]]
    assert (shown["uptake_p10"] <= shown["uptake_p90"]).all()


def test_without_existing_homes_only_rates_by_district_are_told(space, fitted, monkeypatch):
    monkeypatch.setattr(stage, "total_needs", lambda *_: ["homes that stand"])
    document = build_uptake(Workspace(space), load_city(), n_draws=61)
    found = document["policies"]["missing-middle-2021"]
    assert not found["computable"]
    assert found["needs"] == ["homes that stand"]
    assert "net" not in found
    assert found["per_lot_by_zone"]
    table = pd.read_parquet(space / "data" / "4_results" / "uptake.parquet")
    assert set(table["area_level"]) == {"zone_district"}
    assert not set(table["uptake_measure"]) & {"net", "demolished"}


def test_expected_is_made_once(space, fitted):
    first = build_uptake(Workspace(space), load_city(), n_draws=60)
    stamp = (space / "data" / "4_results" / "uptake.json").stat().st_mtime_ns
    assert build_uptake(Workspace(space), load_city(), n_draws=60) == first
    assert (space / "data" / "4_results" / "uptake.json").stat().st_mtime_ns == stamp


def test_coordinates_of_other_rows_are_refused_and_nothing_is_written(space, permits, tmp_path):
    table = pd.read_csv(permits, dtype="string")
    places = table[["latitude", "longitude"]]
    table[["latitude", "longitude"]] = places.shift(9).fillna(places.head(9)).to_numpy()
    table.to_csv(tmp_path / "moved.csv", index=False)
    before = (
        (space / "data" / "4_results" / "calibration.json").read_text() if fitted_already(space) else None
    )
    ran = densitymap("calibrate", "--permits", tmp_path / "moved.csv", "-w", space, "--json")
    assert ran.code == 5
    assert "belong to other rows" in json.loads(ran.out)["error"]["message"]
    after = (space / "data" / "4_results" / "calibration.json").read_text() if fitted_already(space) else None
    assert after == before


def fitted_already(space) -> bool:
    return (space / "data" / "4_results" / "calibration.json").is_file()


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("", 5, "empty.csv"),
        ("a,b\n1,2\n", 5, "not a table of permits"),
        (
            "record_type,date_opened,address\n=cmd|x,2020-01-01,<img onerror=x>\n",
            0,
            "no permit lies on a lot",
        ),
        ("record_type,date_opened,address\nADU,2044-01-01,1 A ST\n", 5, "in the future"),
    ],
)
def test_other_files_end_in_one_clear_word(space, tmp_path, text, code, words):
    path = tmp_path / "empty.csv"
    path.write_text(text)
    ran = densitymap("calibrate", "--permits", path, "-w", space)
    assert ran.code == code, ran.err
    assert words in ran.err
    assert "Traceback" not in ran.err


def test_permits_the_workspace_holds_are_fitted_as_a_file_of_them_is(space, permits, fitted, tmp_path):
    shutil.copytree(space, tmp_path / "own")
    table = pd.read_csv(permits, dtype="string")
    names = {"record_id": "permit_id", "record_type": "permit_type", "date_opened": "permit_opened",
             "address": "site_address"}  # fmt: skip
    at = gpd.points_from_xy(table["longitude"].astype(float), table["latitude"].astype(float))
    layer = gpd.GeoDataFrame(table.rename(columns=names)[[*names.values()]], geometry=at, crs="EPSG:4326")
    layer.to_crs("EPSG:2240").to_parquet(tmp_path / "own" / "data" / "2_layers" / "permits.parquet")
    ran = densitymap("calibrate", "-w", tmp_path / "own", "--json")
    assert ran.code == 0, ran.err
    assert ran.document["posterior"] == fitted.document["posterior"]
    assert ran.document["permits"]["file"] == "the workspace's layer of permits"


def test_asking_for_what_is_not_there(space, tmp_path):
    ran = densitymap("calibrate", "-w", space)
    assert ran.code == 3
    assert "No permits are loaded" in ran.err
    assert densitymap("calibrate", "--permits", tmp_path / "none.csv", "-w", space).code == 3
    assert densitymap("calibrate", "--local", "-w", tmp_path).code == 3


def test_a_build_says_what_is_expected_with_how_many_draws_and_what_happened_here(sample_space):
    report = json.loads((sample_space / "data" / "4_results" / "build.json").read_text())
    said = report["expected"]
    assert said["draws"] == choice("n_draws")
    assert "no permits loaded" in said["what_happened_here"]
    assert "missing-middle-2021" in said["policies"]
    if said["computable"]:
        ends = said["policies"]["no-change"]["gross"]
        assert 0 <= ends["p10"] <= ends["p50"] <= ends["p90"]
    else:
        assert said["needs"]
    assert "uptake" in report["redone"]
    assert report["seconds"]["uptake"] > 0


def test_comparing_says_what_happened_here(space, fitted):
    ends = {"p10": 0, "p50": 1, "p90": 2}
    said = {"funnel": {"allowed": 3, "fits": 2, "pays": 1, "pays_owner": None, "expected": ends}, "net_homes": ends,
            "maybe": {"allowed": 1_200, "fits": 0, "pays": 4, "pays_owner": None},
            "name": "no-change", "difference": None, "what_happened_here": stage.what_happened_here(Workspace(space))}  # fmt: skip
    lines = headline([said, said])
    assert lines[0] == (
        "no-change: homes allowed 3 (+ 1,200 maybe), fit 2; pay a developer 1 (+ 4 maybe), owners not computable; "
        "expected in ten years 1 [0 to 2], net 1 [0 to 2]"
    )
    assert [line for line in lines if "What happened here" in line] == [lines[-1]]
    assert "R-5" in lines[-1]
    nothing = said | {"funnel": said["funnel"] | {"expected": None}}
    assert not any("What happened here" in line for line in headline([nothing]))
