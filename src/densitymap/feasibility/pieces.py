"""Places at several levels as sums of the finest pieces they share, so that one run answers all levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from densitymap.feasibility.hazard import Codes
from densitymap.geometry import Floats

EVERYWHERE = "all"
"""Level whose one place holds every lot."""


def pieces_of(places: Mapping[str, pd.Series], n_lots: int) -> tuple[Codes, pd.DataFrame]:
    """Code of the finest piece each lot lies in, and the places of each piece by level."""
    levels = {EVERYWHERE: pd.Series([EVERYWHERE] * n_lots, dtype="string")}
    levels |= {name: column.reset_index(drop=True).astype("string") for name, column in places.items()}
    table = pd.DataFrame(levels)
    grouped = table.groupby(list(table.columns), dropna=False, sort=True)
    piece = np.asarray(grouped.ngroup(), np.int64)
    first = table.iloc[np.unique(piece, return_index=True)[1]]
    return piece, first.reset_index(drop=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Members:
    """Which pieces each place holds: ``pieces`` in the order of the places, which begin at ``begins``."""

    levels: tuple[str, ...]
    names: tuple[str, ...]
    pieces: Codes
    begins: Codes

    def gathered(self, values: Floats) -> Floats:
        """Sums over the pieces of each place, along the first axis; one level at a time, to spare memory."""
        found = np.empty((len(self.names), *values.shape[1:]))
        levels = np.unique(self.levels, return_index=True)[1]
        ends = np.append(self.begins, len(self.pieces))
        for first, last in pairwise([*np.sort(levels), len(self.names)]):
            rows = self.pieces[ends[first] : ends[last]]
            np.add.reduceat(values[rows], ends[first:last] - ends[first], axis=0, out=found[first:last])
        return found


def members_of(table: pd.DataFrame) -> Members:
    """Places of a table of pieces, level by level, by name."""
    long = table.reset_index(names="piece").melt("piece", var_name="level", value_name="name").dropna()
    order = {level: at for at, level in enumerate(table.columns)}
    long = long.assign(at=long["level"].map(order)).sort_values(["at", "name", "piece"])
    first = ~long.duplicated(["at", "name"]).to_numpy()
    return Members(
        levels=tuple(long.loc[first, "level"].astype(str)),
        names=tuple(long.loc[first, "name"].astype(str)),
        pieces=long["piece"].to_numpy(np.int64),
        begins=np.flatnonzero(first),
    )
