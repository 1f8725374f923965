"""Results to an interactive map in one file: ``render(MapInput(...))``."""

from densitymap.maps.content import Definition, MapInput, Raster
from densitymap.maps.page import OfflineMap, build_map, render

__all__ = ["Definition", "MapInput", "OfflineMap", "Raster", "build_map", "render"]
