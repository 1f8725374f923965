"""Exponential and logarithm that compile into loops over many draws at once.

The library's own are called one number at a time, so that a loop with one in it runs a number at a time;
these are plain arithmetic on the bits of a double, and eight draws go through at once. Method: reduction
to a short interval and a series (Cody and Waite 1980, chapters 5 and 6).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

try:
    import numba
except ImportError:  # the speed extra is not installed
    numba = None

HAS_NUMBA = numba is not None

LEAST_LOG = -700.0
"""Logarithm at and below which a number is nothing."""

_MOST_LOG = 700.0
_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_ROUND = 6755399441055744.0
"""1.5 x 2^52: a double plus this holds the nearest whole number in its low bits."""
_BIAS, _MANTISSA_BITS = 1023, 52
_MANTISSA, _ONE = (1 << 52) - 1, 1023 << 52
_TWO_52, _TWO_52_BITS = 4503599627370496.0, 1075 << 52
_SQRT_2 = 1.4142135623730951
_SERIES_FROM = 1e-3


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile with numba where it is installed; give the function itself otherwise."""
    return _compiled(function)


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile into its callers: a call with ten arrays costs as much as a small lot's arithmetic."""
    return _compiled(function, inline="always")


def _compiled(function: Callable[..., Any], **how: str) -> Callable[..., Any]:
    if numba is None:
        return function
    options = {"nogil": True, "error_model": "numpy", **how}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder to cache in
        return numba.njit(**options)(function)


@inlined
def exp(x: Any) -> Any:
    """Exponential to 2e-16; exactly 0 at and below :data:`LEAST_LOG`, capped above 700."""
    held = min(max(x, LEAST_LOG), _MOST_LOG)
    shifted = held * _LOG2_E + _ROUND
    whole = shifted - _ROUND
    r = (held - whole * _LN2_HIGH) - whole * _LN2_LOW
    series = 1.0 / 39916800 + r * (1.0 / 479001600 + r * (1.0 / 6227020800))
    series = 1.0 / 40320 + r * (1.0 / 362880 + r * (1.0 / 3628800 + r * series))
    series = 1.0 / 120 + r * (1.0 / 720 + r * (1.0 / 5040 + r * series))
    series = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6 + r * (1.0 / 24 + r * series))))
    bits = (np.float64(shifted).view(np.int64) + np.int64(_BIAS)) << np.int64(_MANTISSA_BITS)
    return series * np.int64(bits).view(np.float64) if x > LEAST_LOG else 0.0


@inlined
def log(x: Any) -> Any:
    """Logarithm of a normal number above 0, to 4e-16 of the larger of itself and 1."""
    bits = np.float64(x).view(np.int64)
    power = np.int64((bits >> np.int64(_MANTISSA_BITS)) | np.int64(_TWO_52_BITS)).view(np.float64)
    part = np.int64((bits & np.int64(_MANTISSA)) | np.int64(_ONE)).view(np.float64)
    is_high = part > _SQRT_2
    power = power - _TWO_52 - (_BIAS - 1.0 if is_high else 1.0 * _BIAS)
    part = 0.5 * part if is_high else part
    f = (part - 1.0) / (part + 1.0)
    s = f * f
    series = 1.0 / 15 + s * (1.0 / 17 + s * (1.0 / 19 + s * (1.0 / 21)))
    series = 1.0 / 7 + s * (1.0 / 9 + s * (1.0 / 11 + s * (1.0 / 13 + s * series)))
    series = 1.0 + s * (1.0 / 3 + s * (1.0 / 5 + s * series))
    return (power * _LN2_HIGH + 2.0 * f * series) + power * _LN2_LOW


@inlined
def started_per_rate(x: Any) -> Any:
    """``(1 - exp(-x)) / x`` of a rate x >= 0, 1 at 0."""
    short = 1.0 - x * (0.5 - x * (1.0 / 6 - x * (1.0 / 24 - x * (1.0 / 120))))
    whole = (1.0 - exp(-x)) / max(x, _SERIES_FROM)
    return whole if x > _SERIES_FROM else short
