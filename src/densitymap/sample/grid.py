"""The plan of the sample: streets, blocks and the gentle curve laid over them.

Everything is drawn in a flat plan, in feet, with Memorial Drive on ``v = 0`` and straight streets;
:func:`bend` then carries the plan to EPSG:2240. The bend is two shears in turn, so it keeps areas
exactly, and shapes that share a line in the plan share it on the ground.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pyproj import Transformer

from densitymap.geometry import ACRE_FT2
from densitymap.sample.draw import Floats, Integers, quantile, uniform
from densitymap.sample.settings import Settings

_LEAST_ACROSS, _LEAST_UP = 8, 6  # room for every band of neighbourhoods
CITY_CRS = "EPSG:2240"
"""State plane, Georgia West, US survey feet: the sample is drawn in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lines:
    """Street lines of one direction, in order; block ``i`` lies between line ``i`` and ``i + 1``."""

    number: Integers
    """Signed number of the line, 0 at the middle of the district."""
    at_ft: Floats
    width_ft: Floats
    kind: tuple[str, ...]
    """``street``, ``arterial``, ``rail`` or ``beltline``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """Streets, and the blocks between them."""

    seed: int
    settings: Settings
    columns: Lines
    """North-south lines, west to east."""
    rows: Lines
    """East-west lines, south to north."""
    core: tuple[int, int, int, int]
    """Lines that bound the district: west, east, south, north (positions)."""
    cells: pd.DataFrame
    """One row per block, nearest the middle first."""


def draw_grid(settings: Settings, seed: int, *, blocks: int) -> Grid:
    """Lay out about the number of blocks asked for.

    Parameters
    ----------
    settings
        The choices, see :mod:`densitymap.sample.settings`.
    seed
        Seed of every draw.
    blocks
        Blocks wanted; the grid is about square in blocks.
    """
    across = max(_LEAST_ACROSS, round(float(np.sqrt(blocks))))
    up = max(_LEAST_UP, -(-blocks // across))
    west, east, south, north = core = _core(settings, across, up)
    wide, tall = stops(settings, "west east", east - west), stops(settings, "south north", north - south)
    column_marks = {
        west + wide[settings["frame.county_line"]]: "arterial",
        west + wide[settings["frame.beltline"]]: "beltline",
    }
    row_marks = {
        south + tall[settings["frame.memorial_drive"]]: "arterial",
        south + tall[settings["frame.marta_rail"]]: "rail",
    }
    columns = _lines(settings, seed, "length_ft", across + 1, marks=column_marks)
    rows = _lines(settings, seed, "depth_ft", up + 1, marks=row_marks)
    cells = _nearest_first(_cells(settings, seed, columns, rows), columns, rows, core)
    cells["in_district"] = cells["column"].between(west, east - 1) & cells["row"].between(south, north - 1)
    return Grid(seed=seed, settings=settings, columns=columns, rows=rows, core=core, cells=cells)


def bend(settings: Settings, u: Floats, v: Floats) -> tuple[Floats, Floats]:
    """Carry points of the plan to EPSG:2240 [ft].

    Two shears in turn: each moves points along one axis by an amount that depends on the other only,
    so areas are kept.
    """
    x0, y0 = origin(settings)
    amplitude, turn = settings["frame.bend_ft"], 2 * np.pi / settings["frame.bend_span_ft"]
    x = u + amplitude * np.sin(v * turn)
    y = v + amplitude * np.sin(x * turn + 1.0)
    return x0 + x, y0 + y


def origin(settings: Settings) -> tuple[float, float]:
    """Where the middle of the plan lies, in EPSG:2240 [ft]."""
    place = Transformer.from_crs("EPSG:4326", CITY_CRS, always_xy=True)
    x, y = place.transform(settings["frame.longitude"], settings["frame.latitude"])
    return round(float(x)), round(float(y))


def line_at(grid: Grid, name: str) -> int:
    """Position of a named line: ``memorial_drive``, ``marta_rail``, ``county_line``, ``beltline``."""
    west, east, south, north = grid.core
    share = grid.settings[f"frame.{name}"]
    if name in ("memorial_drive", "marta_rail"):
        return south + stops(grid.settings, "south north", north - south)[share]
    return west + stops(grid.settings, "west east", east - west)[share]


def stops(settings: Settings, sides: str, lines: int) -> dict[float, int]:
    """Line on which each edge of a neighbourhood lies, at least one line apart where there is room.

    Parameters
    ----------
    settings
        The choices: edges are shares of the district's width or height.
    sides
        ``"west east"`` or ``"south north"``.
    lines
        Lines from one side of the district to the other.
    """
    areas = settings["places.neighborhoods"]
    edges = sorted({float(area[side]) for area in areas for side in sides.split()})
    places: dict[float, int] = {}
    least = 0
    for left, edge in zip(range(len(edges) - 1, -1, -1), edges, strict=True):
        places[edge] = max(min(round(edge * lines), lines - left), least)
        least = places[edge] + 1
    return places


def _core(settings: Settings, across: int, up: int) -> tuple[int, int, int, int]:
    """Lines that bound the district: the whole grid but a ring, at most the district's real acres."""
    height = float(np.sqrt(settings["frame.district_acres"] * ACRE_FT2 / settings["frame.district_aspect"]))
    width = height * settings["frame.district_aspect"]
    wide = min(across - 1, round(width / (quantile(np.array([0.5]), settings["blocks.length_ft"])[0] + 55)))
    tall = min(up - 1, round(height / (quantile(np.array([0.5]), settings["blocks.depth_ft"])[0] + 55)))
    west, south = (across - wide) // 2, (up - tall) // 2
    return west, west + wide, south, south + tall


