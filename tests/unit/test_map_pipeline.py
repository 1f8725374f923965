"""The map of a built workspace: scenarios, areas, rasters, pictures, languages, and bad requests."""

from __future__ import annotations

import json
import re
import shutil

import folium
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely

import densitymap as dm
from commands import densitymap
from densitymap import maps
from densitymap.errors import MissingDataError, UsageError
from densitymap.maps import speak, words
from densitymap.pipeline import map as drawing
from densitymap.pipeline import map_areas
from densitymap.pipeline.map import Request
from densitymap.pipeline.workspace import Workspace


@pytest.fixture(scope="session")
def space(sample_space):
    return Workspace(sample_space)


@pytest.fixture(scope="session")
def whole(space):
    return drawing.gather(space, Request())


@pytest.fixture(scope="session")
def compared(space):
    return drawing.gather(space, Request(compare=("no-change", "triplex-by-right")))


def test_a_pair_is_told_in_the_numbers_of_the_stored_tables(space, compared):
    told = maps.difference.counts(compared, compared.pair)
    allowed = pd.read_parquet(space.results / "allowed.parquet")
    for side, name in (("before", "no-change"), ("after", "triplex-by-right")):
        own = allowed[allowed["policy"] == name]
        assert told["homes_allowed"][side] == own["units_allowed"].sum()
    counted = sum(told["homes_allowed"][word] for word in ("more", "fewer", "same", "unknown"))
    assert counted == len(compared.lots) == allowed["parcel_id"].nunique()
    assert told["homes_allowed"]["more"] > 0
    assert [name for name, _, _ in compared.policies] == ["no-change", "triplex-by-right"]
    now = allowed[allowed["policy"] == "no-change"].set_index("parcel_id")["is_allowed_triplex"]
    then = allowed[allowed["policy"] == "triplex-by-right"].set_index("parcel_id")["is_allowed_triplex"]
    to_yes = (then.eq(True) & ~now.eq(True)).fillna(value=False)  # the same question is asked of both
    assert told["verdicts"]["to_yes"] == to_yes.sum() > 0


def test_homes_beyond_those_that_stand_are_those_compare_counts(sample_space, space, tmp_path):
    copy = tmp_path / "space"
    shutil.copytree(sample_space, copy, ignore=shutil.ignore_patterns("1_raw", "maps"))
    pair = ("duplex-by-right", "triplex-near-rail")  # one the build judged, one it did not
    ran = densitymap("compare", *pair, "--workspace", copy, "--json")
    assert ran.code == 0, ran.err
    content = drawing.gather(Workspace(copy), Request(compare=pair))
    told = maps.difference.counts(content, pair)["more"]
    for side, record in zip(("before", "after"), ran.document["scenarios"][1:], strict=True):
        for stage in ("allowed", "fits"):
            assert told[side][f"{stage}_true"] == record["funnel"][stage]
            assert told[side][f"{stage}_maybe"] == record["maybe"][stage]


def test_a_scenario_can_be_a_file(space, tmp_path):
    path = tmp_path / "my-own.toml"
    path.write_text(
        'version = 2\ntitle = "Mine"\nquestion = "triplex"\nsummary = "s"\nsource = "me"\nmark = "A"\n'
        '[[lever]]\nkind = "allow_use"\ndistricts = ["R-4"]\nuse = "triplex"\nunits = 3\n',
        encoding="utf-8",
    )
    content = drawing.gather(space, Request(scenario=str(path)))
    assert [name for name, _, _ in content.policies] == ["no-change", "my-own"]
    assert content.start == {"lots": "verdict:my-own"}
    assert maps.difference.counts(content, content.pair)["homes_allowed"]["more"] > 0
    assert drawing._file_name(Request(scenario=str(path))) == "my-own.html"


