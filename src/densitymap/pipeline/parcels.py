"""Stage 2 to 3: lots, tracts, zones and neighbourhoods of the area, joined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from densitymap import params, schema
from densitymap.city import City
from densitymap.geometry import ACRE_FT2, geometries
from densitymap.parcels import area as areas
from densitymap.parcels import existing, join, raster
from densitymap.parcels.area import Area
from densitymap.parcels.corrections import corrected
from densitymap.pipeline import workspace
from densitymap.pipeline.area_files import read_area
from densitymap.pipeline.layers import Layers
from densitymap.pipeline.tables import read_text_table
from densitymap.pipeline.workspace import Workspace

TABLES = ("area", "parcels", "parcel_zones", "zones", "neighborhoods")


@dataclass(slots=True)
class Joined:
    """The joined tables of an area, and what could not be matched."""

    area: Area
    tables: dict[str, pd.DataFrame]
    records_read: int
    unmatched: dict[str, Any] = field(default_factory=dict)
    edits_not_applied: list[str] = field(default_factory=list)


def find_area(text: str, layers: Layers, city: City) -> Area:
    """Resolve the area of a run from the loaded layers, or from a file.

    Raises
    ------
    UsageError, MissingDataError, ValidationError
        If there is no such place, layer or file.
    """
    if areas.is_file(text):
        return read_area(Path(text), city)
    names = ("council_districts", "neighborhoods", "npus", "city_limits")
    loaded = {name: layers.read(name) for name in names if layers.has(name)}
    return areas.resolve(text, loaded, crs=city.crs)


def edits_of(space: Workspace, city: City) -> pd.DataFrame | None:
    """Facts corrected by hand (``data/corrections/<city>.csv``), if there are any."""
    path = space.root / "data" / "corrections" / f"{city.name}.csv"
    return read_text_table(path) if path.is_file() else None


def join_area(layers: Layers, area: Area, city: City, *, edits: pd.DataFrame | None = None) -> Joined:
    """Join the lots of the area to zoning, places, census and rasters; nothing is filled.

    ``edits`` are applied last, each only while the value it was written against still holds.
    """
    everything = layers.read("parcels")
    lots = join.measured(join.within(everything, area.polygon))
    lots, unmatched = _with_assessor(lots, layers, city)
    zoning = layers.read("zoning")
    pieces = join.zones_of(lots, zoning, sliver_share=city.sliver_share, sliver_area_ft2=city.sliver_area_ft2)
    lots = join.with_dominant_zone(lots, pieces)
    unmatched["zoning"] = lots.loc[lots["zone_district"].isna(), "parcel_id"].tolist()
    places = {name: layers.read(name) for name in join.PLACES if layers.has(name)}
    lots, outside = join.with_places(lots, places)
    lots = _with_rasters(lots, layers, city)
    parcels, not_applied = schema.conform(lots, "parcels"), list[str]()
    if edits is not None:
        parcels, not_applied = corrected(parcels, edits, where=f"data/corrections/{city.name}.csv")
    schema.check(parcels, "parcels", crs=city.crs, where="3_parcels/parcels.parquet")
    tables = {
        "area": area.frame(city.crs),
        "parcels": parcels,
        "parcel_zones": schema.conform(pieces, "parcel_zones"),
        "zones": zones_in(zoning, area),
        "neighborhoods": neighborhoods_in(places.get("neighborhoods"), parcels, area, city),
    }
    tables |= _tracts(layers, area, city)
    records = int(everything["n_records"].sum())
    return Joined(area, tables, records, unmatched | outside, not_applied)


def zones_in(zoning: gpd.GeoDataFrame, area: Area) -> gpd.GeoDataFrame:
    """Zoning polygons cut to the area, with their acres in it."""
    cut = _cut(zoning, area)
    return cut.sort_values("zone_id").reset_index(drop=True)


def neighborhoods_in(
    places: gpd.GeoDataFrame | None, parcels: gpd.GeoDataFrame, area: Area, city: City
) -> gpd.GeoDataFrame:
    """Neighbourhoods cut to the area: acres, lots, the share of land the lots cover, what is lacking."""
    if places is None:
        places = area.frame(city.crs).rename(columns={"area_name": "neighborhood"}).assign(npu=pd.NA)
    cut = _cut(places, area)
    counted = parcels.groupby("neighborhood")
    lots = counted.size().reindex(cut["neighborhood"], fill_value=0)
    cut["lots"] = pd.array(lots.to_numpy(), dtype="Int64")
    covered = cut["neighborhood"].map(counted["lot_area_ft2"].sum()) / ACRE_FT2
    cut["lot_share_of_area"] = (covered / cut["acres_in_area"]).astype("Float64")
    cut["has_parcels"] = cut["lots"] > 0
    note = f"no parcel layer here yet: {city.layers['parcels'].fill} would fill it"
    cut["missing_note"] = pd.Series(note, index=cut.index, dtype="string").mask(cut["has_parcels"], pd.NA)
    return cut.sort_values("neighborhood").reset_index(drop=True)


def covered_share(parcels: gpd.GeoDataFrame, area: Area) -> float:
    """Share of the area's land that loaded lots cover; land under two lots is counted once."""
    shapes = shapely.intersection(geometries(parcels), area.polygon)
    return float(shapely.area(shapely.union_all(shapes)) / area.polygon.area)


