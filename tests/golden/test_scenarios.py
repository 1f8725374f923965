"""What every shipped scenario says of the same 55 drawn lots, frozen beside them; all lie in its places.

After a wanted change of the law or of a lever, run this file (`python tests/golden/test_scenarios.py`),
read the difference, and commit it with the reason.
"""

from functools import cache
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest

from densitymap.capacity.allowed import units_allowed
from densitymap.scenarios.policy import apply, load_policy, scenario_names
from densitymap.scenarios.standing import standards_under

HERE = Path(__file__).parent / "scenarios"
COLUMNS = [
    "parcel_id", "zone_district", "lot_area_ft2", "lot_width_ft", "verdict", "units_allowed",
    "units_certain", "binding_rule", "reason",
]  # fmt: skip


@cache
def drawn_lots():
    lots = pd.read_csv(HERE / "lots.csv", dtype={"parcel_id": "string", "zone_district": "string"})
    lots["is_lot_of_record"] = lots["is_lot_of_record"].map({"yes": True}).astype("boolean")
    return lots


def answers(name):
    policy = apply(name, load_policy("atlanta"))
    lots = drawn_lots().assign(**{place.key: True for place in policy.places})
    said = units_allowed(lots, standards_under(lots, policy), policy=name, question=policy.question)
    table = said.assign(lot_area_ft2=lots["lot_area_ft2"], lot_width_ft=lots["lot_width_ft"])[COLUMNS]
    return table.to_csv(index=False, lineterminator="\n")


@pytest.mark.parametrize("name", scenario_names())
def test_scenario_says_what_it_said(name):
    frozen = (HERE / f"{name}.out.csv").read_text()
    pd.testing.assert_frame_equal(pd.read_csv(StringIO(answers(name))), pd.read_csv(StringIO(frozen)))


def test_every_golden_has_its_scenario():
    assert {path.name.removesuffix(".out.csv") for path in HERE.glob("*.out.csv")} == set(scenario_names())


if __name__ == "__main__":
    for scenario in scenario_names():
        (HERE / f"{scenario}.out.csv").write_text(answers(scenario))
