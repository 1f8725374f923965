"""The standards that bind each lot: the code's long rows turned wide, one row per lot and use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap.geometry import Floats, Indices
from densitymap.zoning.code import ZoningCode, standards
from densitymap.zoning.parse import parse_zones
from densitymap.zoning.parts import Parts, parts_of

USES = ("house", "adu", "duplex", "triplex")
"""Uses the standards are given for unless others are asked."""

ZONE_COLUMNS = ("zone_key", "zone_status", "zone_reason", "is_conditional", "zone_overlays")
_RESOLVED = "floor_area_max_ft2"
_FLOOR = (
    "far_max", _RESOLVED, "small_lot_below_ft2", "small_lot_far_max", "small_lot_floor_area_max_ft2",
    "small_lot_floor_area_min_ft2",
)  # fmt: skip


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
    parts = parts_of(lots, parcel_zones=parcel_zones, sliver_share=sliver_share)
    return lay(parts, [policy.code], uses=uses).table()


@dataclass(frozen=True, kw_only=True)
class Laid:
    """The law laid on lots as numbers: each distinct zoning once, and which every part of a lot lies under.

    Attributes
    ----------
    parts
        The lots by district.
    uses
        Uses, in order.
    zones
        One row per code, distinct zoning and use, in that order: columns of table ``standards`` that are
        of the zoning.
    row
        Row of its zoning, not counting uses, of each part.
    """

    parts: Parts
    uses: tuple[str, ...]
    zones: pd.DataFrame
    row: Indices

    def of_use(self, use: str) -> pd.DataFrame:
        """Rows of ``zones`` of one use; ``row`` points into them."""
        return self.zones.iloc[self.uses.index(use) :: len(self.uses)].reset_index(drop=True)

    def floor_area_max_ft2(self, use: str) -> Floats:
        """Floor area each part of a lot may hold [ft2] (:func:`floor_area_max`)."""
        ratios = self.of_use(use)[list(_FLOOR)].take(self.row)
        return floor_area_max(self.parts.table["lot_area_ft2"], ratios).to_numpy()

    def table(self) -> pd.DataFrame:
        """Table ``standards``: a row per part and use."""
        every = len(self.uses)
        law = self.zones.take((self.row[:, None] * every + np.arange(every)).ravel()).reset_index(drop=True)
        held = self.parts.table.take(np.repeat(np.arange(len(self.row)), every)).reset_index(drop=True)
        own = [name for name in law.columns if name not in held]
        answer = pd.concat([held, law[own]], axis=1)
        answer[_RESOLVED] = floor_area_max(answer["lot_area_ft2"], answer)
        return answer.drop(columns="lot_area_ft2")


def lay(
    parts: Parts,
    codes: Sequence[ZoningCode],
    *,
    uses: tuple[str, ...] = USES,
    group: Indices | None = None,
    laws: Sequence[pd.DataFrame] | None = None,
) -> Laid:
    """Lay codes on lots.

    Parameters
    ----------
    parts
        The lots by district.
    codes
        At least one.
    uses
        Uses to lay out.
    group
        Which code binds each part; the first if not given.
    laws
        :func:`law_table` of each code, where they are known already.
    """
    tables = [law_table(code, uses) for code in codes] if laws is None else laws
    pairs = zip(codes, tables, strict=True)
    zones = pd.concat([_of_zones(parts.zones, code, law, uses) for code, law in pairs], ignore_index=True)
    zones["use"] = pd.Categorical(zones["use"], categories=list(uses))
    row = parts.zone if group is None else group * len(parts.zones) + parts.zone
    return Laid(parts=parts, uses=uses, zones=zones, row=row)


def _of_zones(
    distinct: pd.DataFrame, code: ZoningCode, law: pd.DataFrame, uses: tuple[str, ...]
) -> pd.DataFrame:
    """One row per zoning and use, with what the code says; missing where it knows no such district."""
    parsed = parse_zones(distinct["zone_district"], code)
    every = len(uses)
    district = pd.Index(law.index[::every]).get_indexer(pd.Index(parsed["zone_key"].astype("object")))
    row = np.where(district[:, None] < 0, -1, district[:, None] * every + np.arange(every)).ravel()
    wide = law.reset_index(drop=True).reindex(np.arange(len(law) + 1)).take(row).reset_index(drop=True)
    wide["use"] = np.tile(np.array(uses, dtype=object), len(distinct))
    context = pd.concat([distinct, parsed[list(ZONE_COLUMNS)]], axis=1)
    return pd.concat(
        [
            context.take(
                np.repeat(np.arange(len(distinct)), every),
            ).reset_index(drop=True),
            wide,
        ],
        axis=1,
    )


def law_table(code: ZoningCode, uses: tuple[str, ...] = USES) -> pd.DataFrame:
    """Turn the long rows of a code wide: one row per district and use, in that order.

    A value for the use itself goes before one for any use. ``units_max`` is the use's own count and is
    never taken from "any"; that one is ``lot_units_max``. ``multi_units_max`` is
    the count of multi-family homes. ``far_basis`` is the basis of ``far_max``.
    """
    districts = list(dict.fromkeys([*code.districts, *code.rows["district"].to_numpy(object)]))
    asked, named = list(dict.fromkeys((*uses, "any", "multi"))), list(standards())
    cells, bases = _cells(code.rows, (districts, asked, named))
    any_use, units, far = asked.index("any"), named.index("units_max"), named.index("far_max")
    own, general, multi = cells[:, : len(uses)], cells[:, [any_use]], cells[:, [asked.index("multi")]]
    wide = np.where(np.isnan(own), general, own)
    wide[:, :, units] = own[:, :, units]
    whole = [np.broadcast_to(values[:, :, [units]], (*own.shape[:2], 1)) for values in (general, multi)]
    flat = np.concatenate([wide, *whole], axis=2).reshape(-1, len(named) + len(whole))
    index = pd.Index(np.repeat(np.array(districts, dtype=object), len(uses)), name="zone_key")
    columns = pd.Index([*named, "lot_units_max", "multi_units_max"], name="standard")
    table = pd.DataFrame(flat, columns=columns, index=index)
    table.insert(0, "use", np.tile(np.array(uses, dtype=object), len(districts)))
    basis = np.where(np.isnan(own[:, :, far]), bases[:, [any_use]], bases[:, : len(uses)])
    table["far_basis"] = pd.array(basis.ravel(), dtype="string")
    table["citation"] = _citations(code, index)
    return table


def of_uses(law: pd.DataFrame, uses: tuple[str, ...]) -> pd.DataFrame:
    """Rows of some uses of a :func:`law_table` of more."""
    held = pd.Index(law["use"].unique())
    chosen = held.get_indexer(pd.Index(uses))
    return law.take((np.arange(0, len(law), len(held))[:, None] + chosen).ravel())


def _cells(rows: pd.DataFrame, names: tuple[list[str], ...]) -> tuple[Floats, npt.NDArray[np.object_]]:
    """Values of a code as an array [district, use, standard], NaN where unread; basis of each ``far_max``."""
    columns = zip(names, ("district", "use", "standard"), strict=True)
    at = np.stack(
        [pd.Index(own).get_indexer(pd.Index(rows[column].to_numpy(object))) for own, column in columns]
    )
    known = np.all(at >= 0, axis=0)
    cells = np.full([len(own) for own in names], np.nan)
    cells[tuple(at[:, known])] = rows["value"].to_numpy(float)[known]
    ratio = known & (at[2] == names[2].index("far_max"))
    bases = np.full(cells.shape[:2], None, dtype=object)
    bases[tuple(at[:2, ratio])] = rows["basis"].to_numpy(object)[ratio]
    return cells, bases


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
