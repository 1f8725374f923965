"""The page as text: complete, sealed, the same each time, and honest about what is missing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import warnings
from dataclasses import replace

import folium
import numpy as np
import pandas as pd
import pytest
import rasterio
import rasterio.errors
from folium.plugins import Fullscreen

import maps_content as drawn
from densitymap import maps, params, schema
from densitymap.errors import UsageError, ValidationError
from densitymap.maps import assets, colour, layers, page, raster, static, themes, words
from densitymap.maps.unpack import sets_of


@pytest.fixture(scope="module")
def html():
    return maps.render(drawn.content())


@pytest.fixture(scope="module")
def hostile_html():
    return maps.render(drawn.content(hostile=True))


def test_same_input_same_bytes(html):
    assert maps.render(drawn.content()) == html


def test_has_language_title_and_a_zoomable_viewport(html):
    assert html.startswith('<!DOCTYPE html>\n<html lang="en" dir="ltr">')
    assert "<title>Drawn district</title>" in html
    assert "user-scalable" not in html
    assert "maximum-scale" not in html


def test_asks_nothing_of_a_network(html):
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=", html)
    assert "url(http" not in html


def test_policy_allows_only_what_is_in_the_page(html):
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', html)[1]
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        codes = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        assert codes
        for code in codes:
            digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
            assert f"'sha256-{digest}'" in policy


def test_hostile_text_stays_text(hostile_html):
    plain = maps.render(drawn.content())
    for pattern in ("<script", "<img", 'onerror="', "<style"):
        assert hostile_html.count(pattern) == plain.count(pattern)
    manifest = re.search(r'id="dm-manifest">(.*?)</script>', hostile_html, re.DOTALL)[1]
    assert "<" not in manifest
    assert any("onerror" in policy["title"] for policy in json.loads(manifest)["policies"])


def test_columns_not_listed_never_leave(html):
    lots = sets_of(html)["lots"]
    assert len(lots) == 100
    assert not {"owner_type", "OWNERNME1"} & set(lots)
    assert "SECRET OWNER" not in html
    assert not (lots.astype("string") == "SECRET OWNER").any().any()


def test_no_set_lets_out_an_unpublishable_column():
    secret = {name for name, column in schema.columns().items() if not column.publishable}
    sets = params.load("layers", "sets")["sets"]
    assert not secret & {column for record in sets.values() for column in record["columns"]}


def test_lots_survive_whole(html):
    given, found = drawn.content().lots, sets_of(html)["lots"]
    found = found.set_index("parcel_id").to_crs(drawn.CRS)
    given = given.set_index("parcel_id")
    found = found.reindex(given.index)
    assert (found.area / given.area - 1).abs().max() < 0.01
    assert found["site_address"].tolist() == given["site_address"].tolist()
    assert found["verdict__triplex-by-right"].tolist() == given["verdict__triplex-by-right"].tolist()


def test_works_without_lots():
    empty = drawn.content().lots.iloc[:0]
    found = maps.render(replace(drawn.content(), lots=empty))
    assert len(sets_of(found)["lots"]) == 0


def test_all_faults_are_told_at_once():
    given = drawn.content()
    broken = replace(
        given,
        zones=given.zones.drop(columns=["acres_in_area", "units_triplex-by-right"]),
        tracts=given.tracts.to_crs("EPSG:4326"),
        area=given.area.iloc[:0],
    )
    with pytest.raises(ValidationError) as caught:
        maps.render(broken)
    for part in ("acres_in_area", "units_triplex-by-right", "tracts: shapes are in EPSG:4326", "area"):
        assert part in str(caught.value)


def test_unknown_language_is_told():
    with pytest.raises(UsageError, match="en"):
        maps.render(drawn.content(), language="eng")


def test_synthetic_says_so_everywhere():
    found = maps.render(drawn.content(synthetic=True))
    assert "<title>SYNTHETIC SAMPLE: " in found
    assert 'id="synthetic"' in found
    assert 'id="synthetic"' not in maps.render(drawn.content())


def test_page_names_sources_doubts_and_what_is_missing(html):
    for part in (
        "© OpenStreetMap contributors, ODbL",
        "Lot width is a proxy.",
        "the county&#39;s parcel file would fill it",
        "ab" * 32,
        "0" * 64,
        words.load("en")("page.trust"),
    ):
        assert part in html


def test_map_takes_folium_children_but_no_network_assets():
    made = page.OfflineMap(title="t", say=words.load("en"), label="l")
    folium.Circle([33.75, -84.35], radius=30).add_to(made)
    assert "L.circle(" in made.to_html()
    made = page.OfflineMap(title="t", say=words.load("en"), label="l")
    Fullscreen().add_to(made)
    with pytest.raises(ValidationError, match=r"https://.*fullscreen"):
        made.to_html()


def test_a_changed_asset_is_refused(monkeypatch):
    record = params.load("assets", "leaflet")
    record["files"]["js"]["sha256"] = "0" * 64
    monkeypatch.setattr(params, "load", lambda *_: record)
    with pytest.raises(ValidationError, match="pinned"):
        assets.leaflet()


def test_tables_add_up():
    given = drawn.content()
    counts = static.verdict_counts(given.lots, "neighborhood", given.policies)
    reform = [column for column in counts if column.startswith("verdict__duplex")]
    assert counts["lots"].sum() == len(given.lots) == counts[reform].to_numpy().sum()
    total = next(t for t in static.tables(given, words.load("en")) if t["id"] == "zones")["total"]
    assert total[1] == "4"


def test_every_class_counts_every_feature():
    given = drawn.content()
    frames = layers.derived(given)
    for theme in themes.available(frames, given.policies, words.load("en")):
        places = themes.classify(frames[theme["set"]][theme["column"]], theme)
        assert len(places) == len(frames[theme["set"]])
        assert places.between(0, len(theme["classes"]) - 1).all()


def test_a_word_nobody_listed_is_drawn_in_its_own_class():
    given = drawn.content()
    frames = layers.derived(given)
    zoning = next(
        t for t in themes.available(frames, given.policies, words.load("en")) if t["id"] == "zoning"
    )
    assert "other" in [known["value"] for known in zoning["classes"]]


def test_palettes_can_be_told_apart_by_every_eye():
    records = [record for record in params.load("layers", "themes")["theme"] if "classes" in record]
    definition = next(r for r in params.load("layers", "themes")["theme"] if r["id"] == "definition")
    several = [{"colour": one} for kind in definition["colours"].values() for one in kind]
    records.append({"id": "definition", "on": "areas", "classes": several})
    records += [
        {"id": f"change in {unit}", "on": "areas", "classes": steps}
        for unit, steps in params.load("layers", "change")["steps"].items()
    ]
    for record in records:
        colours = [known["colour"] for known in record["classes"]]
        if record["on"] == "areas":
            thin = colour.over_white(
                colours, params.load("layers", "overlays")["marks"]["areas_alpha_under_lots"]
            )
            assert not colour.faults(thin, sequential=record.get("sequential", False)), record["id"]
        assert not colour.faults(colours, sequential=record.get("sequential", False)), record["id"]


def test_red_and_green_are_refused():
    assert colour.faults(["#c83c40", "#828240"])
    assert colour.faults(["#ffffff", "#888888", "#999999"], sequential=True)


def test_picture_for_readers_without_script_is_small(html):
    picture = re.search(r"<svg xmlns.*?</svg>", html, re.DOTALL)[0]
    assert len(picture.encode()) <= 150_000
    assert 'role="img"' in picture
    assert "style=" not in picture


@pytest.mark.parametrize("language", params.names("languages"))
def test_every_language_is_complete_and_fills_the_same_blanks(language):
    given, english = words.load(language), words.load("en")
    own = {key for key in given.phrases if not key.startswith("policies.")}
    assert own == set(english.phrases)
    for key, phrase in english.phrases.items():
        if not key.startswith("page.unreviewed"):
            assert set(re.findall(r"{(\w+)}", given.phrases[key])) == set(re.findall(r"{(\w+)}", phrase)), key


def test_words_in_values_are_never_read_as_blanks():
    assert words.fill("{a} {b}", {"a": "{b}", "b": "x"}) == "{b} x"


def test_what_a_reform_adds_stays_unknown_where_either_side_is():
    given = drawn.content()
    lots = given.lots.iloc[:4].copy()
    for name, units in {
        "no-change": [1, None, np.inf, np.inf],
        "triplex-by-right": [3, 3, np.inf, 3],
    }.items():
        lots[f"units_allowed__{name}"] = pd.array(units, dtype="Float64")
    found = layers.derived(replace(given, lots=lots))["lots"].set_index("parcel_id")
    added = found["units_added__triplex-by-right"].reindex(lots["parcel_id"])
    assert added.isna().tolist() == [False, True, False, False]
    assert added.dropna().tolist() == [2.0, 0.0, -np.inf]


def test_a_raster_keeps_missing_cells_clear(tmp_path):
    values = np.array([[0.0, 50.0, np.nan], [99.0, 20.0, np.nan]])
    given = maps.Raster(
        values=values, bounds_deg=(-84.36, 33.74, -84.34, 33.76), title="Canopy", unit="%", note="drawn"
    )
    found = raster.layer("canopy", given, bits=28, words=words.load("en"))
    path = tmp_path / "picture.png"
    path.write_bytes(base64.b64decode(found["picture"].split(",")[1]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        picture = rasterio.open(path)
    with picture:
        places = picture.read(1)
        colours = picture.colormap(1)
    assert places.tolist() == [[1, 3, 0], [5, 2, 0]]
    assert colours[0][3] == 0
    assert [known["count"] for known in found["classes"]] == [1, 1, 1, 0, 1]
    assert found["missing"] == 2
    with pytest.raises(ValidationError, match="at least one value"):
        raster.layer("empty", replace(given, values=np.full((2, 2), np.nan)), bits=28, words=words.load("en"))


def test_the_corridor_is_a_quarter_mile_each_side():
    ground = layers.corridors(drawn.content())["memorial_corridor"].geometry.iloc[0]
    south, north = ground.bounds[1], ground.bounds[3]
    assert north - south == pytest.approx(2 * 1320.0)


def test_a_third_language_is_one_file(tmp_path):
    (tmp_path / "languages").mkdir()
    source = (params.CATALOG / "languages" / "en.toml").read_text(encoding="utf-8")
    stub = source.replace('title = "Legend"', 'title = "መግለጫ"').replace("reviewed = true", "reviewed = false")
    (tmp_path / "languages" / "am.toml").write_text(stub, encoding="utf-8")
    found = maps.render(drawn.content(), language="am", catalog=tmp_path)
    assert '<html lang="am" dir="ltr">' in found
    assert "መግለጫ" in found
    assert 'id="unreviewed"' in found
    (tmp_path / "languages" / "am.toml").write_text(stub.replace('title = "መግለጫ"\n', ""), encoding="utf-8")
    with pytest.raises(ValidationError, match=r"legend\.title"):
        maps.render(drawn.content(), language="am", catalog=tmp_path)


def test_a_notebook_gets_a_frame_with_the_page_escaped():
    shown = page.Html('<b title="x">')._repr_html_()
    assert 'srcdoc="&lt;b title=&quot;x&quot;&gt;"' in shown


def test_a_place_without_parcels_has_no_verdicts_in_the_table():
    table = next(t for t in static.tables(drawn.content(), words.load("en")) if t["id"] == "neighborhoods")
    east = next(row for row in table["rows"] if row[0] == "East")
    assert east[3] == "0"
    assert set(east[5:-1]) == {"no data"}
    assert all(len(row) == len(table["heads"]) == len(table["total"]) for row in table["rows"])
