"""Scenarios of a built workspace: read what they need, evaluate, keep what was said with what it rests on."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from densitymap import params
from densitymap.city import City, load_city
from densitymap.errors import DensitymapWarning, MissingDataError, UsageError, ValidationError
from densitymap.feasibility.costs import load_costs
from densitymap.feasibility.funnel import total_needs
from densitymap.feasibility.pays import is_residential
from densitymap.parcels import area as areas
from densitymap.pipeline import workspace
from densitymap.pipeline.results import BASELINE, read_ground
from densitymap.pipeline.workspace import Workspace
from densitymap.scenarios import flow as flows
from densitymap.scenarios import record as records
from densitymap.scenarios.document import Scenario, scenario_toml
from densitymap.scenarios.evaluate import Results, Scene, empty_levers, lots_reached
from densitymap.scenarios.evaluate import evaluate as evaluate_on
from densitymap.scenarios.makeup import people_of
from densitymap.scenarios.places import Place, with_places
from densitymap.scenarios.policy import Policy, apply, load_policy, load_scenario, scenario_names
from densitymap.scenarios.record import LEVELS, Needs, Outcome

FOLDER = "scenarios"
"""Of the workspace: a user's own scenarios. Of ``4_results``: what was said of each."""
RUN = "run.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_AREA_LAYERS = ("council_districts", "neighborhoods", "npus", "city_limits")


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
        wanted = [place for policy in policies for place in policy.all_places]
        if wanted:
            found = with_places(
                self.scene.lots,
                wanted,
                layers=_layers_for(self.space, wanted),
                resolve=lambda text: _polygon(self.space, self.city, text),
            )
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
            self._market = flows.market_of(results, costs, n_draws=self.n_draws, posterior=after)
        flow = flows.flow_of(results, self._market)
        if self.needs.total:
            return Outcome(results=results, flow=flow)
        columns = {level: results.lots[column] for level, column in LEVELS.items()}
        return Outcome(results=results, flow=flow, uptake=flow.expected(columns))


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
        lots=lots,
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


def _people(space: Workspace) -> pd.DataFrame | None:
    blocks = workspace.layer_or_none(space, "blocks_2020")
    neighborhoods = workspace.layer_or_none(space, "neighborhoods")
    return None if blocks is None or neighborhoods is None else people_of(blocks, neighborhoods)


def _layers_for(space: Workspace, places: Sequence[Place]) -> dict[str, gpd.GeoDataFrame]:
    names = {place.fields["near"] for place in places if "near" in place.fields}
    read = {name: workspace.layer_or_none(space, name) for name in sorted(names)}
    return {name: layer for name, layer in read.items() if layer is not None}


def _polygon(space: Workspace, city: City, text: str) -> Any:
    """Find the polygon an ``area`` names: a place, a box, or a file beside the workspace."""
    if areas.is_file(text):
        path = Path(text) if Path(text).is_absolute() else space.root / text
        if not path.is_file():
            raise MissingDataError(f"There is no file {path} to bind a lever to")
        return areas.from_shapes(gpd.read_file(path).to_crs(city.crs), text).polygon
    layers = {name: workspace.layer_or_none(space, name) for name in _AREA_LAYERS}
    return areas.resolve(text, {k: v for k, v in layers.items() if v is not None}, crs=city.crs).polygon


def policy_of(space: Workspace, name: str, *, city: City | None = None) -> Policy:
    """Give the policy of a scenario: a shipped one, one of the workspace's ``scenarios``, or a file.

    Raises
    ------
    UsageError
        If there is none of this name; the nearest is suggested.
    ValidationError
        With every fault of it.
    """
    today = load_policy((city or load_city()).code)
    return (
        today if name == BASELINE else apply(load_scenario(name, extra=space.root), today, extra=space.root)
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
    return {"scenarios": [one["record"] for one in found]}


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
    said = records.record(outcome, loaded.base, loaded.needs, makeup=loaded.people)
    kept = {
        "manifest": manifest(loaded.space, policy, loaded.n_draws),
        "empty_levers": empty_levers(outcome.results),
        "record": said,
    }
    folder = _folder(loaded.space, policy)
    workspace.write_frame(folder / "places.parquet", _places_table(said))
    workspace.write_json(folder / RUN, kept)
    return kept


def _check(stored: Mapping[str, Any], *, allow_empty: bool) -> None:
    said = stored["record"]
    if stored["empty_levers"] and not allow_empty:
        raise ValidationError(
            f"Scenario {said['name']} has levers that reach no lot here",
            faults=stored["empty_levers"],
            next_step="correct `where` or the districts, or add --allow-empty",
        )
    for line in stored["empty_levers"]:
        warnings.warn(f"{said['name']}: {line}", DensitymapWarning, stacklevel=2)
    if said["houses_made_unlawful"]:
        warnings.warn(
            f"{said['name']} makes a house unlawful on {said['houses_made_unlawful']:,} lots where one may "
            "stand now",
            DensitymapWarning,
            stacklevel=2,
        )


def _folder(space: Workspace, policy: Policy) -> Path:
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
        "code_and_catalogue": workspace.code_fingerprint(),
        "draws": n_draws or choices["n_draws"]["value"],
        "seed": choices["seed"]["value"],
    }
    texts = [policy.name, policy.title, policy.summary]
    return parts | {"fingerprint": workspace.fingerprint([parts, texts, _drawn(space, policy)])}


