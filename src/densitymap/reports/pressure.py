"""Who could feel pressure, in words: shares of households with their margins, and what tracts show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from densitymap import params
from densitymap.maps.words import Words
from densitymap.reports.change import Point, newest, series
from densitymap.reports.given import BriefInput
from densitymap.reports.phrases import outline, sentence, share


def people_lines(given: BriefInput, say: Words) -> list[str]:
    """One line for each group of households: its newest share, the likely range, or why there is none."""
    record = outline()
    return [_group(series(given.profile, group), group, say) for group in record["people"]]


def _group(points: list[Point], group: Mapping[str, Any], say: Words) -> str:
    who = say(f"who.{group['id']}")
    point = newest(points)
    if point is None:
        return say("pressure.absent", who=who)
    least = params.choice("least_households", group="reports")
    if point.base is not None and point.base < least:
        return say("pressure.small", who=who, base=say(f"base.{group['base']}"))
    first = say("pressure.share", n=round(point.value * 100), who=who, years=point.years)
    return sentence([first, *_margin(point, say)])


def _margin(point: Point, say: Words) -> list[str]:
    """The likely range in words, never below none nor above all."""
    if point.margin is None:
        return [say("pressure.no_margin")]
    low, high = max(point.value - point.margin, 0.0), min(point.value + point.margin, 1.0)
    told = [say("pressure.margin", low=round(low * 100), high=round(high * 100))]
    rough = point.margin > params.choice("margin_rough", group="reports")
    return [*told, say("pressure.rough")] if rough else told


def tract_lines(given: BriefInput, say: Words) -> list[str]:
    """One line for each tract: its class, and how steady it is when its inputs are drawn."""
    if given.tracts.empty:
        return [say("pressure.no_tracts")]
    most = int(params.choice("tracts_named", group="reports"))
    ordered = given.tracts.sort_values("share_of_place", ascending=False, kind="stable")
    told = [_tract(row, say) for row in ordered.iloc[:most].to_dict("records")]
    return [_all_tracts(ordered["pressure_class"], say), *told] if len(ordered) > most else told


def _all_tracts(classes: pd.Series, say: Words) -> str:
    """How many tracts show how much pressure, where there are too many to name."""
    counts = {name: int((classes == name).sum()) for name in ("higher", "middle", "lower")}
    untold = int(classes.isna().sum())
    told = [say("pressure.many", count=len(classes), **counts)]
    told += [say("pressure.many_untold", count=untold)] if untold else []
    return sentence([*told, say("pressure.largest")])


def _tract(row: Mapping[Any, Any], say: Words) -> str:
    known = "untold" if pd.isna(row["pressure_class"]) else str(row["pressure_class"])
    told = [say(f"pressure.{known}", tract=row["tract_geoid"], part=share(float(row["share_of_place"]), say))]
    if known != "untold":
        told.append(_steadiness(row["class_draw_share"], say))
    if pd.notna(row.get("n_classifiable")) and row["n_classifiable"]:
        flagged, asked = int(row["n_flagged"]), int(row["n_classifiable"])
        told.append(say("pressure.flagged", flagged=flagged, asked=asked))
    return sentence(told)


def _steadiness(agreeing: Any, say: Words) -> str:
    if pd.isna(agreeing):
        return say("pressure.no_draws")
    steady = agreeing >= params.choice("draws_steady", group="reports")
    return say("pressure.steady" if steady else "pressure.unsteady", n=round(float(agreeing) * 100))


def note(given: BriefInput, say: Words) -> str:
    """Which survey the classes rest on, and what a tract is."""
    if given.tracts.empty:
        return ""
    years = sorted(given.tracts["acs_period"].dropna().astype(str).unique())
    told = [say("pressure.years", years=", ".join(years))] if years else []
    return sentence([*told, say("pressure.tract_is_not_place")])
