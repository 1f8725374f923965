"""From the publishers' servers (Koop on loopback, the two counties' own schemas) to a map, by the commands alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

from commands import densitymap
from koop_server import published, serving

DPCD = "/dpcd/rest/services"
FULTON = "/AQDHTHDrZzfsFsB5/ArcGIS/rest/services"
ONLY = (
    "council_districts", "neighborhoods", "parcels", "zoning",
    "assessor_fulton", "assessor_dekalb", "assessor_dekalb_buildings",
)  # fmt: skip


@pytest.fixture(scope="module")
def publishers(sample_space, tmp_path_factory):
    """The sample's files as the services they imitate."""
    folder = tmp_path_factory.mktemp("publishers")
    raw = sample_space / "data" / "1_raw"

    def layer(file: str, name: str, number: int) -> dict[str, object]:
        path = raw / file
        frame = gpd.read_parquet(path) if path.suffix == ".parquet" else gpd.read_file(path)
        if "DISTRICT" in frame:
            frame["NAME"] = "District " + frame["DISTRICT"].astype(str)
        return published(frame, folder, layer=name, layer_id=number)

    return {
        f"{DPCD}/AdministrativeArea/TaxParcel/MapServer": [
            layer("parcels/taxparcel.parquet", "Tax Parcel", 0)
        ],
        f"{DPCD}/LandUsePlanning/LandUsePlanning/MapServer": [layer("zoning/zoning.gpkg", "Zoning", 0)],
        f"{DPCD}/AdministrativeArea/GeopoliticalArea/MapServer": [
            layer("boundaries/council_districts_2022.geojson", "City Council Districts", 1),
            layer("boundaries/neighborhoods.fgb", "Neighborhood", 4),
        ],
        f"{FULTON}/Tax_Parcels_2025/FeatureServer": [
            layer("assessor/fulton_tax_parcels_2025.gpkg", "Tax Parcels 2025", 0)
        ],
        "/mapping/rest/services/Tax_Parcels_Assessment_View/FeatureServer": [
            layer("assessor/dekalb_assessment.gpkg", "Assessment", 2)
        ],
        "/hosted/rest/services/PropertyAppraisal/Parcels_IASWorld/FeatureServer": [
            layer("assessor/dekalb_iasworld.parquet", "Parcels_IASWorld", 0)
        ],
    }, folder


def fetch_words(space: Path, base: str, *more: object) -> list[str]:
    only = [word for name in ONLY for word in ("--only", name)]
    words = ["fetch", *only, "--endpoints", f"*={base}", "--workspace", space, "--json", *more]
    return [str(word) for word in words]


def test_fetched_layers_of_two_counties_become_a_map(publishers, sample_space, tmp_path):
    services, folder = publishers
    with serving(services, folder) as base:
        ran = densitymap(*fetch_words(tmp_path, base))
    assert ran.code == 0, ran.err
    entries = {entry["source"]: entry for entry in ran.document["sources"]}
    assert all(entry["state"] == "fetched" for entry in entries.values()), ran.err
    assert any("moved from 1 to 4" in note for note in entries["city_neighborhoods"]["notes"])
    sources = json.loads((tmp_path / "densitymap.lock").read_text())["sources"]
    assert set(sources["city_taxparcel"]) == {
        "url", "service_layer", "file", "vintage", "rows", "sha256", "licence", "fetched_at",
    }  # fmt: skip
    assert "City of Atlanta" in sources["city_taxparcel"]["licence"]
    ran = densitymap(*fetch_words(tmp_path, "http://127.0.0.1:1"))
    assert {entry["state"] for entry in ran.document["sources"]} == {"kept"}, ran.err

    raw = Path("data", "1_raw")
    shutil.copytree(sample_space / raw / "census", tmp_path / raw / "census")
    for command in ("build", "map"):
        ran = densitymap(command, "--workspace", tmp_path, "--quiet")
        assert ran.code == 0, ran.err
    lots, given = (
        pd.read_parquet(space / "data" / "3_parcels" / "parcels.parquet").set_index("parcel_id")
        for space in (tmp_path, sample_space)
    )
    facts = ["existing_units", "appraised_value_usd", "year_built", "zone_district", "neighborhood"]
    assert sorted(lots.index) == sorted(given.index)
    pd.testing.assert_frame_equal(lots[facts].sort_index(), given[facts].sort_index())
    dekalb = lots.index.str.startswith("15")
    assert lots.loc[~dekalb, "existing_units"].notna().any()
    assert lots.loc[dekalb, "appraised_value_usd"].notna().any()
    assert list((tmp_path / "maps").glob("*.html"))

    lock = json.loads((tmp_path / "densitymap.lock").read_text())
    assert lock["layers"]["zoning"]["url"].endswith("/LandUsePlanning/LandUsePlanning/MapServer/0")
    assert lock["layers"]["zoning"]["fetched_at"]
    assert lock["sources"] == sources
    assert densitymap("build", "--locked", "--workspace", tmp_path, "--quiet").code == 0
    zoning = tmp_path / "data" / "1_raw" / "zoning" / "zoning.geojson"
    zoning.write_text(zoning.read_text().replace("R-4", "R-5"))
    ran = densitymap("build", "--locked", "--workspace", tmp_path, "--quiet")
    assert ran.code == 5
    assert "city_zoning: zoning/zoning.geojson is not the file that was fetched" in ran.err


def test_a_fetch_killed_in_the_middle_goes_on_and_ends_with_the_same_bytes(publishers, tmp_path):
    services, folder = publishers
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    with serving(services, folder) as base:
        assert densitymap(*fetch_words(whole, base)).code == 0
        slow = {"mode": "error", "from": 300}
    with serving(services, folder, fault=slow) as base:
        words = [sys.executable, "-m", "densitymap", *fetch_words(broken, base)]
        run = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        parts = broken / "data" / "1_raw" / "parcels" / ".taxparcel.geojson.part"
        until = time.monotonic() + 60
        while not list(parts.rglob("0*.json")) and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    assert not (broken / "data" / "1_raw" / "parcels" / "taxparcel.geojson").exists()
    assert list(parts.rglob("0*.json"))
    with serving(services, folder) as base:
        ran = densitymap(*fetch_words(broken, base))
    assert ran.code == 0, ran.err
    assert not parts.exists()
    hashes = [
        {name: entry["sha256"] for name, entry in lock["sources"].items()}
        for lock in (json.loads((space / "densitymap.lock").read_text()) for space in (whole, broken))
    ]
    assert hashes[0] == hashes[1]
