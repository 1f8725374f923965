"""What leaves the tool: layers with every field explained, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import pandas as pd

from densitymap import params, schema
from densitymap.errors import ValidationError

CRS_OUT = "EPSG:4326"


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One column, for a person and for a program."""

    name: str
    title: str
    dtype: str
    unit: str | None
    meaning: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """One layer or table.

    Attributes
    ----------
    frame
        In the city's plane where it has shapes.
    licence, attribution
        Of what it was made from.
    """

    name: str
    title: str
    frame: pd.DataFrame
    fields: tuple[Field, ...]
    licence: str
    attribution: str
    note: str = ""

    @property
    def has_shapes(self) -> bool:
        """Whether rows have shapes."""
        return isinstance(self.frame, gpd.GeoDataFrame)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """Everything one export writes.

    Attributes
    ----------
    apart
        Share-alike layers: never in one file with the others.
    left_out
        Layers not passed on, each with why.
    provenance
        Years, lock hash, version, seed, area: what every output names.
    """

    datasets: tuple[Dataset, ...]
    apart: tuple[Dataset, ...]
    sources: pd.DataFrame
    left_out: Mapping[str, str]
    provenance: Mapping[str, Any]
    dictionary: pd.DataFrame = field(default_factory=pd.DataFrame)


def rules() -> Mapping[str, Any]:
    """Rules of what may leave the tool, from ``catalog/exports``."""
    return params.load("exports", "rules")


def is_stated(licence: str) -> bool:
    """Whether a licence text states a licence.

    Examples
    --------
    >>> is_stated("public domain"), is_stated("none stated; public record"), is_stated("")
    (True, False, False)
    """
    text = licence.casefold()
    return bool(text) and not any(word in text for word in rules()["licence"]["unstated"])


def is_share_alike(licence: str) -> bool:
    """Whether a licence asks that a layer be kept apart."""
    return any(word.casefold() in licence.casefold() for word in rules()["licence"]["apart"])


def declared(names: list[str]) -> tuple[Field, ...]:
    """Fields as the catalogue declares their columns; shapes are no field.

    Raises
    ------
    ValidationError
        If a column is not declared, or may not be published: all are named.
    """
    known = schema.columns()
    faults = [f"{name}: not declared in catalog/columns" for name in names if name not in known]
    faults += [
        f"{name}: may not be published" for name in names if name in known and not known[name].publishable
    ]
    if faults:
        raise ValidationError("These columns cannot leave the tool", faults=faults)
    return tuple(
        Field(
            name=name, title=name.replace("_", " "), dtype=known[name].dtype, unit=known[name].unit,
            meaning=known[name].meaning,
        )
        for name in names
        if known[name].dtype != "geometry"
    )  # fmt: skip


def dictionary(datasets: tuple[Dataset, ...]) -> pd.DataFrame:
    """Every field of every layer, as a table."""
    rows = [
        {
            "layer": dataset.name, "field": one.name, "title": one.title, "type": one.dtype, "unit": one.unit,
            "meaning": one.meaning,
        }
        for dataset in datasets
        for one in dataset.fields
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["layer", "field", "title", "type", "unit", "meaning"]).astype("string")
