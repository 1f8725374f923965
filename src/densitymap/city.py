"""A city's record: its plane, its layers, and where each may come from.

Everything a place needs is in ``catalog/cities/<name>.toml``; this module turns that file into
frozen records and refuses it, all faults at once, when it is not consistent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from densitymap import params, schema
from densitymap.errors import ValidationError

Shape = Literal["polygon", "line", "point", "none", "raster"]
DEFAULT = "atlanta"
"""The city a command is for unless another is named."""
SHAPES: tuple[str, ...] = ("polygon", "line", "point", "none", "raster")


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One publisher's file of a layer: how to find it and how to read its columns.

    ``columns`` maps our names to the publisher's: a name, or a table with ``from`` or ``sum``, and
    optionally ``scale`` (multiply), ``width`` (pad a code with zeros), ``after`` (keep what
    follows a mark), ``first`` (keep so many characters), ``missing`` (what stands for none) or
    ``value`` (a constant).
    """

    name: str
    title: str
    files: tuple[str, ...]
    columns: Mapping[str, Any]
    licence: str
    vintage: str
    publisher: str
    attribution: str
    order: int
    crs: str | None = None
    file_layer: str | None = None
    reader: Literal["columns", "census_api"] = "columns"
    coordinates: Mapping[str, str] = field(default_factory=dict)
    where: Mapping[str, Any] = field(default_factory=dict)
    owner: Mapping[str, Any] = field(default_factory=dict)
    optional: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """One layer of the city: what it is, its table, and its sources in order of preference."""

    name: str
    title: str
    shape: Shape
    table: schema.Table
    sources: tuple[Source, ...]
    fill: str
    role: str
    census: bool = False
    tract_vintage: str | None = None
    raster: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class City:
    """A place densitymap can be run for."""

    name: str
    title: str
    crs: str
    export_crs: str
    extent: tuple[float, float, float, float]
    code: str
    sliver_share: float
    sliver_area_ft2: float
    layers: Mapping[str, Layer]

    def with_role(self, role: str) -> tuple[Layer, ...]:
        """Layers that play a role, in the order of the file."""
        return tuple(layer for layer in self.layers.values() if layer.role == role)


def load_city(name: str = DEFAULT, *, extra: Path | None = None) -> City:
    """Load and check a city's record.

    Parameters
    ----------
    name
        File name in ``catalog/cities``.
    extra
        A user's own catalogue folder, searched first.

    Raises
    ------
    UsageError
        If there is no such city.
    ValidationError
        Naming every fault of the file.
    """
    record = params.load("cities", name, extra=extra)
    faults: list[str] = []
    layers = {key: _layer(key, value, faults) for key, value in record["layers"].items()}
    if faults:
        raise ValidationError(f"catalog/cities/{name}.toml is not consistent", faults=faults)
    city = record["city"]
    return City(
        name=name,
        title=city["title"],
        crs=city["crs"],
        export_crs=city["export_crs"],
        extent=tuple(city["extent"]),
        code=city["code"],
        sliver_share=city["sliver_share"]["value"],
        sliver_area_ft2=city["sliver_area_ft2"]["value"],
        layers={key: layer for key, layer in layers.items() if layer is not None},
    )


def _layer(name: str, record: Mapping[str, Any], faults: list[str]) -> Layer | None:
    sources = []
    for order, raw in enumerate(record.get("sources", ()), start=1):
        sources.append(_source(name, order, raw, faults))
    if record["shape"] not in SHAPES:
        faults.append(f"layers.{name}: shape must be one of {', '.join(SHAPES)}")
    try:
        named = params.load("tables", record["table"]) if "table" in record else {}
        table = schema.make_table(name, {"columns": named.get("columns")} | dict(record))
    except ValidationError as fault:
        faults += [f"layers.{name}: {line}" for line in fault.faults]
        return None
    for source in sources:
        strange = set(source.columns) - set(table.column_names)
        faults += [f"layers.{name}.{source.name}: maps {c}, not a column of the layer" for c in strange]
    return Layer(
        name=name,
        title=record["title"],
        shape=record["shape"],
        table=table,
        sources=tuple(sources),
        fill=record["fill"],
        role=record["role"],
        census=record.get("census", False),
        tract_vintage=record.get("tract_vintage"),
        raster=record.get("raster", {}),
    )


def _source(layer: str, order: int, raw: Mapping[str, Any], faults: list[str]) -> Source:
    values = {"attribution": raw.get("publisher", ""), "columns": {}, "order": order} | dict(raw)
    for name in ("files", "optional"):
        values[name] = tuple(values.get(name, ()))
    try:
        return Source(**values)
    except TypeError as fault:
        faults.append(f"layers.{layer}, source {order}: {fault}")
        return Source(
            name="?",
            title="?",
            files=(),
            columns={},
            licence="?",
            vintage="?",
            publisher="?",
            attribution="?",
            order=order,
        )
