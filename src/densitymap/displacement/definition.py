"""Definitions of pressure and change, read from ``catalog/indices`` and checked before use."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from densitymap import params
from densitymap.displacement.verbs import VERBS
from densitymap.errors import ValidationError
from densitymap.params import nearest


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """A column a definition reads."""

    name: str
    meaning: str
    optional: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One verb over inputs and earlier steps."""

    name: str
    verb: str
    of: tuple[str, ...]
    is_list: bool
    options: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Class:
    """A class the definition can give; the first whose step is true wins."""

    name: str
    label: str
    when: str | None = None
    flagged: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """One definition."""

    name: str
    title: str
    kind: str
    formula: str
    cite: str
    race: str
    reference_set: str
    inputs: tuple[Input, ...]
    steps: tuple[Step, ...]
    classes: tuple[Class, ...]
    otherwise: Class
    score: str | None = None
    years: str | None = None
    caveats: tuple[str, ...] = field(default=())


def load_index(name: str, *, extra: Path | None = None) -> Index:
    """Load a definition and check it.

    Raises
    ------
    UsageError
        If there is none of that name.
    ValidationError
        With every fault: unknown verbs, options, or names not defined before their use.
    """
    return read_index(params.load("indices", name, extra=extra), name)


def read_index(record: Mapping[str, Any], name: str) -> Index:
    """Read a definition from its record; see :func:`load_index`."""
    fields = {key: value for key, value in record.items() if key not in _LISTS}
    try:
        index = Index(
            name=name,
            inputs=tuple(Input(**entry) for entry in record.get("input", ())),
            steps=tuple(_step(entry) for entry in record.get("step", ())),
            classes=tuple(Class(**entry) for entry in record.get("class", ())),
            otherwise=Class(**record["otherwise"]),
            **(fields | {"caveats": tuple(record.get("caveats", ()))}),
        )
    except (TypeError, KeyError) as fault:
        raise ValidationError(f"catalog/indices/{name}.toml: {fault}") from fault
    faults = _faults(index)
    if faults:
        raise ValidationError(f"catalog/indices/{name}.toml is not consistent", faults=faults)
    return index


_LISTS = ("input", "step", "class", "otherwise", "caveats")


def _step(entry: Mapping[str, Any]) -> Step:
    options = {key: value for key, value in entry.items() if key not in ("name", "verb", "of")}
    of = entry["of"]
    is_list = not isinstance(of, str)
    parts = tuple(of) if is_list else (of,)
    return Step(name=entry["name"], verb=entry["verb"], of=parts, is_list=is_list, options=options)


def _faults(index: Index) -> list[str]:
    known = {entry.name for entry in index.inputs}
    faults = []
    for step in index.steps:
        if step.verb not in VERBS:
            faults.append(f"step {step.name}: no verb {step.verb!r}.{nearest(step.verb, VERBS)}")
        else:
            faults += _option_faults(step)
        faults += [
            f"step {step.name}: {part!r} is not known here.{nearest(part, known)}"
            for part in step.of
            if part not in known
        ]
        if step.name in known:
            faults.append(f"step {step.name}: the name is taken")
        known.add(step.name)
    ends = [entry.when for entry in index.classes] + [index.score]
    faults += [
        f"class or score: no step {end!r}.{nearest(end, known)}"
        for end in ends
        if end is not None and end not in known
    ]
    return faults


def _option_faults(step: Step) -> list[str]:
    parameters = inspect.signature(VERBS[step.verb]).parameters
    allowed = [key for key, value in parameters.items() if value.kind is inspect.Parameter.KEYWORD_ONLY]
    faults = [
        f"step {step.name}: {step.verb} has no option {key!r}.{nearest(key, allowed)}"
        for key in step.options
        if key not in allowed
    ]
    needed = [
        key
        for key in allowed
        if parameters[key].default is inspect.Parameter.empty and key not in step.options
    ]
    faults += [f"step {step.name}: {step.verb} needs {key!r}" for key in needed]
    wants_list = "Sequence" in str(parameters["of"].annotation)
    if wants_list != step.is_list:
        faults.append(f"step {step.name}: {step.verb} takes {'a list' if wants_list else 'one name'} in `of`")
    return faults
