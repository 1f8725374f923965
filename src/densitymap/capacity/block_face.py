"""The other houses of a lot's block face: who they are, what is known of them, and their medians."""

from __future__ import annotations

from functools import cache

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from densitymap import params, schema
from densitymap.capacity.character import MEASURES, beside_block_face, template_measures
from densitymap.capacity.rules import Rules, load_rules, numbers
from densitymap.capacity.survey import Survey, to_frame
from densitymap.geometry import Floats, Geometries, Indices, geometries, locate

FRONT_KNOWN = ("street", "implied")
"""Sources of a front (:data:`~densitymap.capacity.survey.SOURCES`) that say where the street is."""

BEHIND = ("adu",)
"""Uses that stand behind a house: their front yard is not compared."""

_ADDRESS = r"^\s*(?P<number>\d{1,6})(?:\s*-\s*\d+)?[A-Z]?(?:\s+1/2)?\s+(?P<street>[A-Z0-9][A-Z0-9 .'\-]*?)"
_ADDRESS += r"(?:\s*(?:#|,|\b(?:UNIT|APT|STE|SUITE)\b).*)?\s*$"


@cache
def load_face_rules() -> Rules:
    """Give the fit rules together with those of the block face.

    Examples
    --------
    >>> load_face_rules()["block_face_numbers"]
    100.0
    """
    own = numbers(params.load("fit", "block_face"), "catalog/fit/block_face.toml")
    return {**load_rules(), **own}


