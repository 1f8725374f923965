"""Results to an interactive map in one file: ``render(MapInput(...))``."""

from densitymap.maps.content import MapInput, Raster
from densitymap.maps.page import render

__all__ = ["MapInput", "Raster", "render"]
