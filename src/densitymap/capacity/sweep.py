"""Rectangle fit in any polygon, compiled: every place where a rectangle could be stuck is tried.

The set of centres at which an upright rectangle fits is bounded by the polygon's edges moved by the
rectangle's corners and by the rectangle's sides moved to the polygon's corners. Its own corners are
crossings of two of these, so its extent is the extent of the crossings at which the rectangle fits.
Exact like the union of swept edges in :mod:`densitymap.capacity.exact`, and some fifty times faster;
only compiled (extra ``speed``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from densitymap.capacity.kernel import compiled, in_chunks
from densitymap.geometry import Floats, Indices


@compiled
def _free(edges: Any, x: float, y: float, a: float, b: float) -> bool:
    """Whether the rectangle of half sizes a, b centred at x, y lies inside the edges."""
    inside = False
    for i in range(len(edges)):
        x0, y0 = edges[i, 0] - x, edges[i, 1] - y
        x1, y1 = edges[i, 2] - x, edges[i, 3] - y
        if (y0 > 0) != (y1 > 0) and (x1 - x0) * (0 - y0) / (y1 - y0) + x0 > 0:
            inside = not inside
        low, high = 0.0, 1.0
        for axis in range(2):
            start, step, half = (x0, x1 - x0, a) if axis == 0 else (y0, y1 - y0, b)
            if abs(step) < 1e-12:  # noqa: PLR2004 (parallel)
                if abs(start) >= half:
                    high = -1.0
                continue
            first, last = (-half - start) / step, (half - start) / step
            if first > last:
                first, last = last, first
            low, high = max(low, first), min(high, last)
        if low < high:
            return False
    return inside


@compiled
def _walls(edges: Any, a: float, b: float, walls: Any) -> int:
    """Segments that bound the centres: four of each edge, four of each corner."""
    n = 0
    for i in range(len(edges)):
        x0, y0, x1, y1 = edges[i, 0], edges[i, 1], edges[i, 2], edges[i, 3]
        for sx in (-1.0, 1.0):
            for sy in (-1.0, 1.0):
                walls[n, 0], walls[n, 1] = x0 + sx * a, y0 + sy * b
                walls[n, 2], walls[n, 3] = x1 + sx * a, y1 + sy * b
                n += 1
        for s in (-1.0, 1.0):
            walls[n, 0], walls[n, 1], walls[n, 2], walls[n, 3] = x0 + s * a, y0 - b, x0 + s * a, y0 + b
            n += 1
            walls[n, 0], walls[n, 1], walls[n, 2], walls[n, 3] = x0 - a, y0 + s * b, x0 + a, y0 + s * b
            n += 1
    return n


@compiled
def _extent(edges: Any, a: float, b: float, cos: float, sin: float, walls: Any, found: Any) -> bool:
    """Extent of the centres turned back into the lot's frame: low y, high y, low x, high x."""
    n = _walls(edges, a, b, walls)
    some = False
    for i in range(n):
        px, py = walls[i, 0], walls[i, 1]
        rx, ry = walls[i, 2] - px, walls[i, 3] - py
        for j in range(i):
            qx, qy = walls[j, 0], walls[j, 1]
            sx, sy = walls[j, 2] - qx, walls[j, 3] - qy
            cross = rx * sy - ry * sx
            if abs(cross) < 1e-9:  # noqa: PLR2004 (parallel)
                continue
            t = ((qx - px) * sy - (qy - py) * sx) / cross
            u = ((qx - px) * ry - (qy - py) * rx) / cross
            if t < -1e-9 or t > 1 + 1e-9 or u < -1e-9 or u > 1 + 1e-9:  # noqa: PLR2004 (ends count)
                continue
            x, y = px + t * rx, py + t * ry
            back_x, back_y = x * cos - y * sin, x * sin + y * cos
            if some and found[0] <= back_y <= found[1] and found[2] <= back_x <= found[3]:
                continue
            if _free(edges, x, y, a - 5e-4, b - 5e-4):
                found[0], found[1] = min(found[0], back_y), max(found[1], back_y)
                found[2], found[3] = min(found[2], back_x), max(found[3], back_x)
                some = True
    return some


@compiled
def _pairs(edges: Any, offsets: Any, lots: Any, sizes: Any, skew: Any, out: Any) -> None:
    most = 0
    for g in range(len(offsets) - 1):
        most = max(most, offsets[g + 1] - offsets[g])
    turned, walls, found = np.empty((most, 4)), np.empty((8 * most, 4)), np.empty(4)
    for row in range(len(lots)):
        begin, end = offsets[lots[row]], offsets[lots[row] + 1]
        back, line, slack = np.inf, -np.inf, -np.inf
        for turn in range(4):
            angle = skew[row] if turn > 1 else 0.0
            if np.isnan(angle):
                break
            cos, sin = np.cos(angle), np.sin(angle)
            for i in range(begin, end):
                for k in range(0, 4, 2):
                    turned[i - begin, k] = edges[i, k] * cos + edges[i, k + 1] * sin
                    turned[i - begin, k + 1] = edges[i, k + 1] * cos - edges[i, k] * sin
            a, b = sizes[row, turn % 2] / 2, sizes[row, 1 - turn % 2] / 2
            found[0], found[1], found[2], found[3] = np.inf, -np.inf, np.inf, -np.inf
            if not _extent(turned[: end - begin], a, b, cos, sin, walls, found):
                continue
            half = a * abs(sin) + b * abs(cos)
            back, line = min(back, found[0] + half), max(line, found[1] - half)
            slack = max(slack, min(found[1] - found[0], found[3] - found[2]))
        out[row, 0], out[row, 1], out[row, 2] = back, line, slack


def swept_ranges(edges: Floats, offsets: Indices, lots: Indices, sizes: Floats, skew: Floats) -> Floats:
    """Where rectangles fit in polygons: as :func:`densitymap.capacity.kernel.fit_ranges`, one a row.

    Parameters
    ----------
    edges : (E, 4)
        Edges ``x0 y0 x1 y1`` of all polygons, holes included.
    offsets : (N + 1,)
        Edges of polygon ``i`` are ``offsets[i]:offsets[i + 1]``.
    lots : (P,)
        Polygon of each pair asked about.
    sizes : (P, 2)
        Width and depth [ft] of its rectangle.
    skew : (P,)
        Angle [radians] of the long side, NaN where square.
    """
    out = np.empty((len(lots), 3))

    def work(rows: slice, _start: int, _stop: int) -> None:
        _pairs(edges, offsets, lots[rows], sizes[rows], skew[rows], out[rows])

    in_chunks(work, len(lots), 256)
    return out
