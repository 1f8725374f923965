"""Whether an estimate can be read: counts and medians by CV, shares by their margin in points."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap import params
from densitymap.displacement.acs import Z90, standard_error
from densitymap.displacement.correct import bracket_value

Floats = npt.NDArray[np.float64]


def coefficient_of_variation(estimate: npt.ArrayLike, moe: npt.ArrayLike) -> Floats:
    """Standard error over estimate; infinite where the estimate is 0 and its margin is not."""
    value = np.abs(np.asarray(estimate, dtype=float))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(standard_error(moe) / value)


def reliability(
    estimate: pd.Series, moe: pd.Series, *, kind: Literal["count", "median", "share"]
) -> pd.Series:
    """Say how far each estimate can be read.

    Parameters
    ----------
    estimate, moe
        Estimate and its margin, same index.
    kind
        A ``share`` is judged by its margin in points, the others by their CV.

    Returns
    -------
    Series of string
        ``reliable``, ``use with care``, ``unreliable``, ``margin not published``; missing where
        there is no estimate.

    Examples
    --------
    >>> reliability(pd.Series([100.0, 100.0]), pd.Series([10.0, 90.0]), kind="count").tolist()
    ['reliable', 'unreliable']
    """
    choices = params.load("census", "reliability")
    value, margin = (part.to_numpy(dtype=float, na_value=np.nan) for part in (estimate, moe))
    level = margin if kind == "share" else coefficient_of_variation(value, margin)
    bands = choices["share" if kind == "share" else "cv"]
    words = choices["words"]
    text = np.select(
        [np.isnan(level), level <= bands["high_up_to"]["value"], level <= bands["medium_up_to"]["value"]],
        [words["none"], words["high"], words["medium"]],
        default=words["low"],
    )
    return pd.Series(text, estimate.index, dtype="string").mask(np.isnan(value))


def median_moe(counts: Floats, upper: Floats) -> Floats:
    """Margin of a median interpolated from brackets.

    The share of 50 % has a standard error; the brackets turn 50 % less and plus it into values, and
    half their distance is the median's standard error.

    Parameters
    ----------
    counts
        Households per bracket, shape (..., brackets).
    upper
        Upper bounds, rising.

    Returns
    -------
    Array of shape (...)
        NaN where there are no households, or a bound lies in the open last bracket.
    """
    error = _half_error(counts.sum(axis=-1), params.load("census", "reliability")["median_error"])
    low = bracket_value(counts, upper, np.maximum(0.5 - error, 0.0))
    high = bracket_value(counts, upper, np.minimum(0.5 + error, 1.0))
    return np.asarray(np.where(high > upper[-2], np.nan, Z90 * (high - low) / 2))


def _half_error(base: Floats, choices: Any) -> Floats:  # numbers from the catalogue
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = choices["fraction_factor"]["value"] / (choices["years"]["value"] * base) * 50.0**2
    return np.asarray(choices["design_factor"]["value"] * np.sqrt(variance) / 100.0)
