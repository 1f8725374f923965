"""Protections: levers that change no zoning, carried on the policy for the ledgers and the uptake.

Kinds, parameters, ranges and sources are data (``catalog/levers/protections.toml``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from densitymap import params
from densitymap.scenarios.places import Place, place_of

_OWN = ("kind", "where")


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """A number with its range; ``low`` and ``high`` equal ``value`` where a scenario sets it alone."""

    value: float
    low: float
    high: float
    unit: str
    cite: str
    mark: str

    @property
    def is_share(self) -> bool:
        """Whether it must lie between 0 and 1."""
        return self.unit.startswith("share")


@dataclass(frozen=True, kw_only=True, slots=True)
class Hazard:
    """How a protection acts on the rates of building.

    Attributes
    ----------
    parameter
        The parameter that is the factor; ``takes_out``: the share of lots taken out, so 1 less it.
    lots, options
        Which lots and which of their options: words of :mod:`~densitymap.scenarios.rates`.
    note
        What a reader must know.
    """

    parameter: str
    takes_out: bool
    lots: str
    options: tuple[str, ...]
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Pricing:
    """What a programme pays for a protection over its full term.

    Attributes
    ----------
    times
        Parameters whose product is the price of one.
    counted_on
        What it is paid for: a word of :mod:`~densitymap.scenarios.programme`.
    note
        What a reader must know.
    """

    times: tuple[str, ...]
    counted_on: str
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Protection:
    """One protection of a policy.

    Attributes
    ----------
    kind, title, term, acts, note
        As in ``catalog/levers/protections.toml``; ``term`` names the ledger or rate it moves.
    parameters
        By name.
    where
        Where it protects; everywhere if None.
    hazard
        How it acts on the rates of building; None if it does not.
    costs
        How a programme's cost is counted; None where it has no price.
    paid_by
        Who pays where no programme does; empty where one does or nobody can tell.
    """

    kind: str
    title: str
    term: str
    acts: str
    note: str
    parameters: Mapping[str, Parameter]
    where: Place | None = None
    hazard: Hazard | None = None
    costs: Pricing | None = None
    paid_by: str = ""


def kinds() -> Mapping[str, Mapping[str, Any]]:
    """Every kind of protection by its name."""
    return params.load("levers", "protections")


def faults(lever: Mapping[str, Any]) -> Iterator[str]:
    """Everything wrong with a protection before it is taken."""
    kind = str(lever["kind"])
    known = kinds()[kind]["parameters"]
    for name, given in lever.items():
        if name in _OWN:
            continue
        if name not in known:
            yield f"{kind} takes no {name!r}.{params.nearest(name, [*known, 'where'])}"
            continue
        if not isinstance(given, Mapping):
            values = {"value": given}
        else:
            values = dict(given)
            yield from _field_faults(kind, name, values, known[name]["unit"])
        yield from _range_faults(kind, name, values, is_share=known[name]["unit"].startswith("share"))


def _field_faults(kind: str, name: str, values: dict[str, Any], unit: str) -> Iterator[str]:
    given = values.pop("unit", unit)
    if given != unit:
        yield f"{name} of {kind}: unit is {given!r}, the lever's is {unit!r}"
    for field in [field for field in values if field not in ("value", "low", "high")]:
        values.pop(field)
        yield f"{name} of {kind} has no {field!r}.{params.nearest(field, ('value', 'low', 'high', 'unit'))}"
    if "value" not in values:
        yield f"{name} of {kind} needs value"


def _range_faults(kind: str, name: str, values: Mapping[str, Any], *, is_share: bool) -> Iterator[str]:
    numbers = {}
    for field, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            yield f"{name} of {kind}: {field} must be a number of at least 0, not {value!r}"
        elif is_share and value > 1:
            yield f"{name} of {kind}: {field} is a share and must lie between 0 and 1, not {value!r}"
        else:
            numbers[field] = value
    if "value" in numbers:
        low, high = numbers.get("low", numbers["value"]), numbers.get("high", numbers["value"])
        if not low <= numbers["value"] <= high:
            yield f"{name} of {kind}: {low:g} <= {numbers['value']:g} <= {high:g} does not hold"


def protection_of(lever: Mapping[str, Any]) -> Protection:
    """Make a protection of a lever that has no fault."""
    record = kinds()[lever["kind"]]
    parameters = {name: _parameter(fields, lever.get(name)) for name, fields in record["parameters"].items()}
    return Protection(
        kind=lever["kind"],
        parameters=parameters,
        where=place_of(lever["where"]) if "where" in lever else None,
        hazard=_hazard(record.get("hazard")),
        costs=_pricing(record.get("costs")),
        paid_by=record.get("paid_by", ""),
        **{name: record[name] for name in ("title", "term", "acts", "note")},
    )


def _hazard(record: Mapping[str, Any] | None) -> Hazard | None:
    return None if record is None else Hazard(**{**record, "options": tuple(record["options"])})


def _pricing(record: Mapping[str, Any] | None) -> Pricing | None:
    return None if record is None else Pricing(**{**record, "times": tuple(record["times"])})


def _parameter(record: Mapping[str, Any], given: Any) -> Parameter:
    if given is None:
        return Parameter(**record)
    own = {"value": given} if not isinstance(given, Mapping) else given
    value = float(own["value"])
    return Parameter(
        value=value,
        low=float(own.get("low", value)),
        high=float(own.get("high", value)),
        unit=record["unit"],
        cite="set by the scenario",
        mark="A",
    )
