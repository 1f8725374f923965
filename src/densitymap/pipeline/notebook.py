"""What a notebook calls: tables of a built workspace, and its map."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd

from densitymap.maps.content import MapInput
from densitymap.maps.page import OfflineMap, build_map
from densitymap.pipeline import map as drawing
from densitymap.pipeline import map_areas, workspace
from densitymap.pipeline.workspace import Workspace


def read_parcels(folder: str | Path = ".") -> gpd.GeoDataFrame:
    """Read the joined lots of a built workspace: table ``parcels``, in the city's plane.

    Raises
    ------
    MissingDataError
        If nothing has been built there.
    """
    return workspace.read_frame(Workspace(Path(folder)).parcels / "parcels.parquet")


def read_tracts(folder: str | Path = ".") -> gpd.GeoDataFrame:
    """Read the census tracts of a built workspace's area, with the pressure index.

    Raises
    ------
    MissingDataError
        If nothing has been built there.
    """
    space = Workspace(Path(folder))
    return map_areas.tracts(space, workspace.read_frame(space.parcels / "area.parquet"))


def render_map(
    results: MapInput | str | Path = ".",
    *,
    scenario: str | None = None,
    compare: tuple[str, str] | None = None,
    area: str | None = None,
    language: str = "en",
) -> OfflineMap:
    """Give the interactive map: a folium map that shows itself in a notebook and saves as one file.

    Parameters
    ----------
    results
        A built workspace's folder, or the content of a map put together by hand.
    scenario, compare, area
        As `densitymap map` takes them; only with a folder.
    language
        A file of ``catalog/languages``.

    Raises
    ------
    MissingDataError, UsageError, ValidationError
        If nothing was built, there is no such scenario or area, or the content is not complete.

    Examples
    --------
    >>> import densitymap as dm
    >>> dm.render_map("work", area="Kirkwood").save("kirkwood.html")  # doctest: +SKIP
    """
    if isinstance(results, MapInput):
        return build_map(results, language=language)
    request = drawing.Request(scenario=scenario, compare=compare, area=area, language=language)
    return build_map(drawing.gather(Workspace(Path(results)), request), language=language)
