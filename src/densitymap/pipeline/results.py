"""Stage 3 to 4: what the law allows and what fits on every lot; how pressure lies on tracts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from densitymap import params
from densitymap.capacity.legal import measured_margins
from densitymap.capacity.rules import load_rules as load_fit_rules
from densitymap.city import City
from densitymap.geometry import Geometries, geometries
from densitymap.parcels.derived_rules import load_rules
from densitymap.parcels.slope import steep_ground
from densitymap.pipeline import workspace
from densitymap.pipeline.layers import Layers
from densitymap.pipeline.pressure import build_pressure
from densitymap.pipeline.tally import Tally, by_rule, by_type, by_verdict
from densitymap.pipeline.workspace import Workspace
from densitymap.scenarios.answers import allowed_on, minimum_lot_answers
from densitymap.scenarios.character import character, told
from densitymap.scenarios.fits import fits_in_parts
from densitymap.scenarios.ground import Ground, ground_of_parcels
from densitymap.scenarios.policy import Policy, apply, load_policy
from densitymap.scenarios.reach import reach
from densitymap.zoning.parts import parts_of
from densitymap.zoning.standards import standards_for

BASELINE = "no-change"
REFORMS = (
    "duplex-by-right",
    "triplex-by-right",
    "missing-middle-2021",
    "duplex-any-lot-of-record",
    "triplex-any-lot-of-record",
)
"""Scenarios every build judges, beside today's law; others are run when asked for."""
_COUNTED = ("zone_district", "verdict", "binding_rule")
OUTPUTS = ("allowed", "blocked", "character", "fits", "reach", "zone_answers")
FRONTS = "fronts.csv"
ELEVATION = "elevation_raster"


def policies(city: City) -> list[Policy]:
    """Today's law and the reforms every build judges."""
    today = load_policy(city.code)
    return [today, *(apply(name, today) for name in REFORMS)]


def build_results(space: Workspace, city: City, layers: Layers) -> list[str]:
    """Judge lots, districts and tracts, unless nothing they rest on has changed."""
    joined = workspace.read_json(space.parcels / "join.json")
    mark = workspace.fingerprint([joined["fingerprint"], _corrections_hash(space)])
    stamp = space.results / "results.json"
    outputs = [space.results / f"{name}.parquet" for name in OUTPUTS]
    if workspace.is_fresh(stamp, mark, outputs):
        return []
    lots = workspace.read_frame(space.parcels / "parcels.parquet")
    pieces = workspace.read_frame(space.parcels / "parcel_zones.parquet")
    rules = policies(city)
    law = _write_allowed(space, city, lots, pieces, rules)
    reached = workspace.read_frame(space.results / "reach.parquet")
    ground = _ground(space, city, layers, lots, pieces)
    room = Tally(by=("fit_mode", "fit_type", *_COUNTED))
    workspace.write_parts(
        space.results / "fits.parquet", room.over(fits_in_parts(ground, rules), _zones(lots))
    )
    beside = character(lots, ground.survey, workspace.layer_or_none(space, "buildings"), rules[0])
    workspace.write_frame(space.results / "character.parquet", beside)
    codes = workspace.read_frame(space.parcels / "zones.parquet")["zone_district"].drop_duplicates()
    answers = pd.concat([_zone_answers(codes, policy) for policy in rules], ignore_index=True)
    workspace.write_frame(space.results / "zone_answers.parquet", answers)
    tracts = [name for name in joined["summary"]["tables"] if name.startswith("tracts_")]
    agreed = build_pressure(space, tracts)
    counts = _summary(law, room, lots, rules) | {
        "reach": [{str(key): value for key, value in row.items()} for row in reached.to_dict("records")],
        "minimums": meets_own_minimums(lots, pieces, rules[0]),
        "definitions": agreed,
        "character": told(beside),
    }
    workspace.write_json(stamp, {"fingerprint": mark, "summary": counts})
    return ["4_results"]


