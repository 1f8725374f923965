"""What leaves the tool: every format opens elsewhere, says where it comes from, and runs nothing."""

from __future__ import annotations

import csv as csv_reader
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
from pathlib import Path

import geopandas as gpd
import openpyxl
import pandas as pd
import psycopg
import pyarrow.parquet as pq
import pyogrio
import pytest

from commands import densitymap
from densitymap.errors import ValidationError
from densitymap.exports.content import is_share_alike, is_stated
from densitymap.exports.files import arrow_metadata
from densitymap.exports.safe import FORMULA
from densitymap.parcels import redact

FORMATS = "gpkg,geoparquet,geojson,csv,xlsx"
HOSTILE = (
    "=cmd|' /C calc'!A0",
    "<img src=x onerror=alert(1)>",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "${alert(1)}",
)


@pytest.fixture(scope="module")
def space(sample_space, tmp_path_factory):
    """A workspace whose addresses are hostile, with a redaction list."""
    folder = tmp_path_factory.mktemp("export") / "space"
    shutil.copytree(sample_space, folder)
    place = folder / "data/3_parcels/parcels.parquet"
    lots = gpd.read_parquet(place)
    lots["site_address"] = pd.array([HOSTILE[n % len(HOSTILE)] for n in range(len(lots))], dtype="string")
    lots.to_parquet(place)
    asked = pd.DataFrame(
        {
            "parcel_id": lots["parcel_id"].iloc[:2],
            "field": ["*", "site_address"],
            "reason": "asked by its people",
        }
    )
    (folder / "data/corrections").mkdir(exist_ok=True)
    asked.to_csv(folder / "data/corrections/redact.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def made(space, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    ran = densitymap("export", "--format", FORMATS, "--out", out, "--workspace", space, "--json")
    assert ran.code == 0, ran.err
    return out, ran.document


def test_two_runs_give_the_same_bytes(space, made, tmp_path):
    assert densitymap("export", "--format", FORMATS, "--out", tmp_path, "--workspace", space).code == 0
    for file in sorted(made[0].iterdir()):
        same = (
            hashlib.sha256(file.read_bytes()).digest()
            == hashlib.sha256((tmp_path / file.name).read_bytes()).digest()
        )
        assert same, file.name


def test_the_package_describes_every_file_as_it_is(made):
    out, document = made
    package = json.loads((out / "datapackage.json").read_text())
    paths = {resource["path"] for resource in package["resources"]}
    assert (
        paths
        == {file["path"] for file in document["files"]}
        == {f.name for f in out.iterdir()} - {"datapackage.json"}
    )
    for resource in package["resources"]:
        data = (out / resource["path"]).read_bytes()
        assert resource["bytes"] == len(data)
        assert resource["hash"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
        assert resource["licenses"]
        if resource["path"].endswith(".csv"):
            head = next(csv_reader.reader([data.decode("utf-8").partition("\n")[0]]))
            assert head == [field["name"] for field in resource["schema"]["fields"]]
            assert all(field["description"] for field in resource["schema"]["fields"])
    told = package["provenance"]
    assert told["lock_hash"]
    assert told["version"]
    assert isinstance(told["seed"], int)
    assert told["years"]["parcels"]


def test_the_geopackage_opens_with_aliases_styles_and_provenance(made):
    out, _ = made
    path = out / "densitymap.gpkg"
    layers = dict(pyogrio.list_layers(path).tolist())
    assert {"lots_allowed", "lots_fit", "zones", "neighborhoods"} <= set(layers)
    lots = pyogrio.read_dataframe(path, layer="lots_allowed")
    assert lots.crs.to_epsg() == 2240
    assert lots["no_change_verdict"].isin(["TRUE", "MAYBE", "FALSE", "NO DATA"]).all()
    with sqlite3.connect(path) as base:
        aliases = dict(
            base.execute("SELECT column_name, title FROM gpkg_data_columns WHERE table_name='lots_allowed'")
        )
        style = base.execute(
            "SELECT styleQML, useAsDefault FROM layer_styles WHERE f_table_name='lots_allowed'"
        ).fetchone()
        about = dict(base.execute("SELECT what, value FROM about"))
    assert aliases["no_change_verdict"].startswith("verdict: ")
    assert set(aliases) >= set(lots.columns) - {"geometry"}
    assert 'attr="no_change_verdict"' in style[0]
    assert style[1] == 1
    assert about["lock_hash"]


def test_geoparquet_is_1_1_with_meaning_inside(made):
    out, _ = made
    path = out / "lots_allowed.parquet"
    geo = json.loads(pq.read_schema(path).metadata[b"geo"])
    assert geo["version"] == "1.1.0"
    assert "covering" in geo["columns"]["geometry"]
    told = arrow_metadata(path)
    assert told["provenance"]["lock_hash"]
    assert all(field["meaning"] for field in told["fields"])
    assert gpd.read_parquet(path).crs.to_epsg() == 4326


def test_nothing_that_would_run_is_in_a_cell(made):
    out, _ = made
    with (out / "lots_allowed.csv").open(encoding="utf-8") as stream:
        rows = list(csv_reader.DictReader(stream))
    assert {row["site_address"] for row in rows} - {""}
    for row in rows:
        assert not row["site_address"].lstrip().startswith(FORMULA)
    book = openpyxl.load_workbook(out / "densitymap.xlsx")
    assert {"lots_allowed", "dictionary", "sources", "about"} <= set(book.sheetnames)
    for sheet in book:
        for cells in sheet.iter_rows():
            assert all(cell.data_type != "f" for cell in cells)
    head = [cell.value for cell in next(book["lots_allowed"].iter_rows())]
    place = head.index("site_address")
    texts = [row[place].value for row in book["lots_allowed"].iter_rows(min_row=2)]
    assert not any(text and text.lstrip().startswith("=") for text in texts)


def test_the_redaction_list_holds_in_every_file(space, made):
    out, _ = made
    asked = pd.read_csv(space / "data/corrections/redact.csv", dtype=str)
    gone, blank = asked["parcel_id"]
    for file in out.iterdir():
        if file.suffix in {".csv", ".geojson"}:
            text = file.read_text()
            assert f'"{gone}"' not in text, file.name
            assert f"\n{gone}," not in text, file.name
    for name in ("lots_allowed", "lots_fit"):
        lots = gpd.read_parquet(out / f"{name}.parquet").set_index("parcel_id")
        assert gone not in lots.index
        assert pd.isna(lots.loc[blank, "site_address"])
        assert lots["site_address"].notna().any()


def test_only_publishable_columns_leave(made):
    out, _ = made
    for file in out.glob("*.parquet"):
        assert not {"owner_type", "owner_occupied"} & set(pq.read_schema(file).names), file.name


def test_a_redaction_list_that_cannot_be_read_is_refused_whole():
    rows = pd.DataFrame(
        {"parcel_id": ["a", "", "b"], "field": ["site_adress", "*", "year_built"], "reason": "x"}
    )
    with pytest.raises(ValidationError) as caught:
        redact.check(rows.astype("string"), where="redact.csv")
    assert "site_address" in str(caught.value)
    assert "row 2: parcel_id is empty" in str(caught.value)


@pytest.mark.parametrize(
    ("licence", "stated", "alike"),
    [
        ("public domain", True, False),
        ("none stated; public record", False, False),
        ("unconfirmed: third parties call it public domain", False, False),
        ("ODbL", True, True),
        ("", False, False),
    ],
)
def test_licences_are_read(licence, stated, alike):
    assert (is_stated(licence), is_share_alike(licence)) == (stated, alike)


def test_what_may_not_be_passed_on_is_said_and_stands_as_points(space, tmp_path):
    own = tmp_path / "space"
    shutil.copytree(space, own)
    place = own / "data/4_results/build.json"
    report = json.loads(place.read_text())
    report["layers"]["parcels"]["licence"] = report["layers"]["parks"]["licence"] = "none stated"
    report["layers"]["streets"]["licence"] = "ODbL"
    place.write_text(json.dumps(report))
    ran = densitymap("export", "--format", "geoparquet,gpkg", "--workspace", own, "--json")
    assert ran.code == 0, ran.err
    lots = gpd.read_parquet(own / "exports/lots_allowed.parquet")
    assert set(lots.geom_type) == {"Point"}
    assert "site_address" not in lots
    assert "parks" in ran.document["left_out"]
    assert not (own / "exports/parks.parquet").exists()
    assert "streets" not in {name for name, _ in pyogrio.list_layers(own / "exports/densitymap.gpkg")}
    assert (own / "exports/densitymap_streets_share_alike.gpkg").is_file()


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("--format", "gpk"), 2, "gpkg"),
        (("--format", "postgis"), 2, "--dsn"),
        (
            ("--format", "postgis", "--dsn", "postgresql://me:s3cret@127.0.0.1:1/x"),
            4,
            "PostGIS was not written",
        ),
        (
            ("--format", "postgis", "--dsn", "postgresql://me@127.0.0.1/x", "--schema", 'a"; DROP'),
            2,
            "plain schema",
        ),
    ],
)
def test_bad_orders_end_in_one_clear_error(space, args, code, words):
    ran = densitymap("export", *args, "--workspace", space)
    assert ran.code == code
    assert words in ran.err
    assert "s3cret" not in ran.err
    assert "Traceback" not in ran.err


