"""What derived lots say of a district in a neighbourhood: aggregates, each with its range."""

from __future__ import annotations

import numpy as np
import pandas as pd

from densitymap import schema
from densitymap.geometry import ACRE_FT2

CLAIM = "derived, never a by-right claim"
_NOWHERE = "no data"


def derived_potential(
    derived: pd.DataFrame, minimums: pd.DataFrame, *, proxy_error_share: float
) -> pd.DataFrame:
    """Count derived lots by district and neighbourhood, and how many would meet the district's minimums.

    Parameters
    ----------
    derived
        Table ``derived_lots``; shapes are not needed.
    minimums
        ``zone_district`` (the code as mapped, once each), ``minimum_area_ft2`` and
        ``minimum_width_ft`` for a house; 0 is no minimum, missing is unread.
    proxy_error_share
        How far a proxy may be from the lot: the range of the shares is drawn with it.

    Returns
    -------
    DataFrame [derived_potential]
        One row per neighbourhood and district, most lots first. Shares are missing where a minimum
        is unread or the district unknown; homes per acre speak of lots whose homes are counted.

    Raises
    ------
    ValidationError
        If values cannot take their declared types.

    Examples
    --------
    >>> lots = pd.DataFrame(
    ...     {
    ...         "zone_district": "R-5",
    ...         "neighborhood": "Reynoldstown",
    ...         "lot_area_ft2": [5_000.0, 7_000.0, 10_000.0],
    ...         "lot_width_ft": [60.0, 70.0, 80.0],
    ...         "homes": [2.0, np.nan, np.nan],
    ...     }
    ... )
    >>> law = pd.DataFrame({"zone_district": ["R-5"], "minimum_area_ft2": 7_500.0, "minimum_width_ft": 50.0})
    >>> row = derived_potential(lots, law, proxy_error_share=0.25).iloc[0]
    >>> row[["meets_minimums_share_low", "meets_minimums_share_high"]].astype(float).round(3).to_list()
    [0.333, 0.667]
    >>> float(round(row["homes_known_per_acre"], 2))
    17.42
    """
    lots = derived[["zone_district", "neighborhood"]].reset_index(drop=True)
    lots["lot_area_ft2"] = derived["lot_area_ft2"].to_numpy(np.float64, na_value=np.nan)
    lots["lot_width_ft"] = derived["lot_width_ft"].to_numpy(np.float64, na_value=np.nan)
    lots["homes"] = derived["homes"].to_numpy(np.float64, na_value=np.nan)
    lots = lots.merge(minimums, on="zone_district", how="left", validate="many_to_one")
    lots["low"] = _meets(lots, 1.0 - proxy_error_share)
    lots["high"] = _meets(lots, 1.0 + proxy_error_share)
    lots["counted_acres"] = lots["lot_area_ft2"].where(lots["homes"].notna()) / ACRE_FT2
    answer = _summed(lots)
    return schema.conform(answer, "derived_potential")


def _meets(lots: pd.DataFrame, factor: float) -> pd.Series:
    """Whether area and width, taken this much smaller or larger, meet both minimums; missing if unread."""
    area, width = lots["minimum_area_ft2"].astype("Float64"), lots["minimum_width_ft"].astype("Float64")
    met = (lots["lot_area_ft2"] * factor >= area) & (lots["lot_width_ft"] * factor >= width)
    return met.where(area.notna() & width.notna()).astype("Float64")


def _summed(lots: pd.DataFrame) -> pd.DataFrame:
    keys = {name: lots[name].astype("string").fillna(_NOWHERE) for name in ("neighborhood", "zone_district")}
    grouped = lots.assign(**keys).groupby(["neighborhood", "zone_district"])
    homes = grouped["homes"].sum(min_count=1)
    table = pd.DataFrame(
        {
            "derived_lots": grouped.size(),
            "derived_acres": grouped["lot_area_ft2"].sum() / ACRE_FT2,
            "lot_area_median_ft2": grouped["lot_area_ft2"].median(),
            "lot_width_median_ft": grouped["lot_width_ft"].median(),
            "minimum_area_ft2": grouped["minimum_area_ft2"].first(),
            "minimum_width_ft": grouped["minimum_width_ft"].first(),
            "meets_minimums_share_low": grouped["low"].mean(),
            "meets_minimums_share_high": grouped["high"].mean(),
            "homes_known_lots": grouped["homes"].count(),
            "homes_known": homes,
            "homes_known_per_acre": homes / grouped["counted_acres"].sum(min_count=1),
        }
    ).reset_index()
    order = ["derived_lots", "neighborhood", "zone_district"]
    return table.assign(claim=CLAIM).sort_values(order, ascending=[False, True, True]).reset_index(drop=True)
