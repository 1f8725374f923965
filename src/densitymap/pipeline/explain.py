"""Explain a scenario of a built workspace: what drives it, and the chain from each number to its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from densitymap import params
from densitymap.city import City
from densitymap.errors import MissingDataError, ValidationError
from densitymap.pipeline import workspace
from densitymap.pipeline.scenarios import Loaded, load_ground, manifest, policy_of
from densitymap.pipeline.workspace import Workspace
from densitymap.scenarios import explain as driving
from densitymap.scenarios.document import Scenario
from densitymap.scenarios.explain import Lever
from densitymap.scenarios.ledger_words import unknown_signs
from densitymap.scenarios.ledgers import signs
from densitymap.scenarios.policy import Policy, apply, load_policy
from densitymap.scenarios.record import Outcome


def explain(space: Workspace, name: str, than: str, *, n_draws: int | None = None) -> dict[str, Any]:
    """Say what drives the difference between two scenarios, and what the numbers rest on.

    Returns
    -------
    dict
        ``signs`` (direction of each ledger by channel); ``sentences``; ``difference``, ``by_lever`` (alone,
        and left out), ``by_place``, ``by_lot_class``; ``chain`` (of each number, what it is made of and the
        hashes of those files); ``rests_on``.

    Raises
    ------
    MissingDataError
        If nothing is built.
    UsageError, ValidationError
        See :func:`~densitymap.pipeline.scenarios.policy_of`.
    """
    if not (space.results / "results.json").is_file():
        raise MissingDataError("Nothing has been built here", next_step="run `densitymap build`")
    end_policy, start_policy = policy_of(space, name), policy_of(space, than)
    loaded = load_ground(
        space, n_draws=n_draws or int(params.load("frontier", "choices")["draws_to_explain"]["value"])
    )
    start, end = loaded.outcome(start_policy), loaded.outcome(end_policy)
    found = driving.steps(start_policy.levers, end_policy.levers)
    told: dict[str, Any] = {
        "scenario": end_policy.name,
        "than": start_policy.name,
        "signs": _signs(loaded, end, start),
        "difference": driving.differences(end, start),
        "by_lever": driving.lever_effects(
            found, end, start, lambda pulled: _asked(loaded, end_policy, pulled)
        ),
        "by_place": driving.by_place(end, start),
        "by_lot_class": driving.by_class(end, start),
    }
    rests = manifest(space, end_policy, loaded.n_draws)
    told["sentences"] = driving.sentences((end_policy.name, start_policy.name), told)
    told["chain"] = chain(space, loaded.city, rests)
    told["rests_on"] = rests | {"words": _words(rests)}
    told["not_computable"] = [f"needs {need}" for need in loaded.needs.expected]
    return told


def _signs(loaded: Loaded, end: Outcome, start: Outcome) -> list[dict[str, Any]] | None:
    """Direction of each ledger by channel; None where the two are one."""
    if end is start:
        return None
    if end.counted is None or start.counted is None or loaded.situation is None:
        return unknown_signs()
    return signs(end.counted, start.counted, loaded.situation)


def _asked(loaded: Loaded, like: Policy, pulled: tuple[Lever, ...]) -> Outcome | str:
    """Evaluate some levers; say so where they contradict one another or cannot be pulled apart."""
    today = load_policy(loaded.city.code)
    if not pulled:
        return loaded.base
    scenario = Scenario(
        name=f"part of {like.name}", title=like.title, question=like.question, summary=like.summary,
        source=like.source, mark="A", levers=pulled, allow_empty=True,
    )  # fmt: skip
    try:
        policy = apply(scenario, today, extra=loaded.space.root)
    except ValidationError as error:
        return f"cannot stand by itself ({error.faults[0] if error.faults else 'refused'})"
    return loaded.outcome(replace(policy, name=scenario.name))


def chain(space: Workspace, city: City, rests: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Follow each number to the files and catalogue it is made of, with their hashes."""
    locked = (workspace.read_json(space.lock) or {}).get("layers", {})
    links = [(link, _layers(link, city)) for link in params.load("frontier", "chain").values()]
    return [
        {
            "number": link["title"],
            "made_of": link["made_of"],
            "method": link["cite"],
            "files": {name: locked.get(name, {}).get("sha256") for name in layers},
            "not_loaded": [name for name in layers if name not in locked],
            "catalogue": list(link["catalogue"]),
            "code_and_catalogue": rests["code_and_catalogue"],
            "parcels": rests["parcels"],
            "levers": rests["levers_hash"],
            "seed": rests["seed"],
            "draws": rests["draws"],
        }
        for link, layers in links
    ]


def _layers(link: Mapping[str, Any], city: City) -> list[str]:
    """Layers a number is made of: those it names, and all of the city that have a role it names."""
    return [*link["layers"], *(layer.name for role in link["roles"] for layer in city.with_role(role))]


def _words(rests: Mapping[str, Any]) -> str:
    named = ("parcels", "lock", "code_and_catalogue")
    hashes = ", ".join(f"{name.replace('_', ' ')} {str(rests[name])[:12]}" for name in named)
    return f"{hashes}, seed {rests['seed']}, {rests['draws']} model runs."
