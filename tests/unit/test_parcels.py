from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from rasterio.transform import from_origin
from shapely.geometry import box

from densitymap import params
from densitymap.errors import CRSError, MissingDataError, UsageError, ValidationError
from densitymap.parcels import area, existing, join, raster

CRS = "EPSG:2240"
CODES = params.load("ingest", "land_use_codes")["codes"]
LIMITS = {"sliver_share": 0.05, "sliver_area_ft2": 400.0}


def lots(*shapes):
    ids = [f"p{i}" for i in range(len(shapes))]
    return gpd.GeoDataFrame({"parcel_id": pd.array(ids, dtype="string")}, geometry=list(shapes), crs=CRS)


def zoning(**zones):
    return gpd.GeoDataFrame(
        {"zone_district": pd.array(list(zones), dtype="string")}, geometry=list(zones.values()), crs=CRS
    )


def test_slivers_are_kept_but_do_not_split_a_lot():
    pieces = join.zones_of(
        lots(box(0, 0, 50, 150)), zoning(R4=box(-9, -9, 48, 200), R5=box(48, -9, 90, 200)), **LIMITS
    )
    assert pieces["zone_code"].tolist() == ["R4", "R5"]
    assert pieces["is_sliver"].tolist() == [False, True]
    assert pieces["share"].sum() == pytest.approx(1.0)
    named = join.with_dominant_zone(lots(box(0, 0, 50, 150)), pieces)
    assert named.loc[0, "zone_district"] == "R4"
    assert named.loc[0, "zone_count"] == 1
    assert named.loc[0, "zone_share"] == pytest.approx(0.96)


def test_pieces_of_one_code_are_added_up():
    zones = zoning(R4=box(0, 0, 30, 150), R5=box(30, 0, 60, 150))
    zones = pd.concat([zones, zoning(R4=box(60, 0, 90, 150))], ignore_index=True)
    pieces = join.zones_of(lots(box(0, 0, 90, 150)), zones, **LIMITS)
    assert pieces["zone_code"].tolist() == ["R4", "R5"]
    assert pieces["share"].tolist() == pytest.approx([2 / 3, 1 / 3])


def test_a_lot_without_zoning_stays_without():
    far = lots(box(0, 0, 50, 150), box(5_000, 0, 5_050, 150))
    named = join.with_dominant_zone(far, join.zones_of(far, zoning(R4=box(-9, -9, 99, 199)), **LIMITS))
    assert pd.isna(named.loc[1, "zone_district"])
    assert pd.isna(named.loc[1, "zone_count"])


def test_places_are_told_by_a_point_inside_and_misses_are_listed():
    layers = {
        "neighborhoods": gpd.GeoDataFrame(
            {"neighborhood": ["Here"], "npu": ["O"]}, geometry=[box(0, 0, 60, 200)], crs=CRS
        )
    }
    result, unmatched = join.with_places(lots(box(0, 0, 50, 150), box(500, 0, 550, 150)), layers)
    assert result["neighborhood"].tolist()[0] == "Here"
    assert pd.isna(result.loc[1, "neighborhood"])
    assert unmatched == {"neighborhoods": ["p1"]}


def test_within_takes_lots_whose_point_is_inside():
    inside = join.within(lots(box(0, 0, 10, 10), box(8, 0, 20, 10)), box(0, 0, 12, 12))
    assert inside["parcel_id"].tolist() == ["p0"]


def test_missing_is_never_one_home_nor_vacant():
    frame = pd.DataFrame({"parcel_key": ["a"]})
    row = existing.standing(frame, CODES).iloc[0]
    for name in ("existing_units", "existing_units_source", "existing_floor_area_ft2", "is_built"):
        assert pd.isna(row[name])


def test_homes_come_with_who_says_so():
    frame = pd.DataFrame(
        {
            "land_use_code": ["102", "100", None, None, "999"],
            "assessor_units": [5, None, 0, 3, None],
            "appraised_improvement_usd": [1.0, 0.0, 0.0, None, None],
            "appraised_value_usd": [9.0, 9.0, 9.0, None, None],
        }
    )
    told = existing.standing(frame, CODES)
    assert told["existing_units"].tolist()[:2] == [2, 0]
    assert pd.isna(told.loc[2, "existing_units"])
    assert told.loc[3, "existing_units"] == 3
    assert told["is_built"].tolist()[:3] == [True, False, False]
    assert told.loc[2, "is_built_source"] == existing.NOT_BUILT_BY_VALUE
    assert pd.isna(told.loc[4, "is_built"])


