"""What the law says of one form of building on many lots: one level per rule.

Levels are those of :mod:`densitymap.capacity.verdict` (0 FALSE, 1 MAYBE, 2 TRUE): all of several rules
is their least, one of several is their greatest, which is the nullable logic of the house.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from densitymap.capacity.law import FLOOR_AREA, PARKING, Law
from densitymap.capacity.rules import load_rules
from densitymap.capacity.verdict import FALSE, MAYBE, TRUE, Flags, Levels, Margins
from densitymap.geometry import Floats

HOMES: Mapping[str, int] = {"house": 1, "adu": 2, "duplex": 2, "triplex": 3}
"""Homes on the lot if the form is built; an accessory home comes with its house."""

FORMS = tuple(HOMES)

LARGER: Mapping[str, int] = {"cottage_court": 3, "multi": 4}
"""Homes of forms that are judged only where a code gives them."""

COUNTED: Mapping[str, int] = {**HOMES, **LARGER}
"""Homes of every form that is counted; multi-family buildings of more are not."""
_MAYBE = np.int8(MAYBE)

EXACT = Margins(length_ft=0.0, share=0.0)
"""Margins for a lot whose measures are given, not measured."""

_LOWER_BOUND = ("gross", "unstated", "elective")
"""Bases on which the ratio times the net lot is less than the law may give."""

RULES = (
    "units_max", "use_not_permitted", "lot_of_record", "lot_width", "lot_area", "floor_area", "coverage",
    "unread", "council_condition", "overlay", "no_data", "split_zoning",
)  # fmt: skip
"""What may bind by the law alone, by code; several of the first seven: the first of them binds."""

CODE: Mapping[str, int] = {name: code for code, name in enumerate(RULES)}

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
        Key of :data:`COUNTED`.
    level
        The verdict: no better than MAYBE under a condition, an overlay or unread law.
    permitted
        Level of the use itself, whatever the lot.
    rule
        Code in :data:`RULES` of the rule that breaks it or leaves it in doubt; ``units_max`` where it is
        allowed.
    floor_area_ft2, covered_ft2
        What the smallest such building needs [ft2].
    """

    form: str
    level: Levels
    permitted: Levels
    rule: Levels
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
    least = dwellings.groupby("use")[["floor_area_ft2", "footprint_ft2"]].min().reindex(list(COUNTED))
    needs = least.rename(columns={"footprint_ft2": "covered_ft2"})
    needs["building_ft2"] = needs["floor_area_ft2"]
    needs["covered_ft2"] += rules["paving_base_ft2"] + rules["paving_per_unit_ft2"]
    needs.loc["adu"] += [least.loc["house", "floor_area_ft2"], least.loc["house", "footprint_ft2"], 0.0]
    more = pd.Series(COUNTED, dtype=float) - 1
    needs["covered_ft2"] += rules["paving_per_unit_ft2"] * more.reindex(needs.index)
    spare = least.loc["house"] - dwellings[["floor_area_ft2", "footprint_ft2"]].min()
    has_house = needs.index.isin(["house", "adu"])
    needs["smaller_floor_area_ft2"] = np.where(has_house, spare["floor_area_ft2"], 0.0)
    needs["smaller_covered_ft2"] = np.where(has_house, spare["footprint_ft2"], 0.0)
    return needs


