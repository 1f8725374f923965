"""What the yards leave of a lot: by half-planes on convex lots, by mitred strips on the rest.

Each edge has its own yard; one negative buffer cannot say that. A strip is the edge moved inwards by
its yard, long enough at both ends to reach the mitre with its neighbour's strip. On convex lots the
strips cover exactly what the half-planes cut (``tests/property``); flat caps without the extension,
as in the prototype, leave slivers at obtuse corners where a wide yard meets a narrow one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely

from densitymap.capacity import kernel
from densitymap.capacity.edges import Flags
from densitymap.capacity.front import LIMIT
from densitymap.capacity.survey import Survey
from densitymap.geometry import Floats, Geometries, Indices

YARDS = ("front", "side", "rear", "street_side")
"""Yards a lot has, in the order of the edge roles; a second front keeps the front yard."""

_REFLEX_LIMIT = 2.0
_BEYOND_FT = 1.0
_CHUNK = 512


def edge_yards(survey: Survey, yards: pd.DataFrame) -> Floats:
    """Yard [ft] behind each edge.

    Parameters
    ----------
    survey
        The lots.
    yards
        One row per lot: ``front``, ``side``, ``rear``, ``street_side`` [ft]; missing where unread.
    """
    by_role = np.column_stack([yards[list(YARDS)].to_numpy(float), yards["front"], np.zeros(len(yards))])
    return np.asarray(by_role[survey.edges["lot"], survey.edges["role"]], dtype=float)


def planes(survey: Survey) -> tuple[Floats, Indices, Floats]:
    """Lines of the lots for the kernel: planes, offsets, boxes (see :func:`kernel.clip_areas`)."""
    lines = survey.edges[["nx", "ny", "c"]].to_numpy(float)
    counts = np.bincount(survey.edges["lot"], minlength=len(survey.lots))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.intp)
    return np.ascontiguousarray(lines), offsets, np.ascontiguousarray(shapely.bounds(survey.shapes))


def takes_kernel(survey: Survey, blocked: Geometries | None = None) -> Flags:
    """Lots the half-planes treat exactly: convex, without holes, nothing cut out of them."""
    convex = survey.lots["is_convex"].to_numpy(bool) & ~shapely.is_missing(survey.shapes)
    return convex if blocked is None else convex & shapely.is_missing(blocked)


def exact_envelopes(survey: Survey, yards: Floats, blocked: Geometries | None = None) -> Geometries:
    """Envelope of each lot by GEOS, whatever its shape; the largest part.

    Parameters
    ----------
    survey
        The lots.
    yards
        Yard [ft] of each edge (:func:`edge_yards`).
    blocked
        Shapes on which nothing may stand (flood, slope, stream, easement), in the lot's frame; None
        where there is none.
    """
    strips, owner = _strips(survey, yards)
    if blocked is not None:
        at = np.flatnonzero(~shapely.is_missing(blocked))
        strips, owner = np.concatenate([strips, blocked[at]]), np.concatenate([owner, at])
    order = np.argsort(owner, kind="stable")
    together = np.full(len(survey.lots), None, dtype=object)
    lots, place = np.unique(owner[order], return_inverse=True)
    together[lots] = shapely.geometrycollections(strips[order], indices=place)
    left = np.full(len(together), None, dtype=object)

    def cut(rows: slice, _start: int, _stop: int) -> None:
        union = shapely.union_all(together[rows].reshape(-1, 1), axis=1)
        left[rows] = shapely.difference(survey.shapes[rows], union)

    kernel.in_chunks(cut, len(left), _CHUNK)
    return largest_part(left)


def _strips(survey: Survey, yards: Floats) -> tuple[Geometries, Indices]:
    """Strip of each yard deeper than nothing, and the lot it belongs to."""
    edges = survey.edges
    owner = edges["lot"].to_numpy()
    drawn = (edges["ring"] >= 0).to_numpy()
    ahead, behind = _overshoot(edges[drawn], yards[drawn])
    inward = edges.loc[drawn, ["nx", "ny"]].to_numpy()
    along = np.stack([inward[:, 1], -inward[:, 0]], axis=1)
    start = edges.loc[drawn, ["x0", "y0"]].to_numpy() - behind[:, None] * along
    end = edges.loc[drawn, ["x1", "y1"]].to_numpy() + ahead[:, None] * along
    depth = yards[drawn][:, None] * inward
    outside = -_BEYOND_FT * inward
    corners = np.stack([start + outside, end + outside, end + depth, start + depth], axis=1)
    use = yards[drawn] > 0
    boxes, lots = _limit_boxes(survey, yards)
    return np.concatenate([shapely.polygons(corners[use]), boxes]), np.concatenate([owner[drawn][use], lots])


def _overshoot(edges: pd.DataFrame, yards: Floats) -> tuple[Floats, Floats]:
    """How far each strip goes beyond its edge's end and start [ft] to meet its neighbour's mitre."""
    ring = edges["ring"].to_numpy()
    size = len(ring)
    first = np.flatnonzero(np.r_[True, ring[1:] != ring[:-1]])
    after = np.arange(1, size + 1)
    after[np.r_[first[1:] - 1, size - 1]] = first
    inward = edges[["nx", "ny"]].to_numpy()
    bend = inward[:, 0] * inward[after, 1] - inward[:, 1] * inward[after, 0]
    cosine = (inward * inward[after]).sum(axis=1)
    safe = np.where(np.abs(bend) > 1e-9, bend, np.inf)  # noqa: PLR2004 (parallel: no mitre)
    here = (yards * cosine - yards[after]) / safe
    there = (yards[after] * cosine - yards) / safe
    span = shapely.bounds(shapely.points(edges["x0"], edges["y0"]))
    reach = np.hypot(np.ptp(span[:, 0]), np.ptp(span[:, 1])) if size else 0.0
    most = np.where(bend >= 0, reach, _REFLEX_LIMIT * np.maximum(yards, yards[after]))
    ahead = np.clip(here, 0, most)
    behind = np.empty(size)
    behind[after] = np.clip(there, 0, most)
    return ahead, behind


def _limit_boxes(survey: Survey, yards: Floats) -> tuple[Geometries, Indices]:
    """Ground beyond the lines that are no edge: a pointed lot's rear line, a limit."""
    edges = survey.edges
    at = np.flatnonzero((edges["ring"] < 0).to_numpy())
    owner = edges["lot"].to_numpy()[at]
    bounds = shapely.bounds(survey.shapes)[owner]
    size = np.hypot(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1])[:, None] * 2
    inward = edges[["nx", "ny"]].to_numpy()[at]
    along = np.stack([inward[:, 1], -inward[:, 0]], axis=1)
    middle = np.stack([bounds[:, [0, 2]].mean(axis=1), bounds[:, [1, 3]].mean(axis=1)], axis=1)
    lift = edges["c"].to_numpy()[at] + yards[at] - (middle * inward).sum(axis=1)
    foot = middle + lift[:, None] * inward
    corners = np.stack(
        [
            foot - size * along,
            foot + size * along,
            foot + size * (along - inward),
            foot - size * (along + inward),
        ],
        axis=1,
    )
    return np.asarray(shapely.polygons(corners), dtype=object), owner


