"""A code of zoning is checked whole, and all its faults are told at once."""

from datetime import date

import pytest

from densitymap import params
from densitymap.errors import UsageError, ValidationError
from densitymap.zoning.code import load_code, standards

HEAD = """
title = "Test code"
url = "https://example.test"
read_on = 2026-01-01
verified_by = "nobody"
conditional_section = "Sec. 1"
uses = ["any", "house"]
bases = ["net"]
[sources]
S = "a source"
[families]
R = {}
"""


def write(folder, body):
    (folder / "codes" / "test").mkdir(parents=True)
    (folder / "codes" / "test.toml").write_text(HEAD)
    (folder / "codes" / "test" / "all.toml").write_text(body)
    return folder


def test_every_fault_of_a_code_is_told_at_once(tmp_path):
    write(
        tmp_path,
        """
[R-1]
title = "One"
family = "Q"
status = "unread"
sources = ["S"]
mark = "S"
rows = [
  { use = "any", standard = "lot_area_minimum_ft2", value = 1, unit = "ft2", section = "1" },
  { use = "any", standard = "lot_area_min_ft2", value = 1, section = "1" },
  { use = "any", standard = "lot_width_min_ft", value = 1, unit = "m", section = "1" },
  { use = "any", standard = "coverage_max", value = 0.5, unit = "share of lot" },
  { use = "hous", standard = "far_max", value = nan, unit = "ratio", basis = "nett", section = "1", mark = "X" },
  { use = "any", standard = "height_max_ft", unit = "ft", section = "1", sources = ["T"] },
]
""",
    )
    with pytest.raises(ValidationError) as told:
        load_code("test", extra=tmp_path)
    message = str(told.value)
    for part in (
        "family 'Q' is not declared",
        "says why in `reason`",
        "unknown standard 'lot_area_minimum_ft2'. Did you mean 'lot_area_min_ft2'?",
        "unit is missing",
        "unit is 'm', the standard's is 'ft'",
        "no citation",
        "unknown use 'hous'. Did you mean 'house'?",
        "unknown basis 'nett'. Did you mean 'net'?",
        "value nan",
        "mark must be one of",
        "value is missing",
        "unknown source 'T'",
    ):
        assert part in message


def test_a_value_given_twice_is_refused(tmp_path):
    row = '{ use = "any", standard = "lot_area_min_ft2", value = 1, unit = "ft2" }'
    write(
        tmp_path,
        f'[R-1]\ntitle="One"\nfamily="R"\nstatus="read"\nsection="1"\nmark="S"\nsources=["S"]\nrows=[{row},{row}]\n',
    )
    with pytest.raises(ValidationError, match="lot_area_min_ft2 for any is given twice"):
        load_code("test", extra=tmp_path)


def test_the_law_of_a_day_is_the_rows_in_force_on_it(tmp_path):
    row = '{{ use = "any", standard = "lot_area_min_ft2", value = {}, unit = "ft2", valid_{} = 2020-01-01 }}'
    write(
        tmp_path,
        '[R-1]\ntitle="One"\nfamily="R"\nstatus="read"\nsection="1"\nmark="S"\nsources=["S"]\nrows=['
        + row.format(9000, "to") + "," + row.format(5000, "from") + "]\n",
    )  # fmt: skip

    def value(on):
        return load_code("test", on=on, extra=tmp_path).rows["value"].tolist()

    assert value(date(2019, 12, 31)) == [9000]
    assert value(date(2020, 1, 1)) == [5000]
    assert value(None) == [5000]


def test_an_unknown_code_suggests_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'atlanta'"):
        load_code("atlnta")


def test_each_value_of_atlanta_is_in_the_vocabulary_cited_and_marked():
    rows = load_code("atlanta").rows
    assert rows["standard"].isin(standards()).all()
    assert rows["section"].str.len().gt(0).all()
    assert rows["mark"].isin(["V", "S", "M", "A"]).all()
    assert rows["value"].notna().all()
    assert rows.loc[rows["mark"] == "A", "section"].str.contains("assumption").all()
    assert rows.loc[rows["standard"] == "far_max", "basis"].notna().all()
    assert rows["verified_by"].notna().all()
    assert rows["read_on"].notna().all()


def test_every_standard_has_unit_meaning_and_a_column():
    columns = params.load("columns", "zoning")
    for name, standard in standards().items():
        assert standard.meaning
        assert columns[name]["unit"] == standard.unit
        assert name in params.load("tables", "standards")["columns"]


def test_each_subarea_record_belongs_to_a_district_that_lists_it():
    code = load_code("atlanta")
    for name in code.districts:
        base, _, subarea = name.partition(" SA")
        if subarea:
            assert subarea in code.districts[base].subareas, name
