"""Transit, the BeltLine, parks, the creek's flood zone and assisted housing."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from densitymap.geometry import ACRE_FT2, Geometries
from densitymap.sample.draw import Floats, uniform
from densitymap.sample.grid import CITY_CRS, Grid, bend, line_at
from densitymap.sample.publishers import global_ids

_POINTS = 400


def landmarks(grid: Grid, blocks: Geometries) -> dict[str, gpd.GeoDataFrame]:
    """Every layer but streets, by path of its file without the ending, in EPSG:2240."""
    return {
        "transit/marta_rail_lines": _rail(grid),
        "transit/marta_stations": _stations(grid),
        "beltline/beltline_loop": _beltline(grid),
        "parks/greenspace": _parks(grid, blocks),
        "flood/flood_hazard_zones": _flood(grid),
        "assisted/hud_assisted_housing": _assisted(grid),
    }


def creek_at(grid: Grid, v: Floats) -> Floats:
    """Plan coordinate ``u`` of the creek at each ``v``."""
    west, east = grid.columns.at_ft[grid.core[0]], grid.columns.at_ft[grid.core[1]]
    swing = grid.settings["ground.creek_bend_ft"] * np.sin(
        v * 2 * np.pi / grid.settings["frame.creek_wave_ft"]
    )
    return np.asarray(west + grid.settings["frame.creek"] * (east - west) + swing, float)


def _along_row(grid: Grid, line: int, share: Floats | None = None) -> tuple[Floats, Floats]:
    at = grid.columns.at_ft
    u = np.linspace(at[0], at[-1], _POINTS) if share is None else share
    return bend(grid.settings, u, np.full(len(u), grid.rows.at_ft[line]))


def _rail(grid: Grid) -> gpd.GeoDataFrame:
    line = shapely.linestrings(*_along_row(grid, line_at(grid, "marta_rail")))
    table = {"route_long": ["BLUE-East/West Line", "GREEN-Proctor Creek Line"], "OBJECTID": [1568.0, 1569.0]}
    half = shapely.linestrings(shapely.get_coordinates(line)[: _POINTS // 2])
    return gpd.GeoDataFrame(table, geometry=[line, half], crs=CITY_CRS)


def _stations(grid: Grid) -> gpd.GeoDataFrame:
    stations = grid.settings["places.stations"]
    west, east = grid.columns.at_ft[grid.core[0]], grid.columns.at_ft[grid.core[1]]
    u = np.array([west + share * (east - west) for _, share in stations])
    points = shapely.points(*_along_row(grid, line_at(grid, "marta_rail"), u))
    frame = gpd.GeoDataFrame(
        {"Buffer": "Existing Transit", "Agency": "MARTA"}, index=range(len(u)), geometry=points, crs=CITY_CRS
    )
    frame["Line(s)"] = "BLUE-East/West Line(BLUE)"
    frame["Station Name"] = [name for name, _ in stations]
    frame["Year Opened"] = "Pre-2000"
    degrees = frame.geometry.to_crs("EPSG:4326")
    return frame.assign(Latitude=degrees.y.round(6), Longitude=degrees.x.round(6))


def _beltline(grid: Grid) -> gpd.GeoDataFrame:
    v = np.linspace(grid.rows.at_ft[0], grid.rows.at_ft[-1], _POINTS)
    u = np.full(_POINTS, grid.columns.at_ft[line_at(grid, "beltline")])
    return gpd.GeoDataFrame(
        {"id": [1.0]}, geometry=[shapely.linestrings(*bend(grid.settings, u, v))], crs=CITY_CRS
    )


def _parks(grid: Grid, blocks: Geometries) -> gpd.GeoDataFrame:
    """The blocks that are parks, with the regional green space layer's fields."""
    cells = grid.cells
    parks = cells[cells["fabric"].eq("park")]
    chosen = parks[parks["lots"] > 0]
    chosen = chosen if len(chosen) else parks.head(1)
    shapes = blocks[chosen.index.to_numpy()]
    count = len(chosen)
    names = [f"Sample Park {k + 1}" for k in range(count)]
    fields = {
        "OBJECTID": np.arange(1, count + 1), "NAME": names,
        "COUNTY": cells["county"].reindex(chosen.index).to_numpy(),
        "CITY": "Atlanta", "OWNER": "City of Atlanta", "MANAGEMENT": "City of Atlanta", "TYPE": "Public Park",
        "SOURCE": "SYNTHETIC SAMPLE", "ACRES": shapely.area(shapes) / ACRE_FT2,
        "GlobalID": global_ids(grid, "park", keys=np.arange(count)),
        "Ownership": "Public",
    }  # fmt: skip
    return gpd.GeoDataFrame(pd.DataFrame(fields, index=range(count)), geometry=list(shapes), crs=CITY_CRS)


def _flood(grid: Grid) -> gpd.GeoDataFrame:
    """Zone AE along the creek and a lesser hazard beside it (fields of the National Flood Hazard Layer)."""
    reach = grid.settings["ground.flood_ft"]
    v = np.linspace(grid.rows.at_ft[0], grid.rows.at_ft[-1], _POINTS)
    creek = shapely.linestrings(*bend(grid.settings, creek_at(grid, v), v))
    inner, outer = shapely.buffer(creek, reach), shapely.buffer(creek, reach * grid.settings["ground.fringe"])
    fields = {
        "FLD_ZONE": ["AE", "X"], "ZONE_SUBTY": [None, "0.2 PCT ANNUAL CHANCE FLOOD HAZARD"],
        "SFHA_TF": ["T", "F"],
        "STATIC_BFE": [-9999.0, -9999.0],
    }  # fmt: skip
    return gpd.GeoDataFrame(fields, geometry=[inner, shapely.difference(outer, inner)], crs=CITY_CRS)


def _assisted(grid: Grid) -> gpd.GeoDataFrame:
    """Assisted housing: a few apartment blocks (fields of the real pack's HUD layer)."""
    cells = grid.cells[grid.cells["lots"] > 0]
    flats = cells[cells["fabric"].eq("apartment")]
    share = grid.settings["places.assisted_share"]
    chosen = flats[uniform(grid.seed, "assisted", flats["key"].to_numpy()) < share]
    chosen = chosen if len(chosen) else pd.concat([flats, cells]).head(1)
    x, y = bend(grid.settings, chosen["u_mid"].to_numpy(), chosen["v_mid"].to_numpy())
    number = np.arange(len(chosen))
    fields = {
        "census_blo": chosen["block"].to_numpy(), "name": [f"SAMPLE HOMES {k + 1}" for k in number],
        "latitude": chosen["latitude"].to_numpy(), "longitude": chosen["longitude"].to_numpy(), "state": "GA",
        "public_hou": (number % 3 == 0).astype(float), "section_8_": (number % 3 != 0).astype(float),
        "section_23": 0.0, "section_20": 0.0, "section_81": 0.0, "rentsup_fl": 0.0,
        "county": np.where(chosen["county"].eq("Fulton"), "121", "089"),
    }  # fmt: skip
    return gpd.GeoDataFrame(pd.DataFrame(fields, index=number), geometry=shapely.points(x, y), crs=CITY_CRS)
