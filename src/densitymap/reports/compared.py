"""Plans side by side, today's rules first: steps from allowed to built, and who may have to move.

The ledgers stay apart, channel by channel, and their signs come first; small counts are words, as the records
of `compare` tell them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from densitymap.maps.words import Words
from densitymap.reports import charts, funnel, law
from densitymap.reports.given import BriefInput
from densitymap.reports.phrases import homes, sentence

ANYHOW = ("direct", "owner_stress")
"""Ledgers that hang on no channel."""
BY_CHANNEL = ("market", "exclusion")
CHANNELS = ("regional", "local", "adverse")
HOMES = ("allowed", "fits", "pays", "pays_owner")
SIGNS = {"+": "up", "-": "down", "0": "same", "unclear": "unclear"}
BAND = ("p5", "p95")
TENTHS = ("p10", "p90")

Record = Mapping[str, Any]


def section(given: BriefInput, say: Words) -> dict[str, Any]:
    """The steps of every policy as a chart and a table, in the form of :func:`.funnel.section`."""
    rows = [*_lot_rows(given, say), *_home_rows(given, say)]
    chart = _chart(given, say) if len(given.lots) else None
    note = "" if _places(given)[0] else say("compare.no_place")
    return {
        "chart": chart,
        "heads": heads(given, say),
        "rows": rows,
        "note": sentence([say("compare.note"), note]),
    }


def heads(given: BriefInput, say: Words) -> list[str]:
    """Names of the columns: today's rules, then the plans."""
    return [say("funnel.today"), *(plan.title for plan in given.plans)]


def _lot_rows(given: BriefInput, say: Words) -> Iterator[dict[str, Any]]:
    if given.lots.empty:
        return
    found = [law.steps(given, policy) for policy in given.policies]
    for step in funnel.FIRST:
        cells = [_two(one[step].yes, one[step].maybe, say) for one in found]
        yield {"name": say(f"compare.lots_{step}", what=say(f"what.{given.question}")), "cells": cells}


def _home_rows(given: BriefInput, say: Words) -> Iterator[dict[str, Any]]:
    """Homes of each step where the place is one that the records tell of."""
    places = _places(given)
    told = [(row, one) for row, one in zip(places, given.records, strict=True) if row is not None]
    if len(told) < len(places):
        return
    for name in HOMES:
        cells = [
            _homes_of(row["funnel"][name], row["maybe"][name], say, is_known=one["funnel"][name] is not None)
            for row, one in told
        ]
        yield {"name": say(f"compare.homes_{name}"), "cells": cells}
    for name in ("expected", "net_homes"):
        cells = [_drawn(_flow(row, name), say, is_known=_flow(one, name) is not None) for row, one in told]
        yield {"name": say(f"compare.{name}"), "cells": cells}


def _flow(row: Record, name: str) -> Record | None:
    found: Record | None = row["funnel"]["expected"] if name == "expected" else row["net_homes"]
    return found


def _places(given: BriefInput) -> list[Record | None]:
    """What each record says of the place: a neighborhood, a planning unit or the whole area."""
    if given.place == given.area_name:
        return [*given.records]
    is_npu = given.place.startswith("NPU ")
    level, name = ("by_npu", given.place.removeprefix("NPU ")) if is_npu else ("by_neighborhood", given.place)
    return [next((row for row in one[level] if row["name"] == name), None) for one in given.records]


def _two(sure: int, perhaps: int, say: Words) -> str:
    if not perhaps:
        return say("compare.one", yes=f"{sure:,}") if sure else "0"
    return say("compare.two", yes=f"{sure:,}", maybe=f"{perhaps:,}")


def _homes_of(sure: int | None, perhaps: int | None, say: Words, *, is_known: bool) -> str:
    """Homes surely and perhaps; one hidden part hides both, so that neither can be worked out."""
    if sure is None or perhaps is None:
        return say("compare.hidden" if is_known else "compare.not_known")
    return _two(sure, perhaps, say)


def _drawn(ends: Record | None, say: Words, *, is_known: bool) -> str:
    if ends is None:
        return say("compare.hidden" if is_known else "compare.not_known")
    low, high = (round(float(ends[end])) for end in TENTHS)
    return homes(low, high, say)


def _chart(given: BriefInput, say: Words) -> dict[str, str]:
    found = [law.steps(given, policy) for policy in given.policies]
    names = heads(given, say)
    bars = [
        (f"{charts.short(name)}: {say(f'funnel.{step}_bar')}", one[step])
        for step in funnel.FIRST
        for name, one in zip(names, found, strict=True)
    ]
    told = [
        say("compare.alt_row", name=name, yes=f"{counts.yes:,}", maybe=f"{counts.maybe:,}")
        for name, counts in bars
    ]
    size = "funnel" if len(bars) <= 2 * len(funnel.WHEN) else "funnel_compared"
    return charts.image(charts.funnel(bars, say, size=size), say("compare.alt", told=" ".join(told)))


