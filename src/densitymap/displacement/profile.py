"""The profile of a place: what each census says of it, with its margin, over all loaded years.

Tracts and the place itself are printed apart, since a tract is not a neighbourhood. What is missing
is named: "not published" where there is an estimate without a margin, "not in this data" where there
is no estimate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from densitymap import params, schema
from densitymap.displacement.apportion import apportion, crosswalk, rebuild
from densitymap.errors import ValidationError
from densitymap.geometry import ACRE_FT2, geometries, locate, overlaps

BLOCK_WEIGHT = "population_2020"
"""What tracts are split by: the people of the 2020 blocks."""
HISTORY_VINTAGE = 2010
"""Tract lines the panel stands on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileInput:
    """What a profile is made of; everything in the city's plane (EPSG:2240)."""

    name: str
    """Name of the place."""
    place: gpd.GeoDataFrame
    """One row: the place."""
    tracts: Mapping[int, gpd.GeoDataFrame]
    """Shapes by vintage, with ``tract_geoid``."""
    measures: tuple[pd.DataFrame, ...] = ()
    """TRACTS tables, each of one vintage and period."""
    blocks: gpd.GeoDataFrame | None = None
    """2020 blocks as points, with the columns of the layer ``blocks_2020``."""
    blocks_cover: gpd.GeoDataFrame | None = None
    """Where the blocks are complete; everywhere, if not given."""
    history: pd.DataFrame | None = None
    """The panel 1990-2018 of the metro, on 2010 tracts."""
    comparisons: Mapping[str, gpd.GeoDataFrame] = field(default_factory=dict)
    """Larger places by name (the district, the city), one row each."""
    sales: pd.DataFrame | None = None
    """Sales along a corridor that carry acres: ``price_usd``, ``acres``, ``year``."""


def profile(given: ProfileInput) -> dict[str, Any]:
    """Profile a place, ready for JSON.

    Returns
    -------
    dict
        ``place``, ``acres``, ``tracts`` (share of the place each covers, and its own history),
        ``place_history``, ``history_money``,
        ``census_2020``, ``estimates``, ``comparison``, ``land_price_per_acre``,
        ``apportioning``, ``cannot_test``.

    Raises
    ------
    ValidationError
        If a table's vintage has no shapes, or the place is not one row.
    """
    if len(given.place) != 1:
        raise ValidationError(f"profile: {given.name} must be one area, not {len(given.place)}")
    words = params.load("profiles", "place")
    wider = given.comparisons
    return {
        "place": given.name,
        "acres": round(float(given.place.geometry.area.iloc[0]) / ACRE_FT2, 1),
        "note": words["words"]["tract_is_not_place"],
        "tracts": _tracts(given, words),
        "place_history": _history(given, given.place, words),
        "history_money": words["history"]["money"],
        "census_2020": _full_count(given, given.place, words),
        "estimates": [_estimates(given, table, given.place, words) for table in given.measures],
        "comparison": {
            name: {
                "place_history": _history(given, area, words),
                "census_2020": _full_count(given, area, words),
            }
            for name, area in wider.items()
        }
        | {"metro": _metro(given, words)},
        "land_price_per_acre": land_price(given.sales, words),
        "apportioning": words["words"]["apportioning"],
        "cannot_test": list(words["words"]["cannot_test"]),
    }


def _value(number: float | None, margin: float | str | None, words: Mapping[str, Any]) -> dict[str, Any]:
    """Give a value with its margin, or say why one of them is not there."""
    if number is None or pd.isna(number):
        return {"value": None, "margin": None, "note": words["absent"]}
    if not isinstance(margin, str):
        unknown = margin is None or pd.isna(margin)
        return {
            "value": round(float(number), 4),
            "margin": words["no_margin"] if unknown else round(float(margin or 0), 4),
        }
    return {"value": round(float(number), 4), "margin": margin}


def _shapes(given: ProfileInput, vintage: int) -> gpd.GeoDataFrame:
    if vintage not in given.tracts:
        have = ", ".join(map(str, given.tracts)) or "none"
        raise ValidationError(
            f"profile: a table is on {vintage} tracts, but shapes are of {have}; their lines differ"
        )
    return given.tracts[vintage].set_index("tract_geoid")


