"""A schedule read back as a scenario that changes the same cells."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from densitymap.errors import ValidationError
from densitymap.params import nearest
from densitymap.scenarios.document import Scenario
from densitymap.scenarios.ordinance import HEAD, NO_LIMIT
from densitymap.zoning.code import standards

Cell = tuple[str, str, str, float, str | None]
"""Kind of lever, standard, use, value and place."""


def scenario_from(told: Mapping[str, Any]) -> Scenario:
    """Make the scenario of a schedule: each changed cell set, protections as they are.

    Parameters
    ----------
    told
        A schedule as :func:`schedule` gives it, its values changed or not.

    Raises
    ------
    ValidationError
        With every row that cannot be read.
    """
    faults = [f"{field} is missing" for field in HEAD if not isinstance(told.get(field), str)]
    rows = list(told.get("rows", ()))
    values = [_value(row, number, faults) for number, row in enumerate(rows, start=1)]
    if faults:
        raise ValidationError("The schedule cannot be read as a scenario", faults=faults)
    groups: dict[Cell, list[str]] = {}
    for row, value in zip(rows, values, strict=True):
        where = row.get("where") or None
        cell = (_kind(row, value), row["standard"], row["use"], value, where)
        groups.setdefault(cell, []).append(row["district"])
    ordered = sorted(groups.items(), key=lambda item: item[0][-1] is not None)
    found = [_lever(cell, districts) for cell, districts in ordered]
    return Scenario(
        levers=(*found, *told.get("protections", ())),
        allow_empty=bool(told.get("allow_empty", False)),
        **{field: told[field] for field in HEAD},
    )


def _kind(row: Mapping[str, Any], value: float) -> str:
    """How a cell is changed: in a place up or down only, so that places that overlap need not agree."""
    now = _number(row.get("value_now"))
    if not row.get("where") or math.isnan(now):
        return "set_standard"
    return "set_at_least" if value > now else "set_at_most"


def _lever(cell: Cell, districts: list[str]) -> dict[str, Any]:
    kind, standard, use, value, where = cell
    lever = {
        "kind": kind,
        "districts": sorted(set(districts)),
        "use": use,
        "standard": standard,
        "value": value,
        "unit": standards()[standard].unit,
    }
    return lever | ({"where": json.loads(where)} if where else {})


def _value(row: Mapping[str, Any], number: int, faults: list[str]) -> float:
    place = f"row {number}"
    faults += [
        f"{place}: {name} is missing"
        for name in ("district", "use", "standard")
        if not isinstance(row.get(name), str) or not row[name]
    ]
    known = standards()
    if row.get("standard") not in known:
        hint = nearest(str(row.get("standard")), known)
        faults.append(f"{place}: unknown standard {row.get('standard')!r}.{hint}")
    if row.get("where"):
        try:
            json.loads(row["where"])
        except (TypeError, ValueError):
            faults.append(f"{place}: where {row['where']!r} is not the place of a schedule")
    given = row.get("value_proposed")
    value = _number(given)
    if math.isnan(value):
        faults.append(f"{place}: value_proposed {given!r} is not a number")
    return value


def _number(given: Any) -> float:
    """A value of a schedule; NaN where it is none."""
    try:
        return math.inf if given == NO_LIMIT else float(given)
    except (TypeError, ValueError):
        return math.nan
