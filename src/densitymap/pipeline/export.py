"""Stage 4 to files for other tools: gather what may leave, write it whole, describe it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from densitymap import __version__, schema
from densitymap.capacity.fits import most_units
from densitymap.city import City, load_city
from densitymap.displacement.draws import default_seed
from densitymap.errors import MissingDataError, UsageError
from densitymap.exports import content, package
from densitymap.exports.content import Bundle, Dataset, Field, declared
from densitymap.exports.database import postgis
from densitymap.geometry import geometries
from densitymap.params import nearest
from densitymap.parcels import redact
from densitymap.pipeline import workspace
from densitymap.pipeline.export_files import WRITERS, entry
from densitymap.pipeline.redactions import redactions
from densitymap.pipeline.workspace import Workspace

FORMATS = ("gpkg", "geoparquet", "geojson", "csv", "xlsx", "postgis")
DATA_PACKAGE = "datapackage.json"
OURS = "densitymap: results, free to use with this attribution"
LOT_RESULT = (
    "parcel_id", "n_records", "lot_area_ft2", "lot_width_ft", "lot_depth_ft", "zone_district", "zone_share",
    "zone_count", "neighborhood", "npu", "council_district", "tract_geoid_2020", "block_group_geoid_2020",
)  # fmt: skip
"""Of a lot, what is ours: measured or joined. The rest is copied from the publisher's file."""
LOT_COPIED = ("site_address", "land_use_code", "existing_units", "year_built", "storeys", "tax_year")
PER_POLICY = ("verdict", "units_allowed", "binding_rule", "reason", "citation")
PER_FIT = ("verdict", "units", "binding_rule", "reason")


def export(
    space: Workspace,
    formats: Iterable[str],
    *,
    out: Path | None = None,
    dsn: str | None = None,
    schema_name: str = "densitymap",
    shapes: bool = False,
    progress: Callable[..., None] = lambda *_: None,
) -> dict[str, Any]:
    """Write the last build in formats other tools read.

    Parameters
    ----------
    space
        A built workspace.
    formats
        Some of :data:`FORMATS`.
    out
        Folder (default ``exports`` in the workspace).
    dsn, schema_name
        For ``postgis``.
    shapes
        Keep outlines whose licence is not stated: for one's own use, not to be passed on.

    Returns
    -------
    dict
        ``files`` (path, bytes, sha256, datasets), ``tables`` in the database, ``left_out`` with why.

    Raises
    ------
    UsageError
        If a format is unknown, or ``postgis`` comes without a DSN.
    MissingDataError
        If nothing was built, or a package is not installed.
    """
    chosen = _checked(formats, dsn)
    bundle = gather(space, shapes=shapes)
    folder = out or space.root / "exports"
    written: list[dict[str, Any]] = []
    for name in chosen:
        progress(f"Writing {name}")
        if name != "postgis":
            written += [entry(path, names) for path, names in WRITERS[name](bundle, folder)]
    tables = []
    if dsn is not None and "postgis" in chosen:
        tables = postgis(bundle, (*bundle.datasets, *bundle.apart), dsn=dsn, schema=schema_name)
    if written:
        workspace.write_json(folder / DATA_PACKAGE, package.datapackage(bundle, written))
    return {
        "folder": str(folder),
        "files": written,
        "tables": tables,
        "left_out": dict(bundle.left_out),
        "provenance": dict(bundle.provenance),
    }


def _checked(formats: Iterable[str], dsn: str | None) -> list[str]:
    chosen = list(dict.fromkeys(formats))
    for name in chosen:
        if name not in FORMATS:
            raise UsageError(
                f"There is no format {name!r}.{nearest(name, FORMATS)}",
                next_step=f"known: {', '.join(FORMATS)}",
            )
    if "postgis" in chosen and dsn is None:
        raise UsageError(
            "postgis needs to know which database", next_step="give --dsn postgresql://user@host/database"
        )
    return chosen


def gather(space: Workspace, *, shapes: bool = False) -> Bundle:
    """Everything that may leave the tool, from the last build.

    Raises
    ------
    MissingDataError
        If nothing was built.
    """
    report = workspace.read_json(space.results / "build.json")
    if report is None:
        raise MissingDataError("Nothing has been built yet", next_step="run `densitymap build`")
    city, asked = load_city(), redactions(space)
    left: dict[str, str] = {}
    made = [
        *_lots(space, report, asked, shapes=shapes),
        *_places(space, report, shapes=shapes),
        *_tables(space),
    ]
    copied = _copied(space, city, report, left)
    datasets = [one for one in (*made, *copied) if not content.is_share_alike(one.licence)]
    apart = [one for one in (*made, *copied) if content.is_share_alike(one.licence)]
    return Bundle(
        datasets=tuple(datasets),
        apart=tuple(apart),
        sources=_sources(report),
        left_out=left,
        provenance=_provenance(report, asked),
        dictionary=content.dictionary(tuple(datasets)),
    )


