"""Scenarios of a built workspace: read what they need, evaluate, keep what was said with what it rests on."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from densitymap import params
from densitymap.city import City, load_city
from densitymap.errors import DensitymapWarning, MissingDataError, UsageError, ValidationError
from densitymap.feasibility.costs import load_costs
from densitymap.feasibility.funnel import total_needs
from densitymap.feasibility.pays import is_residential
from densitymap.feasibility.pieces import EVERYWHERE
from densitymap.parcels import area as areas
from densitymap.pipeline import workspace
from densitymap.pipeline.funnel import with_prices
from densitymap.pipeline.place_prices import read_places
from densitymap.pipeline.results import BASELINE, read_ground
from densitymap.pipeline.scenario_names import named
from densitymap.pipeline.scenario_places import file_of, placed
from densitymap.pipeline.uptake import what_happened_here
from densitymap.pipeline.workspace import Workspace
from densitymap.scenarios import flow as flows
from densitymap.scenarios import record as records
from densitymap.scenarios.evaluate import Results, Scene, empty_levers
from densitymap.scenarios.evaluate import evaluate as evaluate_on
from densitymap.scenarios.ledgers import Census, Situation, counted
from densitymap.scenarios.ledgers import situation as situation_of
from densitymap.scenarios.makeup import people_of
from densitymap.scenarios.policy import Policy, apply, load_policy, load_scenario, scenario_names
from densitymap.scenarios.record import LEVELS, Needs, Outcome
from densitymap.scenarios.tax import load_tax

FOLDER = "scenarios"
"""Of the workspace: a user's own scenarios. Of ``4_results``: what was said of each."""
RUN = "run.json"


@dataclass(kw_only=True)
class Loaded:
    """A workspace ready to evaluate any number of policies; no change and the market are asked once.

    Attributes
    ----------
    space, city, scene
        Where, and the lots.
    needs
        What is missing for totals and for what pays.
    people
        People of 2020 by neighbourhood, or None.
    n_draws
        Draws of what is expected; the catalogue's if None.
    """

    space: Workspace
    city: City
    scene: Scene
    needs: Needs
    people: pd.DataFrame | None = None
    n_draws: int | None = None
    situation: Situation | None = None
    _base: Outcome | None = field(default=None, repr=False)
    _market: flows.Market | None = field(default=None, repr=False)

    @property
    def base(self) -> Outcome:
        """No change, evaluated."""
        if self._base is None:
            self._base = self._outcome(evaluate_on(self.scene, load_policy(self.city.code)))
        return self._base

    def place(self, policies: Iterable[Policy]) -> None:
        """Look up which lots lie in the places of these policies."""
        found = placed(self.space, self.city, self.scene.lots, [*policies])
        if found is not self.scene.lots:
            self.scene = self.scene.placed(found)

    def outcome(self, policy: Policy) -> Outcome:
        """Evaluate a policy as far as it can be."""
        if policy.levers == () and policy.name == BASELINE:
            return self.base
        self.place([policy])
        return self._outcome(evaluate_on(self.scene, policy, reuse=self.base.results.places))

    def _outcome(self, results: Results) -> Outcome:
        if self.needs.pays:
            return Outcome(results=results)
        if self._market is None:
            after = (workspace.read_json(self.space.results / "calibration.json") or {}).get("posterior")
            costs = load_costs(self.city.code)
            self._market = flows.market_of(
                results, costs, places=read_places(self.space), n_draws=self.n_draws, posterior=after
            )
            if pd.isna(self._market.worth.price_usd_per_ft2).all():
                self.needs = replace(self.needs, pays=("a price of any of these places",))
                return Outcome(results=results)
        flow = flows.flow_of(results, self._market)
        if self.needs.total:
            return Outcome(results=results, flow=flow)
        given = self._prepared(results.lots)
        columns = {level: results.lots[column] for level, column in LEVELS.items()}
        drawn = given.expected(flow, columns)
        base = None if self._base is None else self._base.results
        return Outcome(
            results=results,
            flow=flow,
            uptake=drawn.at_levels(EVERYWHERE, *LEVELS),
            counted=counted(results, drawn, given, base=base),
        )

    def _prepared(self, lots: pd.DataFrame) -> Situation:
        """What the ledgers rest on, asked once."""
        if self.situation is None and self._market is not None:
            draws = self._market.draws
            self.situation = situation_of(
                lots,
                _census(self.space, self.city),
                load_tax(self.city.code, extra=self.space.root),
                size=draws.size,
                seed=draws.seed,
                year=self._market.year,
            )
        if self.situation is None:
            raise MissingDataError("The ledgers need a market", next_step="run `densitymap build`")
        return self.situation


