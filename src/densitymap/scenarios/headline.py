"""The few lines a terminal shows of scenarios, and what *expected* hangs on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from densitymap.feasibility.hazard import ACTORS, CLOSED, PROCESSES
from densitymap.feasibility.pieces import EVERYWHERE
from densitymap.feasibility.priors import priors
from densitymap.feasibility.uptake import Uptake
from densitymap.scenarios.flow import Flow

_RANGE = {"p10": 0.1, "p50": 0.5, "p90": 0.9}
_SUPPOSED = "redevelop_paying_share"


def new_building(flow: Flow | None, uptake: Uptake | None) -> dict[str, Any] | None:
    """Say on how many lots building anew pays a developer here, beside what the evidence supposes.

    The rate of new building is counted per *eligible* lot elsewhere, and divided by a share of lots on which
    it is supposed to have paid there. Where it pays on far fewer lots here, few teardowns are expected.

    Returns
    -------
    dict
        ``lots_lawful``, ``lots_that_pay`` (the range over the draws), ``share_supposed``, ``text``; None
        where nothing is drawn.
    """
    if flow is None or uptake is None:
        return None
    options, developer = flow.options, ACTORS.index("developer")
    is_new = (options.actor == developer) & (options.process == PROCESSES.index("redevelop"))
    lawful = len(np.unique(options.lot[is_new & (options.status != CLOSED)]))
    lots = uptake.sums[:, uptake.levels.index(EVERYWHERE), uptake.measures.by_actor(1)][:, developer]
    pay = {name: int(np.round(np.quantile(lots, at))) for name, at in _RANGE.items()}
    supposed = priors()[_SUPPOSED].default
    text = (
        f"building pays a developer on {_band(pay)} of {lawful:,} lots where a new building is lawful, "
        f"surely or perhaps; the rate of new building supposes {100 * supposed:.0f} % (assumption)"
    )
    return {"lots_lawful": lawful, "lots_that_pay": pay, "share_supposed": supposed, "text": text}


def _band(ends: Mapping[str, float]) -> str:
    return f"{ends['p50']:,} [{ends['p10']:,} to {ends['p90']:,}]"


def _homes(one: Mapping[str, Any], name: str) -> str:
    """Homes of a step, surely and perhaps."""
    sure, perhaps = one["funnel"][name], one["maybe"][name]
    if sure is None:
        return "not computable"
    return f"{sure:,} (+ {perhaps:,} maybe)" if perhaps else f"{sure:,}"


def headline(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line a scenario, for a terminal: no change first; what happened here beside what is expected.

    Homes are told surely and perhaps apart: where much is unread, most of what is lawful is a perhaps.
    """
    lines = []
    for one in records:
        more, expected = one["difference"], one["funnel"]["expected"]
        allowed, fits, pays, owner = (_homes(one, name) for name in ("allowed", "fits", "pays", "pays_owner"))
        beyond = "" if more is None else f", {more['fits']:+,} against no change"
        flow = "not computable" if expected is None else f"{_band(expected)}, net {_band(one['net_homes'])}"
        lines.append(
            f"{one['name']}: homes allowed {allowed}, fit {fits}{beyond}; "
            f"pay a developer {pays}, owners {owner}; expected in ten years {flow}"
        )
    if any(one["funnel"]["expected"] is not None for one in records):
        told = [one.get("what_happened_here") for one in records]
        lines += [f"What happened here: {text}" for text in dict.fromkeys(told) if text]
        lines += [
            f"{one['name']}: {one['new_building']['text']}" for one in records if one.get("new_building")
        ]
    return lines