def _provenance(report: Mapping[str, Any], asked: pd.DataFrame | None) -> dict[str, Any]:
    return {
        "area": report["area"],
        "synthetic": report["synthetic"],
        "lock_hash": report["lock_hash"],
        "version": __version__,
        "seed": default_seed(),
        "years": {name: entry["vintage"] for name, entry in report["layers"].items()},
        "policies": {name: told["title"] for name, told in report["policies"].items()},
        "redacted_rows": 0 if asked is None else len(asked),
        "read_this": "Estimates for areas, not predictions about any home or person.",
    }


def _sources(report: Mapping[str, Any]) -> pd.DataFrame:
    rows = [{"layer": name} | entry for name, entry in report["layers"].items()]
    names = ["layer", "title", "file", "vintage", "licence", "attribution", "rows", "sha256"]
    return pd.DataFrame(rows).reindex(columns=names)


def _licence(report: Mapping[str, Any], layer: str) -> tuple[str, str]:
    entry = report["layers"][layer]
    return str(entry["licence"]), str(entry.get("attribution") or entry["title"])


def _lots(
    space: Workspace, report: Mapping[str, Any], asked: pd.DataFrame | None, *, shapes: bool
) -> list[Dataset]:
    """What is allowed and what fits, lot by lot, one group of columns per policy."""
    lots = redact.redacted(workspace.read_frame(space.parcels / "parcels.parquet"), asked)
    licence, attribution = _licence(report, "parcels")
    stated = content.is_stated(licence)
    names = [*LOT_RESULT, *(LOT_COPIED if stated else ())]
    base, note = _shaped(lots[[*names, "geometry"]], stated=stated or shapes)
    allowed = workspace.read_frame(space.results / "allowed.parquet")
    fits = workspace.read_frame(space.results / "fits.parquet")
    common = {"licence": licence if stated else OURS, "attribution": attribution, "note": note}
    told = {name: told["title"] for name, told in report["policies"].items()}
    law, law_fields = _law(lots["parcel_id"], allowed, told)
    ground, ground_fields = _ground(lots["parcel_id"], fits, told)
    return [
        Dataset(
            name="lots_allowed", title="What the law allows, by lot and policy",
            frame=base.assign(**law), fields=(*declared(names), *law_fields), **common,
        ),
        Dataset(
            name="lots_fit", title="What fits, by lot and policy: new (if cleared), keep (the house stays)",
            frame=base.assign(**ground), fields=(*declared(names), *ground_fields), **common,
        ),
    ]  # fmt: skip


def _shaped(frame: gpd.GeoDataFrame, *, stated: bool) -> tuple[gpd.GeoDataFrame, str]:
    """Outlines where they may be passed on, else a point inside each."""
    if stated:
        return frame.reset_index(drop=True), ""
    points = gpd.GeoSeries(shapely.point_on_surface(geometries(frame)), index=frame.index, crs=frame.crs)
    note = "Outlines are not passed on: their publisher states no licence. A point inside stands for each."
    return frame.set_geometry(points).reset_index(drop=True), note


def slug(policy: str) -> str:
    """A policy's name as the head of a column's name."""
    return policy.replace("-", "_")


def _law(
    ids: pd.Series, allowed: pd.DataFrame, policies: Mapping[str, str]
) -> tuple[dict[str, Any], list[Field]]:
    columns, fields = {}, []
    for policy, title in policies.items():
        own = allowed[allowed["policy"] == policy].set_index("parcel_id")
        for name in PER_POLICY:
            columns[f"{slug(policy)}_{name}"] = ids.map(own[name]).astype(own[name].dtype).array
            fields.append(_field(f"{slug(policy)}_{name}", name, title))
    return columns, fields


def _ground(
    ids: pd.Series, fits: pd.DataFrame, policies: Mapping[str, str]
) -> tuple[dict[str, Any], list[Field]]:
    columns, fields = {}, []
    for policy, title in policies.items():
        own = fits[fits["policy"] == policy]
        judged = ids.isin(own.loc[own["verdict"] != "NO DATA", "parcel_id"])
        for mode in ("new", "keep"):
            best = most_units(own, mode)
            for name in PER_FIT:
                column = f"{slug(policy)}_{mode}_{name}"
                values = ids.map(best[name]).astype(best[name].dtype)
                if name == "verdict":
                    values = values.mask(values.isna() & judged, "FALSE")
                columns[column] = values.array
                fields.append(_field(column, name, f"{title}, {mode}"))
    return columns, fields


def _field(column: str, name: str, of: str) -> Field:
    spec = schema.columns()[name]
    return Field(
        name=column, title=f"{name.replace('_', ' ')}: {of}", dtype=spec.dtype, unit=spec.unit,
        meaning=f"{spec.meaning} Policy: {of}.",
    )  # fmt: skip


