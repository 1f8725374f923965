"""Stage 4 to HTML: gather what the map shows and write it in one step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import pandas as pd
import shapely

from densitymap import schema
from densitymap.capacity.fits import most_units
from densitymap.city import City, load_city
from densitymap.errors import MissingDataError, UsageError
from densitymap.feasibility.funnel import funnel
from densitymap.geometry import ACRE_FT2, geometries
from densitymap.maps import charts, difference, words
from densitymap.maps.content import MapInput
from densitymap.maps.page import render
from densitymap.parcels.area import Area
from densitymap.parcels.redact import redacted
from densitymap.pipeline import map_areas, map_layers, map_words, workspace
from densitymap.pipeline import parcels as stage_parcels
from densitymap.pipeline.layers import Layers
from densitymap.pipeline.map_policies import Judged, judged_under
from densitymap.pipeline.redactions import redactions
from densitymap.pipeline.workspace import Workspace

TODAY = "today"
PER_LOT = ("units_allowed", "verdict", "binding_rule", "reason", "citation")
PICTURES = (".png", ".svg")


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a map is asked to show.

    ``scenario`` is a scenario's name or file; ``compare`` two of them, before and after; ``area`` a
    part of the last build; ``source`` the folder of published files, for rasters.
    """

    scenario: str | None = None
    compare: tuple[str, str] | None = None
    area: str | None = None
    language: str = "en"
    source: Path | None = None


def draw(space: Workspace, request: Request) -> dict[str, Any]:
    """Write the map of the last build as one HTML file in ``maps/``.

    Returns
    -------
    dict
        ``file``, ``bytes``, ``area``, ``lots``, ``coverage``, ``synthetic``, ``notes``, ``policies``;
        with a scenario or a pair ``difference``, the counts of the text summary.

    Raises
    ------
    MissingDataError
        If nothing has been built, or the area lies outside the build.
    UsageError
        If there is no such scenario, area or language; the nearest is suggested.
    """
    content = gather(space, request)
    path = space.maps / _file_name(request)
    html = render(content, language=request.language)
    workspace.write_text(path, html)
    pair = difference.pair_of(content)
    told = {} if pair is None else {"difference": difference.counts(content, pair)}
    return {
        "file": str(path),
        "bytes": len(html.encode()),
        "area": content.area_name,
        "lots": len(content.lots),
        "coverage": content.coverage_sentence,
        "synthetic": content.synthetic,
        "notes": dict(content.notes),
        "policies": [name for name, _, _ in content.policies],
        **told,
    }


def picture(space: Workspace, request: Request, *, layer: str, path: Path) -> dict[str, Any]:
    """Write one layer as PNG or SVG, with legend, scale, north arrow and source; no browser.

    Raises
    ------
    UsageError
        If the file's ending is neither ``.png`` nor ``.svg``, or there is no such layer.
    MissingDataError
        If matplotlib is not installed, or nothing was built.
    """
    if path.suffix.lower() not in PICTURES:
        raise UsageError(
            f"{path.name}: a picture is a PNG or an SVG file", next_step="give --image a name in .png or .svg"
        )
    content = gather(space, request)
    form: Literal["png", "svg"] = "svg" if path.suffix.lower() == ".svg" else "png"
    drawn = charts.draw(content, layer, form=form, language=request.language)
    workspace.write_atomically(path, lambda part: part.write_bytes(drawn))
    return {"file": str(path), "bytes": len(drawn), "layer": layer, "area": content.area_name}


def gather(space: Workspace, request: Request) -> MapInput:
    """Everything the map shows, from the tables of the last build.

    Raises
    ------
    MissingDataError, UsageError
        As :func:`draw`.
    """
    report = workspace.read_json(space.results / "build.json")
    if report is None:
        raise MissingDataError("Nothing has been built yet", next_step="run `densitymap build`")
    say, city = words.load(request.language), load_city()
    area = _area(space, city, request.area)
    judged = judged_under(space, report, request.scenario, request.compare)
    lots = _lots(space, judged, area, whole=request.area is None)
    places = _places(space, city, lots, area, whole=request.area is None)
    drawn = map_layers.overlays(space, city, area, say)
    map_layers.add_rasters(
        drawn, city, area, folder=request.source or space.raw, entries=report["layers"], say=say
    )
    sets, definitions = map_areas.with_definitions(
        space, {"tracts": map_areas.tracts(space, area), "history": map_areas.history(space, area)}
    )
    share = stage_parcels.covered_share(lots, Area(str(area["area_name"].iloc[0]), area.geometry.iloc[0]))
    name = str(area["area_name"].iloc[0])
    acres = float(area.geometry.iloc[0].area) / ACRE_FT2
    return MapInput(
        title=say("page.title", area=name),
        area_name=name,
        synthetic=bool(report["synthetic"]),
        coverage_sentence=map_words.coverage(
            say, places, lots=len(lots), share=share, acres=acres, area=name
        ),
        sources=_sources(report),
        doubts=[*map_words.doubts(say, lots, share), *judged.notes],
        lock_hash=report["lock_hash"],
        area=area,
        zones=_zones(space, judged, area),
        lots=lots,
        policies=judged.policies,
        tracts=sets["tracts"],
        history=sets.get("history"),
        block_groups=map_areas.block_groups(space, area, lots),
        definitions=definitions,
        neighborhoods=places,
        lines=drawn.lines,
        points=drawn.points,
        polygons=drawn.polygons,
        rasters=drawn.rasters,
        notes=drawn.notes,
        pair=judged.pair,
        start={} if judged.shown is None else {"lots": f"verdict:{judged.shown}"},
        split=request.compare is not None,
    )


