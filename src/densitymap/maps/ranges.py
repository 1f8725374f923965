"""What pays and what is expected by block group, with ranges, as cells of the page's table."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import pandas as pd

from densitymap.maps.content import MapInput
from densitymap.maps.themes import spoken
from densitymap.maps.words import Words

STEPS = (
    ("pays", "pays_homes", "pays_homes_low", "pays_homes_high"),
    ("pays_owner", "owner_homes", "owner_homes_low", "owner_homes_high"),
    ("expected", "expected_homes", "expected_low", "expected_high"),
)
"""A theme, and the columns (each ``__<policy>``) of its figure and of the ends of its range."""


def heads_and_cells(
    content: MapInput, names: Sequence[str], words: Words
) -> tuple[list[str], list[list[str]]]:
    """One column for each step and policy that was computed, one row for each block group named.

    A step nobody computed has no column: its theme says what it needs. A group whose figure is hidden, or
    that is not in the layer, is said to be not known.
    """
    groups = content.block_groups
    if groups is None:
        return [], [[] for _ in names]
    by_name = groups.set_index(groups["block_group_geoid"].astype("string")).reindex(list(names))
    heads, columns = [], []
    for theme, *parts in STEPS:
        for policy, title, _ in content.policies:
            wanted = [f"{part}__{policy}" for part in parts]
            if set(wanted) <= set(groups.columns):
                heads.append(words(f"themes.{theme}", policy=title))
                columns.append(_cells(by_name, wanted, words))
    return heads, [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in names]


def _cells(groups: gpd.GeoDataFrame, wanted: Sequence[str], words: Words) -> list[str]:
    return [_cell(values, words) for values in groups[list(wanted)].itertuples(index=False, name=None)]


def _cell(values: Sequence[float], words: Words) -> str:
    if any(pd.isna(value) for value in values):
        return words("card.not_known")
    middle, *ends = (spoken(value, "tenths", words) for value in values)
    return f"{middle} [{ends[0]}; {ends[1]}]"
