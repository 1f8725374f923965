"""A policy: a zoning code and the levers that changed it. A scenario is a named list of levers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from densitymap import params
from densitymap.errors import UsageError, ValidationError
from densitymap.scenarios import contradictions as clashes
from densitymap.scenarios import levers
from densitymap.scenarios.document import Scenario, file_of, scenario_of
from densitymap.scenarios.lever_faults import faults as faults_of
from densitymap.scenarios.lever_notes import notes_of
from densitymap.scenarios.places import Place, place_of
from densitymap.scenarios.protections import Protection, protection_of
from densitymap.zoning.code import ZoningCode, load_code

__all__ = ["Policy", "Scenario", "apply", "load_policy", "load_scenario", "scenario_names"]

Lever = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The resulting rules: never changed in place, a lever gives a new one.

    Attributes
    ----------
    code
        The code where no lever of a place binds.
    levers
        Every lever in order, those of places and protections too.
    base
        The code before any lever.
    allow_empty
        Whether the scenario itself says that a lever may reach no lot.
    """

    name: str
    title: str
    question: str
    summary: str
    code: ZoningCode
    buildings: tuple[str, ...]
    base: ZoningCode
    levers: tuple[Lever, ...] = ()
    notes: tuple[str, ...] = ()
    source: str = ""
    mark: str = "S"
    allow_empty: bool = False

    @property
    def places(self) -> tuple[Place, ...]:
        """Places that levers of the law are bound to, each once."""
        found = [
            place_of(lever["where"]) for lever in self.levers if levers.is_law(lever) and "where" in lever
        ]
        return tuple(dict.fromkeys(found))

    @property
    def protections(self) -> tuple[Protection, ...]:
        """Protections, in order."""
        return tuple(protection_of(lever) for lever in self.levers if not levers.is_law(lever))

    @property
    def all_places(self) -> tuple[Place, ...]:
        """Places of levers of the law and of protections, each once."""
        return tuple(dict.fromkeys(place_of(lever["where"]) for lever in self.levers if "where" in lever))

    def refuse_repeated(self, lots: pd.DataFrame) -> None:
        """Refuse protections of one kind that meet on a lot.

        Parameters
        ----------
        lots
            With one boolean column per place (:func:`~densitymap.scenarios.places.with_places`).

        Raises
        ------
        ValidationError
            With every pair of them.
        """
        faults = clashes.on_lots(_protecting(self.levers), lots)
        if faults:
            raise _refused(self.name, faults)

    def inside(self, held: Sequence[bool]) -> Policy:
        """Give the rules on lots that lie in some of :attr:`places` (one flag for each, in order).

        Raises
        ------
        ValidationError
            If levers of places that overlap there contradict one another.
        """
        keys = {place.key for place, holds in zip(self.places, held, strict=True) if holds}
        if not keys:
            return replace(self, levers=_binding(self.levers, set()))
        code, _, contradictions = levers.pull_all(self.base, _numbered(self.levers, keys))
        if contradictions:
            words = " and ".join(place.words for place in self.places if place.key in keys)
            raise _refused(self.name, [f"{fault} (on lots {words})" for fault in contradictions])
        return replace(self, code=code, levers=_binding(self.levers, set()))


def load_policy(code: str, *, extra: Path | None = None) -> Policy:
    """Give the code as it stands, with no lever pulled."""
    law = load_code(code, extra=extra)
    return Policy(
        name="no-change",
        title="The code as it stands",
        question="second_home",
        summary="What the zoning code allows now.",
        source=f"catalog/codes/{code}.toml",
        code=law,
        base=law,
        buildings=params.names("buildings", extra=extra),
    )


def scenario_names(*, extra: Path | None = None) -> tuple[str, ...]:
    """Names of all scenarios."""
    return params.names("scenarios", extra=extra)


