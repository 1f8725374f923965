"""However many cells are asked: each once, in calls the API takes, never parted from its margin."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from densitymap.fetch.census_api import Question, chunks, variables_of

TABLES = st.lists(st.integers(0, 99_999), min_size=1, max_size=90, unique=True)


def question(tables, *, margins):
    cells = tuple(f"B{number:05d}_001" for number in tables)
    return Question(
        dataset="acs/acs5", year=2024, level="tract", state="13", counties=("121",), cells=cells, margins=margins
    )  # fmt: skip


@given(TABLES, st.booleans())
def test_calls_are_small_whole_and_in_order(tables, margins):
    wanted = variables_of(question(tables, margins=margins))
    calls = list(chunks(wanted))
    assert [name for call in calls for name in call] == wanted
    assert all(0 < len(call) + 2 <= 50 for call in calls)
    assert len(calls) == -(-len(wanted) // 48)


@given(TABLES)
def test_an_estimate_and_its_margin_share_a_call(tables):
    for call in chunks(variables_of(question(tables, margins=True))):
        assert {name[:-1] for name in call if name.endswith("E")} == {
            name[:-1] for name in call if name.endswith("M")
        }
