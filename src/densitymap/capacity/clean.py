"""Lots made fit to measure: one simple polygon each, drawing noise removed, faults named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from densitymap.capacity.kernel import in_chunks
from densitymap.capacity.rules import Rules
from densitymap.geometry import Geometries

_POLYGON = 3
_SAME_FT = 1e-6


def clean(shapes: Geometries, rules: Rules, *, exact: bool = False) -> tuple[Geometries, pd.Series]:
    """Reduce each shape to one simple polygon without drawing noise.

    Parameters
    ----------
    shapes
        Polygons or multipolygons in feet; None is allowed.
    rules
        Fit rules (:func:`~densitymap.capacity.rules.load_rules`).
    exact
        Keep every bend: the shape was drawn, not digitised (worked cases).

    Returns
    -------
    shapes : array of Polygon
        Exterior anticlockwise; None where the shape cannot be a lot.
    notes : Series of string
        What was done or why not, missing where nothing: ``no shape``, ``not a polygon``,
        ``sliver``, ``too many vertices``, ``largest part of several``.

    Notes
    -----
    Outlines bent by less than ``simplify_ft`` are straightened and dents below ``hull_share_max`` of
    the lot filled: digitised lots carry both, and each would cost the exact path its speed.
    """
    cleaned = np.full(len(shapes), None, dtype=object)
    parts: dict[int, pd.Series] = {}

    def work(rows: slice, start: int, _stop: int) -> None:
        cleaned[rows], parts[start] = _cleaned(shapes[rows], rules, exact=exact)

    in_chunks(work, len(shapes))
    empty = pd.Series(dtype="string")
    notes = pd.concat([parts[start] for start in sorted(parts)] or [empty], ignore_index=True)
    return cleaned, notes


def _cleaned(shapes: Geometries, rules: Rules, *, exact: bool) -> tuple[Geometries, pd.Series]:
    notes = pd.Series(pd.NA, index=range(len(shapes)), dtype="string")
    with np.errstate(invalid="ignore"):
        broken = ~shapely.is_valid(shapes) & ~shapely.is_missing(shapes)
    result = shapes.copy()
    result[broken] = shapely.make_valid(result[broken])
    result = _largest_part(result, notes)
    many = shapely.get_num_coordinates(result) > rules["vertices_max"]
    small = shapely.area(result) < rules["lot_area_floor_ft2"]
    missing = shapely.is_missing(result)
    notes[small & ~missing] = "sliver"
    notes[many] = "too many vertices"
    result[many | small | missing] = None
    result = shapely.simplify(result, _SAME_FT) if exact else _straightened(result, rules)
    return shapely.orient_polygons(result), notes


def _largest_part(shapes: Geometries, notes: pd.Series) -> Geometries:
    result = shapes.copy()
    kind = shapely.get_type_id(shapes)
    notes[shapely.is_missing(shapes) | shapely.is_empty(shapes)] = "no shape"
    several = kind > _POLYGON
    parts, owner = shapely.get_parts(shapes[several], return_index=True)
    areas = shapely.area(parts)
    order = np.lexsort((-areas, owner))
    first = order[np.unique(owner[order], return_index=True)[1]]
    chosen = np.full(int(several.sum()), None, dtype=object)
    chosen[owner[first]] = parts[first]
    result[several] = chosen
    counts = np.bincount(owner[areas > 0], minlength=len(chosen))
    notes[np.flatnonzero(several)[counts > 1]] = "largest part of several"
    wrong = ~shapely.is_missing(result) & (shapely.get_type_id(result) != _POLYGON)
    notes[wrong] = "not a polygon"
    result[wrong] = None
    return result


def _straightened(shapes: Geometries, rules: Rules) -> Geometries:
    plain = shapely.simplify(
        shapely.remove_repeated_points(shapes, rules["vertex_gap_ft"]), rules["simplify_ft"]
    )
    hull = shapely.convex_hull(plain)
    area = shapely.area(plain)
    dented = shapely.area(hull) - area <= rules["hull_share_max"] * area
    return np.where(dented, hull, plain)
