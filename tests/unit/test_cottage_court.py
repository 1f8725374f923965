"""A cottage court stands only where a scenario allows it, and only where its court fits."""

from __future__ import annotations

import pandas as pd
import pytest

from densitymap.scenarios.explain_lot import explain_lot
from densitymap.scenarios.policy import Scenario, apply, load_policy
from densitymap.zoning.standards import standards_for

COURTS = Scenario(
    name="courts",
    title="Cottage courts",
    question="second_home",
    summary="Courts of three in R-4A.",
    source="test",
    mark="A",
    levers=({"kind": "allow_use", "districts": ["R-4A"], "use": "cottage_court", "units": 3},),
)


def _court(wkt: str, streets: str) -> dict[str, object]:
    told = explain_lot(wkt, "R-4A", streets=streets, of_record="yes", scenarios=["triplex-by-right"])
    rows = told["policies"][0]["verdicts"]
    return next(row for row in rows if row["fit_type"] == "cottage_court")


@pytest.mark.parametrize("width", [100, 60])
def test_no_policy_shipped_allows_one(width):
    row = _court(f"POLYGON((0 0,{width} 0,{width} 180,0 180,0 0))", f"LINESTRING(0 0,{width} 0)")
    assert (row["verdict"], row["binding_rule"]) == ("FALSE", "use")
    assert row["units"] == 3


def test_a_lever_allows_it_and_leaves_the_code_alone():
    today = load_policy("atlanta")
    lots = pd.DataFrame({"parcel_id": ["a"], "lot_area_ft2": [18_000.0], "zone_district": ["R-4A"]})

    def permitted(policy):
        return standards_for(lots, policy, uses=("cottage_court",))["units_max"].tolist()

    assert permitted(apply(COURTS, today)) == [3]
    assert permitted(today) == [0]
