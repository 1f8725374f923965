"""Real lots: the sampled parcels under the mapped zoning; every reading at best MAYBE where fronts are unsure."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

from densitymap.capacity.law import law_of
from densitymap.scenarios.fits import fits
from densitymap.scenarios.ground import Ground, ground_of_parcels, setting
from densitymap.scenarios.policy import load_policy

TODAY = load_policy("atlanta")


@pytest.fixture(scope="module")
def ground(real_dir: Path) -> Ground:
    lots = gpd.read_file(real_dir / "coa_parcels" / "parcels_d5_pseudonymised.geojson").to_crs("EPSG:2240")
    zones = gpd.read_file(real_dir / "coa_zoning" / "zoning_districts_eastside.geojson").to_crs("EPSG:2240")
    places = gpd.GeoDataFrame(geometry=lots.representative_point(), crs=lots.crs)
    held = gpd.sjoin(places, zones[["ZONECLASS", "geometry"]], how="left", predicate="within")
    held = held[~held.index.duplicated()]
    nobody = pd.array([pd.NA] * len(lots), dtype="Float64")
    parcels = gpd.GeoDataFrame(
        {
            "parcel_id": pd.array([f"{i}" for i in range(len(lots))], dtype="string"),
            "zone_district": held["ZONECLASS"].astype("string"),
            "zone_share": 1.0,
            "zone_count": 1,
            "site_address": lots["SITEADDRESS"].astype("string"),
            "is_built": nobody.astype("boolean"),
            "existing_floor_area_ft2": nobody,
        },
        geometry=lots.geometry.to_numpy(),
        crs=lots.crs,
    )
    return ground_of_parcels(parcels)


def test_share_of_r4_lots_that_meet_r4_is_the_references(ground: Ground) -> None:
    at, _ = setting(ground, TODAY)
    rows = ground.lots["zone_district"].eq("R-4").fillna(value=False).to_numpy(bool)
    area = at.area >= at.law.value("house", "lot_area_min_ft2")
    width = ground.survey.lots["frontage_ft"].to_numpy(float) >= at.law.value("house", "lot_width_min_ft")
    assert (area & width)[rows].mean() == pytest.approx(0.22, abs=0.01)
    assert area[rows].mean() == pytest.approx(0.55, abs=0.015)
    assert width[rows].mean() == pytest.approx(0.24, abs=0.015)


def test_every_lot_is_answered_and_none_beyond_what_is_known(ground: Ground) -> None:
    table = fits(ground, [TODAY])
    assert table["parcel_id"].nunique() == len(ground.lots)
    assert table["verdict"].ne("TRUE").all()  # scattered lots: no street is known for any of them
    assert table.loc[table["verdict"].ne("NO DATA"), "binding_rule"].notna().mean() > 0.99
    assert table["reason"].notna().all()


def test_standards_must_answer_for_every_lot(ground: Ground) -> None:
    with pytest.raises(Exception, match="no standards"):
        law_of(pd.DataFrame({"parcel_id": ["0"], "use": ["house"]}), ground.lots["parcel_id"])