def _places(space: Workspace, report: Mapping[str, Any], *, shapes: bool) -> list[Dataset]:
    """Zones, neighbourhoods, tracts with pressure and agreement, lots derived from buildings."""
    made = []
    licence, attribution = _licence(report, "zoning")
    stated = content.is_stated(licence)
    zones = workspace.read_frame(space.parcels / "zones.parquet")
    answers = workspace.read_frame(space.results / "zone_answers.parquet")
    today = answers[answers["policy"] == next(iter(report["policies"]))].set_index("zone_district")
    for name in ("zone_name", "zone_status", "answer", "citation"):
        zones[name] = zones["zone_district"].map(today[name]).astype("string")
    frame, note = _shaped(zones.drop(columns=["zone_case", "zone_updated"]), stated=stated or shapes)
    made.append(
        _dataset("zones", "Zoning districts and what they allow now", frame, licence, attribution, note)
    )
    if not stated:
        made[-1] = replace(made[-1], licence=OURS)
    hoods = workspace.read_frame(space.parcels / "neighborhoods.parquet")
    if "neighborhoods" in report["layers"]:
        own = _licence(report, "neighborhoods")
        made.append(_dataset("neighborhoods", "Neighbourhoods: land, lots, what is lacking", hoods, *own))
    vintages = [
        path.stem.removeprefix("pressure_") for path in sorted(space.results.glob("pressure_*.parquet"))
    ]
    made += [_tracts(space, report, vintage) for vintage in vintages]
    agreed = space.results / "agreement.parquet"
    if agreed.is_file() and "tracts_2010" in report["layers"]:
        shapes_2010 = workspace.read_frame(space.parcels / "tracts_2010.parquet")[["tract_geoid", "geometry"]]
        joined = shapes_2010.merge(workspace.read_frame(agreed), on="tract_geoid", validate="one_to_one")
        own = _licence(report, "tracts_2010")
        made.append(
            _dataset("tracts_agreement", "How many published definitions flag each tract", joined, *own)
        )
    derived = space.parcels / "derived_lots.parquet"
    if derived.is_file():
        own = _licence(report, "buildings")
        frame = workspace.read_frame(derived)
        made.append(_dataset("derived_lots", "Lots derived from buildings: no by-right claim", frame, *own))
    return made


def _tracts(space: Workspace, report: Mapping[str, Any], vintage: str) -> Dataset:
    tracts = workspace.read_frame(space.parcels / f"tracts_{vintage}.parquet")
    judged = workspace.read_frame(space.results / f"pressure_{vintage}.parquet")
    kept = ["tract_geoid", *judged.columns.difference(tracts.columns, sort=False)]
    joined = tracts.merge(judged[kept], on="tract_geoid", validate="one_to_one")
    near = (
        joined[joined["share_of_tract_in_area"] > 0].dropna(axis="columns", how="all").reset_index(drop=True)
    )
    own = _licence(report, f"tracts_{vintage}")
    return _dataset(
        f"tracts_pressure_{vintage}", f"Census and pressure by tract ({vintage} lines)", near, *own
    )


def _tables(space: Workspace) -> list[Dataset]:
    """Tables without shapes: reach by policy, definitions by tract, what pays by block group."""
    titles = {
        "reach": "Lots and homes each policy reaches, as the law allows",
        "definitions": "Every definition's answer for every tract",
        "feasibility": "What pays, by block group and policy",
        "uptake": "What is expected in ten years, by place and policy",
    }
    found = []
    for name, title in titles.items():
        path = space.results / f"{name}.parquet"
        if path.is_file():
            found.append(_dataset(name, title, workspace.read_frame(path), OURS, "densitymap"))
    return found


def _copied(space: Workspace, city: City, report: Mapping[str, Any], left: dict[str, str]) -> list[Dataset]:
    """Publishers' own layers that are drawn on the map, where their licence lets them be passed on."""
    found = []
    for layer in city.with_role("map"):
        if layer.name not in report["layers"]:
            continue
        licence, attribution = _licence(report, layer.name)
        if not content.is_stated(licence):
            left[layer.name] = f"not passed on: its licence is not stated ({licence})"
            continue
        frame = workspace.layer_or_none(space, layer.name)
        if frame is not None:
            found.append(
                _dataset(layer.name, report["layers"][layer.name]["title"], frame, licence, attribution)
            )
    for name, told in report["layers"].items():
        if name not in left and not content.is_stated(str(told["licence"])):
            left[name] = f"only results from it: its licence is not stated ({told['licence']})"
    return found


def _dataset(
    name: str, title: str, frame: pd.DataFrame, licence: str, attribution: str, note: str = ""
) -> Dataset:
    return Dataset(
        name=name, title=title, frame=frame, fields=declared(list(map(str, frame.columns))), licence=licence,
        attribution=attribution, note=note,
    )  # fmt: skip
