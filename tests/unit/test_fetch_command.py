"""`densitymap fetch` without any network: what it would ask, what it says when nobody answers, what it keeps."""

from __future__ import annotations

import json
from fnmatch import fnmatch

import pytest

from commands import densitymap
from densitymap.city import load_city
from densitymap.fetch import catalogue
from densitymap.ingest.columns import needed

SOURCES = catalogue.sources()
ARCGIS = {name: source for name, source in SOURCES.items() if source["kind"] == "arcgis"}
NOBODY = "*=http://127.0.0.1:1"


@pytest.mark.parametrize("name", ARCGIS)
def test_each_arcgis_source_gives_what_the_layers_it_fills_are_read_from(name):
    source = ARCGIS[name]
    assert {"url", "file", "cite", "licence"} <= set(source)
    assert "layer_id" in source or "layer_ids" in source
    assert not set(source.get("fields", {})) & set(source.get("fields_optional", {}))
    fields = {*source.get("fields", {}), *source.get("fields_optional", {})}
    for layer in (load_city().layers[layer] for layer in source["layers"]):
        readers = [one for one in layer.sources if any(fnmatch(source["file"], file) for file in one.files)]
        assert readers, f"no source of {layer.name} reads {source['file']}"
        for reader in readers[:1]:
            lacking = needed(reader) - fields
            spare = {e for name in reader.optional if isinstance(e := reader.columns.get(name), str)}
            assert lacking <= spare, f"{name} does not ask for {sorted(lacking)}"


def test_a_record_that_is_like_another_takes_what_it_does_not_say():
    twin, first = SOURCES["city_taxparcel_opendata"], SOURCES["city_taxparcel"]
    assert twin["fields"] == first["fields"]
    assert (twin["url"], twin["layer_id"]) != (first["url"], first["layer_id"])


def test_a_dry_run_asks_nobody_and_lists_sources_with_their_addresses(tmp_path):
    ran = densitymap("fetch", "--dry-run", "--json", "--workspace", tmp_path)
    assert ran.code == 0
    told = {entry["source"]: entry for entry in ran.document["sources"]}
    assert told["city_taxparcel"]["url"].startswith("https://gis.atlantaga.gov/")
    assert "fulton_tax_parcels" not in told
    assert not list(tmp_path.iterdir())


def test_when_nobody_answers_each_layer_is_told_and_what_was_there_stays(tmp_path):
    kept = tmp_path / "data" / "1_raw" / "zoning" / "zoning.geojson"
    kept.parent.mkdir(parents=True)
    kept.write_text("{}")
    words = ("--only", "zoning", "--only", "parcels", "--only", "neighborhoods", "--json")
    ran = densitymap("fetch", *words, "--endpoints", NOBODY, "--workspace", tmp_path)
    assert ran.code == 4
    told = {entry["source"]: entry for entry in ran.document["sources"]}
    assert {"city_zoning", "city_taxparcel", "city_neighborhoods", "city_council_districts"} == set(told)
    assert all("does not answer" in entry["error"] for entry in told.values())
    assert "Traceback" not in ran.err
    assert kept.read_text() == "{}"
    assert not (tmp_path / "densitymap.lock").exists()


def test_offline_tells_what_is_lacking(tmp_path):
    ran = densitymap("fetch", "--offline", "--only", "zoning", "--json", "--workspace", tmp_path)
    assert ran.code == 3
    assert [entry["state"] for entry in ran.document["sources"]] == ["failed"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--only", "zonning"), 2, "Did you mean 'zoning'"),
        (("--offline", "--dry-run"), 2, "two different questions"),
        (("--endpoints", "gis.x.gov=http://far.example"), 2, "http only for 127.0.0.1"),
        (("--area", "no/such.geojson", "--only", "zoning", "--endpoints", NOBODY), 3, "no such file"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_each_wrong_request_ends_in_one_clear_message(tmp_path, words, code, told):
    ran = densitymap("fetch", *words, "--workspace", tmp_path)
    assert ran.code == code, ran.err
    assert told in " ".join(ran.err.split())
    assert "Traceback" not in ran.err


def test_what_nobody_publishes_is_said_and_is_no_failure(tmp_path):
    ran = densitymap("fetch", "--only", "eviction_filings_dekalb", "--json", "--workspace", tmp_path)
    assert ran.code == 0
    (entry,) = ran.document["sources"]
    assert entry["state"] == "empty"
    assert "none published" in entry["notes"][0]


def test_the_synthetic_sample_is_not_mixed_with_real_layers(sample_space):
    ran = densitymap("fetch", "--only", "zoning", "--endpoints", NOBODY, "--workspace", sample_space)
    assert ran.code == 2
    assert "synthetic sample" in ran.err


def test_the_census_key_is_asked_for_and_never_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("CENSUS_API_KEY", "abcdef0123456789SECRET")
    ran = densitymap("fetch", "--only", "acs_2024", "--endpoints", NOBODY, "--workspace", tmp_path, "--json")
    assert ran.code == 4
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any("SECRET" in text for text in (ran.out, ran.err, *written))
    assert json.loads(ran.out)["exit_code"] == 4
