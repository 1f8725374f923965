"""The fetch against Koop on loopback: the real 2,000 parcels and the zoning, on the City's real paths."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pytest

from densitymap.errors import NetworkError
from densitymap.fetch import catalogue, features
from densitymap.fetch.http import Session
from densitymap.fetch.kept import Place
from koop_server import published, serving

TAX_PARCELS = "/dpcd/rest/services/AdministrativeArea/TaxParcel/MapServer"
ZONING = "/dpcd/rest/services/LandUsePlanning/LandUsePlanning/MapServer"
EAST_SIDE = Place(name="the east side", bounds_deg=(-84.60, 33.60, -84.20, 33.90))
SOURCES = catalogue.sources()


@pytest.fixture(scope="module")
def layers(real_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("koop")
    parcels = gpd.read_file(real_dir / "coa_parcels" / "parcels_d5_pseudonymised.geojson")
    zoning = gpd.read_file(real_dir / "coa_zoning" / "zoning_districts_eastside.geojson")
    return {
        TAX_PARCELS: [published(parcels, folder, layer="Tax Parcel")],
        ZONING: [published(zoning.drop(columns="OBJECTID", errors="ignore"), folder, layer="Zoning")],
    }, folder


def fetched(base: str, name: str, folder: Path, *, attempts: int = 1) -> features.Fetched:
    session = Session(endpoints={"*": base}, retries=attempts, backoff_s=0.01)
    return features.fetch(SOURCES[name], EAST_SIDE, session, folder)


def test_every_row_of_parcels_and_zoning_arrives_once(layers, real_dir, tmp_path):
    services, folder = layers
    with serving(services, folder) as base:
        parcels = fetched(base, "city_taxparcel", tmp_path)
        zoning = fetched(base, "city_zoning", tmp_path)
    given = gpd.read_file(real_dir / "coa_parcels" / "parcels_d5_pseudonymised.geojson")
    came = gpd.read_file(parcels.files[0])
    assert parcels.rows == len(came) == len(given) == 2_000
    assert sorted(came["OBJECTID"]) == sorted(given["OBJECTID"])
    both = came.set_index("OBJECTID").sort_index(), given.set_index("OBJECTID").sort_index()
    assert (both[0]["PARCELID"] == both[1]["PARCELID"]).all()
    assert (both[0]["SHAPE.AREA"] - both[1]["SHAPE.AREA"]).abs().max() < 1e-6
    there, here = (frame.to_crs("EPSG:2240").geometry.area for frame in both)
    assert (there - here).abs().max() < 1e-3
    assert zoning.rows == len(gpd.read_file(zoning.files[0])) == 1_060


@pytest.mark.parametrize("mode", ["error", "short", "half"])
def test_a_page_that_is_bad_once_loses_nothing(layers, tmp_path, mode):
    services, folder = layers
    with serving(services, folder, fault={"mode": mode, "from": 600, "times": 1}) as base:
        result = fetched(base, "city_taxparcel", tmp_path)
    ids = [row["properties"]["OBJECTID"] for row in json.loads(result.files[0].read_text())["features"]]
    assert len(ids) == len(set(ids)) == result.rows == 2_000


def test_a_page_with_holes_is_refused_by_name_and_nothing_is_written(layers, tmp_path):
    services, folder = layers
    with (
        serving(services, folder, fault={"mode": "holes", "from": 600}) as base,
        pytest.raises(NetworkError, match=r"rows 601 to 900: 257 rows came for 300"),
    ):
        fetched(base, "city_taxparcel", tmp_path)
    assert not (tmp_path / "parcels" / "taxparcel.geojson").exists()
