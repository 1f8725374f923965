"""The ledgers in lines for a terminal: the signs by channel first, then each ledger by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from densitymap.scenarios.ledger import NAMES

_PLAIN = 100
"""From this size on numbers are told whole."""
_HEAD = ("direct D", "market I", "owners T", "exclusion E")


def sign_lines(said: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The first lines of any answer: direction of each ledger against no change, channel by channel."""
    for one in said:
        if not one.get("ledgers") or not one["ledgers"]["signs"]:
            continue
        yield f"{one['name']}, against no change: " + ", ".join(_HEAD) + " (+ more, - fewer households)"
        for row in one["ledgers"]["signs"]:
            yield f"  given the {row['channel']} channel: " + ", ".join(str(row[name]) for name in NAMES)


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
    for name, ends in kept["programme_costs_usd"].items():
        yield f"  Cost of {name.replace('_', ' ')} over its term: {_told(ends)} USD"


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
        yield f"  Break-even, moves to avoid per net home: {_told(found['rho_star'])}"
    else:
        yield f"  Break-even: {found['status']}"
    for channel, line in (found["channels"] or {}).items():
        share = f"{line['share_of_runs_better']:.0%} of model runs"
        yield f"    given the {channel} channel, relief exceeds added direct displacement in {share}"


def _told(ends: Mapping[str, Any] | str) -> str:
    if isinstance(ends, str):
        return ends
    middle, low, high = (f"{ends[name]:,.4g}" if abs(ends[name]) < _PLAIN else f"{ends[name]:,.0f}"
                         for name in ("p50", "p5", "p95"))  # fmt: skip
    return f"{middle} [{low} to {high}]"