def _write_allowed(
    space: Workspace, city: City, lots: gpd.GeoDataFrame, pieces: pd.DataFrame, rules: list[Policy]
) -> Tally:
    """Write what each policy allows, one by one, and how far each reaches beyond the first."""
    parts = parts_of(lots, parcel_zones=pieces, sliver_share=city.sliver_share)
    today = allowed_on(lots, parts, rules[0])
    reached: list[pd.DataFrame] = []

    def answers() -> Iterator[pd.DataFrame]:
        for policy in rules:
            one = today if policy is rules[0] else allowed_on(lots, parts, policy)
            both = one if one is today else pd.concat([today, one], ignore_index=True)
            reached.append(reach(both, [policy], baseline=BASELINE))
            yield one

    law = Tally(by=(*_COUNTED, "units_allowed"))
    workspace.write_parts(space.results / "allowed.parquet", law.over(answers()))
    workspace.write_frame(space.results / "reach.parquet", pd.concat(reached, ignore_index=True))
    return law


def summary(space: Workspace) -> dict[str, Any]:
    """Counts of the last run: verdicts by policy, and by rule and district."""
    return dict(workspace.read_json(space.results / "results.json")["summary"])


def meets_own_minimums(lots: pd.DataFrame, pieces: pd.DataFrame, today: Policy) -> list[dict[str, Any]]:
    """Share of lots that meet their own district's least area and width, beside the reference's.

    Only districts whose minimums are read are told; width is a proxy, so the share is one too.
    """
    standards = standards_for(lots, today, parcel_zones=pieces)
    house = standards[standards["use"] == "house"].drop_duplicates("parcel_id").set_index("parcel_id")
    own = house.reindex(lots["parcel_id"])
    area = lots["lot_area_ft2"].to_numpy(float) >= own["lot_area_min_ft2"].to_numpy(float)
    width = lots["lot_width_ft"].to_numpy(float) >= own["lot_width_min_ft"].to_numpy(float)
    known = own["lot_area_min_ft2"].notna().to_numpy() & own["lot_width_min_ft"].notna().to_numpy()
    near = measured_margins()
    width_near = lots["lot_width_ft"].to_numpy(float) + near.length_ft >= own["lot_width_min_ft"].to_numpy(
        float
    )
    table = pd.DataFrame(
        {
            "zone": lots["zone_district"],
            "area": area,
            "width": width,
            "both": area & width,
            "both_if_close_calls_pass": width_near
            & (
                lots["lot_area_ft2"].to_numpy(float) * (1 + near.share)
                >= own["lot_area_min_ft2"].to_numpy(float)
            ),
        }
    )
    shares = table[known].groupby("zone").mean().round(4)
    counts = table[known].groupby("zone").size()
    reference = params.load("words", "reference_minimums")["districts"]
    return [
        {
            "zone_district": zone,
            "lots": int(counts[zone]),
            **{name: float(shares.loc[zone, name]) for name in shares.columns},
            "reference_both": reference.get(zone),
        }
        for zone in counts.sort_values(ascending=False).index
    ]


def _ground(
    space: Workspace, city: City, layers: Layers, lots: gpd.GeoDataFrame, pieces: pd.DataFrame
) -> Ground:
    """Lots as they lie: fronts from streets, neighbours or the shape; flooded and steep ground left out."""
    wet = _flooded(lots, workspace.layer_or_none(space, "flood"))
    blocked = _either(wet, _steep(lots, city, layers))
    kept = gpd.GeoDataFrame(
        {"parcel_id": lots["parcel_id"]},
        geometry=np.full(len(lots), None, dtype=object) if blocked is None else blocked,
        crs=lots.crs,
    )
    workspace.write_frame(space.results / "blocked.parquet", kept[kept.geometry.notna()])
    return _surveyed(space, lots, pieces, blocked)


def read_ground(space: Workspace, lots: gpd.GeoDataFrame, pieces: pd.DataFrame) -> Ground:
    """Survey the lots of the last build again, with the ground it found to be blocked.

    Raises
    ------
    MissingDataError
        If nothing has been built.
    """
    kept = workspace.read_frame(space.results / "blocked.parquet")
    blocked = np.full(len(lots), None, dtype=object)
    row = pd.Index(lots["parcel_id"].to_numpy(object)).get_indexer(kept["parcel_id"].to_numpy(object))
    blocked[row] = geometries(kept)
    return _surveyed(space, lots, pieces, blocked if len(kept) else None)


