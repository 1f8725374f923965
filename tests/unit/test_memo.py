"""The staff memo: what stands in it is what the scenarios say, in a Word file that is safe and the same twice."""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from pathlib import Path

import docx
import geopandas as gpd
import pytest

from commands import densitymap
from densitymap.pipeline.workspace import Workspace
from densitymap.reports import memo, word

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
HOSTILE = "<img src=x onerror=alert(1)> ${alert(1)} =cmd|' /C calc'!A0 {title} \x00\x0b\u202e]]>"
PLAN = "triplex-by-right"


@pytest.fixture(scope="module")
def made(sample_space, tmp_path_factory):
    """The memo of one scenario by the command, with what `compare` says of the same; every lot has a home."""
    folder = tmp_path_factory.mktemp("memo") / "w"
    shutil.copytree(sample_space, folder)
    path = Workspace(folder).parcels / "parcels.parquet"
    lots = gpd.read_parquet(path)
    lots.assign(existing_units=lots["existing_units"].fillna(1)).to_parquet(path)
    ran = densitymap("report", "--memo", PLAN, "--workspace", folder, "--json")
    assert ran.code == 0, ran.err
    said = densitymap("compare", PLAN, "--workspace", folder, "--json").document["scenarios"]
    return folder, ran.document, said


def cells(table):
    """Texts of a table; `row.cells` of python-docx walks the whole table for each row."""
    return [
        ["".join(part.text or "" for part in cell.iter(f"{W}t")) for cell in row.tc_lst]
        for row in table._tbl.tr_lst
    ]


def a_record(**changed):
    """A scenario of which nothing beyond what fits can be computed."""
    counts = {"allowed": 7, "fits": 3, "pays": None, "pays_owner": None}
    return {
        "name": "x", "title": "X", "summary": "S", "levers": [], "notes": [], "label": None,
        "funnel": {**counts, "expected": None}, "maybe": counts, "difference": None, "demolitions": None,
        "net_homes": None, "lots": 9, "lots_unread": 2, "ledgers": None, "rho_star": None,
        "where_it_falls": None, "by_neighborhood": [],
        "not_computable": [
            "expected, demolitions, net_homes: needs existing use", "pays: needs prices",
            "ledgers, rho_star: needs existing use", "where_it_falls: needs the layer blocks_2020",
        ],
    } | changed  # fmt: skip


def given(*records, **changed):
    told = {
        "area": "A", "synthetic": False, "lock_hash": "ff", "version": "1", "seed": 5, "draws": 10,
        "parameters": [], "marks": [],
    }  # fmt: skip
    return memo.MemoInput(records=records, **(told | changed))


def tables(blocks):
    return [block for block in blocks if isinstance(block, word.Table)]


def texts(blocks):
    return [block.text for block in blocks if not isinstance(block, word.Table)]


def test_the_table_of_alternatives_repeats_compare_to_the_digit(made):
    _, told, said = made
    paper = docx.Document(told["file"])
    grid = cells(paper.tables[0])
    assert grid[0] == ["Measure", *(one["title"] for one in said)]
    rows = {row[0]: row[1:] for row in grid[1:]}
    assert rows["Allowed, surely"] == [f"{one['funnel']['allowed']:,}" for one in said]
    assert rows["Fits, perhaps more"] == [f"{one['maybe']['fits']:,}" for one in said]
    assert rows["Expected in ten years"] == [memo.spread(one["funnel"]["expected"]) for one in said]
    assert rows["Fits, surely, more than no change"] == ["-", f"{said[1]['difference']['fits']:+,}"]
    assert rows["Net homes in ten years, more than no change"][1] == memo.spread(
        said[1]["difference"]["net_homes"]
    )


def test_the_ledgers_begin_with_channel_by_sign_and_are_never_added(made):
    _, told, said = made
    paper = docx.Document(told["file"])
    signs = next(cells(table) for table in paper.tables if cells(table)[0][0] == "Channel")
    kept = said[1]["ledgers"]["signs"]
    mark = " (extrapolated from larger buildings)"
    assert [row[0] for row in signs[1:]] == ["regional", f"local{mark}", f"adverse{mark}"]
    assert [row[1] for row in signs[1:]] == [row["direct"] for row in kept]
    assert not [row for table in paper.tables for row in cells(table) if row[0].lower() in ("total", "sum")]
    assert "never added" in "\n".join(part.text for part in paper.paragraphs)


def test_a_memo_has_its_sections_its_marks_and_a_blank_recommendation(made):
    folder, told, _ = made
    paper = docx.Document(told["file"])
    text = "\n".join(part.text for part in paper.paragraphs)
    for section in memo.template()["section"].values():
        assert section in text
    assert "SYNTHETIC SAMPLE" in text
    assert "no permits loaded" in text
    lock = json.loads((folder / "data" / "4_results" / "build.json").read_text())["lock_hash"]
    assert lock in text
    after = text.split(memo.say("section.recommendation"), 1)[1]
    assert after.strip().splitlines()[1] == memo.say("text.blank")
    known = next(cells(table) for table in paper.tables if cells(table)[0][0] == "Name")
    assert all(row[4] and row[5] in "VCSRWMA" for row in known[1:])
    assert "hard_cost_house_usd_per_ft2" in [row[0] for row in known]


