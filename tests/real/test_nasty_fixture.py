"""Real files gone wrong: each is repaired and told, or refused in one clear error."""

from __future__ import annotations

import geopandas as gpd
import pytest

from densitymap.city import load_city
from densitymap.displacement.acs import measures
from densitymap.ingest import find, normalise

CITY = load_city("atlanta")


@pytest.fixture(scope="module")
def nasty(real_dir, tmp_path_factory):
    source = real_dir / "fixtures" / "nasty_real_world.gpkg"
    if not source.is_file():
        pytest.skip("nasty_real_world.gpkg is absent from the data pack")
    folder = tmp_path_factory.mktemp("nasty")

    def ingest(file_layer, layer):
        path = folder / f"{file_layer}.gpkg"
        gpd.read_file(source, layer=file_layer).to_file(path, layer=file_layer)
        return normalise.layer_from(
            find.Found(path, folder, None), CITY.layers[layer], CITY, measures=measures
        )

    return ingest


def test_invalid_xyz_zoning_is_flattened_and_repaired(nasty):
    frame, told = nasty("zoning_invalid_xyz_epsg6447", "zoning")
    assert told.changed["third dimension dropped"] == 14
    assert told.changed["invalid shape repaired (self-crossing)"] == 14
    assert frame.geometry.is_valid.all()
    assert frame.crs == CITY.crs


def test_null_and_invalid_greenspace(nasty):
    frame, told = nasty("greenspace_invalid_or_null_epsg4326", "parks")
    assert told.left_out["null or empty shape"] == 5
    assert len(frame) == 15
    assert frame.geometry.is_valid.all()


def test_neighbourhoods_in_web_mercator_come_into_the_plane(nasty):
    frame, told = nasty("neighborhoods_eastside_epsg3857", "neighborhoods")
    assert told.crs_in == "EPSG:3857"
    assert frame.crs == CITY.crs
    assert "Reynoldstown" in set(frame["neighborhood"])


def test_stacked_and_unidentified_parcels(nasty):
    frame, told = nasty("parcels_stacked_or_duplicate_ids_epsg4326", "parcels")
    assert told.rows_in == 54
    assert frame["n_records"].sum() == 54
    assert told.changed["stacked records merged into one lot"] == 23
    assert told.changed["no parcel id: kept apart under an id of its own"] == 11
    assert frame["parcel_id"].is_unique
