"""A policy: a zoning code and the levers that changed it. A scenario is a named list of levers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from densitymap import params
from densitymap.errors import ValidationError
from densitymap.scenarios import levers
from densitymap.zoning.code import ZoningCode, load_code

QUESTIONS = ("second_home", "house", "adu", "duplex", "triplex")
"""What a policy is asked of each lot: may a second home of any form, or this form, stand there?"""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The resulting rules: never changed in place, a lever gives a new one."""

    name: str
    title: str
    question: str
    summary: str
    code: ZoningCode
    buildings: tuple[str, ...]
    levers: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A named list of levers, read from ``catalog/scenarios``."""

    name: str
    title: str
    question: str
    summary: str
    source: str
    mark: str
    levers: tuple[Mapping[str, Any], ...] = ()


def load_policy(code: str, *, extra: Path | None = None) -> Policy:
    """Give the code as it stands, with no lever pulled."""
    return Policy(
        name="no-change",
        title="The code as it stands",
        question="second_home",
        summary="What the zoning code allows now.",
        code=load_code(code, extra=extra),
        buildings=params.names("buildings", extra=extra),
    )


def scenario_names(*, extra: Path | None = None) -> tuple[str, ...]:
    """Names of all scenarios."""
    return params.names("scenarios", extra=extra)


def load_scenario(name: str, *, extra: Path | None = None) -> Scenario:
    """Load a scenario; ``extends`` puts another's levers before its own.

    Raises
    ------
    UsageError
        If it, or one it extends, does not exist: the nearest name is suggested.
    ValidationError
        If it extends itself, or a field is missing or unknown.
    """
    return _load_scenario(name, (), extra)


def apply(scenario: str | Scenario, policy: Policy, *, extra: Path | None = None) -> Policy:
    """Pull every lever of a scenario on a policy, in order.

    Parameters
    ----------
    scenario
        A scenario or its name.
    policy
        Where to start; it is not changed.
    extra
        A user's own catalogue, searched first.

    Returns
    -------
    Policy
        Same code where the list is empty. ``notes`` tells of levers that reached no district.

    Raises
    ------
    ValidationError
        With every fault of every lever: unknown kind, argument, district, use or standard (the
        nearest is suggested), and levers that contradict one another.
    """
    if isinstance(scenario, str):
        scenario = load_scenario(scenario, extra=extra)
    faults = [
        f"lever {number}: {fault}"
        for number, lever in enumerate(scenario.levers, start=1)
        for fault in levers.faults(lever, policy.code)
    ]
    if faults:
        raise _refused(scenario, faults)
    code, notes, contradictions = levers.pull_all(policy.code, scenario.levers)
    if contradictions:
        raise _refused(scenario, contradictions)
    return replace(
        policy,
        name=scenario.name,
        title=scenario.title,
        question=scenario.question,
        summary=scenario.summary,
        code=code,
        levers=(*policy.levers, *scenario.levers),
        notes=(*policy.notes, *notes),
    )


def _refused(scenario: Scenario, faults: list[str]) -> ValidationError:
    return ValidationError(
        f"Scenario {scenario.name} has {len(faults)} fault{'s' if len(faults) > 1 else ''}",
        faults=faults,
        next_step=f"correct catalog/scenarios/{scenario.name}.toml",
    )


def _load_scenario(name: str, above: tuple[str, ...], extra: Path | None) -> Scenario:
    if name in above:
        raise ValidationError(f"Scenario {name} extends itself: {' > '.join((*above, name))}")
    record = params.load("scenarios", name, extra=extra)
    faults = _record_faults(record)
    if faults:
        raise ValidationError(f"Scenario {name} is not complete", faults=faults)
    inherited: tuple[Mapping[str, Any], ...] = ()
    for base in record.get("extends", ()):
        inherited += _load_scenario(base, (*above, name), extra).levers
    fields = {key: record[key] for key in ("title", "question", "summary", "source", "mark")}
    return Scenario(name=name, levers=(*inherited, *record.get("lever", ())), **fields)


def _record_faults(record: Mapping[str, Any]) -> list[str]:
    known = ("title", "question", "summary", "source", "mark", "extends", "lever")
    faults = [f"{field} is missing" for field in known[:5] if field not in record]
    faults += [
        f"unknown field {field!r}.{params.nearest(field, known)}" for field in record if field not in known
    ]
    if record.get("question", QUESTIONS[0]) not in QUESTIONS:
        faults.append(f"question must be one of {', '.join(QUESTIONS)}")
    return faults
