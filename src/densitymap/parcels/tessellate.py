"""Blocks between streets, and each block divided among its buildings by morphological tessellation."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from densitymap.errors import MissingDataError, ValidationError
from densitymap.geometry import Geometries, Indices, dominant, geometries, overlaps
from densitymap.parcels.derived_rules import DerivedRules

_CUT_FT = 0.25
"""Half the width of the cut that parts blocks at a centreline: numerical, not a choice."""

_TURNS_DEG = (17.3, 31.1, 4.9, 58.7)
"""Turns tried for the tessellation, such as outlines are unlikely to run along: numerical, not a choice."""

_AGREES = 1e-4
"""Share by which the cells of a block may differ from it."""

_POLYGONS = 2
"""Dimension of polygons."""


def blocks_of(
    area: shapely.Geometry,
    streets: gpd.GeoDataFrame,
    rules: DerivedRules,
    *,
    rail: gpd.GeoDataFrame | None = None,
    existing: gpd.GeoDataFrame | None = None,
) -> tuple[Geometries, Geometries]:
    """Part an area into blocks at its streets and rail lines.

    Parameters
    ----------
    area, streets, rules, rail, existing
        As for :func:`derive_lots`.

    Returns
    -------
    blocks, right_of_way
        Polygons out to the centrelines, and of each the land taken for streets and rail.

    Raises
    ------
    ValidationError
        If no street has a class that bounds blocks.
    """
    lines, width_ft = _bounding_lines(streets, rules, rail)
    land = area
    if existing is not None and len(existing):
        shapely.prepare(area)
        near = geometries(existing)
        land = shapely.difference(area, shapely.union_all(near[shapely.intersects(area, near)]))
    cut = shapely.union_all(shapely.buffer(lines, _CUT_FT, cap_style="square", quad_segs=1))
    parts = shapely.get_parts(shapely.difference(land, cut))
    parts = parts[shapely.get_dimensions(parts) == _POLYGONS]
    parts = parts[np.lexsort(shapely.bounds(parts).T)]
    taken = shapely.union_all(shapely.buffer(lines, width_ft / 2, cap_style="flat"))
    return parts, shapely.intersection(parts, taken)


def _bounding_lines(
    streets: gpd.GeoDataFrame, rules: DerivedRules, rail: gpd.GeoDataFrame | None
) -> tuple[Geometries, Any]:
    kind = streets["feature_class"].astype("string").str.casefold()
    width = kind.map(dict(rules.street_right_of_way_ft)).to_numpy(np.float64, na_value=np.nan)
    bounds = np.isfinite(width)
    if not bounds.any():
        raise ValidationError(
            f"No street has a class that bounds blocks; found {sorted(set(kind.dropna()))[:12]}",
            next_step="list the layer's classes in street_right_of_way_ft of catalog/parcels/derived.toml",
        )
    lines, width = geometries(streets)[bounds], width[bounds]
    if rail is not None:
        lines = np.concatenate([lines, geometries(rail)])
        width = np.concatenate([width, np.full(len(rail), rules.rail_right_of_way_ft)])
    order = np.lexsort((shapely.to_wkb(lines, hex=True), width))
    return lines[order], width[order]


def in_blocks(mains: gpd.GeoDataFrame, blocks: Geometries) -> tuple[gpd.GeoDataFrame, Indices]:
    """Cut each building to the block that holds most of it; buildings in none are left out."""
    ground = gpd.GeoDataFrame(geometry=blocks, crs=mains.crs)
    main = dominant(overlaps(ground, mains))
    at = main.index.to_numpy()
    block = main["source"].to_numpy(np.intp)
    piece = shapely.intersection(geometries(mains)[at], blocks[block])
    kept = mains.iloc[at].reset_index(drop=True)
    return kept.set_geometry(gpd.GeoSeries(piece, crs=mains.crs)), block


def cells_of(mains: gpd.GeoDataFrame, block: Indices, blocks: Geometries, rules: DerivedRules) -> Geometries:
    """The land of its block that is nearest to each building; a building alone has the whole block.

    A block whose cells do not add up to it is tried again in another turn: GEOS draws broken Voronoi
    cells around outlines that run along the axes (libgeos/geos#1062, handled in part by libpysal).
    """
    cells = blocks[block]
    several = np.bincount(block, minlength=len(blocks)) > 1
    shared = np.flatnonzero(several[block])
    cells[shared] = None
    for turn_deg in _TURNS_DEG:
        if len(shared) == 0:
            break
        found = _tessellated(mains.geometry.iloc[shared], block, blocks, turn_deg, rules)
        size = np.where(shapely.is_missing(found), 0.0, shapely.area(found))
        total = np.bincount(block[shared], size, minlength=len(blocks))
        whole = np.isclose(total, shapely.area(blocks), rtol=_AGREES)[block[shared]]
        cells[shared[whole]] = found[whole]
        shared = shared[~whole]
    return cells


def _tessellated(
    outlines: gpd.GeoSeries, block: Indices, blocks: Geometries, turn_deg: float, rules: DerivedRules
) -> Geometries:
    """Tessellate the blocks of the outlines (indexed by position); one cell each, None where it was lost."""
    at = np.unique(block[outlines.index])
    origin = shapely.get_coordinates(outlines.to_numpy()).mean(axis=0).round()
    shapes = _turned(np.array(outlines, dtype=object), origin, turn_deg)
    grounds = gpd.GeoDataFrame(geometry=_turned(blocks[at], origin, turn_deg), index=at)
    divided = _momepy().enclosed_tessellation(
        gpd.GeoSeries(shapes, index=outlines.index),
        grounds,
        shrink=rules.shrink_ft,
        segment=rules.segment_ft,
        n_jobs=1,
    )
    divided = divided[divided.index >= 0]
    divided = divided[divided["enclosure_index"].to_numpy() == block[divided.index]]
    cells = np.full(len(outlines), None, dtype=object)
    back = shapely.transform(geometries(divided), lambda xy: xy @ _turn(-turn_deg) + origin)
    cells[outlines.index.get_indexer(divided.index)] = back
    return cells


def _turned(shapes: Geometries, origin: Any, turn_deg: float) -> Geometries:
    return np.asarray(shapely.transform(shapes, lambda xy: (xy - origin) @ _turn(turn_deg)), dtype=object)


def _turn(degrees: float) -> Any:
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cosine, sine], [-sine, cosine]])


def _momepy() -> Any:
    try:
        momepy = import_module("momepy")
    except ImportError as fault:
        raise MissingDataError(
            "Derived lots need momepy, which is not installed",
            next_step="pip install 'densitymap[derive]'",
        ) from fault
    return momepy


def kept_land(
    cells: Geometries, mains: gpd.GeoDataFrame, right_of_way: Geometries, rules: DerivedRules
) -> Geometries:
    """Take street land and land out of reach from each cell, and keep the part its building is on."""
    outlines = geometries(mains)
    street = shapely.difference(right_of_way, outlines)
    reach = shapely.buffer(outlines, rules.reach_max_ft, quad_segs=4)
    land = shapely.intersection(shapely.difference(cells, street), reach)
    parts, owner = shapely.get_parts(land, return_index=True)
    on = shapely.area(shapely.intersection(parts, outlines[owner]))
    order = np.lexsort((-shapely.area(parts), -on.round(2), owner))
    first = order[np.unique(owner[order], return_index=True)[1]]
    kept = np.full(len(cells), None, dtype=object)
    first = first[shapely.get_dimensions(parts[first]) == _POLYGONS]
    kept[owner[first]] = parts[first]
    return kept
