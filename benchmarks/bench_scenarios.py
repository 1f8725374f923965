"""How fast scenarios are evaluated on a built workspace, once its lots are read and surveyed.

Run ``python benchmarks/bench_scenarios.py WORKSPACE``. Prints a table; asserts nothing. Targets (issue 9):
20,000 lots: 0.15 s where the yards are left alone, 3 s where they move, 5 s for 1,000 draws.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

from densitymap.pipeline.scenarios import load_ground
from densitymap.pipeline.workspace import Workspace
from densitymap.scenarios.evaluate import evaluate
from densitymap.scenarios.policy import apply, load_policy
from densitymap.scenarios.record import LEVELS

YARDS = ("triplex-any-lot-of-record", "missing-middle-2021")
"""A scenario that leaves the yards alone, and one that moves them."""


def timed(name: str, lots: int, work):
    start, cpu = time.perf_counter(), time.process_time()
    found = work()
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(f"| {name} | {wall:.2f} s | {cpu:.2f} s | {lots / wall:,.0f} |")
    return found


def main() -> None:
    """Measure."""
    print("| step | wall | cpu | lots/s |\n|---|---|---|---|")
    loaded = timed("read and survey the lots", 1, lambda: load_ground(Workspace(Path(sys.argv[1]))))
    lots = len(loaded.scene.lots)
    today = load_policy(loaded.city.code)
    base = timed("no change", lots, lambda: evaluate(loaded.scene, today))
    for name in YARDS:
        policy = apply(name, today)
        for which in ("the first", "again"):
            found = timed(
                f"{name}, {which}", lots,
                lambda policy=policy: evaluate(loaded.scene, policy, reuse=base.places),
            )  # fmt: skip
        timed(f"{name}: counts by lot", lots, lambda found=found: found.stages)
    chosen = apply(YARDS[0], today)
    flow = timed("no change and one: fits, pays, draws", lots, lambda: loaded.outcome(chosen).flow)
    columns = {level: flow.results.lots[column] for level, column in LEVELS.items()}
    timed(f"{flow.market.draws.size:,} draws", lots, lambda: flow.expected(columns))
    print(f"\n{lots:,} lots; peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
