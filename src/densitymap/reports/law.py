"""What the rules allow in a place and what fits there: counts of lots, with yes and maybe apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import pandas as pd

from densitymap import params
from densitymap.maps.words import Words
from densitymap.reports.given import BriefInput, Policy
from densitymap.reports.phrases import homes, outline, sentence, share

RANK = {"NO DATA": -1, "FALSE": 0, "MAYBE": 1, "TRUE": 2}
"""Verdicts in order: what is not known stands apart from a no."""
ANY = "second_home"


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Lots by verdict."""

    yes: int
    maybe: int
    no: int
    no_data: int

    @property
    def lots(self) -> int:
        """Lots with an answer."""
        return self.yes + self.maybe + self.no


def count(verdicts: pd.Series) -> Counts:
    """Count lots by verdict.

    Examples
    --------
    >>> count(pd.Series(["TRUE", "MAYBE", "MAYBE", "NO DATA"]))
    Counts(yes=1, maybe=2, no=0, no_data=1)
    """
    found = verdicts.value_counts()
    yes, maybe, no, none = (int(found.get(word, 0)) for word in ("TRUE", "MAYBE", "FALSE", "NO DATA"))
    return Counts(yes=yes, maybe=maybe, no=no, no_data=none)


def allowed_verdicts(allowed: pd.DataFrame, policy: str, question: str) -> pd.Series:
    """Whether the rules allow what is asked, per lot, also where the policy was asked something else.

    Parameters
    ----------
    allowed
        Table ``allowed``.
    policy
        Whose rules.
    question
        ``second_home``, ``house``, ``adu``, ``duplex`` or ``triplex``.

    Returns
    -------
    Series of text by ``parcel_id``
        TRUE, MAYBE, FALSE or NO DATA; all NO DATA where a policy was never asked about a second home.
    """
    own = allowed[allowed["policy"] == policy].set_index("parcel_id")
    if (own["question"] == question).all():
        return own["verdict"].astype(str)
    if question == ANY:
        return pd.Series("NO DATA", index=own.index, dtype=str)
    flag = own[f"is_allowed_{question}"]
    said = flag.map({True: "TRUE", False: "FALSE"}).fillna("MAYBE").astype(str)
    return said.mask(own["verdict"] == "NO DATA", "NO DATA")


def fit_verdicts(fits: pd.DataFrame, policy: str, question: str) -> pd.Series:
    """Whether any home of the kind asked fits, per lot: the best verdict among its types and modes."""
    own = fits[fits["policy"] == policy]
    if question == ANY:
        asked = own[(own["units"] > 1) | (own["verdict"] == "NO DATA")]
    else:
        asked = own[own["fit_type"].isin(outline()["question_types"][question])]
    best = asked["verdict"].astype(str).map(RANK).groupby(asked["parcel_id"]).max()
    back = {rank: word for word, rank in RANK.items()}
    everyone = pd.Index(own["parcel_id"].drop_duplicates())
    return best.reindex(everyone, fill_value=RANK["FALSE"]).map(back).astype(str)


def both(one: pd.Series, other: pd.Series) -> pd.Series:
    """The lesser verdict of two, per lot: no step of a funnel is wider than the one above it.

    Examples
    --------
    >>> both(pd.Series({"a": "TRUE", "b": "FALSE"}), pd.Series({"a": "MAYBE", "b": "TRUE"})).to_dict()
    {'a': 'MAYBE', 'b': 'FALSE'}
    """
    ranks = pd.concat([one.map(RANK), other.reindex(one.index).map(RANK).fillna(RANK["NO DATA"])], axis=1)
    return ranks.min(axis=1).map({rank: word for word, rank in RANK.items()}).astype(str)


def steps(given: BriefInput, policy: Policy) -> dict[str, Counts]:
    """Lots where the rules allow what the plan is asked, and where it also fits, under one policy."""
    question = given.question
    law = allowed_verdicts(given.allowed, policy.name, question)
    room = both(law, fit_verdicts(given.fits, policy.name, question))
    return {"allowed": count(law), "fits": count(room)}


def main_reason(allowed: pd.DataFrame, policy: str) -> str | None:
    """The rule behind most of the maybes under a policy, or None where there is no maybe."""
    own = allowed[(allowed["policy"] == policy) & (allowed["verdict"] == "MAYBE")]
    rules = (
        own["binding_rule"].dropna().value_counts().sort_index().sort_values(ascending=False, kind="stable")
    )
    return str(rules.index[0]) if len(rules) else None


def zone_rows(given: BriefInput, say: Words) -> list[dict[str, Any]]:
    """The place's zones by land, largest first: share, and what a lot of the least size may hold.

    Zones past the catalogue's number are one row.
    """
    shares = _zone_shares(given.zones)
    kept = int(params.choice("zones_named", group="reports"))
    kept += len(shares) == kept + 1  # one more row says more than "1 other zone"
    rows = [
        {
            "district": str(name),
            "share": share(part, say),
            "cells": [_zone_answer(given, policy, str(name), say) for policy in given.policies],
        }
        for name, part in shares.iloc[:kept].items()
    ]
    if len(shares) > kept:
        rest = {
            "district": say("zones.rest", count=len(shares) - kept),
            "share": share(shares.iloc[kept:].sum(), say),
        }
        rows.append(rest | {"cells": [say("zones.varied")] * len(given.policies)})
    return rows


def _zone_shares(zones: gpd.GeoDataFrame) -> pd.Series:
    acres = zones.groupby(zones["zone_district"].astype(str))["acres"].sum()
    ordered = acres.sort_index().sort_values(ascending=False, kind="stable")
    return ordered / acres.sum()


