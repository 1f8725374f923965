"""Fetch an area's layers from their publishers into ``data/1_raw``, with a receipt beside each file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from densitymap import params
from densitymap.atomic import PART
from densitymap.city import DEFAULT, City, load_city
from densitymap.errors import DensitymapError, MissingDataError, NetworkError, UsageError, ValidationError
from densitymap.fetch import catalogue
from densitymap.fetch.http import Session
from densitymap.fetch.kept import Fetched, Place
from densitymap.fetch.kinds import KINDS
from densitymap.ingest.receipt import sha256_of
from densitymap.pipeline import layers as stage_layers
from densitymap.pipeline import workspace
from densitymap.pipeline.fetch_area import layer_of, place_of
from densitymap.pipeline.fetch_notes import note_path, read_note
from densitymap.pipeline.workspace import Workspace

PLACED = ("arcgis", "raster", "overpass", "overture")
"""Kinds of sources that are asked for the area's box only."""
LOCKED = ("url", "service_layer", "file", "vintage", "rows", "sha256", "licence", "fetched_at")
"""What the lock keeps of a fetched source."""
FETCHED, KEPT, EMPTY, FAILED, PLANNED = "fetched", "kept", "empty", "failed", "planned"
Record = Mapping[str, Any]


@dataclass(slots=True)
class Run:
    """One fetch: what it asks for, with what, and what came of each source."""

    space: Workspace
    city: City
    records: Mapping[str, Record]
    session: Session
    key: Callable[[], Any]
    again: bool = False
    place: Place | None = None
    outcomes: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: dict[str, DensitymapError] = field(default_factory=dict)


