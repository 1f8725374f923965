"""The command line on the built-in sample: options, exit codes, errors, what is kept."""

from __future__ import annotations

import shutil

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import box

from commands import densitymap

LOTS = 500


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    assert densitymap("sample", "--lots", LOTS, "--workspace", folder).code == 0
    assert densitymap("build", "--workspace", folder).code == 0
    return folder


def test_main_job_ends_with_a_map_that_says_it_is_made_up(space):
    drawn = densitymap("map", "--workspace", space, "--json")
    assert drawn.code == 0
    assert drawn.document["synthetic"] is True
    html = (space / "maps" / "index.html").read_text(encoding="utf-8")
    assert "SYNTHETIC SAMPLE" in html
    assert html.count("http://") + html.count("https://") < 40  # links to the code; nothing is fetched


@pytest.mark.parametrize("order", ["before", "after"])
def test_common_options_stand_before_or_after(space, order):
    words = ["--json", "--quiet", "--workspace", space]
    args = [*words, "build"] if order == "before" else ["build", *words]
    ran = densitymap(*args)
    assert ran.code == 0
    assert ran.document["synthetic"] == "SYNTHETIC SAMPLE"
    assert ran.err == ""


def test_without_json_nothing_is_on_stdout(space):
    ran = densitymap("build", "--workspace", space)
    assert ran.out == ""
    assert "Next: densitymap map" in ran.err


def test_every_command_names_the_next(space):
    assert "Next: densitymap lot" in densitymap("zone", "R-4", "--workspace", space).err


def test_nothing_built_is_exit_3_with_the_next_step(tmp_path):
    ran = densitymap("map", "--workspace", tmp_path, "--json")
    assert ran.code == 3
    assert ran.document["error"]["next"] == "run `densitymap build`"
    assert "Traceback" not in ran.err
    assert densitymap("build", "--workspace", tmp_path).code == 3


def test_wrong_usage_is_exit_2(space):
    assert densitymap("build", "--nonsense", "--workspace", space).code == 2
    ran = densitymap("build", "--area", "Reynoldstwn", "--workspace", space)
    assert ran.code == 2
    assert "Did you mean 'Reynoldstown'" in ran.err
    assert densitymap("sample", "--lots", "3", "--workspace", space).code == 2


def test_area_by_box_file_neighbourhood_and_npu(space, tmp_path):
    lots = gpd.read_parquet(space / "data/3_parcels/parcels.parquet")
    place = lots["neighborhood"].mode()[0]
    whole = len(lots)
    area = lots[lots["neighborhood"] == place].dissolve()
    area[["geometry"]].to_crs("EPSG:4326").to_file(tmp_path / "here.geojson")
    west, south, east, north = area.to_crs("EPSG:4326").total_bounds
    other = tmp_path / "w"
    shutil.copytree(space, other)
    for name in (place, str(tmp_path / "here.geojson"), f"{west},{south},{east},{north}", "city"):
        ran = densitymap("build", "--area", name, "--workspace", other, "--json")
        assert ran.code == 0, ran.err
        assert 0 < ran.document["lots"] <= whole + LOTS
    npu = lots["npu"].mode()[0]
    assert densitymap("build", "--area", f"npu-{npu}", "--workspace", other, "--json").code == 0


def test_added_file_replaces_a_layer_and_a_refused_one_changes_nothing(space, tmp_path):
    other = tmp_path / "w"
    shutil.copytree(space, other)
    lots = gpd.read_parquet(space / "data/2_layers/parcels.parquet").head(20)
    good = gpd.GeoDataFrame(
        {"PARCELID": lots["parcel_id"], "SITEADDRESS": lots["site_address"], "CLASSDSCRP": "R3",
         "OWNERNME1": "ADA LOVELACE", "OWNERNME2": None, "PSTLADDRESS": "1 FAR RD"},
        geometry=lots.geometry,
    )  # fmt: skip
    good.to_file(tmp_path / "mine.gpkg")
    good.drop(columns="PARCELID").to_file(tmp_path / "bad.gpkg")
    refused = densitymap("add", tmp_path / "bad.gpkg", "--as", "parcels", "--workspace", other)
    assert refused.code == 5
    assert "parcel_id: the file has no column 'PARCELID'" in refused.err
    assert not (other / "data/1_raw/added").exists()
    added = densitymap("add", tmp_path / "mine.gpkg", "--as", "parcels", "--workspace", other)
    assert added.code == 0, added.err
    report = densitymap("build", "--workspace", other, "--json").document
    assert report["parcels_read"] == 20
    assert report["layers"]["parcels"]["unused_files"] == ["taxparcel.parquet"]
    assert densitymap("add", tmp_path / "mine.gpkg", "--as", "parcel", "--workspace", other).code == 2


def test_an_added_shapefile_comes_whole(space, tmp_path):
    other = tmp_path / "w"
    shutil.copytree(space, other)
    area = gpd.read_parquet(space / "data/3_parcels/area.parquet").total_bounds
    zones = gpd.GeoDataFrame(
        {"GLOBALID": ["{A}"], "ZONECLASS": ["R-4"]}, geometry=[box(*area)], crs="EPSG:2240"
    )
    zones.to_file(tmp_path / "zones.shp")
    assert densitymap("add", tmp_path / "zones.shp", "--as", "zoning", "--workspace", other).code == 0
    kept = {path.suffix for path in (other / "data/1_raw/added/zoning").iterdir()}
    assert {".shp", ".shx", ".dbf", ".prj"} <= kept
    first = densitymap("build", "--workspace", other, "--json").document
    assert list(first["zone_districts"]) == ["R-4"]
    zones.assign(ZONECLASS="R-5").to_file(tmp_path / "zones.shp")  # only the .dbf differs
    assert densitymap("add", tmp_path / "zones.shp", "--as", "zoning", "--workspace", other).code == 0
    again = densitymap("build", "--workspace", other, "--json").document
    assert list(again["zone_districts"]) == ["R-5"]


