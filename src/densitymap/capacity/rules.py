"""Numbers and building templates of the fit: ``catalog/fit`` and ``catalog/buildings``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pandas as pd

from densitymap import params
from densitymap.errors import ValidationError

Rules = Mapping[str, float]
"""Fit rules by name; units are in the names and in ``catalog/fit/rules.toml``."""

MARKS = ("V", "S", "M", "A")
BUILDING_FIELDS = (
    "name",
    "title",
    "use",
    "width_ft",
    "depth_ft",
    "storeys",
    "units",
    "floor_area_ft2",
    "step_free_units",
    "tenure",
    "is_dwelling",
    "mark",
    "source",
)
TENURES = ("saleable", "rent_only")


@cache
def load_rules() -> Rules:
    """Give the fit rules as plain numbers.

    Raises
    ------
    ValidationError
        If a value lacks its unit, citation or mark; all such values are named.

    Examples
    --------
    >>> load_rules()["house_adu_gap_ft"]
    10.0
    """
    record = params.load("fit", "rules")
    return numbers(record, "catalog/fit/rules.toml")


def numbers(record: Mapping[str, Any], file: str) -> Rules:
    """Reduce cited values to numbers, refusing any that says not where it comes from.

    Raises
    ------
    ValidationError
        With every fault of the file.
    """
    faults = []
    for name, entry in record.items():
        faults += [f"{name}: no {part}" for part in ("value", "unit", "cite", "mark") if part not in entry]
        if entry.get("mark", "A") not in MARKS:
            faults.append(f"{name}: mark must be one of {', '.join(MARKS)}")
    if faults:
        raise ValidationError(
            f"{file} holds values nobody can check",
            faults=faults,
            next_step="cite the source, or say assumption",
        )
    return {name: float(entry["value"]) for name, entry in record.items()}


@cache
def load_buildings() -> pd.DataFrame:
    """Give the building templates: one row per template, indexed by ``name``, ordered by use and size.

    Raises
    ------
    ValidationError
        If a template lacks a field; all faults are told at once.

    Examples
    --------
    >>> load_buildings().loc["DUP_SBS", ["width_ft", "depth_ft"]].to_list()
    [34.0, 40.0]
    """
    records = params.load_all("buildings")
    faults = [
        f"catalog/buildings/{file}.toml: no {field}"
        for file, record in records.items()
        for field in BUILDING_FIELDS
        if field not in record
    ]
    if faults:
        raise ValidationError("Building templates are incomplete", faults=faults)
    frame = pd.DataFrame(list(records.values())).set_index("name", drop=False)
    whole = frame["width_ft"] * frame["depth_ft"]
    frame["footprint_ft2"] = frame["footprint_ft2"].fillna(whole) if "footprint_ft2" in frame else whole
    return frame.rename_axis("template").sort_values(["use", "floor_area_ft2", "template"])
