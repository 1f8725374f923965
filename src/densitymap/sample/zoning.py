"""Which district covers each block, and how its land is cut and used.

Districts drawn to something (Memorial Drive, the railroad, the BeltLine) take the blocks nearest to
it until they hold their share of acres; R-4 takes what is left, so shares hold for any size.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from densitymap.sample.draw import Floats, pick, smooth, uniform
from densitymap.sample.grid import Grid, line_at
from densitymap.sample.settings import section

FABRICS = ("R-4", "R-4A", "R-5", "cottage", "townhouse", "apartment", "shop", "works", "park", "civic")
"""How a block is cut into lots and used."""
RESIDENTIAL = ("R-4", "R-4A", "R-5", "cottage")
"""Fabrics of houses on lots of their own."""
DEEP = ("apartment", "works", "park", "civic")
"""Fabrics whose lots may run from street to street."""
_FEW_BLOCKS = 80


def assign_zones(grid: Grid) -> pd.Series:
    """Zoning code of each block; missing where the zoning layer has a hole.

    The district and what surrounds it hold the shares each on their own; so do the inner and the outer
    half of a small district, whose outer half may hold no lots.
    """
    cells, settings = grid.cells, grid.settings
    zone = pd.Series(pd.NA, index=cells.index, dtype="string")
    records = dict(sorted(section(settings, "zones").items(), key=_eagerness))
    for part in _parts(cells):
        zone = _share_out(grid, part, zone, records)
    hole = uniform(grid.seed, "zoning hole", cells["key"].to_numpy()) < settings["zoning.hole_share"]
    plain = np.flatnonzero(zone.eq("R-4").to_numpy(dtype=bool))
    hole[plain[len(plain) // 3]] = True
    return zone.mask(pd.Series(hole, index=cells.index) & zone.eq("R-4"))


def assign_fabric(grid: Grid, zone: pd.Series) -> pd.Series:
    """How each block is cut into lots, from the fabrics its district knows, parks and schools among them."""
    keys, settings = grid.cells["key"].to_numpy(), grid.settings
    fabric = pd.Series("R-4", index=zone.index, dtype=object)
    at = uniform(grid.seed, "fabric", keys)
    for code, record in section(settings, "zones").items():
        choices = record["fabric"]
        chosen = np.array(choices, object)[pick(at, [1 / len(choices)] * len(choices))]
        fabric = fabric.mask(zone.eq(code).fillna(False), pd.Series(chosen, index=zone.index))
    special = uniform(grid.seed, "grounds", keys)
    houses = fabric.isin(RESIDENTIAL)
    civic_from = 1 - settings["zoning.civic_share"]
    fabric[houses & (special >= civic_from)] = "civic"
    park = houses.to_numpy() & (special < settings["zoning.park_share"])
    park[np.flatnonzero(houses)[1:2]] = True  # so that the smallest sample has one
    fabric[park] = "park"
    return fabric


def _parts(cells: pd.DataFrame) -> list[pd.DataFrame]:
    district, around = cells[cells["in_district"]], cells[~cells["in_district"]]
    middle = len(district) // 2
    if len(district) < _FEW_BLOCKS:
        return [district.iloc[:middle], district.iloc[middle:], around]
    return [district, around]


def _share_out(grid: Grid, part: pd.DataFrame, zone: pd.Series, records: dict[str, Any]) -> pd.Series:
    """Give each district its share of a part's acres, nearest blocks first; what is over goes to the next."""
    zone, owed = zone.copy(), 0.0
    for code, record in records.items():
        free = part[zone[part.index].isna()]
        owed += record["share"] * part["acres"].sum()
        order = free.index[np.argsort(_pull(grid, free, code, record["near"]), kind="stable")]
        acres = part.loc[order, "acres"].to_numpy()
        chosen = order[np.cumsum(acres) - acres / 2 <= owed]
        zone[chosen] = code
        owed -= part.loc[chosen, "acres"].sum()
    zone[part.index] = zone[part.index].fillna("R-4")
    return zone


def _eagerness(record: tuple[str, Any]) -> tuple[bool, bool, float]:
    """Districts that want a place choose first, the small before the large; R-4 takes the rest."""
    code, values = record
    return code == "R-4", not values["near"], values["share"]


def _pull(grid: Grid, cells: pd.DataFrame, code: str, near: str) -> Floats:
    """How far each block is from what draws a district, blurred; small is near."""
    u, v, span = cells["u_mid"].to_numpy(), cells["v_mid"].to_numpy(), grid.settings["zoning.patch_ft"]
    blur = smooth(grid.seed, f"zone {code}", u, v, span=span)
    weight = grid.settings["zoning.blur"]
    size = max(1.0, float(np.ptp(grid.columns.at_ft)))
    if near == "memorial":
        return np.asarray(np.abs(v - grid.rows.at_ft[line_at(grid, "memorial_drive")]) / size + weight * blur)
    if near == "rail":
        return np.asarray(np.abs(v - grid.rows.at_ft[line_at(grid, "marta_rail")]) / size + weight * blur)
    if near in ("beltline", "county"):
        line = line_at(grid, "beltline" if near == "beltline" else "county_line")
        return np.asarray(np.abs(u - grid.columns.at_ft[line]) / size + weight * blur)
    return np.asarray(u / size + blur if near == "west" else blur)
