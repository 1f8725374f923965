"""What lies in which zoning district, whatever the law: one row per lot and district."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from densitymap.geometry import Indices


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Lots by district, in the lots' order, the district of a lot's largest share first.

    Attributes
    ----------
    table
        ``parcel_id lot_area_ft2 zone_district zone_share is_split``.
    lot
        Row of the lot each part is of.
    zone
        Row of ``zones`` each part lies in.
    zones
        ``zone_district`` and ``is_split``, each pair once: few, so the law is laid out on these.
    """

    table: pd.DataFrame
    lot: Indices
    zone: Indices
    zones: pd.DataFrame

    @cached_property
    def first(self) -> Indices:
        """The main part of each lot."""
        return np.flatnonzero(np.diff(self.lot, prepend=-1))


def parts_of(
    lots: pd.DataFrame, *, parcel_zones: pd.DataFrame | None = None, sliver_share: float = 1.0
) -> Parts:
    """Say in which districts lots lie; see :func:`~densitymap.zoning.standards.standards_for`."""
    table = _parts(lots, parcel_zones, sliver_share)
    text, _ = pd.factorize(table["zone_district"], use_na_sentinel=False)
    pairs = 2 * text + table["is_split"].to_numpy(bool)
    _, first, zone = np.unique(pairs, return_index=True, return_inverse=True)
    return Parts(
        table=table.drop(columns="lot"),
        lot=table["lot"].to_numpy(),
        zone=zone,
        zones=table[["zone_district", "is_split"]].take(first).reset_index(drop=True),
    )


def _parts(lots: pd.DataFrame, parcel_zones: pd.DataFrame | None, sliver_share: float) -> pd.DataFrame:
    """One row per lot and district, with the row of its lot."""
    base = pd.DataFrame(
        {
            "lot": np.arange(len(lots)),
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
    return _named_parts(base).sort_values("lot", kind="stable", ignore_index=True)


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
    split = split.drop_duplicates(["lot", "zone_district"])
    return pd.concat([parts[~several], split], ignore_index=True)
