"""What fits on lots under policies: zoning's standards brought to the lots' geometry.

Geometry is found once (:func:`ground_of`) and tried once per set of yards: a policy that leaves the
yards alone reuses the places of another.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from densitymap import schema
from densitymap.capacity import envelope, fit, split, survey
from densitymap.capacity.clean import clean
from densitymap.capacity.fit import House, Places
from densitymap.capacity.fits import fits_table, most_units
from densitymap.capacity.law import USES, Law, law_of, yards_of
from densitymap.capacity.modes import Setting
from densitymap.capacity.rules import Rules, load_buildings, load_rules
from densitymap.capacity.survey import Survey
from densitymap.capacity.verdict import MAYBE, TRUE, Flags, Levels, Margins, sentences
from densitymap.errors import ValidationError
from densitymap.geometry import Floats, Geometries, Indices, geometries
from densitymap.scenarios.policy import Policy
from densitymap.zoning.standards import standards_for

_CHUNK = 25_000
"""Lots judged at once: bounds the memory, not the answer."""

_TOUCH_FT = 0.01
"""A house that reaches its yard within this stands behind it."""

KNOWN_FRONTS = ("street", "none")


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Lots as they lie, whatever the law.

    Attributes
    ----------
    lots
        ``parcel_id``, ``lot_area_ft2``, ``zone_district`` and, where known, ``zone_count``: what the
        standards are asked with.
    survey, house, blocked, side_path
        As in :mod:`densitymap.capacity`.
    of_record
        1 lot of record, 0 not, NaN unknown.
    margins
        Doubt of the measurement; zero for drawn lots.
    """

    lots: pd.DataFrame
    survey: Survey
    house: House
    of_record: Floats
    side_path: Flags
    margins: Margins
    blocked: Geometries | None = None
    parcel_zones: pd.DataFrame | None = None


def measured(rules: Rules) -> Margins:
    """Doubt of a measured lot (reference, section 2 step 16)."""
    return Margins(length_ft=rules["margin_length_ft"], share=rules["margin_share"])


EXACT = Margins(length_ft=0.0, share=0.0)
"""No doubt: the geometry was drawn, not measured."""


def ground_of(
    lots: pd.DataFrame,
    surveyed: Survey,
    house: House,
    *,
    of_record: Floats,
    margins: Margins,
    blocked: Geometries | None = None,
    parcel_zones: pd.DataFrame | None = None,
) -> Ground:
    """Gather what does not depend on the law."""
    rules = load_rules()
    table = lots.assign(lot_area_ft2=surveyed.lots["lot_area_ft2"].to_numpy(float))
    return Ground(
        lots=table.reset_index(drop=True),
        survey=surveyed,
        house=house,
        of_record=of_record,
        side_path=fit.has_side_path(surveyed, house, rules),
        margins=margins,
        blocked=blocked,
        parcel_zones=parcel_zones,
    )


def setting(ground: Ground, policy: Policy, *, reuse: Places | None = None) -> tuple[Setting, pd.DataFrame]:
    """Bring a policy to the ground.

    Returns
    -------
    Setting
        For :func:`~densitymap.capacity.fits.fits_table`.
    standards
        One row per lot (the district of the largest share), use ``house``: zone status and citations.
    """
    standards = standards_for(ground.lots, policy, parcel_zones=ground.parcel_zones, uses=USES)
    law = law_of(standards, ground.lots["parcel_id"])
    zones = standards[standards["use"].eq("house")].drop_duplicates("parcel_id").set_index("parcel_id")
    zones = zones.reindex(ground.lots["parcel_id"])
    rules, buildings = load_rules(), load_buildings()
    places = fit.place(
        ground.survey,
        yards_of(law),
        yards_of(law, adu=True),
        buildings,
        ground.house,
        blocked=ground.blocked,
        reuse=reuse,
    )
    source = ground.survey.lots["front_source"]
    made = Setting(
        lots=ground.survey.lots,
        law=law,
        places=places,
        house=ground.house,
        buildings=buildings,
        rules=rules,
        margins=ground.margins,
        of_record=ground.of_record,
        ceiling=_ceiling(zones),
        front_ceiling=np.where(source.isin(KNOWN_FRONTS), TRUE, MAYBE).astype(np.int8),
        side_path=ground.side_path,
        unknown=shapely.is_missing(ground.survey.shapes) | ground.lots["zone_district"].isna().to_numpy(bool),
    )
    return made, zones


def _ceiling(zones: pd.DataFrame) -> Levels:
    """MAYBE where a condition, an overlay, a second district or unread law may bind further."""
    conditional = zones["is_conditional"].astype("boolean").fillna(value=True)
    doubt = conditional | zones["zone_overlays"].notna() | zones["zone_status"].ne("read").fillna(value=True)
    doubt |= zones["is_split"].astype("boolean").fillna(value=False)
    return np.where(doubt.to_numpy(bool), MAYBE, TRUE).astype(np.int8)


def fits(ground: Ground, policies: Iterable[Policy], *, splits: bool = True) -> pd.DataFrame:
    """What fits on every lot under every policy, with reasons.

    Parameters
    ----------
    ground
        The lots.
    policies
        Policies to try, in order; one with the yards of the one before recomputes no geometry.
    splits
        Whether to try dividing lots where the policy permits it.

    Returns
    -------
    DataFrame
        Table ``fits``.
    """
    chosen = tuple(policies)
    whole = np.arange(len(ground.lots))
    chunks = [whole[start : start + _CHUNK] for start in range(0, len(whole), _CHUNK)] or [whole]

    def judge(rows: Indices) -> list[pd.DataFrame]:
        return list(_fits_of(part_of(ground, rows) if len(chunks) > 1 else ground, chosen, splits))

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        return pd.concat([table for part in pool.map(judge, chunks) for table in part], ignore_index=True)


