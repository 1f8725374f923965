"""What every definition says of a place, and the commands that tell it."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import LineString, MultiPoint, box

from commands import densitymap
from densitymap.displacement.agreement import published_labels
from densitymap.errors import ValidationError
from densitymap.parcels.area import from_shapes


def test_a_place_hears_every_definition_of_its_tracts(sample_space):
    ran = densitymap("pressure", "district-5", "--workspace", sample_space, "--json")
    assert ran.code == 0
    tracts = ran.document["tracts"]
    by_vintage: dict[int, float] = {}
    for tract in tracts:
        vintage = tract["tract_vintage"]
        by_vintage[vintage] = by_vintage.get(vintage, 0) + tract["share_of_place"]
        assert {row["index_name"] for row in tract["definitions"]} >= {"pressure", "senior_owners"}
    assert all(share <= 1.001 for share in by_vintage.values())
    drawn = [row for tract in tracts for row in tract["definitions"] if row["n_draws"]]
    assert drawn
    assert all(0 <= row["class_draw_share"] <= 1 for row in drawn if row["class_draw_share"] is not None)


def test_draws_per_class_add_up_to_one(sample_space):
    drawn = pd.read_parquet(sample_space / "data/4_results/definition_draws.parquet")
    judged = pd.read_parquet(sample_space / "data/4_results/definitions.parquet")
    sums = drawn.groupby(["tract_geoid", "tract_vintage", "index_name"])["class_draw_share"].sum()
    known = judged[judged["is_classifiable"] & (judged["n_draws"] > 0)]
    own = sums.reindex(pd.MultiIndex.from_frame(known[["tract_geoid", "tract_vintage", "index_name"]]))
    assert own.notna().all()
    assert own.to_numpy() == pytest.approx(1.0)


def test_an_unknown_place_is_exit_2_with_the_nearest_name(sample_space):
    ran = densitymap("pressure", "distrct-5", "--workspace", sample_space, "--json")
    assert ran.code == 2
    assert "Traceback" not in ran.err


def test_labels_stand_beside_definitions_and_unreliable_ones_are_not_flags():
    labels = pd.DataFrame(
        {
            "tract_geoid": ["13121000100", "13121000200", "13121000300", "13121000400"],
            "typology_mode": "as_published",
            "typology_label": [
                "Advanced Gentrification", "Unavailable or Unreliable Data", None, "Stable Moderate/Mixed Income",
            ],
        }
    )  # fmt: skip
    rows = published_labels(labels)
    assert rows["is_flagged"].tolist() == [True, pd.NA, pd.NA, False]
    assert rows["is_classifiable"].tolist() == [True, False, False, True]
    assert set(rows["index_name"]) == {"udp_2018_as_published"}
    assert rows["index_years"].str.contains("2014-18").all()


def test_forward_refuses_a_table_that_is_no_panel(tmp_path):
    (tmp_path / "panel.csv").write_text("GEOID,city\n13121000100,Atlanta\n")
    ran = densitymap(
        "forward", "--panel", tmp_path / "panel.csv", "--metro", "Atlanta", "--out", tmp_path / "o.csv"
    )
    assert ran.code == 5
    assert not (tmp_path / "o.csv").exists()


@pytest.mark.parametrize("shape", [MultiPoint([(0, 0), (1, 1)]), LineString([(0, 0), (1, 1)]), None])
def test_an_area_without_a_surface_is_refused(shape):
    with pytest.raises(ValidationError, match="no polygon"):
        from_shapes(gpd.GeoDataFrame(geometry=[shape], crs=2240), "here")


def test_an_area_keeps_the_surfaces_of_a_mixed_collection():
    mixed = box(0, 0, 2, 2).union(LineString([(5, 5), (6, 6)]))
    assert from_shapes(gpd.GeoDataFrame(geometry=[mixed], crs=2240), "here").polygon.area == pytest.approx(4)
