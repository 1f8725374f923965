"""Four drawn lots and the census of their tract, for tests of the ledgers by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd

from densitymap.scenarios.beliefs import beliefs

SIZE, SEED = 400, 5
POINT = {name: np.full(SIZE, belief.default) for name, belief in beliefs().items()}


def lots(**changed):
    table = pd.DataFrame(
        {
            "neighborhood": ["Edgewood"] * 4,
            "tract_geoid_2020": ["13089020500"] * 4,
            "existing_units": pd.array([1, 2, 0, None], dtype="Int64"),
            "is_built": pd.array([True, True, False, True], dtype="boolean"),
            "owner_occupied": pd.array([True, False, None, None], dtype="boolean"),
            "county": ["DeKalb"] * 4,
            "appraised_value_usd": pd.array([300_000.0, 400_000.0, None, 200_000.0], dtype="Float64"),
            "value_year": pd.array([2025, 2025, None, 2025], dtype="Int64"),
        }
    )
    return table.assign(**changed)


def tenure_table(owners=60.0, renters=40.0):
    names = ("1_detached", "1_attached", "2_units", "3_4_units")
    row = {"tract_geoid": "13089020500"}
    for name in names:
        row |= {f"owner_households_{name}": owners, f"owner_households_{name}_moe": 0.0}
        row |= {f"renter_households_{name}": renters, f"renter_households_{name}_moe": 0.0}
    return pd.DataFrame([row])


def income_table(poor=30.0, rich=10.0):
    classes = ["5k", "10k", "15k", "20k", "25k", "35k", "50k", "75k", "100k", "150k"]
    row = {"tract_geoid": "13089020500"}
    for who in ("renter", "owner"):
        for name in [f"income_to_{top}" for top in classes] + ["income_over_150k"]:
            value = poor if name == "income_to_35k" else rich if name == "income_over_150k" else 0.0
            row |= {f"{who}_households_{name}": value, f"{who}_households_{name}_moe": 0.0}
    return pd.DataFrame([row])