def rulings(lots: pd.DataFrame, law: Law, needs: pd.DataFrame, margins: Margins) -> dict[str, Ruling]:
    """Judge every form on every lot, the larger ones where the law is laid out for them.

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
    asked = [form for form in COUNTED if form in FORMS or form in law.by_use]
    return {form: _ruling(lots, law, needs, margins, form) for form in asked}


def _ruling(lots: pd.DataFrame, law: Law, needs: pd.DataFrame, margins: Margins, form: str) -> Ruling:
    alone, row = law.distinct(), law.row
    floor, cover = (_need(alone, form, needs, what)[row] for what in ("floor_area_ft2", "covered_ft2"))
    area, width = _floats(lots, "lot_area_ft2"), _floats(lots, "lot_width_ft")
    smaller = needs.loc[form, "smaller_covered_ft2"]
    levels = {
        "use_not_permitted": _use(alone, form)[row],
        "lot_width": at_least(width, law.value(form, "lot_width_min_ft"), margins, length=True),
        "lot_area": at_least(area, law.value(form, "lot_area_min_ft2"), margins),
        "floor_area": _floor_area(law, form, (floor, needs), margins),
        "coverage": _room(law.value(form, "coverage_max") * area, cover, smaller, margins),
    }
    level, rule = _binding(levels, _waived(law, form, lots))
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
    with np.errstate(invalid="ignore"):
        slack = margins.share * limit
        if length:
            slack = np.fmax(slack, margins.length_ft)
        close = (np.abs(measured - limit) < slack) & (limit > 0)
    return _levels(measured >= limit, np.isnan(measured) | np.isnan(limit) | close)


def _room(cap: Floats, need: Floats, smaller: Any, margins: Margins) -> Levels:
    """Whether the cap holds what is needed; MAYBE where only a smaller house would do."""
    enough = at_least(cap, need, margins)
    if not smaller:
        return enough
    could = at_least(cap, need - float(smaller), margins)
    return np.where((enough == FALSE) & (could != FALSE), _MAYBE, enough)


def _levels(holds: Flags, unknown: Flags) -> Levels:
    return np.where(unknown, _MAYBE, np.where(holds, np.int8(TRUE), np.int8(FALSE)))


def _use(law: Law, form: str) -> Levels:
    """Whether the use is permitted; an accessory home needs a house that is."""
    own = _permitted(law, form)
    return np.minimum(own, _permitted(law, "house")) if form == "adu" else own


def _permitted(law: Law, form: str) -> Levels:
    own, total = law.value(form, "units_max"), law.value(form, "lot_units_max")
    count = 1 if form == "adu" else COUNTED[form]
    return np.minimum(_levels(own >= count, np.isnan(own)), _levels(total >= COUNTED[form], np.isnan(total)))


def _floor_area(law: Law, form: str, asked: tuple[Floats, pd.DataFrame], margins: Margins) -> Levels:
    floor, needs = asked
    cap = law.value(form, FLOOR_AREA)
    enough = _room(cap, floor, needs.loc[form, "smaller_floor_area_ft2"], margins)
    if form == "adu":
        enough = np.minimum(enough, _own_size(law.distinct(), form, needs)[law.row])
    lower_bound = law.by_use[form]["far_basis"].isin(_LOWER_BOUND).to_numpy(bool)[law.row]
    return np.where(lower_bound & (enough == FALSE), _MAYBE, enough)


def _own_size(law: Law, form: str, needs: pd.DataFrame) -> Levels:
    """Whether the smallest accessory home is small enough; one carved out of the house always is."""
    smallest = np.full(law.lots, needs.loc[form, "building_ft2"])
    own = at_least(law.value(form, "adu_floor_area_max_ft2"), smallest, EXACT)
    return np.where(_attached(law, form), np.int8(TRUE), own)


def _attached(law: Law, form: str) -> Flags:
    """Whether an accessory home may be carved out of the house, which then needs no more room."""
    least = np.fmax(law.value(form, "adu_attached_floor_area_min_ft2"), 1.0)
    return law.value(form, "adu_attached_floor_area_max_ft2") >= least


def _need(law: Law, form: str, needs: pd.DataFrame, what: str) -> Floats:
    """What the form needs [ft2]; an accessory home inside the house only its paving more."""
    need = np.full(law.lots, needs.loc[form, what])
    covers = what == "covered_ft2"
    if form == "adu":
        paving = load_rules()["paving_per_unit_ft2"] if covers else 0.0
        within = np.full(law.lots, needs.loc["house", what]) + paving
        need = np.where(_attached(law, form), within, need)
    return need + _more_paving(law, form) if covers else need


def _more_paving(law: Law, form: str) -> Floats:
    """Paving [ft2] of the stalls that the law asks for beyond those supposed for each home."""
    rules = load_rules()
    homes = {"house": 1, "adu": 1} if form == "adu" else {form: COUNTED[form]}
    more = [n * np.fmax(law.value(use, PARKING) - rules["stalls_per_unit"], 0.0) for use, n in homes.items()]
    return np.asarray(rules["paving_per_unit_ft2"] * np.sum(more, axis=0), dtype=np.float64)


def _waived(law: Law, form: str, lots: pd.DataFrame) -> Levels:
    """Whether the minimums do not count: for every existing lot, or for a lot of record."""
    alone = law.distinct()
    every = np.where(alone.value(form, "existing_lot_exempt") == 1, np.int8(TRUE), np.int8(FALSE))
    record = alone.value(form, "lot_of_record_exempt")
    if not np.any(record != 0):
        return every[law.row]
    of_record = lots.get("is_lot_of_record", pd.Series(pd.NA, index=lots.index)).astype("boolean")
    is_record = _levels(of_record.to_numpy(bool, na_value=False), of_record.isna().to_numpy(bool))
    exempt = _levels(record == 1, np.isnan(record))
    return np.maximum(every[law.row], np.minimum(exempt[law.row], is_record))


def _binding(levels: Mapping[str, Levels], waived: Levels) -> tuple[Levels, Levels]:
    """The level of all rules, and the first rule that is at that level."""
    least = np.minimum(levels["lot_width"], levels["lot_area"])
    minimums = np.maximum(least, waived)
    use, floor = levels["use_not_permitted"], levels["floor_area"]
    level = np.minimum.reduce([minimums, use, floor, levels["coverage"]])
    at_minimums = minimums == level
    rule = np.full(len(level), CODE["coverage"], dtype=np.int8)
    for name, binds in (
        ("floor_area", floor == level),
        ("lot_area", at_minimums),
        ("lot_width", at_minimums & (levels["lot_width"] <= level)),
        ("lot_of_record", at_minimums & (minimums == MAYBE) & (least == FALSE)),
        ("use_not_permitted", use == level),
        ("units_max", level == TRUE),
        ("unread", (use == level) & (level == MAYBE)),
    ):
        rule[binds] = CODE[name]  # the first rule that binds is written last
    return level, rule


def _with_doubts(level: Levels, rule: Levels, law: Law, form: str) -> tuple[Levels, Levels]:
    """Lower TRUE to MAYBE where a condition, an overlay or unread law may say otherwise."""
    zoning = law.by_use[form]
    unread = (zoning["zone_status"] != "read").to_numpy(bool, na_value=True)
    conditional = zoning["is_conditional"].to_numpy(bool)
    codes = [CODE["unread"], CODE["council_condition"]]
    why = np.select([unread, conditional], codes, CODE["overlay"]).astype(np.int8)
    doubt = unread | conditional | zoning["zone_overlays"].notna().to_numpy(bool)
    lowered = (level == TRUE) & doubt[law.row]
    rule = np.where(lowered, why[law.row], rule)
    rule[zoning["zone_district"].isna().to_numpy(bool)[law.row]] = CODE["no_data"]
    return np.where(lowered, _MAYBE, level), rule


def _floats(frame: pd.DataFrame, name: str) -> Floats:
    return frame[name].to_numpy(np.float64, na_value=np.nan)
