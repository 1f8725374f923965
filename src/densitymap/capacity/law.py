"""The standards of many lots, use by use, as arrays in the lots' order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from densitymap.errors import ValidationError
from densitymap.geometry import Floats, Indices

USES = ("house", "adu", "duplex", "triplex", "multi", "cottage_court")
"""Uses the fit asks the law about."""


FLOOR_AREA = "floor_area_max_ft2"
"""A standard that is resolved lot by lot, from the lot's own area."""

PARKING = "parking_min_per_unit"
"""Stalls the law asks for with each home of a use."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Law:
    """Standards by use; lots under the same law share a row.

    Attributes
    ----------
    by_use
        A frame per use, wide over standards, all with the same rows. A use that the code does not name
        has no frame: nothing is said about it.
    row
        Row of each lot.
    own
        Standards resolved lot by lot, by use and name, one value per lot.
    """

    by_use: Mapping[str, pd.DataFrame]
    row: Indices
    own: Mapping[tuple[str, str], Floats] = field(default_factory=dict)
    _asked: dict[tuple[str, str], Floats] = field(default_factory=dict, repr=False, compare=False)

    @property
    def lots(self) -> int:
        """How many lots."""
        return len(self.row)

    def distinct(self) -> Law:
        """The law alone: a row each for lots under the same law; ``row`` points into its answers."""
        return Law(by_use=self.by_use, row=np.arange(len(next(iter(self.by_use.values())))))

    def value(self, use: str, standard: str) -> Floats:
        """Value of a standard for a use on each lot; NaN where unread."""
        if (use, standard) in self.own:
            return self.own[use, standard]
        if (use, standard) not in self._asked:
            self._asked[use, standard] = self._looked_up(use, standard)
        return self._asked[use, standard]

    def _looked_up(self, use: str, standard: str) -> Floats:
        frame = self.by_use.get(use)
        if frame is None or standard not in frame:
            return np.full(self.lots, np.nan)
        return np.asarray(frame[standard].to_numpy(dtype=float, na_value=np.nan)[self.row], dtype=float)

    def rows(self, use: str, names: Sequence[str]) -> pd.DataFrame:
        """Columns of a use laid out, one row per lot."""
        table = self.by_use[use][list(names)].take(self.row).reset_index(drop=True)
        return table.assign(**{name: self.own[use, name] for name in names if (use, name) in self.own})


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
    return Law(by_use=parts, row=np.arange(len(lots)))


def floor_area_cap_ft2(law: Law, use: str, lot_area_ft2: Floats) -> Floats:
    """Floor area [ft2] the law gives a use on each lot; NaN unread, inf without a maximum.

    ``floor_area_max_ft2`` is already the ratio, the small-lot rule and any fixed cap resolved for the
    lot; where only the ratio is read, it is taken of the lot's own (net) area.
    """
    cap = law.value(use, FLOOR_AREA)
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
