"""What changed between two locks, from the sample and by hand."""

from __future__ import annotations

import json
import shutil

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import box

from commands import densitymap
from densitymap.errors import MissingDataError, ValidationError
from densitymap.ingest.receipt import sha256_of
from densitymap.pipeline import diff
from densitymap.pipeline.workspace import Workspace, write_frame, write_json

LOTS = {"A": box(0, 0, 100, 100), "B": box(200, 0, 300, 100)}
ZONES = {"R-4": box(-10, -10, 150, 150), "C-1": box(150, -10, 400, 150)}


def edition(folder, lots=LOTS, zones=ZONES, **facts):
    """Write a workspace with two layers, their receipts and the lock."""
    space = Workspace(folder)
    lot_frame = gpd.GeoDataFrame({"parcel_id": list(lots)}, geometry=list(lots.values()), crs="EPSG:2240")
    zone_frame = gpd.GeoDataFrame(
        {"zone_id": [str(k) for k in range(len(zones))], "zone_district": pd.array(list(zones), "string")},
        geometry=list(zones.values()), crs="EPSG:2240",
    )  # fmt: skip
    layers = {}
    for name, frame in (("parcels", lot_frame), ("zoning", zone_frame)):
        path = space.layers / f"{name}.parquet"
        write_frame(path, frame)
        layers[name] = {"sha256": sha256_of(path), "rows_in": len(frame), "vintage": "2025"} | facts.get(
            name, {}
        )
        write_json(space.layers / f"{name}.receipt.json", {"receipt": layers[name]})
    write_json(space.lock, {"version": 1, "layers": layers | facts.get("more", {}), "lock_hash": "h"})
    return folder


def compared(a, b, data_a=None):
    return diff.compare(diff.open_edition(a, data_a), diff.open_edition(b))


def test_the_same_edition_has_not_changed(tmp_path):
    found = compared(edition(tmp_path / "a"), tmp_path / "a" / "densitymap.lock")
    assert (found["layers"], found["unchanged"]) == ([], 2)
    assert found["parcels"]["events"] == found["zoning"]["ground"] == found["zoning"]["lots"] == []


def test_lots_and_zoning_are_compared_where_their_data_is(tmp_path):
    a = edition(tmp_path / "a")
    split = {"A": box(0, 0, 50, 100), "A2": box(50, 0, 100, 100), "B": LOTS["B"]}
    anew = {"R-4": box(-10, -10, 150, 150), "MR-3": ZONES["C-1"]}
    b = edition(tmp_path / "b", split, anew, parcels={"vintage": "2026"})
    found = compared(a, b)
    assert {entry["name"]: entry["change"] for entry in found["layers"]} == {
        "parcels": "changed",
        "zoning": "changed",
    }
    assert found["layers"][0]["vintage"] == {"before": "2025", "after": "2026"}
    assert found["layers"][0]["rows_in"] == {"before": 2, "after": 3}
    assert found["parcels"]["events"] == [{"change": "split", "before": "A", "after": "A; A2"}]
    assert found["parcels"]["counts"]["split"] == 1
    assert [(row["from"], row["to"]) for row in found["zoning"]["ground"]] == [("C-1", "MR-3")]
    assert found["zoning"]["lots"] == [{"parcel_id": "B", "from": "C-1", "to": "MR-3"}]


def test_layers_that_came_or_went_are_told(tmp_path):
    gone = {"more": {"flood": {"sha256": "1", "rows_in": 9, "vintage": "2020"}}}
    a, b = edition(tmp_path / "a", **gone), edition(tmp_path / "b", more={"parks": {"sha256": "2"}})
    told = {entry["name"]: entry for entry in compared(a, b)["layers"]}
    assert told["flood"] == {"name": "flood", "change": "gone", "rows_in": 9, "vintage": "2020"}
    assert told["parks"]["change"] == "new"


