"""What the map is given: one frozen record, checked at the door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap import params, schema
from densitymap.errors import ValidationError

CRS = "EPSG:2240"
"""Reference system every frame comes in."""

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "area": (),
    "zones": ("zone_id", "zone_district", "acres_in_area", "zone_status"),
    "lots": ("parcel_id", "site_address", "zone_district", "lot_area_ft2", "neighborhood"),
    "tracts": ("tract_geoid", "tract_vintage", "pressure_class"),
    "neighborhoods": ("neighborhood", "npu", "acres_in_area", "lots", "has_parcels", "missing_note"),
}
"""Columns each frame must have, besides those of the policies; the rest is shown where present."""

OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "history": ("tract_geoid", "tract_vintage"),
    "block_groups": ("block_group_geoid",),
}
"""Sets of areas a map may have, with the columns each must then have."""

VERDICTS = ("TRUE", "MAYBE", "FALSE", "NO DATA")
"""What a verdict can say; a missing one is NO DATA."""

SOURCES = ("layer", "title", "file", "vintage", "licence", "attribution", "rows", "sha256")
"""Columns of the table of sources."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Raster:
    """A picture layer: ``values`` by row (north first) and column, missing as NaN.

    ``bounds_deg`` are west, south, east, north in EPSG:4326; ``steps`` the lower bounds of the five
    legend classes (even ones are chosen when empty); ``note`` says the source and year.
    """

    values: npt.NDArray[np.float64]
    bounds_deg: tuple[float, float, float, float]
    title: str
    unit: str
    note: str
    steps: Sequence[float] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """One index as a layer: which set and columns hold it, and its classes in its own order.

    ``classes`` are value, label and whether the definition counts it as change or pressure;
    ``stability`` is the column of the share of draws that agree (sampling stability). ``reason`` says
    why it judges no tract here, where that is so.
    """

    name: str
    title: str
    years: str
    set_name: str
    column: str
    classes: Sequence[tuple[str, str, bool]]
    stability: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class MapInput:
    """Everything one map shows; all frames in EPSG:2240, keys unique, unknown left missing.

    ``policies`` lists name, title and question, today's law first. ``zones`` holds
    ``allowed_<policy>`` (short text for a minimum-size lot) and ``units_<policy>``, with ``today``
    for the first policy; ``lots`` holds ``units_allowed__<policy>``, ``verdict__<policy>`` (TRUE,
    MAYBE, FALSE or NO DATA), ``binding_rule__<policy>``, ``reason__<policy>``,
    ``citation__<policy>`` and may have no rows. Frames in ``lines``, ``points`` and ``polygons``
    may have ``name`` and ``kind``; ``notes`` holds a sentence by layer.

    ``history`` holds tracts on the lines of the panel of past years (its columns of
    ``catalog/layers/change.toml`` and the published definitions); ``block_groups`` block groups with
    what results stand by group (``pays_homes__<policy>``, ``expected_homes__<policy>``: missing where
    not computed). ``definitions`` lists the indices by tract. ``pair`` names the two policies to
    compare, before and after; ``start`` the theme each kind (``areas``, ``lots``) opens on, and
    ``split`` whether the map opens divided.
    """

    title: str
    area_name: str
    synthetic: bool
    coverage_sentence: str
    sources: pd.DataFrame
    doubts: Sequence[str]
    lock_hash: str
    area: gpd.GeoDataFrame
    zones: gpd.GeoDataFrame
    lots: gpd.GeoDataFrame
    policies: Sequence[tuple[str, str, str]]
    tracts: gpd.GeoDataFrame
    neighborhoods: gpd.GeoDataFrame
    lines: Mapping[str, gpd.GeoDataFrame] = field(default_factory=dict)
    points: Mapping[str, gpd.GeoDataFrame] = field(default_factory=dict)
    polygons: Mapping[str, gpd.GeoDataFrame] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    rasters: Mapping[str, Raster] = field(default_factory=dict)
    history: gpd.GeoDataFrame | None = None
    block_groups: gpd.GeoDataFrame | None = None
    definitions: Sequence[Definition] = ()
    pair: tuple[str, str] | None = None
    start: Mapping[str, str] = field(default_factory=dict)
    split: bool = False

    @property
    def frames(self) -> dict[str, gpd.GeoDataFrame]:
        """Every frame of shapes by name."""
        main = {name: getattr(self, name) for name in REQUIRED}
        main |= {name: getattr(self, name) for name in OPTIONAL if getattr(self, name) is not None}
        return main | dict(self.polygons) | dict(self.lines) | dict(self.points)