def load_scenario(name: str | Path, *, extra: Path | None = None) -> Scenario:
    """Load a scenario by name, or from a TOML file; ``extends`` puts another's levers before its own, once.

    Raises
    ------
    UsageError
        If it, or one it extends, does not exist: the nearest name is suggested.
    ValidationError
        If it extends itself, a field is missing or unknown, or it is written for another version.
    """
    path = file_of(name)
    if path is not None and not path.stem.strip(". "):
        raise UsageError(f"{path.name} cannot name a scenario", next_step="give the file a name of letters")
    own = str(name) if path is None else path.stem
    record = params.load("scenarios", own, extra=extra) if path is None else params.read_toml(path)
    line = _line((own,), record, extra)
    return replace(
        line[own],
        levers=tuple(lever for one in line.values() for lever in one.levers),
        notes=tuple(note for one in line.values() for note in one.notes),
    )


def apply(scenario: str | Path | Scenario, policy: Policy, *, extra: Path | None = None) -> Policy:
    """Pull every lever of a scenario on a policy, in order.

    Parameters
    ----------
    scenario
        A scenario, its name, or its file.
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
        With every fault of every lever: unknown kind, argument, district, use, standard, unit or place
        (the nearest is suggested), levers that contradict one another, a protection given twice.
    """
    if not isinstance(scenario, Scenario):
        scenario = load_scenario(scenario, extra=extra)
    faults = [
        f"lever {number}: {fault}"
        for number, lever in enumerate(scenario.levers, start=1)
        for fault in faults_of(lever, policy.code)
    ]
    if faults:
        raise _refused(scenario.name, faults)
    together = (*policy.levers, *scenario.levers)
    code, notes, contradictions = _met(policy.base, together)
    notes += notes_of(together, code)
    contradictions += clashes.of_file(_protecting(together))
    if contradictions:
        raise _refused(scenario.name, contradictions)
    return replace(
        policy,
        name=scenario.name,
        title=scenario.title,
        question=scenario.question,
        summary=scenario.summary,
        source=scenario.source,
        mark=scenario.mark,
        allow_empty=scenario.allow_empty,
        code=code,
        levers=together,
        notes=tuple(dict.fromkeys((*policy.notes, *scenario.notes, *notes))),
    )


def _binding(pulled: Sequence[Lever], keys: set[str]) -> tuple[Lever, ...]:
    """Levers of the law that bind everywhere or in one of these places."""
    return tuple(
        lever
        for lever in pulled
        if levers.is_law(lever) and ("where" not in lever or place_of(lever["where"]).key in keys)
    )


def _protecting(pulled: Sequence[Lever]) -> list[tuple[int, Lever]]:
    return [(number, lever) for number, lever in enumerate(pulled, start=1) if not levers.is_law(lever)]


def _met(base: ZoningCode, pulled: Sequence[Lever]) -> tuple[ZoningCode, list[str], list[str]]:
    """The code where no lever of a place binds; notes and contradictions there and in each place alone."""
    named = [place_of(lever["where"]).key for lever in pulled if levers.is_law(lever) and "where" in lever]
    code, first, second = levers.pull_all(base, _numbered(pulled, ()))
    notes, contradictions = [*first], [*second]
    for key in dict.fromkeys(named):
        _, said, against = levers.pull_all(base, _numbered(pulled, (key,)))
        notes += said
        contradictions += against
    return code, list(dict.fromkeys(notes)), list(dict.fromkeys(contradictions))


def _numbered(pulled: Sequence[Lever], keys: Collection[str]) -> list[Lever]:
    """The levers as numbered in the file: those that bind in none of these places stand as protections do."""
    return [
        lever
        if "where" not in lever or place_of(lever["where"]).key in keys
        else {"kind": "of another place"}
        for lever in pulled
    ]


def _refused(name: str, faults: list[str]) -> ValidationError:
    return ValidationError(
        f"Scenario {name} has {len(faults)} fault{'s' if len(faults) > 1 else ''}",
        faults=faults,
        next_step=f"correct the file of {name} (shipped ones lie in catalog/scenarios)",
    )


def _line(above: tuple[str, ...], record: Mapping[str, Any], extra: Path | None) -> dict[str, Scenario]:
    """A scenario after all that it extends, each once however often it is extended."""
    found = scenario_of(above[-1], record, known=scenario_names(extra=extra))
    line: dict[str, Scenario] = {}
    for base in record.get("extends", ()):
        if base in above:
            raise ValidationError(f"Scenario {base} extends itself: {' > '.join((*above, base))}")
        line |= _line((*above, base), params.load("scenarios", base, extra=extra), extra)
    return line | {above[-1]: found}
