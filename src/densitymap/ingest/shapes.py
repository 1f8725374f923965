"""Valid, flat shapes of one kind in the city's plane; every repair is counted."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from densitymap import params
from densitymap.city import Shape
from densitymap.errors import ValidationError
from densitymap.geometry import Geometries, geometries
from densitymap.ingest.receipt import Receipt

_DIMENSION = {"point": 0, "line": 1, "polygon": 2}
_NAMES = {0: "points", 1: "lines", 2: "polygons"}


def repaired(
    frame: gpd.GeoDataFrame, *, shape: Shape, crs: str, names: pd.Series, receipt: Receipt
) -> gpd.GeoDataFrame:
    """Repair the shapes of a layer and bring them into the city's plane.

    Null and empty shapes are left out; third dimensions are dropped; invalid shapes are rebuilt
    and keep their parts of the layer's own kind.

    Parameters
    ----------
    frame
        As read, in its own reference system.
    shape
        What the layer is made of.
    crs
        The city's plane.
    names
        How to name a row in the receipt, on the frame's index.
    receipt
        Where each change is counted.

    Raises
    ------
    ValidationError
        If the layer mixes kinds (points or lines among polygons), naming the first row of each.
    """
    values = geometries(frame)
    gone = shapely.is_missing(values) | shapely.is_empty(values)
    receipt.drop("null or empty shape", names[gone])
    frame, values, names = frame[~gone].copy(), values[~gone], names[~gone]
    _refuse_mixed(values, shape, names, receipt.file)
    deep = shapely.has_z(values)
    receipt.change("third dimension dropped", names[deep])
    values = shapely.force_2d(values)
    broken = ~shapely.is_valid(values)
    values[broken] = shapely.make_valid(values[broken], method="structure", keep_collapsed=False)
    receipt.change("invalid shape repaired (self-crossing)", names[broken])
    frame = frame.set_geometry(gpd.GeoSeries(values, index=frame.index, crs=frame.crs)).to_crs(crs)
    values = _of_kind(geometries(frame), _DIMENSION[shape])
    lost = shapely.is_empty(values)
    receipt.drop("nothing left after repair", names[lost])
    return frame.set_geometry(gpd.GeoSeries(values, index=frame.index, crs=crs))[~lost]


def outline_keys(shapes: Geometries) -> pd.Series:
    """A key that two shapes share when they are the same shape, whatever vertex they start from."""
    grid = params.choice("same_shape_ft")
    rounded = shapely.transform(shapely.normalize(shapes), lambda xy: np.round(xy / grid) * grid)
    return pd.Series(shapely.to_wkb(rounded))


def _refuse_mixed(values: Geometries, shape: Shape, names: pd.Series, file: str) -> None:
    wanted = _DIMENSION[shape]
    collection = shapely.get_type_id(values) == shapely.GeometryType.GEOMETRYCOLLECTION
    other = (shapely.get_dimensions(values) != wanted) & ~collection
    if not other.any():
        return
    found = shapely.get_dimensions(values)
    faults = [
        f"{int((other & (found == kind)).sum()):,} rows are {_NAMES[kind]}; first "
        f"{names[other & (found == kind)].iloc[0]}"
        for kind in np.unique(found[other])
    ]
    raise ValidationError(
        f"{file}: the layer should hold {_NAMES[wanted]} only",
        faults=faults,
        next_step="split the file by geometry type and use the part that is meant",
    )


def _of_kind(values: Geometries, dimension: int) -> Geometries:
    """Only the parts of the wanted dimension (repair can leave a line beside a polygon)."""
    odd = np.flatnonzero(shapely.get_type_id(values) == shapely.GeometryType.GEOMETRYCOLLECTION)
    for row in odd:
        parts = shapely.get_parts(values[row])
        values[row] = shapely.union_all(parts[shapely.get_dimensions(parts) == dimension])
    return values
