"""Relations that must hold for any census counts, brackets and scores."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from shapely.geometry import Point, box

from densitymap.displacement import acs, scoring
from densitymap.displacement.apportion import OUTSIDE, apportion, crosswalk, rebuild
from densitymap.displacement.correct import median_from_brackets, share_below
from densitymap.errors import ValidationError

COUNT = st.floats(0, 1e5)
UPPER = np.array([10_000.0, 20_000.0, 50_000.0, 100_000.0])


def grid(columns, rows, size=100.0, shift=0.0):
    shapes = [
        box(size * i + shift, size * j, size * (i + 1) + shift, size * (j + 1))
        for i in range(columns)
        for j in range(rows)
    ]
    return gpd.GeoDataFrame(geometry=shapes, index=[f"s{number}" for number in range(len(shapes))], crs=2240)


@settings(max_examples=40, deadline=None)
@given(
    counts=arrays(float, 6, elements=COUNT),
    shift=st.floats(-150, 150),
    spots=st.lists(st.tuples(st.floats(0, 300), st.floats(0, 200), st.integers(0, 50)), max_size=12),
)
def test_apportioning_conserves_totals(counts, shift, spots):
    sources, targets = grid(3, 2), grid(2, 2, 150.0, shift).set_axis(["a", "b", "c", "d"])
    points = gpd.GeoDataFrame(
        {"population": [float(size) for *_, size in spots]},
        geometry=[Point(x, y) for x, y, _ in spots],
        crs=2240,
    )
    values = pd.DataFrame({"population": counts}, index=sources.index)
    blocks, cover = points if len(points) else None, grid(1, 1, 130.0)
    for given_points, edge in ((None, None), (blocks, None), (blocks, cover)):
        pairs = crosswalk(sources, targets, points=given_points, cover=edge)
        assert np.allclose(pairs.groupby("source")["share"].sum(), 1)
        assert (pairs["share"] >= 0).all()
        found = apportion(values, pairs)
        assert float(found["population"].sum()) == pytest.approx(counts.sum(), rel=1e-9, abs=1e-9)
        assert set(found.index) <= {*targets.index, OUTSIDE}


@settings(max_examples=60, deadline=None)
@given(counts=arrays(float, 4, elements=COUNT), cut=st.floats(10_000, 99_000), more=st.floats(0, 900))
def test_share_below_rises_with_the_cut(counts, cut, more):
    share = share_below(counts, UPPER, cut)
    if counts.sum() > 0:
        assert -1e-12 <= share <= 1 + 1e-12
        assert share_below(counts, UPPER, cut + more) >= share - 1e-9


@settings(max_examples=60, deadline=None)
@given(counts=arrays(float, 4, elements=st.floats(1, 1e5)))
def test_half_lie_below_the_median(counts):
    median = median_from_brackets(counts, UPPER)
    assert 0 <= median <= UPPER[-1]
    if UPPER[0] < median < UPPER[-1] * 0.999:
        assert share_below(counts, UPPER, median) == pytest.approx(0.5, abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(part=st.floats(0, 1e4), rest=st.floats(0, 1e4), moes=st.tuples(st.floats(0, 1e3), st.floats(0, 1e3)))
def test_margins_are_never_negative_or_falsely_certain(part, rest, moes):
    whole = part + rest
    margin = acs.proportion_moe(part, whole, *moes)
    if whole > 0:
        assert margin >= 0
        assert margin > 0 or moes[0] == 0
    assert acs.sum_moe([part, rest], moes) <= sum(moes) + 1e-9


@settings(max_examples=60, deadline=None)
@given(data=st.data(), n=st.integers(2, 40))
def test_auc_by_pairs(data, n):
    truth = np.array(data.draw(st.lists(st.sampled_from([0.0, 1.0]), min_size=n, max_size=n)))
    score = np.array(data.draw(st.lists(st.integers(0, 5), min_size=n, max_size=n)), dtype=float)
    weights = np.array([data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))], dtype=float)
    found = scoring.auc(truth, score, weights)[0]
    wins = (score[:, None] > score[None, :]) + 0.5 * (score[:, None] == score[None, :])
    pair = weights[0][:, None] * weights[0][None, :] * truth[:, None] * (1 - truth[None, :])
    if pair.sum() > 0:
        assert found == pytest.approx((wins * pair).sum() / pair.sum())
    else:
        assert np.isnan(found)


def test_medians_are_never_summed():
    sources, targets = grid(2, 1), grid(1, 1, 200.0)
    pairs = crosswalk(sources, targets)
    values = pd.DataFrame({"median_gross_rent_usd": [900.0, 1000.0]}, index=sources.index)
    with pytest.raises(ValidationError, match="not a count"):
        apportion(values, pairs, columns=["median_gross_rent_usd"])


def test_a_missing_part_makes_the_sum_missing():
    sources, targets = grid(2, 1), grid(1, 1, 200.0)
    values = pd.DataFrame(
        {"population": [900.0, np.nan], "population_moe": [30.0, 40.0]}, index=sources.index
    )
    found = apportion(values, crosswalk(sources, targets))
    assert pd.isna(found["population"].iloc[0])
    assert found["population_moe"].iloc[0] == pytest.approx(50)


def test_rebuilt_shares_and_medians():
    names = [
        f"households_income_to_{top}k"
        for top in (10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 75, 100, 125, 150, 200)
    ]
    counts = pd.DataFrame({name: [10.0] for name in [*names, "households_income_over_200k"]}, index=["a"])
    counts["households"], counts["renter_households"] = 160.0, 40.0
    found = rebuild(counts)
    assert found["renter_share"].iloc[0] == 0.25
    assert found["median_household_income_usd"].iloc[0] == pytest.approx(45_000)
    assert found["median_household_income_usd_moe"].iloc[0] > 0
    assert "median_gross_rent_usd" not in found
    counts["households_income_over_200k"] = 1000.0
    assert pd.isna(rebuild(counts)["median_household_income_usd"].iloc[0])
