"""The closed verbs an index may be written in: arrays in, array out.

Values are float arrays whose last axis is the tract; a leading axis, if any, is the draw. NaN is
"unknown", truth is 1.0 or 0.0, and logic is Kleene's: ``false and unknown`` is false, ``true and
unknown`` is unknown. What a tract is compared with (medians, ranks) is taken from the reference
set, and again in every draw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """What the verbs compare a tract with."""

    reference: npt.NDArray[np.bool_]
    """Which tracts form the reference set, one flag per tract."""
    neighbours: npt.NDArray[np.intp]
    """Pairs (tract, neighbour) of row positions, shape (n, 2)."""


def percentile(of: Floats, setting: Setting, *, reverse: bool = False) -> Floats:
    """Place among the reference set from 0 to 1: the share below, ties counted half."""
    flat = np.atleast_2d(of)
    result = np.full(flat.shape, np.nan)
    for row, out in zip(flat, result, strict=True):
        known = np.sort(row[setting.reference & ~np.isnan(row)])
        if known.size:
            below = np.searchsorted(known, row, "left")
            out[:] = (below + np.searchsorted(known, row, "right")) / (2 * known.size)
    result[np.isnan(flat)] = np.nan
    return ((1 - result) if reverse else result).reshape(of.shape)


def zscore(of: Floats, setting: Setting, *, reverse: bool = False) -> Floats:
    """Count standard deviations above the reference mean; 0 everywhere if it does not vary."""
    known = _reference(of, setting)
    mean, deviation = _nan(np.nanmean, known), _nan(np.nanstd, known)
    score = np.where(deviation > 0, (of - mean) / np.where(deviation > 0, deviation, 1.0), of - mean)
    return -score if reverse else score


def mean(of: Sequence[Floats], _setting: Setting, *, weights: Sequence[float] | None = None) -> Floats:
    """Weighted mean; unknown if any part is."""
    share = np.ones(len(of)) if weights is None else np.asarray(weights, dtype=float)
    return np.asarray(np.tensordot(share / share.sum(), np.stack(np.broadcast_arrays(*of)), axes=1))


def difference(of: Sequence[Floats], _setting: Setting) -> Floats:
    """Subtract the second from the first."""
    return of[0] - of[1]


def ratio(of: Sequence[Floats], _setting: Setting) -> Floats:
    """Divide the first by the second; unknown where the second is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(of[1] == 0, np.nan, of[0] / of[1])


def relative_change(of: Sequence[Floats], _setting: Setting) -> Floats:
    """Change from the first to the second over the first; unknown where the first is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(of[0] == 0, np.nan, of[1] / of[0] - 1)


def over_reference(of: Floats, setting: Setting, *, quantile: float = 0.5) -> Floats:
    """Value over the reference set's quantile."""
    return ratio([of, _quantile(of, setting, quantile)], setting)


def less_reference(of: Floats, setting: Setting, *, quantile: float = 0.5) -> Floats:
    """Value less the reference set's quantile."""
    return of - _quantile(of, setting, quantile)


def above(of: Floats, setting: Setting, *, quantile: float = 0.5, or_equal: bool = False) -> Floats:
    """Whether the value exceeds the reference set's quantile (or equals it, if so stated)."""
    return _truth(of, _quantile(of, setting, quantile), ">=" if or_equal else ">")


def below(of: Floats, setting: Setting, *, quantile: float = 0.5, or_equal: bool = False) -> Floats:
    """Whether the value is under the reference set's quantile (or equals it, if so stated)."""
    return _truth(of, _quantile(of, setting, quantile), "<=" if or_equal else "<")


def change_above_reference(
    of: Sequence[Floats], setting: Setting, *, relative: bool = False, or_equal: bool = False
) -> Floats:
    """Whether the change exceeds the change of the reference set's own medians."""
    before, after = (_quantile(values, setting, 0.5) for values in of)
    change = relative_change if relative else (lambda pair, _setting: pair[1] - pair[0])
    return _truth(change(of, setting), change([before, after], setting), ">=" if or_equal else ">")


