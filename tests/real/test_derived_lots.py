"""Reynoldstown from OpenStreetMap: 1,446 buildings, no parcels."""

from __future__ import annotations

import json
import shutil
import sys

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from densitymap import schema
from densitymap.capacity.block_face import block_faces, load_face_rules
from densitymap.capacity.character import MEASURES
from densitymap.city import load_city
from densitymap.ingest import find, normalise
from densitymap.parcels import derived, join
from densitymap.pipeline import workspace
from densitymap.pipeline.derived import build_derived
from densitymap.pipeline.layers import Layers
from densitymap.pipeline.workspace import Workspace
from densitymap.scenarios.character import character, told
from densitymap.scenarios.ground import ground_of_parcels
from densitymap.scenarios.policy import load_policy

LAYERS = ("buildings", "streets", "neighborhoods", "zoning", "rail_lines", "parcels")


@pytest.fixture(scope="module")
def derivation(real_dir, tmp_path_factory):
    """The layers of the real pack, Reynoldstown joined, and its derived lots."""
    space = Workspace(tmp_path_factory.mktemp("derived"))
    city, layers = load_city("atlanta"), Layers(space.layers)
    for name in LAYERS:
        layer = city.layers[name]
        frame, receipt = normalise.layer_from(
            find.find(layer, [real_dir]), layer, city, measures=None, crs=None
        )
        workspace.write_frame(space.layers / f"{name}.parquet", frame)
        layers.receipts[name] = receipt.as_dict()
    places = layers.read("neighborhoods")
    places["has_parcels"] = places["neighborhood"] != "Reynoldstown"
    workspace.write_frame(space.parcels / "neighborhoods.parquet", places)
    workspace.write_frame(space.parcels / "zones.parquet", layers.read("zoning"))
    workspace.write_json(space.parcels / "join.json", {"fingerprint": "test"})
    return space, city, layers, build_derived(space, city, layers)


def test_every_house_gets_one_lot(derivation):
    space, _, layers, report = derivation
    lots, buildings = gpd.read_parquet(space.parcels / "derived_lots.parquet"), layers.read("buildings")
    houses = "derived:" + buildings.loc[buildings["feature_class"] == "house", "feature_id"]
    assert len(houses) == 1137
    assert houses.isin(lots["derived_lot_id"]).all()
    assert report["lots"] == len(lots) == report["buildings"][derived.LOT]
    # 1,446 less 171 sheds, garages and the like, one small unclassed building, one part of another
    assert report["buildings"] == {
        derived.LOT: 1273,
        derived.OUTBUILDING: 171,
        derived.SMALL: 1,
        derived.PART: 1,
    }


def test_lots_lie_in_reynoldstown_and_apart(derivation):
    space, _, layers, _ = derivation
    places = layers.read("neighborhoods")
    outline = places.loc[places["neighborhood"] == "Reynoldstown"].geometry.iloc[0].buffer(1.0)
    cells = np.array(gpd.read_parquet(space.parcels / "derived_lots.parquet").geometry, dtype=object)
    assert shapely.covers(outline, cells).all()
    assert (shapely.get_type_id(cells) == 3).all()
    one, other = shapely.STRtree(cells).query(cells, predicate="intersects")
    shared = shapely.area(shapely.intersection(cells[one[one < other]], cells[other[one < other]]))
    assert shared.max() < 0.01


def test_lots_are_flagged_and_look_like_lots(derivation):
    space, *_ = derivation
    lots = gpd.read_parquet(space.parcels / "derived_lots.parquet")
    assert set(lots["lot_source"]) == {"derived"}
    houses = lots[lots["feature_class"] == "house"]
    # Reynoldstown's platted lots are about 40 to 50 by 100 to 150 ft, with rows of houses between
    assert houses["lot_area_ft2"].median() == pytest.approx(4_800, rel=0.05)
    assert houses["lot_width_ft"].median() == pytest.approx(43, rel=0.05)
    assert lots["coverage_built"].between(0, 1).all()
    assert lots["storeys"].notna().sum() == 53  # the layer says no more
    assert lots["homes"].notna().sum() == 30
    assert set(lots["neighborhood"]) == {"Reynoldstown"}
    assert lots["zone_district"].notna().all()
    assert not [name for name in lots if name in ("verdict", "units_allowed", "parcel_id")]


def test_aggregates_are_ranges_under_their_licence(derivation):
    space, _, _, report = derivation
    table = pd.read_parquet(space.results / "derived_potential.parquet")
    assert table["derived_lots"].sum() == report["lots"]
    r5 = table.set_index("zone_district").loc["R-5"]
    assert (r5["minimum_area_ft2"], r5["minimum_width_ft"]) == (7_500.0, 50.0)
    assert 0.02 < r5["meets_minimums_share_low"] < r5["meets_minimums_share_high"] < 0.6
    unread = table["minimum_area_ft2"].isna()
    assert table.loc[unread, "meets_minimums_share_high"].isna().all()
    kept = json.loads((space.parcels / "derived_lots.receipt.json").read_text())["receipt"]
    assert kept["licence"] == report["licence"] == "ODbL"
    assert kept["attribution"] == "© OpenStreetMap contributors, ODbL"


def test_block_faces_of_the_sampled_lots_are_named_and_their_houses_unknown(derivation):
    """Lots and mapped buildings lie in different neighbourhoods: nothing can be compared, and it says so."""
    _, _, layers, _ = derivation
    parcels = schema.conform(join.measured(layers.read("parcels")), "parcels")
    assert block_faces(parcels["site_address"], load_face_rules()).notna().mean() > 0.9
    surveyed = ground_of_parcels(parcels).survey
    table = character(parcels, surveyed, layers.read("buildings"), load_policy("atlanta"))
    counts = told(table)
    assert set(counts) == set(MEASURES)
    for words in counts.values():
        assert words == {"unknown": len(table)}


def test_without_momepy_nothing_is_written_and_the_extra_is_named(derivation, tmp_path, monkeypatch):
    space, city, layers, _ = derivation
    bare = Workspace(tmp_path)
    for name in ("neighborhoods.parquet", "zones.parquet", "join.json"):
        bare.parcels.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(space.parcels / name, bare.parcels / name)
    monkeypatch.setitem(sys.modules, "momepy", None)
    told_why = build_derived(bare, city, layers)
    assert told_why["built"] is False
    assert "densitymap[derive]" in told_why["why"]
    assert not (bare.parcels / "derived_lots.parquet").exists()


def test_nothing_is_redone_and_what_no_longer_holds_is_removed(derivation):
    space, city, layers, report = derivation
    again = build_derived(space, city, layers)
    assert again == report | {"redone": False}
    without = Layers(space.layers, receipts={k: v for k, v in layers.receipts.items() if k != "buildings"})
    workspace.write_json(space.parcels / "join.json", {"fingerprint": "other"})
    told = build_derived(space, city, without)
    assert told["built"] is False
    assert "buildings" in told["why"]
    assert not (space.parcels / "derived_lots.parquet").exists()
    assert not (space.results / "derived_potential.parquet").exists()
