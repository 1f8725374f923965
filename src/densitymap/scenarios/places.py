"""Where a lever binds: neighbourhoods, NPUs, a distance to a layer, a drawn polygon, a file.

A lot is in a named place as a point inside it is, in a drawn one likewise; near a layer where any part of
the lot lies within the distance. Where nobody knows, the lever does not bind.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from densitymap.errors import MissingDataError, ValidationError
from densitymap.geometry import geometries
from densitymap.params import nearest

Lever = Mapping[str, Any]
Flags = npt.NDArray[np.bool_]

NAMED = ("neighborhood", "npu", "council_district")
"""Columns of the lots a place may be named by."""
FIELDS = (*NAMED, "near", "within_ft", "named", "area", "polygon")
NEAR_LAYERS = ("rail_stations", "rail_lines", "beltline", "streets", "parks", "assisted_housing")
"""Layers a distance may be taken to."""
DRAWN_CRS = "EPSG:4326"
"""Polygons are drawn in degrees, as GeoJSON is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One ``where`` of a scenario; every field that is given must hold.

    Attributes
    ----------
    key
        The canonical text of the place: two equal places have one key.
    """

    key: str

    @property
    def fields(self) -> dict[str, Any]:
        """What the place is defined by."""
        return dict(json.loads(self.key))

    @property
    def words(self) -> str:
        """Name of the place for people.

        Examples
        --------
        >>> place_of({"near": "rail_stations", "within_ft": 2640}).words
        'within 2,640 ft of rail stations'
        """
        return ", ".join(_words(self.fields))


def _words(fields: Mapping[str, Any]) -> Iterator[str]:
    for name in NAMED:
        if name in fields:
            yield f"{name.replace('_', ' ')} {' or '.join(fields[name])}"
    if "near" in fields:
        named = f" ({fields['named']})" if "named" in fields else ""
        yield f"within {fields['within_ft']:,g} ft of {fields['near'].replace('_', ' ')}{named}"
    if "area" in fields:
        yield f"in {fields['area']}"
    if "polygon" in fields:
        yield "in the drawn polygon"


def place_of(where: Mapping[str, Any]) -> Place:
    """Make a place of a ``where`` that has no fault."""
    return Place(key=json.dumps(dict(where), sort_keys=True, ensure_ascii=False))


def faults(where: object) -> Iterator[str]:
    """Everything wrong with a ``where`` that can be told without the lots."""
    if not isinstance(where, Mapping) or not where:
        yield "where must name a place: neighborhood, npu, council_district, near, area or polygon"
        return
    for name in where:
        if name not in FIELDS:
            yield f"where knows no {name!r}.{nearest(str(name), FIELDS)} Distances are in feet: within_ft"
    for name in NAMED:
        value = where.get(name, [""])
        if not isinstance(value, list) or not value or not all(isinstance(text, str) for text in value):
            yield f"where: {name} must be a list of names"
    yield from _near_faults(where)
    if "area" in where and not isinstance(where["area"], str):
        yield "where: area must be a text: a place's name, west,south,east,north, or a file"
    yield from _polygon_faults(where.get("polygon"))


def _near_faults(where: Mapping[str, Any]) -> Iterator[str]:
    if "near" not in where:
        for name in {"within_ft", "named"} & {*where}:
            yield f"where: {name} needs near, the layer it is measured to"
        return
    layer, within = where["near"], where.get("within_ft")
    if layer not in NEAR_LAYERS:
        yield f"where: no layer {layer!r} to be near to.{nearest(str(layer), NEAR_LAYERS)}"
    if isinstance(within, bool) or not isinstance(within, int | float) or not 0 <= within < np.inf:
        yield f"where: near needs within_ft, a distance of at least 0 feet, not {within!r}"
    if not isinstance(where.get("named", ""), str):
        yield "where: named must be a text"


def _polygon_faults(text: object) -> Iterator[str]:
    if text is None:
        return
    shape = None
    if isinstance(text, str):
        shape = shapely.from_wkt(text, on_invalid="ignore")
    if shape is None:
        yield "where: polygon is not WKT of longitudes and latitudes"
        return
    bounds = shapely.bounds(shape)
    if not shape.area > 0:
        yield "where: polygon has no area"
    elif np.any(np.abs(bounds[[0, 2]]) > 180) or np.any(np.abs(bounds[[1, 3]]) > 90):  # noqa: PLR2004 (degrees)
        yield "where: polygon is not in degrees (longitude first)"
    elif not shapely.is_valid(shape):
        yield f"where: polygon is not one that can be drawn: {shapely.is_valid_reason(shape)}"


Resolver = Callable[[str], shapely.Geometry]
"""From the text of an ``area`` to its polygon in the lots' plane."""


