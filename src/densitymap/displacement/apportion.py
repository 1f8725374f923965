"""Carry census counts from one set of areas to another: 2000, 2010 and 2020 tracts, neighbourhoods.

An assignment is a table, made before any value moves: which share of each source lies in each
target, by what weight. Counts are split by it and summed; what falls in no target is kept as a row
of its own, so that totals are conserved. Shares are formed anew from the split counts. A median is
never summed: that of income is rebuilt from the brackets, others are not in the result.
"""

from __future__ import annotations

from collections.abc import Iterable

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from densitymap import params, schema
from densitymap.displacement.acs import proportion_moe
from densitymap.displacement.correct import median_from_brackets
from densitymap.displacement.draws import floats
from densitymap.displacement.reliability import median_moe
from densitymap.errors import ValidationError
from densitymap.geometry import geometries, locate, overlaps, require_same_crs

Floats = npt.NDArray[np.float64]

OUTSIDE = "outside"
"""Target of what lies in none of the targets."""
AREA = "area"
BEYOND = ", area beyond its cover"
"""Added to the weight's name where a source reaches beyond the points."""


def crosswalk(
    sources: gpd.GeoDataFrame,
    targets: gpd.GeoDataFrame,
    *,
    points: gpd.GeoDataFrame | None = None,
    weight: str = "population",
    cover: gpd.GeoDataFrame | None = None,
) -> pd.DataFrame:
    """Share of each source that lies in each target.

    Parameters
    ----------
    sources, targets
        Areas, in the city's plane; the index names them. Each set must not overlap itself.
    points
        Internal points of census blocks, with ``weight``; area is the weight where they are absent,
        and for sources in which they count nothing.
    weight
        Column of ``points``: ``population`` or ``housing_units``.
    cover
        Where ``points`` are complete; everywhere, if not given. A source that reaches beyond it is cut
        at its edge: each part weighs by its area, and only the part within is split by points, since
        no point beyond the edge does not mean that nobody lives there.

    Returns
    -------
    DataFrame
        Long: ``source``, ``target`` (``outside`` for the rest), ``share`` (sums to 1 in each source)
        and ``weighted_by``, in the order of the sources.

    Raises
    ------
    CRSError
        If reference systems differ.
    """
    require_same_crs(sources, targets, where="crosswalk(sources, targets)")
    by_area = _area_shares(sources, targets)
    if points is None:
        return _named(by_area, sources, targets, np.full(len(sources), AREA, dtype=object))
    require_same_crs(sources, points, where="crosswalk(sources, points)")
    by_points, total = _point_shares(sources, targets, points, weight)
    counted = total > 0
    by = np.where(counted, weight, AREA).astype(object)
    if cover is not None:
        by_points, crossing = _beyond(by_points, sources, targets, cover)
        by[counted & crossing] = f"{weight}{BEYOND}"
    part = pd.concat([by_points, by_area[~counted[by_area["source"].to_numpy(dtype=int)]]])
    return _named(part, sources, targets, by)


def _beyond(
    by_points: pd.DataFrame, sources: gpd.GeoDataFrame, targets: gpd.GeoDataFrame, cover: gpd.GeoDataFrame
) -> tuple[pd.DataFrame, npt.NDArray[np.bool_]]:
    """Shares of sources cut at the edge of the points' cover; which of them cross it."""
    require_same_crs(sources, cover, where="crosswalk(sources, cover)")
    shapes = geometries(sources)
    rest = shapely.difference(shapes, shapely.union_all(geometries(cover)))
    beyond = shapely.area(rest) / shapely.area(shapes)
    beyond[beyond < params.choice("cover_edge_share")] = 0.0
    crossing = np.flatnonzero((beyond > 0) & np.isin(np.arange(len(shapes)), by_points["source"]))
    outer = _area_shares(gpd.GeoDataFrame(geometry=rest[crossing], crs=sources.crs), targets)
    outer["source"] = crossing[outer["source"]]
    outer["share"] *= beyond[outer["source"]]
    inner = by_points.assign(share=by_points["share"] * (1 - beyond[by_points["source"]]))
    both = pd.concat([inner, outer]).groupby(["source", "target"])["share"].sum()
    return both.reset_index(), beyond > 0


def _area_shares(sources: gpd.GeoDataFrame, targets: gpd.GeoDataFrame) -> pd.DataFrame:
    pairs = overlaps(targets, sources).rename(columns={"target": "source", "source": "target"})
    pairs = pairs[["source", "target", "share"]]
    covered = pairs.groupby("source")["share"].sum().reindex(range(len(sources)), fill_value=0.0)
    scale = 1 / np.maximum(covered.to_numpy(), 1.0)  # rounding may cover a hair more than all
    pairs["share"] *= scale[pairs["source"]]
    rest = 1 - np.minimum(covered.to_numpy(), 1.0)
    outside = pd.DataFrame({"source": np.arange(len(sources)), "target": -1, "share": rest})
    return pd.concat([pairs, outside[outside["share"] > 0]], ignore_index=True)


