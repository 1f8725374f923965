"""Stage 3 to 4: what the law allows on every lot and in every district; how pressure lies on tracts."""

from __future__ import annotations

from typing import Any

import pandas as pd

from densitymap.city import City
from densitymap.displacement.index import judge
from densitymap.pipeline import workspace
from densitymap.pipeline.workspace import Workspace
from densitymap.scenarios.answers import allowed as allowed_under
from densitymap.scenarios.answers import minimum_lot_answers
from densitymap.scenarios.policy import Policy, apply, load_policy

BASELINE = "no-change"
REFORMS = ("duplex-by-right", "triplex-by-right")
"""Scenarios every build judges, beside today's law; the others are run when asked for."""
INDEX = "pressure"
VERDICTS = ("TRUE", "MAYBE", "FALSE", "NO DATA")
OUTPUTS = ("allowed", "zone_answers")


def policies(city: City) -> list[Policy]:
    """Today's law and the reforms every build judges."""
    today = load_policy(city.code)
    return [today, *(apply(name, today) for name in REFORMS)]


def build_results(space: Workspace, city: City) -> list[str]:
    """Judge lots, districts and tracts, unless nothing they rest on has changed."""
    joined = workspace.read_json(space.parcels / "join.json")
    mark = workspace.fingerprint([joined["fingerprint"]])
    stamp = space.results / "results.json"
    outputs = [space.results / f"{name}.parquet" for name in OUTPUTS]
    if workspace.is_fresh(stamp, mark, outputs):
        return []
    lots = workspace.read_frame(space.parcels / "parcels.parquet")
    pieces = workspace.read_frame(space.parcels / "parcel_zones.parquet")
    rules = policies(city)
    allowed = allowed_under(lots, rules, parcel_zones=pieces)
    workspace.write_frame(space.results / "allowed.parquet", allowed)
    zones = workspace.read_frame(space.parcels / "zones.parquet")
    codes = zones["zone_district"].drop_duplicates()
    answers = pd.concat([_zone_answers(codes, policy) for policy in rules], ignore_index=True)
    workspace.write_frame(space.results / "zone_answers.parquet", answers)
    for name in joined["summary"]["tables"]:
        if name.startswith("tracts_"):
            _pressure(space, name)
    workspace.write_json(stamp, {"fingerprint": mark, "summary": _summary(allowed, lots, rules)})
    return ["4_results"]


def _zone_answers(codes: pd.Series, policy: Policy) -> pd.DataFrame:
    """What one policy allows in each district, on a lot of the least size."""
    return minimum_lot_answers(codes, policy).assign(zone_district=codes, policy=policy.name)


def summary(space: Workspace) -> dict[str, Any]:
    """Counts of the last run: verdicts by policy, and by rule and district."""
    return dict(workspace.read_json(space.results / "results.json")["summary"])


def _pressure(space: Workspace, name: str) -> None:
    tracts = workspace.read_frame(space.parcels / f"{name}.parquet")
    judged = judge(pd.DataFrame(tracts.drop(columns="geometry")), INDEX)
    suffix = name.removeprefix("tracts_")
    workspace.write_frame(space.results / f"pressure_{suffix}.parquet", judged.pressure)


def _summary(allowed: pd.DataFrame, lots: pd.DataFrame, rules: list[Policy]) -> dict[str, Any]:
    titles = {policy.name: {"title": policy.title, "question": policy.question} for policy in rules}
    return {
        "policies": titles,
        "verdicts": {
            policy.name: _counts(allowed.loc[allowed["policy"] == policy.name, "verdict"]) for policy in rules
        },
        "verdicts_by_rule": {
            policy.name: _by_rule(allowed[allowed["policy"] == policy.name]) for policy in rules
        },
        "homes_allowed_known_on": {
            policy.name: int(allowed.loc[allowed["policy"] == policy.name, "units_allowed"].notna().sum())
            for policy in rules
        },
        "existing_units_known_on": int(lots["existing_units"].notna().sum()),
    }


def _counts(verdicts: pd.Series) -> dict[str, int]:
    found = verdicts.value_counts()
    return {word: int(found.get(word, 0)) for word in VERDICTS}


def _by_rule(allowed: pd.DataFrame) -> list[dict[str, Any]]:
    """Lots by district, verdict and the rule that decides, most first."""
    named = allowed.assign(zone_district=allowed["zone_district"].fillna("no data"))
    counts = named.groupby(["zone_district", "verdict", "binding_rule"], observed=True).size()
    rows = (
        counts.rename("lots")
        .reset_index()
        .sort_values(
            ["lots", "zone_district", "verdict", "binding_rule"], ascending=[False, True, True, True]
        )
    )
    return rows.to_dict("records")
