"""The doctor asks every publisher: what is well, what moved, what is silent, and in what time."""

from __future__ import annotations

import json
import socket
import time
from contextlib import contextmanager

import pytest

from commands import densitymap
from densitymap.errors import NetworkError, UsageError
from densitymap.fetch import catalogue
from densitymap.fetch.census_api import Key
from densitymap.fetch.check import check
from densitymap.fetch.http import Session
from densitymap.pipeline import doctor, endpoints
from densitymap.pipeline.workspace import Workspace
from loopback import Answer, serving
from publishers import SECRET, feed, hosts_of, ramp, tiff

ASKED = {name: one for name, one in catalogue.sources().items() if one["kind"] != "none"}
LAYER = {
    "id": 3, "name": "Stations", "maxRecordCount": 1000, "objectIdField": "OBJECTID", "geometryType": "esriGeometryPoint",
    "fields": [{"name": "OBJECTID", "type": "esriFieldTypeOID"}, {"name": "NAME", "type": "esriFieldTypeString"}],
    "advancedQueryCapabilities": {"supportsPagination": True}, "extent": {"spatialReference": {"wkid": 4326}},
}  # fmt: skip
ARCGIS = {
    "title": "Stations", "kind": "arcgis", "layers": [], "url": "https://gis.example.gov/a/MapServer",
    "layer": "Stations", "layer_id": 3, "fields": {"NAME": "its name"},
}  # fmt: skip


def arcgis(asked, *, count=38, layer=LAYER):
    if asked.path.endswith("/query"):
        return Answer(json.dumps({"count": count}))
    if asked.path.endswith("/MapServer"):
        return Answer(json.dumps({"layers": [{"id": layer["id"], "name": layer["name"]}]}))
    return Answer(json.dumps(layer))


def found(source, reply, *, key=None):
    with serving(reply) as server:
        hosts = hosts_of(source)
        session = Session(endpoints=dict.fromkeys(hosts, server.base), retries=0, pause_s=0)
        return check(source, session, key=key), server.asked


def test_a_layer_is_found_by_name_with_its_fields_and_count():
    told, _ = found(ARCGIS, arcgis)
    assert (told.found, told.rows, told.moved) == ("Stations; 2 fields", 38, ())


def test_a_layer_under_another_number_and_a_count_far_off_are_told():
    moved = {**LAYER, "id": 8}
    told, _ = found(ARCGIS | {"rows_about": 100}, lambda asked: arcgis(asked, layer=moved))
    assert "the layer is number 8 of its service now, not 3" in told.moved
    assert "38 rows, the catalogue says about 100" in told.moved
    told, _ = found(ARCGIS | {"rows_about": 50}, arcgis)
    assert told.moved == ()


def test_what_the_census_says_without_a_key_and_with_one():
    source = ASKED["b25118_2024_tracts"]

    def reply(asked):
        assert asked.path == "/data/2024/acs/acs5"
        if "key" not in asked.query:
            return Answer("", 302, headers={"Location": "/missing_key.html"})
        names = asked.first("get").split(",")
        assert len(names) <= 50
        return Answer(json.dumps([[*names, "state", "county"], ["1"] * len(names) + ["13", "121"]]))

    told, _ = found(source, reply)
    assert "without a key" in told.found
    told, asked = found(source, reply, key=Key(SECRET))
    assert told.found == "25 cells are there"
    assert len(asked) == 2
    with pytest.raises(UsageError, match="unknown variable"):
        found(source, lambda _: Answer("error: unknown variable 'B25118_001E'", 400), key=Key(SECRET))


