"""The choices behind the sample: ``catalog/sample/district5.toml``, each with unit and citation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from densitymap import params
from densitymap.errors import ValidationError

Settings = Mapping[str, Any]
"""Values by ``section.name``."""


@cache
def load(name: str = "district5") -> Settings:
    """Read a sample's choices, refusing any that has no unit or no citation.

    Raises
    ------
    UsageError
        If there is no such record.
    ValidationError
        Naming every value without ``unit`` or ``cite``.
    """
    leaves = dict(_leaves(params.load("sample", name), ""))
    faults = [
        f"{path}: has no {part}"
        for path, leaf in leaves.items()
        for part in ("unit", "cite")
        if not leaf.get(part)
    ]
    if faults:
        raise ValidationError(f"catalog/sample/{name}.toml is not complete", faults=faults)
    return {path: leaf["value"] for path, leaf in leaves.items()}


def section(settings: Settings, prefix: str) -> dict[str, Any]:
    """Values whose path starts with ``prefix.``, by the rest of the path, in the file's order."""
    return {
        path.removeprefix(prefix + "."): value
        for path, value in settings.items()
        if path.startswith(prefix + ".")
    }


def _leaves(record: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, value in record.items():
        here = f"{path}.{name}" if path else name
        if isinstance(value, Mapping) and "value" in value:
            yield here, value
        elif isinstance(value, Mapping):
            yield from _leaves(value, here)
