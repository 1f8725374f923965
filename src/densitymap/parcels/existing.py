"""What stands on a lot, from the assessors' records: each fact with who says so, or missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from densitymap import schema

CITY_UNITS = "City TaxParcel LIVUNITS (medium confidence)"
LAND_USE = "county land use code (high confidence for one to five homes)"
FLOOR_AREA = "DeKalb iasWorld floor area (medium confidence)"
BUILT_BY_USE = "county land use code (high confidence)"
BUILT_BY_VALUE = "assessor values a building (medium confidence)"
NOT_BUILT_BY_VALUE = "assessor values land but no building (low confidence)"
BUILT_BY_RECORD = "assessor records floor area or a year built (high confidence)"


def attached(lots: pd.DataFrame, records: Mapping[str, pd.DataFrame]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Attach the assessors' records to lots by parcel key.

    Parameters
    ----------
    lots
        With ``parcel_keys``: the keys of all records on the lot, separated by blanks.
    records
        Assessor layers by name, each with ``parcel_key`` and the columns it knows.

    Returns
    -------
    lots, unmatched
        The first layer that knows a value gives it. On a lot of several records counts and values
        are summed, and missing where one is missing; other values stand where all agree.
        ``unmatched`` counts, by layer, the records that met no lot.
    """
    result = lots.copy()
    keys = lots["parcel_keys"].str.split(" ").explode()
    unmatched: dict[str, Any] = {}
    for name, record in records.items():
        known = record.dropna(subset="parcel_key").drop_duplicates("parcel_key").set_index("parcel_key")
        unmatched[name] = int((~known.index.isin(keys)).sum())
        columns = known.columns.difference(["parcel_id"])
        values = _one_per_lot(known[columns].reindex(keys).set_axis(keys.index))
        for column in columns:
            result[column] = result[column].fillna(values[column]) if column in result else values[column]
    return result, unmatched


def _one_per_lot(values: pd.DataFrame) -> pd.DataFrame:
    """Values of several records on one lot brought together; the index repeats for such lots."""
    several = values.index.duplicated(keep=False)
    grouped = values[several].groupby(level=0)
    together = grouped.first()
    for column in values.columns:
        if schema.columns()[column].kind == "extensive":
            together[column] = grouped[column].sum().where(grouped[column].count() == grouped.size())
        else:
            agree = grouped[column].nunique(dropna=False).eq(1)
            together[column] = together[column].where(agree)
    return pd.concat([values[~several], together]).sort_index()


def standing(lots: pd.DataFrame, codes: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Homes, floor area and whether a lot is built, each with its source; missing is unknown.

    Parameters
    ----------
    lots
        With whichever of ``land_use_code``, ``assessor_units``, ``residential_floor_area_ft2``,
        ``building_floor_area_ft2``, ``year_built``, ``appraised_improvement_usd`` and
        ``appraised_value_usd`` are known.
    codes
        Land use codes (``catalog/ingest/land_use_codes.toml``).

    Returns
    -------
    DataFrame
        The lots with ``existing_units``, ``existing_floor_area_ft2``, ``is_built`` and their
        ``_source`` columns. Missing is never one home, never zero, never vacant.
    """
    index = lots.index
    use = _column(lots, "land_use_code", "string")
    by_use = use.map({code: entry["units"] for code, entry in codes.items() if "units" in entry})
    counted = _column(lots, "assessor_units", "Float64")
    units = _first(index, [(by_use.astype("Float64"), LAND_USE), (counted.where(counted > 0), CITY_UNITS)])
    home = _column(lots, "residential_floor_area_ft2", "Float64")
    other = _column(lots, "building_floor_area_ft2", "Float64")
    floor = home.where(home > 0).fillna(other.where(other > 0))
    built = _first(index, _evidence(lots, codes, floor))
    return lots.assign(
        existing_units=units[0].round().astype("Int64"),
        existing_units_source=units[1],
        existing_floor_area_ft2=floor,
        existing_floor_area_source=pd.Series(FLOOR_AREA, index=index, dtype="string").where(floor.notna()),
        is_built=built[0].astype("boolean"),
        is_built_source=built[1],
    )


def _evidence(
    lots: pd.DataFrame, codes: Mapping[str, Mapping[str, Any]], floor: pd.Series
) -> list[tuple[pd.Series, str]]:
    """Evidence that a lot is built, strongest first, as nullable booleans."""
    use = _column(lots, "land_use_code", "string")
    by_use = use.map({code: entry["built"] for code, entry in codes.items() if "built" in entry})
    recorded = floor.notna() | (_column(lots, "year_built", "Float64") > 0).fillna(value=False)
    improvement = _column(lots, "appraised_improvement_usd", "Float64")
    value = _column(lots, "appraised_value_usd", "Float64")
    valued = (improvement > 0).astype("boolean")
    bare = ((improvement == 0) & (value > 0)).astype("boolean").fillna(value=False)
    return [
        (recorded.astype("boolean").where(recorded), BUILT_BY_RECORD),
        (by_use.astype("boolean"), BUILT_BY_USE),
        (valued.where(valued.fillna(value=False)), BUILT_BY_VALUE),
        ((~bare).where(bare), NOT_BUILT_BY_VALUE),
    ]


def _first(index: pd.Index, ranked: list[tuple[pd.Series, str]]) -> tuple[pd.Series, pd.Series]:
    value = ranked[0][0]
    source = pd.Series(pd.NA, index=index, dtype="string")
    for candidate, name in ranked:
        fresh = candidate.notna() & source.isna()
        value = value.where(~fresh, candidate)
        source = source.mask(fresh, name)
    return value, source


def _column(lots: pd.DataFrame, name: str, dtype: Any) -> pd.Series:
    if name in lots:
        return lots[name].astype(dtype)
    return pd.Series(pd.NA, index=lots.index, dtype=dtype)
