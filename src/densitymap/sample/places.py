"""Neighbourhoods, council districts, counties and census geography of each block."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap.sample.draw import Floats, Integers, uniform
from densitymap.sample.grid import Grid, line_at, stops
from densitymap.sample.settings import Settings

COUNTIES = {"Fulton": "121", "DeKalb": "089"}
"""County codes (FIPS) of the two counties the sample lies in."""
STATE = "13"
"""Georgia (FIPS)."""


def assign_places(grid: Grid, *, lots: int) -> pd.DataFrame:
    """Place names and census identifiers of each block, on the blocks' index.

    Parameters
    ----------
    grid
        Blocks.
    lots
        Lots in the whole sample: sets how many tracts there are.
    """
    cells = grid.cells
    county = pd.Series("Fulton", index=cells.index).mask(
        cells["column"] >= line_at(grid, "county_line"), "DeKalb"
    )
    x, y = _shares(grid)
    outside_city = _outside_city(grid, x, y)
    neighborhood, npu = _neighborhoods(grid, x, y)
    places = pd.DataFrame({"county": county, "in_city": ~outside_city})
    places["neighborhood"] = neighborhood.mask(outside_city)
    places["npu"] = npu.mask(outside_city)
    places["council"] = _council(grid, x, y, shift=0).mask(outside_city)
    places["council_former"] = _council(grid, x, y, shift=1).mask(outside_city)
    return places.join(_census(grid, county, lots=lots))


def _shares(grid: Grid) -> tuple[Floats, Floats]:
    """Place of each block as shares of the district's width and height; beyond it, below 0 or above 1."""
    west, east, south, north = grid.core
    x = (grid.cells["column"].to_numpy() + 0.5 - west) / (east - west)
    y = (grid.cells["row"].to_numpy() + 0.5 - south) / (north - south)
    return x, y


