"""A place over the years: the points of each small chart, and the newest figure of a measure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from densitymap.maps.words import Words
from densitymap.reports.phrases import outline

PERIOD = re.compile(r"^(\d{4})(?:-(\d{4}))?$")
CENSUS_YEAR = "2020"


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One figure of a place, with its 90 % margin: 0 for a full count, None where unpublished."""

    years: str
    value: float
    margin: float | None
    base: float | None = None

    @property
    def middle(self) -> float | None:
        """Middle of the years, for a chart; None where the years are not stated."""
        match = PERIOD.match(self.years)
        if match is None:
            return None
        first, last = int(match[1]), int(match[2] or match[1])
        return (first + last) / 2


def series(profile: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Point]:
    """Every figure of one measure in a profile, oldest first; those of unstated years come last.

    Parameters
    ----------
    profile
        From :func:`densitymap.displacement.profile.profile`.
    wanted
        Where the measure is: names under ``history``, ``census`` and ``estimates``, those it has, and
        ``base``, what a share is a share of.
    """
    found = [*_history(profile, wanted), *_census(profile, wanted), *_estimates(profile, wanted)]
    return sorted(found, key=lambda point: (point.middle is None, point.middle or 0, point.years))


def _history(profile: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[Point]:
    years = profile["place_history"]
    if "history" in wanted and isinstance(years, Mapping):
        for year, figures in years.items():
            yield from _point(year, figures, wanted["history"], wanted.get("base"))


def _census(profile: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[Point]:
    figures = profile["census_2020"]
    if "census" in wanted and isinstance(figures, Mapping):
        for point in _point(CENSUS_YEAR, figures, wanted["census"], None):
            yield Point(years=point.years, value=point.value, margin=0.0)


def _estimates(profile: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[Point]:
    for table in profile["estimates"] if "estimates" in wanted else ():
        yield from _point(table["acs_period"], table["measures"], wanted["estimates"], wanted.get("base"))


def _point(years: str, figures: Mapping[str, Any], name: str, base: str | None) -> Iterator[Point]:
    figure = figures.get(name)
    if not isinstance(figure, Mapping) or figure.get("value") is None:
        return
    margin = figure["margin"]
    whole = figures.get(base, {}).get("value") if base else None
    told = float(margin) if isinstance(margin, int | float) else None
    yield Point(years=str(years), value=float(figure["value"]), margin=told, base=whole)


def newest(points: list[Point]) -> Point | None:
    """The figure of the latest stated years; among equal years, one with a margin."""
    dated = [point for point in points if point.middle is not None]
    return max(dated, key=lambda point: (point.middle or 0, point.margin is not None), default=None)


def panels(profile: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The charts of a place: those with data, in the catalogue's order, up to its number."""
    record = outline()
    found = [
        {"id": panel["id"], "form": panel["form"], "points": series(profile, panel)}
        for panel in record["panel"]
    ]
    return [panel for panel in found if panel["points"]][: record["chart"]["panels_most"]]


def spoken(value: float, form: str) -> str:
    """Say a figure as a count or as whole percent.

    Examples
    --------
    >>> spoken(1234.5, "count"), spoken(0.4033, "share")
    ('1,234', '40 %')
    """
    return f"{value * 100:.0f} %" if form == "share" else f"{value:,.0f}"


def table(given_panels: list[dict[str, Any]], say: Words) -> dict[str, Any]:
    """The charts as a table: a row per measure, a column per year."""
    points = [point for panel in given_panels for point in panel["points"]]
    order = sorted({(point.middle is None, point.middle or 0, point.years) for point in points})
    years = [name for _, _, name in order]
    rows = []
    for panel in given_panels:
        own = {point.years: point for point in panel["points"]}
        cells = [_cell(own.get(year), panel["form"], say) for year in years]
        rows.append({"name": say(f"change.{panel['id']}"), "cells": cells})
    return {"years": years, "rows": rows}


def _cell(point: Point | None, form: str, say: Words) -> str:
    if point is None:
        return say("change.blank")
    value = spoken(point.value, form)
    if not point.margin:
        return value
    margin = f"{point.margin * 100:.0f}" if form == "share" else f"{point.margin:,.0f}"
    return say("change.moe", value=value, moe=margin)


def alt(given_panels: list[dict[str, Any]], say: Words) -> str:
    """What the charts show, for a reader who cannot see them."""
    told = [
        say(
            "change.alt_panel",
            name=say(f"change.{panel['id']}"),
            points=", ".join(
                say("change.point", year=point.years, value=spoken(point.value, panel["form"]))
                for point in panel["points"]
            ),
        )
        for panel in given_panels
    ]
    return say("change.alt", told=" ".join(told))


def overlapping(given_panels: list[dict[str, Any]]) -> bool:
    """Whether two surveys shown share years: such figures are never set against each other.

    Examples
    --------
    >>> one, other = (Point(years=y, value=1, margin=None) for y in ("2014-2018", "2015-2019"))
    >>> overlapping([{"points": [one, other]}])
    True
    """
    spans = {point.years for panel in given_panels for point in panel["points"] if "-" in point.years}
    ranges = sorted(tuple(map(int, match.groups())) for name in spans if (match := PERIOD.match(name)))
    return any(later[0] <= earlier[1] for earlier, later in pairwise(ranges))
