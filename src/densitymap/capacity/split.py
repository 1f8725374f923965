"""Lots divided in two: where a cut can run, and the two lots it makes.

A cut runs square to the front, and on a corner lot square to the side street as well (reference,
section 2 step 14). The children are surveyed as lots of their own; that they fit the pattern of lots
around is a review that nothing here can make.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from densitymap.capacity.edges import edge_lines
from densitymap.capacity.fit import House
from densitymap.capacity.front import FRONT, STREET_SIDE, THROUGH
from densitymap.capacity.law import Law
from densitymap.capacity.survey import Survey
from densitymap.geometry import Floats, Geometries, Indices

_ON_STREET = (FRONT, STREET_SIDE, THROUGH)
_BIG_FT = 1e5
_WHOLE_FT = 1e-6
_SAME_FT = 0.05
"""Cuts as near as this make the same lots, as far as lots are measured."""
_BISECTIONS = 40
"""Halvings of a width: to a thousandth of a foot and beyond."""


def divisible(survey: Survey, law: Law) -> Indices:
    """Lots big enough that two lots of the district's minimums could come of them.

    Parameters
    ----------
    survey
        The lots; flag lots and lots without a known street are left out.
    law
        Standards: ``lot_area_min_ft2``, ``lot_width_min_ft``.
    """
    lots = survey.lots
    area = lots["lot_area_ft2"].to_numpy(float)
    width = lots["frontage_ft"].to_numpy(float)
    side = np.bincount(
        survey.edges["lot"],
        np.where(survey.edges["role"] == STREET_SIDE, survey.edges["length_ft"], 0.0),
        len(lots),
    )
    least_area = law.value("house", "lot_area_min_ft2")
    least_width = law.value("house", "lot_width_min_ft")
    wide = (width >= 2 * least_width - _WHOLE_FT) | ((side >= least_width) & (width >= least_width))
    reached = (lots["front_source"].isin(["street", "implied"]) & ~lots["is_flag"]).to_numpy(bool)
    return np.flatnonzero((area >= 2 * least_area - _WHOLE_FT) & wide & reached)


def cuts(survey: Survey, rows: Indices, law: Law, house: House) -> pd.DataFrame:
    """Candidate cuts of each lot: among them one at which both parts meet the minimums, if any does.

    That is the cut that halves the area, moved as far as the widths ask; others leave one part wider, or run
    beside a house.

    Returns
    -------
    DataFrame
        ``lot`` (row position), ``across`` (the cut is square to the front: a line of constant x; else of
        constant y) and ``at_ft``.
    """
    bounds = shapely.bounds(survey.shapes)
    least, area = (law.value("house", name) for name in ("lot_width_min_ft", "lot_area_min_ft2"))
    side = law.value("house", "setback_side_ft")
    corner = survey.lots["is_corner"].to_numpy(bool)
    tables = []
    for across, low, high, near, far in (
        (True, bounds[:, 0], bounds[:, 2], house.left_ft, house.right_ft),
        (False, bounds[:, 1], bounds[:, 3], house.front_ft, house.back_ft),
    ):
        at = rows if across else rows[corner[rows]]
        middle, ends = (low + high) / 2, (low + least, high - least)
        halves = _halves(survey.shapes[at], area[at], across=across)
        places = [place[at] for place in (middle, *ends, near - side, far + side)]
        places.append(np.clip(halves, *(end[at] for end in ends)))
        tables += [pd.DataFrame({"lot": at, "across": across, "at_ft": place}) for place in places]
    table = pd.concat(tables, ignore_index=True).dropna()
    return table.sort_values(["lot", "across", "at_ft"], ignore_index=True)


def _halves(shapes: Geometries, least_ft2: Floats, *, across: bool) -> Floats:
    """Where a cut halves the area of each lot: x of a cut square to the front, else y.

    NaN where the middle of the lot does as well: as near as lots are measured, and with the least area on
    both sides.

    Examples
    --------
    >>> triangle = shapely.from_wkt(["POLYGON((0 0,100 0,0 100,0 0))"])
    >>> _halves(triangle, np.array([2000.0]), across=True).round(2).tolist()
    [29.29]
    """
    points, lot = shapely.get_coordinates(shapely.get_exterior_ring(shapes), return_index=True)
    points = points if across else points[:, ::-1]
    same = lot[1:] == lot[:-1]
    start, end, lot = points[:-1][same], points[1:][same], lot[1:][same]
    step = end - start
    slope = np.divide(step[:, 1], step[:, 0], out=np.zeros(len(step)), where=step[:, 0] != 0)
    bounds = shapely.bounds(shapes)
    low, high = (bounds[:, 0], bounds[:, 2]) if across else (bounds[:, 1], bounds[:, 3])

    def before(at: Floats) -> Floats:
        near, far = (np.minimum(x, at[lot]) for x in (start[:, 0], end[:, 0]))
        height = start[:, 1] + slope * ((near + far) / 2 - start[:, 0])
        return np.abs(np.bincount(lot, (far - near) * height, minlength=len(shapes)))

    whole, middle = before(high), (low + high) / 2
    smaller = np.minimum(before(middle), whole - before(middle))
    for _ in range(_BISECTIONS):
        at = (low + high) / 2
        less = before(at) < whole / 2
        low, high = np.where(less, at, low), np.where(less, high, at)
    halved = (low + high) / 2
    return np.where((np.abs(halved - middle) < _SAME_FT) & (smaller >= least_ft2), np.nan, halved)


def children(survey: Survey, table: pd.DataFrame) -> tuple[Geometries, Geometries, pd.DataFrame]:
    """Cut the lots.

    Parameters
    ----------
    survey
        The lots.
    table
        From :func:`cuts`.

    Returns
    -------
    shapes : array of Polygon
        Two for each cut that divides its lot in two single pieces, in the lot's frame.
    streets : array of MultiLineString
        Street lines of the parent, for the survey of each child.
    table
        One row per child: ``cut`` (row of the given table), ``lot``.
    """
    lot = table["lot"].to_numpy()
    place, across = table["at_ft"].to_numpy(), table["across"].to_numpy(bool)
    first = shapely.box(
        -_BIG_FT, -_BIG_FT, np.where(across, place, _BIG_FT), np.where(across, _BIG_FT, place)
    )
    parents = survey.shapes[lot]
    left, right = shapely.intersection(parents, first), shapely.difference(parents, first)
    good = (shapely.get_type_id(left) == 3) & (shapely.get_type_id(right) == 3)  # noqa: PLR2004 (polygons)
    good &= ~shapely.is_empty(left) & ~shapely.is_empty(right)
    rows = np.repeat(np.flatnonzero(good), 2)
    shapes = np.stack([left[good], right[good]], axis=1).reshape(-1)
    child = pd.DataFrame({"cut": table.index.to_numpy()[rows], "lot": lot[rows]})
    return shapely.orient_polygons(shapes), _street_lines(survey)[lot[rows]], child


def _street_lines(survey: Survey) -> Geometries:
    on = survey.edges[survey.edges["role"].isin(_ON_STREET) & (survey.edges["ring"] >= 0)]
    lines = np.full(len(survey.lots), None, dtype=object)
    owner, place = np.unique(on["lot"].to_numpy(), return_inverse=True)
    if len(owner):
        lines[owner] = shapely.multilinestrings(edge_lines(on), indices=place)
    return lines


def house_of_child(house: House, shapes: Geometries, lot: Indices) -> Floats:
    """Whether the parent's house lies wholly in each child: 1 yes, 0 no, NaN unknown."""
    boxes = shapely.box(house.left_ft[lot], house.front_ft[lot], house.right_ft[lot], house.back_ft[lot])
    inside = shapely.covers(shapes, boxes).astype(float)
    known = ~np.isnan(house.left_ft[lot])
    return np.where(known, inside, np.where(house.stands[lot] == 0, 0.0, np.nan))
