"""A new building beside its block face: measures, not a verdict on taste."""

from __future__ import annotations

import numpy as np
import pandas as pd

from densitymap.capacity.rules import Rules

MEASURES = ("height_ft", "footprint_ft2", "width_ft", "front_yard_ft")
"""What is compared; a front yard is compared as a yard: less of it is nearer the street."""

SIMILAR, LARGER, SMALLER, UNKNOWN = "similar", "larger", "smaller", "unknown"


def block_face_medians(houses: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Median measures of the houses on each block face.

    Parameters
    ----------
    houses
        One row per house: ``block_face`` (any label) and :data:`MEASURES` [ft, ft2], missing where
        nobody measured.
    rules
        ``character_houses_min``: with fewer measured houses the median is missing.

    Returns
    -------
    DataFrame
        Indexed by ``block_face``, one column per measure.

    Examples
    --------
    >>> houses = pd.DataFrame({"block_face": "a", "height_ft": [18.0, 20.0, 30.0], "footprint_ft2": 1200.0,
    ...     "width_ft": [30.0, np.nan, np.nan], "front_yard_ft": 30.0})
    >>> block_face_medians(houses, {"character_houses_min": 3})["height_ft"].to_list()
    [20.0]
    """
    grouped = houses.groupby("block_face")[list(MEASURES)]
    enough = grouped.count() >= rules["character_houses_min"]
    return grouped.median().where(enough)


def beside_block_face(buildings: pd.DataFrame, medians: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Compare buildings with the medians of their block faces.

    Parameters
    ----------
    buildings
        One row per building tried: ``block_face`` and :data:`MEASURES`.
    medians
        From :func:`block_face_medians`.
    rules
        ``character_similar_share``: within this share of the median is similar.

    Returns
    -------
    DataFrame
        On the buildings' index, for each measure ``<measure>_of_face`` (ratio to the median, missing
        where unknown) and ``<measure>_beside_face``: similar, larger, smaller or unknown.
    """
    face = medians.reindex(buildings["block_face"])
    columns = {}
    for measure in MEASURES:
        median = face[measure].to_numpy(float)
        ratio = buildings[measure].to_numpy(float) / np.where(median > 0, median, np.nan)
        columns[f"{measure}_of_face"] = ratio
        columns[f"{measure}_beside_face"] = _words(ratio, rules["character_similar_share"])
    return pd.DataFrame(columns, index=buildings.index)


def _words(ratio: np.ndarray, share: float) -> np.ndarray:
    tests = [np.isnan(ratio), ratio > 1 + share, ratio < 1 - share]
    return np.select(tests, [UNKNOWN, LARGER, SMALLER], SIMILAR)


def template_measures(buildings: pd.DataFrame, front_yard_ft: float, rules: Rules) -> pd.DataFrame:
    """Measures of the templates of ``catalog/buildings``, standing at the front yard."""
    return pd.DataFrame(
        {
            "height_ft": buildings["storeys"] * rules["storey_height_ft"],
            "footprint_ft2": buildings["footprint_ft2"],
            "width_ft": buildings["width_ft"],
            "front_yard_ft": front_yard_ft,
        }
    )
