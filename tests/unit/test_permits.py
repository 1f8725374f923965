"""Permits: kinds by their words, dates, addresses, and coordinates that belong to other rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from densitymap.errors import ValidationError
from densitymap.feasibility.addresses import parts
from densitymap.feasibility.permits import believed, contradictions, kinds, read_permits

TODAY = "2026-11-24"
LAT, LON = 33.745, -84.35
"""South-east of Five Points."""


def city(streets: int = 30, numbers: int = 12) -> pd.DataFrame:
    """A good file: streets 600 ft apart running east, house numbers 40 ft apart, a hundred a block."""
    rows = [
        {
            "RecordID": f"BB-{street:02d}{number:03d}",
            "Address": f"{100 + 20 * number} {chr(65 + street % 26)}{street} STREET SE, ATLANTA, GA 303{street % 4}6",
            "TypeCombo": ("Accessory Dwelling Unit", "Residential Addition", "Two Family New")[number % 3],
            "OrigOpened": f"20{15 + number % 9}-03-0{1 + street % 9}",
            "lat": str(LAT - 0.00165 * street),
            "lon": str(LON + 0.00045 * number),
        }
        for street in range(streets)
        for number in range(numbers)
    ]
    table = pd.DataFrame(rows, dtype="string")
    return table.assign(Address=table["Address"].str.replace(r"303\d6$", "30316", regex=True))


def read(table: pd.DataFrame) -> pd.DataFrame:
    return read_permits(table.astype("string"), today=TODAY)


def lots_of(table: pd.DataFrame) -> pd.DataFrame:
    found = read(table)
    return pd.DataFrame(
        {"site_address": found["address"].str.split(",").str[0].str.replace(" STREET ", " ST "),
         "x_ft": found["x_ft"], "y_ft": found["y_ft"]}
    )  # fmt: skip


def shifted(table: pd.DataFrame, by: int) -> pd.DataFrame:
    moved = table.copy()
    moved[["lat", "lon"]] = np.roll(table[["lat", "lon"]].to_numpy(), by, axis=0)
    return moved


def test_a_good_file_is_not_refused_and_loses_no_row():
    table = city()
    kept = believed(read(table), lots=lots_of(table))
    assert len(kept) == len(table)
    assert contradictions(read(table))["weight"].sum() == 0


@pytest.mark.parametrize("by", [1, 7, 100])
def test_coordinates_moved_by_some_rows_are_refused_beside_lots(by):
    table = city()
    with pytest.raises(ValidationError, match="belong to other rows") as fault:
        believed(read(shifted(table, by)), lots=lots_of(table), where="permits.csv")
    assert "permits.csv" in str(fault.value)
    assert any("BB-" in line for line in fault.value.faults)


def test_shuffled_coordinates_are_refused_without_any_lots():
    table = city()
    order = np.random.default_rng(2).permutation(len(table))
    table[["lat", "lon"]] = table[["lat", "lon"]].to_numpy()[order]
    with pytest.raises(ValidationError, match="belong to other rows"):
        believed(read(table))


def test_a_few_bad_geocodes_are_set_aside_and_named():
    table = city()
    table.loc[[10, 200], "lat"] = "33.83"
    kept = believed(read(table))
    assert len(table) - len(kept) == 2
    assert {line.split(" ")[0] for line in kept.attrs["set_aside"]} == set(table.loc[[10, 200], "RecordID"])


def test_the_answer_column_of_a_file_is_never_read():
    table = city().assign(coord_mismatch="1")
    assert contradictions(read(table))["weight"].sum() == 0


def test_the_other_quadrant_is_told():
    table = city(1, 3).assign(Address=["1 A STREET NW", "3 B STREET SE", "5 C STREET SW"])
    found = contradictions(read(table))
    assert found["weight"].tolist() == [1.0, 0.0, 1.0]
    assert "quadrant" in found["reason"].iloc[0]


def test_one_address_at_two_places_is_doubted_by_half():
    table = city(1, 2).assign(Address="77 A STREET SE")
    table["lon"] = [str(LON), str(LON + 0.01)]
    assert contradictions(read(table))["weight"].tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Accessory Dwelling Unit", "adu"),
        ("ADU - detached", "adu"),
        ("Adult care alteration", "other"),
        ("Two-Family New", "duplex"),
        ("Duplex Addition", "other"),
        ("Residential New Construction", "new_house"),
        ("Multi Family New", "other"),
        ("Commercial New", "other"),
        ("Residential Demolition", "demolition"),
        ("Commercial Demolition", "other"),
        ("Triplex", "triplex_or_more"),
        (None, "other"),
    ],
)
def test_kinds_by_their_words(text, kind):
    assert kinds(pd.Series([text], dtype="string")).tolist() == [kind]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("102 Kirkwood Road NE, ATLANTA, GA 30317", (102, "KIRKWOOD RD NE", "NE", "30317")),
        ("995 MEMORIAL DR SE, #OUTPARCEL, ATLANTA, GA 30316", (995, "MEMORIAL DR SE", "SE", "30316")),
        ("${alert(1)} 159 WYLIE STREET SE", (159, "WYLIE ST SE", "SE", None)),
        ("0 MORELAND AVENUE SE", (None, None, None, None)),
        ("<img onerror=x>", (None, None, None, None)),
        ("1160 M.L. KING JR DR SW APT 4", (1160, "ML KING JR DR SW", "SW", None)),
        (None, (None, None, None, None)),
    ],
)
def test_addresses_are_taken_apart(text, expected):
    row = parts(pd.Series([text], dtype="string")).iloc[0]
    assert tuple(None if pd.isna(value) else value for value in row) == expected


def test_dates_may_be_text_or_milliseconds_and_others_are_faults():
    table = city(8, 12)
    table.loc[0, "OrigOpened"] = "1546387200000"
    table.loc[[1, 2, 3], "OrigOpened"] = ["2031-01-01", "yesterday", "1901-05-05"]
    found = read(table)
    assert found.loc[0, "date"] == pd.Timestamp("2019-01-02")
    assert not set(found.index) & {1, 2, 3}
    told = " ".join(found.attrs["set_aside"])
    assert "in the future" in told
    assert "cannot be read" in told
    assert "before any permit system" in told


def test_many_faults_are_refused_once_with_the_rows():
    table = city(3, 10).assign(OrigOpened="2031-01-01")
    with pytest.raises(ValidationError, match="30 of 30 rows") as fault:
        read(table)
    assert fault.value.faults[-1] == "and 10 more"


def test_another_table_is_refused_naming_what_is_absent():
    with pytest.raises(ValidationError) as fault:
        read(pd.DataFrame({"price": ["1"], "size": ["2"]}))
    text = str(fault.value)
    assert "record_type" in text
    assert "date_opened" in text
    assert "no place" in text


def test_withdrawn_permits_are_left_out():
    table = city(4, 10).assign(Status_1="Issued")
    table.loc[[3, 4], "Status_1"] = ["VOID", "Withdrawn by applicant"]
    assert len(read(table)) == len(table) - 2


@pytest.mark.parametrize("place", ["north pole", "95.0", "-33.7"])
def test_places_that_are_no_places_are_faults(place):
    table = city(4, 10)
    table.loc[5, "lat"] = place
    found = read(table)
    assert 5 not in found.index
    assert "coordinates" in found.attrs["set_aside"][0]
