"""Frontier of 40 places: the search alone on drawn numbers, and the whole command on a given workspace.

Usage: python benchmarks/bench_frontier.py [WORKSPACE]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from densitymap.pipeline.frontier import Request, frontier
from densitymap.pipeline.workspace import Workspace
from densitymap.scenarios.frontier import Values, front

PLACES, PACKAGES, POINTS = 40, 6, 20
BAR_S = 120.0


def search_s() -> float:
    """Seconds to trace a front of 40 places under a budget."""
    rng = np.random.default_rng(5)
    net, cost = rng.gamma(1.0, 10.0, (PLACES, PACKAGES)), rng.gamma(1.0, 2e5, (PLACES, PACKAGES))
    direct = net * rng.uniform(-0.2, 0.6, (PLACES, PACKAGES))
    for table in (net, direct, cost):
        table[:, 0] = 0.0
    start = time.perf_counter()
    front(Values(net=net, direct=direct, cost=cost), points=POINTS, budget_usd=2e6)
    return time.perf_counter() - start


def main() -> None:
    """Print what was measured."""
    sys.stdout.write(
        f"search, {PLACES} places x {PACKAGES} packages: {search_s():.1f} s (bar {BAR_S:.0f} s)\n"
    )
    if len(sys.argv) > 1:
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            told = frontier(Workspace(Path(sys.argv[1])), Request(), out=Path(folder))
        took = time.perf_counter() - start
        sys.stdout.write(f"command, {len(told['places'])} places: {took:.1f} s (bar {BAR_S:.0f} s)\n")


if __name__ == "__main__":
    main()
