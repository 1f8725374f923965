"""Each kind of source, from its server on loopback to a layer that ingest reads."""

from __future__ import annotations

import functools
import io
import json
import zipfile
from pathlib import PurePosixPath

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.dataset as ds
import pytest
import rasterio
from shapely.geometry import box

from densitymap import params
from densitymap.city import load_city
from densitymap.displacement import acs
from densitymap.errors import MissingDataError, NetworkError, UsageError, ValidationError
from densitymap.fetch import catalogue, http, keys, overture
from densitymap.fetch.census_api import Key
from densitymap.fetch.kept import Place
from densitymap.fetch.kinds import KINDS
from densitymap.ingest import find, normalise
from loopback import Answer, serving
from publishers import SECRET, feed, hosts_of, ramp, tiff
from publishers import census_api as census_server

D5 = Place(name="District 5", bounds_deg=(-84.36, 33.74, -84.35, 33.75))
SOURCES = catalogue.sources()


def fetched(name, reply, folder, **more):
    """Fetch one source of the catalogue, every host re-pointed to one server."""
    source = SOURCES[name] | more.pop("changed", {})
    with serving(reply) as server:
        session = http.Session(endpoints=dict.fromkeys(hosts_of(source), server.base), retries=0)
        kind = KINDS[source["kind"]]
        if source["kind"] == "census":
            kind = functools.partial(kind, key=lambda: Key(SECRET))
        if source["kind"] == "raster":
            kind = functools.partial(kind, address=session.address)
        return kind(source, D5, session, folder), server.asked


def layer(name, folder):
    city = load_city()
    found = find.find(city.layers[name], [folder])
    assert found is not None, f"no source of {name} matches the file"
    return normalise.layer_from(found, city.layers[name], city, measures=acs.measures)[0]


def zipped_shapefile(frame, folder, name):
    frame.to_file(folder / f"{name}.shp")
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for part in sorted(folder.glob(f"{name}.*")):
            archive.write(part, part.name)
    return memory.getvalue()


def test_every_source_has_a_kind_a_file_and_layers_that_look_for_it():
    city = load_city()
    for name, source in SOURCES.items():
        if source["kind"] == "arcgis":
            continue
        assert source["kind"] in KINDS, name
        assert source["cite"], name
        assert source["licence"], name
        assert set(source["layers"]) <= set(city.layers), name
        assert set(source.get("fallbacks", ())) <= set(SOURCES), name
        files = [source[key] for key in ("file", "stations", "lines") if key in source]
        for wanted in source["layers"]:
            patterns = [pattern for one in city.layers[wanted].sources for pattern in one.files]
            assert any(_matches(file, pattern) for file in files for pattern in patterns), (name, wanted)


def test_no_two_sources_write_files_that_one_reader_would_take_both():
    """Two files of the same order compete, and a build would stop at them."""
    writers = [
        (name, one[key])
        for name, one in SOURCES.items()
        for key in ("file", "stations", "lines")
        if key in one
    ]
    for layer_ in load_city().layers.values():
        for reader in layer_.sources:
            taken = {file for _, file in writers if any(_matches(file, pattern) for pattern in reader.files)}
            assert len(taken) <= 1, (layer_.name, reader.name, taken)


def _matches(file, pattern):
    return PurePosixPath(file).match(pattern)


@pytest.mark.parametrize(
    ("name", "layer_name", "key"),
    [
        ("acs5_2024_tracts", "acs_2024", "tract_geoid"),
        ("acs5_2019_tracts", "acs_2019", "tract_geoid"),
        ("acs5_2024_block_groups", "acs_2024_block_groups", "block_group_geoid"),
        ("b25032_2024_tracts", "tenure_by_structure", "tract_geoid"),
        ("b25118_2024_tracts", "income_by_tenure", "tract_geoid"),
    ],
)
def test_census_tables_become_layers_with_margins_and_no_file_holds_the_key(name, layer_name, key, tmp_path):
    told, _ = fetched(name, census_server, tmp_path)
    frame = layer(layer_name, tmp_path)
    assert len(frame) == told.rows == (6 if key.startswith("block") else 3)
    assert frame[key].str.startswith("13").all()
    assert frame["renter_households"].notna().all()
    assert frame["renter_households_moe"].notna().all()
    if key.startswith("block"):
        assert (frame["tract_geoid"] == frame[key].str[:11]).all()
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or SECRET not in path.read_text()
    assert SECRET not in repr(told)


