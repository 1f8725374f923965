"""The ledgers in lines for a terminal: the signs by channel first, then each ledger by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from densitymap.scenarios.ledger import NAMES
from densitymap.scenarios.market import CHANNELS

_PLAIN = 100
"""From this size on numbers are told whole."""
_NOT = "not computable"
_ABOUT_LEDGERS = "ledgers, rho_star: "
"""How a record says what its ledgers need (``not_computable``)."""
_HEAD = ("direct D", "market I", "owners T", "exclusion E")


def sign_lines(said: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The first lines of any answer: direction of each ledger against no change, channel by channel.

    Where the ledgers cannot be computed every cell says so, and a line says what they need.
    """
    for one in said:
        if one["difference"] is None:
            continue
        kept = one["ledgers"]
        rows = (
            kept["signs"] if kept else [{"channel": name, **dict.fromkeys(NAMES, _NOT)} for name in CHANNELS]
        )
        yield f"{one['name']}, against no change: " + ", ".join(_HEAD) + " (+ more, - fewer households)"
        for row in rows:
            yield f"  given the {row['channel']} channel: " + ", ".join(str(row[name]) for name in NAMES)
        if not kept:
            yield f"  {_NOT}: {'; '.join(_needs(one)) or 'nothing is expected of these lots'}"


def _needs(one: Mapping[str, Any]) -> list[str]:
    return [
        line.removeprefix(_ABOUT_LEDGERS) for line in one["not_computable"] if line.startswith(_ABOUT_LEDGERS)
    ]


def ledger_lines(one: Mapping[str, Any]) -> Iterator[str]:
    """Each ledger of a scenario, its break-even, and what its protections cost."""
    kept = one.get("ledgers")
    if not kept:
        return
    for name in NAMES:
        ledger = kept[name]
        head = f"  {ledger['letter']}, {ledger['title']} ({ledger['unit']})"
        if not ledger["computable"]:
            yield f"{head}: not computable, needs {'; '.join(ledger['needs'])}"
            continue
        yield head if ledger["level"] is None else f"{head}: {_told(ledger['level'])}"
        for channel, ends in _differences(ledger):
            yield f"    difference{channel}: {_told(ends)} ({ends['sign']})"
    yield f"  {kept['note']}"
    yield from _break_even(one.get("rho_star"))
    for name, words in kept["protections_priced"].items():
        ends = kept["programme_costs_usd"].get(name)
        told = words if ends is None else f"{_told(ends)} USD: {words}"
        yield f"  Cost of {name.replace('_', ' ')} over its term: {told}"


def _differences(ledger: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    found = ledger["difference"]
    if not found:
        return
    if "sign" in found:
        yield "", found
        return
    for channel, ends in found.items():
        yield f", {channel} channel", ends


def _break_even(found: Mapping[str, Any] | None) -> Iterator[str]:
    if not found:
        return
    both = f"D {_told(found['delta_direct'])}, net homes {_told(found['delta_net_homes'])}"
    yield f"  Against no change: {both}"
    if found["rho_star"]:
        none = found["share_of_runs_needing_none"]
        yield f"  Break-even, moves to avoid per net home: {_told(found['rho_star'])}" + (
            f"; none is needed in {none:.0%} of model runs, which displace no more households" if none else ""
        )
    else:
        yield f"  Break-even: {found['status']}"
    for channel, line in (found["channels"] or {}).items():
        share = f"{line['share_of_runs_better']:.0%} of model runs"
        yield f"    better than no change given the {channel} channel (relief above added D) in {share}"


def _told(ends: Mapping[str, Any] | str) -> str:
    if isinstance(ends, str):
        return ends
    middle, low, high = (_number(ends[name]) for name in ("p50", "p5", "p95"))
    return middle if middle == low == high else f"{middle} [{low} to {high}]"


def _number(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.4g}" if abs(value) < _PLAIN else f"{value:,.0f}"
