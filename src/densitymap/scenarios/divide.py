"""Lots divided in two under a policy that permits it: what each child could hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from densitymap.capacity import envelope, fit, split, survey
from densitymap.capacity.fit import House
from densitymap.capacity.fits import fits_table, most_units
from densitymap.capacity.law import Law
from densitymap.capacity.modes import Setting
from densitymap.capacity.rules import load_rules
from densitymap.capacity.survey import Survey
from densitymap.capacity.verdict import Flags
from densitymap.geometry import Floats, Geometries
from densitymap.scenarios.ground import Ground, ground_of, setting
from densitymap.scenarios.policy import Policy

_TOUCH_FT = 0.01
"""A house that reaches its yard within this stands behind it."""


def split_rows(ground: Ground, law: Law, policy: Policy) -> pd.DataFrame:
    """Rows of mode ``split``: the division that gives most homes, at best MAYBE (a review decides).

    Every child must pass area and frontage as a new lot and hold a house; a kept house must lie in one
    child, inside its yards. Only where the policy lets lots be divided by right.
    """
    allowed = np.flatnonzero(law.value("house", "splits_by_right") > 0)
    rows = np.intersect1d(allowed, split.divisible(ground.survey, law))
    table = split.cuts(ground.survey, rows, law, ground.house)
    shapes, streets, child = split.children(ground.survey, table)
    if len(child) == 0:
        return pd.DataFrame()
    units = _child_units(ground, policy, shapes, streets, child)
    return _best_divisions(units, ground, policy)


def _child_units(
    ground: Ground, policy: Policy, shapes: Geometries, streets: Geometries, child: pd.DataFrame
) -> pd.DataFrame:
    """Homes each child can hold, new and with the house kept."""
    lot = child["lot"].to_numpy()
    surveyed = survey.survey(shapes, load_rules(), drawn_streets=streets)
    holds = split.house_of_child(ground.house, shapes, lot)
    house = _child_house(ground.house, lot, holds, surveyed)
    lots = ground.lots.iloc[lot].assign(parcel_id=[f"child-{row}" for row in range(len(lot))])
    blocked = None if ground.blocked is None else survey.to_frame(ground.blocked[lot], surveyed.lots)
    part = ground_of(
        lots, surveyed, house, of_record=np.zeros(len(lot)), margins=ground.margins, blocked=blocked
    )
    at, _ = setting(part, policy)
    found = fits_table(at, part.lots["parcel_id"], policy=policy.name)
    legal = at.legal["house"].level > 0
    new = most_units(found, "new")["units"].reindex(part.lots["parcel_id"]).to_numpy(float, na_value=0.0)
    keep = most_units(found, "keep")["units"].reindex(part.lots["parcel_id"]).to_numpy(float, na_value=0.0)
    inside = _house_in_yards(surveyed, at, house)
    return child.assign(
        new=np.where(legal, new, 0.0),
        keep=np.where(legal & inside, keep, 0.0),
        holds=holds == 1,
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


def _house_in_yards(surveyed: Survey, at: Setting, house: House) -> Flags:
    """Whether each known house lies behind the yards of its lot."""
    yards = envelope.edge_yards(surveyed, at.places.yards)
    left = envelope.exact_envelopes(surveyed, np.nan_to_num(yards))
    inside = shapely.box(
        house.left_ft + _TOUCH_FT,
        house.front_ft + _TOUCH_FT,
        house.right_ft - _TOUCH_FT,
        house.back_ft - _TOUCH_FT,
    )
    return np.asarray(shapely.covers(left, inside), dtype=bool)


def _best_divisions(units: pd.DataFrame, ground: Ground, policy: Policy) -> pd.DataFrame:
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
    best = best.rename(columns={"new": "split", "kept_units": "split_keep"}).reset_index()
    rows = best.melt(id_vars="lot", var_name="fit_type", value_name="units")
    rows = rows[rows["units"] > 0].sort_values("lot", kind="stable", ignore_index=True)
    forms = {"split": "two lots", "split_keep": "two lots, house kept on one"}
    return rows.assign(
        parcel_id=ground.lots["parcel_id"].to_numpy()[rows["lot"]],
        policy=policy.name,
        fit_mode="split",
        form=rows["fit_type"].map(forms),
        units=rows["units"].astype("Int64"),
        verdict="MAYBE",
        binding_rule="split_pattern",
        front_confidence=ground.survey.lots["front_source"].to_numpy()[rows["lot"]],
    ).drop(columns="lot")
