"""Which lots of a workspace lie in the places of scenarios; names nobody knows are told at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from densitymap.city import City
from densitymap.errors import MissingDataError, UsageError, ValidationError
from densitymap.parcels import area as areas
from densitymap.pipeline import workspace
from densitymap.pipeline.area_files import read_area
from densitymap.pipeline.workspace import Workspace
from densitymap.scenarios.places import Place, Resolver, place_of, unknown, with_places
from densitymap.scenarios.policy import Policy

_AREA_LAYERS = ("council_districts", "neighborhoods", "npus", "city_limits")


def file_of(space: Workspace, text: str) -> Path:
    """Where the file an ``area`` names lies: a path of its own, or beside the workspace."""
    return space.root / text


def layers_for(space: Workspace, places: Sequence[Place]) -> dict[str, gpd.GeoDataFrame]:
    """Read the layers that places are near to, those that are loaded."""
    names = {place.fields["near"] for place in places if "near" in place.fields}
    read = {name: workspace.layer_or_none(space, name) for name in sorted(names)}
    return {name: layer for name, layer in read.items() if layer is not None}


def placed(
    space: Workspace, city: City, lots: gpd.GeoDataFrame, policies: Sequence[Policy]
) -> gpd.GeoDataFrame:
    """Give the lots a column for each place of some policies.

    Raises
    ------
    MissingDataError
        If a layer or a file is not there.
    ValidationError
        With every place nobody knows or that cannot be made of its file, by scenario and lever.
    """
    wanted = [place for policy in policies for place in policy.all_places]
    if not wanted:
        return lots
    layers, named = layers_for(space, wanted), _area_layers(space)

    def resolve(text: str) -> Any:
        return _polygon(space, city, text, named)

    faults = [fault for policy in policies for fault in _unknown(policy, lots, layers, resolve)]
    if faults:
        raise ValidationError(
            "A lever is bound to a place that is not here", faults=faults, next_step="correct `where`"
        )
    return with_places(lots, wanted, layers=layers, resolve=resolve)


def _area_layers(space: Workspace) -> dict[str, gpd.GeoDataFrame]:
    read = {name: workspace.layer_or_none(space, name) for name in _AREA_LAYERS}
    return {name: layer for name, layer in read.items() if layer is not None}


def _polygon(space: Workspace, city: City, text: str, named: Mapping[str, gpd.GeoDataFrame]) -> Any:
    """Find the polygon an ``area`` names: a place, a box, or a file beside the workspace."""
    if not areas.is_file(text):
        return areas.resolve(text, named, crs=city.crs).polygon
    return read_area(file_of(space, text), city).polygon


def _unknown(
    policy: Policy, lots: pd.DataFrame, layers: Mapping[str, gpd.GeoDataFrame], resolve: Resolver
) -> Iterator[str]:
    """Names of places nobody knows, and areas that cannot be made, lever by lever."""
    for number, lever in enumerate(policy.levers, start=1):
        if "where" not in lever:
            continue
        place, at = place_of(lever["where"]), f"{policy.name}, lever {number}"
        for fault in unknown(lots, place, layers=layers):
            yield f"{at}: {fault}"
        if "area" in place.fields:
            try:
                resolve(place.fields["area"])
            except MissingDataError as missing:
                raise MissingDataError(
                    f"{at}: where: {missing.args[0]}", next_step=missing.next_step
                ) from missing
            except (UsageError, ValidationError) as refused:
                yield f"{at}: where: {refused.args[0]}"
