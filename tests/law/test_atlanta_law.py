"""Cases a planner can read and dispute: tests/law/atlanta.toml, each citing its rule."""

import tomllib
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from densitymap import schema
from densitymap.capacity.allowed import units_allowed
from densitymap.capacity.legal import EXACT
from densitymap.scenarios.policy import apply, load_policy
from densitymap.zoning.standards import standards_for

CASES = tomllib.loads((Path(__file__).parent / "atlanta.toml").read_text())["case"]


@cache
def policy_of(name):
    return apply(name, load_policy("atlanta"))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_law(case):
    policy = policy_of(case["policy"])
    lots = pd.DataFrame(
        {
            "parcel_id": ["drawn"],
            "lot_area_ft2": [float(case["area_ft2"])],
            "lot_width_ft": [float(case["width_ft"])],
            "zone_district": pd.array([case.get("zone", pd.NA)], dtype="string"),
            "is_lot_of_record": pd.array([case.get("of_record", pd.NA)], dtype="boolean"),
        }
    )
    answer = units_allowed(
        lots,
        standards_for(lots, policy),
        policy=policy.name,
        question=case.get("question", policy.question),
        margins=EXACT,
    )
    schema.check(schema.conform(answer, "allowed"), "allowed")
    got = answer.iloc[0]
    expected = {name: pd.NA if value == "unknown" else value for name, value in case["expect"].items()}
    assert {name: got[name] for name in expected} == expected
    assert got["reason"].endswith(".")
