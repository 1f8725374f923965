"""Homes to keep, and what is known of trees, parking and cost: facts of the place, unknowns by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from densitymap import params
from densitymap.maps.words import Words
from densitymap.reports.funnel import has_pays
from densitymap.reports.given import BriefInput
from densitymap.reports.phrases import outline, share

COMPANY = "company"
UNKNOWN_OWNER = "unknown"
UNITS, ENDS = "assisted_units", "subsidy_end_year"
"""Columns of a list of assisted homes, where it has them."""


def assisted_rows(given: BriefInput, say: Words) -> list[dict[str, str]]:
    """Aided homes in the place by name: how many, and when the aid ends, where the file says so."""
    if given.assisted is None or given.assisted.empty:
        return []
    named = given.assisted.assign(name=given.assisted["feature_name"].astype("string").str.strip())
    kept = named.sort_values("name", kind="stable").iloc[: _most()]
    return [
        {
            "name": _text(row["name"], say),
            "homes": _number(row.get(UNITS), say),
            "ends": _number(row.get(ENDS), say),
        }
        for row in pd.DataFrame(kept.drop(columns="geometry")).to_dict("records")
    ]


def _most() -> int:
    return int(params.choice("homes_named", group="reports"))


def _text(value: Any, say: Words) -> str:
    return say("head.not_known") if pd.isna(value) or not str(value).strip() else str(value)


def _number(value: Any, say: Words) -> str:
    return say("head.not_known") if value is None or pd.isna(value) else f"{int(value)}"


def assisted_lines(given: BriefInput, say: Words) -> list[str]:
    """What the list of aided homes does not tell."""
    if given.assisted is None:
        return [say("keep.no_layer")]
    if given.assisted.empty:
        return [say("keep.none", place=given.place, count=f"{given.assisted_in_file:,}")]
    told = []
    if len(given.assisted) > _most():
        told.append(say("keep.more", count=len(given.assisted) - _most()))
    if not {UNITS, ENDS} & set(given.assisted.columns):
        told.append(say("keep.no_units"))
    return told


def owner_lines(lots: pd.DataFrame, say: Words) -> list[str]:
    """Shares of lots by kind of owner; nothing at all for areas of too few lots.

    Parameters
    ----------
    lots
        ``owner_type`` and ``owner_occupied`` of the place's lots.
    """
    least = int(params.choice("least_lots", group="reports"))
    types = lots["owner_type"].dropna()
    types = types[types != UNKNOWN_OWNER]
    mail = lots["owner_occupied"].dropna()
    told = []
    if len(types) >= least:
        told.append(
            say("keep.company", share=share(float((types == COMPANY).mean()), say), lots=f"{len(types):,}")
        )
    if len(mail) >= least:
        away = float((~mail.astype(bool)).mean())
        told.append(say("keep.away", share=share(away, say), lots=f"{len(mail):,}"))
    return told or [say("keep.few_lots", least=least)]


def eviction_lines(given: BriefInput, say: Words) -> list[str]:
    """Whether eviction filings are published for the place's counties, and loaded."""
    publishes = outline()["evictions"]["publishes"]
    known = [county for county in given.counties if county in publishes]
    if not known:
        return [say("keep.evictions_unknown")]
    words = {True: "keep.evictions_absent", False: "keep.evictions_none"}
    return [say(words[publishes[county]], county=county) for county in known]


def contacts(say: Words, record: Sequence[Mapping[str, str]] | None = None) -> list[dict[str, str]]:
    """Places to turn to; a number stands only with the page it was read on."""
    listed = params.load("reports", "contacts")["contact"] if record is None else record
    return [
        {
            "name": say(f"contacts.{entry['id']}"),
            "purpose": say(f"contacts.{entry['id']}_for"),
            "phone": say("keep.look_up")
            if entry["phone"] == "look up"
            else f"{entry['phone']} ({entry['cite']})",
        }
        for entry in listed
    ]


def known_lines(given: BriefInput, say: Words) -> list[str]:
    """Trees, parking and cost: what the files hold, and what they do not."""
    cost = "known.cost_money" if has_pays(given) else "known.cost"
    return [_trees(given.lots, say), say("known.parking"), say(cost)]


def _trees(lots: pd.DataFrame, say: Words) -> str:
    known = lots.dropna(subset=["canopy_share", "lot_area_ft2"])
    area = float(known["lot_area_ft2"].sum())
    if not area:
        return say("known.no_trees")
    shaded = float((known["canopy_share"] * known["lot_area_ft2"]).sum()) / area
    return say("known.trees", share=share(shaded, say))
