"""The fault table against Koop: 2,000 exact rows, or an error that names the page; never less and silence."""

from __future__ import annotations

import geopandas as gpd
import pytest

from densitymap.errors import NetworkError
from densitymap.fetch import catalogue, features
from densitymap.fetch.http import Session
from densitymap.fetch.kept import Place
from koop_server import published, serving

TAX_PARCELS = "/dpcd/rest/services/AdministrativeArea/TaxParcel/MapServer"
EVERYWHERE = Place(name="the county", bounds_deg=(-84.60, 33.60, -84.20, 33.90))
SOURCE = catalogue.sources()["city_taxparcel"]
FAULTS = {
    "error JSON in 200": {"mode": "error"},
    "500": {"mode": "http", "status": 500},
    "502": {"mode": "http", "status": 502},
    "503": {"mode": "http", "status": 503},
    "504": {"mode": "http", "status": 504},
    "429 with Retry-After": {"mode": "http", "status": 429, "headers": {"Retry-After": "1"}},
    "404": {"mode": "http", "status": 404},
    "web page": {"mode": "html"},
    "token asked for": {"mode": "token"},
    "body broken off": {"mode": "cut"},
    "half a JSON": {"mode": "half"},
    "short page": {"mode": "short"},
    "page with holes": {"mode": "holes"},
    "page doubled": {"mode": "twice"},
}
FINAL = {"404", "token asked for"}
"""Answers that are not asked for again."""
HARMLESS = {"short page"}
"""Faults after which all rows come, however often."""


@pytest.fixture(scope="module")
def layer(real_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("koop")
    parcels = gpd.read_file(real_dir / "coa_parcels" / "parcels_d5_pseudonymised.geojson")
    return {TAX_PARCELS: [published(parcels, folder, layer="Tax Parcel")]}, set(parcels["OBJECTID"]), folder


@pytest.mark.parametrize("times", [1, 3, None], ids=["once", "three times", "always"])
@pytest.mark.parametrize("name", FAULTS)
def test_exact_rows_or_an_error_naming_the_page(layer, tmp_path, name, times):
    services, ids, folder = layer
    fault = FAULTS[name] | {"from": 600} | ({} if times is None else {"times": times})
    with serving(services, folder, fault=fault) as base:
        session = Session(endpoints={"*": base}, retries=2, backoff_s=0.01)
        if name in FINAL or (times is None and name not in HARMLESS):
            with pytest.raises(NetworkError, match=r"Tax Parcel, rows 601 to \d+"):
                features.fetch(SOURCE, EVERYWHERE, session, tmp_path)
            assert not (tmp_path / SOURCE["file"]).exists()
            return
        result = features.fetch(SOURCE, EVERYWHERE, session, tmp_path)
    came = gpd.read_file(result.files[0])["OBJECTID"]
    assert result.rows == len(came) == 2_000
    assert set(came) == ids
