"""One published file becomes one clean layer: our names, our plane, every change on a receipt."""

from __future__ import annotations

from collections.abc import Callable

import geopandas as gpd
import pandas as pd

from densitymap import params, schema
from densitymap.city import City, Layer, Source
from densitymap.errors import CRSError, ValidationError
from densitymap.ingest import columns, lots, owners, read, shapes
from densitymap.ingest.find import Found
from densitymap.ingest.receipt import Receipt, sha256_of

NO_ID = ("NO ID", "NOID", "NONE", "NULL", "0")
"""Publishers' stand-ins for a missing parcel identifier."""

Measures = Callable[[pd.DataFrame], pd.DataFrame]
"""Turns raw Census variables into our measures with their margins."""


def layer_from(
    found: Found, layer: Layer, city: City, *, measures: Measures, crs: str | None = None
) -> tuple[pd.DataFrame, Receipt]:
    """Read, check and clean the file of a layer.

    Parameters
    ----------
    found
        The file, and the source whose column map reads it.
    layer
        What the layer must hold.
    city
        Its plane and extent.
    measures
        Used for tables that carry Census API variables.
    crs
        Reference system the user declares for a file that names none, or a wrong one.

    Returns
    -------
    frame, receipt
        The layer, checked against its declaration (a GeoDataFrame in the city's plane where it has
        shapes), and what happened on the way.

    Raises
    ------
    MissingDataError, ValidationError, CRSError
        Naming the file and each fault.
    """
    source = recognised(found, layer)
    receipt = receipt_of(found, layer, source)
    wanted = None if source.reader == "census_api" else columns.needed(source) | {"geometry"}
    raw = read.read(found.path, columns=wanted, file_layer=source.file_layer, coordinates=source.coordinates)
    receipt.rows_in = len(raw)
    if raw.empty:
        raise ValidationError(f"{found.relative}: the layer is empty", next_step="download the file again")
    raw = columns.selected(raw, source, receipt)
    if layer.shape != "none":
        raw = _in_plane(raw, layer, source, city, receipt, crs)
    frame = _with_our_columns(raw, layer, source, receipt, measures)
    if layer.role == "parcels":
        frame = _as_lots(frame, raw, source, receipt)
    if layer.role == "assessor":
        frame["parcel_key"] = lots.key_of(frame["parcel_id"])
    frame = schema.conform(_keyed(frame, layer, receipt), layer.table)
    schema.check(frame, layer.table, crs=city.crs if layer.shape != "none" else None, where=found.relative)
    receipt.rows_out = len(frame)
    if frame.empty:
        reasons = [f"{count:,} rows: {reason}" for reason, count in receipt.left_out.items()]
        raise ValidationError(f"{found.relative}: no row is left", faults=reasons)
    return frame, receipt


def recognised(found: Found, layer: Layer) -> Source:
    """The source record whose columns the file has; a file added by hand is tried against each.

    Raises
    ------
    ValidationError
        If no source's columns are there: the faults against each are told.
    """
    faults: list[str] = []
    for source in [found.source] if found.source else layer.sources:
        present = read.column_names(found.path, file_layer=source.file_layer)
        try:
            if source.reader == "columns":
                columns.require(source, present, where=found.relative)
        except ValidationError as fault:
            faults += [f"{source.title}: {line}" for line in fault.faults]
            continue
        return source
    raise ValidationError(
        f"{found.relative} is not a file of the layer {layer.name}",
        faults=faults,
        next_step="choose the right file, or write its column map into catalog/cities",
    )


def receipt_of(found: Found, layer: Layer, source: Source) -> Receipt:
    """Open a receipt for a file, before anything is done to it."""
    return Receipt(
        layer=layer.name,
        source=source.name,
        title=source.title,
        file=found.relative,
        sha256=sha256_of(found.path),
        publisher=source.publisher,
        licence=source.licence,
        attribution=source.attribution,
        vintage=source.vintage,
        unused_files=[path.name for path in found.unused],
    )


