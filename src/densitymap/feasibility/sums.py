"""Sums of the draws over the lots, by place: blocks of draws, summed to places as they are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from densitymap.feasibility import kernel, twin
from densitymap.feasibility.draws import Draws
from densitymap.feasibility.hazard import Codes, process_of
from densitymap.feasibility.pieces import Members
from densitymap.feasibility.priors import choice
from densitymap.feasibility.starts import Measures, Packed
from densitymap.geometry import Floats

_AT_ONCE = 64
_THREADS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What is kept of places too many to keep every sum of.

    Parameters
    ----------
    names
        Name of each place.
    lots, homes
        Lots that change and homes completed by the horizon, array [draw, place] by process; a process that
        nothing here can be is left out.
    """

    names: tuple[str, ...] = ()
    lots: Mapping[str, Floats] = field(default_factory=dict)
    homes: Mapping[str, Floats] = field(default_factory=dict)


NO_CHANGES = Changes()
"""Where no small places are asked."""


def sums_of(
    packed: Packed, draws: Draws, measures: Measures, members: Members, small: Members, *, compiled: bool
) -> tuple[Floats, Changes]:
    """Run the draws.

    Parameters
    ----------
    packed, draws
        The options by lot, and the parameters of each draw.
    measures
        What is summed.
    members, small
        Places of which every sum is kept, and small ones of which their changes are.
    compiled
        Whether to use the compiled kernel.

    Returns
    -------
    array [draw, place, sum], Changes
    """
    like, parts = _alike(draws), _parts(packed.outcomes, measures)
    sums = np.empty((len(members.names), measures.size, draws.size))
    found = {key: np.empty((len(small.names), draws.size)) for key in parts}

    def run_block(first: int) -> None:
        rows = like[first : first + _AT_ONCE]
        made = _block(packed, draws, rows, measures, use=compiled)
        sums[:, :, rows] = members.gathered(made)
        for key, columns in parts.items():
            found[key][:, rows] = small.gathered(made[:, columns].sum(axis=1))

    with ThreadPoolExecutor(_THREADS if compiled else 1) as pool:
        list(pool.map(run_block, range(0, draws.size, _AT_ONCE)))
    by_part = {
        part: {process: found[name, process].T for name, process in found if name == part}
        for part in ("lots", "homes")
    }
    return np.moveaxis(sums, -1, 0), Changes(names=small.names, **by_part)


def _parts(outcomes: Sequence[str], measures: Measures) -> dict[tuple[str, str], list[int]]:
    """Which sums are the lots and the homes of each process."""
    found: dict[tuple[str, str], list[int]] = {}
    for code, name in enumerate(outcomes):
        process = process_of(*name.split(":"))
        for part, of in (("lots", measures.outcome_lots), ("homes", measures.outcome_gross)):
            if process is not None:
                found.setdefault((part, process), []).append(of.start + code)
    return found


def _alike(draws: Draws) -> Codes:
    """Order of the draws: those of a block learn equally long, and at like prices the same things pay."""
    return np.lexsort((draws.price.sum(axis=1) / draws.cost, (draws.ramp < 1).sum(axis=1)))


def _block(packed: Packed, draws: Draws, rows: Codes, measures: Measures, *, use: bool) -> Floats:
    """Sums of some draws, array [piece, sum, draw]."""
    ends = (float(choice("value_reference")), float(choice("value_limit")))
    with np.errstate(divide="ignore"):
        log_maybe, log_rate = np.log(draws.maybe[rows]), np.log(draws.rate[rows])
    out = np.zeros((packed.n_places, measures.size, len(rows)))
    parts = (draws.intercept, draws.value_slope, draws.slopes, draws.theta)
    prices = (draws.price, draws.rent, draws.cost, draws.premium)
    if not use:
        for at, draw in enumerate(rows):
            own, money = ([part[draw] for part in group] for group in (parts, prices))
            learnt = (log_maybe[at], draws.ramp[draw], draws.finished[draw])
            twin.draw_once(packed, (*own, *learnt, *money, log_rate[at], ends), out[:, :, at])
        return out
    pace = draws.ramp[rows] ** (1 / draws.theta[rows, None])
    learning = int((pace.min(axis=0) < 1).sum())
    by_draw = (*(part[rows] for part in parts), log_maybe, pace, draws.finished[rows],
               *(part[rows] for part in prices), log_rate)  # fmt: skip
    kernel.draw_block(
        packed.numbers, packed.codes, packed.starts,
        (packed.as_is, packed.area, packed.away, packed.place),
        (*(np.ascontiguousarray(part.T) for part in by_draw), *ends, learning),
        measures.outcomes, out,
    )  # fmt: skip
    return out
