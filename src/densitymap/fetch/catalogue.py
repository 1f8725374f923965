"""The sources on record: what they say, and what they take from another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from densitymap import params
from densitymap.errors import UsageError, ValidationError

_NEEDED = ("title", "kind", "layers", "publisher", "licence", "cite")
_NOT_TAKEN = ("optional",)


def sources(*, extra: Path | None = None) -> dict[str, Mapping[str, Any]]:
    """Give every record of ``catalog/sources`` by name; one that is ``like`` another holds what that says.

    Raises
    ------
    ValidationError
        Naming every record that lacks something, or names a source that is not there.
    """
    raw = {name: params.load("sources", name, extra=extra) for name in params.names("sources", extra=extra)}
    whole = {name: _resolved(record, raw) for name, record in raw.items()}
    faults = []
    for name, record in whole.items():
        faults += [f"{name}: no {field}" for field in _NEEDED if field not in record]
        others = [*record.get("fallbacks", ()), *([record["like"]] if "like" in record else [])]
        faults += [f"{name}: no source {o!r}.{params.nearest(o, raw)}" for o in others if o not in raw]
    if faults:
        raise ValidationError("catalog/sources is not consistent", faults=faults)
    return whole


def chosen(
    records: Mapping[str, Mapping[str, Any]], only: tuple[str, ...] = ()
) -> dict[str, Mapping[str, Any]]:
    """Sources to fetch: those named or filling a named layer; else all but the optional and the fallbacks.

    Raises
    ------
    UsageError
        Naming each name that is neither a source nor a layer, with the nearest.
    """
    behind = {name for record in records.values() for name in record.get("fallbacks", ())}
    usual = {
        name: record
        for name, record in records.items()
        if name not in behind and not record.get("optional", False)
    }
    if not only:
        return {name: record for name, record in usual.items() if record["kind"] != "none"}
    found: dict[str, Mapping[str, Any]] = {}
    faults = []
    layers = {layer for record in records.values() for layer in record["layers"]}
    for name in only:
        if name in records:
            found[name] = records[name]
        elif name in layers:
            found |= _filling(name, records, usual)
        else:
            faults.append(f"{name!r}.{params.nearest(name, [*layers, *records])}")
    if faults:
        raise UsageError(
            f"Neither a layer nor a source: {'; '.join(faults)}",
            next_step="`densitymap fetch --dry-run` lists them",
        )
    return found


def _filling(
    layer: str, records: Mapping[str, Mapping[str, Any]], usual: Mapping[str, Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    """The usual sources of a layer, or, where it has none, the optional ones."""
    of_layer = {name: record for name, record in records.items() if layer in record["layers"]}
    return {name: record for name, record in of_layer.items() if name in usual} or of_layer


def _resolved(record: Mapping[str, Any], raw: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    model = raw.get(record.get("like", ""), {})
    return {name: value for name, value in model.items() if name not in _NOT_TAKEN} | dict(record)
