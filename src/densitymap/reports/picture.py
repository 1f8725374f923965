"""The map of a brief: zones by pattern and name, so that it reads in black and white."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import shapely

from densitymap import params
from densitymap.geometry import Geometries, geometries
from densitymap.maps.words import Words
from densitymap.maps.words import load as load_map_words
from densitymap.reports.charts import INK, figure, short
from densitymap.reports.given import BriefInput
from densitymap.reports.phrases import outline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEET_PER_MILE = 5_280.0
SCALES_MI = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
LINES = {"rail_lines": (0, (4, 2)), "beltline": (0, (1, 1.5))}
"""How each line is dashed."""


def draw(given: BriefInput, say: Words) -> str:
    """Draw a place's zones, rail, stations and aided homes as SVG.

    Parameters
    ----------
    given
        The brief's input, in EPSG:2240.
    say
        The reader's language.
    """
    with figure("map") as (made, held):
        axes = made.subplots()
        handles = _zones(axes, given, say)
        _lines(axes, given)
        _points(axes, given)
        gpd.GeoSeries([given.shape], crs=given.zones.crs).boundary.plot(ax=axes, color=INK, linewidth=1.8)
        _names(axes, given)
        _furniture(axes, given, say)
        made.legend(handles=handles, loc="outside right upper", frameon=False, fontsize="small")
    return held.getvalue()


def _zones(axes: Axes, given: BriefInput, say: Words) -> list[Any]:
    """Fill each group of zones and give its entry in the key."""
    from matplotlib.patches import Patch, PathPatch  # noqa: PLC0415 (an extra)

    looks = outline()["map_look"]
    labels = load_map_words(say.language)
    tolerance = params.choice("map_simplify_ft", group="reports")
    handles = []
    for group, members in given.zones.groupby(given.zones["zone_group"].astype(str), sort=True):
        style = looks.get(str(group), looks["other"])
        look = {
            "facecolor": style["colour"],
            "edgecolor": "#444444",
            "linewidth": 0.3,
            "hatch": style["hatch"] or None,
        }
        axes.add_patch(PathPatch(_path(shapely.simplify(geometries(members), tolerance)), **look))
        handles.append(Patch(**look, label=labels.get(f"classes.{group}", str(group))))
    return handles


def _path(shapes: Geometries) -> Any:
    """All rings of the shapes as one path: one pattern to print, however many shapes."""
    from matplotlib.path import Path  # noqa: PLC0415 (an extra)

    parts = shapely.get_parts(shapely.get_parts(shapes))
    rings = shapely.get_rings(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON])
    return Path.make_compound_path(*(Path(shapely.get_coordinates(ring), closed=True) for ring in rings))


def _lines(axes: Axes, given: BriefInput) -> None:
    near = given.shape.buffer(params.choice("map_reach_ft", group="reports"))
    for name, dashes in LINES.items():
        frame = given.lines.get(name)
        if frame is not None:
            inside = gpd.GeoSeries(shapely.intersection(geometries(frame), near), crs=frame.crs)
            inside = inside[~inside.is_empty]
            if len(inside):
                inside.plot(ax=axes, color="#ffffff", linewidth=4)
                inside.plot(ax=axes, color=INK, linewidth=1.8, linestyle=dashes)


def _points(axes: Axes, given: BriefInput) -> None:
    near = given.shape.buffer(params.choice("map_reach_ft", group="reports"))
    for frame, marker in ((given.stations, "o"), (given.assisted, "s")):
        if frame is not None:
            inside = frame[shapely.intersects(geometries(frame), near)]
            if len(inside):
                inside.geometry.plot(
                    ax=axes, marker=marker, color=INK, edgecolor="#ffffff", markersize=36, zorder=5
                )


def _names(axes: Axes, given: BriefInput) -> None:
    """Name the patches of zones that have room for it."""
    least = params.choice("map_label_share", group="reports") * given.shape.area
    named = given.zones[shapely.area(geometries(given.zones)) > least]
    for point, name in zip(shapely.point_on_surface(geometries(named)), named["zone_district"], strict=True):
        text = axes.text(
            point.x, point.y, short(str(name)), ha="center", va="center", fontsize="small", fontweight="bold"
        )
        text.set_bbox({"facecolor": "#ffffff", "alpha": 0.9, "edgecolor": "none", "pad": 1})


def _furniture(axes: Axes, given: BriefInput, say: Words) -> None:
    """Add a scale bar and north; hide the axes. North is grid north of EPSG:2240."""
    axes.set_axis_off()
    axes.set_aspect("equal")
    west, south, east, north = given.shape.bounds
    quarter = (east - west) / FEET_PER_MILE / 3
    miles = max((length for length in SCALES_MI if length <= quarter), default=SCALES_MI[0])
    y = south - (north - south) * 0.04
    axes.plot([west, west + miles * FEET_PER_MILE], [y, y], color=INK, linewidth=3, solid_capstyle="butt")
    axes.text(west + miles * FEET_PER_MILE, y, f" {miles:g} mi", va="center", fontsize="small")
    arrow = {"arrowstyle": "-|>", "color": INK, "linewidth": 1.5}
    tip = (east, y + (north - south) * 0.08)
    axes.annotate("", xy=tip, xytext=(east, y), arrowprops=arrow)
    axes.text(*tip, say("map.north"), ha="center", va="bottom", fontsize="small")
