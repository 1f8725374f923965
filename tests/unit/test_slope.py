"""A hillside drawn on a grid of 10 m cells: flat in the west, rising 5 m a cell (50 %) in the east."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from shapely.geometry import box

from densitymap.errors import CRSError
from densitymap.parcels.slope import steep_ground

UTM = "EPSG:26916"
WEST, NORTH = 740_000.0, 3_737_200.0
METRES = {"band": 1, "scale": 3.280839895}


def _raster(path, values, crs=UTM):
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "nodata": -9999}
    with rasterio.open(
        path, "w", height=values.shape[0], width=values.shape[1], crs=crs,
        transform=from_origin(WEST, NORTH, 10, 10), **profile,
    ) as out:  # fmt: skip
        out.write(values.astype("float32"), 1)
    return path


def _lots(*spans):
    shapes = [box(WEST + left, NORTH - 80, WEST + right, NORTH - 20) for left, right in spans]
    return gpd.GeoDataFrame(geometry=shapes, crs=UTM).to_crs("EPSG:2240")


def test_only_steep_ground_is_blocked(tmp_path):
    east = np.maximum(np.arange(20) - 10, 0) * 5.0
    path = _raster(tmp_path / "dem.tif", np.tile(300 + east, (10, 1)))
    flat, steep, across = steep_ground(_lots((0, 60), (120, 180), (60, 160)), path, METRES, limit=0.25)
    lots = _lots((120, 180), (60, 160)).area
    assert flat is None
    assert steep.area == pytest.approx(lots[0], rel=1e-3)
    assert 0.4 < across.area / lots[1] < 0.6


def test_cells_without_data_block_nothing(tmp_path):
    values = np.full((10, 20), 300.0)
    values[:, 10:] = -9999
    path = _raster(tmp_path / "dem.tif", values)
    assert steep_ground(_lots((0, 180)), path, METRES, limit=0.25)[0] is None


def test_degrees_are_refused(tmp_path):
    path = _raster(tmp_path / "dem.tif", np.full((10, 20), 300.0), crs="EPSG:4326")
    with pytest.raises(CRSError, match="projected"):
        steep_ground(_lots((0, 60)), path, METRES, limit=0.25)
