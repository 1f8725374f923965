"""Undo the median-allocation defect of the published typology inputs.

UDP moved 1990 and 2000 figures to 2010 tracts with crosswalk weights. Counts survive that; medians,
multiplied by the weights and summed as if they were counts, do not. Here the median income and the
income shares come from the household counts by income bracket, which were moved rightly, and median
rent and value are divided by the factor by which the published median income is off. Nothing else
changes. Medians re-allocated; not reviewed by UDP.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap.errors import ValidationError

Floats = npt.NDArray[np.float64]

YEARS = ("90", "00")
"""Years whose medians were allocated as counts."""


def bracket_columns(frame: pd.DataFrame, year: str) -> tuple[list[str], Floats]:
    """Columns of household counts by income bracket, and their upper bounds [USD], rising.

    Raises
    ------
    ValidationError
        If there are none for the year.
    """
    found = {
        float(hit[1]): str(name) for name in frame if (hit := re.fullmatch(rf"I_(\d+)_{year}", str(name)))
    }
    if not found:
        raise ValidationError(
            f"brackets: no column I_<upper bound>_{year}", next_step="give the file of income brackets"
        )
    bounds = sorted(found)
    return [found[bound] for bound in bounds], np.array(bounds)


def median_from_brackets(counts: Floats, upper: Floats) -> Floats:
    """Median by linear interpolation within the bracket that holds it.

    Parameters
    ----------
    counts
        Households per bracket, shape (..., brackets).
    upper
        Upper bounds, rising; the first bracket starts at 0, the last is treated as closed.

    Returns
    -------
    Array of shape (...)
        NaN where there are no households.

    Examples
    --------
    >>> float(median_from_brackets(np.array([10.0, 20.0, 10.0]), np.array([10.0, 20.0, 30.0])))
    15.0
    """
    return bracket_value(counts, upper, np.asarray(0.5))


def bracket_value(counts: Floats, upper: Floats, share: npt.ArrayLike) -> Floats:
    """Value under which a share of households lies, interpolated; see :func:`median_from_brackets`."""
    reached = np.cumsum(counts, axis=-1)
    goal = reached[..., -1:] * np.asarray(share, dtype=float)[..., None]
    at = (reached < goal).sum(axis=-1, keepdims=True).clip(max=len(upper) - 1)
    inside = np.take_along_axis(counts, at, axis=-1)
    before = np.take_along_axis(reached, at, axis=-1) - inside
    lower = np.concatenate([[0.0], upper[:-1]])
    with np.errstate(divide="ignore", invalid="ignore"):
        value = lower[at] + (goal - before) / inside * (upper[at] - lower[at])
    return np.asarray(np.where(reached[..., -1:] > 0, value, np.nan)[..., 0])


def share_below(counts: Floats, upper: Floats, cut: npt.ArrayLike) -> Floats:
    """Share of households under an income, interpolated within its bracket as UDP does.

    Parameters
    ----------
    counts
        Households per bracket, shape (..., brackets).
    upper
        Upper bounds, rising. A cut under the first or past the last gives 0, as published.
    cut
        Income [USD], broadcastable to (...).

    Returns
    -------
    Array of shape (...)
        NaN where there are no households.
    """
    total = counts.sum(axis=-1)
    level = np.asarray(cut, dtype=float)[..., None]
    lower, top = upper[:-1], upper[1:]
    part = ((level - lower) / (top - 0.01 - lower)).clip(0, 1)
    inside = (level >= lower) & (level < top - 0.01)
    below = np.where(level >= lower, 1.0, 0.0)
    summed = (counts[..., :-1] * below).sum(axis=-1) + (counts[..., 1:] * np.where(inside, part, 0.0)).sum(
        axis=-1
    )
    within = inside.any(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(within, summed, 0.0) / total
    return np.asarray(np.where(total > 0, share, np.nan))


def corrected_inputs(inputs: pd.DataFrame, brackets: pd.DataFrame, rules: Mapping[str, Any]) -> pd.DataFrame:
    """Inputs of the typology with the defect undone, one row per row of ``inputs``.

    Parameters
    ----------
    inputs
        Published inputs, indexed by GEOID.
    brackets
        Households by income bracket (``I_<upper bound>_<year>``), indexed by GEOID.
    rules
        A record of ``catalog/typologies``.

    Raises
    ------
    ValidationError
        If brackets are missing for some tracts.
    """
    absent = inputs.index.difference(brackets.index)
    if len(absent):
        raise ValidationError(
            f"brackets: {len(absent)} of {len(inputs)} tracts are absent; first {absent[0]}"
        )
    result = inputs.copy()
    for year in YEARS:
        names, upper = bracket_columns(brackets, year)
        counts = brackets.loc[inputs.index, names].to_numpy(dtype=float)
        income = median_from_brackets(counts, upper)
        region = float(np.nanmedian(income))
        published = inputs[f"hinc_{year}"].to_numpy(dtype=float)
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.where(published > 0, published / income, np.nan)
        for what in ("mrent", "mhval"):
            median = inputs[f"{what}_{year}"].to_numpy(dtype=float)
            result[f"{what}_{year}"] = np.where(median > 0, median / factor, np.nan)
        result[f"hinc_{year}"] = income
        result[f"per_li_{year}"] = share_below(counts, upper, rules["cuts"]["low_income"] * region)
        result[f"inc120_{year}"] = share_below(counts, upper, rules["cuts"]["middle_income"] * region)
    return result
