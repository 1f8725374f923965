"""`densitymap report` on the built-in sample: files, structure of the PDF, the batch, the check, refusals."""

from __future__ import annotations

import base64
import re
import shutil
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pikepdf
import pypdfium2
import pytest
import typer

from commands import densitymap
from densitymap.cli import publish
from densitymap.errors import MissingDataError, UsageError, ValidationError
from densitymap.pipeline import report as reporting
from densitymap.pipeline.brief import Shelf, places
from densitymap.pipeline.scenarios import policy_of
from densitymap.pipeline.workspace import Workspace
from densitymap.reports import audit, seal
from known_homes import copied

PLACE = "Kirkwood"
HOSTILE = "<img src=x onerror=alert(1)> ${alert(1)} =cmd|' /C calc'!A0 \\\\..\\..\\x"


@pytest.fixture(scope="module")
def made(sample_space, tmp_path_factory):
    """Kirkwood's brief, by the command, as JSON tells it."""
    out = tmp_path_factory.mktemp("reports")
    ran = densitymap("report", PLACE, "--workspace", sample_space, "--out", out, "--json")
    assert ran.code == 0, ran.err
    return ran.document


def texts(pdf):
    document = pypdfium2.PdfDocument(pdf)
    return [document[number].get_textpage().get_text_bounded() for number in range(len(document))]


def elements(node, found):
    """All structure elements of a PDF, in order."""
    for kid in [node.K] if not isinstance(node.get("/K"), pikepdf.Array) else list(node.K):
        if isinstance(kid, pikepdf.Dictionary) and "/S" in kid:
            found.append(kid)
            if "/K" in kid:
                elements(kid, found)
    return found


def test_the_command_writes_a_web_page_and_a_pdf(made):
    assert set(made["files"]) == {"html", "pdf"}
    assert made["place"] == PLACE
    html = Path(made["files"]["html"]).read_text(encoding="utf-8")
    assert audit.faults(html) == []
    for needed in ("SYNTHETIC SAMPLE", made["lock_hash"], "seed", "What this model cannot say", "How to act"):
        assert needed in html


def test_pdf_is_tagged_titled_and_in_one_language(made):
    with pikepdf.open(made["files"]["pdf"]) as pdf:
        assert str(pdf.Root.Lang) == "en"
        assert bool(pdf.Root.MarkInfo.Marked)
        assert str(pdf.docinfo["/Title"]).startswith("Kirkwood")
        assert bool(pdf.Root.ViewerPreferences.DisplayDocTitle)
        with pdf.open_metadata() as metadata:
            assert str(metadata["pdfuaid:part"]) == "1"
        tags = elements(pdf.Root.StructTreeRoot, [])
        names = [str(tag.S) for tag in tags]
        assert names.count("/H1") == 1
        figures = [tag for tag in tags if str(tag.S) == "/Figure"]
        assert len(figures) >= 4
        assert all(str(tag.get("/Alt", "")).strip() for tag in figures)
        heads = [tag for tag in tags if str(tag.S) == "/TH"]
        cells = [tag for tag in tags if str(tag.S) == "/TD"]
        assert len(heads) > 20
        assert all("/A" in tag or "/ID" in tag for tag in heads)
        assert all("/A" in tag for tag in cells)  # each cell names its headers
        assert names.count("/Caption") >= 5


def test_two_pages_and_half_a_page_of_homes_to_keep(made):
    pages = texts(made["files"]["pdf"])
    assert len(pages) == 3
    assert [page.find("Homes to keep") >= 0 for page in pages] == [False, False, True]
    document = pypdfium2.PdfDocument(made["files"]["pdf"])
    last = document[2].render(scale=1, grayscale=True).to_numpy()
    written = (last.squeeze() < 128).any(axis=1).nonzero()[0]
    body = written[written < last.shape[0] * 0.94]  # without the foot
    assert body.max() < last.shape[0] * 0.55


def test_black_and_white_keeps_yes_and_maybe_apart(made):
    """Zones of the key differ in grey or in pattern; the bars are black and hatched."""
    html = Path(made["files"]["html"]).read_text(encoding="utf-8")
    assert html.count("data:image/svg+xml;base64") == 4
    bars = [base64.b64decode(svg).decode() for svg in re.findall(r"svg\+xml;base64,([^\"]+)", html)]
    funnel = next(svg for svg in bars if "maybe" in svg)
    assert "url(#" in funnel  # the hatch
    assert "#111111" in funnel


