"""Draws depend on their keys alone; choices carry units and citations."""

import numpy as np
import pytest

from densitymap import params
from densitymap.errors import ValidationError
from densitymap.sample import settings
from densitymap.sample.draw import normal, pick, quantile, smooth, uniform


def test_a_draw_is_the_same_alone_and_among_others():
    together = uniform(5, "width", np.arange(1000))
    alone = np.array([uniform(5, "width", k).item() for k in (0, 17, 999)])
    np.testing.assert_array_equal(together[[0, 17, 999]], alone)


def test_streams_seeds_and_keys_are_told_apart():
    keys = np.arange(2000)
    draws = [
        uniform(5, "a", keys),
        uniform(5, "b", keys),
        uniform(6, "a", keys),
        uniform(5, "a", keys, 1),
        uniform(5, "a", 1, keys),
    ]
    for k, first in enumerate(draws):
        for second in draws[k + 1 :]:
            assert abs(np.corrcoef(first, second)[0, 1]) < 0.08


def test_draws_are_even_and_normal():
    flat, bell = uniform(1, "x", np.arange(20_000)), normal(1, "x", np.arange(20_000))
    assert flat.min() >= 0
    assert flat.max() < 1
    np.testing.assert_allclose(np.quantile(flat, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.015)
    np.testing.assert_allclose([bell.mean(), bell.std()], [0, 1], atol=0.03)


def test_pick_follows_the_shares():
    found = np.bincount(pick(uniform(2, "kind", np.arange(20_000)), [0.7, 0.2, 0.1]), minlength=3)
    np.testing.assert_allclose(found / 20_000, [0.7, 0.2, 0.1], atol=0.015)
    assert pick(np.array([0.999]), [0.3, 0.3]).tolist() == [1]  # rounding never falls off the end


def test_quantile_gives_the_table_back():
    table = [[0.0, 40.0], [0.5, 60.0], [1.0, 100.0]]
    assert quantile(np.array([0.0, 0.5, 0.75, 1.0]), table).tolist() == [40.0, 60.0, 80.0, 100.0]


def test_the_field_is_continuous():
    x = np.linspace(-5000, 5000, 2001)
    field = smooth(3, "price", x, np.zeros_like(x), span=1000.0)
    assert np.abs(np.diff(field)).max() < 0.02
    assert np.ptp(field) > 0.2


def test_every_choice_has_a_unit_and_a_citation():
    assert len(settings.load()) > 100


def test_a_choice_without_citation_is_refused(monkeypatch):
    record = {"a": {"b": {"value": 1, "unit": "ft"}, "c": {"value": 2, "cite": "x"}}}
    monkeypatch.setattr(params, "load", lambda *_: record)
    with pytest.raises(ValidationError) as fault:
        settings.load("no such sample")
    assert fault.value.faults == ("a.b: has no cite", "a.c: has no unit")