def _drawn(space: Workspace, policy: Policy) -> list[str]:
    """Hashes of the files that the policy's places are drawn in."""
    texts = [place.fields["area"] for place in policy.all_places if "area" in place.fields]
    files = [space.root / text for text in texts if areas.is_file(text)]
    return [workspace.hash_of(path.read_bytes().hex()) for path in files if path.is_file()]


def _stored(space: Workspace, policy: Policy, n_draws: int | None) -> dict[str, Any] | None:
    kept = workspace.read_json(_folder(space, policy) / RUN)
    if not kept or "manifest" not in kept:
        return None
    same = kept["manifest"]["fingerprint"] == manifest(space, policy, n_draws)["fingerprint"]
    return dict(kept) if same else None


def stored_runs(space: Workspace) -> list[str]:
    """Names of the scenarios something was said of."""
    return sorted(path.parent.name for path in (space.results / FOLDER).glob(f"*/{RUN}"))


def show(space: Workspace, name: str) -> dict[str, Any]:
    """What a scenario does, lever by lever, and the manifest of its last run if there was one."""
    policy = policy_of(space, name)
    kept = workspace.read_json(_folder(space, policy) / RUN) or {}
    return {
        "name": policy.name,
        "title": policy.title,
        "question": policy.question,
        "summary": policy.summary,
        "source": policy.source,
        "mark": policy.mark,
        "levers": [dict(lever) for lever in policy.levers],
        "places": [place.words for place in policy.all_places],
        "notes": list(policy.notes),
        "manifest": kept.get("manifest"),
        "last_run": kept.get("record"),
    }


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


_TEMPLATE = Scenario(
    name="new",
    title="A title people understand",
    question="second_home",
    summary="What it changes, in one or two sentences.",
    source="who proposed it, with a link or a number",
    mark="A",
    levers=(
        {"kind": "allow_use", "districts": ["R-4", "R-4A", "R-5"], "use": "duplex", "units": 2},
        {"kind": "set_at_most", "districts": ["R-4", "R-4A", "R-5"], "standard": "lot_area_min_ft2",
         "value": 5000, "unit": "ft2", "where": {"near": "rail_stations", "within_ft": 2640}},
        {"kind": "tenure_protection"},
    ),
)  # fmt: skip


def new(space: Workspace, name: str) -> Path:
    """Write a scenario to fill in, in the workspace's folder ``scenarios``.

    Raises
    ------
    UsageError
        If the name cannot be a file's, or is taken.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a scenario", next_step="use small letters, digits and hyphens"
        )
    if name in names_of(space):
        raise UsageError(f"There is a scenario named {name!r} already", next_step="choose another name")
    path = space.root / FOLDER / f"{name}.toml"
    workspace.write_text(path, scenario_toml(replace(_TEMPLATE, name=name)))
    return path


def validate(space: Workspace, name: str, *, allow_empty: bool = False) -> dict[str, Any]:
    """Check a scenario; on a built workspace also whom its levers reach.

    Raises
    ------
    ValidationError
        With every fault, or if a lever reaches no lot and that is not allowed.
    """
    policy = policy_of(space, name)
    told = {"name": policy.name, "notes": list(policy.notes), "built": False}
    path = space.parcels / "parcels.parquet"
    if not path.is_file():
        return told | {"levers": [{**lever, "lots_reached": None} for lever in policy.levers]}
    lots = workspace.read_frame(path).reset_index(drop=True)
    lots = with_places(
        lots,
        policy.all_places,
        layers=_layers_for(space, policy.all_places),
        resolve=lambda text: _polygon(space, load_city(), text),
    )
    counts = lots_reached(lots, policy)
    empty = [
        f"lever {at} ({policy.levers[at - 1]['kind']}) reaches no lot"
        for at, n in enumerate(counts, 1)
        if not n
    ]
    if empty and not (allow_empty or policy.allow_empty):
        raise ValidationError(
            f"Scenario {policy.name} has levers that reach no lot here",
            faults=empty,
            next_step="correct `where` or the districts, or add --allow-empty",
        )
    levers = [{**lever, "lots_reached": n} for lever, n in zip(policy.levers, counts, strict=True)]
    return told | {"built": True, "levers": levers, "notes": [*told["notes"], *empty]}
