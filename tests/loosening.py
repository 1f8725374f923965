"""Levers that can only loosen: every kind, on every standard and use, whatever the value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from densitymap.capacity.modes import UNITS
from densitymap.scenarios.lever_faults import homes_of_use
from densitymap.scenarios.levers import KINDS
from densitymap.scenarios.policy import Policy, Scenario, apply
from densitymap.zoning.code import ZoningCode, standards

LOOSENED_BY_MORE = {"max": True, "threshold": True, "flag": True, "min": False, "yard": False}
"""Whether a larger value of a standard of this sense allows more."""
LARGEST = {"ft2": 40_000, "ft": 200, "homes": 12, "ratio": 5, "spaces/home": 4}
"""Largest value tried, by unit; shares and flags end at 1."""
ONLY_TIGHTENS = ("forbid_use",)
NO_NUMBER = ("waive_minimums", "waive_for_lots_of_record", "allow_splits", "allow_use")


@st.composite
def loosening_levers(draw: st.DrawFn, code: ZoningCode, districts: Sequence[str]) -> dict[str, Any]:
    """One lever on these districts that makes no value of the code stricter."""
    kind = draw(st.sampled_from([name for name in KINDS if name not in ONLY_TIGHTENS]))
    lever: dict[str, Any] = {"kind": kind, "districts": list(districts)}
    if kind == "allow_splits":
        return lever
    use = draw(st.sampled_from([name for name in code.uses if kind not in NO_NUMBER or name != "any"]))
    lever["use"] = use
    if kind == "allow_use":
        return lever | {"units": draw(st.integers(UNITS.get(use, 1), int(min(homes_of_use(use), 12))))}
    return lever if kind in NO_NUMBER else lever | draw(_number(kind, use))


@st.composite
def _number(draw: st.DrawFn, kind: str, use: str) -> dict[str, Any]:
    """Standard and number of a lever: up where more is looser, down where less is."""
    senses = {
        "set_at_least": ("max", "threshold", "flag"), "set_at_most": ("min", "yard"), "set_standard": ("flag",),
        "scale_standard": ("max", "threshold", "min", "yard"), "derive_standard": ("max", "threshold"),
    }[kind]  # fmt: skip
    counts = kind != "derive_standard"  # of homes a form holds so many, whatever another holds
    choices = [one for one in standards().values() if one.sense in senses and (counts or one.unit != "homes")]
    standard = draw(st.sampled_from(choices))
    name, largest = standard.name, LARGEST.get(standard.unit, 1)
    if kind == "scale_standard":
        more = LOOSENED_BY_MORE[standard.sense]
        return {"standard": name, "factor": draw(st.floats(1, 10) if more else st.floats(0, 1))}
    value = st.integers(0, largest) if standard.unit == "homes" else st.floats(0, largest)
    if standard.sense == "flag":
        value = st.just(1)
    if kind == "derive_standard":
        own = use if use != "any" else "duplex"
        return {"standard": name, "use": own, "at_least": draw(value), "plus": draw(value)}
    endless = standard.sense in ("max", "threshold") and not (standard.name == "units_max" and use != "any")
    found = draw(st.one_of(value, st.just(math.inf)) if endless else value)
    return {"standard": name, "value": min(found, homes_of_use(use)) if name == "units_max" else found}


def under(policy: Policy, *levers: dict[str, Any]) -> Policy:
    """A policy with these levers pulled."""
    drawn = Scenario(
        name="looser", title="t", question="second_home", summary="s", source="test", mark="A", levers=levers
    )
    return apply(drawn, policy)
