"""Read a raster onto lots: the mean of the cells in a lot, or the cell a point in the lot is in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import rasterio
import rasterio.features
import rasterio.windows
import shapely

from densitymap.errors import CRSError, ValidationError
from densitymap.geometry import ACRE_FT2, geometries

Floats = npt.NDArray[np.float64]
FT2_PER_M2 = 10.763_910_417
"""Square feet in a square metre (by definition, to nine places)."""
WINDOW = 2_048
"""Side [cells] of the windows a raster is read in, so that memory stays flat."""


def onto_lots(lots: gpd.GeoDataFrame, path: Path, recipe: Mapping[str, Any]) -> pd.Series:
    """Value of a raster on each lot.

    Cells whose centre lies in the lot are averaged. A lot that holds no cell centre takes the cell
    of a point inside it, which is every lot where cells are larger than lots.

    Parameters
    ----------
    lots
        Polygons in any projected system.
    path
        GeoTIFF; its own nodata value and reference system are trusted.
    recipe
        ``band``; optionally ``scale`` (multiply), ``per_acre`` (divide by the cell's acres), ``valid``
        (least and most a cell can be: publishers put codes beyond, such as 254, and may not say so).

    Returns
    -------
    Series of Float64 on the lots' index
        Missing where the raster has no data.

    Raises
    ------
    CRSError
        If the raster names no reference system.
    ValidationError
        If it lacks the band.
    """
    with rasterio.open(path) as raster:
        if raster.crs is None:
            raise CRSError(f"{path.name}: the raster names no coordinate reference system")
        if raster.count < recipe["band"]:
            raise ValidationError(f"{path.name}: band {recipe['band']} of {raster.count}")
        shapes = geometries(lots.to_crs(raster.crs))
        mean = _mean_of_centres(raster, recipe, shapes)
        at_point = _at_point(raster, recipe, shapes)
        value = np.where(np.isnan(mean), at_point, mean) * factor_of(raster, recipe)
    return pd.Series(pd.array(value, dtype="Float64"), index=lots.index).where(~np.isnan(value))


def factor_of(raster: Any, recipe: Mapping[str, Any]) -> float:
    """Give what the cells of an open raster are multiplied by: its scale, or one over a cell's acres."""
    factor = float(recipe.get("scale", 1.0))
    if recipe.get("per_acre"):
        metres = raster.crs.linear_units_factor[1]
        cell_ft2 = abs(raster.transform.a * raster.transform.e) * metres**2 * FT2_PER_M2
        factor /= cell_ft2 / ACRE_FT2
    return factor


def _mean_of_centres(raster: Any, recipe: Mapping[str, Any], shapes: npt.NDArray[np.object_]) -> Floats:
    total, count = np.zeros(len(shapes)), np.zeros(len(shapes))
    tree = shapely.STRtree(shapes)
    for row in range(0, raster.height, WINDOW):
        for column in range(0, raster.width, WINDOW):
            window = rasterio.windows.Window(
                column, row, min(WINDOW, raster.width - column), min(WINDOW, raster.height - row)
            )
            hit = tree.query(shapely.box(*raster.window_bounds(window)))
            if len(hit):
                _add_window(raster, recipe, window, (shapes, np.sort(hit)), (total, count))
    with np.errstate(invalid="ignore"):
        return np.asarray(total / np.where(count == 0, np.nan, count), float)


def _add_window(
    raster: Any,
    recipe: Mapping[str, Any],
    window: Any,
    chosen: tuple[npt.NDArray[np.object_], npt.NDArray[np.intp]],
    sums: tuple[Floats, Floats],
) -> None:
    shapes, rows = chosen
    values = _meant(raster.read(recipe["band"], window=window, masked=True), recipe)
    owner = rasterio.features.rasterize(
        zip(shapes[rows], rows + 1, strict=True),
        out_shape=values.shape,
        transform=raster.window_transform(window),
        dtype="int32",
    )
    valid = (owner > 0) & ~np.ma.getmaskarray(values)
    lot = owner[valid] - 1
    sums[0][:] += np.bincount(lot, values.data[valid], minlength=len(shapes))
    sums[1][:] += np.bincount(lot, minlength=len(shapes))


def _at_point(raster: Any, recipe: Mapping[str, Any], shapes: npt.NDArray[np.object_]) -> Floats:
    points = shapely.get_coordinates(shapely.point_on_surface(shapes))
    found = list(raster.sample(points, indexes=recipe["band"], masked=True))
    values = _meant(np.ma.vstack(found or [np.ma.empty((0, 1))])[:, 0], recipe)
    return np.where(np.ma.getmaskarray(values), np.nan, np.ma.getdata(values))


def _meant(values: Any, recipe: Mapping[str, Any]) -> Any:
    """Cells as numbers; one outside the range that values can have is a code, and nobody knows its value."""
    least, most = recipe.get("valid", (-np.inf, np.inf))
    return np.ma.masked_outside(values.astype(float), least, most)