def _tracts(given: ProfileInput, words: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Tracts that cover the place, by vintage, largest part first, each with its own history."""
    found = []
    for vintage, shapes in given.tracts.items():
        pairs = overlaps(shapes, given.place)
        pairs = pairs[pairs["share"] >= words["sliver"]["value"]]
        own = shapes.geometry.area.to_numpy()[pairs["source"]]
        names = shapes["tract_geoid"].to_numpy(dtype=object)[pairs["source"]]
        for name, share, part in zip(names, pairs["share"], pairs["area_ft2"] / own, strict=True):
            entry = {
                "tract_geoid": str(name),
                "tract_vintage": int(vintage),
                "share_of_place": round(float(share), 4),
                "share_of_tract": round(float(part), 4),
            }
            if vintage == HISTORY_VINTAGE:
                entry["history"] = _tract_history(given.history, str(name), words)
            entry["estimates"] = _tract_estimates(given.measures, vintage, str(name), words)
            found.append(entry)
    return found


def _counts(history: pd.DataFrame, year: str, words: Mapping[str, Any]) -> pd.DataFrame:
    """Counts of one year from the panel's counts and shares."""
    made = {}
    for name, record in words["history"]["counts"].items():
        count = history[f"{record['of']}_{year}"]
        share = history[f"{record['share']}_{year}"] if "share" in record else 1.0
        made[name] = (count * share).mask(count == 0, 0.0)  # a part of nobody is nobody, whatever the share
    return pd.DataFrame(made).astype(float)


def _with_shares(counts: pd.Series, words: Mapping[str, Any]) -> dict[str, Any]:
    """Counts and shares of one place and year."""
    result = {name: _value(number, None, words) for name, number in counts.items()}
    for name, record in words["history"]["shares"].items():
        part, whole = counts[record["of"]], counts[record["in"]]
        result[name] = _value(part / whole if pd.notna(whole) and whole > 0 else None, None, words)
    return {str(name): value for name, value in result.items()}


def _tract_history(history: pd.DataFrame | None, tract: str, words: Mapping[str, Any]) -> Any:
    if history is None or tract not in set(history["GEOID"]):
        return words["absent"]
    row = history.loc[history["GEOID"] == tract]
    return {
        shown: _with_shares(_counts(row, year, words).iloc[0], words)
        | {
            name: _value(row[f"{column}_{year}"].iloc[0], None, words)
            for name, column in words["history"]["tract_only"].items()
        }
        for year, shown in words["history"]["years"].items()
    }


def _tract_estimates(
    tables: tuple[pd.DataFrame, ...], vintage: int, tract: str, words: Mapping[str, Any]
) -> Any:
    """Measures of one tract in each period on its lines; those without an estimate are left out."""
    found = {}
    for table in tables:
        rows = table[(table["tract_geoid"] == tract) & (table["tract_vintage"] == vintage)]
        if len(rows):
            row = rows.iloc[0]
            found[str(row["acs_period"])] = {
                name: _value(row[name], row.get(f"{name}_moe"), words)
                for name in _shown()
                if name in row and pd.notna(row[name])
            }
    return found or words["absent"]


def _shown() -> list[str]:
    """Measures a reader sees: estimates, without keys, margins and kinds."""
    table = schema.table("tracts")
    return [
        name for name in table.column_names if not name.endswith(("_moe", "_kind")) and name not in table.key
    ]


def _history(given: ProfileInput, place: gpd.GeoDataFrame, words: Mapping[str, Any]) -> Any:
    """Counts of the panel apportioned to a place."""
    if given.history is None or HISTORY_VINTAGE not in given.tracts:
        return words["absent"]
    pairs = _pairs(given, HISTORY_VINTAGE, place)
    history = given.history.set_index("GEOID", drop=False)
    gone = pd.Index(pairs["source"]).difference(history.index)
    if len(gone):
        return f"{words['absent']}: {len(gone)} tracts of this place are not in the panel"
    result = {}
    for year, shown in words["history"]["years"].items():
        split = apportion(_counts(history, year, words), pairs, columns=list(words["history"]["counts"]))
        result[shown] = _with_shares(split.iloc[0][list(words["history"]["counts"])], words)
    return result


def _pairs(given: ProfileInput, vintage: int, place: gpd.GeoDataFrame) -> pd.DataFrame:
    """Crosswalk from tracts to one place; slivers are dropped."""
    shapes = _shapes(given, vintage)
    target = place.set_axis(["place"])[["geometry"]]
    pairs = crosswalk(
        shapes[["geometry"]], target, points=given.blocks, weight=BLOCK_WEIGHT, cover=given.blocks_cover
    )
    return pairs[(pairs["target"] == "place") & (pairs["share"] > 0)]


def _metro(given: ProfileInput, words: Mapping[str, Any]) -> Any:
    """Whole metro of the place, summed over the tracts of the panel whose count is known."""
    if given.history is None or HISTORY_VINTAGE not in given.tracts:
        return words["absent"]
    inside = given.history["GEOID"].isin(_pairs(given, HISTORY_VINTAGE, given.place)["source"])
    here = given.history.loc[inside, "city"].unique()
    if len(here) != 1:
        return words["absent"]
    metro = given.history[given.history["city"] == here[0]]
    years = words["history"]["years"]
    return {"name": str(here[0]), "tracts": len(metro)} | {
        shown: _with_shares(_counts(metro, year, words).sum(), words) for year, shown in years.items()
    }


def _full_count(given: ProfileInput, place: gpd.GeoDataFrame, words: Mapping[str, Any]) -> Any:
    """2020 blocks whose point lies in the place, added up."""
    if given.blocks is None:
        return words["absent"]
    inside = given.blocks[locate(geometries(given.blocks), place) >= 0]
    if inside.empty:
        return words["absent"]
    names = [
        name
        for name, column in schema.columns().items()
        if name.endswith("_2020") and column.kind == "extensive"
    ]
    sums = {name: inside[name].sum(skipna=False) for name in names if name in inside}
    result = {name: _value(number, words["full_count"], words) for name, number in sums.items()}
    if {"population_2020", "white_nonhispanic_2020"} <= set(sums):
        colour = sums["population_2020"] - sums["white_nonhispanic_2020"]
        result["people_of_color_2020"] = _value(colour, words["full_count"], words)
        result["people_of_color_share_2020"] = _value(
            colour / sums["population_2020"], words["full_count"], words
        )
    return result | {"blocks": len(inside)}


def _estimates(
    given: ProfileInput, table: pd.DataFrame, place: gpd.GeoDataFrame, words: Mapping[str, Any]
) -> dict[str, Any]:
    """One ACS period: every measure apportioned to the place, with its margin."""
    vintage = int(table["tract_vintage"].iloc[0])
    pairs = _pairs(given, vintage, place)
    values = table.drop_duplicates("tract_geoid").set_index("tract_geoid")
    names = [name for name in _countable(values) if values[name].notna().any()]
    held = pairs[pd.Index(pairs["source"]).isin(values.index)]
    absent = len(pairs) - len(held)
    row = (
        rebuild(apportion(values, held, columns=names)).iloc[0]
        if len(held) and not absent
        else pd.Series(dtype=object)
    )
    return {
        "acs_period": str(table["acs_period"].iloc[0]),
        "tract_vintage": vintage,
        "tracts_without_values": absent,
        "weighted_by": str(row.get("weighted_by", words["absent"])),
        "measures": {name: _value(row.get(name), row.get(f"{name}_moe"), words) for name in _shown()},
    }


def _countable(values: pd.DataFrame) -> list[str]:
    known = schema.columns()
    return [str(name) for name in values if name in known and known[str(name)].kind == "extensive"]


def land_price(sales: pd.DataFrame | None, words: Mapping[str, Any]) -> Any:
    """Price per acre by year from the sales that carry acres: n, median and range, or "too few".

    Parameters
    ----------
    sales
        ``price_usd``, ``acres`` and ``year``, one row per sale.
    words
        The record ``catalog/profiles/place.toml``.
    """
    if sales is None or sales.empty:
        return words["absent"]
    usable = sales[(sales["price_usd"] > 0) & (sales["acres"] > 0)]
    per_acre = (usable["price_usd"] / usable["acres"]).astype(float)
    least = int(words["least_sales"]["value"])
    result = {}
    for year, prices in per_acre.groupby(usable["year"]):
        if len(prices) < least:
            result[str(year)] = {"n": len(prices), "note": f"{words['too_few']}: fewer than {least}"}
        else:
            low, middle, high = np.quantile(prices, [0, 0.5, 1]).round(-3)
            result[str(year)] = {
                "n": len(prices),
                "median_usd": middle,
                "lowest_usd": low,
                "highest_usd": high,
            }
    return {"sales_without_acres_or_price": len(sales) - len(usable), "by_year": result}
