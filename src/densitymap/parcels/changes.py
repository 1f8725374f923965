"""What became of lots and zoning between two editions: split, merged, reshaped, gone, new, rezoned."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from densitymap.geometry import ACRE_FT2, geometries, locate, overlaps, require_same_crs, take

CHANGES = ("split", "merged", "redrawn", "reshaped", "renumbered", "moved", "vanished", "new")
"""Ways a lot can change, in the order they are told."""
_GRID_FT = 0.1
_EVENT = ["change", "before", "after"]

Indices = npt.NDArray[np.intp]


def parcel_changes(
    before: gpd.GeoDataFrame, after: gpd.GeoDataFrame, *, same_share: float, link_share: float
) -> pd.DataFrame:
    """Lots that are not what they were, told by their shapes; identifiers only name them.

    Two lots are the same where each covers nearly all of the other. Of the rest, one descends from
    another where either holds most of the other: one that leads to several was *split*, several that
    lead to one were *merged*, several to several were *redrawn*, one to one was *reshaped*.

    Parameters
    ----------
    before, after
        Lots with ``parcel_id`` and shapes, in one reference system.
    same_share
        Share of both shapes from which two lots are the same.
    link_share
        Share of either shape from which one descends from the other.

    Returns
    -------
    DataFrame
        One row per event: ``change`` (one of :data:`CHANGES`), ``before`` and ``after`` (identifiers,
        sorted, joined by ``; ``; empty where there is none). Sorted by change, then identifiers.

    Raises
    ------
    CRSError
        If the two are in different systems.
    """
    require_same_crs(before, after, where="parcel_changes")
    pairs = _pairs(before, after)
    same = _matched(pairs[np.minimum(pairs["of_before"], pairs["of_after"]) >= same_share])
    left_b = np.setdiff1d(np.arange(len(before)), same["before"])
    left_a = np.setdiff1d(np.arange(len(after)), same["after"])
    free = pairs[pairs["before"].isin(left_b) & pairs["after"].isin(left_a)]
    links = free[np.maximum(free["of_before"], free["of_after"]) >= link_share]
    names_b, names_a = (frame["parcel_id"].astype(str).to_numpy() for frame in (before, after))
    events = [
        _renumbered(same, names_b, names_a),
        _linked(links, names_b, names_a),
        _lone(
            names_b[np.setdiff1d(left_b, links["before"])],
            names_a[np.setdiff1d(left_a, links["after"])],
        ),
    ]
    told = pd.concat(events, ignore_index=True)
    order = told["change"].map({name: rank for rank, name in enumerate(CHANGES)})
    return told.assign(order=order).sort_values(["order", "before", "after"], ignore_index=True)[_EVENT]


def rezoned(
    before: gpd.GeoDataFrame, after: gpd.GeoDataFrame, lots: gpd.GeoDataFrame, *, sliver_ft2: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ground whose zoning district changed, and the lots on it.

    Parameters
    ----------
    before, after
        Zoning polygons with ``zone_district``.
    lots
        Lots with ``parcel_id``; a lot is where a point inside it is.
    sliver_ft2
        Pieces smaller than this are drawing, not law [ft2].

    Returns
    -------
    ground : DataFrame
        ``from``, ``to``, ``acres``, largest first. Only polygons that differ are laid over each other,
        so that polygons which overlap their neighbours in both editions say nothing.
    lots : DataFrame
        ``parcel_id``, ``from``, ``to``; missing where there is no zoning.

    Raises
    ------
    CRSError
        If the layers are in different systems.
    """
    for other in (after, lots):
        require_same_crs(before, other, where="rezoned")
    was, now = (_district(frame, lots) for frame in (before, after))
    differs = (was != now).fillna(value=True) & ~(was.isna() & now.isna())
    moved = pd.DataFrame({"parcel_id": lots["parcel_id"].to_numpy(), "from": was, "to": now})[differs]
    return _ground(before, after, sliver_ft2), moved.sort_values("parcel_id", ignore_index=True)


def _pairs(before: gpd.GeoDataFrame, after: gpd.GeoDataFrame) -> pd.DataFrame:
    found = overlaps(before, after)
    size = shapely.area(geometries(before))[found["source"]]
    return pd.DataFrame(
        {
            "before": found["source"].to_numpy(),
            "after": found["target"].to_numpy(),
            "of_before": np.divide(found["area_ft2"], size, out=np.zeros(len(found)), where=size > 0),
            "of_after": found["share"].to_numpy(float),
        }
    )