def _lines(settings: Settings, seed: int, table: str, count: int, *, marks: dict[int, str]) -> Lines:
    number = np.arange(count) - count // 2
    every = settings["blocks.arterial_every"]
    kinds = [marks.get(k, "arterial" if number[k] % every == 0 else "street") for k in range(count)]
    widths = {kind: settings[f"blocks.{kind}_ft"] for kind in ("street", "arterial", "rail", "beltline")}
    width = np.array([widths[kind] for kind in kinds])
    block = quantile(uniform(seed, table, number[:-1]), settings[f"blocks.{table}"])
    at = np.concatenate([[0.0], np.cumsum(block + (width[:-1] + width[1:]) / 2)])
    return Lines(number=number, at_ft=at - at[count // 2], width_ft=width, kind=tuple(kinds))


def _cells(settings: Settings, seed: int, columns: Lines, rows: Lines) -> pd.DataFrame:
    """Blocks: gross edges on the centrelines, net edges at the right of way, rear line, alley."""
    column, row = (
        a.ravel() for a in np.meshgrid(np.arange(len(columns.at_ft) - 1), np.arange(len(rows.at_ft) - 1))
    )
    cells = pd.DataFrame({"column": column, "row": row})
    cells["key"] = ((columns.number[column] + 32768) << 16) + rows.number[row] + 32768
    for axis, lines, at in (("u", columns, column), ("v", rows, row)):
        cells[f"{axis}_low"], cells[f"{axis}_high"] = lines.at_ft[at], lines.at_ft[at + 1]
        cells[f"{axis}0"] = lines.at_ft[at] + lines.width_ft[at] / 2
        cells[f"{axis}1"] = lines.at_ft[at + 1] - lines.width_ft[at + 1] / 2
    low, high = settings["blocks.rear_line"]
    share = low + (high - low) * uniform(seed, "rear line", cells["key"].to_numpy())
    cells["rear"] = cells["v0"] + share * (cells["v1"] - cells["v0"])
    cells["u_mid"], cells["v_mid"] = (cells["u0"] + cells["u1"]) / 2, (cells["v0"] + cells["v1"]) / 2
    cells["acres"] = (cells["u_high"] - cells["u_low"]) * (cells["v_high"] - cells["v_low"]) / ACRE_FT2
    return cells


def _nearest_first(
    cells: pd.DataFrame, columns: Lines, rows: Lines, core: tuple[int, int, int, int]
) -> pd.DataFrame:
    """Order blocks by how far they are from the middle of the district, in widths and heights of it."""
    west, east, south, north = (
        columns.at_ft[core[0]],
        columns.at_ft[core[1]],
        rows.at_ft[core[2]],
        rows.at_ft[core[3]],
    )
    across = (cells["u_mid"] - (west + east) / 2).abs() / (east - west)
    up = (cells["v_mid"] - (south + north) / 2).abs() / (north - south)
    order = np.lexsort((cells["key"], np.maximum(across, up)))
    return cells.iloc[order].reset_index(drop=True)
