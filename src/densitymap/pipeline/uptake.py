"""Stage 4, uptake: what is expected of each policy in ten years, by area."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from densitymap import params, schema
from densitymap.capacity.rules import load_buildings
from densitymap.city import City
from densitymap.errors import MissingDataError
from densitymap.feasibility import local
from densitymap.feasibility.adapter import lots_of, options_of, with_purchases
from densitymap.feasibility.costs import load_costs
from densitymap.feasibility.draws import Draws, Places, draw_parameters, tornado_parameters
from densitymap.feasibility.forms import terms
from densitymap.feasibility.funnel import SUPPOSED, total_needs
from densitymap.feasibility.hazard import Lots, Options
from densitymap.feasibility.pays import is_residential, paying
from densitymap.feasibility.pieces import EVERYWHERE
from densitymap.feasibility.priors import priors
from densitymap.feasibility.uptake import Uptake, hidden, told, tornado, uptake
from densitymap.pipeline import workspace
from densitymap.pipeline.funnel import BASELINE, LEVELS, market_of, not_computable, read_lots, read_policy
from densitymap.pipeline.funnel import STAMP as FUNNEL
from densitymap.pipeline.workspace import Workspace

CALIBRATION = "calibration.json"
STAMP = "uptake.json"
_RANGE = (0.1, 0.5, 0.9)
_ENDS = ("p10", "p50", "p90")
"""Names of the points of a range."""


@dataclass(frozen=True, kw_only=True)
class Ready:
    """What a run of uptake needs of a workspace."""

    lots: pd.DataFrame
    known: Lots
    places: Places
    options: dict[str, Options]


def prepare(space: Workspace, city: City, names: list[str]) -> Ready:
    """Lay out the options of no change and of some policies.

    Raises
    ------
    MissingDataError
        If nothing has been built, or the city has no costs.
    """
    judged = workspace.read_json(space.results / "results.json")
    if judged is None:
        raise MissingDataError("Nothing has been built here", next_step="run `densitymap build`")
    if city.code not in params.names("costs"):
        raise MissingDataError(f"{city.code} has no costs", next_step=f"write catalog/costs/{city.code}.toml")
    lots, costs, buildings = read_lots(space), load_costs(city.code), load_buildings()
    fits = read_policy(space, "fits", BASELINE)
    today = terms(fits, lots, costs, buildings)
    market = market_of(today, lots, costs)
    base = paying(today, lots, market.worth, costs, today_usd=market.today_usd)
    known, places = lots_of(lots, market.worth, year=costs.records["rent_1br_usd_per_month"].year)
    found = {BASELINE: options_of(base, fits, market.worth, costs, today=None)}
    for name in names:
        if name != BASELINE:
            rows = read_policy(space, "fits", name)
            options = terms(rows, lots, costs, buildings)
            judgement = paying(options, lots, market.worth, costs, today_usd=market.today_usd)
            found[name] = options_of(judgement, rows, market.worth, costs, today=(base, fits))
    whole = {name: with_purchases(options, lots) for name, options in found.items()}
    return Ready(lots=lots, known=known, places=places, options=whole)


def build_uptake(space: Workspace, city: City, *, n_draws: int | None = None) -> dict[str, Any]:
    """Draw what is expected of every judged policy, and write it by area.

    Parameters
    ----------
    space
        A built workspace.
    city
        Its city.
    n_draws
        The catalogue's where not given.

    Returns
    -------
    dict
        What ``4_results/uptake.json`` holds: by policy the ten-year range, its difference from no change,
        a tornado; what happened here; and what cannot be computed, and why.
    """
    judged = workspace.read_json(space.results / "results.json") or {}
    calibration = workspace.read_json(space.results / CALIBRATION) or {}
    paid = workspace.read_json(space.results / FUNNEL) or {}
    inputs = [of.get("fingerprint") for of in (judged, paid)]
    mark = workspace.fingerprint([inputs, calibration, n_draws, "uptake"])
    if workspace.is_fresh(space.results / STAMP, mark, [space.results / "uptake.parquet"]):
        return dict(workspace.read_json(space.results / STAMP))
    names = list(judged.get("summary", {}).get("policies", {}))
    ready = prepare(space, city, names)
    after = calibration.get("posterior")
    draws = draw_parameters(ready.places, n_draws=n_draws, posterior=after)
    places = {level: ready.lots[column] for level, column in LEVELS.items()}
    needs = total_needs(ready.lots, is_residential(ready.lots))
    base, tables, policies = None, [], {}
    for name, options in ready.options.items():
        result = uptake(options, ready.known, draws, places)
        base = base or result
        tables.append(_shown(hidden(told(result), result), needs).assign(policy=name))
        policies[name] = _told(result, base, needs)
        if not needs:
            policies[name]["tornado"] = _tornado(options, ready, after)
    table = schema.conform(pd.concat(tables, ignore_index=True), "uptake")
    workspace.write_frame(space.results / "uptake.parquet", table)
    document = {
        "fingerprint": mark,
        "baseline": BASELINE,
        "years": draws.years,
        "draws": draws.size,
        "seed": draws.seed,
        "fitted_to_permits": bool(after),
        "lots_lacking": ready.known.lacking,
        "what_happened_here": what_happened_here(space),
        "net_homes": not_computable(needs),
        "policies": policies,
    }
    workspace.write_json(space.results / STAMP, document)
    return document


def what_happened_here(space: Workspace) -> str:
    """What permits say happened where the law has allowed more; that none are loaded, otherwise."""
    calibration = workspace.read_json(space.results / CALIBRATION) or {}
    return str(calibration.get("what_happened_here") or f"Permits: {local.NO_PERMITS}.")


def expect(space: Workspace, city: City) -> tuple[list[str], dict[str, Any]]:
    """Do what a build does of uptake: draw it, unless nothing it rests on has changed.

    Returns
    -------
    tuple
        What was redone, and what the build's report says: by policy the ranges at the horizon, or what
        they need.
    """
    if city.code not in params.names("costs"):
        return [], not_computable([f"costs of {city.code}: catalog/costs/{city.code}.toml"])
    before = (workspace.read_json(space.results / STAMP) or {}).get("fingerprint")
    document = build_uptake(space, city)
    shown = ("computable", "needs", "gross", "net", "gross_more_than_no_change", "net_more_than_no_change")
    told = {
        name: {key: found[key] for key in shown if key in found}
        for name, found in document["policies"].items()
    }
    kept = {name: document[name] for name in ("years", "draws", "what_happened_here", "lots_lacking")}
    redone = [] if before == document["fingerprint"] else ["uptake"]
    return redone, {**not_computable(document["net_homes"]["needs"]), **kept, "policies": told}


def _shown(table: pd.DataFrame, needs: list[str]) -> pd.DataFrame:
    """Keep only what can be told: without existing homes no net figure, no demolition, no total."""
    if not needs:
        return table
    kept = table[~table["uptake_measure"].isin(["net", "demolished"])]
    return kept[kept["area_level"] == "zone_district"]


def _told(result: Uptake, base: Uptake, needs: list[str]) -> dict[str, Any]:
    """Headline of one policy, or rates per sampled lot where there can be no total."""
    if needs:
        return {**not_computable(needs), "per_lot_by_zone": _rates(result), "label": SUPPOSED}
    place = result.levels.index(EVERYWHERE)
    found: dict[str, Any] = {"computable": True, "lots": result.lots, "lots_unknown": result.lots_unknown}
    for measure in ("gross", "net"):
        own, before = (getattr(of, measure)[:, place] for of in (result, base))
        found[measure] = _range(own)
        found[f"{measure}_more_than_no_change"] = _range(own - before)
    return found


def _rates(result: Uptake) -> dict[str, dict[str, float]]:
    """Homes built in ten years for each lot of a district."""
    chosen = [at for at, level in enumerate(result.levels) if level == "zone_district"]
    gross = result.expected("gross")
    return {
        result.names[at]: {**_range(gross[:, at] / count), "lots": float(count)}
        for at in chosen
        if (count := result.lots_in[at]) > 0
    }


def _range(values: Any) -> dict[str, float]:
    return {
        name: float(np.round(point, 4))
        for name, point in zip(_ENDS, np.quantile(values, _RANGE), strict=True)
    }


def _tornado(options: Options, ready: Ready, after: Any) -> list[Any]:
    draws: Draws = tornado_parameters(ready.places, posterior=after)
    labels = {name: prior.label for name, prior in priors().items()}
    return tornado(uptake(options, ready.known, draws, {}), draws, labels)