def test_records_attach_by_key_and_strangers_are_counted():
    frame = pd.DataFrame({"parcel_keys": ["a", "b", "c d", "c e"]})
    record = pd.DataFrame(
        {"parcel_key": list("azcd"), "parcel_id": list("azcd"), "year_built": [1920, 1930, 1940, 1940],
         "assessor_units": [1.0, 1.0, 1.0, 2.0]}
    )  # fmt: skip
    told, strangers = existing.attached(frame, {"dekalb": record})
    assert told["year_built"].tolist()[0] == 1920
    assert pd.isna(told.loc[1, "year_built"])
    assert told.loc[2, ["year_built", "assessor_units"]].tolist() == [1940, 3]
    assert pd.isna(told.loc[3, "assessor_units"])  # the record of e is unknown
    assert strangers == {"dekalb": 1}


PLACES = {
    "council_districts": gpd.GeoDataFrame({"council_district": ["5", "6"]}, geometry=[box(0, 0, 1, 1), box(1, 0, 2, 1)], crs=CRS),
    "neighborhoods": gpd.GeoDataFrame({"neighborhood": ["East Lake"], "npu": ["O"]}, geometry=[box(0, 0, 1, 1)], crs=CRS),
}  # fmt: skip


def test_areas_by_name_and_box():
    assert area.resolve("district-5", PLACES, crs=CRS).name == "District 5"
    assert area.resolve("east lake", PLACES, crs=CRS).polygon.area == 1
    assert area.resolve("East-Lake", PLACES, crs=CRS).name == "East Lake"
    box_area = area.resolve("-84.34,33.74,-84.33,33.75", PLACES, crs=CRS)
    assert box_area.polygon.area == pytest.approx(3_040 * 3_640, rel=0.01)


def test_unknown_areas_say_what_is_known():
    with pytest.raises(UsageError, match="Did you mean 'East Lake'"):
        area.resolve("East Lak", PLACES, crs=CRS)
    with pytest.raises(UsageError, match="known: 5, 6"):
        area.resolve("district-9", PLACES, crs=CRS)
    with pytest.raises(MissingDataError, match="npus"):
        area.resolve("npu-o", PLACES, crs=CRS)
    with pytest.raises(UsageError, match="empty"):
        area.resolve("-84.33,33.75,-84.34,33.74", PLACES, crs=CRS)


@pytest.fixture
def grid(tmp_path):
    """Four cells of 10 m: 1 2 over 3 nodata, top left corner at (0, 20) in UTM 16 N."""
    path = tmp_path / "grid.tif"
    profile = {"driver": "GTiff", "height": 2, "width": 2, "count": 1, "dtype": "float32", "nodata": -9999}
    with rasterio.open(path, "w", crs="EPSG:26916", transform=from_origin(0, 20, 10, 10), **profile) as out:
        out.write(np.array([[1, 2], [3, -9999]], dtype="float32"), 1)
    return path


def utm(*shapes):
    return gpd.GeoDataFrame(geometry=list(shapes), crs="EPSG:26916")


def test_raster_mean_point_and_nodata(grid):
    values = raster.onto_lots(
        utm(box(0, 10, 20, 20), box(1, 11, 2, 12), box(11, 1, 19, 9)), grid, {"band": 1}
    )
    assert values.tolist()[:2] == pytest.approx([1.5, 1.0])
    assert pd.isna(values[2])


def test_a_code_among_the_cells_is_no_value(grid):
    """A 3 beyond what values can be, such as 254 among percentages, is left out of means and points."""
    recipe = {"band": 1, "valid": [0, 2]}
    values = raster.onto_lots(utm(box(0, 0, 10, 20), box(1, 1, 2, 2), box(11, 11, 12, 12)), grid, recipe)
    assert values.tolist()[0::2] == pytest.approx([1.0, 2.0])
    assert pd.isna(values[1])


def test_raster_per_acre_and_scale(grid):
    value = raster.onto_lots(utm(box(1, 11, 2, 12)), grid, {"band": 1, "per_acre": True, "scale": 2.0})
    assert value[0] == pytest.approx(2.0 / (100 / 4046.8564224))


def test_raster_without_band_or_system_is_refused(grid, tmp_path):
    with pytest.raises(ValidationError, match="band 2 of 1"):
        raster.onto_lots(utm(box(0, 0, 1, 1)), grid, {"band": 2})
    bare = tmp_path / "bare.tif"
    with rasterio.open(
        bare,
        "w",
        driver="GTiff",
        height=1,
        width=1,
        count=1,
        dtype="uint8",
        transform=from_origin(0, 1, 1, 1),
    ) as out:
        out.write(np.ones((1, 1, 1), "uint8"))
    with pytest.raises(CRSError, match=r"bare\.tif"):
        raster.onto_lots(utm(box(0, 0, 1, 1)), bare, {"band": 1})