def hoods(given: BriefInput, say: Words) -> dict[str, Any]:
    """Lots by answer under every policy, by neighborhood; no rows where the place is one."""
    found = law.counts_by_hood(given) if given.lots["neighborhood"].nunique() > 1 else {}
    rows = [
        {"name": name, "cells": [_two(counts.yes, counts.maybe, say) for counts in told]}
        for name, told in found.items()
    ]
    return {
        "title": say("funnel.hoods_title"),
        "caption": say("funnel.hoods_caption", what=say(f"what.{given.question}")),
        "heads": [say("funnel.hood_name"), *heads(given, say)],
        "rows": rows,
    }


def moves(given: BriefInput, say: Words) -> dict[str, Any] | None:
    """Who may have to move, in all of the area: up or down by channel; None without records.

    Returns
    -------
    dict
        ``lead``, ``caption``, ``heads``, ``groups`` (``name``, and ``rows`` of ``name`` and ``cells``) and
        ``notes``.
    """
    if not given.records:
        return None
    groups = [("compare.whatever", ANYHOW, CHANNELS[0])]
    groups += [(f"compare.channel_{channel}", BY_CHANNEL, channel) for channel in CHANNELS]
    told = [
        {"name": say(key), "rows": [_row(given, name, channel, say) for name in names]}
        for key, names, channel in groups
    ]
    return {
        "lead": say("compare.moves_lead", area=given.area_name),
        "caption": say("compare.moves_caption"),
        "heads": [say("compare.what"), *(plan.title for plan in given.plans)],
        "groups": told,
        "notes": _notes(given.records[-1], say),
    }


def _row(given: BriefInput, name: str, channel: str, say: Words) -> dict[str, Any]:
    """One ledger, plan by plan, against today's rules."""
    cells = [_moved(one, name, channel, say) for one in given.records if one["difference"] is not None]
    return {"name": say(f"compare.{name}"), "cells": cells}


def _moved(one: Record, name: str, channel: str, say: Words) -> str:
    """Up or down, and by how much."""
    if one["ledgers"] is None or not one["ledgers"][name]["computable"]:
        return say("compare.not_known")
    found = one["ledgers"][name]["difference"]
    ends = found if "sign" in found else found[channel]
    by = _spread(None if isinstance(ends, str) else ends, say, is_signed=True)
    sign = say(f"compare.sign_{SIGNS[ends['sign']]}")
    return sign if ends["sign"] == "0" else say("compare.moved", sign=sign, by=by)


def _notes(one: Record, say: Words) -> list[str]:
    """How to read the ledgers, and what those that cannot be computed need."""
    if one["ledgers"] is None:
        return [say("compare.needs_ledgers")]
    told = [say("compare.moves_note"), say("compare.stretch")]
    return (
        told if one["ledgers"]["owner_stress"]["computable"] else [*told, say("compare.needs_owner_stress")]
    )


def scale(given: BriefInput, say: Words) -> dict[str, Any] | None:
    """Households and homes of the whole area, today's rules first; None where nothing is expected."""
    if not given.records or any(one["ledgers"] is None for one in given.records):
        return None
    levels = [_spread(one["ledgers"]["direct"]["level"], say) for one in given.records]
    net = [_spread(one["net_homes"], say) for one in given.records]
    return {
        "caption": say("compare.scale_caption", area=given.area_name),
        "heads": [say("compare.what"), *heads(given, say)],
        "rows": [
            {"name": say("compare.net_homes"), "cells": net},
            {"name": say("compare.direct"), "cells": levels},
        ],
    }


def _spread(ends: Record | str | None, say: Words, *, is_signed: bool = False) -> str:
    """A median with its range; a part told in words is few."""
    if ends is None:
        return say("compare.not_known")
    if isinstance(ends, str):
        return say("compare.few")
    low, high = BAND if BAND[0] in ends else TENTHS
    middle, first, last = (_number(ends[end], say, is_signed=is_signed) for end in ("p50", low, high))
    return middle if middle == first == last else say("compare.spread", middle=middle, low=first, high=last)


def _number(value: float | str, say: Words, *, is_signed: bool) -> str:
    if isinstance(value, str):
        return say("compare.few")
    whole = round(value)
    return f"{whole:+,}" if is_signed and whole else f"{whole:,}"


def zone_heads(given: BriefInput, say: Words) -> Sequence[str]:
    """Columns of the table of zones: "the plan" where there is one."""
    if given.others:
        return heads(given, say)
    return [say("zones.today"), say("zones.plan")]