def test_measures_ask_the_cells_of_their_year(tmp_path):
    for name, absent, present in (
        ("acs5_2024_tracts", "B25034_010E", "B25034_011E"),
        ("acs5_2019_tracts", "B25038_003X", "B25038_003E"),
    ):
        _, asked = fetched(name, census_server, tmp_path)
        wanted = {cell for call in asked for cell in call.first("get").split(",")}
        assert present in wanted
        assert absent not in wanted


def blocks(asked):
    if asked.path.endswith(".zip"):
        return Answer(BLOCKS_ZIP[0], kind="application/zip")
    names = asked.first("get").split(",")
    county = asked.query["in"][0].split("county:")[1]
    row = {"GEO_ID": f"1000000US13{county}0031001000", "NAME": "Block"}
    return Answer(json.dumps([names, [row.get(name, str(k)) for k, name in enumerate(names)]]))


BLOCKS_ZIP: list[bytes] = []


@pytest.mark.parametrize("missing", [False, True])
def test_blocks_get_their_counts_and_their_points(tmp_path, missing):
    ids = ["131210031001000", "130890031001000"][: 1 if missing else 2]
    points = {"INTPTLON20": ["-084.3500000"] * len(ids), "INTPTLAT20": ["+33.7500000"] * len(ids)}
    frame = gpd.GeoDataFrame(
        {"GEOID20": ids, **points}, geometry=[box(0, 0, 1, 1)] * len(ids), crs="EPSG:4269"
    )
    (tmp_path / "shp").mkdir()
    BLOCKS_ZIP[:] = [zipped_shapefile(frame, tmp_path / "shp", "b")]
    if missing:
        with pytest.raises(ValidationError, match="1 areas have no point; first 1000000US13089"):
            fetched("pl94171_2020_blocks", blocks, tmp_path)
        return
    fetched("pl94171_2020_blocks", blocks, tmp_path)
    found = layer("blocks_2020", tmp_path)
    assert found["block_geoid"].tolist() == sorted(ids)
    assert found["population_2020"].tolist() == [2, 2]
    assert found.to_crs("EPSG:4326").geometry.x.round(2).tolist() == [-84.35, -84.35]


@pytest.mark.parametrize(
    ("name", "layer_name", "geoid"),
    [
        ("cb_2018_tracts", "tracts_2010", "13121003100"),
        ("cb_2022_tracts", "tracts_2020", "13121003100"),
        ("cb_2022_block_groups", "block_groups_2020", "131210031001"),
    ],
)
def test_boundaries_of_the_state_become_those_of_the_two_counties(name, layer_name, geoid, tmp_path):
    here = box(-84.36, 33.74, -84.35, 33.75)
    ids = [geoid, geoid.replace("13121", "13089"), geoid.replace("13121", "13001")]
    frame = gpd.GeoDataFrame(
        {"GEOID": ids, "COUNTYFP": ["121", "089", "001"]}, geometry=[here] * 3, crs="EPSG:4269"
    )
    (tmp_path / "shp").mkdir()
    body = zipped_shapefile(frame, tmp_path / "shp", "cb")
    told, asked = fetched(name, lambda _: Answer(body, kind="application/zip"), tmp_path)
    assert asked[0].path.endswith(SOURCES[name]["file"].split("/")[-1])
    assert told.rows == 2
    assert len(layer(layer_name, tmp_path)) == 2


@pytest.mark.parametrize(("level", "part"), [("tract", "TRACT"), ("block_group", "BLKGRP")])
def test_relationship_files_become_layers(level, part, tmp_path):
    names = f"GEOID_{part}_20|AREALAND_{part}_20|GEOID_{part}_10|AREALAND_{part}_10|AREALAND_PART"
    one = "1" * (level == "block_group")
    body = f"\ufeff{names}\n13121003100{one}|200|13121003200{one}|300|150\n"
    fetched(f"relationship_{level}s_2010_2020", lambda _: Answer(body, kind="text/plain"), tmp_path)
    row = layer(f"{level}s_2010_2020", tmp_path).iloc[0]
    assert row[f"{level}_geoid_in_2020"] == f"13121003100{one}"
    assert (row["land_in_2020_m2"], row["land_in_2010_m2"], row["shared_land_m2"]) == (200, 300, 150)