def test_what_pays_is_shown_by_block_group_where_the_build_says_so(space, whole):
    table = pd.read_parquet(space.results / "feasibility.parquet")
    shown = table[
        (table["area_level"] == "block_group")
        & ~table["is_hidden"]
        & (table["stage"] == "pays_owner")
        & (table["policy"] == "no-change")
    ].set_index("area_name")
    groups = whole.block_groups.set_index("block_group_geoid")["owner_homes__no-change"].dropna()
    assert len(groups)
    wanted = (shown["homes_more_true"] + shown["homes_more_maybe"]).reindex(groups.index)
    assert groups.tolist() == wanted.tolist()


def test_what_is_expected_is_shown_by_block_group_with_its_ends(tmp_path):
    row = {
        "policy": "a", "area_level": "block_group", "uptake_measure": "gross", "horizon_year": 10,
        "uptake_p10": 1.0, "uptake_p50": 2.0, "uptake_p90": 5.0, "uptake_mean": 2.5, "is_hidden": False,
    }  # fmt: skip
    others = [
        {"horizon_year": 5},
        {"area_level": "npu"},
        {"uptake_measure": "net"},
        {"area_name": "2", "is_hidden": True},
    ]
    rows = [
        row | {"area_name": "1"},
        *(row | {"area_name": "1", "uptake_p50": 99.0} | other for other in others),
    ]
    space = Workspace(tmp_path)
    space.results.mkdir(parents=True)
    pd.DataFrame(rows).to_parquet(space.results / "uptake.parquet")
    found = map_areas._expected(space, pd.Series(["1", "2", "3"]))
    assert {name: values[0] for name, values in found.items()} == {
        "expected_homes__a": 2.0, "expected_low__a": 1.0, "expected_high__a": 5.0,
    }  # fmt: skip
    assert all(values[1:].isna().all() for values in found.values())


def test_a_lot_somebody_asked_to_leave_out_is_on_no_map_and_found_by_no_name(space, tmp_path):
    folder = tmp_path / "w"
    shutil.copytree(space.root, folder)
    first = pd.read_parquet(space.parcels / "parcels.parquet", columns=["parcel_id"])["parcel_id"].iloc[0]
    asked = folder / "data" / "corrections" / "redact.csv"
    asked.parent.mkdir(exist_ok=True)
    asked.write_text(f"parcel_id,field,reason\n{first},*,asked\n")
    lots = drawing.gather(Workspace(folder), Request()).lots
    assert first not in set(lots["parcel_id"])
    assert densitymap("lot", first, "--workspace", folder).code == 2


def test_an_area_is_cut_from_the_build_and_its_parts_add_up(space, whole):
    names = whole.neighborhoods["neighborhood"].tolist()
    cuts = [drawing.gather(space, Request(area=name)) for name in names[:3]]
    for name, cut in zip(names, cuts, strict=False):
        inside = shapely.contains(
            cut.area.geometry.iloc[0].buffer(0.01), shapely.point_on_surface(cut.lots.geometry.to_numpy())
        )
        assert inside.all()
        own = whole.neighborhoods.set_index("neighborhood").loc[name]
        assert len(cut.lots) == own["lots"]
        assert cut.zones["acres_in_area"].sum() <= own["acres_in_area"] + 0.01
        assert cut.area_name == name
        assert f"{len(cut.lots):,} lots are loaded" in cut.coverage_sentence
        assert len(cut.tracts) <= len(whole.tracts)


def test_the_whole_as_a_box_holds_the_whole(space, whole):
    west, south, east, north = whole.area.to_crs("EPSG:4326").total_bounds
    box = f"{west - 0.01:.4f},{south - 0.01:.4f},{east + 0.01:.4f},{north + 0.01:.4f}"
    assert len(drawing.gather(space, Request(area=box)).lots) == len(whole.lots)


