"""Lots derived from buildings where no parcel layer exists: proxies for density and aggregates only.

Blocks are the land between streets, rail and the area's edge; each block is divided among its
buildings by morphological tessellation (every point goes to the nearest building; Fleischmann et al.
2020, as in momepy). A derived lot is not a parcel and never the ground of a by-right claim.
"""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from densitymap import schema
from densitymap.geometry import (
    geometries,
    overlaps,
    rectangle_sides,
    require_same_crs,
)
from densitymap.parcels import join
from densitymap.parcels.derived_rules import DerivedRules
from densitymap.parcels.tessellate import blocks_of, cells_of, in_blocks, kept_land

SOURCE = "derived"
WIDTH = "area over the long side of the minimum rotated rectangle (proxy)"
LOT, OUTBUILDING, SMALL, PART, REAL, OUTSIDE = (
    "makes a lot",
    "outbuilding",
    "too small",
    "part of a larger building",
    "stands on a published lot",
    "outside the area",
)
"""What a building is to the derivation."""

_MOSTLY = 0.5
"""A building is part of the one that covers more than half of it (the meaning of "mostly")."""


def derive_lots(
    buildings: gpd.GeoDataFrame,
    streets: gpd.GeoDataFrame,
    area: shapely.Geometry,
    rules: DerivedRules,
    *,
    existing: gpd.GeoDataFrame | None = None,
    rail: gpd.GeoDataFrame | None = None,
) -> gpd.GeoDataFrame:
    """Derive one lot for each main building.

    Parameters
    ----------
    buildings
        Polygons with ``feature_id``, ``feature_class``, ``storeys`` and ``homes``, in the city's plane.
    streets
        Lines with ``feature_class``; those of a drivable class bound blocks.
    area
        Polygon to work in, in the same plane.
    rules
        From :func:`~densitymap.parcels.derived_rules.load_rules`.
    existing
        Published lots: their land is left out, and so are buildings on them.
    rail
        Rail lines, which bound blocks too.

    Returns
    -------
    GeoDataFrame
        Ordered by ``derived_lot_id``: ``lot_source``, ``feature_class``, ``lot_area_ft2`` [ft2],
        ``lot_width_ft`` [ft] and ``width_source``, ``building_footprint_ft2`` [ft2],
        ``storeys``, ``homes`` (missing where unknown), ``coverage_built``, ``geometry``. The answer
        does not depend on the order of rows.

    Raises
    ------
    MissingDataError
        If momepy is not installed.
    ValidationError
        If no street has a class that bounds blocks.
    CRSError
        If the layers are in different systems.

    Notes
    -----
    Land within the street's width goes to no lot, except under a building that stands in it: the
    widths are assumptions. Two main buildings on one real lot make two derived lots.
    """
    for other in (streets, existing, rail):
        if other is not None:
            require_same_crs(buildings, other, where="derive_lots")
    roles = roles_of(buildings, area, rules, existing=existing)
    mains = _identified(buildings[(roles == LOT).to_numpy()]).reset_index(drop=True)
    mains["building_footprint_ft2"] = pd.array(shapely.area(geometries(mains)), dtype="Float64")
    mains = _trimmed(mains)
    blocks, right_of_way = blocks_of(area, streets, rules, rail=rail, existing=existing)
    mains, block = in_blocks(mains, blocks)
    cells = cells_of(mains, block, blocks, rules)
    shapes = kept_land(cells, mains, right_of_way[block], rules)
    has = ~shapely.is_empty(shapes) & ~shapely.is_missing(shapes)
    lots = mains[has].set_geometry(gpd.GeoSeries(shapes[has], index=mains.index[has], crs=buildings.crs))
    return _measured(lots, buildings)


def roles_of(
    buildings: gpd.GeoDataFrame,
    area: shapely.Geometry,
    rules: DerivedRules,
    *,
    existing: gpd.GeoDataFrame | None = None,
) -> pd.Series:
    """Say of each building whether it makes a lot, and if not, why; same index."""
    shapes = geometries(buildings)
    points = shapely.point_on_surface(shapes)
    kind = buildings["feature_class"].astype("string").str.casefold()
    small = (shapely.area(shapes) < rules.building_min_ft2) & ~_among(kind, rules.dwelling_classes)
    shapely.prepare(area)
    on_lot = np.zeros(len(shapes), dtype=bool)
    if existing is not None and len(existing):
        on_lot[shapely.STRtree(geometries(existing)).query(points, predicate="intersects")[0]] = True
    out = _among(kind, rules.outbuilding_classes)
    roles = np.select(
        [~shapely.intersects(area, points), on_lot, out, small], [OUTSIDE, REAL, OUTBUILDING, SMALL], LOT
    )
    at = np.flatnonzero(roles == LOT)
    roles = roles.astype(object)
    mains = _identified(buildings.iloc[at].set_index(pd.Index(at)))
    roles[_held_by_another(mains)] = PART
    return pd.Series(roles, index=buildings.index, dtype="string")


