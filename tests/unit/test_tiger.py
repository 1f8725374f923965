"""Boundary and relationship files: their addresses by year, and what is refused."""

from __future__ import annotations

import zipfile

import geopandas as gpd
import pytest
from shapely.geometry import box

from densitymap.errors import UsageError, ValidationError
from densitymap.fetch import tiger

HEADER = "OID_TRACT_20|GEOID_TRACT_20|NAMELSAD_TRACT_20|AREALAND_TRACT_20|OID_TRACT_10|GEOID_TRACT_10|AREALAND_PART"
ROW = "20790|01001020100|Census Tract 201|9825304|20790|01001020100|9825304"


def boundaries(folder, **columns):
    fields = {"GEOID": ["13121003100", "13089020100"], "COUNTYFP": ["121", "089"]} | columns
    frame = gpd.GeoDataFrame(
        {k: v for k, v in fields.items() if v}, geometry=[box(0, 0, 1, 1)] * 2, crs="EPSG:4269"
    )
    frame.to_file(folder / "cb.shp")
    path = folder / "cb.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for part in sorted(folder.glob("cb.*")):
            if part != path:
                archive.write(part, part.name)
    return path


@pytest.mark.parametrize(
    ("year", "level", "kind", "path"),
    [
        (2010, "tract", "cartographic", "geo/tiger/GENZ2010/gz_2010_13_140_00_500k.zip"),
        (2013, "tract", "cartographic", "geo/tiger/GENZ2013/cb_2013_13_tract_500k.zip"),
        (2018, "tract", "cartographic", "geo/tiger/GENZ2018/shp/cb_2018_13_tract_500k.zip"),
        (2024, "block_group", "cartographic", "geo/tiger/GENZ2024/shp/cb_2024_13_bg_500k.zip"),
        (2022, "block_group", "tiger", "geo/tiger/TIGER2022/BG/tl_2022_13_bg.zip"),
    ],
)
def test_addresses_follow_the_bureau_s_folders(year, level, kind, path):
    assert tiger.boundary_path(year, level, "13", kind=kind) == path


@pytest.mark.parametrize("year", [2009, 2011, 2012])
def test_a_year_without_a_file_is_said(year):
    with pytest.raises(UsageError, match="use 2010 or 2013"):
        tiger.boundary_path(year, "tract", "13")


def test_an_unknown_level_suggests_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'tract'"):
        tiger.boundary_path(2022, "tracts", "13")


def test_areas_are_counted_in_the_counties_asked_for(tmp_path):
    path = boundaries(tmp_path)
    assert tiger.check_boundaries(path.read_bytes(), ["121", "089"], where="tracts") == 2
    assert tiger.check_boundaries(path.read_bytes(), ["089"], where="tracts") == 1
    with pytest.raises(ValidationError, match="no area in county 063"):
        tiger.check_boundaries(path.read_bytes(), ["121", "063"], where="tracts")


def test_the_names_of_2010_are_understood(tmp_path):
    fields = {
        "GEOID": None,
        "COUNTYFP": None,
        "GEO_ID": ["1400000US1", "1400000US2"],
        "COUNTY": ["121", "089"],
    }
    assert tiger.check_boundaries(boundaries(tmp_path, **fields).read_bytes(), ["121"], where="tracts") == 1


def test_another_file_is_refused(tmp_path):
    path = boundaries(tmp_path, GEOID=None, COUNTYFP=None, NAME=["a", "b"])
    with pytest.raises(ValidationError, match="no GEOID and COUNTYFP among NAME"):
        tiger.check_boundaries(path.read_bytes(), ["121"], where="tracts")


@pytest.mark.parametrize("keep", [0.5, 0.98])
def test_a_cut_zip_is_refused(tmp_path, keep):
    path = boundaries(tmp_path)
    body = path.read_bytes()
    with pytest.raises(ValidationError, match="no whole ZIP"):
        tiger.check_boundaries(body[: int(len(body) * keep)], ["121"], where="tracts")


def test_a_page_instead_of_a_zip_is_refused():
    with pytest.raises(ValidationError, match="no whole ZIP"):
        tiger.check_boundaries(b"<html>blocked</html>", ["121"], where="tracts")


def test_a_relationship_file_keeps_its_zeros_and_sheds_its_mark():
    table = tiger.read_relationship(f"\ufeff{HEADER}\n{ROW}\n".encode(), "tract", where="rel")
    assert table.loc[0, "GEOID_TRACT_20"] == "01001020100"
    assert table.loc[0, "AREALAND_PART"] == "9825304"
    assert table.columns[0] == "OID_TRACT_20"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{HEADER}\n{ROW}", "ends in the middle of a row"),
        (HEADER.replace("TRACT", "BLKGRP") + "\n" + ROW + "\n", "lacks GEOID_TRACT_20"),
        ("<html><body>no</body></html>\n", "lacks GEOID_TRACT_20"),
        (f"{HEADER}\n{ROW}|1|2\n", "no table separated by"),
        ("\n\n", "no table separated by"),
        ("", "ends in the middle"),
    ],
)
def test_what_is_no_relationship_file_is_refused(text, words):
    with pytest.raises(ValidationError, match=words):
        tiger.read_relationship(text.encode(), "tract", where="rel")
