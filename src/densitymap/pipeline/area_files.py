"""An area drawn in a file of shapes: read, checked that it lies on the city, made one polygon."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd

from densitymap.city import City
from densitymap.ingest import read
from densitymap.parcels import area as areas
from densitymap.parcels.area import Area


def read_area(path: Path, city: City) -> Area:
    """Make an area, in the city's plane, of the polygons of a file.

    Raises
    ------
    MissingDataError
        If the file is not there.
    ValidationError
        If it is damaged, names no reference system, lies elsewhere or holds no polygon.
    """
    frame = read.read(path, columns=["geometry"])
    if not isinstance(frame, gpd.GeoDataFrame):
        frame = gpd.GeoDataFrame(geometry=[], crs=city.crs)
    read.check_place(frame, city, where=path.name)
    return areas.from_shapes(frame.to_crs(city.crs).make_valid().to_frame("geometry"), path.stem)
