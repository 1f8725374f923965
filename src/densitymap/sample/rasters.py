"""Elevation and tree canopy on 10 m cells, drawn and written a strip at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from pyproj import Transformer
from rasterio.windows import Window

from densitymap.sample.draw import Floats, quantile, smooth
from densitymap.sample.grid import CITY_CRS, Grid, bend, origin
from densitymap.sample.landmarks import creek_at

RASTER_CRS = "EPSG:26916"
DEM_NODATA, CANOPY_NODATA = -999999.0, 255
_STRIP = 256
_MARGIN_CELLS = 3


def write_rasters(grid: Grid, folder: Path) -> None:
    """Write ``dem_10m.tif`` (metres) and ``canopy_10m.tif`` (percent); nodata beyond the grid.

    Parameters
    ----------
    grid
        The plan.
    folder
        Where to write; it exists.

    Raises
    ------
    OSError
        If the disk is full or the folder cannot be written.
    """
    transform, width, height = _frame(grid)
    shared = {
        "driver": "GTiff",
        "width": width,
        "height": height,
        "count": 1,
        "crs": RASTER_CRS,
        "transform": transform,
    }
    shared |= {"compress": "deflate", "tiled": True, "blockxsize": _STRIP, "blockysize": _STRIP}
    with (
        rasterio.open(folder / "dem_10m.tif", "w", dtype="float32", nodata=DEM_NODATA, **shared) as dem,
        rasterio.open(
            folder / "canopy_10m.tif", "w", dtype="uint8", nodata=CANOPY_NODATA, **shared
        ) as canopy,
    ):
        for layer, unit in ((dem, "metre"), (canopy, "percent")):
            layer.update_tags(TITLE="SYNTHETIC SAMPLE", UNIT=unit)
        for window, u, v, outside in _strips(grid, transform, width, height):
            ground = np.where(outside, DEM_NODATA, _ground(grid, u, v)).astype("float32")
            dem.write(ground, 1, window=window)
            cover = np.where(outside, CANOPY_NODATA, _canopy(grid, u, v).round()).astype("uint8")
            canopy.write(cover, 1, window=window)


def _frame(grid: Grid) -> tuple[Affine, int, int]:
    """Cells that cover the grid, with a margin that stays without data."""
    u = np.array([grid.columns.at_ft[0], grid.columns.at_ft[-1]])
    v = np.array([grid.rows.at_ft[0], grid.rows.at_ft[-1]])
    x, y = bend(grid.settings, np.repeat(u, 2), np.tile(v, 2))
    to_raster = Transformer.from_crs(CITY_CRS, RASTER_CRS, always_xy=True)
    east, north = to_raster.transform(x, y)
    size, margin = grid.settings["ground.cell_m"], _MARGIN_CELLS
    left, top = np.floor(east.min() / size) - margin, np.ceil(north.max() / size) + margin
    width = int(np.ceil(east.max() / size) + margin - left)
    height = int(top - np.floor(north.min() / size) + margin)
    return Affine(size, 0.0, left * size, 0.0, -size, top * size), width, height


def _strips(
    grid: Grid, transform: Affine, width: int, height: int
) -> Iterator[tuple[Window, Floats, Floats, npt.NDArray[np.bool_]]]:
    """Strips of rows with the plan coordinates of their cells (the bend undone) and what lies outside."""
    to_city = Transformer.from_crs(RASTER_CRS, CITY_CRS, always_xy=True)
    x0, y0 = origin(grid.settings)
    amplitude, turn = grid.settings["frame.bend_ft"], 2 * np.pi / grid.settings["frame.bend_span_ft"]
    for top in range(0, height, _STRIP):
        rows = min(_STRIP, height - top)
        column, row = np.meshgrid(np.arange(width) + 0.5, np.arange(top, top + rows) + 0.5)
        x, y = to_city.transform(transform.a * column + transform.c, transform.e * row + transform.f)
        v = y - y0 - amplitude * np.sin((x - x0) * turn + 1.0)
        u = x - x0 - amplitude * np.sin(v * turn)
        outside = (u < grid.columns.at_ft[0]) | (u > grid.columns.at_ft[-1])
        outside |= (v < grid.rows.at_ft[0]) | (v > grid.rows.at_ft[-1])
        yield Window(0, top, width, rows), u, v, outside


def _ground(grid: Grid, u: Floats, v: Floats) -> Floats:
    """Rolling ground with a creek cut into it [m]."""
    settings = grid.settings
    hills = smooth(grid.seed, "hills", u, v, span=settings["ground.span_ft"])
    bumps = smooth(grid.seed, "bumps", u, v, span=settings["ground.span_ft"] / 5)
    cut = np.exp(-(((u - creek_at(grid, v)) / settings["ground.creek_reach_ft"]) ** 2))
    relief = settings["ground.relief_m"] * (0.85 * hills + 0.15 * bumps)
    return np.asarray(settings["ground.lowest_m"] + relief - settings["ground.creek_drop_m"] * cut, float)


def _canopy(grid: Grid, u: Floats, v: Floats) -> Floats:
    """Tree cover [percent]: patches, denser along the creek."""
    low, high = grid.settings["ground.canopy_percent"]
    patches = smooth(grid.seed, "trees", u, v, span=grid.settings["ground.span_ft"] / 8)
    near = np.exp(-(((u - creek_at(grid, v)) / grid.settings["ground.creek_reach_ft"]) ** 2))
    return quantile(np.clip(0.75 * patches + 0.25 * near, 0, 1), [[0.0, low], [1.0, high]])