def policy_columns(policies: Sequence[tuple[str, str, str]], pattern: str) -> list[str]:
    """Column names a pattern stands for: ``{policy}`` by name, ``{today}`` with the first as today.

    Examples
    --------
    >>> policy_columns([("no-change", "", ""), ("duplex", "", "")], "units_{today}")
    ['units_today', 'units_duplex']
    >>> policy_columns([("no-change", "", "")], "npu")
    ['npu']
    """
    if "{" not in pattern:
        return [pattern]
    return [
        pattern.replace("{policy}", name).replace("{today}", "today" if place == 0 else name)
        for place, (name, _, _) in enumerate(policies)
    ]


def check(content: MapInput) -> None:
    """Refuse content the map could not show honestly; all faults at once.

    Raises
    ------
    ValidationError
        Naming every absent column, wrong reference system, doubled layer and unpublishable column.
    """
    faults = []
    if not content.policies:
        faults.append("policies: at least today's law must be listed")
    for name, frame in content.frames.items():
        if frame.crs is None or frame.crs != CRS:
            faults.append(f"{name}: shapes are in {frame.crs or 'no reference system'}, expected {CRS}")
    for name, required in (dict(REQUIRED) | dict(OPTIONAL)).items():
        if getattr(content, name) is None:
            continue
        patterns = required + _PER_POLICY.get(name, ())
        wanted = [column for pattern in patterns for column in policy_columns(content.policies, pattern)]
        absent = [column for column in wanted if column not in getattr(content, name)]
        faults += [f"{name}: column {column} is absent" for column in absent]
    faults += [f"sources: column {name} is absent" for name in SOURCES if name not in content.sources]
    names = [*REQUIRED, *OPTIONAL, *content.polygons, *content.lines, *content.points]
    faults += [
        f"{name}: two layers have this name" for name in sorted({n for n in names if names.count(n) > 1})
    ]
    faults += _verdict_faults(content) + _pair_faults(content)
    if content.area.empty or content.area.geometry.is_empty.all():
        faults.append("area: there is no shape to show")
    if faults:
        raise ValidationError("The map's content is not complete", faults=faults)


def _verdict_faults(content: MapInput) -> list[str]:
    faults = []
    for column in policy_columns(content.policies, "verdict__{policy}"):
        if column in content.lots:
            unknown = sorted(set(content.lots[column].dropna().astype(str)) - set(VERDICTS))
            faults += [f"lots: {column} says {word!r}, not one of {', '.join(VERDICTS)}" for word in unknown]
    return faults


def _pair_faults(content: MapInput) -> list[str]:
    """Policies of the pair, and columns of the definitions, that are not there."""
    known = [name for name, _, _ in content.policies]
    faults = [
        f"pair: there is no policy {name!r}.{params.nearest(name, known)}"
        for name in content.pair or ()
        if name not in known
    ]
    frames = content.frames
    faults += [
        f"{given.set_name}: column {column} of the definition {given.name} is absent"
        for given in content.definitions
        for column in (given.column, given.stability)
        if given.set_name not in frames or column not in frames[given.set_name]
    ]
    return faults


def unpublishable(columns: Sequence[str]) -> list[str]:
    """Names among the columns that are declared not to be published."""
    declared = schema.columns()
    return [name for name in columns if name in declared and not declared[name].publishable]


_PER_POLICY: Mapping[str, tuple[str, ...]] = {
    "zones": ("allowed_{today}", "units_{today}"),
    "lots": ("units_allowed__{policy}", "verdict__{policy}", "reason__{policy}"),
}
