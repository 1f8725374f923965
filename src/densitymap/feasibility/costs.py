"""Costs, prices and rents: cited values with a unit, a year and a range, from ``catalog/costs``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from densitymap import params
from densitymap.errors import UsageError, ValidationError

FIELDS = ("value", "low", "high", "unit", "year", "cite", "mark")
OPTIONAL = ("place",)
MARKS = ("V", "S", "M", "A")
NEGATIVE_ALLOWED = ("price_size_elasticity",)
DIVISORS = ("cap_rate_share", "price_size_reference_ft2", "size_step_ft2", "new_home_price_factor")
"""Inputs that divide: 0 is refused."""
_YEARS = (1900, 2100)
_MOST = 1e9
"""No input of one lot is larger: a figure beyond it is a slip of the keyboard."""
_SET = "given on the command line"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """One input of the pro forma: a default in a range, in dollars of a year where it is money.

    ``place`` is the neighbourhood it was seen in, where it holds of one.
    """

    name: str
    value: float
    low: float
    high: float
    unit: str
    year: int
    cite: str
    mark: str
    place: str | None = None

    @property
    def is_money(self) -> bool:
        """Whether an index of another year applies."""
        return self.unit.startswith("USD")


@dataclass(frozen=True, kw_only=True)
class Costs:
    """All inputs of the pro forma of one city, and what its neighbourhoods' houses sell for.

    Attributes
    ----------
    records
        Inputs by name.
    places
        Median sale of a standing house by neighbourhood: the fall-back price.
    growth, level
        The stated index: growth a year, and its level by year where a table was given.
    """

    records: Mapping[str, Cost]
    places: Mapping[str, Cost]
    growth: Cost
    level: Mapping[int, float]

    def __getitem__(self, name: str) -> float:
        """Give the value of an input."""
        return self.records[name].value

    def with_values(self, values: Mapping[str, float], *, cite: str = _SET) -> Costs:
        """Give costs with some values changed; their citation then says who changed them."""
        changed = {
            name: replace(self.records[name], value=value, cite=cite) for name, value in values.items()
        }
        return replace(self, records={**self.records, **changed})

    def with_records(self, records: Mapping[str, Cost]) -> Costs:
        """Give costs in which some inputs are other records."""
        return replace(self, records={**self.records, **records})

    def at(self, bound: str) -> dict[str, float]:
        """Give every input at ``value``, ``low`` or ``high``, by name."""
        return {name: float(getattr(cost, bound)) for name, cost in self.records.items()}

    def in_year(self, year: int) -> Costs:
        """Give the same costs with money carried to dollars of another year by the stated index."""

        def carry(cost: Cost) -> Cost:
            if not cost.is_money or cost.year == year:
                return cost
            ratio = self.index_ratio(cost.year, year)
            told = f"{cost.cite}; carried from {cost.year} to {year} dollars (x {ratio:.3f})"
            low, value, high = (bound * ratio for bound in (cost.low, cost.value, cost.high))
            return replace(cost, low=low, value=value, high=high, year=year, cite=told)

        return replace(
            self,
            records={name: carry(cost) for name, cost in self.records.items()},
            places={name: carry(cost) for name, cost in self.places.items()},
        )

    def index_ratio(self, start: int, end: int) -> float:
        """Give what a dollar of one year is in another: by the table where it has both, else by growth."""
        if start in self.level and end in self.level:
            return self.level[end] / self.level[start]
        return float((1 + self.growth.value) ** (end - start))


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """An input that somebody set: what it was (missing where nobody knew), what it is, in what words."""

    name: str
    before: float | None
    value: float
    unit: str
    set_by: str


def load_costs(city: str = "atlanta", *, year: int | None = None, extra: Path | None = None) -> Costs:
    """Load a city's costs.

    Parameters
    ----------
    city
        Record in ``catalog/costs``.
    year
        Carry all money to dollars of this year; as stated when not given.
    extra
        A user's own catalogue, searched first.

    Raises
    ------
    UsageError
        If there is no such record, or no such year.
    ValidationError
        With every value that lacks its unit, year, range or citation, or is not a number.
    """
    if year is not None and not _YEARS[0] <= year <= _YEARS[1]:
        raise UsageError(f"{year} is not a year from {_YEARS[0]} to {_YEARS[1]}")
    file = f"catalog/costs/{city}.toml"
    records = read_records(params.load("costs", city, extra=extra), file)
    parts = params.load_parts("costs", city, extra=extra)
    index = dict(parts.get("index", {}))
    level = {int(name): float(value) for name, value in index.pop("level", {}).items()}
    costs = Costs(
        records=records,
        places=read_records(parts.get("places", {}), f"catalog/costs/{city}/places.toml"),
        growth=read_records(index, f"catalog/costs/{city}/index.toml")["growth_share_per_year"],
        level=level,
    )
    return costs if year is None else costs.in_year(year)


def read_records(record: Mapping[str, Any], file: str) -> dict[str, Cost]:
    """Read the values of one file, telling every fault at once.

    Raises
    ------
    ValidationError
        Naming the file, the value and the field.
    """
    faults = [f"{name}: {fault}" for name, entry in record.items() for fault in _faults(name, entry)]
    if faults:
        raise ValidationError(
            f"{file} holds values that cannot be used",
            faults=faults,
            next_step="give each value, low, high, unit, year, cite, mark; a guess may cite an assumption",
        )
    return {name: Cost(name=name, **_typed(entry)) for name, entry in record.items()}


def _typed(entry: Mapping[str, Any]) -> dict[str, Any]:
    numbers = {part: float(entry[part]) for part in ("value", "low", "high")}
    return numbers | {
        part: entry[part] for part in ("unit", "year", "cite", "mark", *OPTIONAL) if part in entry
    }


def _faults(name: str, entry: Any) -> Iterator[str]:
    if not isinstance(entry, Mapping):
        yield f"is a bare {entry!r}: a table of {', '.join(FIELDS)} is wanted"
        return
    yield from (f"no {part}" for part in FIELDS if part not in entry)
    known = (*FIELDS, *OPTIONAL)
    yield from (
        f"unknown field {part!r}.{params.nearest(part, known)}" for part in entry if part not in known
    )
    numbers = [part for part in ("value", "low", "high") if part in entry]
    wrong = [fault for part in numbers for fault in _number_faults(name, part, entry)]
    yield from wrong
    if len(numbers) == 3 and not wrong and not entry["low"] <= entry["value"] <= entry["high"]:  # noqa: PLR2004
        yield f"low {entry['low']}, value {entry['value']}, high {entry['high']} are not in order"
    if not str(entry.get("unit", "-")).strip() or not str(entry.get("cite", "-")).strip():
        yield "unit or cite is empty"
    year = entry.get("year", _YEARS[0])
    if not isinstance(year, int) or isinstance(year, bool) or not _YEARS[0] <= year <= _YEARS[1]:
        yield f"year {year!r} is not a year from {_YEARS[0]} to {_YEARS[1]}"
    if entry.get("mark", "A") not in MARKS:
        yield f"mark must be one of {', '.join(MARKS)}"


def _number_faults(name: str, part: str, entry: Mapping[str, Any]) -> Iterator[str]:
    value = entry[part]
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield f"{part} {value!r} is text, not a number: write it without sign, comma or quotes"
    elif not math.isfinite(value):
        yield f"{part} is not finite"
    elif value < 0 and name not in NEGATIVE_ALLOWED:
        yield f"{part} {value} is below 0"
    elif value > _MOST:
        yield f"{part} {value:g} is beyond any lot"
    elif value == 0 and name in DIVISORS:
        yield f"{part} is 0, and the sum divides by it"
    elif str(entry.get("unit", "")).startswith("share") and value > 1:
        yield f"{part} {value} is above 1, and the unit is a share: 15 % is 0.15"


def plain_number(text: str, *, what: str) -> float:
    """Read a number that somebody typed; ``$100,000.00`` is refused with what to write instead.

    Raises
    ------
    ValidationError
        If the text is not a plain finite number.

    Examples
    --------
    >>> plain_number("250", what="hard_cost")
    250.0
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isfinite(value) and "_" not in text:
        return value
    stripped = "".join(sign for sign in text if sign.isdigit() or sign in ".-")
    try:
        hint = f"write {float(stripped):g}"
    except ValueError:
        hint = "write digits only, such as 250 or 0.15"
    raise ValidationError(f"{what}: {text!r} is not a plain number", next_step=hint)


