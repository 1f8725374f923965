"""Break-even: how many low-income moves each net home would have to avoid for a reform to lower displacement.

``rho* = Delta D / Delta net``, told as the set of draws where net homes are surely above zero, never as a
mean of ratios; elsewhere there is none. Source: the project's displacement reference, section 5.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from densitymap.geometry import Floats
from densitymap.scenarios.ledger import band, moved, record

UNDEFINED = "undefined: this reform adds no measurable homes"
NOT_NEEDED = "no break-even needed: no more low-income households are directly displaced, and homes are added"


def break_even(direct: Floats, net: Floats, per_home: Mapping[str, Floats] | None = None) -> dict[str, Any]:
    """Tell the break-even of one reform.

    Parameters
    ----------
    direct, net
        Differences from no change by draw: directly displaced households, and net homes.
    per_home
        Moves avoided per net home by channel and draw; without it no channel is compared.

    Returns
    -------
    dict
        ``delta_direct`` and ``delta_net_homes`` side by side, ``status`` in words, ``rho_star`` (quantiles
        of the draws) where defined, and by channel the share of model runs in which relief exceeds it.

    Examples
    --------
    >>> break_even(np.array([2.0, 2.0, 2.0]), np.array([10.0, 20.0, 40.0]))["rho_star"]["p50"]
    0.1
    >>> break_even(np.zeros(3), np.array([-1.0, 0.0, 1.0]))["status"]
    'undefined: this reform adds no measurable homes'
    """
    told: dict[str, Any] = {"delta_direct": moved(direct), "delta_net_homes": band(net)}
    low, high = told["delta_net_homes"]["p5"], told["delta_net_homes"]["p95"]  # as read: 0.0 to 9 holds 0
    if low <= 0 <= high:
        return told | {"status": UNDEFINED, "rho_star": None, "channels": None}
    if high < 0:
        return told | {
            "status": "undefined: this reform takes homes away",
            "rho_star": None,
            "channels": None,
        }
    compared = None if per_home is None else _compared(direct, net, per_home)
    if np.quantile(direct, record()["shown"]["band"][-1]) <= 0:
        return told | {"status": NOT_NEEDED, "rho_star": None, "channels": compared}
    ratios = direct[net > 0] / net[net > 0]
    ends = np.quantile(ratios, record()["shown"]["band"])
    quantiles = {name: round(float(v), 3) for name, v in zip(("p5", "p50", "p95"), ends, strict=True)}
    return told | {"status": "defined", "rho_star": quantiles, "channels": compared}


def _compared(direct: Floats, net: Floats, per_home: Mapping[str, Floats]) -> dict[str, Any]:
    """Share of model runs in which relief exceeds added direct displacement, given each channel."""
    return {
        name: {
            "moves_avoided_per_net_home": {
                key: round(float(v), 3)
                for key, v in zip(
                    ("p5", "p50", "p95"), np.quantile(values, record()["shown"]["band"]), strict=True
                )
            },
            "share_of_runs_better": round(float(np.mean(values * net > direct)), 3),
        }
        for name, values in per_home.items()
    }
