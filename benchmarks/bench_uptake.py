"""Time uptake on drawn lots with all types and modes: one pass, then 1,000 draws.

    python benchmarks/bench_uptake.py [LOTS ...]

Lots are drawn by rule (no file is read): six kinds of form, three actors, sale and rent.
"""

from __future__ import annotations

import gc
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from densitymap.feasibility.draws import Places, default_parameters, draw_parameters
from densitymap.feasibility.hazard import ACTORS, ARRAYS, Lots, Options, with_investors
from densitymap.feasibility.starts import may_count
from densitymap.feasibility.uptake import told, uptake

KINDS = (
    ("keep:house_adu", 0, 1.0, 0.0, 1.0, 1.9e5, 2.0e5),
    ("keep:house_attached_adu", 0, 1.0, 0.0, 1.0, 1.2e5, 1.3e5),
    ("keep:convert", 2, 1.0, 0.0, 0.0, 4.5e5, 1.5e5),
    ("keep:convert_adu", 2, 2.0, 0.0, 0.0, 6.0e5, 3.5e5),
    ("new:house", 1, 1.0, 1.0, 0.0, 8.0e5, 5.5e5),
    ("new:house_adu", 1, 2.0, 1.0, 0.0, 9.3e5, 7.0e5),
    ("new:house_attached_adu", 1, 2.0, 1.0, 0.0, 8.8e5, 6.5e5),
    ("new:duplex", 1, 2.0, 1.0, 0.0, 8.8e5, 6.0e5),
    ("new:duplex_adu", 1, 3.0, 1.0, 0.0, 1.05e6, 8.0e5),
    ("new:triplex", 1, 3.0, 1.0, 0.0, 1.1e6, 8.5e5),
    ("new:multi", 1, 4.0, 1.0, 0.0, 1.2e6, 1.0e6),
    ("split:split", 3, 2.0, 0.0, 0.6, 4.5e5, 4.5e5),
)
"""Outcome, process, homes built and torn down, as-is value kept, worth and cost [USD]."""
AREAS, NEIGHBOURHOODS = 40, 250
SHARE_FITTING = 0.45


def drawn(n: int) -> tuple[Options, Lots, dict[str, pd.Series]]:
    """Lots whose options pay about as often as on the synthetic sample."""
    rng = np.random.default_rng(1)
    parts = {name: [] for name in ARRAYS}
    for outcome, (_, process, built, torn, kept, worth, cost) in enumerate(KINDS):
        at = np.flatnonzero(rng.random(n) < SHARE_FITTING)
        spread = rng.lognormal(0, 0.25, len(at))
        level = rng.choice([1, 2], len(at))
        for actor in range(len(ACTORS)):
            for tenure in (0, 1):
                values = {
                    "lot": at, "process": process, "actor": actor, "outcome": outcome, "tenure": tenure,
                    "status": level, "is_new_right": outcome >= 7, "is_today": outcome < 7,
                    "rate_group": 0, "units_built": built,
                    "units_demolished": torn, "units_added": built - torn,
                    "sale_usd": worth * spread * (tenure == 0) * (0.85 if actor == 0 else 1.0),
                    "rent_usd": 0.9 * worth * spread * (tenure == 1) * (0.85 if actor == 0 else 1.0),
                    "cost_usd": cost, "land": kept * (actor == 1), "yield_ratio": 1.0 + 0.2 * (spread - 1),
                }  # fmt: skip
                for name in ARRAYS:
                    parts[name].append(np.broadcast_to(values[name], at.shape))
    whole = {name: np.concatenate(found) for name, found in parts.items()}
    options = Options(outcomes=tuple(kind[0] for kind in KINDS), **whole).ordered()
    known = Lots(
        as_is_usd=rng.lognormal(np.log(4.6e5), 0.35, n),
        area=rng.integers(0, AREAS, n),
        covariates=np.column_stack(
            [rng.random(n), 9 * rng.random(n), rng.random(n) < 0.3, *np.zeros((2, n))]
        ),
    )
    groups = pd.Series([f"n{k}" for k in rng.integers(0, NEIGHBOURHOODS, n)])
    places = {"neighborhood": groups, "npu": groups.str[:2], "council_district": groups.str[-1:]}
    return with_investors(options, has_home=np.ones(n, dtype=bool)), known, places


def status(field: str) -> float:
    """Memory [GB] by a field of Linux's account of this process."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1e6


def begin_peak() -> float:
    """Forget the peak so far (of drawing the inputs); memory in use now [GB]."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    return status("VmRSS")


def main() -> None:
    """Print seconds and peak memory for each number of lots."""
    areas = Places.named([f"a{k}" for k in range(AREAS)])
    print("lots, options per lot, of which may pay, one draw s, 1,000 draws s, processor s, ranges s, "
          "peak GB, of which inputs")  # fmt: skip
    for n in [int(word) for word in sys.argv[1:]] or [20_000, 200_000]:
        options, known, places = drawn(n)
        left = int(may_count(options, known, draw_parameters(areas)).sum())
        uptake(options.take(options.lot < 50), known, default_parameters(areas), places)  # compile
        inputs = begin_peak()
        start = time.perf_counter()
        uptake(options, known, default_parameters(areas), places)
        one = time.perf_counter() - start
        start, used = time.perf_counter(), time.process_time()
        result = uptake(options, known, draw_parameters(areas), places)
        many = time.perf_counter() - start
        busy = time.process_time() - used
        start = time.perf_counter()
        told(result)
        telling = time.perf_counter() - start
        peak = status("VmHWM")
        rows = f"{len(options.lot) / n:.1f}, {left / n:.1f}"
        print(f"{n:,}, {rows}, {one:.2f}, {many:.2f}, {busy:.2f}, {telling:.2f}, {peak:.2f}, {inputs:.2f}")


if __name__ == "__main__":
    main()