def test_fetched_sources_are_compared_too(tmp_path):
    def lock(name, rows, sha256):
        source = {"sha256": sha256, "rows": rows, "url": "https://gis.x.gov", "fetched_at": name}
        write_json(tmp_path / name, {"version": 1, "layers": {}, "sources": {"city_zoning": source}})
        return tmp_path / name

    march, april, june = lock("march", 2979, "a"), lock("april", 2979, "a"), lock("june", 2985, "b")
    assert compared(march, april)["sources"] == []
    (entry,) = compared(march, june)["sources"]
    assert (entry["name"], entry["change"], entry["rows"]) == (
        "city_zoning", "changed", {"before": 2979, "after": 2985},
    )  # fmt: skip


def test_data_of_another_edition_is_never_compared(tmp_path):
    a, b = edition(tmp_path / "a"), edition(tmp_path / "b", {"A": LOTS["A"]})
    copy = tmp_path / "march.lock"
    shutil.copy(a / "densitymap.lock", copy)
    found = compared(copy, b)
    assert "parcels of march.lock is not at hand" in found["parcels"]["not_compared"]
    assert compared(copy, b, a)["parcels"]["events"][0] == {
        "change": "vanished", "before": "B", "after": "",
    }  # fmt: skip
    assert "is of another edition" in compared(copy, b, b)["parcels"]["not_compared"]


def test_zoning_is_compared_without_lots(tmp_path):
    a, b = edition(tmp_path / "a"), edition(tmp_path / "b", zones={"R-5": ZONES["R-4"], "C-1": ZONES["C-1"]})
    for place in (a, b):
        (place / "data/2_layers/parcels.parquet").unlink()
    found = compared(a, b)["zoning"]
    assert found["lots_at_hand"] is False
    assert [(row["from"], row["to"]) for row in found["ground"]] == [("R-4", "R-5")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"layers": []}',
        '{"layers": {"parcels": 3}}',
        '{"layers": {"parcels": {}}}',
        '{"layers": {}, "sources": 3}',
        "\x00",
    ],
)
def test_what_is_no_lock_is_refused(tmp_path, text):
    (tmp_path / "x.lock").write_text(text)
    with pytest.raises(ValidationError, match=r"x\.lock is no lock"):
        diff.open_edition(tmp_path / "x.lock")


def test_an_absent_lock_or_workspace_is_said(tmp_path):
    with pytest.raises(MissingDataError, match="There is no lock at"):
        diff.open_edition(tmp_path)
    with pytest.raises(MissingDataError, match="There is no workspace at"):
        diff.open_edition(edition(tmp_path / "a"), tmp_path / "nowhere")


def test_the_command_answers_in_words_and_json(tmp_path):
    a = edition(tmp_path / "a")
    b = edition(tmp_path / "b", LOTS | {"<img onerror=x>": box(500, 0, 600, 100)})
    ran = densitymap("diff", a, b, "--json")
    assert ran.code == 0, ran.err
    assert ran.document["parcels"]["counts"]["new"] == 1
    assert "parcels: changed (2 rows before, 3 now)" in ran.err
    assert "new: nothing -> <img onerror=x>" in ran.err
    nothing = densitymap("diff", a, tmp_path / "no.lock", "--json")
    assert nothing.code == 3
    assert json.loads(nothing.out)["error"]["next"]


def test_damaged_layers_and_odd_numbers_are_told_without_a_traceback(tmp_path):
    a, b = edition(tmp_path / "a"), edition(tmp_path / "b", {"A": LOTS["A"]}, parcels={"rows_in": "many"})
    ran = densitymap("diff", a, b)
    assert ran.code == 0, ran.err
    assert "parcels: changed" in ran.err
    (b / "data/2_layers/parcels.parquet").write_bytes(b"PAR1 no more")
    ran = densitymap("diff", a, b, "--json")
    assert ran.code == 5
    assert "parcels.parquet beside densitymap.lock cannot be read" in ran.document["error"]["message"]
    (b / "data/2_layers/parcels.receipt.json").write_text("[1]")
    ran = densitymap("diff", a, b, "--json")
    assert ran.code == 0
    assert "not at hand" in ran.document["parcels"]["not_compared"]
