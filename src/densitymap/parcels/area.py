"""Which part of the city a run is for: a district, a neighbourhood, an NPU, a box, a file, all of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import shapely

from densitymap import params
from densitymap.errors import MissingDataError, UsageError, ValidationError

DISTRICT = re.compile(r"^(?:council[- ])?district[- ](\d+)$", re.IGNORECASE)
NPU = re.compile(r"^npu[- ]([a-z])$", re.IGNORECASE)
BOX = re.compile(r"^\s*-?\d+(\.\d+)?(\s*,\s*-?\d+(\.\d+)?){3}\s*$")
FILES = (".geojson", ".json", ".gpkg", ".parquet", ".fgb", ".shp", ".zip")


@dataclass(frozen=True, slots=True)
class Area:
    """The area of a run: a name for people, and one polygon in the city's plane."""

    name: str
    polygon: shapely.Geometry

    def frame(self, crs: str) -> gpd.GeoDataFrame:
        """The polygon as a one-row layer."""
        return gpd.GeoDataFrame({"area_name": [self.name]}, geometry=[self.polygon], crs=crs)


def is_file(text: str) -> bool:
    """Whether the text names a file of shapes."""
    return text.lower().endswith(FILES)


def resolve(text: str, layers: Mapping[str, gpd.GeoDataFrame], *, crs: str) -> Area:
    """Find the polygon an area's name stands for.

    Parameters
    ----------
    text
        ``district-5``, a neighbourhood's name, ``npu-o``, ``west,south,east,north`` in degrees, or
        ``city``.
    layers
        The normalised layers ``council_districts``, ``neighborhoods``, ``npus`` and ``city_limits``
        (those that are there), in the city's plane.
    crs
        The city's plane.

    Raises
    ------
    MissingDataError
        If the layer that would hold the area is not loaded.
    UsageError
        If there is no such place; the nearest name is suggested.
    """
    if match := DISTRICT.match(text):
        return _named(layers, "council_districts", "council_district", match[1], f"District {match[1]}")
    if match := NPU.match(text):
        return _named(layers, "npus", "npu", match[1].upper(), f"NPU {match[1].upper()}")
    if BOX.match(text):
        return _box(text, crs)
    if text.lower() == "city":
        return Area("the whole city", shapely.union_all(_layer(layers, "city_limits").geometry.to_numpy()))
    places = _layer(layers, "neighborhoods")
    known = places["neighborhood"].dropna().tolist()
    same = [name for name in known if name.lower() == text.lower().replace("-", " ")]
    if not same:
        raise UsageError(
            f"There is no area named {text!r}.{params.nearest(text, known)}",
            next_step="use district-5, a neighbourhood, npu-o, west,south,east,north, a file, or city",
        )
    return _named(layers, "neighborhoods", "neighborhood", same[0], same[0])


def from_shapes(frame: gpd.GeoDataFrame, name: str) -> Area:
    """Make an area of all polygons of a layer (in the city's plane).

    Raises
    ------
    ValidationError
        If it holds no polygon with an area.
    """
    parts = shapely.get_parts(shapely.get_parts(shapely.make_valid(frame.geometry.to_numpy())))
    whole = shapely.union_all(parts[shapely.get_dimensions(parts) == 2])  # noqa: PLR2004 - a surface
    if not whole.area > 0:
        kinds = ", ".join(sorted(set(frame.geometry.geom_type.dropna()))) or "no shapes"
        raise ValidationError(
            f"{name} holds no polygon to make an area of, but {kinds}",
            next_step="draw the area as a polygon, or name a place: district-5, a neighbourhood, npu-o",
        )
    return Area(name, whole)


def _layer(layers: Mapping[str, gpd.GeoDataFrame], name: str) -> gpd.GeoDataFrame:
    if name not in layers:
        raise MissingDataError(
            f"The area needs the layer {name}, which is not loaded",
            next_step=f"`densitymap add FILE --as {name}`, or give the area as a box or a file",
        )
    return layers[name]


def _named(layers: Mapping[str, gpd.GeoDataFrame], layer: str, column: str, value: str, name: str) -> Area:
    frame = _layer(layers, layer)
    rows = frame[frame[column] == value]
    if rows.empty:
        known = ", ".join(sorted(frame[column].dropna()))
        raise UsageError(f"There is no {name} in the layer {layer}", next_step=f"known: {known}")
    return from_shapes(rows, name)


def _box(text: str, crs: str) -> Area:
    west, south, east, north = (float(part) for part in text.split(","))
    if west >= east or south >= north:
        raise UsageError(f"The box {text} is empty", next_step="write west,south,east,north in degrees")
    box = gpd.GeoSeries([shapely.box(west, south, east, north)], crs="EPSG:4326").to_crs(crs)
    return Area(f"box {text}", box.iloc[0])
