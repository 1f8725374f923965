"""Whatever somebody asked to be left out is not in a brief's lots, nor in a pro forma or memo."""

from __future__ import annotations

import geopandas as gpd
import pytest
from shapely.geometry import box

from densitymap import schema
from densitymap.errors import UsageError
from densitymap.pipeline import brief, subject
from densitymap.pipeline.workspace import Workspace


@pytest.fixture
def space(tmp_path):
    made = Workspace(tmp_path)
    made.parcels.mkdir(parents=True)
    lots = gpd.GeoDataFrame(
        {"parcel_id": ["a", "b"], "canopy_share": [0.5, 0.5]}, geometry=[box(0, 0, 9, 9)] * 2, crs=2240
    )
    for name in schema.table("parcels").column_names:
        if name not in lots:
            lots[name] = None
    lots.to_parquet(made.parcels / "parcels.parquet")
    rows = "parcel_id,field,reason\na,*,asked\nb,canopy_share,asked\n"
    (tmp_path / "data" / "corrections").mkdir(parents=True, exist_ok=True)
    (tmp_path / "data" / "corrections" / "redact.csv").write_text(rows)
    return made


def test_a_brief_counts_no_redacted_lot(space):
    lots = brief.Shelf(space).lots
    assert lots["parcel_id"].tolist() == ["b"]
    assert lots["canopy_share"].isna().all()


def test_a_redacted_lot_has_no_pro_forma(space):
    with pytest.raises(UsageError, match="'a'"):
        subject.of_parcel(space, "a", scenario="no-change")