def _surveyed(
    space: Workspace, lots: gpd.GeoDataFrame, pieces: pd.DataFrame, blocked: Geometries | None
) -> Ground:
    return ground_of_parcels(
        lots,
        parcel_zones=pieces,
        streets=_streets(space),
        fronts=_corrections(space),
        blocked=blocked,
    )


def _streets(space: Workspace) -> gpd.GeoDataFrame | None:
    """Centrelines a lot can front on, by the classes that take a right of way; the rest are paths."""
    streets = workspace.layer_or_none(space, "streets")
    if streets is None:
        return None
    fronting = streets["feature_class"].isin(list(load_rules().street_right_of_way_ft))
    return streets.rename(columns={"feature_name": "name"}).assign(kind=np.where(fronting, "street", "path"))


def _either(one: Geometries | None, other: Geometries | None) -> Geometries | None:
    """Ground blocked for one reason or the other."""
    if one is None or other is None:
        return other if one is None else one
    both = np.where(shapely.is_missing(one), other, one)
    twice = ~shapely.is_missing(one) & ~shapely.is_missing(other)
    both[twice] = shapely.union(one[twice], other[twice])
    return both


def _flooded(lots: gpd.GeoDataFrame, flood: gpd.GeoDataFrame | None) -> Geometries | None:
    """Part of each lot in the flood hazard area; None where the layer is not loaded."""
    if flood is None:
        return None
    water = shapely.union_all(geometries(flood[flood["feature_class"].isin(params.choice("flooded_zones"))]))
    shapely.prepare(water)
    shapes = geometries(lots)
    blocked = np.full(len(shapes), None, dtype=object)
    wet = shapely.intersects(water, shapes)
    blocked[wet] = shapely.intersection(shapes[wet], water)
    return blocked


def _steep(lots: gpd.GeoDataFrame, city: City, layers: Layers) -> Geometries | None:
    """Part of each lot that is too steep; None where no elevation is loaded."""
    if ELEVATION not in layers.rasters or not len(lots):
        return None
    recipe = city.layers[ELEVATION].raster["elevation_ft"]
    return steep_ground(lots, layers.rasters[ELEVATION], recipe, limit=load_fit_rules()["steep_slope_share"])


def _corrections(space: Workspace) -> pd.DataFrame | None:
    """Fronts corrected by hand, if there are any."""
    path = space.root / "data" / "corrections" / FRONTS
    return pd.read_csv(path, dtype="string") if path.is_file() else None


def _corrections_hash(space: Workspace) -> str:
    table = _corrections(space)
    return "none" if table is None else workspace.hash_of(table.to_csv(index=False))


def _zone_answers(codes: pd.Series, policy: Policy) -> pd.DataFrame:
    """What one policy allows in each district, on a lot of the least size."""
    return minimum_lot_answers(codes, policy).assign(zone_district=codes, policy=policy.name)


def _summary(law: Tally, room: Tally, lots: pd.DataFrame, rules: list[Policy]) -> dict[str, Any]:
    allowed = {policy.name: law.of(policy.name) for policy in rules}
    fits = {policy.name: room.of(policy.name) for policy in rules}
    return {
        "policies": {
            policy.name: {"title": policy.title, "question": policy.question, "notes": list(policy.notes)}
            for policy in rules
        },
        "verdicts": {name: by_verdict(counts) for name, counts in allowed.items()},
        "verdicts_by_rule": {name: by_rule(counts) for name, counts in allowed.items()},
        "homes_allowed_known_on": {
            name: int(counts.loc[counts["units_allowed"].notna(), "lots"].sum())
            for name, counts in allowed.items()
        },
        "fits": {name: by_type(counts) for name, counts in fits.items()},
        "fits_by_rule": {name: by_rule(counts, ("fit_type",)) for name, counts in fits.items()},
        "existing_units_known_on": int(lots["existing_units"].notna().sum()),
    }


def _zones(lots: pd.DataFrame) -> pd.Series:
    return lots.set_index("parcel_id")["zone_district"]
