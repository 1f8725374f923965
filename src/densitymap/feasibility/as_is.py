"""What a lot is worth as it stands: the assessor's value where it can be trusted, else a modelled one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from densitymap import params
from densitymap.geometry import Flags, Floats

ASSESSOR = "assessor"
BY_FLOOR = "floor area x price"
BY_MEDIAN = "neighbourhood median sale"
NO_YEAR = "an appraisal without a year is not used as a value"
STALE = "the appraisal is of another time and is not used as a value"
SUPPOSED = "nobody knows what stands there: a house is supposed"
NO_PLACE = "the neighbourhood has no price"
VACANT = "nothing stands there: its worth is what may be built"
MANY = "more than one home stands there: a median house is no value of it"
_Z90 = 1.2815515655446004


def as_is_value(lots: pd.DataFrame, prices: pd.DataFrame, *, elasticity: float) -> pd.DataFrame:
    """Value lots as they stand, and say who says so.

    An appraisal counts where its year is known and close to the price year. DeKalb's value in the city's
    parcel file (CNTASSDVAL) is of 2012 for most lots and is read by no layer as a value; a value without a
    year is refused for the same reason.

    Parameters
    ----------
    lots
        ``neighborhood`` and any of ``appraised_value_usd``, ``value_year``, ``existing_floor_area_ft2``,
        ``existing_units``, ``is_built``; absent columns are unknown.
    prices
        Table ``place_prices``.
    elasticity
        Of the price per ft2 with respect to size.

    Returns
    -------
    DataFrame on the lots' index
        ``as_is_value_usd``, ``as_is_value_p10_usd``, ``as_is_value_p90_usd`` [USD of
        ``as_is_value_year``], ``as_is_value_source``, ``as_is_value_year``, ``as_is_value_note``. Held in
        memory only: no value by existing lot is ever written.
    """
    place = prices.set_index("neighborhood").reindex(_column(lots, "neighborhood", "string"))
    appraised, trusted = _appraised(lots)
    floor = _number(lots, "existing_floor_area_ft2")
    many, vacant = _number(lots, "existing_units") > 1, _flag(lots, "is_built") == 0
    by_floor = _by_floor(floor, place, elasticity)
    median = np.where(many | vacant, np.nan, place["median_sale_price_usd"].to_numpy(float, na_value=np.nan))
    by_floor = np.where(vacant, np.nan, by_floor)
    choices = [trusted, np.isfinite(by_floor), np.isfinite(median)]
    wide = _place_sd(place)
    sd = np.select(choices, [_choice("assessor_sd"), np.hypot(wide, _choice("place_sale_sd")),
                             np.hypot(wide, _choice("place_median_sd"))], np.nan)  # fmt: skip
    value = np.select(choices, [appraised, by_floor, median], np.nan)
    year = np.select(choices, [_number(lots, "value_year"), *[_choice("price_year")] * 2], np.nan)
    found = pd.DataFrame({"as_is_value_usd": value}, index=lots.index)
    found["as_is_value_p10_usd"] = value * np.exp(-_Z90 * sd)
    found["as_is_value_p90_usd"] = value * np.exp(_Z90 * sd)
    source = np.select(choices, [ASSESSOR, BY_FLOOR, BY_MEDIAN], "")
    found["as_is_value_source"] = pd.Series(source, index=lots.index, dtype="string").replace("", pd.NA)
    found["as_is_value_year"] = pd.array(np.where(np.isnan(value), np.nan, year), dtype="Int64")
    found["as_is_value_note"] = _notes(lots, place, choices, vacant=vacant, many=many)
    return found


def _appraised(lots: pd.DataFrame) -> tuple[Floats, Flags]:
    value, year = _number(lots, "appraised_value_usd"), _number(lots, "value_year")
    recent = np.abs(year - _choice("price_year")) <= _choice("assessor_age_max")
    return value, np.asarray((value > 0) & recent, bool)


def _by_floor(floor: Floats, place: pd.DataFrame, elasticity: float) -> Floats:
    """Floor area times the place's price of a house of that size [USD]."""
    size = np.where(floor > 0, floor, np.nan)
    rate = place["price_usd_per_ft2"].to_numpy(float, na_value=np.nan)
    return np.asarray(size * rate * (size / _choice("reference_house_ft2")) ** elasticity, float)


def _place_sd(place: pd.DataFrame) -> Floats:
    """How sure the place's mean is [log USD/ft2]."""
    low, high = (place[f"price_{end}_usd_per_ft2"].to_numpy(float, na_value=np.nan) for end in ("p10", "p90"))
    return np.asarray(np.log(high / low) / (2 * _Z90), float)


def _notes(
    lots: pd.DataFrame, place: pd.DataFrame, choices: list[Flags], *, vacant: Flags, many: Flags
) -> pd.Series:
    value, year = _number(lots, "appraised_value_usd"), _number(lots, "value_year")
    trusted, by_floor, median = choices
    modelled = ~trusted & (by_floor | median)
    unpriced = place["price_usd_per_ft2"].isna().to_numpy() & ~trusted
    notes = [
        (~trusted & (value > 0) & np.isnan(year), NO_YEAR),
        (~trusted & (value > 0) & np.isfinite(year), STALE),
        (~trusted & ~by_floor & median & np.isnan(_flag(lots, "is_built")), SUPPOSED),
        (unpriced, NO_PLACE),
        (~trusted & vacant, VACANT),
        (~trusted & ~by_floor & many & ~vacant, MANY),
    ]
    told = pd.Series("", index=lots.index, dtype="string")
    for holds, text in notes:
        told = told.mask(holds, told.where(told == "", told + "; ") + text)
    noted = place["price_note"].fillna("").to_numpy(object)
    own = pd.Series(np.where(modelled, noted, ""), index=lots.index, dtype="string")
    return told.where(own == "", told.where(told == "", told + "; ") + own)


def _column(lots: pd.DataFrame, name: str, dtype: str) -> pd.Series:
    empty = pd.Series(pd.NA, index=lots.index, dtype="object")
    values: pd.Series = lots.get(name, empty).astype(dtype)  # type: ignore[call-overload]
    return values


def _number(lots: pd.DataFrame, name: str) -> Floats:
    return _column(lots, name, "Float64").to_numpy(float, na_value=np.nan)


def _flag(lots: pd.DataFrame, name: str) -> Floats:
    found = _column(lots, name, "boolean").astype("Float64").to_numpy(float, na_value=np.nan)
    return np.asarray(found, float)


def _choice(name: str) -> float:
    return float(params.choice(name, group="prices"))
