"""The standards that bind each lot: the code's long rows turned wide, one row per lot and use."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap.zoning.code import ZoningCode, standards
from densitymap.zoning.parse import parse_zones

Floats = npt.NDArray[np.float64]

USES = ("house", "adu", "duplex", "triplex")
"""Uses the standards are given for unless others are asked."""

ZONE_COLUMNS = ("zone_key", "zone_status", "zone_reason", "is_conditional", "zone_overlays")
_RESOLVED = "floor_area_max_ft2"


class Ruled(Protocol):
    """Anything that carries a zoning code: a policy."""

    @property
    def code(self) -> ZoningCode:
        """The code as the policy leaves it."""


def standards_for(
    lots: pd.DataFrame,
    policy: Ruled,
    *,
    parcel_zones: pd.DataFrame | None = None,
    sliver_share: float = 1.0,
    uses: tuple[str, ...] = USES,
) -> pd.DataFrame:
    """Give the standards of each lot for each use.

    Parameters
    ----------
    lots
        ``parcel_id``, ``lot_area_ft2`` [ft2] and ``zone_district`` (raw mapped code, missing where no
        polygon covers the lot). ``zone_count``, where present, says which lots are split.
    policy
        Carries the code.
    parcel_zones
        ``parcel_id``, ``zone_code``, ``share``, ``is_sliver``: with it a split lot has rows for each
        district that holds more than a sliver, largest share first; without it, for the main one.
    sliver_share
        With ``parcel_zones``: where more than this share of a lot lies in no district, that land is a
        part of its own, without zoning. 1 leaves such land out.
    uses
        Uses to give rows for.

    Returns
    -------
    DataFrame
        Table ``standards``: one row per lot, district and use. A value nobody has read is missing,
        ``inf`` is "no maximum". ``floor_area_max_ft2`` is resolved from the lot's area.
    """
    parts = _parts(lots, parcel_zones, sliver_share)
    zones = parse_zones(parts["zone_district"], policy.code)
    law = law_table(policy.code, uses)
    row = _law_rows(zones["zone_key"], law, len(uses))
    unread_last = law.reset_index(drop=True).reindex(np.arange(len(law) + 1))
    wide = unread_last.take(row.ravel()).reset_index(drop=True)
    wide["use"] = pd.Categorical.from_codes(np.tile(np.arange(len(uses)), len(parts)), pd.Index(uses))
    repeat = np.repeat(np.arange(len(parts)), len(uses))
    context = pd.concat([parts, zones[list(ZONE_COLUMNS)]], axis=1).take(repeat).reset_index(drop=True)
    answer = pd.concat([context, wide], axis=1)
    answer[_RESOLVED] = floor_area_max(answer["lot_area_ft2"], answer)
    return answer.drop(columns="lot_area_ft2")


def law_table(code: ZoningCode, uses: tuple[str, ...] = USES) -> pd.DataFrame:
    """Turn the long rows of a code wide: one row per district and use, in that order.

    A value for the use itself goes before one for any use. ``units_max`` is the use's own count and is
    never taken from "any"; that one is ``lot_units_max``. ``multi_units_max`` is
    the count of multi-family homes. ``far_basis`` is the basis of ``far_max``.
    """
    rows = code.rows
    districts = list(dict.fromkeys([*code.districts, *rows["district"]]))
    index = pd.MultiIndex.from_product([districts, uses], names=["zone_key", "use"])
    values = rows.pivot_table(index=["district", "use"], columns="standard", values="value", dropna=False)
    bases = rows[rows["standard"] == "far_max"].set_index(["district", "use"])["basis"]
    own = values.reindex(index).reindex(columns=list(standards()))
    general = _of_use(values, index, "any")
    wide = own.where(own.notna(), general)
    wide["units_max"] = own["units_max"]
    wide["lot_units_max"] = general["units_max"]
    wide["multi_units_max"] = _of_use(values, index, "multi")["units_max"]
    shared_basis = bases.reindex(_with_use(index, "any")).set_axis(index)
    wide["far_basis"] = bases.reindex(index).where(own["far_max"].notna(), shared_basis).astype("string")
    wide["citation"] = _citations(code, index.get_level_values(0))
    return wide.reset_index("use")


def _with_use(index: pd.MultiIndex, use: str) -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays(
        [index.get_level_values(0), np.full(len(index), use)], names=["district", "use"]
    )


def _of_use(values: pd.DataFrame, index: pd.MultiIndex, use: str) -> pd.DataFrame:
    """Values a district gives one use, on every row of the district."""
    return values.reindex(_with_use(index, use)).reindex(columns=list(standards())).set_axis(index)


def floor_area_max(lot_area_ft2: pd.Series, standard: pd.DataFrame) -> pd.Series:
    """Floor area a lot may hold, with the relief the code gives small lots.

    Parameters
    ----------
    lot_area_ft2
        Lot area [ft2].
    standard
        ``far_max``, ``floor_area_max_ft2`` and the ``small_lot_*`` standards on the same index.

    Returns
    -------
    Series of float
        [ft2]; ``inf`` where nothing limits it, missing where the ratio is unread. Below
        ``small_lot_below_ft2`` the lesser of the small-lot ratio and its cap (but at least its floor)
        applies where it gives more than the ratio. A ratio on gross land gives a lower bound here.

    Examples
    --------
    >>> law = {"far_max": 0.5, "floor_area_max_ft2": np.nan, "small_lot_below_ft2": 7500.0}
    >>> law |= {"small_lot_far_max": 0.65, "small_lot_floor_area_max_ft2": 3750.0}
    >>> law |= {"small_lot_floor_area_min_ft2": 1800.0}
    >>> area = pd.Series([3000.0, 6000.0, 2000.0, 10000.0])
    >>> floor_area_max(area, pd.DataFrame([law] * 4)).tolist()
    [1950.0, 3750.0, 1800.0, 5000.0]
    """
    area = lot_area_ft2.to_numpy(np.float64, na_value=np.nan)
    ratio = _floats(standard, "far_max")
    unlimited = np.isinf(ratio)
    by_ratio = np.where(unlimited, np.inf, np.where(unlimited, 1.0, ratio) * area)
    small = np.fmin(
        _floats(standard, "small_lot_far_max") * area, _floats(standard, "small_lot_floor_area_max_ft2")
    )
    small = np.fmax(small, _floats(standard, "small_lot_floor_area_min_ft2"))
    relieved = area < _floats(standard, "small_lot_below_ft2")
    cap = np.where(relieved & (small > by_ratio), small, by_ratio)
    fixed = _floats(standard, _RESOLVED)
    return pd.Series(np.where(np.isnan(fixed), cap, np.fmin(cap, fixed)), index=standard.index)


def _floats(frame: pd.DataFrame, name: str) -> Floats:
    return frame[name].to_numpy(np.float64, na_value=np.nan)


def _citations(code: ZoningCode, districts: pd.Index) -> list[str | None]:
    known = code.districts
    return [f"{key}: {known[key].section}" if key in known else None for key in districts]


def _law_rows(keys: pd.Series, law: pd.DataFrame, n_uses: int) -> npt.NDArray[np.intp]:
    """Row positions in the law table: one line per part, one column per use, -1 where unknown."""
    first = pd.Index(law.index[::n_uses]).get_indexer(pd.Index(keys.astype("object")))
    rows = first[:, None] * n_uses + np.arange(n_uses)
    return np.where(first[:, None] < 0, -1, rows)


def _parts(lots: pd.DataFrame, parcel_zones: pd.DataFrame | None, sliver_share: float) -> pd.DataFrame:
    """One row per lot and district: ``parcel_id``, ``zone_district``, ``zone_share``, ``is_split``."""
    base = pd.DataFrame(
        {
            "parcel_id": lots["parcel_id"].astype("string").to_numpy(),
            "lot_area_ft2": lots["lot_area_ft2"].to_numpy(np.float64, na_value=np.nan),
            "zone_district": lots["zone_district"].astype("string").to_numpy(),
        }
    )
    count = lots.get("zone_count", pd.Series(1, index=lots.index)).to_numpy(np.float64, na_value=np.nan)
    base["zone_share"] = lots.get("zone_share", pd.Series(np.nan, index=lots.index)).to_numpy(
        np.float64, na_value=np.nan
    )
    base["is_split"] = count > 1
    if parcel_zones is not None:
        base = _with_shares(base, _held(parcel_zones, sliver_share))
    parts = _named_parts(base)
    if len(parts) == len(lots):
        return parts
    order = pd.Index(lots["parcel_id"].astype("string")).get_indexer(pd.Index(parts["parcel_id"]))
    return parts.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)


def _held(parcel_zones: pd.DataFrame, sliver_share: float) -> pd.DataFrame:
    """Parts of lots that count, largest first: districts above a sliver, and land without zoning."""
    sliver = parcel_zones["is_sliver"].astype("boolean").fillna(value=False).to_numpy(bool)
    held = parcel_zones.loc[~sliver, ["parcel_id", "zone_code", "share"]]
    rest = 1.0 - parcel_zones.groupby("parcel_id")["share"].sum()
    unzoned = rest[rest > sliver_share].rename("share").reset_index()
    held = pd.concat([held, unzoned], ignore_index=True)
    return held.sort_values(["share", "zone_code"], ascending=[False, True], kind="stable")


def _with_shares(base: pd.DataFrame, held: pd.DataFrame) -> pd.DataFrame:
    counts = held["parcel_id"].value_counts()
    split = base["parcel_id"].map(counts).fillna(value=1).to_numpy() > 1
    parts = base[split].drop(columns=["zone_district", "zone_share"]).merge(held, on="parcel_id")
    parts = parts.rename(columns={"zone_code": "zone_district", "share": "zone_share"})
    parts["is_split"] = True
    parts["zone_district"] = parts["zone_district"].astype("string")
    return pd.concat([base[~split].assign(is_split=False), parts[base.columns]], ignore_index=True)


def _named_parts(parts: pd.DataFrame) -> pd.DataFrame:
    """Take apart texts that name several districts ("I-2,RG-2")."""
    several = parts["zone_district"].str.contains(",", regex=False).fillna(value=False).to_numpy(bool)
    if not several.any():
        return parts
    split = parts[several].assign(
        zone_district=parts.loc[several, "zone_district"].str.split(","), is_split=True
    )
    split = split.explode("zone_district").astype({"zone_district": "string"})
    split["zone_district"] = split["zone_district"].str.strip()
    split = split.drop_duplicates(["parcel_id", "zone_district"])
    return pd.concat([parts[~several], split], ignore_index=True)
