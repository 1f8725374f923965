"""The frontier of a built workspace: ask each package everywhere once, choose, score afresh, write files."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from densitymap import params
from densitymap.errors import MissingDataError, UsageError
from densitymap.pipeline import workspace
from densitymap.pipeline.results import BASELINE
from densitymap.pipeline.scenario_names import frontier_folder, points_of
from densitymap.pipeline.scenario_places import layers_for
from densitymap.pipeline.scenarios import Loaded, load_ground, policy_of
from densitymap.pipeline.workspace import Workspace
from densitymap.scenarios import frontier as exact
from densitymap.scenarios import frontier_score as scores
from densitymap.scenarios import market as rents
from densitymap.scenarios.document import Scenario, scenario_toml
from densitymap.scenarios.evaluate import evaluate as evaluate_on
from densitymap.scenarios.flow import flow_of
from densitymap.scenarios.frontier import Choice
from densitymap.scenarios.frontier_score import Table
from densitymap.scenarios.frontier_words import summary
from densitymap.scenarios.place_sums import Ground, Sums, place_sums
from densitymap.scenarios.places import inside, place_of, within
from densitymap.scenarios.policy import Policy
from densitymap.scenarios.tenure import cells_of, let_homes
from densitymap.zoning.parse import parse_zones

CHANNELS = rents.CHANNELS
LEVELS = ("neighborhood", "zone")
NOTES = tuple(exact.record()["notes"])


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked: see the command."""

    packages: tuple[str, ...] = ()
    by: str = LEVELS[0]
    budget_usd: float = float("inf")
    channels: tuple[str, ...] = CHANNELS
    n_draws: int | None = None

    def __post_init__(self) -> None:
        """Check the words and numbers.

        Raises
        ------
        UsageError
            If a level or channel is unknown (the nearest is suggested), or the budget is no amount.
        """
        if self.by not in LEVELS:
            raise UsageError(
                f"There is no --by {self.by!r}.{params.nearest(self.by, LEVELS)}",
                next_step=f"use {' or '.join(LEVELS)}",
            )
        for name in self.channels:
            if name not in CHANNELS:
                near = params.nearest(name, CHANNELS)
                raise UsageError(
                    f"There is no channel {name!r}.{near}", next_step=f"use {', '.join(CHANNELS)}"
                )
        if not self.budget_usd >= 0:
            raise UsageError(
                f"A budget is an amount of at least 0 USD, not {self.budget_usd!r}",
                next_step="for instance --budget 2000000",
            )


def frontier(space: Workspace, request: Request, *, out: Path | None = None) -> dict[str, Any]:
    """Find the frontier and write each point as a scenario file.

    Parameters
    ----------
    space
        A built workspace.
    request
        What is asked.
    out
        Folder of the scenario files and ``frontier.json``; ``4_results/frontier`` if None.

    Raises
    ------
    MissingDataError
        If nothing is built, or what is expected cannot be computed: it says what is needed.
    UsageError, ValidationError
        See :class:`Request` and :func:`~densitymap.pipeline.scenarios.policy_of`.
    """
    if not (space.results / "results.json").is_file():
        raise MissingDataError("Nothing has been built here", next_step="run `densitymap build`")
    policies = _policies(space, request)
    loaded = load_ground(space, n_draws=sum(_draws(request)))
    _computable(loaded, [policy.name for policy in policies])
    ground = ground_of(loaded, request.by)
    table, left_out = _table(loaded, ground, policies, request)
    folder = frontier_folder(space) if out is None else out
    with _solver_aside():
        told = _told(loaded, ground, table, {p.name: p for p in policies}, request, folder)
    told["left_out"] = left_out
    if folder == frontier_folder(space):
        _forget(space, told)
    workspace.write_json(folder / "frontier.json", told)
    return told


