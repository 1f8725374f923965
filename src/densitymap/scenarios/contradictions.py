"""Protections that a scenario pulls twice in one place: contradictory, or a repetition; both are refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from densitymap.scenarios.places import NAMED, place_of
from densitymap.scenarios.protections import Protection, protection_of

Lever = Mapping[str, Any]
Numbered = tuple[int, Lever]


def of_file(protections: Sequence[Numbered]) -> list[str]:
    """Say which protections meet in one place, as far as the file alone tells.

    Parameters
    ----------
    protections
        Levers that protect, each with its number in the scenario.
    """
    return [
        _told(one, other, "")
        for one, other in _same_kind(protections)
        if overlap(one[1].get("where"), other[1].get("where"))
    ]


def on_lots(protections: Sequence[Numbered], lots: pd.DataFrame) -> list[str]:
    """Say which protections meet on a lot, where the file alone does not tell.

    Parameters
    ----------
    protections
        As :func:`of_file`.
    lots
        With one boolean column per place.
    """
    found = []
    for one, other in _same_kind(protections):
        if overlap(one[1].get("where"), other[1].get("where")) is not None:
            continue
        first, second = (
            lots[place_of(lever["where"]).key].to_numpy(bool, na_value=False) for _, lever in (one, other)
        )
        count = int((first & second).sum())
        if count:
            found.append(_told(one, other, f" (both bind on {count:,} lot{'' if count == 1 else 's'})"))
    return found


def overlap(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool | None:
    """Tell whether two places overlap; None where only the lots can tell.

    Examples
    --------
    >>> overlap(None, {"npu": ["N"]}), overlap({"npu": ["N"]}, {"npu": ["O"]})
    (True, False)
    >>> overlap({"npu": ["N"]}, {"near": "rail_stations", "within_ft": 2640}) is None
    True
    """
    if one is None or other is None or one == other:
        return True
    both = [name for name in NAMED if name in one and name in other]
    if any(not {*one[name]} & {*other[name]} for name in both):
        return False
    return True if {*one} == {*other} == {*both} and len(both) == 1 else None


def _same_kind(protections: Sequence[Numbered]) -> Iterator[tuple[Numbered, Numbered]]:
    return ((a, b) for a, b in combinations(protections, 2) if a[1]["kind"] == b[1]["kind"])


def _told(one: Numbered, other: Numbered, where: str) -> str:
    first, second = protection_of(one[1]), protection_of(other[1])
    kind = str(one[1]["kind"])
    against = [name for name in first.parameters if _ends(first, name) != _ends(second, name)]
    if not against:
        return f"lever {other[0]} repeats lever {one[0]}: {kind} {_where(second)}{where}; leave one out"
    parts = [f"{name} {_numbers(second, name)}, lever {one[0]} {_numbers(first, name)}" for name in against]
    return f"lever {other[0]} gives {kind} {_where(second)} {'; '.join(parts)} {_where(first)}{where}"


def _ends(item: Protection, name: str) -> tuple[float, float, float]:
    found = item.parameters[name]
    return found.value, found.low, found.high


def _numbers(item: Protection, name: str) -> str:
    value, low, high = _ends(item, name)
    return f"{value:g}" if low == high else f"{value:g} ({low:g} to {high:g})"


def _where(item: Protection) -> str:
    return item.where.words if item.where else "everywhere"
