"""From a zoning code to the law behind it: every value with where it is written and how sure it is."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from densitymap.zoning.code import District, ZoningCode, standards
from densitymap.zoning.parse import ParsedZone, describe, parse_zone
from densitymap.zoning.standards import Ruled

MARK_WORDS = {
    "V": "two independent sources agree",
    "S": "one source",
    "M": "from memory: check before use",
    "A": "our assumption",
}

_SHOWN = ("use", "standard", "value", "unit", "basis", "condition", "mark", "section", "url")


def explain(text: object, policy: Ruled, *, uses: tuple[str, ...] | None = None) -> dict[str, Any]:
    """Give the whole law of a zoning code under a policy, ready for JSON.

    Parameters
    ----------
    text
        Zoning code as mapped or printed.
    policy
        Carries the code.
    uses
        Uses wanted; by default all of the code.

    Returns
    -------
    dict
        ``code`` (title and address of the ordinance) and ``zones``: for each district named, what
        :func:`densitymap.zoning.parse.describe` says, ``rules`` (one per value: use, standard, meaning,
        value, unit, basis, condition, mark with its meaning, sources, section, address, who read it
        when), ``unread`` (standard and why) and ``doubts`` (what may change the answer).
        A value of "no maximum" stands for infinity, which JSON has not.
    """
    code = policy.code
    parts = parse_zone(text, code)
    described = describe(text, code)
    answers = described if isinstance(described, list) else [described]
    zones = [
        answer | _law(part, code, uses or code.uses) for part, answer in zip(parts, answers, strict=True)
    ]
    return {"code": {"name": code.name, "title": code.title, "url": code.url}, "zones": zones}


def _law(zone: ParsedZone, code: ZoningCode, uses: tuple[str, ...]) -> dict[str, Any]:
    known = zone.status != "unresolved"
    district = code.districts.get(zone.key or "") if known else None
    rows = code.rows[(code.rows["district"] == zone.key) & code.rows["use"].isin(uses)]
    return {
        "rules": _rules(rows, code) if district else [],
        "unread": [{"standard": name, "why": why} for name, why in district.unread.items()]
        if district
        else [],
        "doubts": _doubts(zone, district, code),
    }


def _rules(rows: pd.DataFrame, code: ZoningCode) -> list[dict[str, Any]]:
    vocabulary = standards()
    records = rows.astype("object").where(rows.notna(), None).to_dict("records")
    return [
        {name: row[name] for name in _SHOWN}
        | {
            "value": "no maximum" if math.isinf(row["value"]) else row["value"],
            "meaning": vocabulary[row["standard"]].meaning,
            "mark_meaning": MARK_WORDS[row["mark"]],
            "sources": [code.sources[name] for name in row["sources"]],
            "verified_by": row["verified_by"],
            "read_on": row["read_on"].isoformat() if row["read_on"] else None,
            "valid_from": row["valid_from"].isoformat() if row["valid_from"] else None,
        }
        for row in records
    ]


def _doubts(zone: ParsedZone, district: District | None, code: ZoningCode) -> list[str]:
    doubts = []
    if zone.status != "read":
        doubts.append(f"{zone.status}: {zone.reason}")
    elif district and district.reason:
        doubts.append(district.reason)
    if zone.conditional:
        doubts.append(f"-C: a council condition in no dataset may allow less ({code.conditional_section})")
    doubts += [
        f"overlay {name}: {code.overlay_reasons.get(name, 'its rules are unread')}" for name in zone.overlays
    ]
    if district and district.note:
        doubts.append(district.note)
    return doubts
