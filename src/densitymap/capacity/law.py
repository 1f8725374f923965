"""The standards of many lots, use by use, as arrays in the lots' order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from densitymap.errors import ValidationError
from densitymap.geometry import Floats

USES = ("house", "adu", "duplex", "triplex", "multi", "cottage_court")
"""Uses the fit asks the law about."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Law:
    """Standards by use: each a frame with one row per lot, wide over standards.

    Attributes
    ----------
    by_use
        A use that the code does not name has no frame: nothing is said about it.
    lots
        How many lots.
    """

    by_use: Mapping[str, pd.DataFrame]
    lots: int

    def value(self, use: str, standard: str) -> Floats:
        """Value of a standard for a use on each lot; NaN where unread."""
        frame = self.by_use.get(use)
        if frame is None or standard not in frame:
            return np.full(self.lots, np.nan)
        return frame[standard].to_numpy(dtype=float, na_value=np.nan)


def law_of(standards: pd.DataFrame, lots: pd.Series) -> Law:
    """Arrange a STANDARDS table by use.

    Parameters
    ----------
    standards
        Rows of lot, district and use, wide over standards, the district of the largest share first: a
        split lot is judged by that one (and is at best MAYBE). Missing is unread.
    lots
        ``parcel_id`` in the order wanted; each once.

    Raises
    ------
    ValidationError
        If ``lots`` repeats a lot, or lots have no row.
    """
    faults = [f"{int(lots.duplicated().sum())} lots repeat a parcel_id"] if lots.duplicated().any() else []
    wanted = pd.Index(lots.astype("object"))
    parts = {}
    for use, part in standards.groupby("use", observed=True):
        first = part.drop_duplicates("parcel_id")
        row = pd.Index(first["parcel_id"].astype("object")).get_indexer(wanted)
        if (row < 0).any():
            faults.append(
                f"{int((row < 0).sum())} lots have no standards for {use}; first {wanted[row < 0][0]}"
            )
        parts[str(use)] = first.take(np.maximum(row, 0)).reset_index(drop=True)
    if faults:
        raise ValidationError("The standards do not answer for these lots", faults=faults)
    return Law(by_use=parts, lots=len(lots))


def floor_area_cap_ft2(law: Law, use: str, lot_area_ft2: Floats) -> Floats:
    """Floor area [ft2] the law gives a use on each lot; NaN unread, inf without a maximum.

    ``floor_area_max_ft2`` is already the ratio, the small-lot rule and any fixed cap resolved for the
    lot; where only the ratio is read, it is taken of the lot's own (net) area.
    """
    cap = law.value(use, "floor_area_max_ft2")
    by_ratio = law.value(use, "far_max") * lot_area_ft2
    return np.where(np.isnan(cap), by_ratio, cap)


def yards_of(law: Law, *, adu: bool = False) -> pd.DataFrame:
    """Yards [ft] of main buildings, or of accessory dwellings, in the form ``fit.place`` takes.

    An accessory dwelling keeps the main front and street-side yards and its own side and rear yards;
    where it has none of its own, the main ones.
    """
    main = {
        "front": law.value("house", "setback_front_ft"),
        "side": law.value("house", "setback_side_ft"),
        "rear": law.value("house", "setback_rear_ft"),
        "street_side": law.value("house", "setback_street_side_ft"),
    }
    main["street_side"] = np.where(np.isnan(main["street_side"]), main["front"] / 2, main["street_side"])
    if adu:
        side, rear = law.value("adu", "adu_setback_side_ft"), law.value("adu", "adu_setback_rear_ft")
        main["side"] = np.where(np.isnan(side), main["side"], side)
        main["rear"] = np.where(np.isnan(rear), main["rear"], rear)
    return pd.DataFrame(main)
