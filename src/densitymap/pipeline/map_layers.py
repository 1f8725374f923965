"""What a map draws beside its lots and tracts: overlays, corridors, rasters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from densitymap import params
from densitymap.city import City
from densitymap.geometry import geometries
from densitymap.ingest.receipt import sha256_of
from densitymap.maps.content import Raster
from densitymap.maps.words import Words
from densitymap.parcels.raster import factor_of
from densitymap.pipeline import map_words, workspace
from densitymap.pipeline.workspace import Workspace

LINES = ("beltline", "rail_lines", "streets")
POINTS = ("rail_stations", "assisted_housing")
POLYGONS = ("parks", "buildings", "flood", "council_districts_former")


@dataclass(slots=True)
class Drawn:
    """Layers to draw by kind, and a sentence about each that is missing or incomplete."""

    lines: dict[str, gpd.GeoDataFrame] = field(default_factory=dict)
    points: dict[str, gpd.GeoDataFrame] = field(default_factory=dict)
    polygons: dict[str, gpd.GeoDataFrame] = field(default_factory=dict)
    rasters: dict[str, Raster] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


def overlays(space: Workspace, city: City, area: gpd.GeoDataFrame, say: Words) -> Drawn:
    """Lines, points and polygons that are drawn, cut to the area and a little beyond."""
    found = {
        name: frame
        for name in (*LINES, *POINTS, *POLYGONS)
        if (frame := _near(space, name, area)) is not None
    }
    drawn = Drawn(
        lines={name: found[name] for name in LINES if name in found},
        points={name: found[name] for name in POINTS if name in found},
        polygons={name: found[name] for name in POLYGONS if name in found} | _derived(space, area),
    )
    wanted = params.load("layers", "overlays")["wanted"]["layers"]
    loaded = [name for name in wanted if (space.layers / f"{name}.parquet").is_file()]
    drawn.notes |= map_words.absent_notes(say, city, wanted, loaded)
    _add_corridors(drawn, city, area, say)
    return drawn


def _near(space: Workspace, name: str, area: gpd.GeoDataFrame) -> gpd.GeoDataFrame | None:
    frame = workspace.layer_or_none(space, name)
    if frame is None:
        return None
    reach = area.geometry.iloc[0].buffer(params.choice("overlay_reach_ft"))
    near = frame[shapely.intersects(reach, geometries(frame))].copy()
    near["geometry"] = shapely.intersection(geometries(near), reach)
    kept = near[~near.geometry.is_empty].reset_index(drop=True)
    kept = kept.rename(columns={"feature_name": "name", "feature_class": "kind"})
    return kept if len(kept) else None


def _derived(space: Workspace, area: gpd.GeoDataFrame) -> dict[str, gpd.GeoDataFrame]:
    """Lots derived from buildings, where there are some: drawn, named as derived, without any verdict."""
    path = space.parcels / "derived_lots.parquet"
    if not path.is_file():
        return {}
    lots = workspace.read_frame(path)
    lots = lots[shapely.intersects(area.geometry.iloc[0], geometries(lots))]
    return (
        {"derived_lots": lots.assign(kind="derived from buildings: no by-right claim")} if len(lots) else {}
    )


def _add_corridors(drawn: Drawn, city: City, area: gpd.GeoDataFrame, say: Words) -> None:
    """Add named streets the district is known by, where their line is loaded; what is missing is told."""
    for name, record in params.load("cities", city.name).get("corridors", {}).items():
        streets = drawn.lines.get(record["layer"])
        missing: list[str] | None = None
        if streets is not None:
            line = streets[streets["name"].str.contains(record["match"], regex=True, na=False)]
            if len(line):
                drawn.lines[name] = line.reset_index(drop=True).assign(name=record["title"])
                missing = map_words.missing_ends(line, area)
        note = map_words.corridor_note(say, record, missing, city.layers[record["layer"]].fill)
        if note:
            drawn.notes[name] = note


def add_rasters(
    drawn: Drawn,
    city: City,
    area: gpd.GeoDataFrame,
    *,
    folder: Path,
    entries: Mapping[str, Mapping[str, Any]],
    say: Words,
) -> None:
    """Add the rasters of the build whose files are in the folder; say of the rest why they are not drawn.

    Parameters
    ----------
    drawn
        What the rasters are added to.
    city
        Says how each is read.
    area
        What is shown.
    folder
        Folder of the published files.
    entries
        The build's layers: ``file``, ``sha256``, ``vintage``, ``title``.
    say
        The reader's language.
    """
    for layer in city.layers.values():
        if not layer.raster or layer.name not in entries:
            continue
        entry = entries[layer.name]
        path = folder / entry["file"]
        title = say.get(f"layers.{layer.name}", layer.title)
        if not path.is_file() or sha256_of(path) != entry["sha256"]:
            drawn.notes[layer.name] = say("notes.raster_absent", layer=title, file=entry["file"])
            continue
        for column, recipe in layer.raster.items():
            found = read_raster(path, recipe, area, title=title, note=_note(entry, say))
            drawn.rasters[column] = _shown(found, column, say)


def _note(entry: Mapping[str, Any], say: Words) -> str:
    return say("notes.raster", title=entry["title"], vintage=entry["vintage"] or say("card.not_known"))


def read_raster(
    path: Path, recipe: Mapping[str, Any], area: gpd.GeoDataFrame, *, title: str, note: str
) -> Raster:
    """Read the part of a GeoTIFF over the area, in EPSG:4326, in no more cells than a page can carry.

    Coarser cells take the mean of those they cover; a cell nobody measured stays missing.

    Parameters
    ----------
    path
        GeoTIFF; its own nodata value and reference system are trusted.
    recipe
        ``band``, and how its values become ours, as in the city's record.
    area
        What is shown, in any system.
    title, note
        What the legend says.
    """
    import rasterio  # noqa: PLC0415 (slow to load, and most maps are drawn without a raster)
    from rasterio.transform import from_bounds  # noqa: PLC0415
    from rasterio.warp import Resampling, reproject  # noqa: PLC0415

    record = params.load("layers", "rasters")
    west, south, east, north = area.to_crs("EPSG:4326").total_bounds
    with rasterio.open(path) as raster:
        height, width = _shape(raster, (west, south, east, north), record["cells_drawn"])
        values = np.full((height, width), np.nan)
        reproject(
            rasterio.band(raster, recipe["band"]),
            values,
            dst_transform=from_bounds(west, south, east, north, width, height),
            dst_crs="EPSG:4326",
            dst_nodata=np.nan,
            resampling=Resampling.average,
        )
        values *= factor_of(raster, recipe)
    return Raster(values=values, bounds_deg=(west, south, east, north), title=title, unit="", note=note)


def _shown(raster: Raster, column: str, say: Words) -> Raster:
    """Give a raster its unit and legend steps: those of the catalogue, else even ones."""
    shown = params.load("layers", "rasters")["shown"].get(column, {})
    return replace(
        raster,
        values=raster.values * shown.get("times", 1.0),
        unit=say.get(f"units.{column}", ""),
        steps=tuple(shown.get("steps", ())),
    )


def _shape(raster: Any, bounds: tuple[float, float, float, float], most: int) -> tuple[int, int]:
    """Rows and columns: the raster's own fineness over the bounds, or coarser to keep to ``most`` cells."""
    from rasterio.warp import transform_bounds  # noqa: PLC0415

    west, south, east, north = transform_bounds("EPSG:4326", raster.crs, *bounds)
    rows, columns = (north - south) / raster.res[1], (east - west) / raster.res[0]
    coarser = max(1.0, float(np.sqrt(rows * columns / most)))
    return max(1, round(rows / coarser)), max(1, round(columns / coarser))