def test_stations_and_lines_of_the_feed_become_layers(tmp_path):
    told, _ = fetched("marta_gtfs", lambda _: Answer(feed(), kind="application/zip"), tmp_path)
    assert set(layer("rail_stations", tmp_path)["feature_name"]) == {
        "King Memorial, Station", "Inman Park", "Candler Park",
    }  # fmt: skip
    assert layer("rail_lines", tmp_path)["feature_name"].tolist() == ["Red Line"]
    assert len(told.files) == 3


def osm(asked):
    assert asked.method == "POST"
    assert asked.headers["User-Agent"].startswith("densitymap/")
    assert b"33.74%2C-84.36%2C33.75%2C-84.35" in asked.body
    ring = [(-84.36, 33.74), (-84.35, 33.74), (-84.35, 33.75), (-84.36, 33.74)]
    geometry = [{"lon": x, "lat": y} for x, y in ring]
    tags = {"highway": "residential", "name": "${alert(1)}", "building": "house", "building:flats": "2"}
    element = {"type": "way", "id": 5, "geometry": geometry, "tags": tags}
    stamp = {"timestamp_osm_base": "2026-11-20T00:00:00Z"}
    return Answer(json.dumps({"osm3s": stamp, "elements": [element]}))


def test_streets_and_buildings_become_layers_and_are_not_asked_twice(tmp_path):
    told, asked = fetched("osm_streets", osm, tmp_path)
    assert (told.vintage, told.licence, len(asked)) == ("2026-11-20T00:00:00Z", "ODbL", 1)
    again, asked = fetched("osm_streets", osm, tmp_path)
    assert (again, asked) == (told, [])
    fetched("osm_buildings", osm, tmp_path)
    assert layer("streets", tmp_path)["feature_name"].tolist() == ["${alert(1)}"]
    assert layer("buildings", tmp_path)[["feature_id", "homes"]].to_numpy().tolist() == [["way/5", 2]]


def test_a_busy_overpass_is_an_error_and_keeps_nothing(tmp_path):
    with pytest.raises(NetworkError, match="HTTP 504"):
        fetched("osm_streets", lambda _: Answer("busy", 504, "text/html"), tmp_path)
    assert not list(tmp_path.rglob("*.geojson"))


HMDA = "activity_year,lei,census_tract,action_taken,loan_amount,derived_race\n2023,X,13121003100,1,255000.0,Y\n2023,X,NA,3,5,Y\n"


def test_mortgage_applications_become_a_layer_without_the_applicants(tmp_path):
    _, asked = fetched("hmda_2023", lambda _: Answer(HMDA, kind="text/csv"), tmp_path)
    assert asked[0].first("counties") == "13121,13089"
    frame = layer("mortgage_applications", tmp_path)
    assert frame["tract_geoid"].tolist() == ["13121003100", pd.NA]
    assert not any("race" in column for column in frame)


def test_a_table_that_changed_says_which_column_and_the_nearest(tmp_path):
    changed = HMDA.replace("census_tract", "census_tracts")
    with pytest.raises(ValidationError, match=r"no column 'census_tract'\. Did you mean 'census_tracts'"):
        fetched("hmda_2023", lambda _: Answer(changed, kind="text/csv"), tmp_path)
    assert not list(tmp_path.iterdir())


def filings(count, *, lost=0):
    rows = [{"case": str(k), "note": "=cmd|' /C calc'!A0"} for k in range(count)]

    def reply(asked):
        if "$select" in asked.query:
            return Answer(json.dumps([{"n": str(count)}]))
        start, size = int(asked.first("$offset")), int(asked.first("$limit"))
        return Answer(json.dumps(rows[start : min(start + size, count - lost)]))

    return reply


def test_filings_are_paged_until_the_server_s_own_count(tmp_path, monkeypatch):
    plain = params.choice
    small = {"socrata_page_rows": 40}
    monkeypatch.setattr(params, "choice", lambda name, **group: small.get(name) or plain(name, **group))
    told, asked = fetched("eviction_filings_fulton", filings(100), tmp_path)
    assert (told.rows, len(asked)) == (100, 4)
    assert len(pd.read_csv(told.files[0])) == 100
    with pytest.raises(NetworkError, match="99 rows came, the server counts 100"):
        fetched("eviction_filings_fulton", filings(100, lost=1), tmp_path)


def test_what_nobody_publishes_is_known_and_is_not_zero(tmp_path):
    told, asked = fetched("eviction_filings_dekalb", None, tmp_path)
    assert (told.files, told.rows, told.vintage, asked) == ((), None, "none published", [])
    assert "not the same as no evictions" in told.notes[0]


