"""The neighborhood brief: facts of a place, composed into the sentences and cells of its sections."""

from __future__ import annotations

from typing import Any

import pandas as pd

from densitymap.maps.words import Words
from densitymap.reports import change, charts, compared, funnel, keep, law, picture, pressure
from densitymap.reports.given import BriefInput
from densitymap.reports.phrases import outline, sentence, share

CANNOT = ("one", "two", "three", "four")


def compose(given: BriefInput, say: Words) -> dict[str, Any]:
    """Everything a brief shows, as sentences, cells and pictures; the same for web page and paper.

    Parameters
    ----------
    given
        The facts.
    say
        The reader's language.

    Raises
    ------
    MissingDataError
        If matplotlib is not installed.
    """
    npus = ", ".join(f"NPU {letter}" for letter in given.npus)
    return {
        "place": given.place,
        "title": say("head.title", place=given.place),
        "marks": marks(given, say),
        "audience": say("head.for_npu", npus=npus) if npus else say("head.for_any"),
        "years": _years(given, say),
        "compared": say("compare.lead", plans="; ".join(compared.heads(given, say)[1:]))
        if given.records
        else "",
        "part": _part(given, say),
        "street": law.street_lines(given, say),
        "map": _map(given, say),
        "moves": compared.moves(given, say),
        "scale": compared.scale(given, say),
        "zone_heads": compared.zone_heads(given, say),
        "zones": law.zone_rows(given, say) if len(given.zones) else [],
        "link": given.map_link,
        "funnel": (compared if given.records else funnel).section(given, say),
        "hoods": compared.hoods(given, say) if given.records else {"rows": []},
        "plans": _plans(given, say),
        "people": pressure.people_lines(given, say),
        "tracts": pressure.tract_lines(given, say),
        "tract_note": pressure.note(given, say),
        "change": _change(given, say),
        "known": keep.known_lines(given, say),
        "cannot": [say(f"cannot.{name}") for name in CANNOT],
        "act": _act(npus, say),
        "keep": _keep(given, say),
        "credits": _credits(given, say),
        "made": say("foot.made", version=given.version, lock=given.lock_hash, seed=given.seed),
    }


def marks(given: BriefInput, say: Words) -> list[str]:
    """What stands on every page: made-up data, a translation nobody has reviewed."""
    told = [say("head.synthetic")] if given.synthetic else []
    return told if say.reviewed else [*told, say("head.unreviewed")]


def _years(given: BriefInput, say: Words) -> str:
    vintages = (
        given.sources.dropna(subset=["vintage"])
        .drop_duplicates("layer")
        .set_index("layer")["vintage"]
        .astype(str)
    )
    surveys = sorted(
        {table["acs_period"] for table in given.profile["estimates"] if "-" in table["acs_period"]}
    )
    unknown = say("head.not_known")
    return say(
        "head.years",
        lots=vintages.get("parcels", unknown),
        zoning=vintages.get("zoning", unknown),
        surveys=", ".join(surveys) or unknown,
    )


def _part(given: BriefInput, say: Words) -> str:
    whole = given.share_in_area > 0.99  # noqa: PLR2004 (drawn edges never meet to the foot)
    told = {"share": share(given.share_in_area, say), "place": given.place, "area": given.area_name}
    return "" if whole else say("head.part", **told)


def _map(given: BriefInput, say: Words) -> dict[str, str] | None:
    if given.zones.empty:
        return None
    zones = ", ".join(law.names_of(given.zones))
    told = charts.image(picture.draw(given, say), say("map.alt", place=given.place, zones=zones))
    return told | {"caption": sentence([say("map.caption", place=given.place), say("map.lines")])}


def _plans(given: BriefInput, say: Words) -> dict[str, Any]:
    if given.lots.empty or not given.reforms or given.records:
        return {"chart": None, "rows": []}
    by_hood = len(given.lots["neighborhood"].dropna().unique()) > 1
    rows = law.hood_rows(given) if by_hood else law.plan_rows(given)
    told = "; ".join(
        say("funnel.dumbbell_row", name=row["name"], before=row["today"], after=row["yes"]) for row in rows
    )
    shown = [row | {key: f"{row[key]:,}" for key in ("today", "yes", "maybe")} for row in rows]
    chart = charts.image(charts.dumbbell(rows, say), say("funnel.dumbbell_alt", rows=told))
    return {"chart": chart, "rows": shown} | _plans_heads(given, say, by_hood=by_hood)


def _plans_heads(given: BriefInput, say: Words, *, by_hood: bool) -> dict[str, str]:
    if by_hood:
        caption = say("funnel.hoods_caption", what=say(f"what.{given.plan.question}"))
        return {"title": say("funnel.hoods_title"), "caption": caption, "head": say("funnel.hood_name")}
    return {
        "title": say("funnel.dumbbell_title"),
        "caption": say("funnel.plans_caption"),
        "head": say("funnel.plan_name"),
    }


def _change(given: BriefInput, say: Words) -> dict[str, Any]:
    panels = change.panels(given.profile)
    if not panels:
        return {"chart": None}
    key = [say("change.key"), say("change.split"), say("change.apart") if change.overlapping(panels) else ""]
    chart = charts.image(charts.years(panels, say), change.alt(panels, say))
    return {"chart": chart, "key": sentence(key)} | change.table(panels, say)


def _act(npus: str, say: Words) -> list[str]:
    meet = say("act.npu", npus=npus) if npus else say("act.no_npu")
    vote = f"{say('act.vote')} ({say('act.vote_cite')})"
    return [meet, vote, say("act.ask"), say("act.correct")]


def _keep(given: BriefInput, say: Words) -> dict[str, Any]:
    lines = [
        *keep.assisted_lines(given, say),
        *keep.owner_lines(given.lots, say),
        *keep.eviction_lines(given, say),
    ]
    return {"assisted": keep.assisted_rows(given, say), "lines": lines, "contacts": keep.contacts(say)}


def _credits(given: BriefInput, say: Words) -> str:
    """Layers a brief reads, with their years, and the credits their licences ask for."""
    if given.synthetic:
        return say("head.synthetic")
    named = outline()["sources_named"]["layers"]
    rows = given.sources.set_index("layer").reindex(named).dropna(subset=["title"])
    unknown = say("head.not_known")
    told = [
        say("foot.source", title=title, year=unknown if pd.isna(year) else year)
        for title, year in zip(rows["title"], rows["vintage"], strict=True)
    ]
    credit = [text for text in rows["attribution"].dropna().astype(str) if text.startswith("©")]
    return "; ".join(dict.fromkeys([*told, *credit])) + "."
