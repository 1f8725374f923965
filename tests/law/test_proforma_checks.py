"""The reference's check values of section 3, to the rounding given, through the catalogue and the kernels."""

import numpy as np
import pandas as pd
import pytest

from densitymap.capacity.rules import load_buildings
from densitymap.feasibility.costs import load_costs
from densitymap.feasibility.forms import PLANS, size_factor, terms
from densitymap.feasibility.proforma import finance_share, money, phis, residual_land_value, value_options

COSTS = load_costs()
BUILDER_SELLS = PLANS.index(("developer", "sale"))


def test_finance_share_of_the_defaults():
    assert phis(COSTS)[0] == pytest.approx(0.043225, abs=1e-12)
    assert finance_share(loan_to_cost=0.7, drawn=0.55, rate=0.085, months=12, points=0.015) == phis(COSTS)[0]


@pytest.mark.parametrize(
    ("kind", "homes", "size", "price", "expected"),
    [
        ("house", 1, 3_000, 400, 159_000),
        ("duplex", 2, 1_360, 425, 139_000),
        ("duplex", 2, 2_250, 431, 295_000),
        ("triplex", 3, 1_144, 425, 94_000),
    ],
)
def test_residual_land_values(kind, homes, size, price, expected):
    hard = homes * size * COSTS[f"hard_cost_{kind}_usd_per_ft2"]
    cost = (
        hard * (1 + COSTS["soft_cost_share"] + COSTS["contingency_share"])
        + homes * (COSTS["site_work_usd_per_home"] + COSTS["impact_fee_usd_per_home"])
        + COSTS["demolition_usd"]
        + COSTS["tree_recompense_usd_per_inch"] * COSTS["trees_removed_inches"]
    )
    value = residual_land_value(
        homes * size * price,
        cost,
        sale_cost=COSTS["sale_cost_share"],
        margin=COSTS["margin_share"],
        phi=phis(COSTS)[0],
        acquisition=COSTS["acquisition_cost_share"],
    )
    assert round(value, -3) == expected


@pytest.mark.parametrize(
    ("kind", "form", "units", "size", "price", "expected"),
    [
        ("house", "SFD", 1, 3_000, 400, 159_000),
        ("duplex", "DUP_SBS", 2, 1_360, 425, 139_000),
        ("triplex", "TRI", 3, 1_144, 425, 94_000),
    ],
)
def test_the_whole_computation_gives_the_same(kind, form, units, size, price, expected):
    built = _built("new", kind, form, units)
    factor = COSTS["new_home_price_factor"] * (1.0 if kind == "house" else COSTS["attached_price_factor"])
    place = price / (factor * float(size_factor(size, COSTS)))
    valued = value_options(built, np.array([place]), np.array([450_000.0]), COSTS)
    assert round(valued.rlv_usd[0, BUILDER_SELLS], -3) == expected
    assert valued.gdv_usd[0, BUILDER_SELLS] == pytest.approx(units * size * price)


@pytest.mark.parametrize(("form", "share", "gain"), [("ADU_504", 0.070, 0.22), ("ADU_750", 0.071, 0.23)])
def test_yield_and_value_of_accessory_homes(form, share, gain):
    built = _built("keep", "house_adu", f"house+{form}", 2)
    found = money(built.kinds, COSTS)
    assert round(found.noi[0] / found.cost[0], 3) == share
    assert round(found.rent_fixed[0] / found.cost[0] - 1, 2) == gain


def _built(mode: str, kind: str, form: str, units: int):
    fits = pd.DataFrame(
        {
            "parcel_id": ["a"], "policy": "now", "fit_mode": mode, "fit_type": kind, "form": form, "units": units,
            "units_rent_only": 1 if mode == "keep" else 0, "verdict": "TRUE", "binding_rule": "coverage",
            "slack_floor_ft2": 0.0, "slack_coverage_ft2": 0.0, "slack_fit_ft": 0.0,
        }
    )  # fmt: skip
    lots = pd.DataFrame(
        {
            "parcel_id": ["a"], "existing_units": [1], "existing_floor_area_ft2": [1_200.0],
            "is_built": pd.array([True], dtype="boolean"),
        }
    )  # fmt: skip
    return terms(fits, lots, COSTS, load_buildings())
