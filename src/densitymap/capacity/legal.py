"""What the law says of one form of building on many lots: one level per rule.

Levels are those of :mod:`densitymap.capacity.verdict` (0 FALSE, 1 MAYBE, 2 TRUE): all of several rules
is their least, one of several is their greatest, which is the nullable logic of the house.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap.capacity.law import FLOOR_AREA, Law
from densitymap.capacity.rules import load_rules
from densitymap.capacity.verdict import FALSE, MAYBE, TRUE, Flags, Levels, Margins
from densitymap.geometry import Floats

HOMES: Mapping[str, int] = {"house": 1, "adu": 2, "duplex": 2, "triplex": 3}
"""Homes on the lot if the form is built; an accessory home comes with its house."""

FORMS = tuple(HOMES)

EXACT = Margins(length_ft=0.0, share=0.0)
"""Margins for a lot whose measures are given, not measured."""

_LOWER_BOUND = ("gross", "unstated", "elective")
"""Bases on which the ratio times the net lot is less than the law may give."""

_BINDING = np.array(
    [
        "units_max",
        "use_not_permitted",
        "lot_of_record",
        "lot_width",
        "lot_area",
        "floor_area",
        "coverage",
        "unread",
    ],
    dtype=object,
)
_UNREAD = len(_BINDING) - 1

LAW_COLUMNS = (
    "zone_key", "zone_district", "zone_status", "zone_reason", "zone_overlays", "is_conditional", "is_split",
    "far_basis", "citation", "units_max", "lot_units_max", "multi_units_max", "lot_width_min_ft",
    "lot_area_min_ft2", "floor_area_max_ft2", "coverage_max", "adu_floor_area_max_ft2",
    "adu_attached_floor_area_max_ft2", "adu_attached_floor_area_min_ft2", "existing_lot_exempt",
    "lot_of_record_exempt",
)  # fmt: skip
"""Columns of table ``standards`` that the law of a form is read from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruling:
    """What the law says of one form, one entry per row.

    Attributes
    ----------
    form
        Key of :data:`HOMES`.
    level
        The verdict: no better than MAYBE under a condition, an overlay or unread law.
    permitted
        Level of the use itself, whatever the lot.
    rule
        The rule that breaks it or leaves it in doubt; ``units_max`` where it is allowed.
    floor_area_ft2, covered_ft2
        What the smallest such building needs [ft2].
    """

    form: str
    level: Levels
    permitted: Levels
    rule: npt.NDArray[np.object_]
    floor_area_ft2: Floats
    covered_ft2: Floats


def measured_margins() -> Margins:
    """Give the slack below which a measured lot is too close to call, from ``catalog/fit``."""
    rules = load_rules()
    return Margins(length_ft=rules["margin_length_ft"], share=rules["margin_share"])


def smallest_needs(buildings: pd.DataFrame) -> pd.DataFrame:
    """Give the least floor area and covered area [ft2] each form needs, by form.

    Covered area is the smallest footprint of the form and its paving; an accessory home adds the
    smallest house. ``building_ft2`` is the floor area of the form's own smallest building.
    ``smaller_floor_area_ft2`` and ``smaller_covered_ft2`` are how much less would do with a house as
    small as the smallest dwelling: a house of any size is lawful, the template is only our choice.
    """
    rules = load_rules()
    dwellings = buildings[buildings["is_dwelling"].astype(bool)]
    least = dwellings.groupby("use")[["floor_area_ft2", "footprint_ft2"]].min().reindex(list(FORMS))
    needs = least.rename(columns={"footprint_ft2": "covered_ft2"})
    needs["building_ft2"] = needs["floor_area_ft2"]
    needs["covered_ft2"] += rules["paving_base_ft2"] + rules["paving_per_unit_ft2"]
    needs.loc["adu"] += [least.loc["house", "floor_area_ft2"], least.loc["house", "footprint_ft2"], 0.0]
    more = pd.Series(HOMES, dtype=float) - 1
    needs["covered_ft2"] += rules["paving_per_unit_ft2"] * more.reindex(needs.index)
    spare = least.loc["house"] - dwellings[["floor_area_ft2", "footprint_ft2"]].min()
    has_house = needs.index.isin(["house", "adu"])
    needs["smaller_floor_area_ft2"] = np.where(has_house, spare["floor_area_ft2"], 0.0)
    needs["smaller_covered_ft2"] = np.where(has_house, spare["footprint_ft2"], 0.0)
    return needs


