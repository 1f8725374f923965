"""The real permits whose coordinates belong to other rows are refused; their good rows are not."""

from __future__ import annotations

import pandas as pd
import pytest

from densitymap.errors import ValidationError
from densitymap.feasibility.permits import believed, contradictions, read_permits


@pytest.fixture(scope="module")
def table(real_dir):
    return pd.read_csv(real_dir / "fixtures" / "permits_misaligned_coordinates.csv", dtype="string")


def read(table):
    return read_permits(table, today="2026-11-24")


def test_the_misaligned_file_is_refused_naming_rows(table):
    with pytest.raises(ValidationError, match="belong to other rows") as fault:
        believed(read(table), where="permits.csv")
    named = " ".join(fault.value.faults)
    truly = table.loc[table["coord_mismatch"] == "1", "record_id"]
    assert sum(record in named for record in truly) >= 12


def test_hardly_any_good_row_is_named(table):
    doubts = contradictions(read(table))
    good = (table["coord_mismatch"] == "0").to_numpy()
    assert doubts.loc[good, "weight"].sum() <= 0.5


def test_the_good_rows_alone_are_believed(table):
    good = table[table["coord_mismatch"] == "0"]
    assert len(believed(read(good))) == len(good)


def test_the_label_of_the_file_is_not_what_tells(table):
    flipped = table.assign(coord_mismatch="0", zoning=pd.NA)
    pd.testing.assert_frame_equal(contradictions(read(flipped)), contradictions(read(table)))
