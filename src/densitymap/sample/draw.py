"""Random draws without a state: each is a pure function of a seed, a stream and keys.

A generator's answer depends on how often it was asked before, so work cut into chunks would depend
on the cut. Here the value of lot 17 is the same whether it is drawn alone or with two million. The
mixing function is SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number
generators", OOPSLA).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Keys = npt.NDArray[Any] | int

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def bits(seed: int, stream: str, *keys: Keys) -> npt.NDArray[np.uint64]:
    """Sixty-four well mixed bits for each combination of keys.

    Parameters
    ----------
    seed
        Seed of the whole sample.
    stream
        Name of what is drawn: two streams are independent.
    *keys
        Integers or integer arrays that broadcast together.
    """
    mixed = _mix(np.asarray((zlib.crc32(stream.encode()) << 32) + seed, np.uint64))
    for key in keys:
        mixed = _mix(mixed ^ _mix(np.asarray(key, np.int64).astype(np.uint64) + _GOLDEN))
    return mixed


def uniform(seed: int, stream: str, *keys: Keys) -> Floats:
    """Numbers in [0, 1), one for each combination of keys.

    Examples
    --------
    >>> a = uniform(5, "width", np.arange(4))
    >>> bool((a[2:] == uniform(5, "width", np.arange(2, 4))).all())
    True
    """
    return np.asarray((bits(seed, stream, *keys) >> np.uint64(11)) * 2.0**-53, float)


def normal(seed: int, stream: str, *keys: Keys) -> Floats:
    """Standard normal numbers, one for each combination of keys (Box and Muller 1958)."""
    radius = np.sqrt(-2.0 * np.log1p(-uniform(seed, stream + " radius", *keys)))
    return np.asarray(radius * np.cos(2.0 * np.pi * uniform(seed, stream + " angle", *keys)), float)


def pick(at: Floats, shares: Sequence[float]) -> Integers:
    """Index of the share each number in [0, 1) falls into; what the shares leave is the last index.

    Examples
    --------
    >>> pick(np.array([0.1, 0.5, 0.99]), [0.25, 0.5, 0.25]).tolist()
    [0, 1, 2]
    """
    found = np.searchsorted(np.cumsum(shares), at, side="right")
    return np.minimum(found, len(shares) - 1).astype(np.int64)


def quantile(at: Floats, table: Sequence[Sequence[float]]) -> Floats:
    """Values of a distribution given as rows of (share below, value), linear in between.

    Examples
    --------
    >>> quantile(np.array([0.0, 0.25, 1.0]), [[0.0, 40.0], [0.5, 60.0], [1.0, 100.0]]).tolist()
    [40.0, 50.0, 100.0]
    """
    share, value = np.asarray(table, float).T
    return np.asarray(np.interp(at, share, value), float)


def smooth(seed: int, stream: str, x: Floats, y: Floats, *, span: float) -> Floats:
    """Value noise: a field in [0, 1) that changes gently over a distance ``span``.

    Parameters
    ----------
    x, y
        Where the field is asked, in the unit of ``span``.
    span
        Distance between the points that carry independent values.
    """
    left, below = np.floor(x / span), np.floor(y / span)
    right_share, up_share = _ease(x / span - left), _ease(y / span - below)
    column, row = left.astype(np.int64), below.astype(np.int64)

    def corner(dx: int, dy: int) -> Floats:
        return uniform(seed, stream, column + dx, row + dy)

    low = corner(0, 0) * (1 - right_share) + corner(1, 0) * right_share
    high = corner(0, 1) * (1 - right_share) + corner(1, 1) * right_share
    return np.asarray(low * (1 - up_share) + high * up_share, float)


def _ease(share: Floats) -> Floats:
    return np.asarray(share * share * (3 - 2 * share), float)


def _mix(value: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        value = np.asarray(value + _GOLDEN, np.uint64)
        value = (value ^ (value >> np.uint64(30))) * _FIRST
        value = (value ^ (value >> np.uint64(27))) * _SECOND
        return np.asarray(value ^ (value >> np.uint64(31)), np.uint64)