def test_two_runs_are_identical_and_the_check_says_so(sample_space, made, tmp_path):
    again = densitymap("report", PLACE, "--workspace", sample_space, "--out", tmp_path, "--json").document
    for form in ("html", "pdf"):
        assert Path(made["files"][form]).read_bytes() == Path(again["files"][form]).read_bytes()
        found = reporting.check(Workspace(sample_space), Path(made["files"][form]))
        assert found["matches"], found["differs"]


def test_the_check_tells_an_edited_file_and_a_changed_lock(sample_space, made, tmp_path):
    edited = tmp_path / "edited.html"
    text = Path(made["files"]["html"]).read_text(encoding="utf-8")
    edited.write_text(text.replace("Who could feel pressure", "All is well"), encoding="utf-8")
    ran = densitymap("report", "--check", edited, "--workspace", sample_space, "--json")
    assert ran.code == 5
    assert "edited" in ran.document["differs"][0]
    facts = seal.unpack(text.encode())
    other = tmp_path / "other.html"
    other.write_text(text.replace(seal.pack(facts), seal.pack(facts | {"lock": "0" * 64})), encoding="utf-8")
    told = reporting.check(Workspace(sample_space), other)
    assert not told["matches"]
    assert told["differs"][0].startswith("the lock of its data: 000000000000, now ")


def test_no_owner_of_the_source_is_in_any_report(sample_space, made):
    records = pd.read_parquet(sample_space / "data/1_raw/parcels/taxparcel.parquet")
    fields = [name for name in records if name.upper().startswith(("OWNER", "PSTL"))]
    assert fields
    strings = {str(text).strip() for name in fields for text in records[name].dropna()}
    strings = {text for text in strings if len(text) > 5 and text.upper() != "ATLANTA"}
    assert len(strings) > 100
    shown = Path(made["files"]["html"]).read_text(encoding="utf-8") + "".join(texts(made["files"]["pdf"]))
    assert not [text for text in strings if text in shown]


def test_no_lot_is_named_in_a_brief(sample_space, made):
    lots = gpd.read_parquet(sample_space / "data/3_parcels/parcels.parquet")
    html = Path(made["files"]["html"]).read_text(encoding="utf-8")
    assert not [name for name in lots["parcel_id"] if str(name) in html]
    assert not [name for name in lots["site_address"].dropna() if len(str(name)) > 5 and str(name) in html]


def test_counts_agree_with_the_tables(sample_space, made):
    lots = gpd.read_parquet(sample_space / "data/3_parcels/parcels.parquet")
    own = set(lots.loc[lots["neighborhood"] == PLACE, "parcel_id"])
    allowed = pd.read_parquet(sample_space / "data/4_results/allowed.parquet")
    rows = allowed[allowed["parcel_id"].isin(own) & (allowed["policy"] == "no-change")]
    yes, maybe = ((rows["verdict"] == word).sum() for word in ("TRUE", "MAYBE"))
    html = Path(made["files"]["html"]).read_text(encoding="utf-8")
    answered = (rows["verdict"] != "NO DATA").sum()
    assert f"Today, a second home is allowed on {yes} of {answered} lots. On {maybe} more it may be." in html
    assert made["lots"] == len(own)


def test_a_translation_is_marked_on_every_page_and_refused_in_a_batch(sample_space, tmp_path):
    order = reporting.Order(folder=tmp_path, language="es", scenarios=("triplex-by-right",))
    made = reporting.report(Workspace(sample_space), PLACE, order)
    assert made["files"]["pdf"].endswith("kirkwood.triplex-by-right.es.pdf")
    pages = texts(made["files"]["pdf"])
    assert all("TRADUCCIÓN SIN REVISAR" in page.replace("\r\n", " ") for page in pages)
    with pytest.raises(UsageError, match="has not been reviewed"):
        reporting.report_all(Workspace(sample_space), order)