def test_a_memo_is_the_same_twice_and_readable_aloud(made):
    folder, told, _ = made
    first = Path(told["file"]).read_bytes()
    assert densitymap("report", "--memo", PLAN, "--workspace", folder, "--json").code == 0
    assert Path(told["file"]).read_bytes() == first
    paper = docx.Document(io.BytesIO(first))
    assert paper.core_properties.title.startswith("Staff memo")
    assert paper.core_properties.language == "en-US"
    for table in paper.tables:
        assert table._tbl.tblPr.find(f"{W}tblCaption").get(f"{W}val")
        heads = [row.trPr.find(f"{W}tblHeader") is not None for row in table._tbl.tr_lst]
        assert heads == [True] + [False] * (len(heads) - 1)


def test_what_cannot_be_computed_is_said_and_never_nought():
    blocks = memo.compose(given(a_record(), a_record(name="y", title="Y")))
    grid = {row[0]: row[1:] for row in tables(blocks)[0].rows}
    assert grid["Expected in ten years"] == ["not computable: needs existing use"] * 2
    assert grid["Pays a developer, surely"] == ["not computable: needs prices"] * 2
    text = "\n".join(texts(blocks))
    assert "Y: not computable: needs existing use" in text
    assert "Y: not computable: needs the layer blocks_2020" in text


def test_a_place_with_few_lots_is_hidden_not_missing():
    place = {
        "name": "P", "lots": 3, "net_homes": None,
        "funnel": {"allowed": 1, "fits": 1, "pays": None, "pays_owner": 0, "expected": None},
        "maybe": {"allowed": 0, "fits": 0, "pays": None, "pays_owner": None},
    }  # fmt: skip
    known = {"p10": 1.0, "p50": 2.0, "p90": 3.0}
    counts = {"allowed": 7, "fits": 3, "pays": 1, "pays_owner": 1}
    one = a_record(
        funnel={**counts, "expected": known}, maybe=counts, net_homes=known, by_neighborhood=[place],
        demolitions=known, not_computable=[],
    )  # fmt: skip
    row = tables(memo.compose(given(one)))[1].rows[0]
    assert row == ["P", "3", "1 + 0", "1 + 0", "hidden", "0 + hidden", "hidden", "hidden"]


def test_hostile_words_are_words():
    one = a_record(title=HOSTILE, summary=HOSTILE, notes=[HOSTILE])
    blocks = memo.compose(given(a_record(), one, area=HOSTILE, sources={"x": (HOSTILE, "A")}))
    content = word.write(blocks, title=memo.title(given(a_record(), one)))
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        body = parts.read("word/document.xml").decode()
        assert {part.date_time for part in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert "<img" not in body
    assert not re.search(r"fldSimple|instrText|hyperlink|altChunk", body)
    assert "<img src=x onerror=alert(1)> ${alert(1)}" in docx.Document(io.BytesIO(content)).paragraphs[0].text


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        ((), 2, "needs a scenario beside no change"),
        (("no-change",), 2, "needs a scenario beside no change"),
        (("triplex-by-rigt",), 2, "triplex-by-right"),
        ((PLAN, "--all"), 2, "--memo takes scenarios alone"),
    ],
)
def test_a_memo_of_nothing_known_is_one_clear_error(sample_space, args, code, words):
    ran = densitymap("report", "--memo", *args, "--workspace", sample_space)
    assert ran.code == code
    assert words in ran.err
    assert "Traceback" not in ran.err


def test_two_places_are_refused_with_the_way_to_name_one(sample_space):
    ran = densitymap("report", "Lake", "Claire", "--workspace", sample_space)
    assert ran.code == 2
    assert "in quotes" in ran.err


def test_nothing_built_ends_with_what_to_do(tmp_path):
    ran = densitymap("report", "--memo", PLAN, "--workspace", tmp_path)
    assert ran.code == 3
    assert "densitymap build" in ran.err


def test_every_protection_is_told_with_its_price_or_why_it_has_none():
    ledgers = {
        "programme_costs_usd": {"tax_relief": {"p5": 10, "p50": 20, "p95": 30}},
        "protections_priced": {"tax_relief": "an award", "no_net_loss": "builders pay"},
    }
    rows = next(memo._fiscal(given(a_record(ledgers=ledgers)))).rows
    assert [row[1] for row in rows] == ["tax relief", "no net loss"]
    assert "20" in rows[0][2]
    assert [row[3] for row in rows] == ["an award", "builders pay"]
