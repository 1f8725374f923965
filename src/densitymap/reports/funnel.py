"""From allowed to built: the steps of one place, each with its lots and the homes it would add."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from densitymap.maps.words import Words
from densitymap.reports import charts, law
from densitymap.reports.given import BriefInput
from densitymap.reports.law import Counts
from densitymap.reports.phrases import homes, sentence

WHEN = ("today", "plan")
FIRST = ("allowed", "fits")
PAYS = ("pays_developer", "pays_owner")
DRAWN = {"expected": "gross", "net": "net"}
"""Steps told by draws, and the measure of the table ``uptake`` each is."""
LATER = (*PAYS, *DRAWN)
"""Steps other stages compute; one that is not in its table is said not to be computed."""


def section(given: BriefInput, say: Words) -> dict[str, Any]:
    """The steps as a chart and a table, with what is not computed named."""
    later = [{"name": say(f"funnel.{step}"), "cells": _later(given, step, say)} for step in LATER]
    if given.lots.empty:
        first = [{"name": say(f"funnel.{step}"), "cells": [_needs("lots", say)]} for step in FIRST]
        return {"chart": None, "heads": _heads(given, say), "rows": first + later, "note": ""}
    found = {when: law.steps(given, policy) for when, policy in zip(WHEN, given.policies, strict=True)}
    first = [
        {
            "name": say(f"funnel.{step}"),
            "cells": [
                _first(found[when][step], row(given, policy.name, step), say)
                for when, policy in zip(WHEN, given.policies, strict=True)
            ],
        }
        for step in FIRST
    ]
    chart = _chart(found, say)
    return {"chart": chart, "heads": _heads(given, say), "rows": first + later, "note": _note(given, say)}


def _heads(given: BriefInput, say: Words) -> list[str]:
    return [say("funnel.today"), f"{say('funnel.plan')}: {given.plan.title}"]


def row(given: BriefInput, policy: str, stage: str) -> Mapping[Any, Any] | None:
    """The place's row of the table ``feasibility``, or None where there is none."""
    if given.funnel is None:
        return None
    rows = given.funnel[(given.funnel["policy"] == policy) & (given.funnel["stage"] == stage)]
    return None if rows.empty else dict(rows.iloc[0])


def has_pays(given: BriefInput) -> bool:
    """Whether any lot here was asked if building pays."""
    told = [row(given, policy.name, step) for policy in given.policies for step in PAYS]
    return any(found is not None for found in told)


def _first(counts: Counts, found: Mapping[Any, Any] | None, say: Words) -> str:
    """Lots with a yes and a maybe, and the homes from the sure to the possible."""
    sure, more = _numbers(found, "homes_more_true", "homes_more_maybe")
    told = say("homes.unknown") if sure is None or more is None else homes(sure, sure + more, say)
    return say("funnel.cell", yes=f"{counts.yes:,}", maybe=f"{counts.maybe:,}", homes=told)


def _numbers(found: Mapping[Any, Any] | None, *names: str) -> list[int | None]:
    values = [None if found is None else found.get(name) for name in names]
    return [None if value is None or pd.isna(value) else int(value) for value in values]


def _later(given: BriefInput, step: str, say: Words) -> list[str]:
    """A step under both rules, over the range of prices and costs or of draws; or what it needs."""
    find, tell = (_drawn, _spread) if step in DRAWN else (row, _range)
    found = [find(given, policy.name, step) for policy in given.policies]
    if all(one is None for one in found):
        return [_needs("lots" if given.lots.empty else step, say)]
    return [_needs(step, say) if one is None else tell(one, say) for one in found]


def _drawn(given: BriefInput, policy: str, step: str) -> Mapping[Any, Any] | None:
    """The place's row of the table ``uptake`` at the end of its years, or None."""
    if given.uptake is None:
        return None
    measured = given.uptake["uptake_measure"] == DRAWN[step]
    rows = given.uptake[measured & (given.uptake["policy"] == policy)]
    return None if rows.empty else dict(rows.sort_values("horizon_year").iloc[-1])


def _spread(found: Mapping[Any, Any], say: Words) -> str:
    """Homes from the tenth to the ninetieth of a hundred draws."""
    values = [found.get(f"uptake_p{end}") for end in (10, 90)]
    if any(value is None or pd.isna(value) for value in values):
        return say("funnel.hidden")
    low, high = (round(float(value)) for value in values if value is not None)
    return say("funnel.cell_drawn", homes=homes(low, high, say))


def _range(found: Mapping[Any, Any], say: Words) -> str:
    """The lesser and the greater count: a good price can also outbid a project."""
    lots = _numbers(found, "lots_more_low", "lots_more_high")
    added = _numbers(found, "homes_more_low", "homes_more_high")
    known, counted = ([number for number in pair if number is not None] for pair in (lots, added))
    if len(known + counted) < len(lots + added):
        return say("funnel.hidden")
    key = "funnel.cell_one" if known[0] == known[1] else "funnel.cell_range"
    low, high = (f"{number:,}" for number in sorted(known))
    return say(key, low=low, high=high, homes=homes(min(counted), max(counted), say))


def _needs(step: str, say: Words) -> str:
    return say("funnel.not_computable", needs=say(f"funnel.needs_{step}"))


def _note(given: BriefInput, say: Words) -> str:
    """What the counts of homes leave out, and what they suppose."""
    found = row(given, given.today.name, FIRST[0])
    unknown, assumed = _numbers(found, "lots_unknown", "lots_assumed")
    told = [say("funnel.more")]
    if unknown:
        told.append(say("funnel.uncounted", count=f"{unknown:,}"))
    if assumed:
        told.append(say("funnel.assumed", count=f"{assumed:,}"))
    if has_pays(given):
        told.append(say("funnel.range_note"))
    return sentence(told)


def _chart(found: Mapping[str, Mapping[str, Counts]], say: Words) -> dict[str, str]:
    bars: list[tuple[str, Counts]] = []
    told: dict[str, str] = {}
    for step in FIRST:
        for when in WHEN:
            counts = found[when][step]
            bars.append((f"{say(f'funnel.{when}')}: {say(f'funnel.{step}_bar')}", counts))
            name = when if step == "allowed" else f"fit_{when}"
            told |= {f"{name}_yes": f"{counts.yes:,}", f"{name}_maybe": f"{counts.maybe:,}"}
    return charts.image(charts.funnel(bars, say), say("funnel.alt", **told))