def fetch(
    space: Workspace,
    *,
    area: str = "district-5",
    only: tuple[str, ...] = (),
    session: Session,
    key: Callable[[], Any],
    again: bool = False,
    city_name: str = DEFAULT,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Fetch sources, one after another; what fails leaves what was there before.

    Parameters
    ----------
    space
        Its ``data/1_raw`` takes the files, its ``densitymap.lock`` what they are.
    area
        As :func:`densitymap.pipeline.build.build` understands it.
    only
        Names of layers or sources; all usual ones when empty.
    session
        A :class:`densitymap.fetch.http.Session`.
    key
        Gives the Census key when it is first needed.
    again
        Fetch also what was fetched within the last hours (``catalog/choices/http.toml``, ``kept_h``).
    city_name
        Record in ``catalog/cities``.
    progress
        Told what is being done.

    Returns
    -------
    dict
        ``area``, ``bounds_deg``, ``sources`` (one entry each: ``source``, ``state``, and its receipt or its
        ``error``) and ``exit_code``.

    Raises
    ------
    UsageError
        If a name is unknown, or the workspace holds the synthetic sample.
    """
    run = _opened(space, session, cache(key), again=again, city_name=city_name)
    wanted = catalogue.chosen(run.records, only)
    placed = any(map(_is_placed, wanted.values()))
    for name in _placing(run, area) if placed else ():
        progress(run.records[name]["title"])
        _settle(run, name)
    why_not = _locate(run, area) if placed else None
    for name, record in wanted.items():
        if name in run.outcomes:
            continue
        progress(record["title"])
        if why_not is not None and _is_placed(record):
            _fail(run, name, why_not)
        else:
            _settle(run, name)
    return _report(run, area)


def plan(*, area: str, only: tuple[str, ...] = ()) -> dict[str, Any]:
    """Tell what a fetch would ask for, without asking."""
    records = catalogue.sources()
    told = [
        {"source": name, "state": PLANNED}
        | {key: record.get(key) for key in ("title", "kind", "layers", "url", "file", "fallbacks")}
        for name, record in catalogue.chosen(records, only).items()
    ]
    return {"area": area, "bounds_deg": None, "sources": told, "exit_code": 0}


def look(space: Workspace, *, area: str, only: tuple[str, ...] = ()) -> dict[str, Any]:
    """Tell what is kept of earlier fetches and is still as it was, without asking anybody."""
    records = catalogue.sources()
    told = [_kept_entry(space, name, records) for name in catalogue.chosen(records, only)]
    lacking = any(entry["state"] == FAILED for entry in told)
    code = MissingDataError.exit_code if lacking else 0
    return {"area": area, "bounds_deg": None, "sources": told, "exit_code": code}


def _opened(
    space: Workspace, session: Session, key: Callable[[], Any], *, again: bool, city_name: str
) -> Run:
    if space.raw.is_dir() and stage_layers.is_synthetic([space.raw]):
        raise UsageError(
            "data/1_raw holds the synthetic sample; real layers are not mixed with it",
            next_step="choose another --workspace",
        )
    for part in space.raw.rglob(f".*{PART}"):
        if part.is_file():
            part.unlink(missing_ok=True)
    return Run(space, load_city(city_name), catalogue.sources(), session, key, again)


def _placing(run: Run, area: str) -> list[str]:
    """Sources of the layer that tells where the area lies."""
    layer = layer_of(area)
    return [] if layer is None else list(catalogue.chosen(run.records, (layer,)))


def _locate(run: Run, area: str) -> DensitymapError | None:
    """Learn the area's box; give what keeps it from being known."""
    try:
        run.place = place_of(area, run.city, run.space.raw)
    except UsageError:
        raise
    except DensitymapError as fault:
        cause = next(iter(run.faults.values()), fault)
        kind = NetworkError if isinstance(cause, NetworkError) else MissingDataError
        why = str(cause.args[0]).splitlines()[0]
        step = "mend that first, or give the area as west,south,east,north"
        return kind(f"not asked: where {area} lies is not known ({why})", next_step=step)
    return None


def _settle(run: Run, name: str) -> None:
    """Fetch a source or the first of its fallbacks that comes, unless it was just fetched."""
    record = run.records[name]
    faults: list[str] = []
    for each in (name, *record.get("fallbacks", ())):
        try:
            run.outcomes[name] = _fresh_entry(run, each) or _fetched_entry(run, each)
        except DensitymapError as fault:
            faults.append(f"{each}: {fault.args[0]}" if faults else str(fault.args[0]))
            run.faults.setdefault(name, fault)
            continue
        if faults:
            run.outcomes[name]["instead_of"] = {"source": name, "error": faults[0]}
            run.faults.pop(name)
        return
    _fail(run, name, run.faults[name], told=faults)


def _fail(run: Run, name: str, fault: DensitymapError, *, told: list[str] | None = None) -> None:
    run.faults[name] = fault
    entry = {"source": name, "state": FAILED, "title": run.records[name]["title"]}
    earlier = read_note(run.space.raw, run.records[name])
    error = "\n".join(told or [str(fault.args[0])])
    run.outcomes[name] = entry | {"error": error, "next": fault.next_step, "earlier": bool(earlier)}


def _fresh_entry(run: Run, name: str) -> dict[str, Any] | None:
    """What was fetched for the same question within the last hours, and lies there unchanged."""
    note = read_note(run.space.raw, run.records[name])
    if run.again or note is None or note["question"] != _question(run, name):
        return None
    age_h = (time.time() - datetime.fromisoformat(note["fetched_at"]).timestamp()) / 3600
    path = run.space.raw / note["file"]
    if not 0 <= age_h < params.choice("kept_h", group="http") or sha256_of(path) != note["sha256"]:
        return None
    return note | {"state": KEPT}


def _fetched_entry(run: Run, name: str) -> dict[str, Any]:
    record = run.records[name]
    result = _asked(run, record)
    facts = {
        "source": name,
        "title": record["title"],
        "layers": record["layers"],
        "url": result.url,
        "service_layer": result.layer,
        "rows": result.rows,
        "vintage": result.vintage or record.get("vintage"),
        "licence": result.licence or record["licence"],
        "fetched_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "question": _question(run, name),
        "notes": list(result.notes),
    }
    for path in result.files:
        relative = path.relative_to(run.space.raw).as_posix()
        note = facts | {"file": relative, "sha256": sha256_of(path)}
        workspace.write_json(note_path(run.space.raw, relative), note)
    if not result.files:
        return facts | {"state": EMPTY, "file": None, "sha256": None}
    return facts | read_note(run.space.raw, record, path=result.files[0]) | {"state": FETCHED}


def _asked(run: Run, record: Record) -> Fetched:
    """Ask the publisher; what has another form than expected is the publisher's fault, told as such."""
    asked = KINDS[record["kind"]]
    if record["kind"] == "census":
        asked = partial(asked, key=run.key)
    elif record["kind"] == "raster":
        asked = partial(asked, address=run.session.address)
    place = run.place or Place(name=run.city.title, bounds_deg=run.city.extent)
    try:
        return asked(record, place, run.session, run.space.raw)
    except OSError as fault:
        raise ValidationError(
            f"{record['title']} could not be written ({fault.strerror or fault}); what was there is kept",
            next_step="free some space, or choose another --workspace",
        ) from fault
    except (AttributeError, LookupError, TypeError, ValueError) as fault:
        raise ValidationError(
            f"{record['title']}: the answer has another form than expected ({type(fault).__name__}: {fault})",
            next_step="run `densitymap doctor`: the publisher may have changed the service",
        ) from fault


def _question(run: Run, name: str) -> str:
    record = run.records[name]
    bounds = run.place.bounds_deg if run.place is not None and _is_placed(record) else None
    return workspace.hash_of([dict(record), bounds])


def _is_placed(record: Record) -> bool:
    return record["kind"] in PLACED and not record.get("whole", False)


def _kept_entry(space: Workspace, name: str, records: Mapping[str, Record]) -> dict[str, Any]:
    for each in (name, *records[name].get("fallbacks", ())):
        note = read_note(space.raw, records[each])
        if note is not None and sha256_of(space.raw / note["file"]) == note["sha256"]:
            return note | {"state": KEPT}
    error, step = "not fetched yet, or changed since", "run it without --offline"
    return {"source": name, "state": FAILED, "title": records[name]["title"], "error": error, "next": step}


def _report(run: Run, area: str) -> dict[str, Any]:
    entries = [_plain(entry) for entry in run.outcomes.values()]
    _complete_lock(run.space, entries)
    bounds = None if run.place is None else list(run.place.bounds_deg)
    return {"area": area, "bounds_deg": bounds, "sources": entries, "exit_code": _exit_code(run)}


def _plain(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "question"}


def _exit_code(run: Run) -> int:
    """Silence weighs most, then refusals, then what is missing."""
    codes = {fault.exit_code for fault in run.faults.values()}
    order: Iterator[int] = (
        kind.exit_code for kind in (NetworkError, ValidationError, MissingDataError, UsageError)
    )
    return next((code for code in order if code in codes), 0)


def _complete_lock(space: Workspace, entries: list[dict[str, Any]]) -> None:
    """Write what was fetched into the lock, beside what the last build was made from."""
    new = {
        entry["source"]: {name: entry[name] for name in LOCKED}
        for entry in entries
        if entry["state"] in (FETCHED, KEPT)
    }
    if not new:
        return
    lock = workspace.read_json(space.lock) or {"version": 1, "layers": {}}
    lock["sources"] = dict(sorted(({**lock.get("sources", {})} | new).items()))
    workspace.write_json(space.lock, lock)