def load_ground(space: Workspace, *, n_draws: int | None = None) -> Loaded:
    """Read the lots of the last build and survey them.

    Raises
    ------
    MissingDataError
        If nothing has been built.
    """
    lots = workspace.read_frame(space.parcels / "parcels.parquet").reset_index(drop=True)
    pieces = workspace.read_frame(space.parcels / "parcel_zones.parquet")
    city = load_city()
    scene = Scene(
        lots=with_prices(lots, space),
        ground=read_ground(space, lots, pieces),
        parcel_zones=pieces,
        sliver_share=city.sliver_share,
    )
    costed = city.code in params.names("costs")
    needs = Needs(
        total=tuple(total_needs(lots, is_residential(lots))),
        pays=() if costed else (f"costs of {city.code}: catalog/costs/{city.code}.toml",),
    )
    return Loaded(space=space, city=city, scene=scene, needs=needs, people=_people(space), n_draws=n_draws)


def _census(space: Workspace, city: City) -> Census:
    """Tables of who lives where, of the newest tracts that are loaded."""
    tables = [workspace.layer_or_none(space, layer.name) for layer in city.with_role("census")]
    with_income = [table for table in tables if table is not None and "median_household_income_usd" in table]
    return Census(
        tenure=workspace.layer_or_none(space, "tenure_by_structure"),
        income=workspace.layer_or_none(space, "income_by_tenure"),
        tracts=with_income[-1] if with_income else None,
    )


def _people(space: Workspace) -> pd.DataFrame | None:
    blocks = workspace.layer_or_none(space, "blocks_2020")
    neighborhoods = workspace.layer_or_none(space, "neighborhoods")
    return None if blocks is None or neighborhoods is None else people_of(blocks, neighborhoods)


def policy_of(space: Workspace, name: str, *, city: City | None = None) -> Policy:
    """Give the policy of a scenario: shipped, the workspace's own, a point of its last frontier, or a file.

    Raises
    ------
    UsageError
        If there is none of this name; the nearest is suggested.
    ValidationError
        With every fault of it.
    """
    today = load_policy((city or load_city()).code)
    if name == BASELINE:
        return today
    return apply(
        load_scenario(named(space, name, names_of(space)), extra=space.root), today, extra=space.root
    )


def names_of(space: Workspace) -> tuple[str, ...]:
    """Names of all scenarios, no change first."""
    found = scenario_names(extra=space.root)
    return (BASELINE, *(name for name in found if name != BASELINE))


def run(
    space: Workspace, name: str, *, allow_empty: bool = False, n_draws: int | None = None
) -> dict[str, Any]:
    """Evaluate one scenario, or give what was said of it while nothing it rests on has changed.

    Raises
    ------
    ValidationError
        If a lever reaches no lot, unless that is allowed.
    """
    return compare(space, [name], allow_empty=allow_empty, n_draws=n_draws)["scenarios"][-1]


def compare(
    space: Workspace, names: Sequence[str], *, allow_empty: bool = False, n_draws: int | None = None
) -> dict[str, Any]:
    """Evaluate scenarios side by side: no change first, then in the order given, each once.

    Returns
    -------
    dict
        ``scenarios``: the object of each (:func:`~densitymap.scenarios.record.record`).

    Raises
    ------
    UsageError, ValidationError, MissingDataError
        See :func:`policy_of` and :func:`run`.
    """
    if not (space.results / "results.json").is_file():
        raise MissingDataError("Nothing has been built here", next_step="run `densitymap build`")
    city = load_city()
    policies = [policy_of(space, name, city=city) for name in dict.fromkeys([BASELINE, *names])]
    _refuse_twins(policies)
    loaded: Loaded | None = None
    found = []
    for policy in policies:
        stored = _stored(space, policy, n_draws)
        if stored is None:
            loaded = loaded or load_ground(space, n_draws=n_draws)
            stored = _said(loaded, policy)
        _check(stored, allow_empty=allow_empty or policy.allow_empty)
        found.append(stored)
    happened = what_happened_here(space)
    return {"scenarios": [one["record"] | {"what_happened_here": happened} for one in found]}


def _refuse_twins(policies: Sequence[Policy]) -> None:
    names = [policy.name for policy in policies]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(
            f"Two scenarios are named {', '.join(twice)}", next_step="give the files other names"
        )


def _said(loaded: Loaded, policy: Policy) -> dict[str, Any]:
    """Evaluate a policy and keep what it comes to, with its manifest."""
    outcome = loaded.outcome(policy)
    base = loaded.base
    said = records.record(outcome, base, loaded.needs, makeup=loaded.people, situation=loaded.situation)
    kept = {
        "manifest": manifest(loaded.space, policy, loaded.n_draws),
        "empty_levers": empty_levers(outcome.results),
        "record": said,
    }
    folder = folder_of(loaded.space, policy)
    workspace.write_frame(folder / "places.parquet", _places_table(said))
    workspace.write_json(folder / RUN, kept)
    return kept