def _matched(pairs: pd.DataFrame) -> pd.DataFrame:
    """Each lot in one pair at most, the best first."""
    best = pairs.assign(least=np.minimum(pairs["of_before"], pairs["of_after"]))
    best = best.sort_values(["least", "before", "after"], ascending=[False, True, True])
    return best.drop_duplicates("before").drop_duplicates("after")


def _renumbered(
    same: pd.DataFrame, names_b: npt.NDArray[np.object_], names_a: npt.NDArray[np.object_]
) -> pd.DataFrame:
    old, new = names_b[same["before"]], names_a[same["after"]]
    differs = old != new
    return pd.DataFrame({"change": "renumbered", "before": old[differs], "after": new[differs]})


def _linked(
    links: pd.DataFrame, names_b: npt.NDArray[np.object_], names_a: npt.NDArray[np.object_]
) -> pd.DataFrame:
    group = _components(links["before"].to_numpy(), links["after"].to_numpy())
    sides: dict[str, pd.Series] = {}
    counts: dict[str, pd.Series] = {}
    for side, names in (("before", names_b), ("after", names_a)):
        once = pd.DataFrame({"group": group, "name": names[links[side]]}).drop_duplicates()
        grouped = once.sort_values("name").groupby("group")["name"]
        sides[side], counts[side] = grouped.agg("; ".join), grouped.size()
    told = pd.DataFrame(sides)
    one_b, one_a = counts["before"] == 1, counts["after"] == 1
    told["change"] = np.select([one_b & one_a, one_b, one_a], ["reshaped", "split", "merged"], "redrawn")
    return told.reindex(columns=_EVENT)


def _components(left: Indices, right: Indices) -> Indices:
    """Label each link by the smallest left member that can be reached from it."""
    label = left.copy()
    while len(label):
        by_right = pd.Series(label).groupby(right).transform("min")
        fresh = by_right.groupby(left).transform("min").to_numpy()
        if (fresh == label).all():
            break
        label = fresh
    return label


def _lone(gone: npt.NDArray[np.object_], fresh: npt.NDArray[np.object_]) -> pd.DataFrame:
    moved = np.intersect1d(gone, fresh)
    parts = [
        pd.DataFrame({"change": "moved", "before": moved, "after": moved}),
        pd.DataFrame({"change": "vanished", "before": np.setdiff1d(gone, moved), "after": ""}),
        pd.DataFrame({"change": "new", "before": "", "after": np.setdiff1d(fresh, moved)}),
    ]
    return pd.concat(parts, ignore_index=True)


def _district(zoning: gpd.GeoDataFrame, lots: gpd.GeoDataFrame) -> pd.Series:
    """District at a point in each lot; where polygons overlap, the same one in every edition."""
    zoning = zoning.sort_values("zone_district")
    points = shapely.point_on_surface(geometries(lots))
    return pd.Series(take(zoning["zone_district"], locate(points, zoning))).astype("string")


def _ground(before: gpd.GeoDataFrame, after: gpd.GeoDataFrame, sliver_ft2: float) -> pd.DataFrame:
    marks = [
        pd.Series(list(zip(frame["zone_district"].fillna(""), _outline(frame), strict=True)))
        for frame in (before, after)
    ]
    old = before[~marks[0].isin(set(marks[1])).to_numpy()]
    new = after[~marks[1].isin(set(marks[0])).to_numpy()]
    pairs = overlaps(old, new)
    was = old["zone_district"].fillna("").to_numpy()[pairs["source"]]
    now = new["zone_district"].fillna("").to_numpy()[pairs["target"]]
    pieces = pd.DataFrame({"from": was, "to": now, "acres": pairs["area_ft2"].to_numpy() / ACRE_FT2})
    pieces = pieces[(was != now) & (pieces["acres"] * ACRE_FT2 >= sliver_ft2)]
    ground = pieces.groupby(["from", "to"], as_index=False)["acres"].sum()
    return ground.sort_values(["acres", "from", "to"], ascending=[False, True, True], ignore_index=True)


def _outline(frame: gpd.GeoDataFrame) -> npt.NDArray[np.object_]:
    shapes = shapely.normalize(geometries(frame))
    return np.asarray(
        shapely.to_wkb(shapely.transform(shapes, lambda xy: np.round(xy / _GRID_FT) * _GRID_FT))
    )