def _in_plane(
    raw: pd.DataFrame, layer: Layer, source: Source, city: City, receipt: Receipt, crs: str | None
) -> gpd.GeoDataFrame:
    if not isinstance(raw, gpd.GeoDataFrame):
        raise ValidationError(
            f"{receipt.file}: the layer needs shapes, and the file has none",
            next_step="a table needs columns lon and lat",
        )
    if crs or (raw.crs is None and source.crs):
        raw = raw.set_crs(crs or source.crs, allow_override=True)
        receipt.change(f"reference system declared as {crs or source.crs}", [receipt.file])
    if raw.crs is not None:
        receipt.crs_in = raw.crs.to_string()
    read.check_place(raw, city, where=receipt.file)
    return shapes.repaired(
        raw,
        shape=layer.shape,
        crs=city.crs,
        names=_row_names(raw, layer, source),
        receipt=receipt,
    )


def _row_names(raw: pd.DataFrame, layer: Layer, source: Source) -> pd.Series:
    """How rows are named in the receipt: by the layer's key where the publisher gives it."""
    numbers = pd.Series([f"row {row + 1}" for row in range(len(raw))], index=raw.index, dtype="string")
    entry = source.columns.get(layer.table.key[0]) if layer.table.key else None
    if not isinstance(entry, str) or entry not in raw:
        return numbers
    return columns.stripped(raw[entry]).fillna(numbers)


def _with_our_columns(
    raw: pd.DataFrame, layer: Layer, source: Source, receipt: Receipt, measures: Measures
) -> pd.DataFrame:
    if source.reader == "census_api":
        constant = columns.mapped(raw, source, layer.table, receipt)
        frame = measures(raw.assign(**constant))
        frame = frame.drop(columns=constant.columns, errors="ignore").join(constant)
    else:
        frame = columns.mapped(raw, source, layer.table, receipt, census_codes=layer.census)
    if layer.shape == "none":
        return frame
    return gpd.GeoDataFrame(frame, geometry=raw.geometry, crs=raw.crs)


def _as_lots(frame: pd.DataFrame, raw: pd.DataFrame, source: Source, receipt: Receipt) -> gpd.GeoDataFrame:
    records = gpd.GeoDataFrame(frame).copy()
    records["n_records"] = pd.array([1] * len(records), dtype="Int64")
    if source.owner:
        types = params.load("ingest", "owner_types")["type"]
        records["owner_type"] = owners.owner_type([raw[name] for name in source.owner["names"]], types)
        records["owner_occupied"] = owners.owner_occupied(
            raw[source.owner["mailing"]], raw[source.owner["site"]]
        )
    result = lots.merged(lots.identified(records, NO_ID, receipt), receipt)
    result["lot_area_ft2"] = pd.array(result.geometry.area.to_numpy(), dtype="Float64")
    return result


def _keyed(frame: pd.DataFrame, layer: Layer, receipt: Receipt) -> pd.DataFrame:
    """Rows that have their key, each once and in its order: parts of a place become one shape."""
    key = [name for name in layer.table.key if name in frame]
    if not key:
        return frame.reset_index(drop=True)
    without = frame[key].isna().any(axis="columns")
    receipt.drop("no key", [f"row {row + 1}" for row in frame.index[without]])
    frame = frame[~without]
    repeated = frame.duplicated(key)
    if repeated.any() and isinstance(frame, gpd.GeoDataFrame):
        receipt.change("parts of one place joined", frame.loc[repeated, key[0]])
        frame = frame.dissolve(by=key, aggfunc="first", as_index=False)
    elif repeated.any():
        receipt.drop("repeats a key; the first is kept", frame.loc[repeated, key[0]])
        frame = frame[~repeated]
    return frame.sort_values(key, ignore_index=True)


def declared_crs(text: str) -> str:
    """Check a reference system a user names.

    Raises
    ------
    CRSError
        If it is no known system.
    """
    from pyproj import CRS  # noqa: PLC0415 - only when a user names one
    from pyproj.exceptions import CRSError as Unknown  # noqa: PLC0415

    try:
        return str(CRS(text).to_string())
    except Unknown as fault:
        raise CRSError(f"{text!r} is no known reference system", next_step="write it as EPSG:2240") from fault
