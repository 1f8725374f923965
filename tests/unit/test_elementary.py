"""The compiled loops' exponential and logarithm against the library's own."""

from __future__ import annotations

import numpy as np
import pytest

from densitymap.feasibility import elementary


@elementary.compiled
def _each(of, x, out):
    for i in range(len(x)):
        out[i] = elementary.exp(x[i]) if of == 0 else elementary.log(x[i])


@elementary.compiled
def _started(x, out):
    for i in range(len(x)):
        out[i] = elementary.started_per_rate(x[i])


def told(function, x, *before):
    out = np.empty(len(x))
    function(*before, np.asarray(x, float), out)
    return out


def test_the_exponential_is_the_librarys_to_rounding():
    x = np.concatenate([np.random.default_rng(1).uniform(-699, 699, 20_000), [0.0, 1.0, -1.0]])
    np.testing.assert_allclose(told(_each, x, 0), np.exp(x), rtol=4e-16)
    assert told(_each, [0.0], 0)[0] == 1.0


def test_what_is_next_to_nothing_is_nothing_and_nothing_overflows():
    assert told(_each, [-np.inf, -1e9, -700.0], 0).tolist() == [0.0, 0.0, 0.0]
    assert np.isfinite(told(_each, [1e9], 0)).all()


def test_the_logarithm_is_the_librarys_to_rounding():
    rng = np.random.default_rng(2)
    x = np.concatenate([np.exp(rng.uniform(-600, 600, 20_000)), rng.uniform(0.5, 2, 20_000)])
    own = told(_each, x, 1)
    assert np.all(np.abs(own - np.log(x)) <= 4e-16 * np.maximum(1, np.abs(np.log(x))))
    assert told(_each, [1.0], 1)[0] == 0.0


@pytest.mark.parametrize("x", [0.0, 1e-12, 9.9e-4, 1.1e-3, 0.3, 5.0, 60.0])
def test_what_starts_per_rate(x):
    expected = -np.expm1(-x) / x if x else 1.0
    np.testing.assert_allclose(told(_started, [x])[0], expected, rtol=1e-12)
