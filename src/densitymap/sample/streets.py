"""Names, addresses and centrelines of streets."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from densitymap.sample.draw import Floats, Integers
from densitymap.sample.grid import CITY_CRS, Grid, Lines, bend, line_at

_STEP_FT = 100.0
_HIGHWAY = {"street": "residential", "arterial": "secondary", "rail": "tertiary"}


def row_names(grid: Grid) -> list[str]:
    """Names of the east-west streets, by position of the line."""
    special = {
        line_at(grid, "memorial_drive"): "Memorial Drive",
        line_at(grid, "marta_rail"): "DeKalb Avenue",
    }
    return _names(grid.rows, special, grid.settings["places.east_west_streets"], "Sample {} Avenue")


def column_names(grid: Grid) -> list[str]:
    """Names of the north-south streets, by position of the line; the BeltLine's is empty."""
    special = {line_at(grid, "county_line"): "Moreland Avenue", line_at(grid, "beltline"): ""}
    return _names(grid.columns, special, grid.settings["places.north_south_streets"], "Sample {} Street")


def addresses(grid: Grid, lots: pd.DataFrame) -> pd.DataFrame:
    """House number, street and quadrant of each lot: ``number``, ``street``, ``quadrant``."""
    line = grid.cells["row"].reindex(lots["cell"]).to_numpy() + lots["face"].to_numpy()
    place = (lots["s0"] + lots["s1"]).to_numpy() / 2 - grid.columns.at_ft[0]
    place = np.where(lots["shape"].eq("flag"), place - (lots["s1"] - lots["s0"]).to_numpy() / 2 + 7, place)
    number = 2 * (place // 12).astype(int) + 10 + (lots["face"].to_numpy() == 0)
    streets = np.array(row_names(grid), object)[line]
    quadrant = np.where(line >= line_at(grid, "marta_rail"), "NE", "SE")
    return pd.DataFrame({"house_number": number, "street": streets, "quadrant": quadrant}, index=lots.index)


def centrelines(grid: Grid) -> gpd.GeoDataFrame:
    """Streets and alleys as OpenStreetMap has them (fields of the real pack's osm_roads).

    Returns
    -------
    GeoDataFrame in EPSG:2240
        One row per block side of a street (``highway`` secondary, tertiary, residential), and one per
        alley (``highway`` service, ``service`` alley), of the blocks that hold lots.
    """
    cells = grid.cells[grid.cells["lots"] > 0]
    sides = [
        _sides(grid, cells, "row", "low"),
        _sides(grid, cells, "row", "high"),
        _sides(grid, cells, "column", "low"),
        _sides(grid, cells, "column", "high"),
    ]
    streets = pd.concat(sides, ignore_index=True).drop_duplicates(
        ["axis", "line", "block"], ignore_index=True
    )
    streets = streets[streets["name"] != ""]
    alleys = cells[cells["has_alley"]]
    lanes = pd.DataFrame({"name": pd.NA, "highway": "service", "service": "alley"}, index=alleys.index)
    shapes = np.concatenate(
        [
            _segments(grid, *(streets[c].to_numpy() for c in ("u0", "u1", "v0", "v1"))),
            _segments(grid, *(alleys[c].to_numpy() for c in ("u0", "u1", "rear", "rear"))),
        ]
    )
    table = pd.concat([streets[["name", "highway", "service"]], lanes], ignore_index=True)
    table.insert(0, "id", [f"way/{900_000_000 + k}" for k in range(len(table))])
    table["lanes"] = table["highway"].map({"secondary": "4"}).astype(object)
    table["oneway"] = None
    return gpd.GeoDataFrame(table, geometry=shapes, crs=CITY_CRS)


def _sides(grid: Grid, cells: pd.DataFrame, axis: str, end: str) -> pd.DataFrame:
    """The street along one side of each block."""
    lines, names = (grid.rows, row_names(grid)) if axis == "row" else (grid.columns, column_names(grid))
    other = "column" if axis == "row" else "row"
    line = cells[axis].to_numpy() + (end == "high")
    kinds = np.array(lines.kind, object)[line]
    sides = pd.DataFrame({"axis": axis, "line": line, "block": cells[other].to_numpy()})
    sides["name"] = _spelled_out(np.array(names, object)[line], sides, grid, axis)
    sides["highway"] = pd.Series(kinds).map(_HIGHWAY).to_numpy()
    sides["service"] = pd.NA
    along, across = ("u", "v") if axis == "row" else ("v", "u")
    sides[f"{across}0"] = sides[f"{across}1"] = lines.at_ft[line]
    sides[f"{along}0"], sides[f"{along}1"] = (
        cells[f"{along}_low"].to_numpy(),
        cells[f"{along}_high"].to_numpy(),
    )
    return sides


def _spelled_out(
    names: npt.NDArray[np.object_], sides: pd.DataFrame, grid: Grid, axis: str
) -> npt.NDArray[np.object_]:
    row = sides["line" if axis == "row" else "block"].to_numpy()
    north = row >= line_at(grid, "marta_rail")
    full = names + np.where(north, " Northeast", " Southeast").astype(object)
    return np.asarray(np.where(names == "", "", full), object)


def _segments(grid: Grid, u0: Floats, u1: Floats, v0: Floats, v1: Floats) -> npt.NDArray[np.object_]:
    """Straight pieces of the plan with points every hundred feet or so, bent."""
    longest = max(np.abs(u1 - u0).max(initial=0), np.abs(v1 - v0).max(initial=0))
    share = np.linspace(0, 1, int(longest / _STEP_FT) + 2)
    u = u0[:, None] + (u1 - u0)[:, None] * share
    v = v0[:, None] + (v1 - v0)[:, None] * share
    x, y = bend(grid.settings, u, v)
    return np.asarray(shapely.linestrings(np.stack([x, y], axis=2)), object)


def _names(lines: Lines, special: dict[int, str], known: list[str], pattern: str) -> list[str]:
    """Names in order outward from the middle: the special lines, then the known names, then numbers."""
    outward = np.argsort(np.abs(lines.number) * 2 + (lines.number < 0), kind="stable")
    names = dict(special)
    rest: Integers = np.array([k for k in outward if k not in special], np.int64)
    for rank, line in enumerate(rest.tolist()):
        names[line] = known[rank] if rank < len(known) else pattern.format(rank - len(known) + 1)
    return [names[k] for k in range(len(lines.number))]
