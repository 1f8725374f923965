"""Ground too steep to build on, from an elevation raster."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
import rasterio.features
import rasterio.windows
import shapely
from shapely.geometry import shape

from densitymap.errors import CRSError
from densitymap.geometry import Geometries, geometries

METRES_PER_FOOT = 0.3048
"""International foot; the survey foot differs by two parts in a million."""


def steep_ground(
    lots: gpd.GeoDataFrame, path: Path, recipe: Mapping[str, Any], *, limit: float
) -> Geometries:
    """Part of each lot whose ground is steeper than a limit.

    Slope is the length of the gradient by central differences over the cells around; a cell beside
    one without data has no slope and blocks nothing.

    Parameters
    ----------
    lots
        Polygons in the city's plane [ft].
    path
        GeoTIFF of ground elevation in a projected system; its own nodata value is trusted.
    recipe
        ``band``, and ``scale`` that turns its values into feet.
    limit
        Rise over run above which nothing is placed (``steep_slope_share`` of ``catalog/fit``).

    Returns
    -------
    Array of geometries, one per lot
        None where no ground is too steep.

    Raises
    ------
    CRSError
        If the raster names no projected reference system: a slope needs lengths.
    """
    blocked = np.full(len(lots), None, dtype=object)
    with rasterio.open(path) as raster:
        if raster.crs is None or not raster.crs.is_projected:
            raise CRSError(f"{path.name}: a slope needs a raster in a projected reference system")
        shapes = geometries(lots)
        steep = _steep_cells(raster, lots.to_crs(raster.crs).total_bounds, recipe, limit)
    if steep.empty:
        return blocked
    cells = shapely.union_all(geometries(steep.to_crs(lots.crs)))
    shapely.prepare(cells)
    hit = shapely.intersects(cells, shapes)
    blocked[hit] = shapely.intersection(shapes[hit], cells)
    return blocked


def _steep_cells(raster: Any, bounds: Any, recipe: Mapping[str, Any], limit: float) -> gpd.GeoDataFrame:
    """Outlines of the cells steeper than the limit, in the raster's own system."""
    window = rasterio.windows.from_bounds(*bounds, transform=raster.transform)
    window = window.round_offsets().round_lengths(op="ceil")
    window = window.intersection(rasterio.windows.Window(0, 0, raster.width, raster.height))
    ground = raster.read(recipe["band"], window=window, masked=True).astype(float).filled(np.nan)
    metres = ground * recipe.get("scale", 1.0) * METRES_PER_FOOT
    unit = raster.crs.linear_units_factor[1]
    cell_y, cell_x = abs(raster.transform.e) * unit, abs(raster.transform.a) * unit
    if min(metres.shape) < 2:  # noqa: PLR2004 - a difference needs two cells
        return gpd.GeoDataFrame(geometry=[], crs=raster.crs)
    rise_y, rise_x = np.gradient(metres, cell_y, cell_x)
    steep = np.hypot(rise_x, rise_y) > limit
    found = rasterio.features.shapes(
        steep.astype("uint8"), mask=steep, transform=raster.window_transform(window)
    )
    return gpd.GeoDataFrame(geometry=[shape(outline) for outline, _ in found], crs=raster.crs)