def block_faces(site_address: pd.Series, rules: Rules) -> pd.Series:
    """Name the block face of each address: street, hundred, side.

    Parameters
    ----------
    site_address
        Addresses as published; third-party text, of which only numbers, letters, blanks, dots,
        apostrophes and hyphens ever reach the answer.
    rules
        ``block_face_numbers``: house numbers to a block.

    Returns
    -------
    Series of string, same index
        Missing where there is no house number or no plain street.

    Examples
    --------
    >>> told = pd.Series(["1204 Oakview Rd SE", "1216 OAKVIEW  RD SE # 2", "1207 OAKVIEW RD SE", "<b>1 X ST"])
    >>> block_faces(told, {"block_face_numbers": 100.0}).tolist()
    ['OAKVIEW RD SE 1200 even', 'OAKVIEW RD SE 1200 even', 'OAKVIEW RD SE 1200 odd', <NA>]
    """
    parts = site_address.astype("string").str.upper().str.extract(_ADDRESS)
    street = parts["street"].str.replace(r"[\s.]+", " ", regex=True).str.strip()
    number = parts["number"].astype("Int64")
    step = int(rules["block_face_numbers"])
    side = (number % 2).map({0: "even", 1: "odd"}).astype("string")
    named = street.str.contains("[A-Z]", regex=True).astype("boolean").fillna(value=False)
    face = street + " " + (number // step * step).astype("string") + " " + side
    return face.where(named & number.gt(0).fillna(value=False)).rename("block_face")


def houses_on_lots(
    lots: gpd.GeoDataFrame, surveyed: Survey, buildings: gpd.GeoDataFrame, rules: Rules
) -> pd.DataFrame:
    """Measure the main house of each lot: the largest building whose inner point is on the lot.

    Parameters
    ----------
    lots
        Shapes of the lots, in the survey's order and the city's plane.
    surveyed
        Their survey: width and front yard are measured in the lot's own frame, and are missing where
        the front is not known.
    buildings
        Main buildings with ``storeys``, in the same plane; leave sheds and garages out.
    rules
        ``storey_height_ft``.

    Returns
    -------
    DataFrame
        On a running index, :data:`~densitymap.capacity.character.MEASURES` [ft, ft2]; missing where
        no building is mapped or nobody says.
    """
    shapes = geometries(buildings)
    lot = locate(shapely.point_on_surface(shapes), lots)
    size = shapely.area(shapes)
    order = np.lexsort((-size, lot))
    held, first = np.unique(lot[order], return_index=True)
    rows = order[first][held >= 0]
    held = held[held >= 0]
    outlines = np.full(len(lots), None, dtype=object)
    outlines[held] = shapes[rows]
    bounds = _in_frame(outlines, surveyed)
    known = surveyed.lots["front_source"].isin(FRONT_KNOWN).to_numpy()
    storeys = np.full(len(lots), np.nan)
    storeys[held] = buildings["storeys"].to_numpy(np.float64, na_value=np.nan)[rows]
    return pd.DataFrame(
        {
            "height_ft": storeys * rules["storey_height_ft"],
            "footprint_ft2": np.where(shapely.is_missing(outlines), np.nan, shapely.area(outlines)),
            "width_ft": np.where(known, bounds[:, 2] - bounds[:, 0], np.nan),
            "front_yard_ft": np.where(known, np.maximum(bounds[:, 1], 0.0), np.nan),
        }
    )


def _in_frame(outlines: Geometries, surveyed: Survey) -> Floats:
    """Bounds of each outline in its lot's frame, NaN where there is none."""
    bounds = np.full((len(outlines), 4), np.nan)
    at = np.flatnonzero(~shapely.is_missing(outlines))
    if len(at):
        bounds[at] = shapely.bounds(to_frame(outlines[at], surveyed.lots.iloc[at]))
    return bounds


def medians_of_others(values: pd.Series, group: pd.Series, *, least: int) -> tuple[pd.Series, pd.Series]:
    """Median of the other members of each row's group, and how many of them are known.

    Parameters
    ----------
    values
        A measure, missing where unknown.
    group
        Label of each row's group on the same index, missing where unknown.
    least
        With fewer known others the median is missing.

    Returns
    -------
    median, known
        On the index of the values. A row without a group has no others.

    Examples
    --------
    >>> widths = pd.Series([20.0, 30.0, 40.0, 100.0, np.nan])
    >>> median, known = medians_of_others(widths, pd.Series(["a"] * 5), least=3)
    >>> median.tolist(), known.tolist()
    ([40.0, 40.0, 30.0, 30.0, 35.0], [3, 3, 3, 3, 4])
    """
    value = values.to_numpy(np.float64, na_value=np.nan)
    code, labels = pd.factorize(group)
    is_known = ~np.isnan(value) & (code >= 0)
    order = np.lexsort((value, code, ~is_known))
    count = np.bincount(code[is_known], minlength=len(labels))
    start = np.concatenate([[0], np.cumsum(count)])
    rank = np.empty(len(value), dtype=np.intp)
    rank[order] = np.arange(len(value))
    grouped = code >= 0
    total = np.where(grouped, np.append(count, 0)[code], 0)
    others = total - is_known
    own = np.where(is_known, rank - start[code], total)
    ranked = np.append(value[order], np.nan)
    middle = (
        _other(ranked, start[code], own, (others - 1) // 2) + _other(ranked, start[code], own, others // 2)
    ) / 2
    median = np.where(grouped & (others >= max(least, 1)), middle, np.nan)
    return pd.Series(median, index=values.index), pd.Series(others, index=values.index)


def _other(ranked: Floats, start: Indices, own: Indices, place: Indices) -> Floats:
    """The value at a place of a group's ranking once the row's own is taken out."""
    at = start + place + (place >= own)
    return ranked[np.clip(at, 0, len(ranked) - 1)]


def beside_neighbours(
    lots: pd.DataFrame, houses: pd.DataFrame, buildings: pd.DataFrame, rules: Rules
) -> pd.DataFrame:
    """Compare every template on every lot with the other houses of its block face.

    Parameters
    ----------
    lots
        ``parcel_id``, ``site_address`` and ``setback_front_ft``, the front yard the law asks for
        there (missing where unread).
    houses
        From :func:`houses_on_lots`, in the lots' order.
    buildings
        Templates (:func:`~densitymap.capacity.rules.load_buildings`).
    rules
        From :func:`load_face_rules`: ``character_houses_min``, ``character_similar_share`` and more.

    Returns
    -------
    DataFrame [character]
        One row per lot and template, in that order: for each measure the ratio to the median of the
        other houses, a word, and how many of them are known. Unknown where fewer than
        ``character_houses_min`` are.
    """
    lots = lots.reset_index(drop=True)
    face = block_faces(lots["site_address"], rules)
    medians, known = {}, {}
    for measure in MEASURES:
        least = int(rules["character_houses_min"])
        medians[measure], known[f"{measure}_houses"] = medians_of_others(houses[measure], face, least=least)
    times = len(buildings)
    row = np.repeat(np.arange(len(lots)), times)
    tried = template_measures(buildings, np.nan, rules)
    tried = tried.take(np.tile(np.arange(times), len(lots))).reset_index(drop=True)
    yard = lots["setback_front_ft"].to_numpy(np.float64, na_value=np.nan)[row]
    behind = np.tile(buildings["use"].isin(BEHIND).to_numpy(), len(lots))
    tried["front_yard_ft"] = np.where(behind, np.nan, yard)
    beside = beside_block_face(tried.assign(block_face=row), pd.DataFrame(medians), rules)
    context = pd.DataFrame({"block_face": face, "parcel_id": lots["parcel_id"], **known}).take(row)
    names = np.tile(buildings["name"].to_numpy(object), len(lots))
    table = pd.concat([context.reset_index(drop=True), beside.reset_index(drop=True)], axis=1)
    return schema.conform(table.assign(template=names), "character")
