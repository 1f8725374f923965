"""Lots divided in two under a policy that permits it: what each child could hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import shapely

from densitymap.capacity import envelope, fit, split, survey
from densitymap.capacity.fit import House
from densitymap.capacity.fits import FIGURES, SPLIT, Fitted, fitted, joined
from densitymap.capacity.law import Law
from densitymap.capacity.modes import Setting
from densitymap.capacity.rules import load_rules
from densitymap.capacity.survey import Survey
from densitymap.capacity.verdict import FALSE, MAYBE, RULES, TRUE, Flags, at_least
from densitymap.geometry import Floats, Geometries, Indices
from densitymap.scenarios.ground import Ground, ground_of, part_of, setting
from densitymap.scenarios.policy import Policy
from densitymap.scenarios.standing import bound, laid_under, law_of_parts
from densitymap.zoning.parts import parts_of

_FORMS = {"split": "two lots", "split_keep": "two lots, house kept on one"}
_TOUCH_FT = 0.01
"""A house that reaches its yard within this stands behind it."""


def judged(ground: Ground, at: Setting, policy: Policy) -> Fitted:
    """What fits on every lot under a policy, divided lots too."""
    divided = divisions(ground, at.law, policy)
    return fitted(at) if divided is None else joined([fitted(at), divided])


def divisions(ground: Ground, law: Law, policy: Policy) -> Fitted | None:
    """The division of each lot that gives most homes, at best MAYBE (a review decides); None if none does.

    Every child must pass area and frontage as a new lot and hold a house; a kept house must lie in one
    child, inside its yards. Only where the policy lets lots be divided by right.
    """
    allowed = np.flatnonzero(law.value("house", "splits_by_right") > 0)
    rows = np.intersect1d(allowed, split.divisible(ground.survey, law)) if len(allowed) else allowed
    if not len(rows):
        return None
    table = split.cuts(ground.survey, rows, law, ground.house)
    shapes, streets, child = split.children(ground.survey, table)
    large = _both_pass(child, _large_enough(ground, policy, shapes, child["lot"].to_numpy()))
    if not large.any():
        return None
    child = child[large].reset_index(drop=True)
    return _best_divisions(_child_units(ground, policy, shapes[large], streets[large], child))


def _large_enough(ground: Ground, policy: Policy, shapes: Geometries, lot: Indices) -> Flags:
    """Whether a child may have the area of a new lot: most cuts fail here, before anything is surveyed."""
    parents, parent = np.unique(lot, return_inverse=True)
    lots = ground.lots.iloc[parents].reset_index(drop=True)
    parts = parts_of(lots)
    law = law_of_parts(laid_under(parts, bound(lots, policy)), parts.first)
    least = law.value("house", "lot_area_min_ft2")
    margin = ground.margins.share * np.nan_to_num(least, posinf=0.0)
    level, _ = at_least(shapely.area(shapes), least[parent], margin=margin[parent])
    return np.asarray(level > FALSE, dtype=bool)


def _both_pass(child: pd.DataFrame, passes: Flags) -> Flags:
    """Whether a child and its sibling pass."""
    return pd.Series(passes).groupby(child["cut"].to_numpy()).transform("all").to_numpy(bool)


def _child_units(
    ground: Ground, policy: Policy, shapes: Geometries, streets: Geometries, child: pd.DataFrame
) -> pd.DataFrame:
    """Homes each child can hold, new and with the house kept."""
    lot = child["lot"].to_numpy()
    surveyed = survey.survey(shapes, load_rules(), drawn_streets=streets)
    holds = split.house_of_child(ground.house, shapes, lot)
    house = _child_house(ground.house, lot, holds, surveyed)
    lots = ground.lots.iloc[lot].assign(parcel_id=np.arange(len(lot)).astype(str))
    blocked = None if ground.blocked is None else survey.to_frame(ground.blocked[lot], surveyed.lots)
    part = ground_of(
        lots, surveyed, house, of_record=np.zeros(len(lot)), margins=ground.margins, blocked=blocked
    )
    at, _ = setting(replace(part, is_new=True), policy)
    found = fitted(at)
    legal = at.legal["house"].level > FALSE
    may = (found.level == MAYBE) | (found.level == TRUE)
    new, keep = (np.nan_to_num(found.most(len(lot), may & found.of_mode(mode))) for mode in ("new", "keep"))
    asked = np.flatnonzero(legal & (keep > 0) & (holds == 1))
    inside = np.zeros(len(lot), dtype=bool)
    inside[asked] = _house_in_yards(part_of(part, asked), at.places.yards.iloc[asked])
    return child.assign(
        new=np.where(legal, new, 0.0), keep=np.where(legal & inside, keep, 0.0), holds=holds == 1
    )


def _child_house(house: House, lot: Floats, holds: Floats, surveyed: Survey) -> House:
    boxes = np.full(len(lot), None, dtype=object)
    at = np.flatnonzero(holds == 1)
    parent = lot[at]
    boxes[at] = shapely.box(
        house.left_ft[parent], house.front_ft[parent], house.right_ft[parent], house.back_ft[parent]
    )
    floor = np.where(holds == 1, house.floor_ft2[lot], np.nan)
    return fit.house_of(survey.to_frame(boxes, surveyed.lots), floor, holds)


def _house_in_yards(ground: Ground, yards: pd.DataFrame) -> Flags:
    """Whether each known house lies behind the yards of its lot."""
    if not len(yards):
        return np.zeros(0, dtype=bool)
    house, by_edge = ground.house, envelope.edge_yards(ground.survey, yards.reset_index(drop=True))
    left = envelope.exact_envelopes(ground.survey, np.nan_to_num(by_edge))
    inside = shapely.box(
        house.left_ft + _TOUCH_FT,
        house.front_ft + _TOUCH_FT,
        house.right_ft - _TOUCH_FT,
        house.back_ft - _TOUCH_FT,
    )
    return np.asarray(shapely.covers(left, inside), dtype=bool)


def _best_divisions(units: pd.DataFrame) -> Fitted:
    cut = units.groupby("cut")
    table = pd.DataFrame({"lot": cut["lot"].first(), "new": cut["new"].sum(), "least": cut["new"].min()})
    kept = units.assign(total=np.where(units["holds"], units["keep"], units["new"]))
    passes = np.where(units["holds"], units["keep"], units["new"]) > 0
    table["keep"] = kept.groupby("cut")["total"].sum()
    table["keep_passes"] = pd.Series(passes, index=units.index).groupby(units["cut"]).all()
    table["holds"] = cut["holds"].any()
    table = table[table["least"] > 0]
    table["kept_units"] = np.where(table["holds"] & table["keep_passes"], table["keep"], 0.0)
    best = table.groupby("lot")[["new", "kept_units"]].max()
    homes = best.to_numpy().ravel()
    entry = np.flatnonzero(homes > 0)
    form = (entry % len(_FORMS)).astype(np.int16)
    unknown = np.full((len(entry), len(FIGURES)), np.nan)
    return Fitted(
        kinds=tuple((SPLIT, name) for name in _FORMS),
        forms=tuple(_FORMS.values()),
        lot=best.index.to_numpy()[entry // len(_FORMS)],
        kind=form,
        form=form,
        units=homes[entry].astype(np.int16),
        level=np.full(len(entry), MAYBE, dtype=np.int8),
        rule=np.full(len(entry), RULES.index("split_pattern"), dtype=np.int8),
        measures=(unknown,),
    )
