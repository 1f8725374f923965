"""What a scenario's answer hangs on: a tornado from the joint draws, Sobol indices of the rent channels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from densitymap.errors import MissingDataError
from densitymap.feasibility.priors import luck, priors
from densitymap.geometry import Floats
from densitymap.scenarios.beliefs import beliefs, drawn_with
from densitymap.scenarios.ledger import few, record
from densitymap.scenarios.ledgers import Counted, Situation, avoided
from densitymap.scenarios.market import CHANNELS, moves_avoided_per_home


def tornado(one: Counted, base: Counted, given: Situation) -> dict[str, list[dict[str, Any]]]:
    """How far each belief moves the differences from no change, widest first.

    A bar is the median of the draws in which the belief is among its lowest tenth, and among its highest:
    taken from the joint draws, so that beliefs move together as they are believed to.

    Returns
    -------
    dict
        For ``net_homes``, ``direct`` and the market ledger of each channel: ``name``, ``label``, ``low``,
        ``high``, and ``of_widest`` (its width, the widest bar's being 1). Households are told as in the
        ledgers, in words where they are few.
    """
    results = {"net_homes": one.net - base.net, "direct": one.direct.total - base.direct.total}
    results |= {f"market, {name}": -values for name, values in avoided(one, base, given).items()}
    return {name: _told(_bars(values, given), whole=name == "net_homes") for name, values in results.items()}


def _told(bars: list[dict[str, Any]], *, whole: bool) -> list[dict[str, Any]]:
    """Bars as they may be told, widest first."""
    width = [abs(bar["high"] - bar["low"]) for bar in bars]
    tell = (lambda value: round(value, 2) + 0.0) if whole else few
    return [
        bars[n]
        | {end: tell(bars[n][end]) for end in ("low", "high")}
        | {"of_widest": round(width[n] / (max(width) or 1.0), 2)}
        for n in sorted(range(len(bars)), key=lambda n: -width[n])[: record()["sensitivity"]["bars"]]
    ]


def _bars(values: Floats, given: Situation) -> list[dict[str, Any]]:
    size, asked = len(values), record()["sensitivity"]
    tenth = max(1, int(size * asked["edge_share"]))
    bars: list[dict[str, Any]] = []
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    for name, label in _labels().items():
        order = np.argsort(luck(given.seed, name, size), kind="stable")
        if abs(np.corrcoef(np.argsort(order, kind="stable"), ranks)[0, 1]) < asked["noise_errors"] / np.sqrt(
            size
        ):
            continue
        low, high = (float(np.median(values[rows])) for rows in (order[:tenth], order[-tenth:]))
        bars.append({"name": name, "label": label, "low": low, "high": high})
    return bars


def _labels() -> Mapping[str, str]:
    """What is drawn by its own luck: beliefs that move with another are in its bar."""
    own = {name: one for name, one in beliefs().items() if drawn_with()[name] == name}
    return {name: one.label for known in (priors(), own) for name, one in known.items()}


def sobol(*, seed: int) -> dict[str, list[dict[str, Any]]]:
    """First-order and total Sobol indices of moves avoided per net home, by channel (Saltelli 2010, SALib).

    Beliefs are taken even between their 10 % and 90 % points.

    Raises
    ------
    MissingDataError
        If SALib is not installed.
    """
    try:
        from SALib.analyze.sobol import analyze  # noqa: PLC0415 - an extra
        from SALib.sample.sobol import sample  # noqa: PLC0415 - an extra
    except ImportError as fault:
        raise MissingDataError(
            "Sobol indices need SALib", next_step="pip install 'densitymap[sensitivity]'"
        ) from fault
    known = {name: one for name, one in beliefs().items() if one.low < one.high}
    problem = {
        "num_vars": len(known),
        "names": list(known),
        "bounds": [[one.low, one.high] for one in known.values()],
    }
    drawn = sample(problem, record()["sensitivity"]["sobol_samples"], calc_second_order=False, seed=seed)
    values = moves_avoided_per_home(dict(zip(known, drawn.T, strict=True)))
    return {
        name: _indices(
            analyze(problem, np.log(np.abs(values[name]) + 1e-9), calc_second_order=False, seed=seed), known
        )
        for name in CHANNELS
    }


def _indices(found: Mapping[str, Any], known: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = [
        {"name": name, "label": known[name].label, "first": round(float(s1), 3), "total": round(float(st), 3)}
        for name, s1, st in zip(known, found["S1"], found["ST"], strict=True)
        if st > record()["sensitivity"]["total_min"]
    ]
    return sorted(rows, key=lambda row: -float(row["total"]))