def _file_name(request: Request) -> str:
    """``index.html``, or a name that says what was asked for; never a path."""
    parts = [*(request.compare or ()), *([request.scenario] if request.scenario else [])]
    stem = "-vs-".join(_slug(Path(part).stem) for part in parts) or "index"
    if request.area:
        stem += "." + _slug(Path(request.area).stem if "/" in request.area else request.area)
    return f"{stem}.html" if request.language == "en" else f"{stem}.{request.language}.html"


def _slug(text: str) -> str:
    kept = "".join(sign if sign.isalnum() else "-" for sign in text.lower())
    return "-".join(part for part in kept.split("-") if part) or "map"


def _area(space: Workspace, city: City, asked: str | None) -> gpd.GeoDataFrame:
    """The area of the last build, or the part of it that was asked for."""
    built = workspace.read_frame(space.parcels / "area.parquet")
    if asked is None:
        return built
    found = stage_parcels.find_area(asked, _layers(space), city)
    polygon = shapely.intersection(found.polygon, built.geometry.iloc[0])
    if not polygon.area > 0:
        raise MissingDataError(
            f"{found.name} lies outside the last build, which covers {built['area_name'].iloc[0]}",
            next_step=f"run `densitymap build --area {asked}`",
        )
    return Area(found.name, polygon).frame(city.crs)


def _layers(space: Workspace) -> Layers:
    """The layers of the last build, as the stages read them."""
    layers = Layers(space.layers)
    layers.receipts = {path.stem: {} for path in space.layers.glob("*.parquet")}
    return layers


def _lots(space: Workspace, judged: Judged, area: gpd.GeoDataFrame, *, whole: bool) -> gpd.GeoDataFrame:
    """Lots of the area with what each policy says of them; a lot lies where a point inside it lies."""
    lots = redacted(workspace.read_frame(space.parcels / "parcels.parquet"), redactions(space))
    if not whole:
        points = shapely.point_on_surface(geometries(lots))
        lots = lots[shapely.contains(area.geometry.iloc[0], points)].reset_index(drop=True)
    hidden = [column.name for column in schema.table("parcels").columns if not column.publishable]
    lots = lots.drop(columns=hidden)
    names = [name for name, _, _ in judged.policies]
    for name in names:
        own = judged.allowed[judged.allowed["policy"] == name].set_index("parcel_id")
        for column in PER_LOT:
            lots[f"{column}__{name}"] = lots["parcel_id"].map(own[column]).array
    more = _more(lots, judged, names) if judged.pair else {}
    return lots.assign(**_fits(lots["parcel_id"], judged.fits, names), **more)


def _more(lots: gpd.GeoDataFrame, judged: Judged, names: Iterable[str]) -> dict[str, Any]:
    """Homes beyond those that stand, allowed and fitting, surely and perhaps: what `compare` adds up."""
    columns: dict[str, Any] = {}
    for name in names:
        allowed, fits = (table[table["policy"] == name] for table in (judged.allowed, judged.fits))
        stages = funnel(allowed, fits, lots)
        for stage in ("allowed", "fits"):
            sure, most = stages[f"{stage}_true"], stages[f"{stage}_may"]
            columns[f"more_{stage}_true__{name}"] = sure.array
            columns[f"more_{stage}_maybe__{name}"] = (most - sure).array
    return columns


def _fits(parcel_ids: pd.Series, fits: pd.DataFrame, names: Iterable[str]) -> dict[str, Any]:
    """Most homes that fit on each lot, if it were vacant and if one house stands, with the reason."""
    columns: dict[str, Any] = {}
    for name in names:
        own = fits[fits["policy"] == name]
        judged = parcel_ids.isin(own.loc[own["verdict"] != "NO DATA", "parcel_id"].unique())
        for mode in ("new", "keep"):
            best = most_units(own, mode)
            units = parcel_ids.map(best["units"]).astype("Int64")
            columns[f"fits_{mode}__{name}"] = units.mask(units.isna() & judged, 0)
            verdict = parcel_ids.map(best["verdict"]).astype("string")
            columns[f"fits_{mode}_verdict__{name}"] = verdict.mask(verdict.isna() & judged, "FALSE")
            columns[f"fits_{mode}_reason__{name}"] = parcel_ids.map(best["reason"]).astype("string")
    return columns


def _places(
    space: Workspace, city: City, lots: gpd.GeoDataFrame, area: gpd.GeoDataFrame, *, whole: bool
) -> gpd.GeoDataFrame:
    places = workspace.read_frame(space.parcels / "neighborhoods.parquet")
    if whole:
        return places
    here = Area(str(area["area_name"].iloc[0]), area.geometry.iloc[0])
    return stage_parcels.neighborhoods_in(places, lots, here, city)


def _zones(space: Workspace, judged: Judged, area: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    zones = workspace.read_frame(space.parcels / "zones.parquet")
    zones = stage_parcels.zones_in(zones, Area("", area.geometry.iloc[0]))
    names = [name for name, _, _ in judged.policies]
    answers = judged.zone_answers
    today = answers[answers["policy"] == names[0]].set_index("zone_district")
    for column in ("zone_status", "zone_name", "citation"):
        zones[column] = zones["zone_district"].map(today[column])
    for place, name in enumerate(names):
        own = answers[answers["policy"] == name].set_index("zone_district")
        word = TODAY if place == 0 else name
        zones[f"allowed_{word}"] = zones["zone_district"].map(own["answer"]).astype("string")
        zones[f"units_{word}"] = zones["zone_district"].map(own["units"]).astype("Int64")
    return zones


def _sources(report: dict[str, Any]) -> pd.DataFrame:
    rows = [{"layer": name} | entry for name, entry in report["layers"].items()]
    names = ["layer", "title", "file", "vintage", "licence", "attribution", "rows", "sha256"]
    return pd.DataFrame(rows).reindex(columns=names)
