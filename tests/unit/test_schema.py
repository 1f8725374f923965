from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import box

from densitymap import schema
from densitymap.errors import CRSError, UsageError, ValidationError

PIECES = pd.DataFrame(
    {"parcel_id": ["a", "b"], "zone_code": ["R-4", "R-5"], "area_ft2": [10.0, 5.0], "share": [1.0, 1.0],
     "is_sliver": [False, False]}
)  # fmt: skip


def test_conform_orders_and_types_columns():
    frame = schema.conform(PIECES[PIECES.columns[::-1]].assign(other=1), "parcel_zones")
    assert list(frame) == list(schema.table("parcel_zones").column_names)
    assert str(frame["share"].dtype) == "Float64"
    schema.check(frame, "parcel_zones")


def test_check_tells_all_faults_at_once():
    frame = schema.conform(PIECES, "parcel_zones")
    frame["area_ft2"] = pd.array([-1.0, 5.0], dtype="Float64")
    frame["parcel_id"] = pd.array(["a", None], dtype="string")
    with pytest.raises(ValidationError) as told:
        schema.check(frame, "parcel_zones", where="pieces.parquet")
    assert len(told.value.faults) == 2
    text = str(told.value)
    assert "area_ft2: 1 rows below 0; first a, R-4" in text
    assert "parcel_id: 1 rows may not be missing" in text
    assert "pieces.parquet, 2 rows" in text


def test_check_finds_repeated_keys():
    frame = schema.conform(pd.concat([PIECES, PIECES.head(1)]), "parcel_zones")
    with pytest.raises(ValidationError, match="1 rows repeat a key; first a, R-4"):
        schema.check(frame, "parcel_zones")


def test_check_refuses_another_reference_system():
    lots = gpd.GeoDataFrame({"parcel_id": ["a"]}, geometry=[box(0, 0, 1, 1)], crs="EPSG:4326")
    with pytest.raises(CRSError, match="expected EPSG:2240"):
        schema.check(lots, "parcels", crs="EPSG:2240")


def test_unknown_table_suggests_the_nearest():
    with pytest.raises(UsageError, match="parcel_zones"):
        schema.table("parcel_zone")


def test_conform_names_every_column_of_the_wrong_type():
    with pytest.raises(ValidationError) as told:
        schema.conform(PIECES.assign(share="x", area_ft2="y"), "parcel_zones")
    assert len(told.value.faults) == 2


def test_owner_facts_are_declared_unpublishable():
    columns = schema.columns()
    assert not columns["owner_type"].publishable
    assert not columns["owner_occupied"].publishable


def test_every_table_is_consistent():
    for name in schema.table_names():
        table = schema.table(name)
        assert set(table.key) <= set(table.column_names)
        assert set(table.required) <= set(table.column_names)
        assert len(set(table.column_names)) == len(table.column_names)