def test_elevation_comes_in_a_plane_and_from_the_second_place_when_the_first_is_gone(tmp_path):
    body = tiff(ramp(), nodata=-999999.0)

    def reply(asked):
        return (
            Answer("gone", 404, "text/plain") if "n34w085" in asked.path else Answer(body, kind="image/tiff")
        )

    told, _ = fetched("elevation", reply, tmp_path, changed={"file": "rasters/dem_10m.tif"})
    assert any(note.startswith("not from tile n34w085") for note in told.notes)
    with rasterio.open(told.files[0]) as raster:
        assert raster.crs.to_string() == "EPSG:26916"
    assert find.find(load_city().layers["elevation_raster"], [tmp_path]).path == told.files[0]


def test_canopy_comes_by_coverage_or_tells_what_each_place_said(tmp_path):
    def reply(asked):
        west, south, east, north = map(float, asked.first("bbox").split(","))
        shape = (int((north - south) / 30), int((east - west) / 30))
        transform = rasterio.transform.from_origin(west, north, 30, 30)
        values = np.full(shape, 40, "uint8")
        crs = {"crs": "EPSG:5070", "transform": transform}
        return Answer(tiff(values, nodata=254, driver="GTiff", **crs), kind="image/tiff")

    told, _ = fetched("tree_canopy", reply, tmp_path)
    assert told.vintage == "2023"
    with rasterio.open(told.files[0]) as raster:
        assert (raster.nodata, raster.res) == (254, (30.0, 30.0))
    excuse = Answer("<ServiceException>startTime is null</ServiceException>", kind="text/xml")
    with pytest.raises(NetworkError) as refused:
        fetched("impervious_surface", lambda _: excuse, tmp_path)
    assert str(refused.value).count("startTime is null") == 2
    assert not (tmp_path / SOURCES["impervious_surface"]["file"]).exists()


def test_overture_reads_only_what_meets_the_box(tmp_path):
    places = {"in": (-84.355, 33.745), "out": (-84.2, 33.9)}
    frame = pd.DataFrame(
        {
            "id": list(places),
            "class": ["house", None],
            "height": [4.0, None],
            "num_floors": pd.array([1, None], dtype="Int32"),
            "bbox": [{"xmin": x, "xmax": x + 1e-4, "ymin": y, "ymax": y + 1e-4} for x, y in places.values()],
            "geometry": [box(x, y, x + 1e-4, y + 1e-4).wkb for x, y in places.values()],
        }
    )
    frame.to_parquet(tmp_path / "part.parquet")
    dataset = ds.dataset(tmp_path / "part.parquet")
    found = overture.buildings(dataset, D5.bounds_deg)
    assert found["id"].tolist() == ["in"]
    assert found.crs == "EPSG:4326"
    with pytest.raises(MissingDataError):
        overture.buildings(dataset, (0.0, 0.0, 1.0, 1.0))
    target = tmp_path / "raw" / SOURCES["overture_buildings"]["file"]
    target.parent.mkdir(parents=True)
    found.to_parquet(target)
    assert layer("buildings", tmp_path / "raw")["storeys"].tolist() == [1]


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"latest": "../../x"}', b"<html>", b'{"latest": 3}'])
def test_a_list_of_releases_that_does_not_name_one_is_refused(body):
    with pytest.raises(NetworkError):
        overture.latest(body, where="Overture")


def test_the_key_is_found_in_order_and_never_shown(tmp_path):
    file = keys.settings_file({"XDG_CONFIG_HOME": str(tmp_path)}, tmp_path)
    asked = []

    def prompt(question):
        asked.append(question)
        return "typed1"

    assert keys.find_key({}, file, prompt=prompt).value == "typed1"
    file.parent.mkdir()
    file.write_text('census_api_key = "filed1"')
    assert keys.find_key({}, file, prompt=prompt).value == "filed1"
    assert keys.find_key({"CENSUS_API_KEY": " env1 "}, file, prompt=prompt).value == "env1"
    assert len(asked) == 1
    file.unlink()

    def hung_up(_):
        raise EOFError

    with pytest.raises(UsageError, match="needs a key"):
        keys.find_key({}, file, prompt=hung_up)
    with pytest.raises(UsageError, match="needs a key") as told:
        keys.find_key({}, file)
    assert "CENSUS_API_KEY" in str(told.value)
    with pytest.raises(UsageError) as told:
        keys.find_key({"CENSUS_API_KEY": "a b?c"}, file)
    assert "a b?c" not in str(told.value)
    assert str(tmp_path) in str(file)
