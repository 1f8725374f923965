"""The edges of lots: one row each, which neighbours share them, which streets they lie on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from densitymap.capacity.kernel import in_chunks
from densitymap.capacity.rules import Rules
from densitymap.geometry import Floats, Geometries, Indices

Flags = npt.NDArray[np.bool_]

_CHUNK = 50_000

_TOUCH_FT = 0.05
"""Two drawn lines nearer than this are the same line (rounding of published coordinates)."""
_OVERLAP_FT = 1.0
"""An edge that a street line covers by less touches it at a corner."""
_FLAT_FT = 1e-9


def ring_edges(shapes: Geometries) -> pd.DataFrame:
    """List the edges of every lot.

    Parameters
    ----------
    shapes
        Polygons, exterior anticlockwise (holes clockwise), feet; None has no edges.

    Returns
    -------
    DataFrame
        ``lot`` (row position), ``ring`` (running number), ``x0 y0 x1 y1`` [ft], ``length_ft``, and the
        outward unit normal ``out_x out_y``; ordered along each ring.

    Examples
    --------
    >>> square = np.array([shapely.box(0, 0, 50, 150)], dtype=object)
    >>> sorted(ring_edges(shapely.orient_polygons(square))["length_ft"])
    [50.0, 50.0, 150.0, 150.0]
    """
    rings, lot = shapely.get_rings(shapes, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    inner = np.flatnonzero(ring[1:] == ring[:-1])
    start, end = points[inner], points[inner + 1]
    step = end - start
    length = np.hypot(step[:, 0], step[:, 1])
    keep = length > 0
    edges = pd.DataFrame(
        {
            "lot": lot[ring[inner]],
            "ring": ring[inner],
            "x0": start[:, 0],
            "y0": start[:, 1],
            "x1": end[:, 0],
            "y1": end[:, 1],
            "length_ft": length,
        }
    )[keep].reset_index(drop=True)
    edges["out_x"] = (edges["y1"] - edges["y0"]) / edges["length_ft"]
    edges["out_y"] = (edges["x0"] - edges["x1"]) / edges["length_ft"]
    return edges


def edge_lines(edges: pd.DataFrame) -> Geometries:
    """Shapely lines of the edges."""
    ends = edges[["x0", "y0", "x1", "y1"]].to_numpy().reshape(-1, 2, 2)
    return np.asarray(shapely.linestrings(ends), dtype=object)


def shared(edges: pd.DataFrame, shapes: Geometries, rules: Rules) -> Flags:
    """Whether another lot lies just outside the middle of each edge.

    Parameters
    ----------
    edges
        From :func:`ring_edges`.
    shapes
        Every lot around, in the same plane; a missing neighbour reads as free.
    rules
        ``probe_ft`` is how far outside is looked.
    """
    reach = rules["probe_ft"]
    middle_x = (edges["x0"] + edges["x1"]) / 2 + reach * edges["out_x"]
    middle_y = (edges["y0"] + edges["y1"]) / 2 + reach * edges["out_y"]
    probes = shapely.points(middle_x.to_numpy(), middle_y.to_numpy())
    tree, lot = shapely.STRtree(shapes), edges["lot"].to_numpy()
    found = np.zeros(len(edges), dtype=bool)

    def look(rows: slice, start: int, _stop: int) -> None:
        asked, hit = tree.query(probes[rows], predicate="intersects")
        found[start + asked[hit != lot[start + asked]]] = True

    in_chunks(look, len(edges), _CHUNK)
    return found


def street_overlap(edges: pd.DataFrame, streets: Geometries) -> Floats:
    """Length of each edge [ft] that lies on the street lines drawn for its lot.

    Parameters
    ----------
    edges
        From :func:`ring_edges`.
    streets
        One (multi)line per lot, drawn along its own boundary; None where the lot has none.
    """
    lot = edges["lot"].to_numpy()
    near = np.flatnonzero(_length_inside(edges, shapely.bounds(streets)[lot]) > _OVERLAP_FT)
    drawn = shapely.buffer(streets, _TOUCH_FT, cap_style="flat")[lot[near]]
    length = np.zeros(len(edges))
    length[near] = shapely.length(shapely.intersection(edge_lines(edges.iloc[near]), drawn))
    return np.where(length > _OVERLAP_FT, np.minimum(length, edges["length_ft"]), 0.0)


def _length_inside(edges: pd.DataFrame, bounds: Floats) -> Floats:
    """Length of each edge [ft] within a box and a little around it; 0 where there is no box."""
    begin, end = np.zeros(len(edges)), np.ones(len(edges))
    for axis, name in enumerate("xy"):
        start, step = edges[f"{name}0"].to_numpy(), (edges[f"{name}1"] - edges[f"{name}0"]).to_numpy()
        low, high = bounds[:, axis] - 2 * _TOUCH_FT, bounds[:, axis + 2] + 2 * _TOUCH_FT
        flat = np.abs(step) < _FLAT_FT
        inside = (start >= low) & (start <= high)
        enter, leave = (
            np.divide(limit - start, step, out=np.zeros_like(start), where=~flat) for limit in (low, high)
        )
        first, last = np.minimum(enter, leave), np.maximum(enter, leave)
        begin = np.maximum(begin, np.where(flat, np.where(inside, 0.0, 1.0), first))
        end = np.minimum(end, np.where(flat, np.where(inside, 1.0, 0.0), last))
    return np.nan_to_num(np.maximum(end - begin, 0.0)) * edges["length_ft"].to_numpy()


def street_matches(
    edges: pd.DataFrame, is_shared: Flags, streets: pd.DataFrame, rules: Rules, *, lots: Geometries
) -> pd.DataFrame:
    """Match free edges to street centrelines.

    Parameters
    ----------
    edges
        From :func:`ring_edges`.
    is_shared
        From :func:`shared`: interior lines are never on a street.
    streets
        ``geometry`` (lines), ``name``, ``kind``: ``street`` counts as frontage, ``alley`` as a rear
        or side line; anything else (rail, path, stream, highway) never counts.
    rules
        ``street_search_ft``, ``street_angle_max_deg``.
    lots
        Every lot around: the way to the centreline may not cross another lot.

    Returns
    -------
    DataFrame
        On the edges' index: ``street_ft`` [ft] (the edge's length where matched, else 0),
        ``street_name``, ``is_alley``.
    """
    result = pd.DataFrame({"street_ft": 0.0, "is_alley": False}, index=edges.index)
    result["street_name"] = pd.Series(pd.NA, index=edges.index, dtype="string")
    usable = streets[streets["kind"].isin(["street", "alley"])]
    free = np.flatnonzero(~is_shared)
    if len(usable) == 0 or len(free) == 0:
        return result
    parts, source = _segments(np.asarray(usable["geometry"], dtype=object))
    pairs = _candidate_pairs(edges.iloc[free], parts, rules)
    way = shapely.shortest_line(_middles(edges.iloc[free[pairs["edge"]]], rules), parts[pairs["segment"]])
    clear = ~_crosses_other(way, lots, edges["lot"].to_numpy()[free[pairs["edge"]]])
    pairs = pairs[clear].sort_values(["edge", "distance_ft", "segment"]).drop_duplicates("edge")
    row = usable.iloc[source[pairs["segment"]]]
    at = edges.index[free[pairs["edge"]]]
    is_street = (row["kind"] == "street").to_numpy()
    result.loc[at, "street_ft"] = np.where(is_street, edges.loc[at, "length_ft"], 0.0)
    result.loc[at, "street_name"] = row["name"].astype("string").to_numpy()
    result.loc[at, "is_alley"] = ~is_street
    return result


def _segments(lines: Geometries) -> tuple[Geometries, Indices]:
    points, owner = shapely.get_coordinates(lines, return_index=True)
    inner = np.flatnonzero(owner[1:] == owner[:-1])
    pairs = np.stack([points[inner], points[inner + 1]], axis=1)
    return np.asarray(shapely.linestrings(pairs), dtype=object), owner[inner]


def _middles(edges: pd.DataFrame, rules: Rules) -> Geometries:
    reach = rules["probe_ft"]
    middle_x = (edges["x0"] + edges["x1"]) / 2 + reach * edges["out_x"]
    middle_y = (edges["y0"] + edges["y1"]) / 2 + reach * edges["out_y"]
    return np.asarray(shapely.points(middle_x.to_numpy(), middle_y.to_numpy()), dtype=object)


def _candidate_pairs(edges: pd.DataFrame, parts: Geometries, rules: Rules) -> pd.DataFrame:
    """Edge and street segment within reach, nearly parallel, the street on the outer side."""
    middles = _middles(edges, rules)
    edge, segment = shapely.STRtree(parts).query(
        middles, predicate="dwithin", distance=rules["street_search_ft"]
    )
    ends = shapely.get_coordinates(parts[segment]).reshape(-1, 2, 2)
    direction = ends[:, 1] - ends[:, 0]
    size = np.hypot(direction[:, 0], direction[:, 1])
    out = edges[["out_x", "out_y"]].to_numpy()[edge]
    sine = np.abs((direction * out).sum(axis=1)) / np.where(size > 0, size, np.inf)
    way = shapely.get_coordinates(shapely.shortest_line(middles[edge], parts[segment])).reshape(-1, 2, 2)
    outward = ((way[:, 1] - way[:, 0]) * out).sum(axis=1) >= 0
    near = (sine <= np.sin(np.radians(rules["street_angle_max_deg"]))) & outward
    distance = np.hypot(*(way[:, 1] - way[:, 0]).T)
    return pd.DataFrame({"edge": edge, "segment": segment, "distance_ft": distance})[near]


def _crosses_other(ways: Geometries, lots: Geometries, own: Indices) -> Flags:
    asked, hit = shapely.STRtree(lots).query(ways, predicate="crosses")
    crossed = np.zeros(len(ways), dtype=bool)
    crossed[asked[hit != own[asked]]] = True
    return crossed
