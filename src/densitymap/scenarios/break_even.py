"""Break-even: how many low-income moves each net home would have to avoid for a reform to lower displacement.

``rho* = Delta D / Delta net``, told as the set of draws where net homes are surely above zero, never as a
mean of ratios; elsewhere there is none. Source: the project's displacement reference, section 5.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from densitymap.geometry import Floats
from densitymap.scenarios.ledger import band, moved, record

UNDEFINED = "undefined: this reform adds no measurable homes"
TAKES_AWAY = f"{UNDEFINED}; it takes homes away"
NOT_NEEDED = "no break-even needed: no more low-income households are directly displaced, and homes are added"


@dataclass(frozen=True, kw_only=True, slots=True)
class Relief:
    """What a channel makes of a reform's homes, by draw.

    Attributes
    ----------
    avoided
        Low-income moves avoided beyond those of no change: the market ledger's difference, turned.
    per_home
        The same for each net home.
    """

    avoided: Floats
    per_home: Floats


def break_even(direct: Floats, net: Floats, relief: Mapping[str, Relief] | None = None) -> dict[str, Any]:
    """Tell the break-even of one reform.

    Parameters
    ----------
    direct, net
        Differences from no change by draw: directly displaced households, and net homes.
    relief
        By channel; without it no channel is compared.

    Returns
    -------
    dict
        ``delta_direct`` and ``delta_net_homes`` side by side; ``status`` in words; ``rho_star`` (quantiles
        of the draws) where defined, with the share of model runs that need none; by channel the share of
        model runs in which relief exceeds added direct displacement, whether there is a break-even or not.

    Examples
    --------
    >>> break_even(np.array([2.0, 2.0, 2.0]), np.array([10.0, 20.0, 40.0]))["rho_star"]["p50"]
    0.1
    >>> break_even(np.zeros(3), np.array([-1.0, 0.0, 1.0]))["status"]
    'undefined: this reform adds no measurable homes'
    """
    told: dict[str, Any] = {
        "delta_direct": moved(direct),
        "delta_net_homes": band(net),
        "status": "defined",
        "rho_star": None,
        "share_of_runs_needing_none": None,
        "channels": None if relief is None else _compared(direct, relief),
    }
    low, high = told["delta_net_homes"]["p5"], told["delta_net_homes"]["p95"]  # as read: 0.0 to 9 holds 0
    if low <= 0:
        return told | {"status": TAKES_AWAY if high < 0 else UNDEFINED}
    if np.quantile(direct, record()["shown"]["band"][-1]) <= 0:
        return told | {"status": NOT_NEEDED}
    adds = net > 0
    return told | {
        "rho_star": _ends(direct[adds] / net[adds]),
        "share_of_runs_needing_none": round(float(np.mean(direct[adds] <= 0)), 3),
    }


def _ends(values: Floats) -> dict[str, float]:
    ends = np.quantile(values, record()["shown"]["band"])
    return {name: round(float(end), 3) + 0.0 for name, end in zip(("p5", "p50", "p95"), ends, strict=True)}


def _compared(direct: Floats, relief: Mapping[str, Relief]) -> dict[str, Any]:
    """Share of model runs in which relief exceeds added direct displacement, given each channel."""
    return {
        name: {
            "moves_avoided_per_net_home": _ends(one.per_home),
            "share_of_runs_better": share_better(one.avoided, direct),
        }
        for name, one in relief.items()
    }


def share_better(avoided: Floats, direct: Floats) -> float:
    """Share of model runs better than no change, given a channel: more moves avoided than households added.

    No probability, and never pooled over channels.
    """
    return round(float(np.mean(avoided > direct)), 3)
