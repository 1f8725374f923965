"""Where an area lies, from the one layer that says so, before anything else is fetched."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd

from densitymap.city import City
from densitymap.displacement import acs
from densitymap.errors import MissingDataError
from densitymap.fetch.kept import Place
from densitymap.ingest import find, normalise
from densitymap.parcels import area as areas
from densitymap.parcels.area import Area
from densitymap.pipeline.area_files import read_area

_DEGREES = "EPSG:4326"


def layer_of(area: str) -> str | None:
    """Layer that tells where an area lies; None for a box or a file.

    Examples
    --------
    >>> layer_of("district-5"), layer_of("npu-o"), layer_of("Kirkwood"), layer_of("-84.4,33.7,-84.3,33.8")
    ('council_districts', 'npus', 'neighborhoods', None)
    """
    if areas.is_file(area) or areas.BOX.match(area):
        return None
    if areas.DISTRICT.match(area):
        return "council_districts"
    if areas.NPU.match(area):
        return "npus"
    return "city_limits" if area.lower() == "city" else "neighborhoods"


def place_of(area: str, city: City, raw: Path) -> Place:
    """Box of an area in degrees.

    Parameters
    ----------
    area
        As :func:`densitymap.parcels.area.resolve` understands it, or a file of polygons.
    city
        Its plane and layers.
    raw
        Folder of published files.

    Raises
    ------
    MissingDataError
        If the layer that tells where it lies has no file.
    UsageError, ValidationError, CRSError
        If there is no such place, or the file is refused.
    """
    found = _area(area, city, raw)
    west, south, east, north = gpd.GeoSeries([found.polygon], crs=city.crs).to_crs(_DEGREES).total_bounds
    return Place(name=found.name, bounds_deg=(float(west), float(south), float(east), float(north)))


def _area(area: str, city: City, raw: Path) -> Area:
    name = layer_of(area)
    if name is None and areas.is_file(area):
        return read_area(Path(area), city)
    if name is None:
        return areas.resolve(area, {}, crs=city.crs)
    layer = city.layers[name]
    file = find.find(layer, [raw]) if raw.is_dir() else None
    if file is None:
        raise MissingDataError(f"The layer {name} is not there", next_step=f"it comes from {layer.fill}")
    frame, _ = normalise.layer_from(file, layer, city, measures=acs.measures)
    return areas.resolve(area, {name: frame}, crs=city.crs)
