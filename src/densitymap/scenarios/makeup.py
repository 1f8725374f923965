"""The racial and ethnic make-up of places, from the 2020 count: of neighbourhoods, never of a household."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import pandas as pd

from densitymap.geometry import geometries, locate, require_same_crs
from densitymap.scenarios.evaluate import protected
from densitymap.scenarios.protections import Protection

GROUPS = {"white_nonhispanic": "white_nonhispanic_2020", "black": "black_2020", "hispanic": "hispanic_2020"}
"""Groups as the 2020 count names them (black may be hispanic too), and their columns."""
NOTE = (
    "Shares of the people counted in 2020 in the neighborhoods where these fall, weighted by how many fall "
    "in each. They say who lives around, not who lives on a lot: nothing is inferred for a household."
)


def people_of(blocks: gpd.GeoDataFrame, neighborhoods: gpd.GeoDataFrame) -> pd.DataFrame:
    """Sum the blocks of each neighbourhood.

    Parameters
    ----------
    blocks
        2020 blocks, points or shapes, with ``population_2020`` and the columns of :data:`GROUPS`.
    neighborhoods
        With ``neighborhood``, in the same plane.

    Returns
    -------
    DataFrame
        Indexed by neighbourhood: ``population`` and one count per group; a count is missing where one block's
        is.
    """
    require_same_crs(blocks, neighborhoods, where="people_of")
    at = locate(geometries(blocks.set_geometry(blocks.geometry.representative_point())), neighborhoods)
    inside = at >= 0
    names = neighborhoods["neighborhood"].to_numpy(object)[at[inside]]
    columns = {"population": "population_2020", **GROUPS}
    counts = pd.DataFrame(
        {new: blocks[old].to_numpy(float, na_value=float("nan"))[inside] for new, old in columns.items()}
    )
    return counts.groupby(names).sum(min_count=1)


def makeup_of(lots: pd.DataFrame, item: Protection) -> pd.Series:
    """Count the lots a protection is for, by neighbourhood."""
    return lots.loc[protected(lots, item), "neighborhood"].astype("string").value_counts()


def weighted(people: pd.DataFrame, weights: Mapping[str, pd.Series]) -> dict[str, Any]:
    """Average the shares of places by what falls in each.

    Parameters
    ----------
    people
        From :func:`people_of`.
    weights
        What falls in each place, by name.

    Returns
    -------
    dict
        ``note``, and for each name the share of each group; None where nothing falls anywhere.

    Examples
    --------
    >>> people = pd.DataFrame({"population": [100.0, 300.0], "white_nonhispanic": [50.0, 30.0]})
    >>> people = people.assign(black=0.0, hispanic=0.0).set_axis(["a", "b"])
    >>> weighted(people, {"homes": pd.Series({"a": 1.0})})["homes"]
    {'white_nonhispanic': 0.5, 'black': 0.0, 'hispanic': 0.0}
    """
    shares = people[list(GROUPS)].div(people["population"], axis=0)
    found: dict[str, Any] = {"note": NOTE}
    for name, falls in weights.items():
        weight = falls.reindex(people.index).astype(float).where(people["population"] > 0).dropna()
        total = float(weight.sum())
        if not total > 0:
            found[name] = None
            continue
        mean = shares.loc[weight.index].mul(weight, axis=0).sum() / total
        found[name] = {group: round(float(mean[group]), 3) for group in GROUPS}
    return found
