"""Stage 4 to HTML: gather what the map shows and write it in one step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from densitymap import params, schema
from densitymap.capacity.fits import most_units
from densitymap.city import City, load_city
from densitymap.errors import MissingDataError
from densitymap.geometry import geometries
from densitymap.maps.content import MapInput
from densitymap.maps.page import render
from densitymap.pipeline import workspace
from densitymap.pipeline.workspace import Workspace

TODAY = "today"
PER_LOT = ("units_allowed", "verdict", "binding_rule", "reason", "citation")
LINES = ("beltline", "rail_lines", "streets")
POINTS = ("rail_stations", "assisted_housing")
POLYGONS = ("parks", "buildings", "flood", "council_districts_former")


def draw(space: Workspace, *, language: str = "en") -> dict[str, Any]:
    """Write ``maps/index.html`` from the last build; another language goes to ``index.<language>.html``.

    Raises
    ------
    MissingDataError
        If nothing has been built.
    """
    content = gather(space)
    path = space.maps / ("index.html" if language == "en" else f"index.{language}.html")
    html = render(content, language=language)
    workspace.write_text(path, html)
    return {
        "file": str(path),
        "bytes": len(html.encode()),
        "area": content.area_name,
        "lots": len(content.lots),
        "coverage": content.coverage_sentence,
        "synthetic": content.synthetic,
        "notes": dict(content.notes),
    }


def gather(space: Workspace) -> MapInput:
    """Everything the map shows, from the tables of the last build.

    Raises
    ------
    MissingDataError
        If nothing has been built.
    """
    report = workspace.read_json(space.results / "build.json")
    if report is None:
        raise MissingDataError("Nothing has been built yet", next_step="run `densitymap build`")
    city = load_city()
    area = workspace.read_frame(space.parcels / "area.parquet")
    names = list(report["policies"])
    asked = params.load("words", "questions")
    overlays = _overlays(space, area)
    corridors, notes = _corridors(city, overlays, area)
    return MapInput(
        title=f"{report['area']}: homes and pressure",
        area_name=report["area"],
        synthetic=bool(report["synthetic"]),
        coverage_sentence=coverage(report, workspace.read_frame(space.parcels / "neighborhoods.parquet")),
        sources=_sources(report),
        doubts=_doubts(report),
        lock_hash=report["lock_hash"],
        area=area,
        zones=_zones(space, names),
        lots=_lots(space, names),
        policies=[
            (name, told["title"], asked[told["question"]]) for name, told in report["policies"].items()
        ],
        tracts=_tracts(space),
        neighborhoods=workspace.read_frame(space.parcels / "neighborhoods.parquet"),
        lines={name: overlays[name] for name in LINES if name in overlays} | corridors,
        points={name: overlays[name] for name in POINTS if name in overlays},
        polygons={name: overlays[name] for name in POLYGONS if name in overlays} | _derived(space),
        notes=notes,
    )


def coverage(report: Mapping[str, Any], places: pd.DataFrame) -> str:
    """One sentence: how much of the area the loaded lots and zoning cover, and where there is nothing."""
    bare = places.loc[~places["has_parcels"].astype(bool)].sort_values("acres_in_area", ascending=False)
    named = bare["neighborhood"].tolist()
    told = (
        f"{report['lots']:,} lots are loaded, {report['area_covered_share']:.0%} of the "
        f"{report['area_acres']:,.0f} acres of {report['area']}"
    )
    if not named:
        return f"{told}."
    shown = ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")  # noqa: PLR2004
    return f"{told}; {shown} {'have' if len(named) > 1 else 'has'} no parcel layer here yet."


def _zones(space: Workspace, names: list[str]) -> gpd.GeoDataFrame:
    zones = workspace.read_frame(space.parcels / "zones.parquet")
    answers = workspace.read_frame(space.results / "zone_answers.parquet")
    today = answers[answers["policy"] == names[0]].set_index("zone_district")
    for column in ("zone_status", "zone_name", "citation"):
        zones[column] = zones["zone_district"].map(today[column])
    for place, name in enumerate(names):
        own = answers[answers["policy"] == name].set_index("zone_district")
        word = TODAY if place == 0 else name
        zones[f"allowed_{word}"] = zones["zone_district"].map(own["answer"]).astype("string")
        zones[f"units_{word}"] = zones["zone_district"].map(own["units"]).astype("Int64")
    return zones


def _lots(space: Workspace, names: list[str]) -> gpd.GeoDataFrame:
    lots = workspace.read_frame(space.parcels / "parcels.parquet")
    hidden = [column.name for column in schema.table("parcels").columns if not column.publishable]
    lots = lots.drop(columns=hidden)
    allowed = workspace.read_frame(space.results / "allowed.parquet")
    for name in names:
        own = allowed[allowed["policy"] == name].set_index("parcel_id")
        for column in PER_LOT:
            lots[f"{column}__{name}"] = lots["parcel_id"].map(own[column]).array
    fits = workspace.read_frame(space.results / "fits.parquet")
    return lots.assign(**_fits(lots["parcel_id"], fits, names))


def _fits(parcel_ids: pd.Series, fits: pd.DataFrame, names: list[str]) -> dict[str, Any]:
    """Most homes that fit on each lot, if it were vacant and if one house stands, with the reason."""
    columns: dict[str, Any] = {}
    for name in names:
        own = fits[fits["policy"] == name]
        judged = parcel_ids.isin(own.loc[own["verdict"] != "NO DATA", "parcel_id"])
        for mode in ("new", "keep"):
            best = most_units(own, mode)
            units = parcel_ids.map(best["units"]).astype("Int64")
            columns[f"fits_{mode}__{name}"] = units.mask(units.isna() & judged, 0)
            verdict = parcel_ids.map(best["verdict"]).astype("string")
            columns[f"fits_{mode}_verdict__{name}"] = verdict.mask(verdict.isna() & judged, "FALSE")
            columns[f"fits_{mode}_reason__{name}"] = parcel_ids.map(best["reason"]).astype("string")
    return columns


def _tracts(space: Workspace) -> gpd.GeoDataFrame:
    """Tracts that reach into the area, of the vintage whose pressure can be told for most of them."""
    best: gpd.GeoDataFrame | None = None
    for path in sorted(space.results.glob("pressure_*.parquet")):
        shapes = workspace.read_frame(space.parcels / f"tracts_{path.stem.removeprefix('pressure_')}.parquet")
        judged = workspace.read_frame(path)
        judged = judged[judged.columns.difference(shapes.columns).union(["tract_geoid"])]
        tracts = shapes.merge(judged, on="tract_geoid", validate="one_to_one")
        tracts = tracts[tracts["share_of_tract_in_area"] > 0].reset_index(drop=True)
        if best is None or _known(tracts) >= _known(best):
            best = tracts
    if best is None:
        raise MissingDataError(
            "No census tracts were loaded", next_step="`densitymap add FILE --as tracts_2020` and its table"
        )
    return _with_agreement(best, space)


def _with_agreement(tracts: gpd.GeoDataFrame, space: Workspace) -> gpd.GeoDataFrame:
    """Add how many published definitions flag each tract, where both stand on the same tract lines."""
    path = space.results / "agreement.parquet"
    if not path.is_file():
        return tracts
    found = workspace.read_frame(path)
    if set(found["tract_vintage"]) != set(tracts["tract_vintage"]):
        return tracts
    own = found.set_index("tract_geoid")
    columns = ("n_flagged", "n_classifiable", "flagged_by")
    return tracts.assign(**{name: tracts["tract_geoid"].map(own[name]).array for name in columns})


def _known(tracts: gpd.GeoDataFrame) -> float:
    return float(tracts["pressure_score"].notna().mean()) if len(tracts) else 0.0


def _sources(report: Mapping[str, Any]) -> pd.DataFrame:
    rows = [{"layer": name} | entry for name, entry in report["layers"].items()]
    names = ["layer", "title", "file", "vintage", "licence", "attribution", "rows", "sha256"]
    return pd.DataFrame(rows).reindex(columns=names)


def _doubts(report: Mapping[str, Any]) -> list[str]:
    """What a reader must know before trusting a number."""
    said = list(params.load("words", "doubts")["always"])
    if report["area_covered_share"] < params.choice("sampled_land_share"):
        said.append(
            f"The lots shown are {report['area_covered_share']:.0%} of the land: a sample, "
            "not a count of the district."
        )
    lots, known = report["lots"], report["existing_units_known_on"]
    if known < lots:
        said.append(f"How many homes stand is unknown for {lots - known:,} of {lots:,} lots.")
    unzoned = report["unmatched"].get("zoning", {}).get("count", 0)
    if unzoned:
        said.append(f"{unzoned:,} lots lie in no zoning polygon and get no verdict.")
    return said


def _overlays(space: Workspace, area: gpd.GeoDataFrame) -> dict[str, gpd.GeoDataFrame]:
    """Layers that are drawn, cut to the area and a little beyond."""
    reach = area.geometry.iloc[0].buffer(params.choice("overlay_reach_ft"))
    drawn = {}
    for name in (*LINES, *POINTS, *POLYGONS):
        frame = workspace.layer_or_none(space, name)
        if frame is None:
            continue
        near = frame[shapely.intersects(reach, geometries(frame))].copy()
        near["geometry"] = shapely.intersection(geometries(near), reach)
        kept = near[~near.geometry.is_empty].reset_index(drop=True)
        kept = kept.rename(columns={"feature_name": "name", "feature_class": "kind"})
        if len(kept):
            drawn[name] = kept
    return drawn


def _derived(space: Workspace) -> dict[str, gpd.GeoDataFrame]:
    """Lots derived from buildings, where there are some: drawn, named as derived, without any verdict."""
    path = space.parcels / "derived_lots.parquet"
    if not path.is_file():
        return {}
    lots = workspace.read_frame(path)
    return {"derived_lots": lots.assign(kind="derived from buildings: no by-right claim")}


def _corridors(
    city: City, overlays: Mapping[str, gpd.GeoDataFrame], area: gpd.GeoDataFrame
) -> tuple[dict[str, gpd.GeoDataFrame], dict[str, str]]:
    """Named streets the district is known by, where their line is loaded; what is missing is told."""
    lines, notes = {}, {}
    for name, record in params.load("cities", city.name).get("corridors", {}).items():
        streets = overlays.get(record["layer"])
        found = None
        if streets is not None:
            found = streets[streets["name"].str.contains(record["match"], regex=True, na=False)]
        fill = city.layers[record["layer"]].fill
        if found is None or found.empty:
            notes[name] = f"{record['title']} is in no loaded layer: {fill} would show it."
            continue
        lines[name] = found.reset_index(drop=True).assign(name=record["title"])
        missing = missing_ends(found, area)
        if missing:
            notes[name] = (
                f"{record['title']} is drawn where its line is loaded; toward the "
                f"{' and the '.join(missing)} it is missing here: {fill} would fill it."
            )
    return lines, notes


def missing_ends(line: gpd.GeoDataFrame, area: gpd.GeoDataFrame) -> list[str]:
    """Sides of the area (west, east, or south, north) that a street's loaded line does not reach."""
    west, south, east, north = line.total_bounds
    a_west, a_south, a_east, a_north = area.total_bounds
    if east - west >= north - south:
        gaps: Iterable[tuple[str, float]] = (("west", west - a_west), ("east", a_east - east))
    else:
        gaps = (("south", south - a_south), ("north", a_north - north))
    return [side for side, gap in gaps if np.isfinite(gap) and gap > params.choice("corridor_gap_ft")]
