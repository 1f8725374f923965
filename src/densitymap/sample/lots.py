"""Cut blocks into lots: widths along the street, corners, flags, notches, alleys, through lots.

A face is one side of a block. Its lots are drawn left to right from the width table of the block's
fabric and stretched to fill it. Every draw is keyed by the lot, so any range of blocks can be cut
alone and comes out the same.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap.sample.draw import Floats, Integers, quantile, uniform
from densitymap.sample.grid import Grid
from densitymap.sample.settings import Settings
from densitymap.sample.zoning import DEEP, RESIDENTIAL

_SLOTS = 44
"""Most lots one face can hold (a townhouse is at least 20 ft wide, a block at most 780 ft long)."""

TABLES = {"park": "grounds", "civic": "grounds"}
"""Width table of a fabric, where it is not the fabric's own name."""


def face_widths(grid: Grid, cells: pd.DataFrame) -> tuple[Floats, Integers]:
    """Widths of the lots of each face, and how many there are.

    Parameters
    ----------
    grid
        For the seed and the choices.
    cells
        Blocks with their ``fabric``; ``is_through`` blocks have one face.

    Returns
    -------
    widths : array (blocks, 2, slots) [ft]
        Stretched so that the lots of a face fill it; 0 beyond the last one.
    counts : array (blocks, 2)
    """
    settings = grid.settings
    slots = np.arange(_SLOTS)
    keys = lot_keys(cells["key"].to_numpy()[:, None, None], np.arange(2)[:, None], slots)
    draws = uniform(grid.seed, "lot width", keys)
    for fabric in cells["fabric"].unique():
        chosen = cells["fabric"].eq(fabric).to_numpy()
        draws[chosen] = quantile(draws[chosen], settings[f"lots.{TABLES.get(fabric, fabric)}"])
    length = (cells["u1"] - cells["u0"]).to_numpy()[:, None]
    reach = np.cumsum(draws, axis=2)
    counts = np.argmin(np.abs(reach - length[:, :, None]), axis=2) + 1
    used = np.take_along_axis(reach, counts[:, :, None] - 1, axis=2)
    widths = np.where(slots < counts[:, :, None], draws * length[:, :, None] / used, 0.0)
    counts[cells["is_through"].to_numpy(), 1] = 0
    return widths, counts.astype(np.int64)


