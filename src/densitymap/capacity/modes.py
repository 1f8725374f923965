"""Ways to add homes to a lot: keep the house, divide it, or build anew; each judged by every rule.

An option is one concrete form (``SFD+ADU_750``); a type groups the forms that answer one question
(``house_adu``), the first that does best standing for it. The rules are those of the project's zoning
and capacity reference, sections 2 and 7; every number is in ``catalog/fit`` and ``catalog/buildings``.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any

import numpy as np
import pandas as pd

from densitymap.capacity import verdict as _verdict
from densitymap.capacity.fit import HOUSE, MAIN_USES, House, Places
from densitymap.capacity.law import PARKING, Law, floor_area_cap_ft2
from densitymap.capacity.rules import Rules
from densitymap.capacity.verdict import FALSE, MAYBE, TRUE, Flags, Judgement, Levels, Margins, cap, judge
from densitymap.geometry import Floats

UNITS = {"house": 1, "duplex": 2, "triplex": 3, "cottage_court": 3}
THREE, ATTACHED = 3, "internal ADU"


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One form of one type in one mode; ``main`` or ``adu`` is None where it has none.

    The own house rebuilt stands twice: as the reference prefers it, and last, ``is_last``, for lots where an
    accessory home may be inside the house (the reference leaves it out there, but then allowing more would
    take a house away).
    """

    form: str
    mode: str
    type: str
    units: int
    main: str | None = None
    adu: str | None = None
    is_last: bool = False


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Everything known of the lots under one policy, in one order.

    Attributes
    ----------
    lots
        Of the survey: ``lot_area_ft2``, ``frontage_ft``, ``pole_area_ft2``, ``is_landlocked``, ...
    law, places, house, buildings, rules, margins
        What their modules say.
    of_record
        1 lot of record, 0 not, NaN unknown.
    ceiling
        Best level a verdict may have: MAYBE under a condition, an overlay, unread law.
    front_ceiling
        Best level where the front is not known from a street.
    side_path
        Whether a path leads past the house.
    unknown
        Lots without a shape or without zoning: nothing is said of them.
    is_new
        Whether a division makes these lots: what is waived for lots that exist is not for them.
    """

    lots: pd.DataFrame
    law: Law
    places: Places
    house: House
    buildings: pd.DataFrame
    rules: Rules
    margins: Margins
    of_record: Floats
    ceiling: Levels
    front_ceiling: Levels
    side_path: Flags
    unknown: Flags
    is_new: bool = False

    @cached_property
    def templates(self) -> dict[str, dict[Hashable, Any]]:
        """Templates by name."""
        return {str(name): record for name, record in self.buildings.to_dict("index").items()}

    @cached_property
    def area(self) -> Floats:
        """Lot area [ft2]."""
        return self.lots["lot_area_ft2"].to_numpy(float)

    @cached_property
    def legal(self) -> dict[str, Judgement]:
        """What use, lot minimums, street and conditions say of each use."""
        return {use: _legal(self, use) for use in (*MAIN_USES, "adu")}

    @cached_property
    def attached(self) -> Floats:
        """Largest attached accessory dwelling [ft2] the law permits; 0 none, NaN unread."""
        return self.law.value("adu", "adu_attached_floor_area_max_ft2")

    @cached_property
    def kept_ft2(self) -> tuple[Floats, Floats]:
        """Floor area of the house that stands, low and high [ft2]; equal where it is known.

        Where only a footprint is known: one storey less porches and attic, to two storeys.
        """
        floor, footprint = self.house.floor_ft2, self.house.footprint_ft2
        low = footprint * self.rules["storeys_unknown_low"] * (1 - self.rules["floor_area_overstated_share"])
        high = footprint * self.rules["storeys_unknown_high"]
        unknown = np.isnan(floor)
        return np.where(unknown, low, floor), np.where(unknown, high, floor)

    @cached_property
    def back_ft(self) -> Floats:
        """Back of the house that stands; where nobody knows it, of a house at the front yard."""
        supposed = self.places.main["SFD"][:, 0]
        return np.where(np.isnan(self.house.back_ft), supposed, self.house.back_ft)


def options(buildings: pd.DataFrame) -> list[Option]:
    """Every form tried, the preferred first within each type (larger homes first)."""
    homes = buildings[buildings["is_dwelling"]].sort_values("floor_area_ft2", ascending=False)
    by_use = {use: list(homes.index[homes["use"] == use]) for use in (*MAIN_USES, "adu")}
    houses = [*by_use["house"][:1], HOUSE, *by_use["house"][1:]]
    behind = [*by_use["adu"], ATTACHED]
    units = homes["units"].to_dict()
    found = [
        Option(form="house", mode="keep", type="house", units=1),
        Option(form="house->2", mode="keep", type="convert", units=2),
    ]
    found += [_with_adu("house", "keep", adu) for adu in behind]
    found += [_with_adu("house->2", "keep", adu, "convert") for adu in by_use["adu"]]
    found += [Option(form=main, mode="new", type="house", units=1, main=main) for main in houses]
    found += [_with_adu(main, "new", adu) for main in houses for adu in behind]
    found += [replace(option, is_last=True) for option in found if option.main == HOUSE]
    found += [_with_adu(main, "new", adu, "duplex") for main in by_use["duplex"] for adu in by_use["adu"]]
    found += [
        Option(form=main, mode="new", type=use, units=int(units[main]), main=main)
        for use in MAIN_USES[1:]
        for main in by_use[use]
    ]
    return found


def _with_adu(main: str, mode: str, adu: str, base: str = "house") -> Option:
    """An option of a main building (or the kept house) and an accessory dwelling."""
    kind = f"{base}_attached_adu" if adu == ATTACHED else f"{base}_adu"
    return Option(
        form=f"{main}+{adu}",
        mode=mode,
        type=kind,
        units=2 if base == "house" else THREE,
        main=main if mode == "new" else None,
        adu=adu,
    )


def _legal(at: Setting, use: str) -> Judgement:
    """Use, lot area, frontage, street, condition: what needs no building."""
    count = len(at.lots)
    law, margins = at.law, at.margins
    asked = np.full(count, float(UNITS.get(use, 1)))
    permitted = law.value(use, "units_max")
    if use == "triplex":
        multi = law.value("multi", "units_max")
        permitted = np.where(multi >= THREE, np.fmax(permitted, multi), permitted)
    found = _verdict.unjudged(count)
    judge(found, "use", permitted, asked, margins=margins)
    exempt = law.value(use, "lot_of_record_exempt") > 0
    waived = exempt & (at.of_record > 0)
    if not at.is_new:
        waived |= law.value(use, "existing_lot_exempt") > 0
    perhaps = exempt & np.isnan(at.of_record)
    frontage = at.lots["frontage_ft"].to_numpy(float)
    for rule, have, standard in (
        ("lot_area", at.area, "lot_area_min_ft2"),
        ("lot_width", frontage, "lot_width_min_ft"),
    ):
        need = law.value(use, standard)
        judge(found, rule, have, need, margins=margins, waived=waived, softened=perhaps)
    reached = np.where(at.lots["is_landlocked"], FALSE, TRUE).astype(np.int8)
    cap(found, "street", reached)
    cap(found, "condition", at.ceiling)
    cap(found, "front_unsure", at.front_ceiling)
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """An option judged on every lot, with its slack in each budget: floor and coverage [ft2], fit [ft]."""

    option: Option
    judgement: Judgement
    applies: Flags
    slacks: tuple[Floats, Floats, Floats]


def try_option(at: Setting, option: Option) -> Tried:
    """Judge one form on every lot.

    Parameters
    ----------
    at
        The lots under one policy.
    option
        The form.
    """
    count = len(at.lots)
    if option.mode == "keep" and option.type == "house":
        found = _verdict.unjudged(count)
        slacks = (np.full(count, np.nan), np.full(count, np.nan), np.full(count, np.nan))
    else:
        found = _permission(at, option)
        fit_slack = _placed(at, option, found)
        slacks = (_floor(at, option, found), _coverage(at, option, found), fit_slack)
        _sizes(at, option, found)
    if option.mode == "keep":
        cap(found, "house_unknown", np.where(at.house.stands == 1, TRUE, MAYBE).astype(np.int8))
    return Tried(option=option, judgement=found, applies=applies(at, option), slacks=slacks)


def applies(at: Setting, option: Option) -> Flags:
    """Lots on which an option is tried at all."""
    stands = at.house.stands
    if option.main == HOUSE:
        return (stands == 1) & ~np.isnan(at.house.width_ft) & ((at.attached > 0) == option.is_last)
    return np.full(len(at.lots), True) if option.mode == "new" else stands != 0


def _uses(option: Option) -> tuple[str, ...]:
    """Uses the law must permit for the option."""
    main = {
        "house": "house",
        "house_adu": "house",
        "house_attached_adu": "house",
        "duplex": "duplex",
        "convert": "duplex",
        "duplex_adu": "triplex",
        "convert_adu": "triplex",
        "triplex": "triplex",
        "multi": "multi",
        "cottage_court": "cottage_court",
    }[option.type]
    return (main, "adu") if option.adu else (main,)


def _permission(at: Setting, option: Option) -> Judgement:
    main, *others = _uses(option)
    uses = others if option.mode == "keep" and main == "house" else [main, *others]
    found = at.legal[uses[0]].copy()
    for use in uses[1:]:
        other = at.legal[use]
        level, tightness = found.level, found.tightness
        takes = (other.level < level) | ((other.level == level) & (other.tightness < tightness))
        found.take(other, takes)
    total = at.law.value(uses[0], "lot_units_max")
    units = np.full(len(at.lots), float(option.units))
    judge(found, "units", total, units, margins=at.margins)
    return found


def _placed(at: Setting, option: Option, found: Judgement) -> Floats:
    """Main building behind the yards, accessory dwelling behind it; give the slack."""
    slacks = []
    back = at.back_ft
    if option.main:
        back, _, slack = at.places.main[option.main].T
        least = _least_side(at, option.main)
        judge(found, "yards", least + slack, least, margins=at.margins)
        slacks.append(slack)
    if option.adu and option.adu != ATTACHED:
        _, line, free = at.places.adu[option.adu].T
        deep = _least_side(at, option.adu)
        room = np.maximum(line - back - at.rules["house_adu_gap_ft"] + deep, 0.0)
        judge(found, "yards", deep + free, deep, margins=at.margins)
        judge(found, "behind_house", room, deep, margins=at.margins)
        slacks += [free, room - deep]
        if option.mode == "keep":
            path = np.where(at.side_path, TRUE, np.where(np.isnan(at.house.back_ft), MAYBE, FALSE))
            cap(found, "side_path", path.astype(np.int8))
    tightest = reduce(np.fmin, slacks) if slacks else np.full(len(back), np.nan)
    return np.where(tightest == np.inf, np.nan, tightest)


def _least_side(at: Setting, template: str) -> Floats:
    if template == HOUSE:
        return np.fmin(at.house.width_ft, at.house.depth_ft)
    sides = (at.templates[template]["width_ft"], at.templates[template]["depth_ft"])
    return np.full(len(at.lots), float(min(sides)))


def _amounts(at: Setting, option: Option, column: str, own: Floats) -> Floats:
    """New floor area or footprint of an option [ft2]."""
    total = np.zeros(len(at.lots))
    if option.main == HOUSE:
        total = total + own
    elif option.main:
        total = total + float(at.templates[option.main][column])
    if option.adu and option.adu != ATTACHED:
        total = total + float(at.templates[option.adu][column])
    return total


def _floor(at: Setting, option: Option, found: Judgement) -> Floats:
    """Floor-area budget, and what is left of it; a house kept or divided as it is adds none."""
    limit = floor_area_cap_ft2(at.law, _uses(option)[0], at.area)
    new = _amounts(at, option, "floor_area_ft2", at.house.floor_ft2)
    left = told = limit
    if option.mode == "keep":
        low, high = at.kept_ft2
        left = limit - high
        told = _unless_between(left, limit - low, new)
    if option.type == "convert":
        return left
    if option.adu == ATTACHED:
        _attached(at, option, found, left, new)
    else:
        judge(found, "floor_area", told, new, margins=at.margins)
    return left - new


def _unless_between(low: Floats, high: Floats, need: Floats) -> Floats:
    """The low figure; missing where the high one would do and the low one would not: nobody knows."""
    return np.where((low < need) & (high >= need), np.nan, low)


def _attached(at: Setting, option: Option, found: Judgement, left: Floats, new: Floats) -> None:
    """A dwelling inside the house, carved from its floor or added to it within the budget."""
    share = at.law.value("adu", "adu_attached_share_of_main_max")
    least = at.law.value("adu", "adu_attached_floor_area_min_ft2")
    least = np.where(np.isnan(least), at.rules["attached_adu_min_floor_area_ft2"], least)
    whole = at.kept_ft2[0] if option.mode == "keep" else new
    carved = whole * share / (1 + share)
    added = np.minimum(whole * share, left - new)
    most = np.where(np.isnan(at.attached), np.nan, np.minimum(np.fmax(carved, added), at.attached))
    if option.mode == "new":
        judge(found, "floor_area", left, new, margins=at.margins)
    permitted = np.where(np.isnan(at.attached), np.nan, (at.attached > 0).astype(float))
    judge(found, "use", permitted, np.ones(len(new)), margins=at.margins)
    large = at.kept_ft2[1] * share / (1 + share) if option.mode == "keep" else most
    told = _unless_between(most, np.minimum(large, at.attached), least)
    judge(found, "house_size", told, least, margins=at.margins)


def _coverage(at: Setting, option: Option, found: Judgement) -> Floats:
    """Coverage budget: buildings, paving for each stall, and a flag lot's pole; give what is left."""
    paving = at.rules["paving_base_ft2"] + at.rules["paving_per_unit_ft2"] * _stalls(at, option)
    use = _uses(option)[0]
    limit = at.law.value(use, "coverage_max") * at.area - paving - at.lots["pole_area_ft2"].to_numpy(float)
    new = _amounts(at, option, "footprint_ft2", at.house.footprint_ft2)
    keeps = option.mode == "keep"
    left = limit - at.house.footprint_ft2 if keeps else limit
    if keeps and not np.any(new > 0):
        return left
    judge(found, "coverage", left, new, margins=at.margins)
    return left - new


