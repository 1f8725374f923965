"""Lots surveyed: front, roles of the edges, frontage, depth, corner, flag; each in its own frame.

In a lot's own frame the front lies along x and the lot above it, so that "behind" is "larger y". All
that depends on shapes and streets alone is found here, once; law enters in ``envelope`` and ``fit``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import shapely

from densitymap.capacity import edges as _edges
from densitymap.capacity import front as _front
from densitymap.capacity.front import FRONT, LIMIT, REAR, STREET_SIDE, THROUGH
from densitymap.capacity.rules import Rules
from densitymap.geometry import Floats, Geometries, Indices

SOURCES = ("street", "implied", "proxy", "none")
"""How a front was found: a street, what neighbours imply, the minimum rectangle, not at all."""

_STRAIGHT = 1e-6
_SQUARE_DEG = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """Lots in their own frames.

    Attributes
    ----------
    lots
        One row per lot, in the order given: ``lot_area_ft2``, ``frontage_ft``, ``lot_depth_ft``,
        ``front_source``, ``n_fronts``, ``is_corner``, ``is_through``, ``is_flag``, ``is_landlocked``,
        ``has_alley``, ``is_convex``, ``pole_area_ft2``, ``skew_rad`` and the frame
        ``origin_x origin_y dir_x dir_y``.
    edges
        One row per edge of the part that counts (a flag lot's body): ``lot``, ``role``, and in the
        lot's frame ``x0 y0 x1 y1`` [ft] and the inward line ``nx ny c``.
    shapes
        The part that counts, in the lot's frame.
    """

    lots: pd.DataFrame
    edges: pd.DataFrame
    shapes: Geometries


def survey(
    shapes: Geometries,
    rules: Rules,
    *,
    drawn_streets: Geometries | None = None,
    streets: pd.DataFrame | None = None,
    address_street: pd.Series | None = None,
    overrides: pd.DataFrame | None = None,
) -> Survey:
    """Survey lots.

    Parameters
    ----------
    shapes
        Cleaned polygons (:func:`~densitymap.capacity.clean.clean`), feet; None stays without edges.
    rules
        Fit rules.
    drawn_streets
        Lines along each lot's own boundary that are streets; then neighbours are not asked.
    streets
        Centrelines (see :func:`~densitymap.capacity.edges.street_matches`); without them and without
        drawn streets, what neighbours leave free implies the street.
    address_street, overrides
        See :func:`~densitymap.capacity.front.choose_fronts`.
    """
    edges, lots = _with_streets(shapes, rules, drawn_streets, streets)
    table, run = _front.runs(edges, rules)
    fronts = _front.choose_fronts(table, rules, address_street=address_street, overrides=overrides)
    lots["n_fronts"] = np.bincount(table["lot"], minlength=len(shapes))
    lots["lot_area_ft2"] = shapely.area(shapes)
    lots["frontage_ft"] = fronts["frontage_ft"].reindex(lots.index)
    edges["role"] = _front.assign_roles(edges, run, table, fronts, rules)
    edges, body, fronts, lots = _flag_bodies(edges, shapes, fronts, lots, rules)
    edges, fronts, lots = _proxies(edges, body, fronts, lots, rules)
    return _framed(edges, body, fronts, lots, rules)


def _with_streets(
    shapes: Geometries, rules: Rules, drawn: Geometries | None, streets: pd.DataFrame | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Edges with their street length and name; lots with the source of it."""
    edges = _edges.ring_edges(shapes)
    lots = pd.DataFrame({"front_source": "street"}, index=pd.RangeIndex(len(shapes)))
    edges["street_name"] = pd.Series(pd.NA, index=edges.index, dtype="string")
    edges["is_alley"] = False
    if drawn is not None:
        edges["street_ft"] = _edges.street_overlap(edges, drawn)
        has = np.bincount(edges["lot"], edges["street_ft"], len(shapes)) > 0
        lots.loc[~has, "front_source"] = "none"
        return edges, lots
    is_shared = _edges.shared(edges, shapes, rules) | _is_hole(edges)
    edges["street_ft"] = 0.0
    if streets is not None:
        matched = _edges.street_matches(edges, is_shared, streets, rules, lots=shapes)
        edges[matched.columns] = matched
    has = np.bincount(edges["lot"], edges["street_ft"], len(shapes)) > 0
    total = np.bincount(edges["lot"], edges["length_ft"], len(shapes))
    joined = np.bincount(edges["lot"], np.where(is_shared, edges["length_ft"], 0.0), len(shapes))
    share = np.divide(joined, total, out=np.zeros(len(shapes)), where=total > 0)
    implied = ~has & (share >= rules["implied_shared_share_min"]) & (share < 1)
    free = implied[edges["lot"]] & ~is_shared
    edges.loc[free, "street_ft"] = edges.loc[free, "length_ft"]
    lots["front_source"] = np.select([has, implied, share >= 1], ["street", "implied", "none"], "proxy")
    return edges, lots


def _is_hole(edges: pd.DataFrame) -> _edges.Flags:
    first = edges.groupby("lot")["ring"].transform("first")
    return (edges["ring"] != first).to_numpy()


def _flag_bodies(
    edges: pd.DataFrame, shapes: Geometries, fronts: pd.DataFrame, lots: pd.DataFrame, rules: Rules
) -> tuple[pd.DataFrame, Geometries, pd.DataFrame, pd.DataFrame]:
    """Replace flag lots by their bodies: the front line is the body's edge at the mouth of the pole.

    A pole is what an opening by ``flag_opening_ft`` removes (mitred, so that square bodies keep
    their corners), if it touches the front and is no wider there than the opening.
    """
    opening = rules["flag_opening_ft"]
    lots["is_flag"], lots["pole_area_ft2"] = False, 0.0
    body = shapes.copy()
    at = lots.index[(lots["frontage_ft"] <= 2 * opening).to_numpy()]
    if len(at) == 0:
        return edges, body, fronts, lots
    with np.errstate(divide="ignore", invalid="ignore"):  # GEOS mitres of needle-sharp corners
        core = shapely.buffer(shapes[at], -opening, join_style="mitre")
        opened = shapely.buffer(core, opening, join_style="mitre")
    opened = _largest(shapely.intersection(opened, shapes[at]))
    pole = shapely.difference(shapes[at], opened)
    line = _front_lines(edges, at)
    real = (shapely.area(opened) >= rules["lot_area_floor_ft2"]) & (shapely.distance(pole, line) < 1)
    real &= shapely.distance(opened, line) > opening
    at, opened, pole = at[real], opened[real], pole[real]
    lots.loc[at, "is_flag"], lots.loc[at, "pole_area_ft2"] = True, shapely.area(pole)
    body[at] = shapely.orient_polygons(shapely.simplify(opened, rules["simplify_ft"]))
    return *_with_bodies(edges, body, at, pole, fronts, rules), lots


def _front_lines(edges: pd.DataFrame, at: pd.Index) -> Geometries:
    front = edges[(edges["role"] == FRONT) & edges["lot"].isin(at)]
    lines = _edges.edge_lines(front)
    owner = at.get_indexer(pd.Index(front["lot"]))
    return np.asarray(shapely.multilinestrings(lines, indices=owner), dtype=object)


def _with_bodies(
    edges: pd.DataFrame, body: Geometries, at: pd.Index, pole: Geometries, fronts: pd.DataFrame, rules: Rules
) -> tuple[pd.DataFrame, Geometries, pd.DataFrame]:
    alone = np.full(len(body), None, dtype=object)
    alone[at] = body[at]
    new = _edges.ring_edges(alone)
    new["ring"] += int(edges["ring"].max()) + 1
    new["is_alley"], new["street_name"] = False, pd.Series(pd.NA, index=new.index, dtype="string")
    mouths = np.full(len(body), None, dtype=object)
    mouths[at] = shapely.buffer(pole, 0.01)
    touch = shapely.length(shapely.intersection(_edges.edge_lines(new), mouths[new["lot"].to_numpy()]))
    new["street_ft"] = np.where(touch > 1, new["length_ft"], 0.0)
    table, run = _front.runs(new, rules)
    chosen = _front.choose_fronts(table, rules)
    new["role"] = _front.assign_roles(new, run, table, chosen, rules)
    edges = pd.concat([edges[~edges["lot"].isin(at)], new]).sort_values(["lot"], kind="stable")
    fronts = pd.concat([fronts[~fronts.index.isin(at)], chosen]).sort_index()
    return edges.reset_index(drop=True), body, fronts


def _proxies(
    edges: pd.DataFrame, body: Geometries, fronts: pd.DataFrame, lots: pd.DataFrame, rules: Rules
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Give lots without a front the short side of their minimum rectangle, the narrower end.

    Roles and frame only: ``front_source`` keeps saying that no street was seen.
    """
    at = np.flatnonzero(~np.isin(np.arange(len(body)), fronts.index) & ~shapely.is_missing(body))
    if len(at) == 0:
        return edges, fronts, lots
    corners = shapely.get_coordinates(
        shapely.get_exterior_ring(shapely.orient_polygons(shapely.minimum_rotated_rectangle(body[at])))
    ).reshape(-1, 5, 2)
    sides = np.diff(corners, axis=1)[:, :2]
    length = np.linalg.norm(sides, axis=2)
    short = np.argmin(np.round(length, 3), axis=1)
    row = np.arange(len(at))
    way = sides[row, short] / length[row, short][:, None]
    inward = np.stack([-way[:, 1], way[:, 0]], axis=1)
    middle = corners[:, :4].mean(axis=1)
    weight = shapely.get_coordinates(shapely.centroid(body[at])) - middle
    flip = (weight * inward).sum(axis=1) < 0
    way[flip] *= -1
    start = corners[row, np.where(flip, (short + 2) % 4, short)]
    rows = pd.DataFrame(
        {
            "x0": start[:, 0],
            "y0": start[:, 1],
            "dir_x": way[:, 0],
            "dir_y": way[:, 1],
            "run": -1,
            "frontage_ft": length.min(axis=1),
        },
        index=pd.Index(at, name="lot"),
    )
    open_end = lots["front_source"].to_numpy()[at] == "proxy"
    lots.loc[at[open_end], "frontage_ft"] = rows["frontage_ft"].to_numpy()[open_end]
    return _proxy_roles(edges, rows, rules), pd.concat([fronts, rows]).sort_index(), lots


def _proxy_roles(edges: pd.DataFrame, fronts: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    here = edges["lot"].isin(fronts.index).to_numpy()
    some = edges[here]
    front = fronts.reindex(some["lot"])
    facing = some["out_x"].to_numpy() * front["dir_y"].to_numpy()
    facing = facing - some["out_y"].to_numpy() * front["dir_x"].to_numpy()
    limit = np.cos(np.radians(rules["rear_angle_max_deg"]))
    role = _front.assign_roles(some, np.full(len(some), -2), fronts, fronts, rules)
    edges.loc[here, "role"] = np.where(facing >= limit, FRONT, role)
    return edges


def _framed(
    edges: pd.DataFrame, body: Geometries, fronts: pd.DataFrame, lots: pd.DataFrame, rules: Rules
) -> Survey:
    """Turn everything into each lot's frame and measure it."""
    frame = fronts[["x0", "y0", "dir_x", "dir_y"]].reindex(lots.index)
    lots[["origin_x", "origin_y", "dir_x", "dir_y"]] = frame.to_numpy()
    local = to_frame(body, lots)
    edges = _local_edges(edges, lots)
    bounds = shapely.bounds(local)
    lots["lot_depth_ft"] = bounds[:, 3] - bounds[:, 1]
    has = {role: np.bincount(edges["lot"], edges["role"] == role, len(lots)) > 0 for role in range(LIMIT)}
    lots["is_corner"], lots["is_through"] = has[STREET_SIDE], has[THROUGH]
    lots["is_landlocked"] = (lots["front_source"] == "none") & ~shapely.is_missing(body)
    lots["has_alley"] = np.bincount(edges["lot"], edges["is_alley"], len(lots)) > 0
    lots["is_convex"] = _convex(edges, len(lots)) & (shapely.get_num_interior_rings(local) == 0)
    lots["skew_rad"] = _skew(edges, len(lots))
    pointed = np.flatnonzero(~has[REAR] & ~has[THROUGH] & ~shapely.is_missing(body))
    edges = pd.concat([edges, _rear_lines(local, pointed, rules)], ignore_index=True)
    edges = edges.sort_values("lot", kind="stable", ignore_index=True)
    return Survey(lots=lots, edges=edges, shapes=local)


def to_frame(shapes: Geometries, lots: pd.DataFrame) -> Geometries:
    """Move shapes, one per lot, into the lots' frames."""
    result = shapes.copy()
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    frame = lots[["origin_x", "origin_y", "dir_x", "dir_y"]].to_numpy()[owner]
    return np.asarray(shapely.set_coordinates(result, _turned(points - frame[:, :2], frame)), dtype=object)


def _turned(points: Floats, frame: Floats) -> Floats:
    x = points[:, 0] * frame[:, 2] + points[:, 1] * frame[:, 3]
    y = points[:, 1] * frame[:, 2] - points[:, 0] * frame[:, 3]
    return np.stack([x, y], axis=1)


def _local_edges(edges: pd.DataFrame, lots: pd.DataFrame) -> pd.DataFrame:
    frame = lots[["origin_x", "origin_y", "dir_x", "dir_y"]].to_numpy()[edges["lot"]]
    start = _turned(edges[["x0", "y0"]].to_numpy() - frame[:, :2], frame)
    end = _turned(edges[["x1", "y1"]].to_numpy() - frame[:, :2], frame)
    inward = -_turned(edges[["out_x", "out_y"]].to_numpy(), frame)
    kept = edges[["lot", "ring", "role", "length_ft", "street_ft", "is_alley"]]
    return kept.assign(
        x0=start[:, 0],
        y0=start[:, 1],
        x1=end[:, 0],
        y1=end[:, 1],
        nx=inward[:, 0],
        ny=inward[:, 1],
        c=(inward * start).sum(axis=1),
    )


def _convex(edges: pd.DataFrame, count: int) -> _edges.Flags:
    ring = edges["ring"].to_numpy()
    first = np.flatnonzero(np.r_[True, ring[1:] != ring[:-1]]) if len(ring) else np.empty(0, np.intp)
    after = np.arange(1, len(ring) + 1)
    if len(ring):
        after[np.r_[first[1:] - 1, len(ring) - 1]] = first
    nx, ny = edges["nx"].to_numpy(), edges["ny"].to_numpy()
    bend = nx * ny[after] - ny * nx[after]
    return np.bincount(edges["lot"], bend < -_STRAIGHT, count) == 0


def _skew(edges: pd.DataFrame, count: int) -> Floats:
    """Angle of the longest edge off the front and its square; NaN within a degree of them."""
    longest = edges.sort_values(["lot", "length_ft"], kind="stable").drop_duplicates("lot", keep="last")
    angle = np.arctan2(longest["y1"] - longest["y0"], longest["x1"] - longest["x0"])
    off = (angle + np.pi / 4) % (np.pi / 2) - np.pi / 4
    result = np.full(count, np.nan)
    result[longest["lot"]] = np.where(np.abs(off) > np.radians(_SQUARE_DEG), off, np.nan)
    return result


def _rear_lines(shapes: Geometries, at: Indices, rules: Rules) -> pd.DataFrame:
    """Rear lines of lots that end in a point: parallel to the front where the lot is still 10 ft wide."""
    bounds = shapely.bounds(shapes[at])
    low, high = bounds[:, 1].copy(), bounds[:, 3].copy()
    low += (high - low) / 2
    for _ in range(50):
        middle = (low + high) / 2
        wide = chord_ft(shapes[at], bounds, middle) >= rules["rear_line_ft"]
        low, high = np.where(wide, middle, low), np.where(wide, high, middle)
    return pd.DataFrame(
        {"lot": at, "role": REAR, "nx": 0.0, "ny": -1.0, "c": -low, "ring": -1, "is_alley": False}
    )


def chord_ft(shapes: Geometries, bounds: Floats, y_ft: Floats) -> Floats:
    """Length [ft] of each shape along the line at height ``y_ft``."""
    ends = np.stack(
        [np.stack([bounds[:, 0] - 1, y_ft], axis=1), np.stack([bounds[:, 2] + 1, y_ft], axis=1)], axis=1
    )
    return np.asarray(shapely.length(shapely.intersection(shapes, shapely.linestrings(ends))), dtype=float)


def _largest(shapes: Geometries) -> Geometries:
    parts, owner = shapely.get_parts(shapes, return_index=True)
    order = np.lexsort((-shapely.area(parts), owner))
    owners, first = np.unique(owner[order], return_index=True)
    result = np.full(len(shapes), shapely.Polygon(), dtype=object)
    result[owners] = parts[order[first]]
    return result


def select(whole: Survey, rows: Indices) -> Survey:
    """Survey of some of the lots, renumbered in the order of ``rows``."""
    place = np.full(len(whole.lots), -1, dtype=np.intp)
    place[rows] = np.arange(len(rows))
    edges = whole.edges.assign(lot=place[whole.edges["lot"]])
    edges = edges[edges["lot"] >= 0].sort_values("lot", kind="stable", ignore_index=True)
    lots = whole.lots.iloc[rows].reset_index(drop=True)
    return replace(whole, lots=lots, edges=edges, shapes=whole.shapes[rows])