def is_through(grid: Grid, cells: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Blocks one lot deep: grounds and works, and a few by chance."""
    chance = (
        uniform(grid.seed, "through", cells["key"].to_numpy()) < grid.settings["lots.shape.through_share"]
    )
    return np.asarray(cells["fabric"].isin([f for f in DEEP if f != "apartment"]).to_numpy() | chance)


def has_alley(grid: Grid, cells: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Blocks of houses with an alley along the rear line."""
    chance = uniform(grid.seed, "alley", cells["key"].to_numpy()) < grid.settings["blocks.alley_share"]
    return np.asarray(chance & cells["fabric"].isin(RESIDENTIAL).to_numpy() & ~cells["is_through"].to_numpy())


def lot_keys(
    cell: npt.NDArray[np.int64], face: npt.NDArray[np.int64], slot: npt.NDArray[np.int64]
) -> Integers:
    """Key of a lot for its draws: block, face, place along the face."""
    return np.asarray((cell << 8) + (face << 7) + slot * 2, np.int64)


def count_lots(grid: Grid, cells: pd.DataFrame) -> Integers:
    """Lots each block holds, flag lots counted."""
    widths, counts = face_widths(grid, cells)
    mask = np.arange(_SLOTS) < counts[:, :, None]
    keys = lot_keys(cells["key"].to_numpy()[:, None, None], np.arange(2)[:, None], np.arange(_SLOTS))
    houses = cells["fabric"].isin(RESIDENTIAL).to_numpy()[:, None, None]
    flags = _is_flag(grid, keys, widths) & mask & houses
    return np.asarray(mask.sum(axis=(1, 2)) + flags.sum(axis=(1, 2)), np.int64)


def cut_lots(grid: Grid, cells: pd.DataFrame) -> pd.DataFrame:
    """Cut blocks into lots.

    Parameters
    ----------
    grid
        For the seed and the choices.
    cells
        Blocks with ``fabric``, ``is_through``, ``has_alley``.

    Returns
    -------
    DataFrame
        One row per lot, in the order of the blocks: ``cell`` (label of the block), ``key``, ``face``
        (0 south, 1 north), ``s0``, ``s1`` (along the street), ``depth_ft``, ``shape`` (name of its
        outline), ``is_corner``, ``order`` (place in its block).
    """
    widths, counts = face_widths(grid, cells)
    at, face, slot = np.nonzero(np.arange(_SLOTS) < counts[:, :, None])
    end = np.cumsum(widths, axis=2)[at, face, slot]
    width = widths[at, face, slot]
    block = cells.iloc[at]
    lots = pd.DataFrame(
        {"cell": cells.index.to_numpy()[at], "face": face, "s1": block["u0"].to_numpy() + end}
    )
    lots["s0"] = lots["s1"] - width
    lots["key"] = lot_keys(block["key"].to_numpy(), face, slot)
    lots["depth_ft"] = _depth(grid.settings, block, face)
    lots["is_corner"] = (slot == 0) | (slot == counts[at, face] - 1)
    houses = block["fabric"].isin(RESIDENTIAL).to_numpy()
    lots["shape"] = _outlines(grid, lots, houses, slot, last=counts[at, face] - 1)
    return _with_flags(lots)


def _depth(settings: Settings, block: pd.DataFrame, face: Integers) -> Floats:
    low, high, rear = (block[name].to_numpy() for name in ("v0", "v1", "rear"))
    half_alley = np.where(block["has_alley"].to_numpy(), settings["blocks.alley_ft"] / 2, 0.0)
    depth = np.where(face == 0, rear - low, high - rear) - half_alley
    return np.asarray(np.where(block["is_through"].to_numpy(), high - low, depth), float)


def _is_flag(grid: Grid, keys: Integers, width: Floats) -> npt.NDArray[np.bool_]:
    settings = grid.settings
    wide = width >= settings["lots.shape.flag_width_ft"]
    return np.asarray(wide & (uniform(grid.seed, "flag", keys) < settings["lots.shape.flag_share"]))


def _outlines(
    grid: Grid, lots: pd.DataFrame, houses: npt.NDArray[np.bool_], slot: Integers, *, last: Integers
) -> npt.NDArray[np.object_]:
    """Name of each lot's outline; a notch is cut for the next lot along the face."""
    settings, keys = grid.settings, lots["key"].to_numpy()
    width = (lots["s1"] - lots["s0"]).to_numpy()
    outline = np.full(len(lots), "plain", object)
    odd = uniform(grid.seed, "outline", keys)
    bounds = np.cumsum([settings[f"lots.shape.{name}_share"] for name in ("hole", "part", "bowtie")])
    for name, below, above in zip(("hole", "part", "bowtie"), [0.0, *bounds[:-1]], bounds, strict=True):
        outline[(odd >= below) & (odd < above) & (width > settings["lots.R-4"][0][1])] = name
    flag = _is_flag(grid, keys, width) & houses
    notch = (uniform(grid.seed, "notch", keys) < settings["lots.shape.notch_share"]) & houses
    notch &= (slot % 2 == 0) & (slot < last) & (outline == "plain") & ~flag
    follows = np.append(notch[1:], False) if len(notch) else notch  # the lot after, on the same face
    gains = np.roll(notch, 1)
    gains[:1] = False
    notch &= ~np.append(flag[1:], False) & (np.append(outline[1:], "") == "plain") & ~follows
    gains = np.append(False, notch[:-1])
    outline[notch], outline[gains] = "loses corner", "gains corner"
    outline[flag] = "front"
    return outline


def _with_flags(lots: pd.DataFrame) -> pd.DataFrame:
    """Add, after each front lot, the flag lot behind it."""
    flags = lots[lots["shape"].eq("front")].assign(shape="flag", is_corner=False)
    flags["key"] += 1
    both = pd.concat([lots, flags]).sort_values(["cell", "key"], kind="stable").reset_index(drop=True)
    both["order"] = both.groupby("cell").cumcount()
    return both