def _check(stored: Mapping[str, Any], *, allow_empty: bool) -> None:
    said = stored["record"]
    if stored["empty_levers"] and not allow_empty:
        raise ValidationError(
            f"Scenario {said['name']} has levers that reach no lot here",
            faults=stored["empty_levers"],
            next_step="correct `where` or the districts, or add --allow-empty (in its file: allow_empty)",
        )
    for line in stored["empty_levers"]:
        warnings.warn(f"{said['name']}: {line}", DensitymapWarning, stacklevel=2)
    for line in said["warnings"]:
        warnings.warn(f"{said['name']}: {line}", DensitymapWarning, stacklevel=2)


def folder_of(space: Workspace, policy: Policy) -> Path:
    """Where what was said of a policy is kept."""
    return space.results / FOLDER / policy.name


def manifest(space: Workspace, policy: Policy, n_draws: int | None) -> dict[str, Any]:
    """What a run rests on: the data, the levers, the code and catalogue, the draws."""
    join = workspace.read_json(space.parcels / "join.json") or {}
    built = workspace.read_json(space.results / "results.json") or {}
    calibration = workspace.read_json(space.results / "calibration.json") or {}
    choices = params.load("uptake", "choices")
    parts = {
        "parcels": join.get("fingerprint"),
        "results": built.get("fingerprint"),
        "lock": workspace.hash_of(space.lock.read_text()) if space.lock.is_file() else None,
        "levers": [dict(lever) for lever in policy.levers],
        "levers_hash": workspace.hash_of([dict(lever) for lever in policy.levers]),
        "posterior": workspace.hash_of(calibration.get("posterior")),
        "own_files": _own_files(space),
        "code_and_catalogue": workspace.code_fingerprint(),
        "draws": n_draws or choices["n_draws"]["value"],
        "seed": choices["seed"]["value"],
    }
    texts = [policy.name, policy.title, policy.summary]
    return parts | {"fingerprint": workspace.fingerprint([parts, texts, _drawn(space, policy)])}


def _own_files(space: Workspace) -> dict[str, str]:
    """Hashes of the workspace's own levies, which ledgers are told from, by name."""
    return {
        f"tax/{path.name}": workspace.hash_of(path.read_bytes().hex())
        for path in sorted((space.root / "tax").glob("*.toml"))
    }


def _drawn(space: Workspace, policy: Policy) -> list[str]:
    """Hashes of the files that the policy's places are drawn in."""
    texts = [place.fields["area"] for place in policy.all_places if "area" in place.fields]
    files = [file_of(space, text) for text in texts if areas.is_file(text)]
    return [workspace.hash_of(path.read_bytes().hex()) for path in files if path.is_file()]


def _stored(space: Workspace, policy: Policy, n_draws: int | None) -> dict[str, Any] | None:
    kept = workspace.read_json(folder_of(space, policy) / RUN)
    if not kept or "manifest" not in kept:
        return None
    same = kept["manifest"]["fingerprint"] == manifest(space, policy, n_draws)["fingerprint"]
    return dict(kept) if same else None


def stored_runs(space: Workspace) -> list[str]:
    """Names of the scenarios something was said of."""
    return sorted(path.parent.name for path in (space.results / FOLDER).glob(f"*/{RUN}"))


_COLUMNS = ("scenario", "level", "place", "lots", "allowed", "allowed_maybe", "fits", "fits_maybe", "pays",
            "pays_maybe", "expected_p10", "expected_p50", "expected_p90", "is_hidden")  # fmt: skip


def _places_table(said: Mapping[str, Any]) -> pd.DataFrame:
    """One row per place of a scenario: the funnel, as its record tells it."""
    rows = [_place_row(said["name"], level, row) for level in LEVELS for row in said[f"by_{level}"]]
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    numbers = [name for name in _COLUMNS if name not in ("scenario", "level", "place", "is_hidden")]
    return table.astype(
        dict.fromkeys(numbers, "Float64") | {"scenario": "string", "level": "string", "place": "string"}
    )


def _place_row(scenario: str, level: str, row: Mapping[str, Any]) -> list[Any]:
    funnel, maybe = row["funnel"], row["maybe"]
    ends = funnel["expected"] or {}
    stages = [count for stage in ("allowed", "fits", "pays") for count in (funnel[stage], maybe[stage])]
    expected = [ends.get(end) for end in ("p10", "p50", "p90")]
    return [scenario, level, row["name"], row["lots"], *stages, *expected, row["is_hidden"]]


def places_table(said: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per scenario and place, no change first (``compare --csv``)."""
    return pd.concat([_places_table(one) for one in said], ignore_index=True)
