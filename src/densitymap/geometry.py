"""Shapes against shapes: the reference system guard, overlaps, assignment, apportioning.

Everything here works in the city's plane (feet) and is vectorised over shapely arrays. The overlap
is *contains-first*: a target that lies wholly inside a source shares all its area, and no
intersection is computed; that is most parcels in most zones. Sources may overlap one another:
every pair is found.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from densitymap.errors import CRSError

ACRE_FT2 = 43_560.0
"""Square feet in an acre (by definition)."""

Geometries = npt.NDArray[np.object_]
Indices = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_CHUNKS = 16


def require_same_crs(left: gpd.GeoDataFrame, right: gpd.GeoDataFrame, *, where: str) -> None:
    """Refuse to compare shapes in two reference systems.

    Raises
    ------
    CRSError
        Naming both systems.
    """
    if left.crs is None or right.crs is None or left.crs != right.crs:
        raise CRSError(
            f"{where}: left is {left.crs or 'without a CRS'}, right is {right.crs or 'without a CRS'}",
            next_step="layers leave ingest in the city's CRS; this one did not pass through it",
        )


def geometries(frame: gpd.GeoDataFrame | gpd.GeoSeries) -> Geometries:
    """Shapes as a writable object array (pandas hands out read-only views)."""
    return np.array(frame.geometry, dtype=object, copy=True)


def overlaps(sources: gpd.GeoDataFrame, targets: gpd.GeoDataFrame) -> pd.DataFrame:
    """Area each target shares with each source.

    Parameters
    ----------
    sources
        Polygons such as zones or tracts; any index.
    targets
        Polygons such as parcels; any index.

    Returns
    -------
    DataFrame
        One row per pair that shares area: ``target`` and ``source`` (row positions),
        ``area_ft2`` [ft2] and ``share`` of the target's own area, ordered by target, then by
        area, largest first; equal areas (to 0.01 ft2) go to the lower source position, so reruns
        agree.

    Raises
    ------
    CRSError
        If the two are in different systems.
    """
    require_same_crs(sources, targets, where="overlaps(sources, targets)")
    shapes, zones = geometries(targets), geometries(sources)
    areas = shapely.area(shapes)
    source, target = _query(zones, shapes, "intersects")
    inside_source, inside = _query(zones, shapes, "contains_properly")
    pair = source * len(shapes) + target
    whole = np.isin(pair, inside_source * len(shapes) + inside)
    area = areas[target].astype(float)
    area[~whole] = _intersection_areas(shapes[target[~whole]], zones[source[~whole]])
    pairs = pd.DataFrame({"target": target, "source": source, "area_ft2": area})
    pairs = pairs[pairs["area_ft2"] > 0]
    order = np.lexsort((pairs["source"], -pairs["area_ft2"].round(2), pairs["target"]))
    pairs = pairs.iloc[order].reset_index(drop=True)
    pairs["share"] = pairs["area_ft2"] / areas[pairs["target"]]
    return pairs


def dominant(pairs: pd.DataFrame) -> pd.DataFrame:
    """The largest pair of each target, from the answer of :func:`overlaps`; indexed by ``target``."""
    return pairs.drop_duplicates("target").set_index("target")


def locate(points: Geometries, areas: gpd.GeoDataFrame) -> Indices:
    """Row position of the area holding each point, -1 for none; the lower position wins a tie.

    Parameters
    ----------
    points
        Shapely points (for a parcel: its representative point).
    areas
        Polygons, in the same reference system.
    """
    zone, point = _query(geometries(areas), points, "intersects")
    found = np.full(len(points), len(areas), dtype=np.intp)
    np.minimum.at(found, point, zone)
    found[found == len(areas)] = -1
    return found


def take(values: pd.Series, positions: Indices) -> Any:
    """Values at row positions, missing where the position is -1 (unmatched is never filled)."""
    return values.array.take(positions, allow_fill=True)


def rectangle_sides(shapes: Geometries) -> tuple[Floats, Floats]:
    """Short and long side [ft] of each shape's minimum rotated rectangle.

    A proxy for lot width and depth where streets and neighbours are unknown.
    """
    rectangles = shapely.minimum_rotated_rectangle(shapes)
    corners = shapely.get_coordinates(shapely.get_exterior_ring(rectangles)).reshape(-1, 5, 2)
    sides = np.linalg.norm(np.diff(corners[:, :3], axis=1), axis=2)
    return sides.min(axis=1), sides.max(axis=1)


def _query(zones: Geometries, shapes: Geometries, predicate: str) -> tuple[Indices, Indices]:
    """Pairs (zone, shape) that satisfy the predicate; the zones are prepared, the tree is on shapes."""
    tree = shapely.STRtree(shapes)
    shapely.prepare(zones)

    def ask(rows: Indices) -> tuple[Indices, Indices]:
        left, right = tree.query(zones[rows], predicate=predicate)
        return rows[left], right

    answers = _in_threads(ask, np.argsort(-shapely.get_num_coordinates(zones), kind="stable"))
    if not answers:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    left, right = (np.concatenate([answer[side] for answer in answers]) for side in (0, 1))
    return left.astype(np.intp), right.astype(np.intp)


def _intersection_areas(left: Geometries, right: Geometries) -> Floats:
    def area(rows: Indices) -> Floats:
        return np.asarray(shapely.area(shapely.intersection(left[rows], right[rows])), float)

    parts = _in_threads(area, np.arange(len(left)))
    result = np.empty(len(left))
    for start, part in enumerate(parts):
        result[start :: len(parts)] = part
    return result


def _in_threads(work: Callable[[Indices], Any], rows: Indices) -> list[Any]:
    """Run the work over interleaved slices of rows on all cores (shapely releases the GIL)."""
    slices = [rows[start::_CHUNKS] for start in range(min(_CHUNKS, len(rows)))]
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        return list(pool.map(work, slices))
