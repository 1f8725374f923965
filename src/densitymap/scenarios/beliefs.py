"""What is believed of displacement: ``catalog/evidence/displacement.toml``, drawn by name.

The luck of a belief hangs on the seed and its name (or that of the belief it moves with) alone, so every
scenario meets the same world.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from densitymap import params
from densitymap.feasibility.priors import Prior, luck, read_priors
from densitymap.geometry import Floats
from densitymap.scenarios.protections import Parameter

_SEEN = "seen_on_homes"
_WITH = "drawn_with"


@cache
def beliefs() -> Mapping[str, Prior]:
    """Every belief by name.

    Raises
    ------
    ValidationError
        Naming every belief without unit or citation, or whose points are not in order.
    """
    record = params.load("evidence", "displacement")
    return read_priors({name: _without(fields) for name, fields in record.items()})


def _without(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in (_SEEN, _WITH)}


@cache
def extrapolated() -> Mapping[str, str]:
    """Beliefs seen on other buildings than these, and on which."""
    record = params.load("evidence", "displacement")
    return {name: str(fields[_SEEN]) for name, fields in record.items() if _SEEN in fields}


@cache
def drawn_with() -> Mapping[str, str]:
    """Whose luck each belief is drawn with: its own name, or that of the belief it moves together with."""
    return {name: fields.get(_WITH, name) for name, fields in params.load("evidence", "displacement").items()}


@cache
def channels() -> Mapping[str, Mapping[str, Any]]:
    """The rent channels by name, kept apart everywhere."""
    return params.load("evidence", "channels")


def drawn(size: int, seed: int) -> dict[str, Floats]:
    """Draw every belief.

    Examples
    --------
    >>> few, many = drawn(3, 5), drawn(9, 5)
    >>> all((many[name][:3] == few[name]).all() for name in few)
    True
    """
    return {name: belief.at(luck(seed, drawn_with()[name], size)) for name, belief in beliefs().items()}


def parameter_drawn(kind: str, name: str, given: Parameter, *, size: int, seed: int) -> Floats:
    """Draw a protection's parameter between its low and its high point."""
    ends = sorted((given.low, given.value, given.high))
    belief = Prior(
        name=f"{kind}.{name}", label=name, low=ends[0], default=ends[1], high=ends[2], scale="linear",
        bounds=(ends[0], ends[2]), unit=given.unit, cite=given.cite, mark=given.mark,
    )  # fmt: skip
    return belief.at(luck(seed, belief.name, size))
