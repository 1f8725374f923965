"""From tax records to lots: one row per shape, whatever number of records lie on it."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from densitymap import schema
from densitymap.geometry import geometries
from densitymap.ingest.receipt import Receipt
from densitymap.ingest.shapes import outline_keys

UNIDENTIFIED = "unidentified-"
"""Prefix of the identifier given to records that have none; they are never merged by it."""

FIRST = ("parcel_id", "parcel_key", "site_address")


def identified(lots: gpd.GeoDataFrame, no_id: tuple[str, ...], receipt: Receipt) -> gpd.GeoDataFrame:
    """Give each record without an identifier one of its own, so that none is taken for another.

    Parameters
    ----------
    lots
        Records with ``parcel_id``, possibly missing or one of the publisher's stand-ins.
    no_id
        Stand-ins such as ``NO ID``.
    receipt
        Where they are counted.
    """
    result = lots.copy()
    without = result["parcel_id"].isna() | result["parcel_id"].str.upper().isin(no_id)
    receipt.change(
        "no parcel id: kept apart under an id of its own", result.loc[without, "parcel_id"].fillna("null")
    )
    order = geometries(result[without])
    rank = pd.Series(outline_keys(order)).rank(method="first").astype(int).to_numpy()
    result.loc[without, "parcel_id"] = [f"{UNIDENTIFIED}{number:04d}" for number in rank]
    result["parcel_key"] = result["parcel_keys"] = key_of(result["parcel_id"])
    return result


def key_of(parcel_ids: pd.Series) -> pd.Series:
    """Identifiers reduced to letters and digits: publishers space the same identifier differently.

    Examples
    --------
    >>> key_of(pd.Series(["14 0107  LL0020", "15-206-03-037"])).tolist()
    ['140107LL0020', '1520603037']
    """
    return parcel_ids.astype("string").str.upper().str.replace(r"[^A-Z0-9]", "", regex=True)


def merged(records: gpd.GeoDataFrame, receipt: Receipt) -> gpd.GeoDataFrame:
    """Merge records into lots.

    Records that share one shape (stacked condominiums) become one lot. Records that repeat an
    identifier on other shapes become one lot with the union of the shapes: no land is lost, none is
    counted twice. Counts and values are summed, and missing where one is missing; other columns are
    kept where all records agree, the identifier and address are those of the lowest identifier.
    ``n_records`` says how many records went in.
    """
    stacked = outline_keys(geometries(records)).to_numpy()
    by_shape = _merge(
        records, pd.Series(stacked, index=records.index), receipt, "stacked records merged into one lot"
    )
    return _merge(
        by_shape, by_shape["parcel_id"], receipt, "records repeating a parcel id joined into one lot"
    )


def _merge(frame: gpd.GeoDataFrame, group: pd.Series, receipt: Receipt, reason: str) -> gpd.GeoDataFrame:
    repeated = group.duplicated(keep=False).to_numpy()
    receipt.change(reason, frame.loc[group.duplicated().to_numpy(), "parcel_id"])
    if not repeated.any():
        return frame
    many = frame[repeated].sort_values("parcel_id", kind="stable")
    keys = group[repeated].reindex(many.index).to_numpy()
    columns = many.drop(columns="geometry")
    one = columns.groupby(keys, sort=False).nth(0).set_axis(pd.unique(keys))
    grouped = columns.groupby(keys, sort=False)
    one["parcel_keys"] = grouped["parcel_keys"].agg(" ".join)
    for name in one.columns.difference([*FIRST, "parcel_keys"], sort=False):
        one[name] = _combined(grouped[name], one[name], schema.columns()[name])
    shapes = many.geometry.groupby(keys, sort=False).agg(lambda part: shapely.union_all(part.to_numpy()))
    single = gpd.GeoDataFrame(one, geometry=shapes.to_numpy(), crs=frame.crs)
    return gpd.GeoDataFrame(pd.concat([frame[~repeated], single], ignore_index=True), crs=frame.crs)


def _combined(values: Any, first: pd.Series, column: schema.Column) -> pd.Series:
    """One value of many: the sum of a count, else the value all records agree on, else missing."""
    if column.kind == "extensive" and column.name != "lot_area_ft2_assessor":
        return values.sum().where(values.count() == values.size())
    agree = values.nunique(dropna=False).eq(1)
    return first.where(agree)
