"""Which line of a lot is its front, and so which are its sides and its rear.

Street edges are joined into runs; the run on the address street is the front, else the shorter one;
other runs are a street side (corner lot) or a second front (through lot). The method and its
thresholds follow the project's zoning and capacity reference, section 2 steps 5 to 7.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from densitymap.capacity.edges import Flags
from densitymap.capacity.rules import Rules
from densitymap.geometry import Floats, Indices

FRONT, SIDE, REAR, STREET_SIDE, THROUGH, LIMIT = range(6)
"""Roles of an edge. LIMIT is a line beyond which nothing may stand (a flood line): no yard of its own."""

ROLE_NAMES = ("front", "side", "rear", "street side", "second front", "limit")

_TIE_FT = 0.01


def chains(
    edges: pd.DataFrame, member: Flags, *, break_deg: float, names: pd.Series | None = None
) -> Indices:
    """Number the chains of adjacent member edges; -1 for the rest.

    A chain breaks where the outline turns by more than ``break_deg``, at once or in all, or where
    the street name changes. Numbering follows the outline, not the vertex it was drawn from.

    Parameters
    ----------
    edges
        From :func:`~densitymap.capacity.edges.ring_edges`.
    member
        Edges that can be in a chain.
    break_deg
        Turn [degrees] that starts a new chain.
    names
        Street of each edge, missing where unknown.

    Examples
    --------
    >>> import shapely
    >>> from densitymap.capacity.edges import ring_edges
    >>> square = ring_edges(shapely.orient_polygons(np.array([shapely.box(0, 0, 9, 9)], dtype=object)))
    >>> sorted(chains(square, np.array([True, True, False, False]), break_deg=60.0).tolist())
    [-1, -1, 0, 1]
    """
    ring = edges["ring"].to_numpy()
    size = len(ring)
    if size == 0:
        return np.empty(0, dtype=np.intp)
    first = np.r_[True, ring[1:] != ring[:-1]]
    begin = np.maximum.accumulate(np.where(first, np.arange(size), 0))
    count = np.bincount(ring, minlength=ring[-1] + 1)[ring]
    position = np.arange(size) - begin
    before = begin + (position - 1) % count
    opens = member & ~member[before]
    start = np.zeros(ring[-1] + 1, dtype=np.intp)
    np.maximum.at(start, ring[opens], count[opens] - position[opens])
    order = np.lexsort(((position + start[ring]) % count, ring))
    numbers = _numbers(edges.iloc[order], member[order], first, break_deg, names)
    result = np.empty(size, dtype=np.intp)
    result[order] = numbers
    return result


def _numbers(
    edges: pd.DataFrame, member: Flags, first: Flags, break_deg: float, names: pd.Series | None
) -> Indices:
    """Chain numbers of edges already ordered so that no chain wraps round its ring."""
    angle = np.degrees(np.arctan2(edges["out_y"].to_numpy(), edges["out_x"].to_numpy()))
    turn = (np.r_[0.0, np.diff(angle)] + 180) % 360 - 180
    opens = member & (first | ~np.r_[False, member[:-1]] | (np.abs(turn) > break_deg))
    if names is not None:
        code, _ = pd.factorize(names.loc[edges.index])
        other = np.r_[False, (code[1:] != code[:-1]) & (code[1:] >= 0) & (code[:-1] >= 0)]
        opens |= member & other
    swept = np.cumsum(np.where(opens, 0.0, turn))
    at_open = np.maximum.accumulate(np.where(opens, np.arange(len(opens)), 0))
    sector = np.floor(np.abs(swept - swept[at_open]) / break_deg)
    opens |= member & (sector != np.r_[-1.0, sector[:-1]]) & ~first
    return np.where(member, np.cumsum(opens) - 1, -1).astype(np.intp)


def runs(edges: pd.DataFrame, rules: Rules) -> tuple[pd.DataFrame, Indices]:
    """Join street edges into runs.

    Parameters
    ----------
    edges
        With ``street_ft`` [ft] and ``street_name``.
    rules
        ``run_break_deg``.

    Returns
    -------
    runs : DataFrame
        Indexed by run: ``lot``, ``frontage_ft`` (projected on the run's own direction), unit direction
        ``dir_x dir_y``, start ``x0 y0``, ``street_name``.
    run : array of int
        Run of each edge, -1 for none.
    """
    run = chains(
        edges,
        (edges["street_ft"] > 0).to_numpy(),
        break_deg=rules["run_break_deg"],
        names=edges["street_name"],
    )
    on = edges[run >= 0].assign(run=run[run >= 0])
    share = on["street_ft"] / on["length_ft"]
    on = on.assign(step_x=(on["x1"] - on["x0"]) * share, step_y=(on["y1"] - on["y0"]) * share)
    grouped = on.groupby("run")
    table = grouped[["lot", "x0", "y0", "street_name"]].first()
    total = grouped[["step_x", "step_y"]].sum()
    table["frontage_ft"] = np.hypot(total["step_x"], total["step_y"])
    table["dir_x"] = total["step_x"] / table["frontage_ft"]
    table["dir_y"] = total["step_y"] / table["frontage_ft"]
    return table, run


def choose_fronts(
    table: pd.DataFrame,
    rules: Rules,
    *,
    address_street: pd.Series | None = None,
    overrides: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Choose each lot's front among its runs.

    Parameters
    ----------
    table
        From :func:`runs`.
    rules
        ``alley_width_max_ft``: a shorter run is a front only where there is no longer one.
    address_street
        Street of the lot's address, by lot position.
    overrides
        Hand corrections, indexed by lot position: ``front_street`` and/or ``front_bearing_deg`` (the
        compass bearing the front faces). They win.

    Returns
    -------
    DataFrame
        One row of ``table`` for each lot with a run, indexed by ``lot``, with ``run``.
    """
    rank = table.reset_index()
    lot = rank["lot"]
    rank["wrong"] = _override_distance(rank, overrides)
    rank["off_address"] = True
    if address_street is not None:
        same = rank["street_name"].str.casefold() == address_street.reindex(lot).str.casefold().to_numpy()
        rank["off_address"] = ~same.astype("boolean").fillna(False).astype(bool)
    rank["stub"] = rank["frontage_ft"] < rules["alley_width_max_ft"]
    rank["rounded"] = (rank["frontage_ft"] / _TIE_FT).round()
    rank = rank.sort_values(["lot", "wrong", "off_address", "stub", "rounded", "run"])
    return rank.drop_duplicates("lot").set_index("lot")


def _override_distance(rank: pd.DataFrame, overrides: pd.DataFrame | None) -> Floats:
    """How far a run is from what the correction file asks: 0 where it asks nothing."""
    distance = np.zeros(len(rank))
    if overrides is None or len(overrides) == 0:
        return distance
    asked = overrides.reindex(rank["lot"])
    if "front_street" in asked:
        named = asked["front_street"].astype("string").str.casefold().reset_index(drop=True)
        other = named.ne(rank["street_name"].str.casefold()) & named.notna()
        distance += np.where(other.fillna(True), 360.0, 0.0)
    if "front_bearing_deg" in asked:
        faces = np.degrees(np.arctan2(rank["dir_y"], -rank["dir_x"]))
        gap = np.abs((asked["front_bearing_deg"].to_numpy(float) - faces + 180) % 360 - 180)
        distance += np.where(np.isnan(gap), 0.0, gap)
    return distance


def assign_roles(
    edges: pd.DataFrame, run: Indices, table: pd.DataFrame, fronts: pd.DataFrame, rules: Rules
) -> Indices:
    """Give each edge its role; edges of lots without a front are sides.

    Parameters
    ----------
    edges
        From :func:`~densitymap.capacity.edges.ring_edges`, with ``is_alley``.
    run
        Run of each edge (:func:`runs`).
    table
        The runs.
    fronts
        The chosen runs (:func:`choose_fronts`).
    rules
        ``rear_angle_max_deg``: also what makes a run opposite to the front.
    """
    lot = edges["lot"].to_numpy()
    front = fronts.reindex(lot)
    inward = np.stack([-front["dir_y"], front["dir_x"]], axis=1)
    limit = np.cos(np.radians(rules["rear_angle_max_deg"]))
    role = np.full(len(edges), SIDE, dtype=np.intp)
    on = run >= 0
    direction = table[["dir_x", "dir_y"]].to_numpy()[run[on]]
    facing = direction[:, 1] * inward[on, 0] - direction[:, 0] * inward[on, 1]
    role[on] = np.where(facing >= limit, THROUGH, STREET_SIDE)
    role[on & (run == front["run"].to_numpy())] = FRONT
    has_second = np.isin(lot, lot[role == THROUGH])
    back = edges["out_x"].to_numpy() * inward[:, 0] + edges["out_y"].to_numpy() * inward[:, 1]
    candidate = (role == SIDE) & (back >= limit) & ~has_second
    role[_farthest_chain(edges, candidate, front, inward)] = REAR
    return role


def _farthest_chain(edges: pd.DataFrame, candidate: Flags, front: pd.DataFrame, inward: Floats) -> Flags:
    """Candidates in the chain that holds each lot's farthest candidate from its front."""
    chain = chains(edges, candidate, break_deg=180.0)
    middle_x = (edges["x0"] + edges["x1"]).to_numpy() / 2 - front["x0"].to_numpy()
    middle_y = (edges["y0"] + edges["y1"]).to_numpy() / 2 - front["y0"].to_numpy()
    far = middle_x * inward[:, 0] + middle_y * inward[:, 1]
    at = np.flatnonzero(candidate)
    order = at[np.lexsort((-far[at], edges["lot"].to_numpy()[at]))]
    lot = edges["lot"].to_numpy()[order]
    best = order[np.r_[True, lot[1:] != lot[:-1]]] if len(order) else order
    return candidate & np.isin(chain, chain[best])
