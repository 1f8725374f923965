"""Half-plane clipping of convex lots: the fast path of envelope and fit.

A yard leaves the points at least so far inside a lot line; a rectangle centred at a point stays
behind the line if the point is farther inside by the rectangle's reach towards it (its support). So
both the envelope and the set of centres where a rectangle fits are the lot cut by its own lines moved
inwards: exact for convex lots, to rounding. Compiled with numba where it is installed (extra
``speed``); the same arithmetic in numpy otherwise, slower.

Against GEOS: flat-capped strips of the prototype left slivers. Where a line of a wide yard meets one
of a narrow yard at an obtuse corner, the strip ends square at the corner while the yard goes on to the
other yard's line; on drawn lots of 120 degrees the sliver is 1 to 3 % of the envelope. With the strips
mitred, as :mod:`densitymap.capacity.envelope` builds them, the two agree to rounding.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from densitymap.geometry import Floats, Indices

try:
    import numba
except ImportError:  # the speed extra is not installed
    numba = None

HAS_NUMBA = numba is not None

_LOOSE_FT = 1e-6
"""A building exactly as wide as its envelope fits: lines give way by this much."""

_CHUNK = 4_096


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile with numba where it is installed; give the function itself otherwise."""
    if numba is None:
        return function
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder to cache in
        return numba.njit(nogil=True)(function)


@compiled
def _clip(planes: Any, need: Any, begin: Any, end: Any, box: Any, poly: Any, work: Any) -> int:
    """Cut the box by the planes [nx, ny, c], each moved inwards by need; corners end in poly."""
    poly[0, 0], poly[0, 1] = box[0], box[1]
    poly[1, 0], poly[1, 1] = box[2], box[1]
    poly[2, 0], poly[2, 1] = box[2], box[3]
    poly[3, 0], poly[3, 1] = box[0], box[3]
    size = 4
    for i in range(begin, end):
        nx, ny, limit = planes[i, 0], planes[i, 1], planes[i, 2] + need[i - begin] - 1e-6
        kept = 0
        for a in range(size):
            b = a + 1 if a + 1 < size else 0
            da = nx * poly[a, 0] + ny * poly[a, 1] - limit
            db = nx * poly[b, 0] + ny * poly[b, 1] - limit
            if da >= 0:
                work[kept, 0], work[kept, 1] = poly[a, 0], poly[a, 1]
                kept += 1
            if (da >= 0) != (db >= 0):
                t = da / (da - db)
                work[kept, 0] = poly[a, 0] + t * (poly[b, 0] - poly[a, 0])
                work[kept, 1] = poly[a, 1] + t * (poly[b, 1] - poly[a, 1])
                kept += 1
        if kept < 3:  # noqa: PLR2004 (a polygon has three corners)
            return 0
        size = kept
        for a in range(size):
            poly[a, 0], poly[a, 1] = work[a, 0], work[a, 1]
    return size


@compiled
def _areas(planes: Any, yards: Any, offsets: Any, boxes: Any, out: Any) -> None:
    most = 0
    for g in range(len(offsets) - 1):
        most = max(most, offsets[g + 1] - offsets[g])
    poly, work = np.empty((most + 8, 2)), np.empty((most + 8, 2))
    for g in range(len(offsets) - 1):
        begin, end = offsets[g], offsets[g + 1]
        size = _clip(planes, yards[begin:end], begin, end, boxes[g], poly, work)
        area = 0.0
        for a in range(size):
            b = a + 1 if a + 1 < size else 0
            area += poly[a, 0] * poly[b, 1] - poly[b, 0] * poly[a, 1]
        out[g] = area / 2