def test_an_area_file_is_cut(space, whole, tmp_path):
    half = whole.area.copy()
    west, south, east, north = half.total_bounds
    half["geometry"] = half.geometry.intersection(shapely.box(west, south, (west + east) / 2, north))
    path = tmp_path / "west half.geojson"
    half.to_crs("EPSG:4326").to_file(path)
    cut = drawing.gather(space, Request(area=str(path)))
    assert 0 < len(cut.lots) < len(whole.lots)
    assert drawing._file_name(Request(area=str(path))) == "index.west-half.html"


def test_a_place_outside_the_build_says_how_to_build_it(space):
    with pytest.raises(MissingDataError, match="lies outside the last build"):
        drawing.gather(space, Request(area="-84.60,33.60,-84.59,33.61"))


def test_unknown_names_suggest_the_nearest(space, whole):
    name = whole.neighborhoods["neighborhood"].iloc[0]
    with pytest.raises(UsageError, match=f"Did you mean {name!r}"):
        drawing.gather(space, Request(area=name + "x"))
    with pytest.raises(UsageError, match="Did you mean 'triplex-by-right'"):
        drawing.gather(space, Request(scenario="tripplex-by-right"))


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("triplex-by-right", "--compare", "no-change", "duplex-by-right"), 2, "not both"),
        (("--scenario", "small-lots", "--compare", "no-change", "duplex-by-right"), 2, "not both"),
        (("small-lots", "--scenario", "duplex-by-right"), 2, "Two scenarios are named"),
        (("--scenario", "nothing-like-it"), 2, "nothing-like-it"),
        (("--layer", "zoning"), 2, "--image"),
        (("--image", "map.pdf"), 2, "PNG or an SVG"),
        (("--lang", "xx"), 2, "'xx'"),
        (("--compare", "no-change", "nothing-like-it"), 2, "nothing-like-it"),
        (("--image", "map.png", "--layer", "zonning"), 2, "Did you mean 'zoning'"),
        (("--area", "missing.geojson"), 3, "missing.geojson"),
    ],
)
def test_bad_requests_end_in_one_clear_error(sample_space, tmp_path, monkeypatch, args, code, says):
    monkeypatch.chdir(tmp_path)
    ran = densitymap("map", *args, "--workspace", sample_space)
    assert ran.code == code, ran.err
    assert says in ran.err
    assert "Traceback" not in ran.err
    assert not list(tmp_path.iterdir())


def test_a_scenario_may_be_named_as_an_option_too(sample_space, tmp_path):
    """As briefs take it (issue 9: maps and briefs take ``--scenario``); the same picture as by position."""
    drawn = []
    for args in (("triplex-by-right",), ("--scenario", "triplex-by-right")):
        file = tmp_path / f"{len(args)}.svg"
        layer = ("--image", file, "--layer", "verdict:triplex-by-right")
        ran = densitymap("map", *args, *layer, "--workspace", sample_space)
        assert ran.code == 0, ran.err
        drawn.append(file.read_bytes())
    assert drawn[0] == drawn[1]


def test_without_a_build_the_map_says_what_to_run(tmp_path):
    ran = densitymap("map", "--workspace", tmp_path)
    assert ran.code == 3
    assert "densitymap build" in ran.err


def test_pictures_are_made_of_any_layer(sample_space, tmp_path):
    for name, layer, mark in (
        ("a.png", "pressure", b"\x89PNG"),
        ("b.svg", "lot_added:triplex-by-right", b"<?xml"),
    ):
        path = tmp_path / name
        ran = densitymap("map", "--image", path, "--layer", layer, "--workspace", sample_space, "--json")
        assert ran.code == 0, ran.err
        assert path.read_bytes().startswith(mark)
        assert json.loads(ran.out)["layer"] == layer


def test_a_raster_of_the_build_is_drawn_in_our_unit(space, whole):
    elevation = whole.rasters["elevation_ft"]
    with rasterio.open(space.raw / "rasters" / "dem_10m.tif") as raster:
        metres = raster.read(1, masked=True)
    assert np.nanmean(elevation.values) == pytest.approx(3.280839895 * float(metres.mean()), rel=0.05)
    assert np.size(elevation.values) <= 100_000
    assert whole.rasters["canopy_share"].steps[-1] == 80.0


