"""What changed in tracts between two years of the panel, with the margin of the change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap import params
from densitymap.displacement.acs import change_moe
from densitymap.maps.words import Words

Floats = npt.NDArray[np.float64]


class Change(NamedTuple):
    """One measure between two years, and the columns that hold it."""

    measure: str
    unit: str
    source: str
    old: str
    new: str

    @property
    def column(self) -> str:
        """Column of the change."""
        return f"change__{self.measure}__{self.old}_{self.new}"

    @property
    def moe(self) -> str:
        """Column of its 90 % margin."""
        return f"{self.column}_moe"


def record() -> Mapping[str, Any]:
    """Give the catalogue's record of measures, years and steps."""
    return params.load("layers", "change")


def changes() -> Iterator[Change]:
    """Give every measure and pair of years the catalogue lists, in its order."""
    for measure in record()["measure"]:
        for old, new in measure["pairs"]:
            yield Change(measure["id"], measure["unit"], measure["column"], old, new)


def title(one: Change, words: Words) -> str:
    """Say what changed, and between which years."""
    return words("change.title", measure=words(f"change.{one.measure}"), years=years(one, words))


def years(one: Change, words: Words) -> str:
    """Say between which years."""
    named = record()["years"]
    return words("change.years", old=named[one.old], new=named[one.new])


def form(one: Change) -> str:
    """Give how its numbers are said: in percentage points, or in percent."""
    return "change_points" if one.unit == "points" else "change_percent"


def with_changes(panel: pd.DataFrame) -> dict[str, pd.Series]:
    """Work out each change the panel has both years for.

    Parameters
    ----------
    panel
        Tracts with columns ``<measure>_<year>`` and, where known, their margins ``…_moe``.

    Returns
    -------
    dict of Series on the panel's index
        The change (a share's difference, or a relative change) and its margin; missing where either
        year is missing or the base is 0, and the margin missing where either year's is.
    """
    found: dict[str, pd.Series] = {}
    for change in changes():
        names = [f"{change.source}_{year}" for year in (change.old, change.new)]
        if not set(names) <= set(panel.columns):
            continue
        factors = _factors(change)
        old, new = (_floats(panel, name) * factor for name, factor in zip(names, factors, strict=True))
        old_moe, new_moe = (
            _floats(panel, f"{name}_moe") * factor for name, factor in zip(names, factors, strict=True)
        )
        value, moe = _changed(change.unit, old, new, old_moe, new_moe)
        found[change.column] = pd.Series(value, index=panel.index)
        found[change.moe] = pd.Series(moe, index=panel.index)
    return found


def _factors(change: Change) -> tuple[float, float]:
    """To dollars of the panel's end year, where the measure is in dollars; else 1."""
    if change.unit != "percent_real":
        return 1.0, 1.0
    deflator = record()["deflator"]
    factors = params.load("typologies", deflator["file"])[deflator["field"]]
    return float(factors[change.old]), float(factors[change.new])


def _changed(unit: str, old: Floats, new: Floats, old_moe: Floats, new_moe: Floats) -> tuple[Floats, Floats]:
    """Give a difference or relative change and its margin.

    Examples
    --------
    >>> old, new, moe = np.array([0.5, 0.0]), np.array([0.25, 0.1]), np.array([0.03, 0.03])
    >>> [part.round(3).tolist() for part in _changed("points", old, new, moe, moe)]
    [[-0.25, 0.1], [0.042, 0.042]]
    >>> [part.round(3).tolist() for part in _changed("percent", old, new, moe, moe)]
    [[-0.5, nan], [0.067, nan]]
    """
    if unit == "points":
        return new - old, np.asarray(np.hypot(old_moe, new_moe))
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.asarray(np.where(old > 0, (new - old) / old, np.nan))
    return value, np.asarray(np.where(old > 0, change_moe(old, new, old_moe, new_moe), np.nan))


def _floats(frame: pd.DataFrame, name: str) -> Floats:
    if name not in frame:
        return np.full(len(frame), np.nan)
    return np.asarray(pd.to_numeric(frame[name]).astype("Float64").to_numpy(dtype=float, na_value=np.nan))
