"""Choices behind derived lots, read from ``catalog/parcels/derived.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from densitymap import params
from densitymap.errors import ValidationError


@dataclass(frozen=True, kw_only=True, slots=True)
class DerivedRules:
    """Choices of ``catalog/parcels/derived.toml``; units in the names."""

    building_min_ft2: float
    shrink_ft: float
    segment_ft: float
    reach_max_ft: float
    proxy_error_share: float
    rail_right_of_way_ft: float
    outbuilding_classes: tuple[str, ...]
    dwelling_classes: tuple[str, ...]
    street_right_of_way_ft: Mapping[str, float]


@cache
def load_rules() -> DerivedRules:
    """Give the choices behind derived lots.

    Raises
    ------
    ValidationError
        Naming every value that is absent, unknown, or lacks its unit, citation or mark.

    Examples
    --------
    >>> "shed" in load_rules().outbuilding_classes
    True
    """
    return rules_from(params.load("parcels", "derived"))


def rules_from(record: Mapping[str, Mapping[str, Any]]) -> DerivedRules:
    """Check a record like ``catalog/parcels/derived.toml`` and freeze it; see :func:`load_rules`."""
    names = [field.name for field in fields(DerivedRules)]
    faults = [f"{name}: absent" for name in names if name not in record]
    faults += [f"{name}: unknown.{params.nearest(name, names)}" for name in record if name not in names]
    for name, entry in record.items():
        faults += [f"{name}: no {part}" for part in ("value", "unit", "cite", "mark") if part not in entry]
    faults += [f"{name}: {entry['value']} is not above 0" for name, entry in record.items() if _wrong(entry)]
    if faults:
        raise ValidationError("catalog/parcels/derived.toml is not consistent", faults=faults)
    values: dict[str, Any] = {name: record[name]["value"] for name in names}
    values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return DerivedRules(**values)


def _wrong(entry: Mapping[str, Any]) -> bool:
    """Whether a value holds a number that is not above 0."""
    value = entry.get("value")
    numbers = value.values() if isinstance(value, Mapping) else [value]
    return any(isinstance(number, int | float) and not number > 0 for number in numbers)
