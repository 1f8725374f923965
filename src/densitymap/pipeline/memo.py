"""The staff memo of some scenarios: evaluate them, gather what a memo says, write the Word file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from densitymap import __version__
from densitymap.city import load_city
from densitymap.errors import MissingDataError, UsageError
from densitymap.feasibility.costs import load_costs
from densitymap.feasibility.priors import priors
from densitymap.pipeline import scenarios, workspace
from densitymap.pipeline.calibrate import what_happened
from densitymap.pipeline.funnel import read_lots
from densitymap.pipeline.report import FOLDER, slug
from densitymap.pipeline.results import BASELINE
from densitymap.pipeline.scenarios import load_ground, manifest, policy_of
from densitymap.pipeline.workspace import Workspace
from densitymap.reports import memo as core
from densitymap.reports import word
from densitymap.scenarios.beliefs import beliefs
from densitymap.scenarios.policy import Policy
from densitymap.scenarios.sensitivity import tornado

_HASHES = ("fingerprint", "parcels", "results", "lock", "levers_hash", "code_and_catalogue")


def memo(
    space: Workspace,
    names: Sequence[str],
    *,
    folder: Path | None = None,
    allow_empty: bool = False,
    n_draws: int | None = None,
) -> dict[str, Any]:
    """Write the memo that sets scenarios beside no change.

    Parameters
    ----------
    space
        A built workspace.
    names
        Scenarios or their files, in the order they are to stand.
    folder
        Where to write; the workspace's reports if None.
    allow_empty, n_draws
        See :func:`densitymap.pipeline.scenarios.compare`.

    Returns
    -------
    dict
        ``file``, ``scenarios`` (names, no change first), ``not_computable``, ``lock_hash``.

    Raises
    ------
    UsageError
        If no scenario is named, or one is unknown: the nearest is suggested.
    MissingDataError
        If nothing has been built, or python-docx is not installed.
    ValidationError
        If a lever reaches no lot, unless that is allowed; a scenario's every fault.
    """
    if not [name for name in names if name != BASELINE]:
        raise UsageError(
            "A memo needs a scenario beside no change", next_step="densitymap report --memo triplex-by-right"
        )
    records = scenarios.compare(space, names, allow_empty=allow_empty, n_draws=n_draws)["scenarios"]
    policies = [policy_of(space, name) for name in dict.fromkeys([BASELINE, *names])]
    given = _given(space, records, policies, n_draws)
    made = word.write(core.compose(given), title=core.title(given))
    stem = "-vs-".join(slug(one["name"]) for one in records[1:])
    path = (folder or space.maps / FOLDER) / f"{core.say('head.file')}-{stem}.docx"
    workspace.write_atomically(path, partial(Path.write_bytes, data=made))
    return {
        "file": str(path),
        "scenarios": [one["name"] for one in records],
        "not_computable": list(dict.fromkeys(line for one in records for line in one["not_computable"])),
        "lock_hash": given.lock_hash,
    }


def _given(
    space: Workspace, records: Sequence[Mapping[str, Any]], policies: Sequence[Policy], n_draws: int | None
) -> core.MemoInput:
    built = workspace.read_json(space.results / "build.json")
    if built is None:
        raise MissingDataError("Nothing has been built here", next_step="run `densitymap build`")
    ran = {policy.name: manifest(space, policy, n_draws) for policy in policies}
    first = ran[BASELINE]
    return core.MemoInput(
        records=records,
        area=str(built["area"]),
        synthetic=bool(built["synthetic"]),
        lock_hash=str(built["lock_hash"]),
        version=__version__,
        seed=int(first["seed"]),
        draws=int(first["draws"]),
        parameters=parameters(load_city().code),
        marks=[
            ("lock of the data", str(built["lock_hash"])),
            *((f"{name}: {part}", str(told[part])) for name, told in ran.items() for part in _HASHES),
        ],
        local=happened(space),
        tornadoes=_tornadoes(space, policies[1:], n_draws) if records[0]["ledgers"] else {},
        sources={policy.name: (policy.source, policy.mark) for policy in policies[1:]},
    )


def parameters(city: str) -> list[list[str]]:
    """Every cost, prior and belief with its range and source, in catalogue order."""
    return core.parameter_rows([*load_costs(city).records.values(), *priors().values(), *beliefs().values()])


def happened(space: Workspace) -> list[str]:
    """What stands and what was permitted here, as far as it is known; it describes, it does not explain."""
    told = (workspace.read_json(space.results / "calibration.json") or {}).get("what_happened_here")
    return [str(told or what_happened(read_lots(space))["text"])]


def _tornadoes(
    space: Workspace, policies: Sequence[Policy], n_draws: int | None
) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """What each difference hangs on, of the scenarios whose ledgers could be counted."""
    loaded = load_ground(space, n_draws=n_draws)
    base = loaded.base
    found = {}
    for policy in policies:
        one = loaded.outcome(policy)
        if one.counted is not None and base.counted is not None and loaded.situation is not None:
            found[policy.name] = tornado(one.counted, base.counted, loaded.situation)
    return found