@pytest.mark.parametrize(
    ("place", "order", "told"),
    [
        ("Kirkwod", {}, "Did you mean 'Kirkwood'"),
        ("kirkwood", {"scenarios": ("duplex-by-rigt",)}, "Did you mean 'duplex-by-right'"),
        ("kirkwood", {"language": "ess"}, "Did you mean 'es'"),
        ("kirkwood", {"formats": ("htm",)}, "Did you mean 'html'"),
        ("kirkwood", {"formats": ()}, "No format"),
        ("", {}, "no area named ''"),
    ],
)
def test_wrong_usage_is_told_with_the_nearest_name(sample_space, tmp_path, place, order, told):
    with pytest.raises(UsageError, match=re.escape(told)):
        reporting.report(Workspace(sample_space), place, reporting.Order(**{"folder": tmp_path} | order))
    assert not list(tmp_path.iterdir())


def test_the_command_wants_one_thing_at_a_time(sample_space):
    ran = densitymap("report", PLACE, "--all", "--workspace", sample_space)
    assert ran.code == 2
    assert "Name one place, or --all, or --check FILE" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    "content", [b"%PDF-1.7\nstream\n1\nendstream", b"<html>", b"", b"\xff\x00", b"stream"]
)
def test_files_that_are_no_reports_are_refused(sample_space, tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValidationError, match="no seal"):
        reporting.check(Workspace(sample_space), tmp_path / "file")
    with pytest.raises(MissingDataError, match="not there"):
        reporting.check(Workspace(sample_space), tmp_path / "nowhere")


def test_nothing_built_is_told(tmp_path):
    with pytest.raises(MissingDataError, match="Nothing has been built"):
        reporting.report(Workspace(tmp_path), PLACE, reporting.Order())


def test_a_scenario_the_build_has_not_judged_is_judged_now(sample_space, tmp_path):
    order = reporting.Order(scenarios=("small-lots",), formats=("html",), folder=tmp_path)
    made = reporting.report(Workspace(sample_space), PLACE, order)
    html = Path(made["files"]["html"]).read_text(encoding="utf-8")
    assert made["files"]["html"].endswith("kirkwood.small-lots.html")
    assert "Under “Small lots”, a house would be allowed on" in html
    assert reporting.check(Workspace(sample_space), Path(made["files"]["html"]))["matches"]


def test_the_batch_names_every_place_once_and_survives_one_failure(sample_space, tmp_path, monkeypatch):
    space = Workspace(sample_space)
    every = places(Shelf(space))
    hoods = pd.read_parquet(sample_space / "data/3_parcels/neighborhoods.parquet")
    assert {name for name, _ in every} == {*hoods["neighborhood"], *("NPU " + hoods["npu"]).unique()}
    whole = reporting.gather

    def gather(shelf, place, *rest):
        if place == "Oakland":
            raise ZeroDivisionError(HOSTILE)
        return whole(shelf, place, *rest)

    monkeypatch.setattr(reporting, "gather", gather)
    monkeypatch.setattr(reporting, "places", lambda _: [("Oakland", "Oakland"), ("NPU N", "npu-n")])
    told = []
    found = reporting.report_all(
        space, reporting.Order(formats=("html",), folder=tmp_path), progress=lambda *step: told.append(step)
    )
    assert [row["place"] for row in found["briefs"]] == ["NPU N"]
    assert [row["place"] for row in found["failed"]] == ["Oakland"]
    assert (1, 2) in told
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert audit.faults(index) == []
    assert 'href="npu-n.html"' in index
    assert "not made: a bug in densitymap" in index
    assert "<img src=x" not in index


def test_a_batch_with_a_failure_ends_with_an_exit_code(sample_space, tmp_path, monkeypatch, capsys):
    answer = {"briefs": [], "index": "i", "failed": [{"place": "Oakland", "why": "x"}]}
    monkeypatch.setattr(publish.reporting, "report_all", lambda *_, **__: answer)
    monkeypatch.setattr(publish.SETTINGS, "quiet", False)  # another test of this process may have hushed it
    with pytest.raises(typer.Exit) as ended:
        publish.report(
            every=True, place=None, check=None, out=tmp_path, form="html", lang="en", scenario=None
        )
    assert ended.value.exit_code == 5
    assert "Oakland: x" in capsys.readouterr().err