def _outside_city(grid: Grid, x: Floats, y: Floats) -> npt.NDArray[np.bool_]:
    """Blocks of unincorporated DeKalb: a strip along the district's east side."""
    strip = max(1, grid.core[1] // 12) / (grid.core[1] - grid.core[0])
    return np.asarray((x > 1) & (x < 1 + strip) & (y > 0) & (y < 1))


def _neighborhoods(grid: Grid, x: Floats, y: Floats) -> tuple[pd.Series, pd.Series]:
    """Name and NPU: the district's by its rectangles, the rest by squares of the ring around it."""
    names, npus = np.full(len(x), "", object), np.full(len(x), "", object)
    wide, tall = grid.core[1] - grid.core[0], grid.core[3] - grid.core[2]
    across, up = stops(grid.settings, "west east", wide), stops(grid.settings, "south north", tall)
    for area in grid.settings["places.neighborhoods"]:
        inside = (x * wide > across[area["west"]]) & (x * wide < across[area["east"]])
        inside &= (y * tall > up[area["south"]]) & (y * tall < up[area["north"]])
        names[inside], npus[inside] = area["name"], area["npu"]
    rest = names == ""
    square = _squares(x[rest], y[rest])
    around = grid.settings["places.around"]
    names[rest] = [around[k]["name"] if k < len(around) else f"Sample Heights {k:04d}" for k in square]
    npus[rest] = [around[k % len(around)]["npu"] for k in square]
    return pd.Series(names, index=grid.cells.index), pd.Series(npus, index=grid.cells.index)


def _squares(x: Floats, y: Floats) -> Integers:
    """Number the squares around the district, half its width wide, ring by ring."""
    column, row = np.floor((x - 0.5) * 2).astype(int), np.floor((y - 0.5) * 2).astype(int)
    ring = np.maximum(np.maximum(column, -1 - column), np.maximum(row, -1 - row))
    squares = pd.DataFrame({"ring": ring, "column": column, "row": row})
    ranks = squares.drop_duplicates().sort_values(["ring", "column", "row"]).reset_index(drop=True)
    ranks["rank"] = np.arange(len(ranks))
    return np.asarray(squares.merge(ranks, how="left")["rank"].to_numpy(), np.int64)


def _council(grid: Grid, x: Floats, y: Floats, *, shift: int) -> pd.Series:
    """Council district: 5 in the middle, the others around it by direction.

    The former lines (``shift`` = 1) leave the district's westmost block column to a neighbour.
    """
    names = grid.settings["places.council_around"]
    direction = np.arctan2(y - 0.5, x - 0.5) % (2 * np.pi)
    around = np.array(names, object)[(direction / (2 * np.pi) * len(names)).astype(int) % len(names)]
    column = shift / (grid.core[1] - grid.core[0])
    inside = (x > column) & (x < 1) & (y > 0) & (y < 1)
    return pd.Series(np.where(inside, "5", around), index=grid.cells.index)


def _census(grid: Grid, county: pd.Series, *, lots: int) -> pd.DataFrame:
    """Identifiers of 2010 and 2020 tracts, 2020 block groups and blocks."""
    settings, cells = grid.settings, grid.cells
    most = settings["census.lots_per_tract"]
    tracts = max(settings["census.least_tracts"], round(lots / most))
    side = max(2.0, float(np.sqrt(len(cells) / tracts)))
    parts = []
    for name, code in COUNTIES.items():
        part = cells[county.eq(name)]
        group = _groups(part, side)
        group["county"] = code
        parts.append(_tract_ids(grid.seed, settings, group))
    census = pd.concat(parts).reindex(cells.index)
    rank = census.groupby("block_group").cumcount()
    census["block"] = census["block_group"] + rank.map("{:03d}".format)
    return census


def _groups(cells: pd.DataFrame, side: float) -> pd.DataFrame:
    """Cut a county's blocks into tracts about ``side`` blocks wide and tall, and quarters of them."""
    groups = pd.DataFrame(index=cells.index)
    for axis in ("column", "row"):
        place = cells[axis] - cells[axis].min()
        count = int(place.max()) + 1
        tracts = max(1, round(count / side))
        fine = place * tracts * 2 // count
        groups[axis], groups[f"{axis}_half"] = fine // 2, fine % 2
    return groups


def _tract_ids(seed: int, settings: Settings, groups: pd.DataFrame) -> pd.DataFrame:
    """Name tracts of three vintages: pairs of later tracts were one before, some block groups moved."""
    code = int(groups["county"].iloc[0])
    column, row = groups["column"].to_numpy(), groups["row"].to_numpy()
    last = int(column.max())
    paired = _is_split(seed, settings, code=code, column=column, row=row, last=last)
    old = np.where(paired, column // 2 * 2, column)
    base = (7001 + row * (last + 1) + old).astype(np.int64)
    suffix = np.where(paired, column % 2 + 1, 0)
    prefix = STATE + groups["county"]
    tract = (
        prefix
        + pd.Series(base, groups.index).astype(str)
        + pd.Series(suffix, groups.index).map("{:02d}".format)
    )
    quarter = groups["column_half"] + 2 * groups["row_half"] + 1
    moved = (
        uniform(seed, "moved", code, column, row, quarter.to_numpy()) < settings["census.moved_since_2010"]
    )
    beside = np.where(
        moved & (groups["column_half"].to_numpy() == 0) & ~paired & (column > 0), column - 1, old
    )
    beside_paired = _is_split(seed, settings, code=code, column=beside, row=row, last=last)
    beside = np.where(beside_paired, beside // 2 * 2, beside)
    former = pd.Series(7001 + row * (last + 1) + beside, groups.index)
    grown = uniform(seed, "tract grown", code, column, row // 2) < settings["census.split_before_2010"]
    top = np.where(grown | (old + row // 2 == 0), row // 2 * 2, row)
    oldest = pd.Series(7001 + top * (last + 1) + old, groups.index)
    ids = pd.DataFrame(
        {
            "tract_2000": prefix + oldest.astype(str) + "00",
            "tract_2010": prefix + former.astype(str) + "00",
            "tract_2020": tract,
        }
    )
    ids["block_group"] = tract + quarter.astype(str)
    return ids


def _is_split(
    seed: int, settings: Settings, *, code: int, column: Integers, row: Integers, last: int
) -> npt.NDArray[np.bool_]:
    """Whether a tract of 2020 is one of a pair that was one tract in 2010 (the first pair always is)."""
    pair = column // 2
    chance = uniform(seed, "tract split", code, pair, row) < settings["census.split_since_2010"]
    return np.asarray((chance | (pair + row == 0)) & (pair * 2 + 1 <= last))