@pytest.mark.parametrize(
    ("name", "body", "is_well"),
    [
        ("cb_2022_tracts", feed(), True),
        ("cb_2022_tracts", b"<html>blocked</html>", False),
        ("marta_gtfs", feed(), True),
        ("canopy_height", tiff(ramp(), nodata=-1.0), True),
        ("canopy_height", b"<Error>AccessDenied</Error>", False),
        ("tree_canopy", b"<CoverageDescription><name>NLCD-Tree-Canopy-Native_conus_year_data", True),
        ("tree_canopy", b"<ServiceException>NLCD-Tree-Canopy-Native_conus_year_data", False),
        ("tree_canopy", b"<CoverageDescription><name>another", False),
        ("osm_streets", b"Connected as: 1", True),
        ("overture_buildings", b'{"latest": "2026-10-21.0"}', True),
        ("overture_buildings", b"{}", False),
        ("eviction_filings_fulton", b'[{"n": "12"}]', True),
        ("eviction_filings_fulton", b'{"error": true}', False),
    ],
)
def test_each_kind_is_known_by_its_first_words(name, body, is_well):
    if is_well:
        assert found(ASKED[name], lambda _: Answer(body))[0].moved == ()
    else:
        with pytest.raises(NetworkError):
            found(ASKED[name], lambda _: Answer(body))


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("hmda_2023", "activity_year,census_tract,action_taken,loan_amount"),
        ("relationship_tracts_2010_2020", "\ufeffGEOID_TRACT_20|GEOID_TRACT_10|AREALAND_PART"),
    ],
)
def test_columns_that_went_are_named_and_only_the_start_is_read(name, header):
    body = header + "\n" + "x" * 9_000_000
    assert found(ASKED[name], lambda _: Answer(body))[0].moved == ()
    last = header.replace("|", ",").split(",")[-1]
    told, _ = found(ASKED[name], lambda _: Answer(body.replace(last, "other")))
    assert told.moved == (f"no column {last}",)


def examined(reply, sources, monkeypatch):
    monkeypatch.setattr(catalogue, "sources", lambda: sources)
    with serving(reply) as server:
        hosts = hosts_of(sources)
        return endpoints.examine(endpoints=dict.fromkeys(hosts, server.base))


def test_states_are_told_apart_with_the_file_to_edit(monkeypatch):
    sources = {
        "well": ARCGIS,
        "moved": ARCGIS | {"fields": {"NAMES": ""}},
        "silent": ARCGIS | {"url": "https://gis.example.gov/gone/MapServer"},
        "nobody": {"kind": "none"},
    }

    def reply(asked):
        return Answer("<html>502</html>", 502, "text/html") if "gone" in asked.path else arcgis(asked)

    told = {entry["name"]: entry for entry in examined(reply, sources, monkeypatch)}
    assert {name: entry["state"] for name, entry in told.items()} == {
        "well": "well", "moved": "moved", "silent": "silent",
    }  # fmt: skip
    assert "Did you mean 'NAME'" in told["moved"]["moved"][0]
    assert told["moved"]["mend"] == "edit catalog/sources/moved.toml"
    assert "catalog/sources/silent.toml" in told["silent"]["mend"]


@pytest.mark.parametrize(
    ("states", "machine", "code"),
    [
        ([], True, 0),
        (["well"], True, 0),
        (["moved", "well"], True, 5),
        (["moved", "silent"], True, 4),
        (["silent"], False, 3),
    ],
)
def test_the_exit_code_tells_the_worst(states, machine, code, monkeypatch, tmp_path):
    told = [{"state": state, "needed": True} for state in states] + [{"state": "silent", "needed": False}]
    monkeypatch.setattr(doctor.publishers, "examine", lambda **_: told)
    monkeypatch.setattr(doctor, "_checks", lambda _: [{"ok": machine, "needed": True}])
    assert doctor.examine(Workspace(tmp_path))["exit_code"] == code


@contextmanager
def black_hole():
    """A port that takes connections and never says a word."""
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(512)
        yield f"http://127.0.0.1:{hole.getsockname()[1]}"


def test_servers_that_never_answer_hold_nobody_up_and_the_json_is_whole(tmp_path):
    hosts = hosts_of(ASKED)
    with black_hole() as base:
        start = time.monotonic()
        pointed = ",".join(f"{host}={base}" for host in hosts)
        ran = densitymap("doctor", "--endpoints", pointed, "--json", "--workspace", tmp_path)
        took = time.monotonic() - start
    assert took < 15
    assert ran.code == 4, ran.err
    told = {entry["name"]: entry for entry in ran.document["endpoints"]}
    assert set(told) == set(ASKED)
    assert {entry["state"] for entry in told.values()} == {"silent"}
    assert all(entry["mend"] for entry in told.values())
    assert "Traceback" not in ran.err


def test_offline_asks_nobody(tmp_path):
    ran = densitymap("doctor", "--offline", "--endpoints", "", "--json", "--workspace", tmp_path)
    assert ran.code == 0, ran.err
    assert ran.document["endpoints"] == []
    names = {check["name"] for check in ran.document["checks"]}
    assert {"PROJ", "PROJ grids", "fonts for PDF", "free disk"} <= names


def test_an_endpoint_without_tls_elsewhere_is_refused(tmp_path):
    ran = densitymap("doctor", "--endpoints", "gis.x.gov=http://evil.example", "--workspace", tmp_path)
    assert ran.code == 2