def _point_shares(
    sources: gpd.GeoDataFrame, targets: gpd.GeoDataFrame, points: gpd.GeoDataFrame, weight: str
) -> tuple[pd.DataFrame, Floats]:
    place = geometries(points)
    count = floats(points, weight)
    if np.isnan(count).any() or (count < 0).any():
        raise ValidationError(f"points: {weight} is missing or negative in some blocks")
    table = pd.DataFrame({"source": locate(place, sources), "target": locate(place, targets), "share": count})
    summed = table[table["source"] >= 0].groupby(["source", "target"])["share"].sum().reset_index()
    total = np.bincount(summed["source"], summed["share"], minlength=len(sources)).astype(float)
    found = summed[summed["share"] > 0].copy()
    found["share"] /= total[found["source"]]
    return found, total


def _named(
    pairs: pd.DataFrame, sources: gpd.GeoDataFrame, targets: gpd.GeoDataFrame, by: npt.NDArray[np.object_]
) -> pd.DataFrame:
    pairs = pairs.sort_values(["source", "target"], kind="stable")
    at = pairs["source"].to_numpy(dtype=int)
    names = np.append(np.asarray(targets.index, dtype=object), OUTSIDE)
    return pd.DataFrame(
        {
            "source": np.asarray(sources.index, dtype=object)[at],
            "target": names[pairs["target"].to_numpy(dtype=int)],
            "share": pairs["share"].to_numpy(),
            "weighted_by": by[at],
        }
    )


def apportion(
    values: pd.DataFrame, pairs: pd.DataFrame, *, columns: Iterable[str] | None = None
) -> pd.DataFrame:
    """Split counts among targets and sum them.

    Parameters
    ----------
    values
        Counts by source, on an index of source names, with ``_moe`` where published.
    pairs
        An answer of :func:`crosswalk`.
    columns
        Which counts; by default every extensive column that is declared.

    Returns
    -------
    DataFrame
        One row per target, ``outside`` included: the counts and their ``_moe`` (missing where a part
        has none), ``n_sources``, and ``weighted_by``. A count is missing where any part of it is.

    Raises
    ------
    ValidationError
        If a column is not a count, or sources of the pairs are absent.
    """
    names = list(columns) if columns is not None else _extensive(values)
    _check(values, pairs, names)
    share = pairs["share"].to_numpy()
    rows = values.index.get_indexer(pd.Index(pairs["source"]))
    grouped = pairs["target"]
    result: dict[str, pd.Series] = {}
    for name in names:
        parts = floats(values, name)[rows] * share
        margins = floats(values, f"{name}_moe")[rows] * share
        result[name] = _sum(parts, grouped)
        result[f"{name}_moe"] = np.sqrt(_sum(margins**2, grouped))
    table = pd.DataFrame(result)
    table["n_sources"] = grouped.groupby(grouped).size()
    table["weighted_by"] = pairs.groupby("target")["weighted_by"].agg(lambda by: "; ".join(sorted(set(by))))
    table.index.name = "target"
    return table


def _extensive(values: pd.DataFrame) -> list[str]:
    known = schema.columns()
    return [str(name) for name in values if name in known and known[str(name)].kind == "extensive"]


def _check(values: pd.DataFrame, pairs: pd.DataFrame, names: list[str]) -> None:
    known = schema.columns()
    faults = [
        f"{name}: not a count; it is not summed"
        for name in names
        if name in known and known[name].kind != "extensive"
    ]
    absent = pd.Index(pairs["source"]).difference(values.index)
    if len(absent):
        faults.append(f"{len(absent)} sources have no values; first {absent[0]}")
    if values.index.has_duplicates:
        faults.append("sources repeat in the values")
    if faults:
        raise ValidationError("apportion: these values cannot be split", faults=faults)


def _sum(parts: Floats, groups: pd.Series) -> pd.Series:
    """Sum by group, missing where any part is."""
    return pd.Series(parts, groups.index).groupby(groups).sum(min_count=1, skipna=False).astype("Float64")


def rebuild(counts: pd.DataFrame) -> pd.DataFrame:
    """Shares and the median income, with margins, of areas whose counts were apportioned.

    Parameters
    ----------
    counts
        An answer of :func:`apportion`.

    Returns
    -------
    DataFrame
        The counts, every share whose counts are there, and ``median_household_income_usd`` where
        all income brackets are; rent and value medians cannot be rebuilt and are not there.
    """
    result = counts.copy()
    for name, record in params.load("census", "measures")["shares"].items():
        part, whole = record["of"], record["in"]
        if part not in counts or whole not in counts:
            continue
        x, y = floats(counts, part), floats(counts, whole)
        with np.errstate(divide="ignore", invalid="ignore"):
            result[name] = _number(np.where(y > 0, x / y, np.nan), counts.index)
        moe = proportion_moe(x, y, floats(counts, f"{part}_moe"), floats(counts, f"{whole}_moe"))
        result[f"{name}_moe"] = _number(moe, counts.index)
    brackets = params.load("census", "measures")["income_brackets"]
    if set(brackets["columns"]) <= set(counts):
        table = np.stack([floats(counts, name) for name in brackets["columns"]], axis=-1)
        upper = np.array(brackets["upper_usd"])
        median = median_from_brackets(table, upper)
        closed = np.where(
            median > upper[-2], np.nan, median
        )  # the last bracket is open: no median is read in it
        result["median_household_income_usd"] = _number(closed, counts.index)
        result["median_household_income_usd_moe"] = _number(median_moe(table, upper), counts.index)
    return result


def _number(values: Floats, index: pd.Index) -> pd.Series:
    return pd.Series(values, index).astype("Float64").mask(np.isnan(values))
