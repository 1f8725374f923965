"""How fast lots are valued: every form that fits, every plan, decided against today's law.

Run ``python benchmarks/bench_feasibility.py [lots ...]``. Prints a table; asserts nothing. The lots are drawn
from what was judged of the sample's kinds: houses, accessory homes, duplexes, triplexes, conversions, splits.
"""

from __future__ import annotations

import os
import sys
import time

import numpy as np
import pandas as pd

from densitymap.capacity.rules import load_buildings
from densitymap.feasibility.costs import load_costs
from densitymap.feasibility.forms import PLANS, terms
from densitymap.feasibility.funnel import funnel, totals
from densitymap.feasibility.pays import Worth, bids_today, paying

FORMS = [
    ("keep", "house_adu", "house+ADU_750", 2), ("keep", "house_attached_adu", "house+internal ADU", 2),
    ("keep", "convert", "house->2", 2), ("keep", "convert_adu", "house->2+ADU_504", 3),
    ("new", "house", "SFD", 1), ("new", "house_adu", "SFD+ADU_750", 2),
    ("new", "house_attached_adu", "SFD_N+internal ADU", 2), ("new", "duplex", "DUP_SBS", 2),
    ("new", "duplex_adu", "DUP_STK+ADU_504", 3), ("new", "triplex", "TRI", 3), ("new", "multi", "FOUR", 4),
    ("new", "cottage_court", "COTTAGE_COURT", 3), ("split", "split", "two lots", 4),
    ("split", "split_keep", "two lots, house kept on one", 3),
]  # fmt: skip
TARGETS = {20_000: 0.1, 200_000: 1.0}


def drawn(count: int, seed: int = 3) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lots, and a table of fits in which every form is TRUE or MAYBE on half of the lots."""
    rng = np.random.default_rng(seed)
    lots = pd.DataFrame({"parcel_id": [f"14 {place:09d}" for place in range(count)]})
    lots["existing_units"] = pd.array(rng.choice([1, 1, 1, 2], count), dtype="Int64")
    lots["existing_floor_area_ft2"] = pd.array(rng.uniform(700, 3_500, count).round(), dtype="Float64")
    lots["is_built"] = pd.array(rng.random(count) < 0.95, dtype="boolean")
    parts = [
        pd.DataFrame(
            {"parcel_id": lots["parcel_id"], "fit_mode": mode, "fit_type": kind, "form": form, "units": n}
        )
        for mode, kind, form, n in FORMS
    ]
    fits = pd.concat(parts, ignore_index=True)
    fits["verdict"] = rng.choice(["TRUE", "MAYBE", "FALSE", "FALSE"], len(fits))
    fits["policy"], fits["binding_rule"], fits["units_rent_only"] = "now", "coverage", 1
    for name, high in (("floor_ft2", 1_500), ("coverage_ft2", 1_500), ("fit_ft", 20)):
        fits[f"slack_{name}"] = rng.uniform(0, high, len(fits))
    return lots, fits


def timed(name: str, work, times: int = 3):
    best, result = np.inf, None
    for _ in range(times):
        start = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - start)
    print(f"{name:58s} {best * 1e3:9.1f} ms")
    return result


def run(count: int) -> None:
    lots, fits = drawn(count)
    costs, buildings = load_costs(), load_buildings()
    rng = np.random.default_rng(4)
    worth = Worth(
        price_usd_per_ft2=rng.uniform(250, 500, count), as_is_usd=rng.uniform(3e5, 8e5, count), source="drawn"
    )
    target = TARGETS.get(count, "none")
    print(f"\n{count:,} lots, {len(FORMS)} forms, {len(PLANS)} plans (target once loaded: {target} s)")
    built = timed("load: forms of the table taken apart", lambda: terms(fits, lots, costs, buildings), 2)
    print(f"{len(built.row):,} options of {built.kinds.shape[1]:,} kinds")
    bids = timed("what builders would pay today", lambda: bids_today(built, worth, costs))
    found = timed("valued, decided, best by actor", lambda: paying(built, lots, worth, costs, today_usd=bids))
    allowed = pd.DataFrame({"parcel_id": lots["parcel_id"], "units_allowed": 4, "units_certain": 1})
    timed("the funnel of every lot, counted", lambda: totals(funnel(allowed, fits, lots, best=found.best)), 1)


def main() -> None:
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, numpy {np.__version__}")
    for count in [int(word) for word in sys.argv[1:]] or list(TARGETS):
        run(count)


if __name__ == "__main__":
    main()
