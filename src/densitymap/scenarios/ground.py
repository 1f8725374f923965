"""Lots as they lie, and a policy's standards brought to them.

Geometry is found once (:func:`ground_of`); what the law adds is :func:`setting`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from densitymap.capacity import fit, survey
from densitymap.capacity.clean import clean
from densitymap.capacity.fit import House, Places
from densitymap.capacity.law import USES, Law, yards_of
from densitymap.capacity.modes import Setting
from densitymap.capacity.rules import Rules, load_buildings, load_rules
from densitymap.capacity.survey import Survey
from densitymap.capacity.verdict import MAYBE, TRUE, Flags, Levels, Margins
from densitymap.errors import ValidationError
from densitymap.geometry import Floats, Geometries, Indices, geometries
from densitymap.scenarios.policy import Policy
from densitymap.scenarios.standing import Bound, bound, laid_under, law_of_parts
from densitymap.zoning.parts import Parts, parts_of

KNOWN_FRONTS = ("street", "none")
ZONING = ("zone_key", "zone_status", "is_conditional", "zone_overlays", "is_split", "citation")
"""What is told of the zoning of a lot beside its standards."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Lots as they lie, whatever the law.

    Attributes
    ----------
    lots
        ``parcel_id``, ``lot_area_ft2``, ``zone_district`` and, where known, ``zone_count``: what the
        standards are asked with.
    parts
        The lots by zoning district.
    survey, house, blocked, side_path
        As in :mod:`densitymap.capacity`.
    of_record
        1 lot of record, 0 not, NaN unknown.
    margins
        Doubt of the measurement; zero for drawn lots.
    is_new
        Whether a division makes these lots: they do not exist today.
    """

    lots: pd.DataFrame
    parts: Parts
    survey: Survey
    house: House
    of_record: Floats
    side_path: Flags
    margins: Margins
    blocked: Geometries | None = None
    parcel_zones: pd.DataFrame | None = None
    is_new: bool = False


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
    table = lots.assign(lot_area_ft2=surveyed.lots["lot_area_ft2"].to_numpy(float)).reset_index(drop=True)
    return Ground(
        lots=table,
        parts=parts_of(table, parcel_zones=parcel_zones),
        survey=surveyed,
        house=house,
        of_record=of_record,
        side_path=fit.has_side_path(surveyed, house, rules),
        margins=margins,
        blocked=blocked,
        parcel_zones=parcel_zones,
    )


def setting(
    ground: Ground, policy: Policy, *, reuse: Places | None = None, binds: Bound | None = None
) -> tuple[Setting, pd.DataFrame]:
    """Bring a policy to the ground.

    Parameters
    ----------
    ground
        The lots.
    policy
        The policy.
    reuse
        Where buildings fit under another policy: taken over where the yards are the same.
    binds
        The codes that bind the lots, where they are known already.

    Returns
    -------
    Setting
        For :func:`~densitymap.capacity.fits.fits_table`.
    zones
        One row per lot, of the district of the largest share: columns :data:`ZONING`.
    """
    laid = laid_under(ground.parts, binds or bound(ground.lots, policy), uses=USES)
    law = law_of_parts(laid, ground.parts.first)
    zones = law.rows("house", ZONING)
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
        ceiling=_ceiling(law),
        front_ceiling=np.where(source.isin(KNOWN_FRONTS), TRUE, MAYBE).astype(np.int8),
        side_path=ground.side_path,
        is_new=ground.is_new,
        unknown=shapely.is_missing(ground.survey.shapes) | ground.lots["zone_district"].isna().to_numpy(bool),
    )
    return made, zones


def _ceiling(law: Law) -> Levels:
    """MAYBE where a condition, an overlay, a second district or unread law may bind further."""
    zones = law.by_use["house"]
    conditional = zones["is_conditional"].astype("boolean").fillna(value=True)
    doubt = conditional | zones["zone_overlays"].notna() | zones["zone_status"].ne("read").fillna(value=True)
    doubt |= zones["is_split"].astype("boolean").fillna(value=False)
    return np.where(doubt.to_numpy(bool), MAYBE, TRUE).astype(np.int8)[law.row]


def part_of(ground: Ground, rows: Indices) -> Ground:
    """Some of the lots, in the order of ``rows``."""
    house = {name: getattr(ground.house, name)[rows] for name in House.__dataclass_fields__}
    lots = ground.lots.iloc[rows].reset_index(drop=True)
    return replace(
        ground,
        lots=lots,
        parts=parts_of(lots, parcel_zones=ground.parcel_zones),
        survey=survey.select(ground.survey, rows),
        house=House(**house),
        of_record=ground.of_record[rows],
        side_path=ground.side_path[rows],
        blocked=None if ground.blocked is None else ground.blocked[rows],
    )


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
