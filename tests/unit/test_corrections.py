"""Facts corrected by hand: applied only while the old value holds, refused as a whole when a row is wrong."""

from __future__ import annotations

import shutil

import geopandas as gpd
import pandas as pd
import pytest

from commands import densitymap
from densitymap.errors import ValidationError
from densitymap.parcels.corrections import COLUMNS, corrected


@pytest.fixture
def lots():
    return pd.DataFrame(
        {
            "parcel_id": pd.array(["a", "b", "c"], dtype="string"),
            "existing_units": pd.array([1, 2, None], dtype="Int64"),
            "existing_units_source": pd.array(["assessor", "assessor", None], dtype="string"),
            "is_built": pd.array([True, None, False], dtype="boolean"),
        }
    )


def edits(*rows):
    table = pd.DataFrame([dict(zip(COLUMNS, row, strict=True)) for row in rows])
    return table.astype("string")


def test_an_edit_is_applied_while_its_old_value_holds(lots):
    found, told = corrected(
        lots,
        edits(
            ("a", "existing_units", "1", "2", "two doors", "site visit 2026-05"),
            ("b", "existing_units", "1", "3", "three doors", "site visit"),
            ("c", "existing_units", "", "0", "burnt down", "permit"),
            ("c", "is_built", "false", "true", "stands", "site visit"),
            ("z", "existing_units", "1", "2", "gone", "site visit"),
        ),
        where="x.csv",
    )
    assert found["existing_units"].tolist() == [2, 2, 0]
    assert found["is_built"].tolist() == [True, pd.NA, True]
    assert found["existing_units_source"].tolist() == [
        "hand correction: site visit 2026-05", "assessor", "hand correction: permit",
    ]  # fmt: skip
    assert found.dtypes.equals(lots.dtypes)
    assert len(told) == 2
    assert any(line.startswith("b: existing_units not applied, it is 2") for line in told)
    assert any(line.startswith("z: ") and "not in the area" in line for line in told)
    assert lots["existing_units"].tolist() == [1, 2, pd.NA]


def test_every_fault_of_the_file_is_told_at_once(lots):
    with pytest.raises(ValidationError) as caught:
        corrected(
            lots,
            edits(
                ("a", "existing_unit", "1", "2", "x", "y"),
                ("a", "existing_units", "1", "many", "x", "y"),
                ("b", "existing_units", "2", "-1", "x", "y"),
                ("b", "existing_units", "2", "3", "", "y"),
                ("c", "is_built", "", "perhaps", "x", "y"),
            ),
            where="x.csv",
        )
    said = str(caught.value)
    for words in (
        "existing_unit may not",
        "existing_units",
        "'many'",
        "'-1'",
        "reason is empty",
        "twice",
        "'perhaps'",
    ):
        assert words in said
    assert "x.csv" in said


def test_the_build_applies_them_and_tells_what_it_left(sample_space, tmp_path):
    space = tmp_path / "space"
    shutil.copytree(sample_space, space)
    lots = gpd.read_parquet(space / "data/3_parcels/parcels.parquet")
    known = lots[lots["existing_units"].notna()].iloc[0]
    place = space / "data" / "corrections"
    place.mkdir()
    edits(
        (known["parcel_id"], "existing_units", str(known["existing_units"]), "7", "seen", "site visit"),
        ("not-here", "existing_units", "1", "2", "seen", "site visit"),
    ).to_csv(place / "atlanta.csv", index=False)
    ran = densitymap("build", "--workspace", space, "--json")
    assert ran.code == 0
    assert ran.document["corrections"]["given"] == 2
    assert len(ran.document["corrections"]["not_applied"]) == 1
    after = gpd.read_parquet(space / "data/3_parcels/parcels.parquet").set_index("parcel_id")
    assert after.loc[known["parcel_id"], "existing_units"] == 7
    assert after.loc[known["parcel_id"], "existing_units_source"] == "hand correction: site visit"
