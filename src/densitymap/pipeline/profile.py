"""Gather what a place's profile is made of from the layers of the last build."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from densitymap import params
from densitymap.city import City, load_city
from densitymap.displacement.profile import ProfileInput, profile
from densitymap.errors import MissingDataError
from densitymap.geometry import geometries, locate
from densitymap.parcels import area as areas
from densitymap.parcels.area import Area
from densitymap.pipeline import workspace
from densitymap.pipeline.workspace import Workspace

PLACES = ("council_districts", "neighborhoods", "npus", "city_limits")


def profile_of(space: Workspace, place: str) -> dict[str, Any]:
    """Profile a neighbourhood, NPU or district over all loaded years.

    Raises
    ------
    UsageError, MissingDataError
        If there is no such place, or nothing was built.
    """
    city = load_city()
    here, loaded = _resolved(space, place, city)
    blocks = workspace.layer_or_none(space, "blocks_2020")
    return profile(
        ProfileInput(
            name=here.name,
            place=here.frame(city.crs),
            tracts=_tract_shapes(space, city),
            measures=_measures(space, city),
            blocks=blocks,
            blocks_cover=blocks_cover(blocks, loaded.get("city_limits")),
            history=workspace.layer_or_none(space, "tract_panel"),
            comparisons=_wider(loaded, here.name, city),
            sales=_sales_along_corridor(space, city),
        )
    )


def _resolved(space: Workspace, place: str, city: City) -> tuple[Area, dict[str, gpd.GeoDataFrame]]:
    """The place asked for, and the layers of places that are loaded."""
    loaded = {name: frame for name in PLACES if (frame := workspace.layer_or_none(space, name)) is not None}
    return areas.resolve(place, loaded, crs=city.crs), loaded


def blocks_cover(blocks: gpd.GeoDataFrame | None, limits: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame | None:
    """Where the census blocks are complete: the city, if they were cut at its limits; else unbounded.

    Parameters
    ----------
    blocks
        Points, with ``population_2020``.
    limits
        The city's limits.
    """
    if blocks is None or limits is None or blocks.empty:
        return None
    inside = locate(geometries(blocks), limits) >= 0
    people = blocks["population_2020"]
    cut = people[inside].sum() >= params.choice("city_blocks_share") * people.sum()
    return limits if cut else None


def tracts_of(space: Workspace, place: str) -> tuple[str, pd.DataFrame]:
    """Tracts, of every loaded vintage, that cover a part of a place.

    Returns
    -------
    The place's name, and ``tract_geoid``, ``tract_vintage``, ``share_of_place``.

    Raises
    ------
    UsageError, MissingDataError
        If there is no such place, or nothing was built.
    """
    city = load_city()
    here, _ = _resolved(space, place, city)
    parts = []
    for vintage, shapes in _tract_shapes(space, city).items():
        inside = shapely.area(shapely.intersection(geometries(shapes), here.polygon)) / here.polygon.area
        rows = shapes.loc[inside >= city.sliver_share, ["tract_geoid"]]
        parts.append(rows.assign(tract_vintage=vintage, share_of_place=inside[inside >= city.sliver_share]))
    if not parts:
        raise MissingDataError(
            "No census tracts were loaded", next_step="`densitymap add FILE --as tracts_2020`"
        )
    return here.name, pd.concat(parts, ignore_index=True)


def _tract_shapes(space: Workspace, city: City) -> dict[int, gpd.GeoDataFrame]:
    found = {}
    shapes = (layer for layer in city.with_role("past") if layer.shape == "polygon")
    for layer in (*shapes, *city.with_role("tracts")):
        frame = workspace.layer_or_none(space, layer.name)
        if frame is not None:
            found[int(layer.tract_vintage or 0)] = frame
    return found


def _measures(space: Workspace, city: City) -> tuple[pd.DataFrame, ...]:
    past = (layer for layer in city.with_role("past") if layer.shape == "none")
    tables = (workspace.layer_or_none(space, layer.name) for layer in (*past, *city.with_role("census")))
    return tuple(table for table in tables if table is not None)


def _wider(loaded: Mapping[str, gpd.GeoDataFrame], name: str, city: City) -> dict[str, gpd.GeoDataFrame]:
    """The district and the city, for comparison."""
    wider = {}
    for text in ("district-5", "city"):
        needed = "council_districts" if text == "district-5" else "city_limits"
        if needed in loaded:
            found = areas.resolve(text, loaded, crs=city.crs)
            if found.name != name:
                wider[found.name] = found.frame(city.crs)
    return wider


def _sales_along_corridor(space: Workspace, city: City) -> pd.DataFrame | None:
    """Sales with acres near Memorial Drive, where its line and such sales are loaded."""
    streets, sales = (
        workspace.layer_or_none(space, "streets"),
        workspace.layer_or_none(space, "sales_with_acres"),
    )
    record = params.load("cities", city.name)["corridors"]["memorial_drive"]
    if streets is None or sales is None:
        return None
    line = streets[streets["feature_name"].str.contains(record["match"], regex=True, na=False)]
    if line.empty:
        return None
    along = shapely.union_all(geometries(line)).buffer(params.choice("corridor_reach_ft"))
    near = sales[shapely.intersects(along, geometries(sales))]
    return pd.DataFrame(
        {
            "price_usd": near["sale_price_usd"],
            "acres": near["lot_acres"],
            "year": pd.to_datetime(near["sale_date"], errors="coerce", format="mixed").dt.year,
        }
    )