def test_json_has_no_infinity(space):
    ran = densitymap(
        "lot", "--wkt", "POLYGON((0 0,90 0,90 150,0 150,0 0))", "--zone", "RG-3", "--json", "-w", space
    )
    assert ran.code == 0, ran.err
    assert "Infinity" not in ran.out
    assert "NaN" not in ran.out


def test_faults_of_all_files_are_told_at_once(space, tmp_path):
    other = tmp_path / "w"
    shutil.copytree(space, other)
    for name in ("boundaries/npus.geojson", "beltline/beltline_loop.geojson"):
        (other / "data/1_raw" / name).write_text('{"type": "FeatureCollection", "features": []}')
    before = (other / "data/4_results/build.json").read_bytes()
    ran = densitymap("build", "--workspace", other)
    assert ran.code == 5
    assert "2 layers were refused" in ran.err
    assert "npus.geojson" in ran.err
    assert "beltline_loop.geojson" in ran.err
    assert (other / "data/4_results/build.json").read_bytes() == before


def test_locked_build_refuses_what_changed(space, tmp_path):
    other = tmp_path / "w"
    shutil.copytree(space, other)
    path = other / "data/1_raw/sales/sales.csv"
    assert densitymap("build", "--locked", "--workspace", other).code == 0
    stations = other / "data/1_raw/transit/marta_stations.geojson"
    gpd.read_file(stations).head(2).to_file(stations)
    ran = densitymap("build", "--locked", "--workspace", other)
    assert ran.code == 5
    assert "rail_stations: changed" in ran.err
    assert path.exists()


def test_unknown_codes_are_kept_as_unread(space, tmp_path):
    zones = gpd.GeoDataFrame(
        {"GLOBALID": ["{A}"], "ZONECLASS": ["ZZ-99"]},
        geometry=[box(*gpd.read_parquet(space / "data/3_parcels/area.parquet").total_bounds)],
        crs="EPSG:2240",
    )
    zones.to_file(tmp_path / "zones.gpkg")
    other = tmp_path / "w"
    shutil.copytree(space, other)
    assert densitymap("add", tmp_path / "zones.gpkg", "--as", "zoning", "--workspace", other).code == 0
    report = densitymap("build", "--workspace", other, "--json").document
    assert list(report["zone_districts"]) == ["ZZ-99"]
    for counts in report["verdicts"].values():
        assert counts["MAYBE"] == report["lots"]
    assert densitymap("map", "--workspace", other).code == 0


def test_receipts_account_for_every_row(space):
    report = densitymap("build", "--workspace", space, "--json").document
    for name, entry in report["layers"].items():
        if name in ("parcels", "elevation_raster", "canopy_raster"):
            continue
        joined = entry["changed"].get("parts of one place joined", 0)
        assert entry["rows_in"] == entry["rows"] + sum(entry["left_out"].values()) + joined, name
    lots = pd.read_parquet(space / "data/2_layers/parcels.parquet")
    parcels = report["layers"]["parcels"]
    assert parcels["rows_in"] == lots["n_records"].sum() + sum(parcels["left_out"].values())


def test_existing_homes_come_only_from_publishers(space):
    lots = gpd.read_parquet(space / "data/3_parcels/parcels.parquet")
    known = lots["existing_units"].notna()
    assert known.any()
    assert (~known).any()
    assert lots.loc[known, "existing_units_source"].notna().all()
    assert set(lots.loc[known, "county"]) == {"Fulton"}  # DeKalb publishes no count of homes


def test_rasters_are_read_onto_lots(space):
    lots = gpd.read_parquet(space / "data/3_parcels/parcels.parquet")
    assert lots["elevation_ft"].between(700, 1_200).mean() > 0.9
    assert lots["canopy_share"].dropna().between(0, 1).all()


def test_hostile_text_stays_text(space):
    lots = gpd.read_parquet(space / "data/2_layers/parcels.parquet")
    assert lots["site_address"].str.contains("onerror", regex=False, na=False).any()
    html = (space / "maps" / "index.html").read_text(encoding="utf-8")
    assert "onerror=alert" not in html


def test_doctor_tells_every_check(space):
    ran = densitymap("doctor", "--offline", "--workspace", space, "--json")
    assert ran.code == 0, ran.err
    names = {check["name"] for check in ran.document["checks"]}
    assert {"Python", "geopandas", "Leaflet for the map", "free disk", "last build"} <= names


def test_the_real_folder_is_not_overwritten_by_the_sample(tmp_path):
    (tmp_path / "data/1_raw").mkdir(parents=True)
    (tmp_path / "data/1_raw/mine.csv").write_text("a\n1\n")
    ran = densitymap("sample", "--lots", LOTS, "--workspace", tmp_path)
    assert ran.code == 2
    assert (tmp_path / "data/1_raw/mine.csv").exists()