def _cut(frame: gpd.GeoDataFrame, area: Area) -> gpd.GeoDataFrame:
    shapely.prepare(area.polygon)
    near = frame[shapely.intersects(area.polygon, geometries(frame))].copy()
    shapes = shapely.intersection(geometries(near), area.polygon)
    near = near.set_geometry(gpd.GeoSeries(shapes, index=near.index, crs=frame.crs))
    near["acres_in_area"] = pd.array(shapely.area(shapes) / ACRE_FT2, dtype="Float64")
    return near[near["acres_in_area"] > params.choice("place_sliver_acres")].copy()


def _with_assessor(lots: gpd.GeoDataFrame, layers: Layers, city: City) -> tuple[Any, dict[str, Any]]:
    records = {
        layer.name: layers.read(layer.name) for layer in city.with_role("assessor") if layers.has(layer.name)
    }
    lots, strangers = existing.attached(lots, records)
    codes = params.load("ingest", "land_use_codes")["codes"]
    return existing.standing(lots, codes), {
        f"{name} (records without a lot in the area)": n for name, n in strangers.items()
    }


def _with_rasters(lots: gpd.GeoDataFrame, layers: Layers, city: City) -> gpd.GeoDataFrame:
    result = lots.copy()
    for name, path in layers.rasters.items():
        for column, recipe in city.layers[name].raster.items():
            values = raster.onto_lots(lots, path, recipe)
            spec = schema.columns()[column]
            result[column] = values.clip(lower=spec.minimum, upper=spec.maximum)
    return result


def _tracts(layers: Layers, area: Area, city: City) -> dict[str, pd.DataFrame]:
    """One table per vintage: shapes, the newest census table of that vintage, share in the area."""
    tables = {}
    for shapes_layer in city.with_role("tracts"):
        if not layers.has(shapes_layer.name):
            continue
        shapes = layers.read(shapes_layer.name)
        census = [
            layers.read(layer.name)
            for layer in city.with_role("census")
            if layers.has(layer.name) and layer.tract_vintage == shapes_layer.tract_vintage
        ]
        for measures in census[-1:]:
            joined = shapes.merge(measures, on="tract_geoid", how="left", validate="one_to_one")
            joined["tract_vintage"] = pd.array(
                [int(shapes_layer.tract_vintage or 0)] * len(joined), dtype="Int64"
            )
            joined["acs_period"] = joined["acs_period"].fillna(measures["acs_period"].iloc[0])
            joined["share_of_tract_in_area"] = _share_in(joined, area)
            tables[shapes_layer.name] = joined
    return tables


def _share_in(frame: gpd.GeoDataFrame, area: Area) -> Any:
    shapes = geometries(frame)
    inside = shapely.area(shapely.intersection(shapes, area.polygon))
    return pd.array(np.round(inside / shapely.area(shapes), 6), dtype="Float64")


def write(joined: Joined, folder: Path) -> None:
    """Write the joined tables."""
    for name, table in joined.tables.items():
        workspace.write_frame(folder / f"{name}.parquet", table)


def unmatched_counts(joined: Joined) -> Mapping[str, Any]:
    """Unmatched rows by layer: a count, and the rows by name where they are lots."""
    return {
        name: {"count": len(rows), "rows": rows} if isinstance(rows, list) else {"count": rows}
        for name, rows in sorted(joined.unmatched.items())
    }
