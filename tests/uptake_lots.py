"""Small drawn options for the tests of uptake: a few lots, a few forms, numbers a person can follow."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from densitymap.feasibility.draws import Draws, Places, default_parameters
from densitymap.feasibility.hazard import ACTORS, ARRAYS, COVARIATES, PROCESSES, TRUE, Lots, Options

OUTCOMES = ("keep:house_adu", "keep:convert", "new:house", "new:duplex", "new:triplex", "split:split")
PROCESS = (0, 2, 1, 1, 1, 3)
BUILT = (1.0, 1.0, 1.0, 2.0, 3.0, 2.0)
TORN = (0.0, 0.0, 1.0, 1.0, 1.0, 0.0)
NEW_RIGHTS = (3, 4, 5)


def one_option(**changes: object) -> Options:
    """A single accessory home an owner would gain 100,000 from, on lot 0."""
    values: dict[str, object] = {
        "lot": 0, "process": 0, "actor": ACTORS.index("owner"), "outcome": 0, "tenure": 1, "status": TRUE,
        "is_new_right": False, "is_today": True, "rate_group": 0, "units_built": 1.0, "units_demolished": 0.0, "units_added": 1.0,
        "sale_usd": 0.0, "rent_usd": 300_000.0, "cost_usd": 200_000.0, "land": 1.0, "yield_ratio": np.inf,
    }  # fmt: skip
    arrays = {name: np.array([value]) for name, value in {**values, **changes}.items()}
    return Options(outcomes=OUTCOMES, **{name: arrays[name] for name in ARRAYS})


def together(*parts: Options) -> Options:
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ARRAYS}
    return Options(outcomes=OUTCOMES, **joined).ordered()


def lots(n: int = 1, *, as_is_usd: float = 400_000.0) -> Lots:
    return Lots(
        as_is_usd=np.full(n, as_is_usd),
        area=np.zeros(n, np.int64),
        covariates=np.full((n, len(COVARIATES)), np.nan),
    )


def drawn(n: int, seed: int) -> tuple[Options, Lots, pd.Series]:
    """Many options on n lots, of all kinds, some paying and some not."""
    rng = np.random.default_rng(seed)
    parts = []
    for outcome in range(len(OUTCOMES)):
        for actor in range(len(ACTORS)):
            for tenure in (0, 1):
                at = np.flatnonzero(rng.random(n) < 0.6)
                worth = rng.lognormal(np.log(9e5), 0.4, len(at))
                arrays = {
                    "lot": at, "process": PROCESS[outcome], "actor": actor, "outcome": outcome,
                    "tenure": tenure, "status": rng.choice([0, 1, 2], len(at), p=[0.1, 0.5, 0.4]),
                    "is_new_right": outcome in NEW_RIGHTS, "is_today": outcome not in NEW_RIGHTS,
                    "rate_group": 0, "units_built": BUILT[outcome],
                    "units_demolished": TORN[outcome], "units_added": BUILT[outcome] - TORN[outcome],
                    "sale_usd": worth * (tenure == 0), "rent_usd": worth * (tenure == 1),
                    "cost_usd": rng.lognormal(np.log(5e5), 0.2, len(at)),
                    "land": 1.0 * (outcome < 2), "yield_ratio": rng.normal(1.1, 0.1, len(at)),
                }  # fmt: skip
                full = {name: np.broadcast_to(arrays[name], at.shape).copy() for name in ARRAYS}
                parts.append(Options(outcomes=OUTCOMES, **full))
    covariates = np.column_stack(
        [rng.random(n), rng.random(n) * 9, rng.integers(0, 2, n), np.full(n, np.nan), np.zeros(n)]
    )
    known = Lots(
        as_is_usd=rng.lognormal(np.log(4e5), 0.4, n), area=rng.integers(0, 3, n), covariates=covariates
    )
    return together(*parts), known, pd.Series([f"place {k}" for k in rng.integers(0, 4, n)])


def places(n: int = 3) -> Places:
    return Places.named([f"area {k}" for k in range(n)])


def plain(years: int = 10, **changes: object) -> Draws:
    """The default draw, with every project finished at once unless told otherwise."""
    draws = default_parameters(places(1), years=years)
    values = {"finished": np.ones((1, years)), **changes}
    return dataclasses.replace(draws, **values)


def rate_of(process: str, actor: str, draws: Draws) -> float:
    """Yearly rate of a process by an actor where it pays and pulls as hard as the priors suppose."""
    nest = PROCESSES.index(process) * len(ACTORS) + ACTORS.index(actor)
    return float(np.exp(draws.intercept[0, nest]))
