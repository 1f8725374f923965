"""Medians of the other houses of a block face, against leaving each one out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densitymap.capacity import block_face


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", None]), st.one_of(st.none(), st.integers(0, 9))), max_size=12
    )
)
def test_medians_of_others_agree_with_leaving_one_out(rows):
    group = pd.Series([name for name, _ in rows], dtype="string")
    values = pd.Series([value for _, value in rows], dtype="Float64")
    median, known = block_face.medians_of_others(values, group, least=1)
    for at in range(len(rows)):
        same = group.eq(group.iloc[at]).fillna(value=False).to_numpy(bool)
        same[at] = False
        others = values[same].dropna().astype(float)
        assert known.iloc[at] == len(others)
        expected = np.median(others) if len(others) else np.nan
        assert median.iloc[at] == pytest.approx(expected, nan_ok=True)