def with_places(
    derived: gpd.GeoDataFrame,
    zoning: gpd.GeoDataFrame,
    neighborhoods: gpd.GeoDataFrame,
    *,
    sliver_share: float,
    sliver_area_ft2: float,
) -> gpd.GeoDataFrame:
    """Name the zoning code that covers most of each derived lot, its share, and the neighbourhood.

    Returns
    -------
    GeoDataFrame [derived_lots]
        Missing where no zoning polygon or neighbourhood holds the lot; never filled from a neighbour.
    """
    named = derived.assign(parcel_id=derived["derived_lot_id"])
    pieces = join.zones_of(named, zoning, sliver_share=sliver_share, sliver_area_ft2=sliver_area_ft2)
    named = join.with_dominant_zone(named, pieces)
    named, _ = join.with_places(named, {"neighborhoods": neighborhoods})
    answer = schema.conform(named, "derived_lots")
    schema.check(answer, "derived_lots", crs=str(derived.crs), where="3_parcels/derived_lots.parquet")
    return answer


def _among(kind: pd.Series, classes: tuple[str, ...]) -> Any:
    return kind.isin(classes).fillna(value=False).to_numpy(bool)


def _identified(buildings: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Add ``derived_lot_id`` and order by it: the publisher's id, or the place where it is not its own."""
    points = shapely.get_coordinates(shapely.point_on_surface(geometries(buildings))).round().astype(int)
    place = pd.Series([f"at {x} {y}" for x, y in points.tolist()], index=buildings.index, dtype="string")
    name = buildings["feature_id"].astype("string")
    shared = name.duplicated(keep=False) & name.notna()
    name = name.mask(shared, name + " " + place).fillna(place)
    named = buildings.assign(derived_lot_id="derived:" + name)
    wkb = shapely.to_wkb(geometries(named), hex=True)
    return named.iloc[np.lexsort((wkb, named["derived_lot_id"].to_numpy(object)))]


def _larger_pairs(mains: gpd.GeoDataFrame) -> pd.DataFrame:
    """Pairs that share area: positions ``small`` and ``large``, ``share`` of the smaller one."""
    shapes = geometries(mains)
    size = shapely.area(shapes)
    small, large = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    rank = np.empty(len(shapes), dtype=np.intp)
    rank[np.lexsort((np.arange(len(shapes)), -size.round(2)))] = np.arange(len(shapes))
    keep = rank[large] < rank[small]
    small, large = small[keep], large[keep]
    shared = shapely.area(shapely.intersection(shapes[small], shapes[large]))
    pairs = pd.DataFrame({"small": small, "large": large, "share": shared / size[small]})
    return pairs[pairs["share"] > 0].sort_values(["small", "large"])


def _held_by_another(mains: gpd.GeoDataFrame) -> pd.Index:
    """Index of the buildings that lie mostly within a larger one."""
    pairs = _larger_pairs(mains)
    return mains.index[np.unique(pairs.loc[pairs["share"] > _MOSTLY, "small"])]


def _trimmed(mains: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Take from each outline what a larger one covers too: tessellation needs them apart."""
    pairs = _larger_pairs(mains)
    if pairs.empty:
        return mains
    shapes = geometries(mains)
    over = gpd.GeoDataFrame(pairs[["small"]], geometry=shapes[pairs["large"]]).dissolve(by="small")
    at = over.index.to_numpy()
    shapes[at] = shapely.difference(shapes[at], geometries(over))
    return mains.set_geometry(gpd.GeoSeries(shapes, index=mains.index, crs=mains.crs))


def _measured(lots: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    shapes = geometries(lots)
    area = shapely.area(shapes)
    _, depth = rectangle_sides(shapes) if len(lots) else (None, np.empty(0))
    on = overlaps(lots[["geometry"]], buildings[["geometry"]])
    built = np.bincount(on["source"], on["area_ft2"], minlength=len(lots))
    kept = ["derived_lot_id", "feature_class", "building_footprint_ft2", "storeys", "homes", "geometry"]
    return (
        lots[kept]
        .assign(
            lot_source=pd.array([SOURCE] * len(lots), dtype="string"),
            lot_area_ft2=pd.array(area, dtype="Float64"),
            lot_width_ft=pd.array(area / depth, dtype="Float64"),
            width_source=pd.array([WIDTH] * len(lots), dtype="string"),
            coverage_built=pd.array(np.clip(built / area, 0.0, 1.0), dtype="Float64"),
        )
        .reset_index(drop=True)
    )