@compiled
def _ranges(planes: Any, yards: Any, offsets: Any, boxes: Any, sizes: Any, skew: Any, out: Any) -> None:
    most = 0
    for g in range(len(offsets) - 1):
        most = max(most, offsets[g + 1] - offsets[g])
    poly, work, need = np.empty((most + 8, 2)), np.empty((most + 8, 2)), np.empty(most)
    for g in range(len(offsets) - 1):
        begin, end = offsets[g], offsets[g + 1]
        for k in range(sizes.shape[1]):
            back, line, slack = np.inf, -np.inf, -np.inf
            for turn in range(4):
                if turn > 1 and np.isnan(skew[g]):
                    break
                w, d = sizes[g, k, turn % 2] / 2, sizes[g, k, 1 - turn % 2] / 2
                if not w > 0:
                    break
                angle = skew[g] if turn > 1 else 0.0
                cos, sin = np.cos(angle), np.sin(angle)
                for i in range(begin, end):
                    nx, ny = planes[i, 0], planes[i, 1]
                    need[i - begin] = yards[i] + w * abs(nx * cos + ny * sin) + d * abs(ny * cos - nx * sin)
                size = _clip(planes, need[: end - begin], begin, end, boxes[g], poly, work)
                if size == 0:
                    continue
                low, high, left, right = poly[0, 1], poly[0, 1], poly[0, 0], poly[0, 0]
                for a in range(1, size):
                    low, high = min(low, poly[a, 1]), max(high, poly[a, 1])
                    left, right = min(left, poly[a, 0]), max(right, poly[a, 0])
                half = w * abs(sin) + d * abs(cos)
                back, line = min(back, low + half), max(line, high - half)
                slack = max(slack, min(high - low, right - left))
            out[g, k, 0], out[g, k, 1], out[g, k, 2] = back, line, slack


def clip_areas(planes: Floats, yards: Floats, offsets: Indices, boxes: Floats) -> Floats:
    """Area [ft2] left of each lot behind its yards.

    Parameters
    ----------
    planes : (E, 3)
        Lines of all lots as ``nx, ny, c``: inside is ``nx x + ny y >= c``; local feet.
    yards : (E,)
        Depth [ft] kept free behind each line.
    offsets : (N + 1,)
        Lines of lot ``i`` are ``offsets[i]:offsets[i + 1]``.
    boxes : (N, 4)
        Bounds of each lot.
    """
    out = np.zeros(len(offsets) - 1)
    if not HAS_NUMBA:
        return clip_areas_numpy(planes, yards, offsets, boxes)

    def work(rows: slice, start: int, stop: int) -> None:
        span = offsets[start : stop + 1]
        _areas(planes, yards, span, boxes[rows], out[rows])

    in_chunks(work, len(out))
    return out


def fit_ranges(
    planes: Floats, yards: Floats, offsets: Indices, boxes: Floats, sizes: Floats, *, skew: Floats
) -> Floats:
    """Where rectangles fit behind the yards of each lot.

    Parameters
    ----------
    planes, yards, offsets, boxes
        As in :func:`clip_areas`; the front lies along x, the lot above it.
    sizes : (N, K, 2)
        Width and depth [ft] of K rectangles; NaN skips one.
    skew : (N,)
        Angle [radians] of the long side where it is not square to the front, NaN elsewhere.

    Returns
    -------
    (N, K, 3) array
        ``back_ft``: the nearest the far side can be to the front (inf: does not fit);
        ``line_ft``: the farthest the near side can be (-inf); ``slack_ft``: free play, the smaller of
        both directions (-inf), the best over both turns and the long side's angle.
    """
    shape = (len(offsets) - 1, sizes.shape[1], 3)
    if not HAS_NUMBA:
        return fit_ranges_numpy(planes, yards, offsets, boxes, sizes, skew=skew)
    out = np.empty(shape)

    def work(rows: slice, start: int, stop: int) -> None:
        span = offsets[start : stop + 1]
        _ranges(planes, yards, span, boxes[rows], sizes[rows], skew[rows], out[rows])

    in_chunks(work, shape[0])
    return out


def in_chunks(work: Callable[[slice, int, int], None], count: int, size: int = _CHUNK) -> None:
    """Run work over slices of rows on all cores (compiled code releases the interpreter's lock)."""
    starts = range(0, count, size)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        jobs = [
            pool.submit(work, slice(start, min(start + size, count)), start, min(start + size, count))
            for start in starts
        ]
        for job in jobs:
            job.result()


