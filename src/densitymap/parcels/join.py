"""Join lots to everything they lie in: zoning by exact area, places and census by a point inside."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from densitymap.geometry import geometries, locate, overlaps, rectangle_sides, take

PROXY = "minimum rotated rectangle (proxy)"

PLACES: Mapping[str, Mapping[str, str]] = {
    "neighborhoods": {"neighborhood": "neighborhood", "npu": "npu"},
    "npus": {"npu": "npu"},
    "council_districts": {"council_district": "council_district"},
    "council_districts_former": {"council_district_former": "council_district_former"},
    "counties": {"county": "county"},
    "tracts_2010": {"tract_geoid_2010": "tract_geoid"},
    "tracts_2020": {"tract_geoid_2020": "tract_geoid"},
    "block_groups_2020": {"block_group_geoid_2020": "block_group_geoid_2020"},
}
"""Layer -> {our column of a lot: the layer's column}. A lot lies where a point inside it lies.

A later layer that gives the same column decides (the NPU layer over the neighbourhood's own NPU).
"""


def within(lots: gpd.GeoDataFrame, polygon: shapely.Geometry) -> gpd.GeoDataFrame:
    """Lots whose representative point lies in the area."""
    points = shapely.point_on_surface(geometries(lots))
    shapely.prepare(polygon)
    return lots[shapely.intersects(polygon, points)].reset_index(drop=True)


def measured(lots: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Add area [ft2] and, from the minimum rotated rectangle, width and depth [ft] (a proxy)."""
    shapes = geometries(lots)
    width, depth = rectangle_sides(shapes)
    return lots.assign(
        lot_area_ft2=pd.array(shapely.area(shapes), dtype="Float64"),
        lot_width_ft=pd.array(width, dtype="Float64"),
        lot_depth_ft=pd.array(depth, dtype="Float64"),
        lot_width_source=pd.array([PROXY] * len(lots), dtype="string"),
    )


def zones_of(
    lots: gpd.GeoDataFrame, zoning: gpd.GeoDataFrame, *, sliver_share: float, sliver_area_ft2: float
) -> pd.DataFrame:
    """Every zoning code on every lot, with its exact share of the lot's area.

    Parameters
    ----------
    lots
        With ``parcel_id``, in the city's plane.
    zoning
        Zoning polygons with ``zone_district`` (the code as mapped).
    sliver_share, sliver_area_ft2
        A piece below both is a sliver: kept and marked, for lots and zoning lines do not agree
        to the foot. The largest piece is never one.

    Returns
    -------
    DataFrame [parcel_zones]
        Ordered by lot, then by area, largest first.

    Raises
    ------
    CRSError
        If the two layers are in different systems.
    """
    pairs = overlaps(zoning, lots)
    pieces = pd.DataFrame(
        {
            "lot": pairs["target"],
            "parcel_id": take(lots["parcel_id"], pairs["target"].to_numpy()),
            "zone_code": take(zoning["zone_district"], pairs["source"].to_numpy()),
            "area_ft2": pairs["area_ft2"],
            "share": pairs["share"],
        }
    )
    pieces["zone_code"] = pieces["zone_code"].fillna("(code missing)")
    merged = pieces.groupby(["lot", "parcel_id", "zone_code"], sort=False, as_index=False).sum()
    order = np.lexsort((merged["zone_code"], -merged["area_ft2"].round(2), merged["lot"]))
    merged = merged.iloc[order].reset_index(drop=True)
    small = (merged["share"] < sliver_share) & (merged["area_ft2"] < sliver_area_ft2)
    merged["is_sliver"] = (small & merged["lot"].duplicated()).astype("boolean")
    return merged.drop(columns="lot")


def with_dominant_zone(lots: gpd.GeoDataFrame, pieces: pd.DataFrame) -> gpd.GeoDataFrame:
    """Name each lot's dominant code, its share, and how many codes cover more than a sliver.

    A lot that no zoning polygon touches has no code: it is never filled from a neighbour.
    """
    main = pieces.drop_duplicates("parcel_id").set_index("parcel_id")
    counted = pieces[~pieces["is_sliver"]].groupby("parcel_id").size()
    ids = lots["parcel_id"]
    return lots.assign(
        zone_district=ids.map(main["zone_code"]).astype("string"),
        zone_share=ids.map(main["share"]).clip(upper=1.0).astype("Float64"),
        zone_count=ids.map(counted).astype("Int64"),
    )


def with_places(
    lots: gpd.GeoDataFrame, layers: Mapping[str, gpd.GeoDataFrame]
) -> tuple[gpd.GeoDataFrame, dict[str, list[str]]]:
    """Add the places each lot lies in, from the layers that are loaded.

    Parameters
    ----------
    lots
        With ``parcel_id``, in the city's plane.
    layers
        Area layers by name; those absent leave their columns missing.

    Returns
    -------
    lots, unmatched
        ``unmatched`` lists, by layer, the lots that lie in none of its places.
    """
    points = shapely.point_on_surface(geometries(lots))
    result = lots.copy()
    unmatched: dict[str, list[str]] = {}
    for name, columns in PLACES.items():
        if name not in layers:
            continue
        position = locate(points, layers[name])
        for ours, theirs in columns.items():
            result[ours] = take(layers[name][theirs], position)
        unmatched[name] = lots.loc[position < 0, "parcel_id"].tolist()
    return result, unmatched