def rulings(lots: pd.DataFrame, law: Law, needs: pd.DataFrame, margins: Margins) -> dict[str, Ruling]:
    """Judge every form on every lot.

    Parameters
    ----------
    lots
        ``lot_area_ft2``, ``lot_width_ft`` and, where known, ``is_lot_of_record``.
    law
        Standards of each form, rows as in ``lots``; with columns :data:`LAW_COLUMNS`.
    needs
        Answer of :func:`smallest_needs`.
    margins
        Slack too small to call.
    """
    house = _permitted(law, "house")
    return {form: _ruling(lots, law, needs, margins, (form, house)) for form in FORMS}


def _ruling(
    lots: pd.DataFrame,
    law: Law,
    needs: pd.DataFrame,
    margins: Margins,
    form_and_house: tuple[str, Levels],
) -> Ruling:
    form, house = form_and_house
    floor, cover = (_need(law, form, needs, what) for what in ("floor_area_ft2", "covered_ft2"))
    area = _floats(lots, "lot_area_ft2")
    levels = {
        "use_not_permitted": np.minimum(_permitted(law, form), house) if form == "adu"
        else _permitted(law, form),
        "lot_width": at_least(
            _floats(lots, "lot_width_ft"), law.value(form, "lot_width_min_ft"), margins, length=True
        ),
        "lot_area": at_least(area, law.value(form, "lot_area_min_ft2"), margins),
        "floor_area": _floor_area(law, form, (floor, needs), margins),
        "coverage": _room(
            law.value(form, "coverage_max") * area, cover, needs.loc[form, "smaller_covered_ft2"], margins
        ),
    }  # fmt: skip
    waived = _waived(law, form, lots)
    level, rule = _binding(levels, waived)
    level, rule = _with_doubts(level, rule, law, form)
    return Ruling(
        form=form,
        level=level,
        permitted=levels["use_not_permitted"],
        rule=rule,
        floor_area_ft2=floor,
        covered_ft2=cover,
    )


def at_least(measured: Floats, limit: Floats, margins: Margins, *, length: bool = False) -> Levels:
    """Whether what there is reaches what is asked: MAYBE where missing or too close to call.

    Examples
    --------
    >>> near = Margins(length_ft=2.0, share=0.03)
    >>> at_least(np.array([69.0, 50.0, 90.0, np.nan]), np.full(4, 70.0), near, length=True).tolist()
    [1, 0, 2, 1]
    """
    finite = np.isfinite(limit) & np.isfinite(measured) & (limit > 0)
    asked = np.where(finite, limit, 0.0)
    slack = np.abs(np.where(finite, measured, 0.0) - asked)
    close = finite & (slack < margins.share * asked)
    if length:
        close |= finite & (slack < margins.length_ft)
    return _levels(measured >= limit, np.isnan(measured) | np.isnan(limit) | close)


def _room(cap: Floats, need: Floats, smaller: Any, margins: Margins) -> Levels:
    """Whether the cap holds what is needed; MAYBE where only a smaller house would do."""
    enough = at_least(cap, need, margins)
    could = at_least(cap, need - float(smaller), margins)
    return np.where((enough == FALSE) & (could != FALSE), MAYBE, enough).astype(np.int8)


def _levels(holds: Flags, unknown: Flags) -> Levels:
    return np.where(unknown, MAYBE, np.where(holds, TRUE, FALSE)).astype(np.int8)


def _permitted(law: Law, form: str) -> Levels:
    own, total = law.value(form, "units_max"), law.value(form, "lot_units_max")
    count = 1 if form == "adu" else HOMES[form]
    return np.minimum(_levels(own >= count, np.isnan(own)), _levels(total >= HOMES[form], np.isnan(total)))


