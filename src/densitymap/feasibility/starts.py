"""What starts on each lot in each draw, summed by place: compiled with numba, and its twin in numpy.

Per lot and draw: residual land values of its options, which of them pay whom, the rate of each nest
(process and actor), and competing risks year by year: one lot changes at most once. Sums are made as the
draws run; nothing is kept by lot. Both ways do the same arithmetic in the same order of options.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from densitymap.feasibility.draws import Draws
from densitymap.feasibility.hazard import ACTORS, PROCESSES, Codes, Lots, Options
from densitymap.geometry import Floats

try:
    import numba
except ImportError:  # the speed extra is not installed
    numba = None

HAS_NUMBA = numba is not None
N_ACTORS, N_NESTS, INVESTING = len(ACTORS), len(PROCESSES) * len(ACTORS), PROCESSES.index("investor")
LOOSE_USD = 1e-6
"""The best form legal today is its own alternative: rounding may not close it."""

_SLACK_USD = 1.0

SALE, RENT, COST, LAND, YIELD, BUILT, TORN, ADDED = range(8)
PROCESS, ACTOR, OUTCOME, TENURE, STATUS, NEW, GROUP = range(7)
_NUMBERS = (
    "sale_usd", "rent_usd", "cost_usd", "land", "yield_ratio", "units_built", "units_demolished",
    "units_added",
)  # fmt: skip
_CODES = ("process", "actor", "outcome", "tenure", "status", "is_new_right", "rate_group")


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile with numba where it is installed; give the function itself otherwise."""
    return _compiled(function)


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile into its callers: a call with ten arrays costs as much as a small lot's arithmetic."""
    return _compiled(function, inline="always")


def _compiled(function: Callable[..., Any], **how: str) -> Callable[..., Any]:
    if numba is None:
        return function
    options = {"nogil": True, "error_model": "numpy", **how}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder to cache in
        return numba.njit(**options)(function)


@dataclass(frozen=True, kw_only=True, slots=True)
class Measures:
    """Where each sum stands in the last axis of the result."""

    years: int
    outcomes: int

    @property
    def lots(self) -> slice:
        """Lots on which something starts that builds or tears down, by year."""
        return slice(0, self.years)

    @property
    def gross(self) -> slice:
        """Homes started, by year."""
        return slice(self.years, 2 * self.years)

    @property
    def torn(self) -> slice:
        """Homes torn down for them, by year."""
        return slice(2 * self.years, 3 * self.years)

    @property
    def outcome_lots(self) -> slice:
        """Lots completed by the horizon, by outcome."""
        return slice(3 * self.years, 3 * self.years + self.outcomes)

    @property
    def outcome_gross(self) -> slice:
        """Homes completed by the horizon, by outcome."""
        return slice(3 * self.years + self.outcomes, 3 * self.years + 2 * self.outcomes)

    def by_actor(self, part: int) -> slice:
        """By actor: 0 homes completed by the horizon, 1 lots that pay, 2 homes that pay."""
        start = 3 * self.years + 2 * self.outcomes + part * N_ACTORS
        return slice(start, start + N_ACTORS)

    @property
    def size(self) -> int:
        """Number of sums."""
        return 3 * self.years + 2 * self.outcomes + 3 * N_ACTORS


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """Options and lots as the kernels read them, lots in the order of their places."""

    numbers: Floats
    codes: Codes
    starts: Codes
    as_is: Floats
    area: Codes
    away: Floats
    place: Codes
    n_places: int
    outcomes: tuple[str, ...]


def pack(options: Options, lots: Lots, place: Codes) -> Packed:
    """Lay out options by lot, leaving out lots whose as-is value is unknown.

    Parameters
    ----------
    options
        Ordered options.
    lots
        The lots.
    place
        Place of each lot, from 0; below 0 leaves the lot out.
    """
    keep = np.flatnonzero(lots.is_known & (place >= 0))
    keep = keep[np.argsort(place[keep], kind="stable")]
    first = np.searchsorted(options.lot, keep, side="left")
    count = np.searchsorted(options.lot, keep, side="right") - first
    starts = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    rows = np.arange(starts[-1]) - np.repeat(starts[:-1], count) + np.repeat(first, count)
    numbers = [getattr(options, name)[rows] for name in _NUMBERS]
    codes = [getattr(options, name)[rows] for name in _CODES]
    return Packed(
        numbers=np.stack(numbers, axis=1).astype(float),
        codes=np.stack(codes, axis=1).astype(np.int16),
        starts=starts,
        as_is=lots.as_is_usd[keep].astype(float),
        area=lots.area[keep].astype(np.int64),
        away=np.ascontiguousarray(lots.centred()[keep]),
        place=place[keep].astype(np.int64),
        n_places=int(place.max(initial=-1)) + 1,
        outcomes=options.outcomes,
    )


def pruned(packed: Packed, draws: Draws) -> Packed:
    """Leave out options that pay nobody and bind nobody in any draw: the result is the same, sooner.

    Such an option is worth less than the lot as it stands even where prices and rents are at their most
    favourable against costs; it is then neither open nor the best alternative of today. What is asked of
    it per dollar of cost is linear in the factors, so the bound holds in every draw (to a dollar).
    """
    lot = np.repeat(np.arange(len(packed.as_is)), np.diff(packed.starts))
    per_cost = draws.price / draws.cost[:, None]
    top, bottom = per_cost.max(axis=0)[packed.area][lot], per_cost.min(axis=0)[packed.area][lot]
    let = draws.rent / draws.cost
    sold = packed.numbers[:, SALE] + (packed.numbers[:, LAND] - 1) * packed.as_is[lot]
    rented = packed.numbers[:, RENT]
    surplus = (
        sold * np.where(sold > 0, top, bottom)
        + rented * np.where(rented > 0, let.max(), let.min())
        - packed.numbers[:, COST]
    )
    keep = (surplus >= -_SLACK_USD) | (packed.codes[:, PROCESS] == INVESTING)
    count = np.bincount(lot[keep], minlength=len(packed.as_is))
    starts = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    fields = {name: getattr(packed, name) for name in Packed.__dataclass_fields__}
    return Packed(
        **{**fields, "numbers": packed.numbers[keep], "codes": packed.codes[keep], "starts": starts}
    )