def inside(
    lots: gpd.GeoDataFrame,
    place: Place,
    *,
    layers: Mapping[str, gpd.GeoDataFrame],
    resolve: Resolver | None = None,
) -> pd.Series:
    """Tell which lots lie in a place.

    Parameters
    ----------
    lots
        Table ``parcels`` in the city's plane.
    place
        The place.
    layers
        Layers in the same plane, by name; only the one the place names is looked at.
    resolve
        Finds the polygon of an ``area``; needed where a place has one.

    Returns
    -------
    Series of nullable boolean
        On the lots' index; missing where the lot's own place is unknown.

    Raises
    ------
    MissingDataError
        If the layer is not loaded.
    ValidationError
        If the lots know no such neighbourhood, NPU or district, or the layer no such name: the nearest is
        suggested.
    """
    fields = place.fields
    unheard = [*unknown(lots, place, layers=layers)]
    if unheard:
        raise ValidationError("A place is not here", faults=unheard)
    holds = pd.Series(True, index=lots.index, dtype="boolean")
    for name in NAMED:
        if name in fields:
            column = lots[name].astype("string")
            holds &= column.isin(fields[name]).astype("boolean").mask(column.isna())
    if "near" in fields:
        holds &= _near(lots, fields, layers)
    if "area" in fields:
        if resolve is None:
            raise MissingDataError(f"Nothing here can find the area {fields['area']!r}")
        holds &= _covered(lots, resolve(fields["area"]))
    if "polygon" in fields:
        drawn = gpd.GeoSeries([shapely.from_wkt(fields["polygon"])], crs=DRAWN_CRS).to_crs(lots.crs)
        holds &= _covered(lots, drawn.iloc[0])
    return holds


def unknown(lots: pd.DataFrame, place: Place, *, layers: Mapping[str, gpd.GeoDataFrame]) -> Iterator[str]:
    """Names of a place that neither the lots nor the layer know, each with the nearest.

    See :func:`inside` for the parameters.
    """
    fields = place.fields
    for name in (name for name in NAMED if name in fields):
        known = sorted(lots[name].dropna().unique())
        for text in (text for text in fields[name] if text not in known):
            word = name.replace("_", " ")
            listed = nearest(text, known) or f" Known: {', '.join(known)}"
            yield f"where: no lot here lies in {word} {text!r}.{listed}"
    layer = layers.get(fields.get("near", ""))
    if layer is not None and "named" in fields and not _same_name(layer, fields["named"]).any():
        known = layer["feature_name"].dropna().astype(str).unique()
        yield (
            f"where: the layer {fields['near']} has nothing named {fields['named']!r}."
            f"{nearest(fields['named'], known)}"
        )


def _same_name(layer: gpd.GeoDataFrame, text: str) -> Flags:
    same = layer["feature_name"].astype("string").str.casefold() == text.casefold()
    return same.to_numpy(bool, na_value=False)


def _near(lots: gpd.GeoDataFrame, fields: Mapping[str, Any], layers: Mapping[str, gpd.GeoDataFrame]) -> Flags:
    layer = layers.get(fields["near"])
    if layer is None:
        raise MissingDataError(
            f"A lever is bound near {fields['near']}, which is not loaded",
            next_step=f"`densitymap add FILE --as {fields['near']}`, then `densitymap build`",
        )
    if "named" in fields:
        layer = layer[_same_name(layer, fields["named"])]
    features = geometries(layer)
    features = features[~shapely.is_missing(features) & ~shapely.is_empty(features)]
    found = np.zeros(len(lots), dtype=bool)
    if len(features):
        hits = shapely.STRtree(features).query(
            geometries(lots), predicate="dwithin", distance=float(fields["within_ft"])
        )
        found[hits[0]] = True
    return found


def _covered(lots: gpd.GeoDataFrame, polygon: shapely.Geometry) -> Flags:
    shapely.prepare(polygon)
    points = shapely.point_on_surface(geometries(lots))
    return np.asarray(shapely.covers(polygon, points), dtype=bool)


def with_places(
    lots: gpd.GeoDataFrame,
    places: Iterable[Place],
    *,
    layers: Mapping[str, gpd.GeoDataFrame],
    resolve: Resolver | None = None,
) -> gpd.GeoDataFrame:
    """Give the lots one column per place, named by its key; a place that is there already is kept.

    See :func:`inside` for the parameters and what is raised.
    """
    fresh = {place.key: place for place in places if place.key not in lots}
    if not fresh:
        return lots
    columns = {key: inside(lots, place, layers=layers, resolve=resolve) for key, place in fresh.items()}
    return lots.assign(**columns)


def sets_of(
    lots: pd.DataFrame, places: Sequence[Place]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Group lots by the places they lie in.

    Returns
    -------
    code
        Group of each lot.
    held : (groups, places)
        Which places each group lies in.

    Raises
    ------
    MissingDataError
        If the lots have no column of a place (:func:`with_places`).
    """
    missing = [place.words for place in places if place.key not in lots]
    if missing:
        raise MissingDataError(f"Nobody has looked which lots lie {'; '.join(missing)}")
    flags = np.stack([lots[place.key].to_numpy(bool, na_value=False) for place in places], axis=1)
    held, code = np.unique(flags, axis=0, return_inverse=True)
    return code.ravel(), held


def within(levers: Sequence[Lever], where: Mapping[str, Any]) -> tuple[Lever, ...]:
    """Bind levers to a place, on top of what they are bound to already.

    Raises
    ------
    ValidationError
        If a lever names another place by the same field, so that both cannot be said in one ``where``.
    """
    found = []
    for lever in levers:
        own = dict(lever.get("where", {}))
        clash = [name for name in own if name in where and own[name] != where[name]]
        if clash:
            raise ValidationError(f"A lever is bound by {', '.join(clash)} already: {own}")
        found.append({**lever, "where": {**own, **where}})
    return tuple(found)