def compare(of: Floats, _setting: Setting, *, op: str, value: float) -> Floats:
    """Whether the value stands in a relation (``>``, ``>=``, ``<``, ``<=``, ``==``) to a number."""
    return _truth(of, np.asarray(value, dtype=float), op)


def quantile_group(of: Floats, setting: Setting, *, groups: int) -> Floats:
    """Group of equal numbers of reference tracts, 1 (lowest) to ``groups``; an edge is in the lower."""
    result = np.where(np.isnan(of), np.nan, 1.0)
    for step in range(1, groups):
        result = result + (of > _quantile(of, setting, step / groups))
    return result


def all_of(of: Sequence[Floats], _setting: Setting) -> Floats:
    """Whether all are true."""
    parts = np.stack(np.broadcast_arrays(*of))
    false = (parts == 0).any(axis=0)
    return np.where(false, 0.0, np.where(np.isnan(parts).any(axis=0), np.nan, 1.0))


def any_of(of: Sequence[Floats], setting: Setting) -> Floats:
    """Whether any is true."""
    return 1 - all_of([1 - part for part in of], setting)


def none_of(of: Sequence[Floats], setting: Setting) -> Floats:
    """Whether none is true."""
    return all_of([1 - part for part in of], setting)


def count_at_least(of: Sequence[Floats], _setting: Setting, *, n: int) -> Floats:
    """Whether at least ``n`` are true, whatever the unknown ones are; unknown if they decide."""
    parts = np.stack(np.broadcast_arrays(*of))
    true, unknown = (parts == 1).sum(axis=0), np.isnan(parts).sum(axis=0)
    return np.where(true >= n, 1.0, np.where(true + unknown < n, 0.0, np.nan))


def touches(of: Floats, setting: Setting) -> Floats:
    """Whether any neighbouring tract is true; false without neighbours."""
    here, there = setting.neighbours.T
    pairs = np.zeros((of.shape[-1], of.shape[-1]))
    pairs[here, there] = 1.0
    yes = (of == 1).astype(float) @ pairs.T
    unknown = np.isnan(of).astype(float) @ pairs.T
    return np.where(yes > 0, 1.0, np.where(unknown > 0, np.nan, 0.0))


def _reference(of: Floats, setting: Setting) -> Floats:
    return np.where(setting.reference, of, np.nan)


def _nan(statistic: Callable[..., Any], values: Floats) -> Floats:
    """Take a NaN-ignoring statistic along the tracts, NaN where nothing is known."""
    empty = np.isnan(values).all(axis=-1, keepdims=True)
    filled = np.where(empty, 0.0, values)
    return np.where(empty, np.nan, statistic(filled, axis=-1, keepdims=True))


def _quantile(of: Floats, setting: Setting, quantile: float) -> Floats:
    return _nan(lambda values, **kw: np.nanquantile(values, quantile, **kw), _reference(of, setting))


_OPERATORS: Mapping[str, Callable[[Floats, Floats], Any]] = {
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "<=": np.less_equal,
    "==": np.equal,
}


def _truth(left: Floats, right: Floats, op: str) -> Floats:
    unknown = np.isnan(left) | np.isnan(right)
    return np.where(unknown, np.nan, _OPERATORS[op](left, right).astype(float))


VERBS: Mapping[str, Callable[..., Floats]] = {
    verb.__name__: verb
    for verb in (
        percentile,
        zscore,
        mean,
        difference,
        ratio,
        relative_change,
        over_reference,
        less_reference,
        above,
        below,
        change_above_reference,
        compare,
        quantile_group,
        all_of,
        any_of,
        none_of,
        count_at_least,
        touches,
    )
}
"""Every verb by the name used in ``catalog/indices``."""
