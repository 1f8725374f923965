"""A still picture of one layer, without a browser: PNG or SVG with legend, scale, north and source.

matplotlib draws it; it is in the extra ``charts`` and loaded only here.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import geopandas as gpd
import shapely

from densitymap import params
from densitymap.errors import MissingDataError, UsageError
from densitymap.geometry import geometries
from densitymap.maps import layers, speak, themes, words
from densitymap.maps.content import MapInput, check

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEET_PER_MILE = 5_280.0
_SCALES_MI = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)


def draw(
    content: MapInput, theme: str, *, form: Literal["png", "svg"] = "png", language: str = "en"
) -> bytes:
    """Draw one layer of the map as a picture.

    Parameters
    ----------
    content
        What the map shows, in EPSG:2240.
    theme
        Which fill: an id of the page's own choices, such as ``zoning`` or
        ``verdict:triplex-by-right``.
    form
        ``png`` or ``svg``; the same input gives the same bytes.
    language
        A file of ``catalog/languages``.

    Raises
    ------
    UsageError
        If there is no such layer, or no data for it: the nearest name is suggested.
    MissingDataError
        If matplotlib is not installed.
    ValidationError
        If the content is not complete.
    """
    check(content)
    say = words.load(language)
    content, _ = speak.spoken(content, say)
    frames = layers.derived(content)
    known = {made["id"]: made for made in layers.themes_of(content, frames, say)}
    if theme not in known:
        raise UsageError(
            f"There is no layer {theme!r} to draw.{params.nearest(theme, known)}",
            next_step=f"layers with data: {', '.join(known)}",
        )
    return _picture(content, frames, known[theme], say, form)


def _picture(
    content: MapInput, frames: dict[str, gpd.GeoDataFrame], theme: themes.Theme, say: words.Words, form: str
) -> bytes:
    try:
        from matplotlib import rc_context  # noqa: PLC0415 (an extra, loaded only when a picture is asked for)
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ModuleNotFoundError as fault:
        raise MissingDataError(
            "Pictures need matplotlib, which is not installed", next_step="pip install densitymap[charts]"
        ) from fault
    style = params.load("layers", "static")["chart"]
    with rc_context(
        {
            "svg.hashsalt": "densitymap",
            "svg.fonttype": "path",
            "hatch.linewidth": 0.5,
            "font.size": style["font_pt"],
        }
    ):
        figure = Figure(figsize=style["size_in"], dpi=style["dpi"], layout="constrained")
        axes = figure.add_subplot()
        handles = _fills(axes, content, frames, theme, say)
        _edges(axes, content, frames)
        _furniture(axes, content, say)
        axes.set_title(f"{content.area_name}: {theme['title']}", loc="left", fontweight="bold", wrap=True)
        axes.legend(
            handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize="small"
        )
        figure.supxlabel(
            "\n".join(_notes(content, theme["set"], say)),
            fontsize=style["note_pt"],
            x=0.01,
            ha="left",
            wrap=True,
        )
        held = io.BytesIO()
        metadata = {"Date": None, "Creator": None} if form == "svg" else {"Software": None}
        figure.savefig(held, format=form, metadata=metadata)
    return held.getvalue()


def _notes(content: MapInput, set_name: str, say: words.Words) -> list[str]:
    """Sentences under the picture: what it covers, what it is not, whose data it rests on, which inputs."""
    named = params.load("layers", "static")["chart"]["sources"]
    beginnings = tuple(named.get(set_name, [])) + tuple(named["always"])
    own = content.sources[
        content.sources["layer"].astype("string").str.startswith(beginnings).fillna(value=False)
    ]
    years = own.dropna(subset=["vintage"])
    told = [content.coverage_sentence, say("page.trust")]
    told.append(
        "; ".join(f"{title}, {year}" for title, year in zip(years["title"], years["vintage"], strict=True))
    )
    told.append("; ".join(own["attribution"].dropna().unique()))
    told.append(say("page.built_from", hash=content.lock_hash))
    return [say("page.synthetic"), *told] if content.synthetic else told


def _fills(
    axes: Axes, content: MapInput, frames: dict[str, gpd.GeoDataFrame], theme: themes.Theme, say: words.Words
) -> list[Any]:
    """Draw each class and give its legend entry, with its count; missing is hatched."""
    from matplotlib.patches import Patch  # noqa: PLC0415

    frame = frames[theme["set"]]
    places = themes.classify(frame[theme["column"]], theme).to_numpy()
    shapes = shapely.intersection(
        shapely.make_valid(geometries(frame)), shapely.union_all(geometries(content.area))
    )
    handles = _unfilled(axes, content, say) if theme["set"] == "lots" else []
    for place, known in enumerate(theme["classes"]):
        members = shapes[(places == place) & ~shapely.is_empty(shapes)]
        look: dict[str, Any] = {
            "facecolor": known["colour"],
            "edgecolor": known.get("hatch", "#555555"),
            "linewidth": 0.2,
        }
        look |= {"hatch": "//////"} if "hatch" in known else {}
        if len(members):
            gpd.GeoSeries(members, crs=frame.crs).plot(ax=axes, **look)
        count = int((places == place).sum())
        if count or "hatch" not in known:
            sums = {"sum": _sum(frame, theme, places == place)}
            number = say(
                f"legend.{'one' if count == 1 else 'count'}_{theme['set']}", count=f"{count:,}", **sums
            )
            handles.append(Patch(**look, label=f"{known['label']} ({number})"))
    return [*handles, *_doubted(axes, frame, shapes, theme, say)]


def _doubted(
    axes: Axes, frame: gpd.GeoDataFrame, shapes: Any, theme: themes.Theme, say: words.Words
) -> list[Any]:
    """Hatch what is too uncertain to lean on, over its colour, and give the legend entry."""
    from matplotlib.patches import Patch  # noqa: PLC0415

    unsure = themes.doubtful(frame, theme)
    if unsure is None or not unsure.any():
        return []
    look: dict[str, Any] = {
        "facecolor": "none",
        "edgecolor": "#222222",
        "linewidth": 0.2,
        "hatch": "\\\\\\\\",
    }
    members = shapes[unsure & ~shapely.is_empty(shapes)]
    if len(members):
        gpd.GeoSeries(members, crs=frame.crs).plot(ax=axes, **look)
    return [Patch(**look, label=f"{say('legend.doubt')} ({unsure.sum():,})")]


def _unfilled(axes: Axes, content: MapInput, say: words.Words) -> list[Any]:
    """Hatch the neighborhoods that no parcel layer reaches, and give the legend entry."""
    from matplotlib.patches import Patch  # noqa: PLC0415

    area = shapely.union_all(geometries(content.area))
    bare = content.neighborhoods[~content.neighborhoods["has_parcels"].astype(bool)]
    if bare.empty:
        return []
    look: dict[str, Any] = {"facecolor": "#ffffff", "edgecolor": "#8a8a8a", "linewidth": 0.2, "hatch": "////"}
    inside = gpd.GeoSeries(shapely.intersection(shapely.make_valid(geometries(bare)), area), crs=bare.crs)
    inside[~inside.is_empty].plot(ax=axes, **look)
    return [Patch(**look, label=say("legend.no_parcels"))]


def _sum(frame: gpd.GeoDataFrame, theme: themes.Theme, kept: Sequence[bool]) -> str:
    return f"{frame.loc[kept, theme['sum']].sum():,.0f}" if theme["sum"] else ""


def _edges(axes: Axes, content: MapInput, frames: dict[str, gpd.GeoDataFrame]) -> None:
    """Draw boundaries and lines inside the area."""
    area = shapely.union_all(geometries(content.area))
    styles = params.load("layers", "overlays")
    for name, frame in content.lines.items():
        style = styles["default"]["line"] | styles["layers"].get(name, {})
        inside = gpd.GeoSeries(shapely.intersection(geometries(frame), area), crs=frame.crs)
        inside = inside[~inside.is_empty]
        if style["shown"] and len(inside) and style["zoom"] < styles["marks"]["zone_label_zoom"] - 2:
            inside.plot(ax=axes, color=style["stroke"], linewidth=style["width"] / 2)
    hoods = gpd.GeoSeries(shapely.intersection(geometries(frames["neighborhoods"]), area))
    hoods[~hoods.is_empty].boundary.plot(ax=axes, color="#444444", linewidth=0.5, linestyle=(0, (4, 2)))
    named = (hoods.area > params.load("layers", "static")["chart"]["name_share_min"] * area.area).to_numpy()
    names = frames["neighborhoods"]["neighborhood"][named]
    for point, name in zip(hoods[named].representative_point(), names, strict=True):
        text = axes.text(point.x, point.y, str(name), ha="center", fontsize="small")
        text.set_bbox({"facecolor": "#ffffff", "alpha": 0.75, "edgecolor": "none", "pad": 1})
    content.area.boundary.plot(ax=axes, color="#111111", linewidth=1.4)


def _furniture(axes: Axes, content: MapInput, say: words.Words) -> None:
    """Add the scale bar and the north arrow; hide the axes. Grid north of EPSG:2240."""
    axes.set_axis_off()
    axes.set_aspect("equal")
    west, south, east, north = content.area.total_bounds
    quarter = (east - west) / FEET_PER_MILE / 4
    miles = max((length for length in _SCALES_MI if length <= quarter), default=_SCALES_MI[0])
    y = south - (north - south) * 0.05
    axes.plot(
        [west, west + miles * FEET_PER_MILE], [y, y], color="#111111", linewidth=3, solid_capstyle="butt"
    )
    axes.text(
        west + miles * FEET_PER_MILE / 2, y - (north - south) * 0.012, f"{miles:g} mi", ha="center", va="top"
    )
    arrow = {"arrowstyle": "-|>", "color": "#111111", "linewidth": 1.5}
    tip = (east, south + (north - south) * 0.10)
    axes.annotate("", xy=tip, xytext=(east, south), arrowprops=arrow)
    axes.text(tip[0], tip[1], say("page.north"), ha="center", va="bottom")