def _floor_area(law: Law, form: str, asked: tuple[Floats, pd.DataFrame], margins: Margins) -> Levels:
    floor, needs = asked
    cap = law.value(form, FLOOR_AREA)
    enough = _room(cap, floor, needs.loc[form, "smaller_floor_area_ft2"], margins)
    if form == "adu":
        own = at_least(
            law.value(form, "adu_floor_area_max_ft2"),
            np.full(law.lots, needs.loc[form, "building_ft2"]),
            EXACT,
        )
        enough = np.minimum(enough, np.maximum(own, np.where(_attached(law, form), TRUE, FALSE)))
    lower_bound = law.by_use[form]["far_basis"].isin(_LOWER_BOUND).to_numpy(bool)[law.row]
    return np.where(lower_bound & (enough == FALSE), MAYBE, enough).astype(np.int8)


def _attached(law: Law, form: str) -> Flags:
    """Whether an accessory home may be carved out of the house, which then needs no more room."""
    least = np.fmax(law.value(form, "adu_attached_floor_area_min_ft2"), 1.0)
    return law.value(form, "adu_attached_floor_area_max_ft2") >= least


def _need(law: Law, form: str, needs: pd.DataFrame, what: str) -> Floats:
    """What the form needs [ft2]; an accessory home inside the house only its paving more."""
    need = np.full(law.lots, needs.loc[form, what])
    if form != "adu":
        return need
    paving = load_rules()["paving_per_unit_ft2"] if what == "covered_ft2" else 0.0
    within = np.full(law.lots, needs.loc["house", what]) + paving
    return np.where(_attached(law, form), within, need)


def _waived(law: Law, form: str, lots: pd.DataFrame) -> Levels:
    """Whether the minimums do not count: for every existing lot, or for a lot of record."""
    every = np.where(law.value(form, "existing_lot_exempt") == 1, TRUE, FALSE).astype(np.int8)
    record = law.value(form, "lot_of_record_exempt")
    of_record = lots.get("is_lot_of_record", pd.Series(pd.NA, index=lots.index)).astype("boolean")
    is_record = _levels(of_record.to_numpy(bool, na_value=False), of_record.isna().to_numpy(bool))
    return np.maximum(every, np.minimum(_levels(record == 1, np.isnan(record)), is_record))


def _binding(levels: Mapping[str, Levels], waived: Levels) -> tuple[Levels, npt.NDArray[np.object_]]:
    """The level of all rules, and the first rule that is at that level."""
    least = np.minimum(levels["lot_width"], levels["lot_area"])
    minimums = np.maximum(least, waived)
    level = np.minimum.reduce([minimums, *(levels[name] for name in levels if not name.startswith("lot_"))])
    unproven = (minimums == MAYBE) & (least == FALSE)
    at_width = (minimums == level) & (levels["lot_width"] <= level)
    conditions = [
        level == TRUE,
        levels["use_not_permitted"] == level,
        (minimums == level) & unproven,
        at_width,
        minimums == level,
        levels["floor_area"] == level,
    ]
    unread = (levels["use_not_permitted"] == level) & (level == MAYBE)
    code = np.select(conditions, np.arange(len(conditions)), len(conditions))
    return level, _BINDING[np.where(unread, _UNREAD, code)]


def _with_doubts(
    level: Levels, rule: npt.NDArray[np.object_], law: Law, form: str
) -> tuple[Levels, npt.NDArray[np.object_]]:
    """Lower TRUE to MAYBE where a condition, an overlay or unread law may say otherwise."""
    zoning = law.by_use[form]
    unread = (zoning["zone_status"] != "read").to_numpy(bool, na_value=True)
    conditional = zoning["is_conditional"].to_numpy(bool)
    why = np.select([unread, conditional], ["unread", "council_condition"], "overlay").astype(object)
    doubt = unread | conditional | zoning["zone_overlays"].notna().to_numpy(bool)
    lowered = (level == TRUE) & doubt[law.row]
    rule = np.where(lowered, why[law.row], rule)
    rule[zoning["zone_district"].isna().to_numpy(bool)[law.row]] = "no_data"
    return np.where(lowered, MAYBE, level).astype(np.int8), rule


def _floats(frame: pd.DataFrame, name: str) -> Floats:
    return frame[name].to_numpy(np.float64, na_value=np.nan)
