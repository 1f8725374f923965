"""The endpoints of the catalogue, all asked at once: which answer, and what moved."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from densitymap import params
from densitymap.errors import DensitymapError, NetworkError
from densitymap.fetch import catalogue
from densitymap.fetch.census_api import Key
from densitymap.fetch.check import Finding, check
from densitymap.fetch.http import Session, redacted
from densitymap.fetch.probe import LateError, in_time

SILENT, MOVED, WELL = "silent", "moved", "well"
"""It did not answer (or not with its data); it answers and differs from the catalogue; neither."""


def examine(*, endpoints: Mapping[str, str] | None = None, key: Key | None = None) -> list[dict[str, Any]]:
    """Ask every endpoint what it is, side by side, within the time the catalogue allows.

    Parameters
    ----------
    endpoints
        Hosts that are somewhere else, see :func:`densitymap.fetch.http.endpoints_from`.
    key
        The Census key, if there is one.

    Returns
    -------
    list of dict
        By name: ``name``, ``title``, ``kind``, ``state``, ``found``, ``rows``, ``moved``, ``mend`` (the
        file to edit, or what else helps) and ``needed`` (neither optional nor only a fallback).
    """
    sources = {name: one for name, one in catalogue.sources().items() if one["kind"] != "none"}
    spare = {name for one in sources.values() for name in one.get("fallbacks", ())}
    each = params.choice("doctor_each_s", group="fetch")
    session = Session(endpoints=endpoints, retries=0, timeout_s=(each, each), pause_s=0)
    tasks = {name: functools.partial(check, source, session, key=key) for name, source in sources.items()}
    deadline, at_once = (params.choice(name, group="fetch") for name in ("doctor_all_s", "doctor_at_once"))
    outcomes = in_time(tasks, deadline_s=deadline, at_once=at_once)
    return [
        _told(name, sources[name], outcome)
        | {"needed": name not in spare and not sources[name].get("optional", False)}
        for name, outcome in sorted(outcomes.items())
    ]


def _told(name: str, source: Mapping[str, Any], outcome: Finding | Exception) -> dict[str, Any]:
    entry = {"name": name, "title": source["title"], "kind": source["kind"], "rows": None, "moved": []}
    file = f"catalog/sources/{name}.toml"
    if isinstance(outcome, Finding):
        moved = list(outcome.moved)
        mend = f"compare with the service, and edit {file}" if moved else ""
        entry |= {"state": MOVED if moved else WELL, "found": outcome.found, "rows": outcome.rows}
        return entry | {"moved": moved, "mend": mend}
    if isinstance(outcome, DensitymapError) and not isinstance(outcome, NetworkError):
        told = redacted(str(outcome))
        return entry | {"state": MOVED, "found": "another service", "moved": [told], "mend": f"edit {file}"}
    mend = f"check the connection; if only this one is silent, look for its new address and edit {file}"
    return entry | {"state": SILENT, "found": _why(outcome), "mend": mend}


def _why(outcome: Exception) -> str:
    """One line of what went wrong, without keys."""
    if isinstance(outcome, LateError | DensitymapError):
        return redacted(str(outcome).split("\n  Next:")[0])
    return redacted(f"{type(outcome).__name__}: {outcome}")
