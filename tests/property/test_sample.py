"""What holds for any seed and size of the sample."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from densitymap.sample.acs import median_of_classes
from densitymap.sample.areas import block_shapes, boundaries, census_areas
from densitymap.sample.draw import quantile, smooth, uniform
from densitymap.sample.landmarks import landmarks
from densitymap.sample.people import apportion
from densitymap.sample.plan import draw_plan, lot_chunks
from densitymap.sample.write import draw_lots, with_degrees

seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=12, deadline=None)
@given(n_lots=st.integers(500, 2_500), seed=seeds)
def test_a_plan_holds_exactly_the_lots_asked_for(n_lots, seed):
    plan = draw_plan(n_lots, seed)
    lots = list(lot_chunks(plan, lots_at_once=400))
    numbers = np.concatenate([chunk["number"].to_numpy() for chunk in lots])
    assert np.array_equal(np.sort(numbers), np.arange(n_lots))
    keys = np.concatenate([chunk["key"].to_numpy() for chunk in lots])
    assert len(np.unique(keys)) == n_lots
    assert plan.cells["block"].is_unique
    assert "Reynoldstown" in set(plan.cells["neighborhood"])


@settings(max_examples=8, deadline=None)
@given(seed=seeds)
def test_lots_have_area_width_and_sound_buildings(seed):
    plan = with_degrees(draw_plan(600, seed))
    for chunk in lot_chunks(plan, lots_at_once=5_000):
        lots, shapes, _ = draw_lots(plan, chunk)
        assert (lots["s1"] - lots["s0"] > 10).all()
        assert (lots["depth_ft"] > 50).all()
        assert (lots["area_ft2"] > 500).all()
        assert not any(shape is None for shape in shapes)
        assert (lots["floor_ft2"] <= 2.4 * lots["area_ft2"]).all()
        assert ((lots["homes"] == 0) | (lots["floor_ft2"] > 0)).all()


@given(
    totals=arrays(np.int64, 4, elements=st.integers(0, 100_000)),
    shares=arrays(float, (4, 6), elements=st.floats(0.001, 1)),
)
def test_parts_sum_to_their_totals_and_stay_near_their_shares(totals, shares):
    parts = apportion(totals, shares)
    assert (parts.sum(axis=1) == totals).all()
    exact = totals[:, None] * shares / shares.sum(axis=1, keepdims=True)
    assert (np.abs(parts - exact) < 1 + 1e-6).all()


@given(counts=arrays(np.int64, (3, 17), elements=st.integers(0, 500)), extra=st.integers(0, 500))
def test_a_median_lies_in_bounds_and_rises_with_rich_households(counts, extra):
    before = median_of_classes(counts)
    assert ((before >= 0) & (before <= 250_001)).all()
    more = counts.copy()
    more[:, -1] += extra
    assert (median_of_classes(more) >= before - 1e-6).all()


@given(seed=seeds, key=st.integers(0, 2**40))
def test_draws_are_in_range_and_repeat(seed, key):
    first = uniform(seed, "x", key)
    assert 0 <= first < 1
    assert first == uniform(seed, "x", key)
    assert 0 <= smooth(seed, "x", np.array([float(key)]), np.array([-3.0]), span=1000.0)[0] < 1


@given(at=arrays(float, 20, elements=st.floats(0, 1)))
def test_quantiles_keep_order(at):
    table = [[0.0, 40.0], [0.3, 55.0], [1.0, 120.0]]
    values = quantile(np.sort(at), table)
    assert (np.diff(values) >= 0).all()
    assert ((values >= 40) & (values <= 120)).all()


@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_no_layer_of_the_smallest_sample_is_empty(seed):
    plan = with_degrees(draw_plan(500, seed))
    blocks = block_shapes(plan)
    layers = landmarks(plan, blocks) | boundaries(plan, blocks) | census_areas(plan, blocks)
    assert all(len(layer) for layer in layers.values())
    held = plan.cells[plan.cells["lots"] > 0]
    assert set(held["county"]) == {"Fulton", "DeKalb"}
    assert held["tract_2020"].nunique() > held["tract_2010"].nunique() or held["tract_2020"].nunique() >= 6
    assert {"R-4", "R-4A", "R-5"} <= set(held["zone"].dropna())
