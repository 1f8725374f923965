"""What the worked parcels hold never exceeds what the law alone allows on them."""

import pandas as pd
import pytest

from densitymap.capacity.allowed import units_allowed
from densitymap.capacity.legal import EXACT
from densitymap.scenarios.policy import apply, load_policy
from densitymap.zoning.standards import standards_for

COLUMNS = {
    "S0": "no-change", "S1": "duplex-by-right", "S2": "triplex-by-right", "S3": "missing-middle-2021",
}  # fmt: skip


@pytest.mark.parametrize("column", COLUMNS)
def test_worked_parcels_hold_no_more_than_the_law_allows(cases_dir, column):
    cases = pd.read_csv(cases_dir / "parcel_cases.csv")
    cases = cases[cases["status"] != "REVIEW"].reset_index(drop=True)
    lots = pd.DataFrame(
        {
            "parcel_id": cases["case_id"],
            "zone_district": cases["zone"],
            "lot_area_ft2": cases["lot_area_sf"].astype(float),
            "lot_width_ft": cases["lot_width_ft"].astype(float),
            "is_lot_of_record": cases["lot_of_record"].map({"yes": True, "no": False}).astype("boolean"),
        }
    )
    policy = apply(COLUMNS[column], load_policy("atlanta"))
    answer = units_allowed(lots, standards_for(lots, policy), policy=policy.name, margins=EXACT)
    worked = cases[[f"{column}_units_keep_house", f"{column}_units_new_build"]].max(axis=1)
    assert len(cases) > 0
    assert (answer["units_allowed"] >= worked).all()
