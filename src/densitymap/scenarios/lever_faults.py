"""Everything wrong with a lever before it is pulled: names, places, numbers and units, told all at once."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from typing import TypeGuard

from densitymap.capacity.legal import HOMES
from densitymap.capacity.modes import UNITS
from densitymap.params import nearest
from densitymap.scenarios import places, protections
from densitymap.scenarios.levers import BESIDE, KINDS, Lever
from densitymap.zoning.code import Standard, ZoningCode, standards

_LARGEST = 2**53
"""Numbers beyond this lose digits as floats, and scaled by one another end as no limit."""


def faults(lever: Lever, code: ZoningCode) -> Iterator[str]:
    """Everything wrong with a lever before it is pulled."""
    kind = str(lever.get("kind"))
    known = (*KINDS, *protections.kinds())
    if kind not in known:
        yield f"unknown kind {kind!r}.{nearest(kind, known)}"
        return
    huge = [*_too_large(lever)]
    if huge:
        yield from huge
        return
    if "where" in lever:
        yield from places.faults(lever["where"])
    if kind not in KINDS:
        yield from protections.faults(lever)
        return
    yield from _argument_faults(lever, kind)
    yield from _name_faults(lever, code)
    yield from _number_faults(lever, kind)


def _too_large(value: object, name: str = "") -> Iterator[str]:
    """Numbers beyond those that can be counted with, however deep they lie in the lever; inf is no limit."""
    if isinstance(value, int | float) and _LARGEST < abs(value) < math.inf:
        yield f"{name} is too large a number"
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _too_large(inner, str(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _too_large(inner, name)


def _argument_faults(lever: Lever, kind: str) -> Iterator[str]:
    accepted = inspect.signature(KINDS[kind]).parameters
    for name in lever:
        if name not in accepted and name not in BESIDE:
            yield f"{kind} takes no {name!r}.{nearest(name, [*accepted, *BESIDE])}"
    for name, parameter in accepted.items():
        if name != "code" and name not in lever and parameter.default is parameter.empty:
            yield f"{kind} needs {name!r}"


def _name_faults(lever: Lever, code: ZoningCode) -> Iterator[str]:
    districts = lever.get("districts", [])
    if not isinstance(districts, list | tuple) or not districts:
        yield "districts must be a list of at least one district"
        districts = []
    for name in districts:
        if not isinstance(name, str) or name not in code.districts:
            yield f"{code.name} has no district {name!r}.{nearest(str(name), code.districts)}"
    for field in ("use", "from_use"):
        if field in lever and lever[field] not in code.uses:
            yield f"unknown use {lever[field]!r}.{nearest(str(lever[field]), code.uses)}"
    if "standard" in lever and lever["standard"] not in [*standards()]:
        yield f"unknown standard {lever['standard']!r}.{nearest(str(lever['standard']), standards())}"


_NUMBERS = ("value", "plus", "at_least", "units", "factor")
_SETS = ("value", "plus", "at_least")
"""Numbers that are in the unit of the lever's standard."""


def _number_faults(lever: Lever, kind: str) -> Iterator[str]:
    for field in _NUMBERS:
        value = lever.get(field, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
            yield f"{field} of {kind} must be a number of at least 0, not {value!r}"
    if _is_number(lever.get("factor", 0)) and math.isinf(lever.get("factor", 0)):
        yield f"factor of {kind} must be a finite number"
    yield from _homes_faults(lever, kind)
    yield from _unit_faults(lever, kind)
    standard = standards().get(str(lever.get("standard")))
    if standard is not None:
        yield from _standard_faults(lever, kind, standard)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _homes_faults(lever: Lever, kind: str) -> Iterator[str]:
    """Homes must be whole, as many as make the form, and no more than it holds."""
    units, use = lever.get("units"), str(lever.get("use"))
    if not _is_number(units) or not units >= 0:
        return
    least, most = UNITS.get(use, 1), homes_of_use(use)
    if math.isfinite(units) and units != int(units):
        yield f"units of {kind} must be whole homes, not {units!r}"
    elif units == 0:
        yield f"units of {kind} must be at least {least}: forbid_use takes a use out"
    elif units < least:
        yield f"units of {kind}: one {use} is at least {least} homes, not {units!r}"
    if units > most:
        yield f"units of {kind}: one {use} holds at most {most:g} home{'s' * (most > 1)}, not {units!r}"


def homes_of_use(use: str) -> float:
    """Most homes one building of a use holds: the accessory home alone for ``adu``; no limit for ``multi``.

    Examples
    --------
    >>> [homes_of_use(use) for use in ("house", "adu", "duplex", "triplex", "multi")]
    [1, 1, 2, 3, inf]
    """
    if use == "adu":
        return HOMES["adu"] - HOMES["house"]
    return HOMES.get(use, math.inf)


def _unit_faults(lever: Lever, kind: str) -> Iterator[str]:
    """A unit must be the one of the standard, or homes where the lever counts homes."""
    if "unit" not in lever:
        return
    given, takes = lever["unit"], inspect.signature(KINDS[kind]).parameters
    standard = standards().get(str(lever.get("standard")))
    if "units" in takes:
        asked, of = "homes", f"units of {kind}"
    elif "factor" in takes:
        asked, of = "ratio", f"factor of {kind}"
    elif "standard" not in takes:
        yield f"{kind} takes no 'unit': it has no number"
        return
    elif standard is None:
        return
    else:
        asked, of = standard.unit, standard.name
    if given != asked and not ("factor" in takes and standard is not None and given == standard.unit):
        yield f"unit is {given!r}; {of} is in {asked!r}.{nearest(str(given), [asked])}"


def _standard_faults(lever: Lever, kind: str, standard: Standard) -> Iterator[str]:
    """Numbers that the standard cannot take: beyond yes or no, beyond a share, parts of a home."""
    if standard.sense == "flag" and kind not in ("set_standard", "set_at_least", "set_at_most"):
        yield f"{standard.name} is a yes or no: use set_standard with value 1 or 0, not {kind}"
        return
    for field in _SETS:
        value = lever.get(field, 0)
        if not _is_number(value) or not value >= 0:
            continue
        what = f"{standard.name}" if field == "value" else f"{field} of {standard.name}"
        if standard.sense == "flag" and value not in (0, 1):
            yield f"{what} is a yes or no and must be 1 or 0, not {value!r}"
        elif standard.unit.startswith("share") and 1 < value < math.inf:
            yield f"{what} is a share and must lie between 0 and 1, not {value!r}"
        elif standard.name == "units_max" and value > homes_of_use(str(lever.get("use", "any"))):
            most = homes_of_use(str(lever["use"]))
            yield f"{what}: one {lever['use']} holds at most {most:g} home{'s' * (most > 1)}, not {value!r}"
        elif standard.unit == "homes" and math.isfinite(value) and value != int(value):
            yield f"{what} must be whole homes, not {value!r}"
        elif math.isinf(value) and (standard.sense not in ("max", "threshold") or field != "value"):
            yield f"{what} must be a finite number: only a greatest value may be without limit"
