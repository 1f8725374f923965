"""Worked parcels: the published cases, and lots of ours judged by hand by the same rules (feet)."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import shapely

from densitymap.capacity import kernel
from densitymap.errors import ValidationError
from densitymap.scenarios.cases import COMPARED, compare_cases, compute_cases, run_cases
from densitymap.scenarios.drawn import INPUTS

LOT = "POLYGON((0 0,50 0,50 150,0 150,0 0))"
STREET = "LINESTRING(0 0,50 0)"


BASE = {"case_id": "x", "zone": "R-4A", "lot_wkt": LOT, "street_edges_wkt": STREET, "lot_of_record": "yes"}


def one(**given: str) -> pd.Series:
    return compute_cases(pd.DataFrame([BASE | given], dtype="string")).iloc[0]


def units(case: pd.Series) -> str:
    """Units as "S0 keep/new, S1 ..., ..." with - where no house stands."""
    pairs = [(case[f"S{i}_units_keep_house"], case[f"S{i}_units_new_build"]) for i in range(4)]
    return " ".join("/".join("-" if pd.isna(value) else str(value) for value in pair) for pair in pairs)


def test_published_cases_pass(cases_dir: Path) -> None:
    table = pd.read_csv(cases_dir / "parcel_cases.csv", dtype=str, keep_default_na=False)
    result = run_cases(table)
    wrong = [row for row in result["rows"] if not row["ok"]]
    assert wrong == []
    assert result["passed"] == len(table)
    assert len(result["rows"]) > 6 * len(table)


def test_expected_columns_are_never_read(cases_dir: Path) -> None:
    table = pd.read_csv(cases_dir / "parcel_cases.csv", dtype=str, keep_default_na=False)
    lied = table.assign(**{name: "7" for name in table.columns if name not in INPUTS})
    pd.testing.assert_frame_equal(compute_cases(table.astype("string")), compute_cases(lied.astype("string")))
    alone = compute_cases(table[[name for name in INPUTS if name in table]].astype("string"))
    pd.testing.assert_frame_equal(compute_cases(table.astype("string")), alone)
    assert run_cases(lied)["failed"] == len(table)


def test_areas_may_differ_by_one_and_counts_not_at_all() -> None:
    computed = pd.DataFrame([dict.fromkeys(COMPARED, 2) | {"case_id": "a", "envelope_sf": 100.0}])
    expected = pd.DataFrame([{"envelope_sf": "101", "S0_units_new_build": "2.0", "S1_units_new_build": "3"}])
    rows = compare_cases(computed, expected.astype("string"))["rows"]
    assert [row["ok"] for row in rows] == [True, True, False]


def test_empty_expected_cells_are_not_compared() -> None:
    computed = pd.DataFrame([dict.fromkeys(COMPARED, None) | {"case_id": "a"}])
    expected = pd.DataFrame([dict.fromkeys(COMPARED, "")], dtype="string")
    assert compare_cases(computed, expected) == {"passed": 1, "failed": 0, "rows": []}


BIG = {"lot_wkt": "POLYGON((0 0,75 0,75 130,0 130,0 0))", "street_edges_wkt": "LINESTRING(0 0,75 0)"}


CASES = [
    pytest.param({"zone": "R-4"} | BIG, "-/2 -/2 -/3 -/2", "OK", id="R-4 that meets its minimums"),
    pytest.param(
        {"house_x0_y0_x1_y1_ft": "8 30 42 75", "house_floor_sf": "3400"},
        "1/2 2/2 3/3 2/2",
        "OK",
        id="big house: no floor area left for an ADU, but it can be divided",
    ),
    pytest.param(
        {"house_x0_y0_x1_y1_ft": "2 35 48 77", "house_floor_sf": "1500"},
        "1/2 1/2 1/3 2/2",
        "OK",
        id="no path beside the house; only S3 lets an ADU be inside",
    ),
    pytest.param(
        {
            "lot_wkt": "POLYGON((0 0,50 0,50 120,0 120,0 0))",
            "house_x0_y0_x1_y1_ft": "10 32 40 60",
            "house_floor_sf": "1400",
        },
        "2/2 2/2 2/2 2/2",
        "OK",
        id="short lot: the ADU stands behind the own house rebuilt, not behind a template",
    ),
    pytest.param({"lot_of_record": "no", "zone": "R-4"}, "-/0 -/0 -/0 -/2", "REVIEW", id="not of record"),
    pytest.param({"street_edges_wkt": ""}, "-/0 -/0 -/0 -/0", "REVIEW", id="landlocked"),
    pytest.param(
        {
            "lot_wkt": "POLYGON((0 0,90 0,90 150,0 150,0 0))",
            "street_edges_wkt": "LINESTRING(0 0,90 0)",
        },
        "-/2 -/2 -/3 -/4",
        "REVIEW",
        id="S3 divides 90 ft into two of 45 ft; a division is a review",
    ),
    pytest.param(
        {
            "lot_wkt": "POLYGON((0 0,100 0,100 150,0 150,0 0))",
            "street_edges_wkt": "LINESTRING(0 0,100 0)",
            "house_x0_y0_x1_y1_ft": "8 35 38 75",
            "house_floor_sf": "1200",
        },
        "2/2 2/2 2/3 4/4",
        "REVIEW",
        id="S3 divides beside a kept house",
    ),
    pytest.param(
        {
            "lot_wkt": "POLYGON((0 0,100 0,100 150,0 150,0 0))",
            "street_edges_wkt": "LINESTRING(0 0,100 0)",
            "house_x0_y0_x1_y1_ft": "35 35 65 75",
            "house_floor_sf": "1200",
        },
        "2/2 2/2 2/3 2/4",
        "REVIEW",
        id="a house in the middle lies in no child",
    ),
    pytest.param(
        {
            "zone": "R-5",
            "lot_wkt": "POLYGON((0 0,80 0,80 130,0 130,0 0))",
            "street_edges_wkt": "MULTILINESTRING((0 0,80 0),(0 0,0 130))",
        },
        "-/2 -/2 -/3 -/4",
        "REVIEW",
        id="corner divided along its long street",
    ),
    pytest.param(
        {
            "zone": "R-4B",
            "lot_wkt": "POLYGON((0 0,40 0,40 100,0 100,0 0))",
            "street_edges_wkt": "LINESTRING(0 0,40 0)",
            "house_x0_y0_x1_y1_ft": "8 22 32 50",
            "house_floor_sf": "1100",
        },
        "1/1 1/2 1/2 2/2",
        "OK",
        id="R-4B: triplex 3,432 > 0.85 FAR 3,400; ADU only in S3",
    ),
    pytest.param({"zone": "R-4A-C", "street_edges_wkt": STREET}, "-/2 -/2 -/3 -/2", "MAYBE", id="condition"),
    pytest.param({"zone": "R-4A/BL"}, "-/2 -/2 -/3 -/2", "MAYBE", id="overlay"),
    pytest.param({"zone": "R-5/HC-20K SA1"}, "-/2 -/2 -/3 -/2", "REVIEW", id="certificate"),
    pytest.param({"zone": "PD-H"}, "-/- -/- -/- -/-", "REVIEW", id="a plan of its own is never guessed"),
    pytest.param({"zone": "SPI-22 SA2"}, "-/- -/- -/- -/-", "MAYBE", id="unread district is never guessed"),
    pytest.param({"zone": "RG-3"}, "-/- -/- -/- -/-", "MAYBE", id="unread yards are never guessed"),
    pytest.param({"zone": "no such code"}, "-/- -/- -/- -/-", "MAYBE", id="unknown code"),
    pytest.param(
        {"zone": "R-3"},
        "-/1 -/1 -/1 -/1",
        "OK",
        id="R-3 of record: 30x80 behind the yards, 3,000 of floor, no ADU",
    ),
    pytest.param(
        {"constraint": "no building beyond y=60"},
        "-/0 -/0 -/0 -/0",
        "REVIEW",
        id="flood leaves 30 ft of depth",
    ),
    pytest.param(
        {"house_x0_y0_x1_y1_ft": "11 35 39 77"},
        "2/2 2/2 3/3 2/2",
        "MAYBE",
        id="floor area unknown: 1,000 to 2,352, so an ADU fits for sure and dividing perhaps",
    ),
    pytest.param(
        {"zone": "R-4", "lot_of_record": "yes (plat of 1925)"}, "-/2 -/2 -/2 -/2", "OK", id="words after yes"
    ),
    pytest.param({"zone": "r-4a"}, "-/2 -/2 -/3 -/2", "OK", id="zone in small letters"),
    pytest.param({"constraint": "a note"}, "-/2 -/2 -/3 -/2", "OK", id="other text is a note"),
]


@pytest.fixture(scope="module")
def judged() -> pd.DataFrame:
    rows = [BASE | values[0] | {"case_id": name} for values, _, name in CASES]
    return compute_cases(pd.DataFrame(rows, dtype="string")).set_index("case_id")


@pytest.mark.parametrize(("given", "expected", "status"), CASES)
def test_units(
    given: dict[str, str], expected: str, status: str, judged: pd.DataFrame, request: pytest.FixtureRequest
) -> None:
    case = judged.loc[request.node.callspec.id]
    assert units(case) == expected
    assert case["status"] == status


def test_without_numba_the_answers_are_the_same(
    judged: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "HAS_NUMBA", False)
    rows = [BASE | values[0] | {"case_id": name} for values, _, name in CASES]
    plain = compute_cases(pd.DataFrame(rows, dtype="string")).set_index("case_id")
    pd.testing.assert_frame_equal(plain, judged, rtol=1e-6)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"lot_wkt": "POLYGON((0 0,50 0,"}, "lot_wkt is not WKT"),
        ({"lot_wkt": ""}, "empty"),
        ({"lot_wkt": "POLYGON((0 0,50 0,50 0,0 0))", "street_edges_wkt": ""}, "no area|crosses"),
        ({"lot_wkt": "MULTIPOLYGON(((0 0,50 0,50 90,0 90,0 0)),((60 0,99 0,99 99,60 99,60 0)))"}, "several"),
        (
            {"lot_wkt": "POLYGON((-84.35 33.74,-84.349 33.74,-84.349 33.741,-84.35 33.741,-84.35 33.74))"},
            "degrees",
        ),
        ({"street_edges_wkt": "LINESTRING(-84.35 33.74,-84.349 33.74)"}, "does not touch"),
        ({"lot_wkt": "LINESTRING(0 0,50 0)"}, "not a polygon"),
        ({"house_x0_y0_x1_y1_ft": "1 2 three 4"}, "four numbers"),
        ({"house_floor_sf": "-3"}, "above 0"),
        ({"lot_of_record": "perhaps"}, "yes, no or unknown"),
    ],
)
def test_bad_input_is_told_clearly(given: dict[str, str], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        one(**given)


def test_five_thousand_vertices_are_refused() -> None:
    wkt = shapely.Point(0, 0).buffer(100, quad_segs=1250).wkt
    with pytest.raises(ValidationError, match="vertices"):
        one(lot_wkt=wkt, street_edges_wkt="")


def test_all_faults_of_a_file_are_told_at_once() -> None:
    rows = [
        {"case_id": "a", "zone": "R-4", "lot_wkt": "x", "house_x0_y0_x1_y1_ft": "1 2"},
        {"case_id": "a", "zone": "R-4", "lot_wkt": ""},
    ]
    with pytest.raises(ValidationError) as caught:
        compute_cases(pd.DataFrame(rows, dtype="string"))
    assert len(caught.value.faults) == 4
    with pytest.raises(ValidationError, match="lot_wkt"):
        compute_cases(pd.DataFrame({"case_id": ["a"], "zone": ["R-4"], "lot_wtk": [LOT]}, dtype="string"))
