"""The ledgers in lines for a terminal: the signs by channel first, then each ledger by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from densitymap.scenarios.ledger import NAMES
from densitymap.scenarios.market import CHANNELS

_PLAIN = 100
"""From this size on numbers are told whole."""
_BARS = 3
"""Bars and indices told of each result; JSON has them all."""
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
        yield from sign_table(f"{one['name']}, against no change", kept["signs"] if kept else unknown_signs())
        if not kept:
            yield f"  {_NOT}: {'; '.join(_needs(one)) or 'nothing is expected of these lots'}"


def unknown_signs() -> list[dict[str, Any]]:
    """Rows of the table of signs where no ledger can be computed."""
    return [{"channel": name, **dict.fromkeys(NAMES, _NOT)} for name in CHANNELS]


def sign_table(head: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Directions of the ledgers, one line a channel, under a head that says of what against what."""
    yield f"{head}: " + ", ".join(_HEAD) + " (+ more, - fewer households)"
    for row in rows:
        told = ", ".join(str(row[name]) for name in NAMES)
        mark = " (extrapolated)" if row.get("is_extrapolated") else ""
        yield f"  given the {row['channel']} channel{mark}: {told}"


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
        head = f"  {ledger['letter']}, {ledger['title']} ({ledger['unit']}; of {ledger['population']})"
        if not ledger["computable"]:
            yield f"{head}: not computable, needs {'; '.join(ledger['needs'])}"
            continue
        yield head if ledger["level"] is None else f"{head}: {_told(ledger['level'])}"
        for channel, ends in _differences(ledger):
            yield f"    difference{channel}: {_told(ends)} ({ends['sign']})"
        if "owners_who_sell" in ledger:
            yield f"    owners who sell, apart: {_told(ledger['owners_who_sell'])}"
    yield f"  {kept['note']}"
    yield from _break_even(one.get("rho_star"))
    yield from _grounds(kept)
    for name, words in kept["protections_priced"].items():
        ends = kept["programme_costs_usd"].get(name)
        told = words if ends is None else f"{_told(ends)} USD: {words}"
        yield f"  Cost of {name.replace('_', ' ')} over its term: {told}"


def _grounds(kept: Mapping[str, Any]) -> Iterator[str]:
    """What the ledgers stand on: the channels' evidence, demand, and who is taken to live where."""
    for name, channel in kept["market"]["channels"].items():
        yield f"  Evidence of the {name} channel: {channel['extrapolation']}"
    demand, homes = kept["demand"], kept["who_lives_where"]
    wanted = _told(demand["homes_wanted_and_not_built_in_the_region"])
    yield (
        f"  Demand, equal in all scenarios: {wanted} homes wanted and not built in the region "
        f"({demand['cumulation']}); low-income moves by rents: {_told(demand['low_income_moves_by_rents'])}"
    )
    cut = homes["low_income_below_usd"]
    said = "" if cut is None else f"; low income is below {cut:,} USD a year"
    yield f"  Who lives where: {'; '.join(homes['sources'])}{said}"


def detail_lines(detail: Mapping[str, Any]) -> Iterator[str]:
    """What an answer hangs on most: the widest bars of each result, and Sobol indices by channel."""
    yield from (
        f"What the answer hangs on is not computable: {need}" for need in detail.get("not_computable", ())
    )
    for result, bars in detail.get("tornado", {}).items():
        for bar in bars[:_BARS]:
            ends = " to ".join(dict.fromkeys(_number(bar[end]) for end in ("low", "high")))
            name, width = result.replace("_", " "), f"width {bar['of_widest']:.2f} of the widest"
            yield f"  {name} hangs on: {bar['label']}: {ends} ({width})"
    for channel, rows in detail.get("sobol", {}).items():
        told = "; ".join(f"{row['label']} {row['total']:.2f}" for row in rows[:_BARS])
        yield f"  Sobol, share of what moves avoided per net home vary by, {channel} channel: {told}"


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
