"""Rectangle fit on shapes of any form, by GEOS: the path of lots the half-planes cannot treat.

A rectangle centred at a point fits inside a shape iff the point is inside and outside every edge
swept by the rectangle. Two quick answers come first: the half-planes of the shape's hull bound the
answer from above, those of all its edges from below; only where they differ is the sweep made.
"""

from __future__ import annotations

import numpy as np
import shapely

from densitymap.capacity import kernel, sweep
from densitymap.capacity.edges import ring_edges
from densitymap.geometry import Floats, Geometries, Indices

_SAME_FT = 1e-4
_LOOSE_FT = 1e-4


def fit_ranges(shapes: Geometries, sizes: Floats, *, skew: Floats) -> Floats:
    """Where rectangles fit inside shapes: as :func:`kernel.fit_ranges`, for any polygon.

    Parameters
    ----------
    shapes
        Envelopes in their lots' frames; empty fits nothing.
    sizes : (N, K, 2)
        Width and depth [ft]; NaN skips one.
    skew : (N,)
        Angle [radians] of the long side, NaN where square.
    """
    upper = _by_planes(shapely.convex_hull(shapes), sizes, skew)
    lower = _by_planes(shapes, sizes, skew)
    out = lower.copy()
    with np.errstate(invalid="ignore"):
        differs = ~(np.abs(upper[:, :, :2] - lower[:, :, :2]) <= _SAME_FT).all(axis=2)
    open_ = differs & np.isfinite(upper[:, :, 0])
    lot, k = np.nonzero(open_)
    if len(lot) and kernel.HAS_NUMBA:
        edges, offsets = _edge_table(shapes)
        out[lot, k] = sweep.swept_ranges(edges, offsets, lot, sizes[lot, k], skew[lot])
    elif len(lot):
        out[lot, k] = swept_ranges_geos(shapes[lot], sizes[lot, k], skew[lot])
    return out


def _edge_table(shapes: Geometries) -> tuple[Floats, Indices]:
    edges = ring_edges(shapes)
    counts = np.bincount(edges["lot"], minlength=len(shapes))
    ends = np.ascontiguousarray(edges[["x0", "y0", "x1", "y1"]].to_numpy(float))
    return ends, np.concatenate([[0], np.cumsum(counts)]).astype(np.intp)


def _by_planes(shapes: Geometries, sizes: Floats, skew: Floats) -> Floats:
    edges = ring_edges(shapely.orient_polygons(shapes))
    counts = np.bincount(edges["lot"], minlength=len(shapes))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.intp)
    inward = -edges[["out_x", "out_y"]].to_numpy()
    limit = (inward * edges[["x0", "y0"]].to_numpy()).sum(axis=1)
    lines = np.column_stack([inward, limit])
    bounds = np.nan_to_num(shapely.bounds(shapes))
    out = kernel.fit_ranges(lines, np.zeros(len(lines)), offsets, bounds, sizes, skew=skew)
    out[counts == 0] = np.inf, -np.inf, -np.inf
    return out


def swept_ranges_geos(shapes: Geometries, sizes: Floats, skew: Floats) -> Floats:
    """As :func:`densitymap.capacity.sweep.swept_ranges`, by GEOS: one shape and one size a row."""
    out = np.full((len(shapes), 3), -np.inf)
    out[:, 0] = np.inf
    for angle in (np.zeros(len(shapes)), skew):
        rows = np.flatnonzero(~np.isnan(angle))
        turned = _rotated(shapes[rows], -angle[rows])
        for turn in (0, 1):
            half = (sizes[rows][:, [turn, 1 - turn]] - _LOOSE_FT) / 2
            centres = _rotated(_centres(turned, half), angle[rows])
            bounds = shapely.bounds(centres)
            reach = half[:, 0] * np.abs(np.sin(angle[rows])) + half[:, 1] * np.abs(np.cos(angle[rows]))
            slack = np.minimum(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1])
            out[rows, 0] = np.fmin(out[rows, 0], bounds[:, 1] + reach)
            out[rows, 1] = np.fmax(out[rows, 1], bounds[:, 3] - reach)
            out[rows, 2] = np.fmax(out[rows, 2], slack)
    return out


def _centres(shapes: Geometries, half: Floats) -> Geometries:
    """Points at which an upright rectangle of the half sizes may be centred."""
    edges = ring_edges(shapes)
    owner = edges["lot"].to_numpy()
    ends = edges[["x0", "y0", "x1", "y1"]].to_numpy().reshape(-1, 2, 1, 2)
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    corners = (ends + signs[None, None] * half[owner][:, None, None, :]).reshape(-1, 8, 2)
    points = shapely.multipoints(
        shapely.points(corners.reshape(-1, 2)), indices=np.repeat(np.arange(len(owner)), 8)
    )
    return _without(shapes, np.asarray(shapely.convex_hull(points), dtype=object), owner)


def _without(shapes: Geometries, parts: Geometries, owner: Indices) -> Geometries:
    together = np.full(len(shapes), None, dtype=object)
    lots, place = np.unique(owner, return_inverse=True)
    together[lots] = shapely.geometrycollections(parts, indices=place)
    return np.asarray(
        shapely.difference(shapes, shapely.union_all(together.reshape(-1, 1), axis=1)), dtype=object
    )


def _rotated(shapes: Geometries, angle: Floats) -> Geometries:
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    cos, sin = np.cos(angle)[owner], np.sin(angle)[owner]
    turned = np.stack(
        [points[:, 0] * cos - points[:, 1] * sin, points[:, 0] * sin + points[:, 1] * cos], axis=1
    )
    return np.asarray(shapely.set_coordinates(shapes.copy(), turned), dtype=object)
