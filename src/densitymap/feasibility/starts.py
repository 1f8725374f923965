"""What starts on each lot in each draw, summed by place: compiled with numba, and its twin in numpy.

Per lot and draw: residual land values of its options, which of them pay whom, the rate of each nest
(process and actor), and competing risks year by year: one lot changes at most once. Sums are made as the
draws run; nothing is kept by lot. Both ways do the same arithmetic in the same order of options.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from densitymap.feasibility.draws import Draws
from densitymap.feasibility.hazard import ACTORS, PROCESSES, Codes, Flags, Lots, Options
from densitymap.geometry import Floats

N_ACTORS, N_NESTS, INVESTING = len(ACTORS), len(PROCESSES) * len(ACTORS), PROCESSES.index("investor")
LOOSE_USD = 1e-6
"""The best form legal today is its own alternative: rounding may not close it."""

_SLACK_USD = 1.0
_AT_ONCE = 1 << 18

SALE, RENT, COST, LAND, YIELD, BUILT, TORN, ADDED = range(8)
PROCESS, ACTOR, OUTCOME, TENURE, STATUS, NEW, TODAY, GROUP = range(8)
_NUMBERS = (
    "sale_usd", "rent_usd", "cost_usd", "land", "yield_ratio", "units_built", "units_demolished",
    "units_added",
)  # fmt: skip
_CODES = ("process", "actor", "outcome", "tenure", "status", "is_new_right", "is_today", "rate_group")


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
    codes: npt.NDArray[np.int16]
    starts: Codes
    as_is: Floats
    area: Codes
    away: Floats
    place: Codes
    n_places: int
    outcomes: tuple[str, ...]


def pack(options: Options, lots: Lots, place: Codes, enters: Flags | None = None) -> Packed:
    """Lay out options by lot, leaving out lots whose as-is value is unknown.

    Parameters
    ----------
    options
        Ordered options.
    lots
        The lots.
    place
        Place of each lot, from 0; below 0 leaves the lot out.
    enters
        Which options to lay out; None for all.
    """
    keep = np.flatnonzero(lots.is_known & (place >= 0))
    keep = keep[np.argsort(place[keep], kind="stable")]
    rows = np.arange(len(options.lot)) if enters is None else np.flatnonzero(enters)
    lot = options.lot[rows]
    first = np.searchsorted(lot, keep, side="left")
    count = np.searchsorted(lot, keep, side="right") - first
    starts = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    rows = rows[np.arange(starts[-1]) + np.repeat(first - starts[:-1], count)]
    numbers = np.empty((len(rows), len(_NUMBERS)))
    for at, name in enumerate(_NUMBERS):
        numbers[:, at] = getattr(options, name)[rows]
    codes: npt.NDArray[np.int16] = np.empty((len(rows), len(_CODES)), np.int16)
    for at, name in enumerate(_CODES):
        codes[:, at] = getattr(options, name)[rows]
    return Packed(
        numbers=numbers,
        codes=codes,
        starts=starts,
        as_is=lots.as_is_usd[keep].astype(float),
        area=lots.area[keep].astype(np.int64),
        away=np.ascontiguousarray(lots.centred()[keep]),
        place=place[keep].astype(np.int64),
        n_places=int(place.max(initial=-1)) + 1,
        outcomes=options.outcomes,
    )


def may_count(options: Options, lots: Lots, draws: Draws) -> Flags:
    """Whether an option pays somebody or binds somebody in any draw: leaving out the others changes nothing.

    One that does not is worth less than the lot as it stands even where prices and rents are at their most
    favourable against costs; it is then neither open nor the best alternative of today. What is asked of
    it per dollar of cost is linear in the factors, so the bound holds in every draw (to a dollar).
    """
    per_cost = draws.price / draws.cost[:, None]
    ends = np.stack([per_cost.max(axis=0), per_cost.min(axis=0)])
    let = draws.rent / draws.cost
    found = np.empty(len(options.lot), dtype=bool)
    for first in range(0, len(found), _AT_ONCE):  # millions of options: their parts are never held at once
        part = slice(first, first + _AT_ONCE)
        lot = options.lot[part]
        top, bottom = ends[:, lots.area[lot]]
        sold = options.sale_usd[part] + (options.land[part] - 1) * lots.as_is_usd[lot]
        rented = options.rent_usd[part]
        surplus = (
            sold * np.where(sold > 0, top, bottom)
            + rented * np.where(rented > 0, let.max(), let.min())
            - options.cost_usd[part]
        )
        found[part] = (surplus >= -_SLACK_USD) | (options.process[part] == INVESTING)
    return found
