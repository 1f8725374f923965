"""Sentences a map's reader needs, in the reader's language: coverage, doubts, what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from densitymap import params
from densitymap.city import City
from densitymap.maps.words import Words

NAMED_MOST = 3
"""Places named in a sentence before the rest are counted."""


def coverage(say: Words, places: pd.DataFrame, *, lots: int, share: float, acres: float, area: str) -> str:
    """One sentence: how much of the area the loaded lots cover, and where there is nothing.

    Parameters
    ----------
    say
        The reader's language.
    places
        Neighbourhoods of the area: ``neighborhood``, ``has_parcels``, ``acres_in_area``.
    lots, share, acres, area
        Lots loaded, their share of the land, the area's acres and its name.
    """
    told = say("coverage.told", lots=f"{lots:,}", share=f"{share:.0%}", acres=f"{acres:,.0f}", area=area)
    bare = places.loc[~places["has_parcels"].astype(bool)].sort_values("acres_in_area", ascending=False)
    named = bare["neighborhood"].tolist()
    if not named:
        return f"{told}."
    shown = ", ".join(named[:NAMED_MOST])
    if len(named) > NAMED_MOST:
        shown = say("coverage.and_more", names=shown, count=len(named) - NAMED_MOST)
    return say("coverage.missing_many" if len(named) > 1 else "coverage.missing_one", told=told, names=shown)


def doubts(say: Words, lots: pd.DataFrame, share: float) -> list[str]:
    """What a reader must know before trusting a number."""
    record = params.load("words", "doubts")
    said = [say.translated(text) for text in record["always"]]
    if share < params.choice("sampled_land_share"):
        said.append(say("doubts.sample", share=f"{share:.0%}"))
    unknown = int(lots["existing_units"].isna().sum())
    if unknown:
        said.append(say("doubts.existing", unknown=f"{unknown:,}", lots=f"{len(lots):,}"))
    unzoned = int(lots["zone_district"].isna().sum())
    if unzoned:
        said.append(say("doubts.unzoned", count=f"{unzoned:,}"))
    return said


def absent_notes(say: Words, city: City, wanted: Iterable[str], given: Iterable[str]) -> dict[str, str]:
    """Say of each layer a map should show and does not have, what would fill it."""
    have = set(given)
    return {
        name: say(
            "notes.absent",
            layer=say.get(f"layers.{name}", city.layers[name].title),
            fill=say.translated(city.layers[name].fill),
        )
        for name in wanted
        if name not in have and name in city.layers
    }


def corridor_note(say: Words, record: Mapping[str, Any], missing: list[str] | None, fill: str) -> str | None:
    """What is missing of a street people ask for by name; None where nothing is.

    ``missing`` lists the sides its line does not reach; None where no line is loaded at all.
    """
    fill = say.translated(fill)
    if missing is None:
        return say("notes.corridor_absent", street=record["title"], fill=fill)
    if not missing:
        return None
    sides = say("notes.and").join(say(f"notes.{side}") for side in missing)
    return say("notes.corridor_part", street=record["title"], sides=sides, fill=fill)


def missing_ends(line: gpd.GeoDataFrame, area: gpd.GeoDataFrame) -> list[str]:
    """Sides of the area (west, east, or south, north) that a street's loaded line does not reach."""
    west, south, east, north = line.total_bounds
    a_west, a_south, a_east, a_north = area.total_bounds
    if east - west >= north - south:
        gaps: Iterable[tuple[str, float]] = (("west", west - a_west), ("east", a_east - east))
    else:
        gaps = (("south", south - a_south), ("north", a_north - north))
    return [side for side, gap in gaps if np.isfinite(gap) and gap > params.choice("corridor_gap_ft")]