def largest_part(shapes: Geometries) -> Geometries:
    """The largest polygon of each shape; an empty polygon where there is none."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    areas = shapely.area(parts)
    order = np.lexsort((-areas, owner))
    order = order[areas[order] > 0]
    owners, first = np.unique(owner[order], return_index=True)
    result = np.full(len(shapes), shapely.Polygon(), dtype=object)
    result[owners] = parts[order[first]]
    return result


@dataclass(frozen=True, kw_only=True, slots=True)
class Slow:
    """The lots the half-planes cannot treat, and their envelopes by GEOS."""

    rows: Indices
    shapes: Geometries


def slow_envelopes(survey: Survey, yards: Floats, blocked: Geometries | None = None) -> Slow:
    """Envelopes of the lots that take the exact path and whose yards are known."""
    rows = np.flatnonzero(known_yards(survey, yards) & ~takes_kernel(survey, blocked))
    if len(rows) == 0:
        return Slow(rows=rows, shapes=np.empty(0, dtype=object))
    some, mine = subset(survey, rows)
    shapes = exact_envelopes(some, yards[mine], None if blocked is None else blocked[rows])
    return Slow(rows=rows, shapes=shapes)


def envelope_areas(survey: Survey, yards: Floats, blocked: Geometries | None = None) -> Floats:
    """Area [ft2] inside the yards of each lot; NaN where a yard is unread or there is no lot."""
    return areas_of(survey, yards, slow_envelopes(survey, yards, blocked), blocked)


def areas_of(survey: Survey, yards: Floats, slow: Slow, blocked: Geometries | None = None) -> Floats:
    """As :func:`envelope_areas`, from envelopes already cut."""
    area = np.full(len(survey.lots), np.nan)
    fast = takes_kernel(survey, blocked) & known_yards(survey, yards)
    lines, offsets, boxes = planes(survey)
    area[fast] = kernel.clip_areas(lines, np.nan_to_num(yards), offsets, boxes)[fast]
    area[slow.rows] = shapely.area(slow.shapes)
    return area


def known_yards(survey: Survey, yards: Floats) -> Flags:
    """Lots of which every yard is known."""
    unknown = np.bincount(survey.edges["lot"], np.isnan(yards), len(survey.lots)) > 0
    return ~unknown & ~shapely.is_missing(survey.shapes)


def subset(survey: Survey, rows: Indices) -> tuple[Survey, Flags]:
    """Some of the lots (rows ascending) and which edges are theirs."""
    place = np.full(len(survey.lots), -1, dtype=np.intp)
    place[rows] = np.arange(len(rows))
    mine = place[survey.edges["lot"]] >= 0
    edges = survey.edges[mine].assign(lot=place[survey.edges["lot"].to_numpy()[mine]])
    lots = survey.lots.iloc[rows].reset_index(drop=True)
    return Survey(lots=lots, edges=edges.reset_index(drop=True), shapes=survey.shapes[rows]), mine


def width_at_front_yard(survey: Survey, front_ft: Floats) -> Floats:
    """Width [ft] of each lot along the line at the front yard; NaN where the yard is unread."""
    edges = survey.edges[survey.edges["role"] != LIMIT]
    y = front_ft[edges["lot"]]
    low, high = edges["y0"].to_numpy(), edges["y1"].to_numpy()
    rises = (low <= y) & (high > y)
    falls = (high <= y) & (low > y)
    crossing = rises | falls
    t = np.divide(y - low, high - low, out=np.zeros(len(edges)), where=crossing)
    x = edges["x0"].to_numpy() + t * (edges["x1"] - edges["x0"]).to_numpy()
    signed = np.where(crossing, np.where(rises, x, -x), 0.0)
    width = np.bincount(edges["lot"], signed, len(survey.lots))
    return np.where(np.isnan(front_ft), np.nan, width)
