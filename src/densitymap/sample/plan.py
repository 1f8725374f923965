"""The whole plan: blocks with zone, fabric, places and the number of lots each will hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from densitymap.errors import UsageError
from densitymap.sample import settings as choices
from densitymap.sample.grid import Grid, draw_grid
from densitymap.sample.lots import count_lots, cut_lots, has_alley, is_through
from densitymap.sample.places import assign_places
from densitymap.sample.zoning import assign_fabric, assign_zones

LEAST_LOTS, MOST_LOTS = 500, 2_000_000
"""Sizes a sample can have (issue 2)."""
_COUNTED_AT_ONCE = 4_000
_COMMON = ("R-4A", "R-5")
"""Districts, besides R-4, that lots of any sample lie in."""
_LEAST_LENDERS = 4
_SURE_OUTLINES = {"hole": 111, "part": 222, "bowtie": 333}
"""Lots that carry a rare outline in any sample, so that even the smallest has each."""


def draw_plan(n_lots: int, seed: int, *, name: str = "district5") -> Grid:
    """Plan a sample: a grid just large enough for the lots, with everything known per block.

    Parameters
    ----------
    n_lots
        Lots wanted, 500 to 2,000,000.
    seed
        Seed of every draw, 0 or more.
    name
        Record in ``catalog/sample``.

    Returns
    -------
    Grid
        Its ``cells`` carry ``zone``, ``fabric``, places, ``lots`` (to be drawn in the block) and
        ``first_lot`` (number of the block's first lot).

    Raises
    ------
    UsageError
        If the number of lots or the seed is out of bounds.
    """
    if not LEAST_LOTS <= n_lots <= MOST_LOTS:
        raise UsageError(
            f"A sample has {LEAST_LOTS:,} to {MOST_LOTS:,} lots, not {n_lots:,}.",
            next_step="give --lots in that range",
        )
    if not 0 <= seed < 2**32:
        raise UsageError(
            f"A seed is a whole number from 0 to {2**32 - 1}, not {seed}.", next_step="give another --seed"
        )
    settings = choices.load(name)
    blocks = n_lots / 20
    while True:
        grid = _with_land(draw_grid(settings, seed, blocks=round(blocks)))
        held = int(grid.cells["lots"].sum())
        if held >= n_lots:
            break
        blocks *= max(1.03, n_lots / held)
    cells = grid.cells
    before = cells["lots"].cumsum() - cells["lots"]
    cells["lots"] = np.clip(n_lots - before, 0, cells["lots"])
    cells["first_lot"] = before.clip(upper=n_lots)
    cells["zone"] = _common_zones_held(cells)
    return replace(grid, cells=cells.join(assign_places(grid, lots=n_lots)))


def lot_chunks(grid: Grid, *, lots_at_once: int) -> Iterator[pd.DataFrame]:
    """Cut the planned lots, some blocks at a time, so that memory stays small.

    Yields
    ------
    DataFrame
        Lots as :func:`densitymap.sample.lots.cut_lots` gives them, with ``number`` (0 .. n - 1).
    """
    cells = grid.cells[grid.cells["lots"] > 0]
    for _, part in cells.groupby(cells["first_lot"] // lots_at_once):
        lots = cut_lots(grid, part)
        planned = part["lots"].reindex(lots["cell"]).to_numpy()
        lots = lots[lots["order"].to_numpy() < planned].reset_index(drop=True)
        lots["number"] = part["first_lot"].reindex(lots["cell"]).to_numpy() + lots["order"].to_numpy()
        for outline, place in _SURE_OUTLINES.items():
            lots.loc[lots["number"].eq(place) & lots["shape"].eq("plain"), "shape"] = outline
        yield lots


def _common_zones_held(cells: pd.DataFrame) -> pd.Series:
    """Zones with every common district on some lot: one without changes places with an R-4 block.

    Only the smallest samples need it, whose few blocks of a district may lie beyond the last lot.
    """
    zone, held = cells["zone"].copy(), cells["lots"] > 0
    for code in _COMMON:
        empty = zone.index[zone.eq(code).fillna(value=False) & ~held]
        lent = zone.index[zone.eq("R-4").fillna(value=False) & held]
        if (zone[held] == code).any() or not len(empty) or len(lent) < _LEAST_LENDERS:
            continue
        zone[empty[0]], zone[lent[len(lent) // 2]] = "R-4", code
    return zone


def _with_land(grid: Grid) -> Grid:
    cells = grid.cells
    cells["zone"] = assign_zones(grid)
    cells["fabric"] = assign_fabric(grid, cells["zone"])
    cells["is_through"] = is_through(grid, cells)
    cells["has_alley"] = has_alley(grid, cells)
    parts = [cells.iloc[k : k + _COUNTED_AT_ONCE] for k in range(0, len(cells), _COUNTED_AT_ONCE)]
    cells["lots"] = np.concatenate([count_lots(grid, part) for part in parts])
    return grid
