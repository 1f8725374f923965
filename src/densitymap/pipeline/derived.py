"""Derived lots: where the area has buildings and streets but no parcels, proxies in a file of their own.

The file keeps the licence of the buildings it is drawn from (OpenStreetMap: ODbL, attribution and
share alike), so it is never merged into the parcels.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from densitymap.city import City
from densitymap.errors import MissingDataError, ValidationError
from densitymap.geometry import geometries
from densitymap.parcels import derived as proxies
from densitymap.parcels.derived_rules import load_rules
from densitymap.parcels.potential import CLAIM, derived_potential
from densitymap.pipeline import workspace
from densitymap.pipeline.layers import Layers
from densitymap.pipeline.workspace import Workspace
from densitymap.scenarios.answers import minimum_lot_answers
from densitymap.scenarios.policy import load_policy

LOTS = "derived_lots.parquet"
RECEIPT = "derived_lots.receipt.json"
POTENTIAL = "derived_potential.parquet"
NEEDED = ("buildings", "streets", "neighborhoods")
NO_CELL = "of those that make a lot, without ground of their own"
MADE_FROM = ("buildings", "streets")


def build_derived(space: Workspace, city: City, layers: Layers) -> dict[str, Any]:
    """Derive lots for the neighbourhoods of the area that have buildings and no parcels.

    Writes ``data/3_parcels/derived_lots.parquet`` with its receipt and
    ``data/4_results/derived_potential.parquet``; where there is nothing to derive, removes those of
    an earlier build.

    Parameters
    ----------
    space
        A workspace whose area has been joined (``3_parcels``).
    city
        The city's record.
    layers
        The layers of the build.

    Returns
    -------
    dict
        What the build's report says under ``derived_lots``: ``built``, and either ``why`` not, or
        ``lots``, ``lots_by_neighbourhood``, ``buildings`` (what became of each), ``licence``,
        ``attribution``, ``claim``, ``potential`` (rows of the aggregate) and ``redone``.
    """
    receipt, mark = space.parcels / RECEIPT, _mark(space)
    outputs = [space.parcels / LOTS, space.results / POTENTIAL]
    if workspace.is_fresh(receipt, mark, outputs):
        return dict(workspace.read_json(receipt)["summary"]) | {"redone": False}
    try:
        lots, counted = _derived(space, city, layers)
    except (MissingDataError, ValidationError) as fault:
        _remove([receipt, *outputs])
        return {"built": False, "why": str(fault), "redone": False}
    table = derived_potential(lots, _minimums(lots, city), proxy_error_share=load_rules().proxy_error_share)
    workspace.write_frame(outputs[0], lots)
    workspace.write_frame(outputs[1], table)
    summary = _summary(lots, counted, table, layers)
    workspace.write_json(
        receipt, {"fingerprint": mark, "receipt": _receipt(lots, layers), "summary": summary}
    )
    return summary | {"redone": True}


def bare_places(
    neighborhoods: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame
) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Neighbourhoods without parcels that hold a building, and the names of those that hold none."""
    bare = neighborhoods[~neighborhoods["has_parcels"].astype(bool)].sort_values("neighborhood")
    points = shapely.point_on_surface(geometries(buildings))
    held, _ = shapely.STRtree(points).query(geometries(bare), predicate="intersects")
    has = bare.index.isin(bare.index[held])
    return bare[has], bare.loc[~has, "neighborhood"].tolist()


def _derived(space: Workspace, city: City, layers: Layers) -> tuple[gpd.GeoDataFrame, dict[str, int]]:
    lacking = [name for name in NEEDED if not layers.has(name)]
    if lacking:
        told = "; ".join(f"{name} (from {city.layers[name].fill})" for name in lacking)
        raise MissingDataError(f"No lots were derived: not loaded are {told}")
    buildings = layers.read("buildings")
    places = workspace.read_frame(space.parcels / "neighborhoods.parquet")
    bare, empty = bare_places(places, buildings)
    if bare.empty:
        told = f"; without parcels and without mapped buildings: {', '.join(empty)}" if empty else ""
        raise MissingDataError(f"No lots were derived: no neighbourhood without parcels has buildings{told}")
    area, rules = shapely.union_all(geometries(bare)), load_rules()
    published = layers.read("parcels")[["geometry"]]
    lots = proxies.derive_lots(
        buildings,
        layers.read("streets"),
        area,
        rules,
        existing=published,
        rail=layers.read("rail_lines")[["geometry"]] if layers.has("rail_lines") else None,
    )
    named = proxies.with_places(
        lots,
        workspace.read_frame(space.parcels / "zones.parquet"),
        places,
        sliver_share=city.sliver_share,
        sliver_area_ft2=city.sliver_area_ft2,
    )
    counts = proxies.roles_of(buildings, area, rules, existing=published).value_counts()
    counted = {str(role): int(count) for role, count in counts.items()}
    if named.empty:
        raise MissingDataError(f"No lots were derived: no building makes one ({counted})")
    lost = counted[proxies.LOT] - len(named)
    return named, counted | ({NO_CELL: lost} if lost else {})


def _minimums(lots: gpd.GeoDataFrame, city: City) -> pd.DataFrame:
    """Least lot of each mapped code under today's law; missing where unread."""
    codes = pd.Series(sorted(lots["zone_district"].dropna().unique()), dtype="string")
    answers = minimum_lot_answers(codes, load_policy(city.code))
    return pd.DataFrame(
        {
            "zone_district": codes,
            "minimum_area_ft2": answers["lot_area_min_ft2"].astype("Float64"),
            "minimum_width_ft": answers["lot_width_min_ft"].astype("Float64"),
        }
    )


def _mark(space: Workspace) -> str:
    joined = workspace.read_json(space.parcels / "join.json")
    return workspace.fingerprint(["derived lots", joined["fingerprint"]])


def _licences(layers: Layers) -> dict[str, str]:
    """Licence and attribution of what the lots are drawn from, each once."""
    receipts = [layers.receipts[name] for name in MADE_FROM]
    return {
        key: "; ".join(dict.fromkeys(receipt[key] for receipt in receipts))
        for key in ("licence", "attribution")
    }


def _receipt(lots: gpd.GeoDataFrame, layers: Layers) -> dict[str, Any]:
    kept = ("title", "file", "sha256", "vintage", "publisher", "licence", "attribution")
    sources = {name: {key: layers.receipts[name][key] for key in kept} for name in MADE_FROM}
    return {
        "layer": "derived_lots",
        "title": "Lots derived from buildings and streets (proxies, not parcels)",
        "rows_out": len(lots),
        "claim": CLAIM,
        **_licences(layers),
        "made_from": sources,
    }


def _summary(
    lots: gpd.GeoDataFrame, counted: dict[str, int], table: pd.DataFrame, layers: Layers
) -> dict[str, Any]:
    by_place = lots["neighborhood"].astype("string").fillna("no data").value_counts()
    rows = table.astype(object).where(table.notna(), None)
    return {
        "built": True,
        "lots": len(lots),
        "lots_by_neighbourhood": {str(name): int(count) for name, count in by_place.items()},
        "buildings": counted,
        "claim": CLAIM,
        **_licences(layers),
        "potential": rows.to_dict("records"),
    }


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