def named_inputs(name: str, costs: Costs) -> tuple[str, ...]:
    """Give the inputs a name means: itself, or all of one unit that begin with it.

    Raises
    ------
    UsageError
        If there are none, or they have several units.

    Examples
    --------
    >>> named_inputs("hard_cost", load_costs())[0]
    'hard_cost_house_usd_per_ft2'
    """
    if name in costs.records:
        return (name,)
    found = tuple(known for known in costs.records if known.startswith(f"{name}_"))
    if not found:
        raise UsageError(
            f"There is no input named {name!r}.{params.nearest(name, [*costs.records, *_beginnings(costs)])}",
            next_step=f"known: {', '.join(costs.records)}",
        )
    if len({costs.records[known].unit for known in found}) > 1:
        raise UsageError(f"{name!r} may mean {', '.join(found)}", next_step="write one of them in full")
    return found


def _beginnings(costs: Costs) -> list[str]:
    """Short names: what inputs begin with, before any of their underscores."""
    words = [name.split("_") for name in costs.records]
    return sorted({"_".join(parts[:end]) for parts in words for end in range(1, len(parts))})


def changed(costs: Costs, settings: Mapping[str, str]) -> Costs:
    """Give costs with inputs set as somebody typed them.

    Parameters
    ----------
    costs
        Where to start.
    settings
        Texts by name (:func:`named_inputs`).

    Raises
    ------
    UsageError
        If a name means nothing, or too much.
    ValidationError
        If a text is no number, or a number its unit does not admit.
    """
    values: dict[str, float] = {}
    faults: list[str] = []
    for key, text in settings.items():
        value = plain_number(text, what=key)
        for name in named_inputs(key, costs):
            entry = {"value": value, "unit": costs.records[name].unit}
            faults += [f"{name}: {fault}" for fault in _number_faults(name, "value", entry)]
            values[name] = value
    if faults:
        raise ValidationError("Some inputs cannot be used", faults=faults)
    return costs.with_values(values)


def changes(before: Costs, after: Costs, set_by: Mapping[str, str]) -> list[Change]:
    """List every input that was set, also where it is what it was.

    Parameters
    ----------
    before, after
        The costs without and with what was set.
    set_by
        By input, the words (or the file) that set it: one short name may set several.

    Examples
    --------
    >>> costs = load_costs()
    >>> words = dict.fromkeys(named_inputs("hard_cost", costs), "hard_cost")
    >>> found = changes(costs, changed(costs, {"hard_cost": "205"}), words)
    >>> [(one.name, one.before, one.value) for one in found][:2]
    [('hard_cost_house_usd_per_ft2', 195.0, 205.0), ('hard_cost_duplex_usd_per_ft2', 205.0, 205.0)]
    """
    return [
        Change(name=name, before=before[name], value=after[name], unit=after.records[name].unit, set_by=words)
        for name, words in set_by.items()
    ]