def test_hostile_places_and_homes_never_run_nor_leave_the_folder(sample_space, tmp_path):
    folder = tmp_path / "w"
    shutil.copytree(sample_space, folder)
    for name, column in (
        ("2_layers/neighborhoods", "neighborhood"),
        ("2_layers/assisted_housing", "feature_name"),
    ):
        path = folder / f"data/{name}.parquet"
        frame = gpd.read_parquet(path)
        frame[column] = (
            frame[column].mask(frame[column] == "Kirkwood", HOSTILE) if column == "neighborhood" else HOSTILE
        )
        frame.to_parquet(path)
    out = tmp_path / "out"
    order = reporting.Order(folder=out)
    made = reporting.report(Workspace(folder), HOSTILE, order)
    assert {path.parent for path in out.rglob("*.*")} == {out}
    html = Path(made["files"]["html"]).read_text(encoding="utf-8")
    assert "<img src=x" not in html
    assert audit.faults(html) == []
    assert "${alert(1)}" in "".join(texts(made["files"]["pdf"])[0])
    with pytest.raises(UsageError):
        reporting.report(Workspace(folder), HOSTILE + "x", order)


PLANS = ("triplex-near-rail-with-protections", "duplex-by-right", "small-lots")


@pytest.fixture(scope="module")
def side_by_side(sample_space, tmp_path_factory):
    """Kirkwood's brief of three plans, by the command, and the workspace it is made in."""
    folder = copied(sample_space, tmp_path_factory.mktemp("compared") / "space").root
    ran = densitymap("report", PLACE, "--compare", *PLANS, "--json", "--workspace", folder)
    assert ran.code == 0, ran.err
    return ran.document, folder


def test_plans_stand_side_by_side_on_one_brief_no_change_first(side_by_side):
    made, folder = side_by_side
    assert made["scenarios"] == ["no-change", *PLANS]
    assert made["scenario"] == PLANS[0]
    assert len(list((folder / "maps/reports").iterdir())) == 2
    html = Path(made["files"]["html"]).read_text(encoding="utf-8")
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("Today", *titles(folder)))
    assert html.count(heads) == 3  # zones, steps, and the whole area
    assert html.index("Who may have to move") < html.index("What changes on my street")
    assert audit.faults(html) == []
    assert len(texts(made["files"]["pdf"])) <= 3
    found = reporting.check(Workspace(folder), Path(made["files"]["pdf"]))
    assert found["matches"], found["differs"]


def titles(folder):
    return [policy_of(Workspace(folder), name).title for name in PLANS]


def test_the_figures_of_a_comparison_are_those_of_compare(side_by_side):
    made, folder = side_by_side
    html = Path(made["files"]["html"]).read_text(encoding="utf-8")
    told = densitymap("compare", *PLANS, "--json", "--workspace", folder).document["scenarios"]
    rows = [next(row for row in one["by_neighborhood"] if row["name"] == PLACE) for one in told]
    cells = re.search(r"More homes that fit</th>(.*)</tr>", html)[1]
    shown = [
        [int(n.replace(",", "")) for n in re.findall(r"[\d,]*\d", cell)] for cell in cells.split("</td>")[:-1]
    ]
    assert [counts[0] for counts in shown] == [row["funnel"]["fits"] for row in rows]
    assert [sum(counts[1:]) for counts in shown] == [row["maybe"]["fits"] for row in rows]
    ledger = told[1]["ledgers"]["direct"]
    few = (
        "fewer than 5"
        if isinstance(ledger["difference"]["p50"], str)
        else f"{ledger['difference']['p50']:+,.0f}"
    )
    sign = {"-": "down", "+": "up", "unclear": "unclear"}[ledger["difference"]["sign"]]
    assert f"rebuilt or sold on</th><td>{sign}: {few}" in html


def test_a_comparison_names_no_lot_and_no_owner(side_by_side):
    made, folder = side_by_side
    html = Path(made["files"]["html"]).read_text(encoding="utf-8")
    lots = pd.read_parquet(folder / "data/3_parcels/parcels.parquet", columns=["parcel_id"])
    assert not [name for name in lots["parcel_id"].astype(str) if name in html]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--all", "--compare", "duplex-by-right", "small-lots"), "--compare goes with a place alone"),
        ((PLACE, "--compare", "duplex-by-right", "--lang"), "duplex-by-right stands alone"),
        ((PLACE, "--compare", "duplex-by-right", "smal-lots"), "Did you mean 'small-lots'"),
        (("--compare", "duplex-by-right", "small-lots"), "Name one place"),
    ],
)
def test_a_comparison_that_cannot_be_made_is_refused(sample_space, args, said):
    ran = densitymap("report", *args, "--workspace", sample_space)
    assert ran.code == 2
    assert said in ran.err
