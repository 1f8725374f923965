"""Outlines of lots and footprints, from the street frame to EPSG:2240.

An outline is drawn with ``s`` along the street and ``t`` away from it, then turned into the plan by
the face it belongs to, then bent.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import shapely

from densitymap.geometry import Geometries
from densitymap.sample.draw import Floats
from densitymap.sample.grid import bend
from densitymap.sample.settings import Settings

_LONG_EDGE_FT = 70.0
Corners = Sequence[tuple[Floats, Floats]]


def lot_shapes(settings: Settings, lots: pd.DataFrame, *, front: Floats) -> Geometries:
    """Shapes of lots in EPSG:2240.

    Parameters
    ----------
    settings
        The choices.
    lots
        As :func:`densitymap.sample.lots.cut_lots` gives them.
    front
        Plan coordinate of the street line each lot fronts on [ft].
    """
    shapes = np.empty(len(lots), object)
    pieces = 1 + ((lots["s1"] - lots["s0"]) // _LONG_EDGE_FT).astype(int)
    for count in pieces.unique():
        for outline in lots["shape"].unique():
            chosen = (pieces.eq(count) & lots["shape"].eq(outline)).to_numpy()
            shapes[chosen] = _outlined(settings, lots[chosen], front=front[chosen], pieces=int(count))
    return shapes


def _outlined(settings: Settings, lots: pd.DataFrame, *, front: Floats, pieces: int) -> Geometries:
    """Shapes of lots that share one outline."""
    outline = str(next(iter(lots["shape"]), "plain"))
    face = lots["face"].to_numpy()
    rings = _rings(settings, outline, lots)
    flat = [polygons(settings, ring, front=front, face=face, pieces=pieces) for ring in rings]
    return _assemble(outline, flat)


def polygons(
    settings: Settings, corners: Corners, *, front: Floats, face: Floats, pieces: int = 1
) -> Geometries:
    """Polygons from corners (s, t), one per row.

    Parameters
    ----------
    settings
        For the bend.
    corners
        ``s`` along the street [ft, plan] and ``t`` away from it [ft], in order around the shape.
    front
        Plan coordinate of the street line [ft]: ``v`` is front + t, or front - t on a north face.
    face
        0 south, 1 north.
    pieces
        Pieces each edge along the street is cut into, so that it follows the bend.
    """
    corners = _eased(corners, pieces)
    s = np.stack([np.broadcast_to(a, front.shape) for a, _ in corners], axis=1)
    t = np.stack([np.broadcast_to(b, front.shape) for _, b in corners], axis=1)
    v = front[:, None] + np.where(face[:, None] == 0, t, -t)
    x, y = bend(settings, s, v)
    ring = np.stack([x, y], axis=2)
    return np.asarray(shapely.polygons(np.concatenate([ring, ring[:, :1]], axis=1)))


def _eased(corners: Corners, pieces: int) -> Corners:
    """Cut the edges along the street into pieces, so that neighbours of other widths share the bend."""
    points: list[tuple[Floats, Floats]] = []
    for (s0, t0), (s1, t1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        shares = np.arange(1 if s1 is s0 else pieces) / pieces
        points += [(s0 * (1 - share) + s1 * share, t0 * (1 - share) + t1 * share) for share in shares]
    return points


def _rings(settings: Settings, outline: str, lots: pd.DataFrame) -> list[Corners]:
    a, b, d = (lots[name].to_numpy() for name in ("s0", "s1", "depth_ft"))
    zero, middle = np.zeros_like(d), d / 2
    box = [(a, zero), (b, zero), (b, d), (a, d)]
    pole = a + settings["lots.shape.flag_pole_ft"]
    notch, deep = settings["lots.shape.notch_ft"]
    outlines: dict[str, list[Corners]] = {
        "front": [[(pole, zero), (b, zero), (b, middle), (pole, middle)]],
        "flag": [[(a, zero), (pole, zero), (pole, middle), (b, middle), (b, d), (a, d)]],
        "loses corner": [
            [(a, zero), (b, zero), (b, d - deep), (b - notch, d - deep), (b - notch, d), (a, d)]
        ],
        "gains corner": [
            [(a, zero), (b, zero), (b, d), (a - notch, d), (a - notch, d - deep), (a, d - deep)]
        ],
        "bowtie": [[(a, zero), (b, d), (b, zero), (a, d)]],
        "hole": [box, [(c, e) for c, e in _middle_box(a, b, d)]],
        "part": [
            [(a, zero), (b, zero), (b, middle - 3), (a, middle - 3)],
            [(a, middle + 3), (b, middle + 3), (b, d), (a, d)],
        ],
    }
    return outlines.get(outline, [box])


def _middle_box(a: Floats, b: Floats, d: Floats) -> Corners:
    """A utility's plot of a tenth of the lot's depth, in the middle of it."""
    left, right, low, high = a + 0.4 * (b - a), a + 0.6 * (b - a), 0.45 * d, 0.55 * d
    return [(left, low), (right, low), (right, high), (left, high)]


def _assemble(outline: str, flat: list[Geometries]) -> Geometries:
    if outline == "hole":
        return np.asarray(shapely.difference(flat[0], flat[1]))
    if outline == "part":
        return np.array([shapely.MultiPolygon(pair) for pair in zip(*flat, strict=True)], object)
    return flat[0]