@pytest.fixture(scope="module")
def database():
    """A PostGIS of our own on loopback, from Debian's packages, gone when the tests are done."""
    found = (
        sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
        if Path("/usr/lib/postgresql").is_dir()
        else []
    )
    if not found:
        pytest.skip("PostgreSQL is absent: make system")
    tools, home = found[-1].parent, Path(tempfile.mkdtemp(prefix="pg"))
    user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    if user:
        shutil.chown(home, "postgres")
    port = "54329"

    def run(*words):
        subprocess.run([*user, *map(str, words)], check=True, capture_output=True, cwd=home)

    run(tools / "initdb", "-D", home / "data", "-U", "tester", "--auth=trust", "-E", "UTF8")
    run(tools / "pg_ctl", "-D", home / "data", "-w", "-l", home / "log", "-o", f"-p {port} -k {home} -c listen_addresses=127.0.0.1", "start")  # fmt: skip
    yield f"postgresql://tester@127.0.0.1:{port}/postgres"
    run(tools / "pg_ctl", "-D", home / "data", "-m", "immediate", "stop")
    shutil.rmtree(home)


def test_postgis_gets_everything_in_one_transaction(space, database):
    ran = densitymap("export", "--format", "postgis", "--dsn", database, "--workspace", space, "--json")
    assert ran.code == 0, ran.err
    assert "densitymap.lots_allowed" in ran.document["tables"]
    with psycopg.connect(database) as base:
        told = base.execute(
            "SELECT Find_SRID('densitymap', 'lots_allowed', 'geometry'), obj_description('densitymap.lots_allowed'::regclass),"
            " col_description('densitymap.lots_allowed'::regclass, 1), count(*) FROM densitymap.lots_allowed"
        ).fetchone()
        indexed = base.execute(
            "SELECT count(*) FROM pg_indexes WHERE schemaname='densitymap' AND indexdef LIKE '%gist%'"
        ).fetchone()[0]
        address = base.execute(
            "SELECT site_address FROM densitymap.lots_allowed WHERE site_address LIKE '=cmd%'"
        ).fetchone()
    assert told[0] == 2240
    assert "Licence" in told[1]
    assert told[2]
    assert told[3] == len(gpd.read_parquet(space / "data/3_parcels/parcels.parquet")) - 1
    assert indexed >= 5
    assert address  # a database runs no cell: the text is kept as it is
    again = densitymap("export", "--format", "postgis", "--dsn", database, "--workspace", space)
    assert again.code == 0


def test_a_folder_that_cannot_be_is_one_clear_error(space):
    ran = densitymap("export", "--format", "csv", "--out", "/proc/nowhere", "--workspace", space)
    assert ran.code == 5
    assert "could not be written" in ran.err
    assert "Next: free some space, or choose another folder" in ran.err