def _forget(space: Workspace, told: dict[str, Any]) -> None:
    """Remove points of earlier frontiers: a name stands for a point of the last one."""
    kept = {Path(point["file"]).stem for rows in told["channels"].values() for point in rows}
    for name, path in points_of(space).items():
        if name not in kept:
            path.unlink()


@contextmanager
def _solver_aside() -> Iterator[None]:
    """Send what the compiled solver prints to the error stream: the answer alone is on the other."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _draws(request: Request) -> tuple[int, int]:
    record = exact.record()
    if request.n_draws is not None:
        return request.n_draws, request.n_draws
    return int(record["draws_to_choose"]["value"]), int(record["draws_to_score"]["value"])


def _policies(space: Workspace, request: Request) -> list[Policy]:
    names = request.packages or tuple(exact.record()["packages"])
    found = [policy_of(space, name) for name in dict.fromkeys(names) if name != BASELINE]
    if not found:
        raise UsageError("A frontier needs a package besides no change", next_step="name one with --packages")
    names = tuple(policy.name for policy in found)
    if len(set(names)) < len(names):
        raise UsageError("Two packages have one name", next_step="give the files other names")
    return found


def _computable(loaded: Loaded, names: Sequence[str]) -> None:
    """Refuse where nothing of a frontier can be told; say what it needs and what can be told without it.

    Raises
    ------
    MissingDataError
        Naming every need.
    """
    base = loaded.base
    if base.flow is None or base.counted is None or loaded.situation is None:
        needs = "; ".join(loaded.needs.expected) or "homes expected"
        raise MissingDataError(
            f"The frontier is not computable: needs {needs}. {exact.record()['not_computable']}",
            next_step="add what is needed and run `densitymap build`; until then `densitymap compare "
            f"{' '.join(names)}` tells how many homes each package allows and how many fit",
        )


def ground_of(loaded: Loaded, by: str) -> Ground:
    """Places of a frontier, and who may live there.

    Raises
    ------
    MissingDataError
        If the ledgers cannot be computed, or no lot lies in a place.
    """
    lots, situation = loaded.scene.lots, loaded.situation
    if situation is None:
        raise MissingDataError("The frontier is not computable: needs the ledgers")
    if by == "zone":
        labels = parse_zones(lots["zone_district"], loaded.base.results.policy.base)["zone_key"]
    else:
        labels = lots["neighborhood"]
    labels = labels.astype("string").reset_index(drop=True)
    names = tuple(str(name) for name in sorted(labels.dropna().unique()))
    if not names:
        raise MissingDataError(f"The frontier is not computable: needs a {by} of some lot")
    cells = cells_of(lots.assign(neighborhood=labels.to_numpy()))
    let = let_homes(
        cells,
        workspace.layer_or_none(loaded.space, "tenure_by_structure"),
        situation.income,
        situation.beliefs,
        low_income_usd=situation.let.low_income_usd,
        seed=situation.seed,
    )
    return Ground(
        names=names, labels=labels, cells=cells, let=let, beliefs=situation.beliefs, seed=situation.seed
    )


def _table(
    loaded: Loaded, ground: Ground, policies: Sequence[Policy], request: Request
) -> tuple[Table, list[str]]:
    """Ask each package everywhere; leave out, with reasons, those that cannot be bound or priced."""
    base = loaded.base.flow
    if base is None or loaded.situation is None:
        raise MissingDataError("The frontier is not computable: needs prices")
    names, sums, left_out = [BASELINE], [place_sums(base, ground)], []
    for policy in policies:
        why = _unbound(policy, request.by)
        found = None if why else _asked(loaded, ground, policy)
        if found is not None and found.unpriced and np.isfinite(request.budget_usd):
            reasons = "; ".join(f"{kind.replace('_', ' ')}: {text}" for kind, text in found.unpriced.items())
            why = f"nobody can tell what it costs, so no budget can hold it ({reasons})"
        if why or found is None:
            left_out.append(f"{policy.name}: {why}")
        else:
            names.append(policy.name)
            sums.append(found)
    if len(names) == 1:
        raise UsageError("No package is left to choose from", next_step="; ".join(left_out))
    table = Table(
        places=ground.names, packages=tuple(names), sums=tuple(sums), beliefs=ground.beliefs,
        rented=loaded.situation.rented, low_income=loaded.situation.low_income,
    )  # fmt: skip
    return table, left_out


def _unbound(policy: Policy, by: str) -> str:
    """Why a package cannot be bound to one place; empty where it can."""
    if by == "zone" and any("districts" not in lever for lever in policy.levers):
        return "it has levers of no district, which cannot be bound to one: use --by neighborhood"
    if by != "zone" and any(by in lever.get("where", {}) for lever in policy.levers):
        return f"it is bound by {by} already"
    return ""


def _asked(loaded: Loaded, ground: Ground, policy: Policy) -> Sums:
    loaded.place([policy])
    base = loaded.base
    if base.flow is None:
        raise MissingDataError("The frontier is not computable: needs prices")
    results = evaluate_on(loaded.scene, policy, reuse=base.results.places)
    return place_sums(flow_of(results, base.flow.market), ground)


def _told(
    loaded: Loaded, ground: Ground, table: Table, policies: dict[str, Policy], request: Request, folder: Path
) -> dict[str, Any]:
    first, _ = _draws(request)
    fit, fresh = table.at(slice(0, first)), table.at(slice(first, None))
    steps = int(exact.record()["points"]["value"])
    choices = exact.front(fit.added_mean, points=steps, budget_usd=request.budget_usd)
    values = fresh.added_mean
    held = [values.of(choice) for choice in choices]
    kept = exact.undominated(np.array([v[0] for v in held]), np.array([v[1] for v in held]))
    alike = scores.ties(fresh, [choices[n] for n in kept])
    points = [
        _point(number, choices[n], (fit, fresh), [other + 1 for other in alike[number - 1]], request)
        for number, n in enumerate(kept, start=1)
    ]
    _write(points, [choices[n] for n in kept], table, policies, request, folder)
    by_name = folder == frontier_folder(loaded.space)
    for point in points:
        point["scenario"] = Path(point["file"]).stem if by_name else point["file"]
    shared = {key: [{**p, **p["channels"][key]} for p in points] for key in request.channels}
    return {
        "by": request.by,
        "places": list(table.places),
        "packages": list(table.packages),
        "budget_usd": None if np.isinf(request.budget_usd) else request.budget_usd,
        "draws": {"to_choose": first, "to_score": len(fresh.rented), "seed": ground.seed},
        "channels": {
            key: [{k: v for k, v in p.items() if k != "channels"} for p in value]
            for key, value in shared.items()
        },
        "groups": [[n + 1 for n in group] for group in scores.groups(alike)],
        "fell_behind": len(choices) - len(kept),
        "baselines": _baselines(loaded, ground, fresh, request),
        "lots_in_no_place": int(ground.labels.isna().sum()),
        "protections_priced": table.priced,
        "notes": [*NOTES, *([] if np.isinf(request.budget_usd) else [exact.record()["budget_note"]])],
    }


def _point(
    number: int, choice: Choice, tables: tuple[Table, Table], alike: list[int], request: Request
) -> dict[str, Any]:
    fit, fresh = tables
    direct = scores.cost_per_move(fresh.added("cost", choice), -fresh.added("direct", choice))
    return {
        "point": number,
        "chosen": {place: fit.packages[n] for place, n in zip(fit.places, choice, strict=True) if n},
        "promised": scores.scored(fit, choice),
        "scored": scores.scored(fresh, choice),
        **scores.against_budget(fresh, choice, request.budget_usd),
        "ties_with": alike,
        "ties_with_no_change": scores.ties_with_no_change(fresh, choice),
        "programme_cost_usd_per_direct_move_avoided": direct,
        "cost_unknown_of": sorted({name for n in set(choice.tolist()) for name in fit.sums[n].unpriced}),
        "channels": {k: v for k, v in scores.by_channel(fresh, choice).items() if k in request.channels},
    }


def _write(
    points: list[dict[str, Any]],
    choices: Sequence[Choice],
    table: Table,
    policies: dict[str, Policy],
    request: Request,
    folder: Path,
) -> None:
    """Write each point as a scenario that `scenario run` and `map` take."""
    for point, choice in zip(points, choices, strict=True):
        name = f"frontier-{request.by}-{point['point']:02d}"
        scenario = Scenario(
            name=name,
            title=f"Point {point['point']} of a frontier by {request.by}",
            question="second_home",
            summary=summary(point, len(table.places)),
            source="densitymap frontier",
            mark="A",
            levers=_levers(choice, table, policies, request.by),
            allow_empty=True,
        )
        path = folder / f"{name}.toml"
        workspace.write_text(path, scenario_toml(scenario))
        point["file"] = str(path)


def _levers(choice: Choice, table: Table, policies: dict[str, Policy], by: str) -> tuple[Any, ...]:
    """Levers of each package, bound to all places that take it; each once."""
    found = []
    for n in sorted(set(choice.tolist()) - {exact.NONE}):
        names = [place for place, taken in zip(table.places, choice, strict=True) if taken == n]
        levers = policies[table.packages[n]].levers
        if by == "zone":
            cut = [{**lever, "districts": [d for d in lever["districts"] if d in names]} for lever in levers]
            found += [lever for lever in cut if lever["districts"]]
        else:
            found += [dict(lever) for lever in within(levers, {by: names})]
    distinct = {json.dumps(dict(lever), sort_keys=True, default=str): lever for lever in found}
    return tuple(distinct.values())


def _baselines(loaded: Loaded, ground: Ground, fresh: Table, request: Request) -> dict[str, Any]:
    record = exact.record()
    rail, pressed = _near_rail(loaded, ground), _pressed(loaded, ground)
    found = scores.rules(
        fresh, near_rail=rail, pressed=pressed, n_random=int(record["random_choices"]["value"]),
        seed=int(record["random_seed"]["value"]),
    )  # fmt: skip
    told: dict[str, Any] = {
        name: [
            scores.scored(fresh, choice)
            | scores.against_budget(fresh, choice, request.budget_usd)
            | {"package": fresh.packages[int(choice.max())] if name != "random" else None}
            for choice in choices
        ]
        for name, choices in found.items()
    }
    for name, known in (("transit-only", rail), ("avoid-pressure", pressed)):
        if known is None:
            layer = "rail_stations" if name == "transit-only" else "pressure of tracts"
            told[name] = {"computable": False, "needs": [layer]}
    return told


def _near_rail(loaded: Loaded, ground: Ground) -> list[bool] | None:
    record = exact.record()
    place = place_of({"near": "rail_stations", "within_ft": record["transit_within_ft"]["value"]})
    layers = layers_for(loaded.space, [place])
    if not layers:
        return None
    near = inside(loaded.scene.lots, place, layers=layers).to_numpy(float, na_value=0.0)
    return list(_share(ground, near) >= record["transit_lots_share"]["value"])


def _pressed(loaded: Loaded, ground: Ground) -> list[bool] | None:
    """Whether most of a place's lots lie in tracts of higher pressure."""
    path = loaded.space.results / "pressure_2020.parquet"
    if not path.is_file():
        return None
    judged = pd.DataFrame(workspace.read_frame(path))
    higher = judged.loc[
        judged["pressure_class"].eq(exact.record()["pressed_class"]).fillna(value=False), "tract_geoid"
    ]
    lots = loaded.scene.lots["tract_geoid_2020"].isin(list(higher)).to_numpy(float)
    return list(_share(ground, lots) > exact.record()["pressed_lots_share"]["value"])


def _share(ground: Ground, flags: Any) -> Any:
    return ground.summed(flags) / np.maximum(ground.summed(np.ones(len(flags))), 1.0)