def clip_numpy(
    planes: Floats, need: Floats, offsets: Indices, boxes: Floats
) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Corners left of each lot, padded, and how many; the kernel's arithmetic without numba.

    Returns
    -------
    corners : (N, M, 2)
        Only the first ``count`` of each row mean anything.
    count : (N,)
        0 where nothing is left.
    """
    lots = len(offsets) - 1
    lines = np.diff(offsets)
    poly = np.stack([boxes[:, [0, 1]], boxes[:, [2, 1]], boxes[:, [2, 3]], boxes[:, [0, 3]]], axis=1)
    count = np.full(lots, 4, dtype=np.intp)
    for i in range(int(lines.max()) if lots else 0):
        rows = np.flatnonzero((lines > i) & (count > 0))
        if len(rows) == 0:
            break
        at = offsets[rows] + i
        cut, left = _clip_once(poly[rows], count[rows], planes[at], planes[at, 2] + need[at] - _LOOSE_FT)
        if cut.shape[1] > poly.shape[1]:
            poly = np.pad(poly, ((0, 0), (0, cut.shape[1] - poly.shape[1]), (0, 0)))
        poly[rows, : cut.shape[1]] = cut
        count[rows] = np.where(left < 3, 0, left)  # noqa: PLR2004 (a polygon has three corners)
    return poly, count


def _clip_once(
    poly: Floats, count: npt.NDArray[np.intp], planes: Floats, limit: Floats
) -> tuple[Floats, npt.NDArray[np.intp]]:
    """One cut of every polygon: kept corners and crossings, in order, moved to the front."""
    slot = np.arange(poly.shape[1])
    live = slot < count[:, None]
    after = np.where(slot + 1 < count[:, None], slot + 1, 0)
    other = np.take_along_axis(poly, after[:, :, None], axis=1)
    here = planes[:, None, 0] * poly[:, :, 0] + planes[:, None, 1] * poly[:, :, 1] - limit[:, None]
    there = np.take_along_axis(here, after, axis=1)
    crosses = live & ((here >= 0) != (there >= 0))
    t = np.divide(here, here - there, out=np.zeros_like(here), where=crosses)
    crossing = poly + t[:, :, None] * (other - poly)
    both = np.stack([poly, crossing], axis=2).reshape(len(poly), -1, 2)
    valid = np.stack([live & (here >= 0), crosses], axis=2).reshape(len(poly), -1)
    order = np.argsort(~valid, axis=1, kind="stable")[:, : poly.shape[1] + 1]
    return np.take_along_axis(both, order[:, :, None], axis=1), valid.sum(axis=1)


def clip_areas_numpy(planes: Floats, yards: Floats, offsets: Indices, boxes: Floats) -> Floats:
    """As :func:`clip_areas`, without numba."""
    poly, count = clip_numpy(planes, yards, offsets, boxes)
    slot = np.arange(poly.shape[1])
    after = np.where(slot + 1 < count[:, None], slot + 1, 0)
    other = np.take_along_axis(poly, after[:, :, None], axis=1)
    cross = poly[:, :, 0] * other[:, :, 1] - other[:, :, 0] * poly[:, :, 1]
    return np.where(slot < count[:, None], cross, 0.0).sum(axis=1) / 2


def fit_ranges_numpy(
    planes: Floats, yards: Floats, offsets: Indices, boxes: Floats, sizes: Floats, *, skew: Floats
) -> Floats:
    """As :func:`fit_ranges`, without numba."""
    out = np.full((len(offsets) - 1, sizes.shape[1], 3), -np.inf)
    out[:, :, 0] = np.inf
    lot = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    for k in range(sizes.shape[1]):
        for turn in range(4):
            angle = skew if turn > 1 else np.zeros(len(skew))
            w, d = sizes[:, k, turn % 2] / 2, sizes[:, k, 1 - turn % 2] / 2
            cos, sin = np.cos(angle), np.sin(angle)
            across = np.abs(planes[:, 0] * cos[lot] + planes[:, 1] * sin[lot])
            along = np.abs(planes[:, 1] * cos[lot] - planes[:, 0] * sin[lot])
            need = yards + w[lot] * across + d[lot] * along
            asked = ~np.isnan(w) & ~np.isnan(angle)
            need = np.where(asked[lot], need, 0.0)
            poly, count = clip_numpy(planes, need, offsets, boxes)
            _merge_ranges(out[:, k], poly, np.where(asked, count, 0), w * np.abs(sin) + d * np.abs(cos))
    return out


def _merge_ranges(out: Floats, poly: Floats, count: npt.NDArray[np.intp], half: Floats) -> None:
    live = (np.arange(poly.shape[1]) < count[:, None])[:, :, None]
    low = np.where(live, poly, np.inf).min(axis=1)
    high = np.where(live, poly, -np.inf).max(axis=1)
    fits = count > 0
    out[fits, 0] = np.minimum(out[fits, 0], (low[:, 1] + half)[fits])
    out[fits, 1] = np.maximum(out[fits, 1], (high[:, 1] - half)[fits])
    out[fits, 2] = np.maximum(out[fits, 2], (high - low).min(axis=1)[fits])