def test_a_raster_whose_file_is_gone_or_another_is_named(space, tmp_path):
    found = drawing.gather(space, Request(source=tmp_path))
    assert not found.rasters
    assert "--source" in found.notes["elevation_raster"]
    shutil.copytree(space.raw / "rasters", tmp_path / "rasters")
    (tmp_path / "rasters" / "dem_10m.tif").write_bytes(b"another file")
    found = drawing.gather(space, Request(source=tmp_path))
    assert set(found.rasters) == {"canopy_share"}


def test_layers_a_reader_looks_for_and_the_build_lacks_are_named(space, tmp_path):
    copy = tmp_path / "space"
    shutil.copytree(space.root, copy, ignore=shutil.ignore_patterns("1_raw", "maps"))
    (copy / "data" / "2_layers" / "flood.parquet").unlink()
    found = drawing.gather(Workspace(copy), Request())
    assert "FEMA NFHL" in found.notes["flood"]
    assert "flood" not in found.polygons


def test_definitions_stand_on_their_own_tract_lines(whole):
    assert whole.definitions
    for one in whole.definitions:
        frame = getattr(whole, one.set_name)
        assert one.years
        classes = {value for value, _, _ in one.classes}
        assert set(frame[one.column].dropna()) <= classes


def test_the_spanish_map_leaves_no_sentence_of_ours_in_english(space):
    content = drawing.gather(space, Request(language="es"))
    html = maps.render(content, language="es")
    manifest = json.loads(re.search(r'id="dm-manifest">(.*?)</script>', html, re.DOTALL)[1])
    sentences = [text for text in manifest["english"] if " " in text and not text.istitle()]
    assert sentences == []
    assert "lotes cargados" in content.coverage_sentence
    assert "lots" not in " ".join(content.doubts)


def test_a_spanish_pair_is_asked_the_same_question(space):
    content = drawing.gather(space, Request(compare=("no-change", "triplex-by-right"), language="es"))
    spoken, _ = speak.spoken(content, words.load("es"))
    assert {question for _, _, question in spoken.policies} == {"¿Puede haber aquí un tríplex?"}
    assert [title for _, title, _ in spoken.policies] == ["La ley de hoy", "Tríplex por derecho"]


def test_the_public_names_tell_the_story(sample_space, tmp_path):
    law = dm.load_policy("atlanta")
    lots = dm.read_parcels(sample_space)
    found = dm.allowed(lots, [law, dm.apply("triplex-by-right", law)])
    assert len(found) == 2 * len(lots)
    drawn = dm.render_map(sample_space, scenario="triplex-by-right")
    assert drawn._repr_html_().startswith("<iframe srcdoc=")
    drawn.save(tmp_path / "map.html")
    assert (tmp_path / "map.html").read_text(encoding="utf-8") == drawn.to_html()
    assert set(dm.__all__) <= set(dir(dm))
    with pytest.raises(AttributeError, match="no attribute"):
        dm.nothing  # noqa: B018 (the look-up is the test)


def test_a_map_keeps_folium_children_added_before_it_is_shown(whole):
    made = maps.build_map(whole)
    folium.Circle([33.75, -84.35], radius=30).add_to(made)
    assert "L.circle(" in made.to_html()


def test_two_maps_of_one_build_are_one_file(space, compared):
    again = drawing.gather(space, Request(compare=("no-change", "triplex-by-right")))
    assert maps.render(again) == maps.render(compared)


def test_reaching_leaves_out_what_only_touches(whole):
    here = whole.area
    _, south, east, north = here.total_bounds
    beside = gpd.GeoDataFrame(
        geometry=[shapely.box(east, south, east + 5_000, north), here.geometry.iloc[0]], crs=here.crs
    )
    assert len(map_areas.reaching(beside, here)) == 1
