"""Write a whole sample: every layer of a city, drawn by rule from a seed."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer

from densitymap.geometry import Geometries
from densitymap.sample import areas, files, landmarks, market, people, publishers
from densitymap.sample.acs import acs_table, block_table, census_2000_table, one_table
from densitymap.sample.draw import Floats
from densitymap.sample.grid import CITY_CRS, Grid, bend
from densitymap.sample.homes import footprints, furnish
from densitymap.sample.plan import draw_plan, lot_chunks
from densitymap.sample.rasters import write_rasters
from densitymap.sample.records import parcel_records
from densitymap.sample.shapes import lot_shapes
from densitymap.sample.streets import centrelines

GENERATOR = "4"
"""Version of the rules: raised whenever the same seed would give another sample."""
LOTS_AT_ONCE = 20_000
TITLE = "SYNTHETIC SAMPLE"
_DEGREES = "EPSG:4326"
_CENSUS_CRS = "EPSG:4269"

Progress = Callable[[int, int], None]


def write_sample(
    folder: Path, *, n_lots: int = 3_000, seed: int = 5, progress: Progress | None = None
) -> dict[str, Any]:
    """Draw a synthetic District 5 and write it in the publishers' own schemas.

    Parameters
    ----------
    folder
        Where the sample goes. It takes the place of a sample that is there, once it is whole.
    n_lots
        Lots, 500 to 2,000,000; stacked condominiums and repeated records come on top.
    seed
        Seed of every draw: the same seed and size give the same bytes.
    progress
        Told (lots done, lots in all) as the work goes on.

    Returns
    -------
    dict
        ``title``, ``synthetic``, ``seed``, ``n_lots``, ``generator``, ``parcels`` (records),
        ``files`` (paths within the folder, sorted).

    Raises
    ------
    UsageError
        If the size or seed is out of bounds, or the folder holds something that is not a sample.
    OSError
        If it cannot be written; a sample that was there is kept.
    """
    grid = with_degrees(draw_plan(n_lots, seed))
    with files.replacing(folder) as fresh, files.steady_bytes():
        homes, records = _write_lots(grid, fresh, n_lots, progress)
        _write_areas(grid, fresh, homes)
        (fresh / "rasters").mkdir()
        write_rasters(grid, fresh / "rasters")
        pack = {"title": TITLE, "synthetic": True, "seed": seed, "n_lots": n_lots, "generator": GENERATOR}
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in pack.items()]
        (fresh / files.MARK).write_text("".join(lines), encoding="utf-8")
        found = sorted(str(path.relative_to(fresh)) for path in fresh.rglob("*") if path.is_file())
    return pack | {"parcels": records, "files": found}


def with_degrees(grid: Grid) -> Grid:
    """Give each block the latitude and longitude of its middle."""
    cells = grid.cells
    x, y = bend(grid.settings, cells["u_mid"].to_numpy(), cells["v_mid"].to_numpy())
    cells["longitude"], cells["latitude"] = _degrees(x, y)
    return grid


def draw_lots(grid: Grid, lots: pd.DataFrame) -> tuple[pd.DataFrame, Geometries, Floats]:
    """Shapes, buildings and places of a chunk of lots.

    Returns
    -------
    DataFrame
        The lots with what stands on them, ``latitude`` and ``longitude``.
    array of polygons
        In EPSG:2240.
    array
        Plan coordinate of the street line each lot fronts on [ft].
    """
    cell = grid.cells[["v0", "v1"]].reindex(lots["cell"]).to_numpy()
    front = np.where(lots["face"].to_numpy() == 0, cell[:, 0], cell[:, 1])
    shapes = lot_shapes(grid.settings, lots, front=front)
    nominal = ((lots["s1"] - lots["s0"]) * lots["depth_ft"]).to_numpy()
    area = np.where(lots["shape"].eq("bowtie"), nominal, shapely.area(shapes))
    lots = lots.join(furnish(grid, lots, area_ft2=area))
    middle = shapely.centroid(shapely.envelope(shapes))
    lots["longitude"], lots["latitude"] = _degrees(shapely.get_x(middle), shapely.get_y(middle))
    return lots, shapes, front


def buildings(grid: Grid, lots: pd.DataFrame, *, front: Floats) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Footprints with OpenStreetMap's fields, and Fulton County's structures."""
    rows, shapes = footprints(grid, lots, front=front)
    lot = lots.iloc[rows["lot"].to_numpy()].reset_index(drop=True)
    main = rows["is_main"].to_numpy()
    kind = lot["use"].map(
        {
            "house": "house",
            "apartment": "apartments",
            "condo": "apartments",
            "school": "school",
            "church": "church",
        }
    )
    year = lot["year_built"].where(main & (lot["year_built"] > 0)).astype("Int64").astype("string")
    number = lot["number"] * 2 + ~main
    prints = pd.DataFrame(
        {
            "id": "way/" + (800_000_000 + number).astype(str),
            "building": kind.fillna("yes").where(main, "shed"),
            "building:levels": lot["storeys"].where(main).astype("string"),
            "building:flats": lot["homes"].where(main & (lot["homes"] > 1)).astype("Int64").astype("string"),
            "start_date": year,
        }
    )  # fmt: skip
    fulton = main & (grid.cells["county"].reindex(lot["cell"]).to_numpy() == "Fulton")
    part = lot[fulton]
    structures = pd.DataFrame(
        {
            "FeatureID": "S" + part["number"].astype(str).str.zfill(9),
            "YearBuilt": year[fulton].fillna(" ").astype(object),
            "Stories": part["storeys"], "LiveUnits": part["homes"].astype("int32"),
            "AreaSqFt": shapely.area(shapes[fulton]).round(),
            "StructForm": "Building", "LUC": part["use"].map(publishers.LAND_USE),
            "LUCDesc": part["use"].str.upper(),
        }
    )  # fmt: skip
    first = gpd.GeoDataFrame(prints, geometry=shapes, crs=CITY_CRS)
    return first, gpd.GeoDataFrame(structures.reset_index(drop=True), geometry=shapes[fulton], crs=CITY_CRS)