def _fits_of(ground: Ground, policies: tuple[Policy, ...], splits: bool) -> Iterator[pd.DataFrame]:  # noqa: FBT001
    places: Places | None = None
    for policy in policies:
        at, zones = setting(ground, policy, reuse=places)
        places = at.places
        table = fits_table(at, ground.lots["parcel_id"], policy=policy.name)
        parts = split_rows(ground, at.law, policy) if splits else pd.DataFrame()
        if len(parts):
            table = schema.conform(pd.concat([table, parts], ignore_index=True), "fits")
        place = zones["zone_key"].reindex(table["parcel_id"]).reset_index(drop=True)
        table["reason"] = sentences(table, place=place)
        yield table


def reach(table: pd.DataFrame, lots: pd.DataFrame) -> pd.DataFrame:
    """Count lots and homes by policy, district, type, verdict and binding rule.

    Parameters
    ----------
    table
        From :func:`fits`.
    lots
        ``parcel_id`` and ``zone_district``.

    Returns
    -------
    DataFrame
        Table ``fits_reach``: ``lots`` and, if every one of them were built, ``units``,
        ``units_saleable`` and ``units_rent_only``. Types of one lot exclude each other: sums across
        types mean nothing.
    """
    keys = ["policy", "zone_district", "fit_mode", "fit_type", "verdict", "binding_rule"]
    homes = ["units", "units_saleable", "units_rent_only"]
    districts = lots.drop_duplicates("parcel_id").set_index("parcel_id")["zone_district"]
    placed = table.assign(zone_district=districts.reindex(table["parcel_id"]).to_numpy())
    counted = placed.groupby(keys, dropna=False, sort=True)
    answer = counted[homes].sum().assign(lots=counted.size()).reset_index()
    return schema.conform(answer, "fits_reach")


def part_of(ground: Ground, rows: Indices) -> Ground:
    """Some of the lots, in the order of ``rows``."""
    house = {name: getattr(ground.house, name)[rows] for name in House.__dataclass_fields__}
    return replace(
        ground,
        lots=ground.lots.iloc[rows].reset_index(drop=True),
        survey=survey.select(ground.survey, rows),
        house=House(**house),
        of_record=ground.of_record[rows],
        side_path=ground.side_path[rows],
        blocked=None if ground.blocked is None else ground.blocked[rows],
    )


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


def ground_of_parcels(
    parcels: gpd.GeoDataFrame,
    *,
    parcel_zones: pd.DataFrame | None = None,
    streets: pd.DataFrame | None = None,
    fronts: pd.DataFrame | None = None,
    blocked: Geometries | None = None,
) -> Ground:
    """Survey the joined parcels, for :func:`fits`.

    Parameters
    ----------
    parcels
        Table ``parcels`` in the city's plane: every lot around, since neighbours imply streets.
    parcel_zones
        Shares of each district (:func:`~densitymap.zoning.standards.standards_for`).
    streets
        Centrelines ``geometry``, ``name``, ``kind``, in the same plane; without them fronts are implied.
    fronts
        Hand corrections (``data/corrections/fronts.csv``): ``parcel_id``, ``front_street`` and/or
        ``front_bearing_deg``, ``reason``, ``source``.
    blocked
        One shape per parcel on which nothing may stand, in the city's plane; None where there is none.

    Raises
    ------
    ValidationError
        If the corrections name parcels that do not exist, or the same one twice.
    """
    rules = load_rules()
    shapes, _ = clean(geometries(parcels), rules)
    surveyed = survey.survey(
        shapes,
        rules,
        streets=streets,
        address_street=_address_streets(parcels),
        overrides=_front_overrides(fronts, parcels["parcel_id"]),
    )
    built = parcels["is_built"].astype("Float64").to_numpy(float, na_value=np.nan)
    house = replace(
        fit.no_house(len(parcels)),
        stands=built,
        floor_ft2=parcels["existing_floor_area_ft2"].to_numpy(float, na_value=np.nan),
    )
    columns = ["parcel_id", "zone_district", "zone_share", "zone_count"]
    return ground_of(
        parcels[columns].reset_index(drop=True),
        surveyed,
        house,
        of_record=np.full(len(parcels), np.nan),
        margins=measured(rules),
        blocked=None if blocked is None else survey.to_frame(blocked, surveyed.lots),
        parcel_zones=parcel_zones,
    )


def _address_streets(parcels: pd.DataFrame) -> pd.Series:
    """Street of each address: what follows the house number."""
    address = parcels["site_address"].astype("string").str.strip()
    street = address.str.extract(r"^\d+[A-Z]?\s+(?P<street>.+)$")["street"]
    return street.reset_index(drop=True)


def _front_overrides(fronts: pd.DataFrame | None, keys: pd.Series) -> pd.DataFrame | None:
    if fronts is None or len(fronts) == 0:
        return None
    named = fronts["parcel_id"].astype("string")
    place = pd.Index(keys.astype("object")).get_indexer(pd.Index(named.astype("object")))
    faults = [
        f"row {row + 1}: no parcel {fronts['parcel_id'].iloc[row]}" for row in np.flatnonzero(place < 0)
    ]
    faults += [
        f"row {row + 1}: parcel {named.iloc[row]} is corrected twice"
        for row in np.flatnonzero(named.duplicated())
    ]
    if faults:
        raise ValidationError(
            "The corrections of fronts do not match the parcels",
            faults=faults,
            next_step="correct data/corrections/fronts.csv",
        )
    return fronts.set_index(place)