def _stalls(at: Setting, option: Option) -> Floats:
    """Stalls of an option: those supposed for each home, more where the law asks for more."""
    main, *behind = _uses(option)
    homes = {main: option.units - len(behind)} | dict.fromkeys(behind, 1)
    asked = [count * at.law.value(use, PARKING) for use, count in homes.items()]
    supposed = [count * at.rules["stalls_per_unit"] for count in homes.values()]
    return np.sum([np.fmax(law, least) for law, least in zip(asked, supposed, strict=True)], axis=0)


def _sizes(at: Setting, option: Option, found: Judgement) -> None:
    """Heights, the accessory dwelling's own size, the house worth dividing."""
    count = len(at.lots)
    storey = at.rules["storey_height_ft"]
    if option.main and option.main != HOUSE:
        tall = np.full(count, float(at.templates[option.main]["storeys"]) * storey)
        judge(found, "height", at.law.value(_uses(option)[0], "height_max_ft"), tall, margins=at.margins)
    if option.adu and option.adu != ATTACHED:
        record = at.templates[option.adu]
        tall = np.full(count, float(record["storeys"]) * storey)
        judge(found, "height", at.law.value("adu", "adu_height_max_ft"), tall, margins=at.margins)
        size = np.full(count, float(record["floor_area_ft2"]))
        exact = Margins(length_ft=0.0, share=0.0)
        judge(found, "home_size", at.law.value("adu", "adu_floor_area_max_ft2"), size, margins=exact)
    if option.type in ("convert", "convert_adu"):
        least = np.full(count, at.rules["conversion_min_floor_area_ft2"])
        low, high = at.kept_ft2
        judge(found, "house_size", _unless_between(low, high, least), least, margins=at.margins)
