"""Rasters, the part of them that lies on an area: windows of files on a web server, and WCS coverages.

The file is trusted for nodata, type and reference system, never its documentation. Cells nobody knows
stay unknown: they carry the file's nodata value, or a mask where the file names none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds

from densitymap import params
from densitymap.atomic import put
from densitymap.errors import CRSError, DensitymapError, MissingDataError, NetworkError, ValidationError
from densitymap.fetch.http import USER_AGENT
from densitymap.fetch.kept import Bounds, Fetched, Place

GDAL_OPTIONS: Mapping[str, Any] = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_MULTIRANGE": "YES",
    "GDAL_HTTP_MAX_RETRY": 2,
    "GDAL_HTTP_RETRY_DELAY": 1,
    "GDAL_HTTP_CONNECTTIMEOUT": 10,
    "GDAL_HTTP_TIMEOUT": 60,
    "GDAL_HTTP_USERAGENT": USER_AGENT,
    "AWS_NO_SIGN_REQUEST": "YES",
}
"""How GDAL reads over HTTP: no listing of folders, several ranges at once, public buckets unsigned."""
_TIFF_MARKS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """Cells to write: where they lie and how large they are."""

    crs: Any
    transform: Affine
    width: int
    height: int


def fetch(
    source: Mapping[str, Any],
    place: Place,
    session: Any,
    folder: Path,
    *,
    address: Callable[[str], str] = str,
) -> Fetched:
    """Fetch the part of a raster that lies on a box, from the first of its places that has it.

    Parameters
    ----------
    source
        A record of ``catalog/sources`` of kind ``raster``: ``from`` lists places in order of preference,
        each with ``files`` (addresses of tiles) or ``coverage`` (of a WCS at ``url``).
    place
        The box.
    session, folder
        Where to ask for coverages, and the folder the file goes to.
    address
        Where an address really is, for tests and mirrors.

    Raises
    ------
    NetworkError
        If no place has it: tells what was wrong with each.
    """
    faults: list[str] = []
    target = folder / source["file"]
    for origin in source["from"]:
        try:
            told = _from_one(source, origin, place, session, target, address)
        except DensitymapError as fault:
            faults.append(f"{origin['title']}: {fault.args[0]}")
            continue
        notes = (f"{key} {value}" for key, value in told.items())
        url = origin.get("url") or origin["files"][0]
        return Fetched(
            files=(target,),
            url=url,
            vintage=origin.get("vintage"),
            notes=(*notes, *(f"not from {f}" for f in faults)),
        )
    raise NetworkError(
        f"{source['title']}: no place gives it\n  " + "\n  ".join(faults),
        next_step="run `densitymap doctor`, or bring a file by hand",
    )


def _from_one(
    source: Mapping[str, Any],
    origin: Mapping[str, Any],
    place: Place,
    session: Any,
    target: Path,
    address: Callable[[str], str],
) -> dict[str, Any]:
    plane = {name: source[name] for name in ("crs", "cell") if name in source}
    told: dict[str, Any] = {}

    def write(paths: Sequence[str], snap: float | None, part: Path) -> None:
        told.update(clip(paths, place.bounds_deg, part, snap=snap, **plane))

    if "coverage" not in origin:
        paths = [f"/vsicurl/{address(url)}" for url in origin["files"]]
        put(target, partial(write, paths, None))
        return told
    answer = session.get(origin["url"], params=coverage_query(origin, place.bounds_deg))
    kind = answer.headers.get("Content-Type", "")
    with received(answer.content, kind, where=origin["title"]) as held:
        put(target, partial(write, [held], origin["cell_m"]))
    return told


def clip(
    paths: Sequence[str],
    bounds_deg: Bounds,
    target: Path,
    *,
    crs: str | None = None,
    cell: float | None = None,
    snap: float | None = None,
) -> dict[str, Any]:
    """Write the part of one raster, in one or more tiles, that lies on a box.

    Parameters
    ----------
    paths
        What GDAL opens: ``/vsicurl/https://…``, or files. Tiles share cells, type and system.
    bounds_deg
        West, south, east, north in EPSG:4326.
    target
        GeoTIFF to write.
    crs, cell
        A projected system to bring a raster in degrees into, and the side of its cells [units of the
        system]; between cells values are then interpolated. Without them the cells stay as published.
    snap
        Side of the cells [units of the raster's system] a service was asked for: it gives them a hair
        off; see :func:`snapped`.

    Returns
    -------
    dict
        ``crs``, ``nodata``, ``dtype``, ``width``, ``height``, ``known_share`` of the file written.

    Raises
    ------
    NetworkError
        If a tile cannot be opened or read whole.
    CRSError
        If a tile names no reference system.
    MissingDataError
        If no tile has a value on the box.
    ValidationError
        If the box has more cells than the catalogue allows, or the tiles do not fit together.
    """
    try:
        with rasterio.Env(**GDAL_OPTIONS), ExitStack() as stack:
            tiles = [stack.enter_context(rasterio.open(path)) for path in paths]
            _require_alike(tiles, paths)
            own = [snapped(tile.transform, snap) if snap else tile.transform for tile in tiles]
            system, cells = (crs, _cells(cell)) if crs else (tiles[0].crs, own[0])
            grid = _grid(system, cells, bounds_deg)
            method = Resampling.nearest if crs is None else Resampling.bilinear
            values, known = _mosaic(tiles, own, grid, method)
            profile = {"nodata": tiles[0].nodata, "dtype": tiles[0].dtypes[0], "count": tiles[0].count}
    except RasterioError as fault:
        raise NetworkError(
            f"{_named(paths[0])}: the raster cannot be read: {fault}",
            next_step="try again later, or run `densitymap doctor`; what was there is kept",
        ) from fault
    if not known.any():
        raise MissingDataError(f"{_named(paths[0])}: the raster has no value on the area")
    _write(target, values, known, grid, profile)
    share = round(float(known.mean()), 6)
    return {"crs": CRS.from_user_input(grid.crs).to_string(), **profile, **_size(grid), "known_share": share}


@contextmanager
def received(body: bytes, content_type: str, *, where: str) -> Iterator[str]:
    """Hold the GeoTIFF a WCS answered with in memory, as a path GDAL opens.

    Parameters
    ----------
    body, content_type
        The answer; a service tells of errors in XML with status 200.
    where
        How messages name it.

    Raises
    ------
    NetworkError
        If it is no TIFF: tells what the service said.
    """
    if body[:4] not in _TIFF_MARKS or "tif" not in content_type.lower():
        said = " ".join(body[:300].decode("utf-8", "replace").split())
        raise NetworkError(
            f"{where}: no TIFF came but {content_type or 'something else'}: {said!r}",
            next_step="the coverage's name or time may have changed: see catalog/cities and run `doctor`",
        )
    with MemoryFile(body) as memory:
        yield memory.name


def snapped(transform: Affine, cell: float) -> Affine:
    """Set jittered cells to their true side, and their corner to the nearest whole or half cell.

    Raises
    ------
    ValidationError
        If the cells are more than 1 % off: they are others than those asked for.

    Examples
    --------
    >>> snapped(Affine(30.0001, 0, 1044974.9, 0, -29.9998, 1260015.2), 30.0)[:6]
    (30.0, 0.0, 1044975.0, 0.0, -30.0, 1260015.0)
    """
    if not all(math.isclose(side, cell, rel_tol=0.01) for side in (transform.a, -transform.e)):
        raise ValidationError(f"cells of {transform.a:g} by {-transform.e:g} came, {cell:g} were asked for")
    half = cell / 2
    x, y = (round(corner / half) * half for corner in (transform.c, transform.f))
    return Affine(cell, 0.0, x, 0.0, -cell, y)


def coverage_query(record: Mapping[str, Any], bounds_deg: Bounds) -> dict[str, str]:
    """Build the GetCoverage query (WCS 1.0.0) for a box, its corners on whole cells outside it.

    Parameters
    ----------
    record
        ``coverage``, ``crs``, ``cell_m`` and optionally ``time``.
    bounds_deg
        West, south, east, north in EPSG:4326.

    Examples
    --------
    >>> record = {"coverage": "a:b", "crs": "EPSG:5070", "cell_m": 30.0}
    >>> coverage_query(record, (-84.35, 33.72, -84.34, 33.73))["bbox"]
    '1069230,1249290,1070310,1250550'
    """
    cell = record["cell_m"]
    box = transform_bounds("EPSG:4326", record["crs"], *bounds_deg, densify_pts=21)
    low, high = (
        [math.floor(v / cell) * cell for v in box[:2]],
        [math.ceil(v / cell) * cell for v in box[2:]],
    )
    query = {
        "service": "WCS",
        "version": "1.0.0",
        "request": "GetCoverage",
        "coverage": record["coverage"],
        "crs": record["crs"],
        "bbox": ",".join(f"{value:.0f}" for value in (*low, *high)),
        "format": "image/geotiff",
        "resx": f"{cell:g}",
        "resy": f"{cell:g}",
    }
    return query | ({"time": record["time"]} if "time" in record else {})


def _require_alike(tiles: Sequence[Any], paths: Sequence[str]) -> None:
    first = tiles[0]
    if first.crs is None:
        raise CRSError(f"{_named(paths[0])}: the raster names no coordinate reference system")
    kind = (first.crs, first.res, first.dtypes, first.nodata)
    odd = [_named(path) for tile, path in zip(tiles, paths, strict=True) if _differs(tile, kind)]
    if odd:
        raise ValidationError("Tiles of one raster differ in cells, type, nodata or system", faults=odd)


def _differs(tile: Any, kind: tuple[Any, ...]) -> bool:
    same = (tile.crs, tile.dtypes) == (kind[0], kind[2]) and np.allclose(tile.res, kind[1])
    return not (same and np.array_equal([tile.nodata], [kind[3]], equal_nan=tile.nodata is not None))


def _cells(side: float | None) -> Affine:
    return Affine.scale(side or 1.0, -(side or 1.0))


def _grid(crs: Any, cells: Affine, bounds_deg: Bounds) -> Grid:
    """Whole cells of a lattice that cover the box."""
    west, south, east, north = transform_bounds("EPSG:4326", crs, *bounds_deg, densify_pts=21)
    column_w, row_n = ~cells * (west, north)
    column_e, row_s = ~cells * (east, south)
    column, row = math.floor(column_w), math.floor(row_n)
    width, height = math.ceil(column_e) - column, math.ceil(row_s) - row
    most = params.choice("raster_cells_max", group="fetch")
    if width * height > most:
        raise ValidationError(
            f"The area holds {width * height:,} cells of the raster, {most:,} are allowed",
            next_step="fetch it for a smaller area",
        )
    return Grid(crs=crs, transform=cells * Affine.translation(column, row), width=width, height=height)


def _mosaic(
    tiles: Sequence[Any], own: Sequence[Affine], grid: Grid, resampling: Resampling
) -> tuple[Any, Any]:
    """Values on the grid and which are known; an earlier tile wins where two overlap."""
    shape = (tiles[0].count, grid.height, grid.width)
    values, known = np.zeros(shape, tiles[0].dtypes[0]), np.zeros(shape[1:], bool)
    place = {"crs": grid.crs, "transform": grid.transform, "resampling": resampling, **_size(grid)}
    for tile, transform in zip(tiles, own, strict=True):
        with WarpedVRT(tile, src_transform=transform, add_alpha=tile.nodata is None, **place) as cut:
            part = cut.read(list(range(1, tile.count + 1)))
            fresh = (cut.dataset_mask() > 0) & ~known
        values[:, fresh] = part[:, fresh]
        known |= fresh
    return values, known


def _write(target: Path, values: Any, known: Any, grid: Grid, profile: Mapping[str, Any]) -> None:
    if profile["nodata"] is not None:
        values[:, ~known] = profile["nodata"]
    shared = {"driver": "GTiff", "compress": "deflate", "tiled": True, "blockxsize": 256, "blockysize": 256}
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            target, "w", crs=grid.crs, transform=grid.transform, **_size(grid), **shared, **profile
        ) as out,
    ):
        out.write(values)
        if profile["nodata"] is None and not known.all():
            out.write_mask(known)


def _size(grid: Grid) -> dict[str, int]:
    return {"width": grid.width, "height": grid.height}


def _named(path: str) -> str:
    return path.rsplit("/", 1)[-1]
