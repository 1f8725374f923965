"""How fast lots are surveyed and judged: 200,000 drawn lots, edges to verdicts, all types.

Run ``python benchmarks/bench_capacity.py [lots]``. Prints a table; asserts nothing. The drawn city has
rows of lots back to back: most convex (skewed, tapered), some flags, dented and L-shaped lots.
"""

from __future__ import annotations

import gc
import os
import resource
import sys
import time

import numpy as np
import pandas as pd
import shapely

from densitymap.capacity import clean, fit, kernel, survey
from densitymap.capacity.fits import fits_table, fitted
from densitymap.capacity.rules import load_rules
from densitymap.scenarios.fits import fits
from densitymap.scenarios.ground import ground_of, measured, part_of, setting
from densitymap.scenarios.policy import apply, load_policy

CONCAVE_SHARE = 0.05
ROW_FT, STREET_FT = 300.0, 50.0


def drawn_lots(count: int, seed: int = 7) -> np.ndarray:
    """Blocks of lots back to back: two rows, widths 35 to 90 ft, block lines bent."""
    rng = np.random.default_rng(seed)
    per_row = 40
    rows = -(-count // per_row)
    widths = rng.uniform(35, 90, (rows, per_row))
    right = np.cumsum(widths, axis=1)
    left = right - widths
    lean = rng.uniform(-0.15, 0.15, (rows, 1))
    depth = rng.uniform(110, 180, (rows, 1))
    top = np.arange(rows)[:, None] * (ROW_FT + STREET_FT)
    skew = rng.normal(0, 1.5, (rows, per_row))
    low = np.stack([left, np.broadcast_to(top, left.shape)], axis=-1)
    low_right = np.stack([right, np.broadcast_to(top, left.shape)], axis=-1)
    high_right = np.stack([right + lean * depth, top + depth + skew], axis=-1)
    high = np.stack([left + lean * depth, top + depth + np.roll(skew, 1, axis=1)], axis=-1)
    ring = np.stack([low, low_right, high_right, high], axis=2).reshape(-1, 4, 2)[:count]
    shapes = shapely.polygons(ring)
    bitten = rng.random(count) < CONCAVE_SHARE
    corner = ring[bitten, 3]
    bite = shapely.box(corner[:, 0] - 40, corner[:, 1] - 40, corner[:, 0] + 15, corner[:, 1] + 20)
    shapes[bitten] = shapely.difference(shapes[bitten], bite)
    return shapes


def timed(name: str, lots: int, work):
    gc.collect()
    start, cpu = time.perf_counter(), time.process_time()
    result = work()
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(f"{name:44s} {wall:8.2f} s {lots / wall:11,.0f} lots/s   cpu {cpu:7.2f} s")
    return result, wall, cpu


def main(lots: int) -> None:
    rules = load_rules()
    today = load_policy("atlanta")
    shapes = drawn_lots(lots)
    warm = survey.survey(clean.clean(shapes[:200], rules)[0], rules)
    fit.fit_ranges(warm, np.zeros(len(warm.edges)), np.ones((200, 1, 2)))
    print(f"{lots:,} lots, {os.cpu_count()} cores, numba {'on' if kernel.HAS_NUMBA else 'off'}")
    print(f"load before: {os.getloadavg()[0]:.1f}")
    frame = pd.DataFrame({"parcel_id": np.arange(lots).astype(str)})
    frame["zone_district"] = np.random.default_rng(1).choice(["R-4", "R-4A", "R-5", "R-4B", "R-5-C"], lots)
    spent = np.zeros(2)

    def step(name: str, work):
        result, wall, cpu = timed(name, lots, work)
        spent[:] += wall, cpu
        return result

    cleaned, _ = step("clean", lambda: clean.clean(shapes, rules))
    surveyed = step("edges, neighbours, fronts, roles", lambda: survey.survey(cleaned, rules))
    house, record = fit.no_house(lots), np.full(lots, np.nan)
    ground = step(
        "ground (side paths)",
        lambda: ground_of(frame, surveyed, house, of_record=record, margins=measured(rules)),
    )
    table = step("envelopes, fits, budgets, verdicts, reasons", lambda: fits(ground, [today], splits=False))
    name = "edges to verdicts, one policy, all types"
    print(f"{name:44s} {spent[0]:8.2f} s {lots / spent[0]:11,.0f} lots/s   cpu {spent[1]:7.2f} s")
    print(f"on two idle cores, if the cpu time splits evenly: {lots / (spent[1] / 2):,.0f} lots/s")
    some = min(lots, 40_000)
    small = part_of(ground, np.arange(some))
    at, _ = setting(small, today)
    then = apply("triplex-by-right", today)

    def again() -> pd.DataFrame:
        other, _ = setting(small, then, reuse=at.places)
        return fits_table(fitted(other), other, small.lots["parcel_id"], policy="then")

    timed("another policy with the same yards", some, again)
    convex = int(surveyed.lots["is_convex"].sum())
    print(f"half-planes: {convex:,} lots; exact path: {lots - convex:,}; rows: {len(table):,}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory {peak:.2f} GB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