def _write_lots(grid: Grid, folder: Path, n_lots: int, progress: Progress | None) -> tuple[pd.DataFrame, int]:
    """Write all that is made lot by lot; give back homes by block and structure, and records written."""
    homes, records, done = [], 0, 0
    with ExitStack() as stack:
        parcels = stack.enter_context(files.geoparquet(folder / "parcels" / "taxparcel.parquet"))
        values = stack.enter_context(files.geoparquet(folder / "assessor" / "dekalb_iasworld.parquet"))
        fulton, structures = (
            files.geopackage(folder / "assessor" / f"fulton_{name}.gpkg")
            for name in ("tax_parcels_2025", "structures")
        )
        dekalb = files.geopackage(folder / "assessor" / "dekalb_assessment.gpkg")
        prints = files.geopackage(folder / "buildings" / "buildings.gpkg")
        sold, permitted = (
            files.csv(folder / "sales" / "sales.csv"),
            files.csv(folder / "permits" / "permits.csv"),
        )
        for chunk in lot_chunks(grid, lots_at_once=LOTS_AT_ONCE):
            lots, shapes, front = draw_lots(grid, chunk)
            table = parcel_records(grid, lots, shapes=shapes)
            city = publishers.city_parcels(grid, table)
            parcels(city)
            values(publishers.dekalb_iasworld(grid, table))
            fulton(publishers.fulton_parcels(grid, table))
            dekalb(publishers.dekalb_assessment(grid, table))
            outlines, frames = buildings(grid, lots, front=front)
            prints(outlines)
            structures(frames)
            sold(market.sales(grid, lots))
            first = table.drop_duplicates("number")["address"].reset_index(drop=True)
            permitted(market.permits(grid, lots, address=first))
            homes.append(people.homes_by_structure(lots))
            records, done = records + len(city), done + len(lots)
            if progress is not None:
                progress(done, n_lots)
    return pd.concat(homes), records


def _write_areas(grid: Grid, folder: Path, homes: pd.DataFrame) -> None:
    """Write zoning, places, census geography and tables, streets and landmarks."""
    blocks = areas.block_shapes(grid)
    files.write_layer(
        folder / "zoning" / "zoning.gpkg", areas.zoning(grid, blocks), crs=publishers.CITY_LAYER_CRS
    )
    counted = people.block_people(grid, homes)["people"]
    for name, frame in areas.boundaries(grid, blocks).items():
        ending = "fgb" if name in ("neighborhoods", "city_limits") else "geojson"
        files.write_layer(
            folder / "boundaries" / f"{name}.{ending}", _with_people(grid, name, frame, counted), crs=_DEGREES
        )
    for name, frame in areas.census_areas(grid, blocks).items():
        files.write_layer(folder / "census" / f"{name}.zip", frame, crs=_CENSUS_CRS)
    _write_census_tables(grid, folder / "census", homes)
    files.write_layer(folder / "streets" / "streets.gpkg", centrelines(grid), crs=CITY_CRS)
    for name, frame in landmarks.landmarks(grid, blocks).items():
        is_flood, is_park = name.startswith("flood/"), name.startswith("parks/")
        ending = "fgb" if is_flood or is_park else "geojson"
        files.write_layer(folder / f"{name}.{ending}", frame, crs=_CENSUS_CRS if is_flood else _DEGREES)


def _with_people(grid: Grid, name: str, frame: gpd.GeoDataFrame, counted: pd.Series) -> gpd.GeoDataFrame:
    """Give council districts the people counted in them, as the City's layers do."""
    field = {
        "council_districts_2022": ("council", "POP20"),
        "council_districts_former": ("council_former", "TOTAL"),
    }
    if name not in field:
        return frame
    column, total = field[name]
    return frame.assign(
        **{total: frame["DISTRICT"].map(counted.groupby(grid.cells[column]).sum()).astype("int64")}
    )


def _write_census_tables(grid: Grid, folder: Path, homes: pd.DataFrame) -> None:
    groups = grid.cells.drop_duplicates("block_group").set_index("block_group")
    itself = pd.Series(groups.index, index=groups.index)
    earlier, later = (people.draw_people(grid, homes, earlier=is_earlier) for is_earlier in (True, False))
    drawn = {
        "acs5_2019_tracts": (*earlier, groups["tract_2010"], True),
        "acs5_2024_tracts": (*later, groups["tract_2020"], True),
        "acs5_2024_block_groups": (*later, itself, False),
    }
    tables = {
        name: acs_table(grid, info, counts=counts, area=area, detailed=detailed)
        for name, (info, counts, area, detailed) in drawn.items()
    }
    for name in ("B25032", "B25118"):
        tables[f"{name.lower()}_2024_tracts"] = one_table(tables["acs5_2024_tracts"], name)
    for name, table in tables.items():
        files.csv(folder / f"{name}.csv")(table)
    info, counts = earlier
    files.csv(folder / "census_2000_tracts.csv")(census_2000_table(counts, groups["tract_2000"], info.index))
    files.csv(folder / "blocks_2020_pl94171.csv")(block_table(grid, homes))


def _degrees(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Longitude and latitude of points in EPSG:2240."""
    longitude, latitude = Transformer.from_crs(CITY_CRS, _DEGREES, always_xy=True).transform(x, y)
    return longitude, latitude