def zone_units(given: BriefInput, policy: Policy, district: str) -> int | None:
    """Homes a district allows on a lot of its least size; None where nobody has read it."""
    answers = given.zone_answers
    row = answers[(answers["policy"] == policy.name) & (answers["zone_district"] == district)]
    return None if row.empty or row["units"].isna().all() else int(row["units"].iloc[0])


def _zone_answer(given: BriefInput, policy: Policy, district: str, say: Words) -> str:
    units = zone_units(given, policy, district)
    return say("zones.unread") if units is None else homes_exact(units, say)


def homes_exact(units: int, say: Words) -> str:
    """Say one number of homes."""
    return say("homes.none") if units == 0 else homes(units, units, say)


def street_lines(given: BriefInput, say: Words) -> list[str]:
    """What changes on my street: three or four lines, or an honest word on what is not loaded."""
    lines = _lot_lines(given, say) if len(given.lots) else [say("short.no_lots", place=given.place)]
    return [*lines, *_zone_lines(given, say), *_derived_lines(given, say)]


def _lot_lines(given: BriefInput, say: Words) -> list[str]:
    today = _policy_line("short.today", given, given.today, say, what=say(f"what.{given.question}"))
    plans = [_plan_line(given, policy, say) for policy in given.plans if policy != given.today]
    if not plans:
        return [today]
    none = count(allowed_verdicts(given.allowed, given.plan.name, given.question)).no_data
    told = [say("short.no_data", count=f"{none:,}")] if none else []
    told += [say("short.sample", share=share(given.land_share, say))] if given.sampled else []
    return [today, *plans[:-1], sentence([plans[-1], *told])]


def _plan_line(given: BriefInput, plan: Policy, say: Words) -> str:
    titled = {"what": say(f"what.{given.question}"), "plan": plan.title}
    return sentence(
        [_policy_line("short.plan", given, plan, say, **titled), say.get(f"plan.{plan.name}", "")]
    )


def _policy_line(key: str, given: BriefInput, policy: Policy, say: Words, **words: str) -> str:
    """Lots by answer under one policy, and why most maybes are maybes.

    The reason is told only where the policy was asked what the plan is asked: another question has
    other reasons.
    """
    counts = count(allowed_verdicts(given.allowed, policy.name, given.question))
    first = say(key, **words, **_told(counts))
    why = main_reason(given.allowed, policy.name)
    if why is None or not counts.maybe or policy.question != given.question:
        return first
    most = "short.most_maybe" if counts.maybe * 2 > counts.lots else "short.some_maybe"
    return sentence([first, say(most, why=say.get(f"why.{why}", say("why.other")))])


def _told(counts: Counts) -> dict[str, str]:
    return {name: f"{getattr(counts, name):,}" for name in ("lots", "yes", "maybe", "no")}


def _zone_lines(given: BriefInput, say: Words) -> list[str]:
    if given.zones.empty:
        return [say("short.no_zones")]
    if given.others:
        return []  # the table beside the map tells every plan
    shares = _zone_shares(given.zones)
    district = str(shares.index[0])
    units = [zone_units(given, policy, district) for policy in given.policies]
    told = {"district": district, "share": share(shares.iloc[0], say)}
    if any(number is None for number in units):
        return [say("short.zone_unread", **told)]
    today, plan = (homes_exact(int(number or 0), say) for number in units)
    key = "short.zone_same" if today == plan else "short.zone"
    return [say(key, today=today, plan=plan, **told)]


def _derived_lines(given: BriefInput, say: Words) -> list[str]:
    """Rough lots drawn around buildings, where there are no others and their district is read."""
    if given.derived is None or len(given.lots):
        return []
    known = given.derived.dropna(subset=["meets_minimums_share_low", "meets_minimums_share_high"])
    if known.empty:
        return []
    row = known.sort_values("derived_lots", ascending=False, kind="stable").iloc[0]
    low, high = (round(100 * row[f"meets_minimums_share_{end}"]) for end in ("low", "high"))
    told = {
        "count": f"{int(row['derived_lots']):,}",
        "district": str(row["zone_district"]),
        "low": low,
        "high": high,
    }
    return [say("short.derived", **told)]


def plan_rows(given: BriefInput) -> list[dict[str, Any]]:
    """Each reform beside today, asked the same: lots with a yes, and with a maybe."""
    rows = []
    for policy in given.reforms:
        before = count(allowed_verdicts(given.allowed, given.today.name, policy.question))
        after = count(allowed_verdicts(given.allowed, policy.name, policy.question))
        rows.append({"name": policy.title, "today": before.yes, "yes": after.yes, "maybe": after.maybe})
    return rows


def hood_rows(given: BriefInput) -> list[dict[str, Any]]:
    """The plan beside today by neighborhood, those with most lots, in the order of their names."""
    return [
        {"name": name, "today": before.yes, "yes": then.yes, "maybe": then.maybe}
        for name, (before, then, *_) in counts_by_hood(given).items()
    ]


def counts_by_hood(given: BriefInput) -> dict[str, list[Counts]]:
    """Lots by answer under each policy, in the neighborhoods with most lots, in the order of their names."""
    hoods = given.lots.set_index("parcel_id")["neighborhood"]
    most = int(params.choice("hoods_named", group="reports"))
    largest = hoods.value_counts().sort_index().sort_values(ascending=False, kind="stable").index[:most]
    told = [allowed_verdicts(given.allowed, policy.name, given.question) for policy in given.policies]
    return {
        name: [count(verdicts.reindex(hoods.index[hoods == name])) for verdicts in told]
        for name in sorted(map(str, largest))
    }


def names_of(zones: gpd.GeoDataFrame) -> Sequence[str]:
    """Zone names of a place, by land, largest first."""
    return [str(name) for name in _zone_shares(zones).index] if len(zones) else []
