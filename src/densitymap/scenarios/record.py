"""What a scenario comes to, as people and programs read it: one object, with what cannot be computed.

Counts are of lots and additional homes; TRUE and MAYBE stay apart until *expected*. Nothing here is of one
lot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from densitymap import params
from densitymap.feasibility.funnel import SUPPOSED, totals
from densitymap.feasibility.pieces import EVERYWHERE
from densitymap.feasibility.uptake import Uptake, told
from densitymap.geometry import Floats
from densitymap.scenarios.evaluate import Results
from densitymap.scenarios.flow import Flow
from densitymap.scenarios.headline import new_building
from densitymap.scenarios.hiding import REMAINDER, STAGES, WHOLE, Told, told_stages
from densitymap.scenarios.ledgers import Counted, Situation, ledgers, rho_star
from densitymap.scenarios.makeup import makeup_of, weighted
from densitymap.scenarios.rates import effect
from densitymap.scenarios.reach import reach
from densitymap.scenarios.unlawful import unlawful

LEVELS = {
    "neighborhood": "neighborhood",
    "npu": "npu",
    "zone_district": "zone_district",
    "block_group": "block_group_geoid_2020",
}
"""Levels a scenario is told at, and the lots' column of each."""
_RANGE = {"p10": 0.1, "p50": 0.5, "p90": 0.9}
_SHOWN = 1
"""Digits after the point of an expected count."""


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What is missing for each figure; empty lists where nothing is."""

    total: tuple[str, ...] = ()
    pays: tuple[str, ...] = ()

    @property
    def expected(self) -> tuple[str, ...]:
        """What an expected count needs."""
        return tuple(dict.fromkeys((*self.total, *self.pays)))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A policy, evaluated as far as it can be; the rest is None where it cannot."""

    results: Results
    flow: Flow | None = None
    uptake: Uptake | None = None
    counted: Counted | None = None

    @property
    def stages(self) -> pd.DataFrame:
        """The funnel per lot, in memory."""
        return self.results.stages if self.flow is None else self.flow.stages


def record(
    outcome: Outcome,
    base: Outcome,
    needs: Needs,
    *,
    makeup: pd.DataFrame | None = None,
    situation: Situation | None = None,
) -> dict[str, Any]:
    """Tell one scenario.

    Parameters
    ----------
    outcome
        The scenario, evaluated.
    base
        No change, evaluated on the same lots in the same draws.
    needs
        What is missing.
    makeup
        People by neighbourhood (:func:`~densitymap.scenarios.makeup.people_of`); None if no blocks are
        loaded.
    situation
        What the ledgers rest on; None where they cannot be computed.

    Returns
    -------
    dict
        Ready for JSON: the object of the scenario. ``difference`` is from no change, and missing for no
        change itself.
    """
    results, policy = outcome.results, outcome.results.policy
    counts = _counts(outcome)
    flows = _flows(outcome.uptake)
    is_base = outcome is base or policy.levers == ()
    return {
        "name": policy.name,
        "title": policy.title,
        "summary": policy.summary,
        "funnel": counts["true"] | {"expected": _told_range(flows.get("gross"))},
        "maybe": counts["maybe"],
        "demolitions": _told_range(flows.get("demolished")),
        "net_homes": _told_range(flows.get("net")),
        **_ledgers(outcome, base, situation),
        "difference": None if is_base else _difference(counts, flows, base),
        "not_computable": not_computable(needs, has_makeup=makeup is not None),
        "label": SUPPOSED if results.stages["existing_assumed"].any() else None,
        "lots": len(results.lots),
        "lots_unread": int((~results.stages["is_read"]).sum()),
        "levers": levers_told(results),
        "protections": _protections(outcome),
        **unlawful(
            results.lots, base.results.allowed, results.allowed, base=base.results.policy, policy=policy
        ),
        "homes_by_form": _by_form(results, base.results),
        "fits_by_type": fits_by_type(results),
        "expected_by_type": expected_by_type(outcome.uptake),
        "by_year": by_year(outcome.uptake),
        "new_building": new_building(outcome.flow, outcome.uptake),
        **{f"by_{level}": by_place(outcome, level) for level in LEVELS},
        "where_it_falls": None if makeup is None else _falls(outcome, makeup),
        "notes": list(policy.notes),
    }


def not_computable(needs: Needs, *, has_makeup: bool) -> list[str]:
    """Say in words what cannot be computed, and what each needs."""
    lines = [f"expected, demolitions, net_homes: needs {need}" for need in needs.expected]
    lines += [f"pays: needs {need}" for need in needs.pays]
    lines += [f"a total of the whole district: needs {need}" for need in needs.total]
    lines += [f"ledgers, rho_star: needs {need}" for need in needs.expected]
    return lines + ([] if has_makeup else ["where_it_falls: needs the layer blocks_2020"])


def _ledgers(outcome: Outcome, base: Outcome, situation: Situation | None) -> dict[str, Any]:
    """The ledgers and the break-even; None where nothing is expected, which ``not_computable`` explains."""
    was = base.counted
    one = was if outcome.results.policy.levers == () else outcome.counted
    if situation is None or one is None or was is None:
        return {"ledgers": None, "rho_star": None}
    return {"ledgers": ledgers(one, was, situation), "rho_star": rho_star(one, was, situation)}


def _counts(outcome: Outcome) -> dict[str, dict[str, int | None]]:
    """Homes of each stage, surely and perhaps; None where a stage is not known of any lot."""
    rows = {str(row["stage"]): row for row in totals(outcome.stages).to_dict("records")}
    known = {
        name: name in WHOLE or (outcome.flow is not None and rows[stage]["lots"] > 0)
        for name, stage in STAGES.items()
    }
    return {
        level: {
            name: int(rows[stage][f"homes_more_{level}"]) if known[name] else None
            for name, stage in STAGES.items()
        }
        for level in ("true", "maybe")
    }


def _flows(uptake: Uptake | None) -> dict[str, Floats]:
    """Draws of homes completed, net and torn down in the whole area; empty where there are none."""
    if uptake is None:
        return {}
    place = uptake.levels.index(EVERYWHERE)
    gross, net = uptake.gross[:, place], uptake.net[:, place]
    return {"gross": gross, "net": net, "demolished": gross - net}


def _told_range(values: Floats | None) -> dict[str, float] | None:
    if values is None:
        return None
    return {name: round(float(np.quantile(values, at)), _SHOWN) + 0.0 for name, at in _RANGE.items()}


def _difference(
    counts: Mapping[str, Mapping[str, int | None]], flows: Mapping[str, Floats], base: Outcome
) -> dict[str, Any]:
    """The difference from no change: of counts, and draw by draw of what is expected."""
    before, flows_before = _counts(base), _flows(base.uptake)
    less = {
        level: {name: _minus(own[name], before[level][name]) for name in own} for level, own in counts.items()
    }
    moved = {
        name: _told_range(flows[name] - flows_before[name])
        if name in flows and name in flows_before
        else None
        for name in ("gross", "demolished", "net")
    }
    return {
        **less["true"],
        "expected": moved["gross"],
        "maybe": less["maybe"],
        "demolitions": moved["demolished"],
        "net_homes": moved["net"],
    }


def _minus(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one - other


def levers_told(results: Results) -> list[dict[str, Any]]:
    """Each lever as it stands in the file, with the lots it reaches."""
    return [
        {**lever, "lots_reached": count}
        for lever, count in zip(results.policy.levers, results.reached, strict=True)
    ]


def _protections(outcome: Outcome) -> list[dict[str, Any]]:
    """Each protection, and what it does to the rates where they are asked."""
    items, flow = outcome.results.policy.protections, outcome.flow
    told = [_protection(item) for item in items]
    if flow is None or not items:
        return told
    largest = float(flow.options.units_built.max(initial=0.0))
    return [
        one | {"effect": effect(item, lots, largest_project_homes=largest)}
        for one, item, lots in zip(told, items, flow.rated.lots, strict=True)
    ]


def _protection(item: Any) -> dict[str, Any]:
    numbers = {
        name: {
            "value": one.value, "low": one.low, "high": one.high, "unit": one.unit, "cite": one.cite,
            "mark": one.mark,
        }
        for name, one in item.parameters.items()
    }  # fmt: skip
    return {
        "kind": item.kind,
        "title": item.title,
        "acts_on": item.term,
        "acts": item.acts,
        "note": item.note,
        "where": item.where.words if item.where else "everywhere",
        "parameters": numbers,
    }


def _by_form(results: Results, base: Results) -> list[dict[str, Any]]:
    """Lots reached and homes by form, saleable apart or rent-only: what the law would let stand."""
    policy = replace(results.policy, name="then")
    now = base.allowed.reindex(columns=results.allowed.columns, fill_value=False)  # a larger form is refused
    answers = pd.concat([now.assign(policy="now"), results.allowed.assign(policy="then")])
    table = reach(answers, [policy], baseline="now", lots=results.lots)
    return [
        {str(name): _plain(value) for name, value in row.items()}
        for row in table.drop(columns="policy").to_dict("records")
    ]


def _plain(value: Any) -> Any:
    return None if pd.isna(value) else value.item() if isinstance(value, np.generic) else value


def fits_by_type(results: Results) -> list[dict[str, Any]]:
    """Lots on which each kind of home fits, surely and perhaps."""
    fits = results.fits
    grouped = fits.groupby(["fit_mode", "fit_type"], observed=True)["verdict"].value_counts()
    table = grouped.unstack(fill_value=0).reset_index()  # noqa: PD010 (one row per kind, one column per verdict)
    return [
        {
            "mode": str(row["fit_mode"]),
            "type": str(row["fit_type"]),
            "lots_true": int(row.get("TRUE", 0)),
            "lots_maybe": int(row.get("MAYBE", 0)),
        }
        for row in table.to_dict("records")
    ]


def by_year(uptake: Uptake | None) -> list[dict[str, Any]] | None:
    """What is completed by the end of each year, cumulative."""
    if uptake is None:
        return None
    table = _everywhere(uptake)
    yearly = table[table["uptake_measure"].isin(["gross", "net", "demolished"])]
    found: dict[int, dict[str, Any]] = {}
    for row in yearly.sort_values("horizon_year", kind="stable").to_dict("records"):
        year = int(row["horizon_year"])
        found.setdefault(year, {"year": year})[str(row["uptake_measure"])] = _ends(row)
    return list(found.values())


def expected_by_type(uptake: Uptake | None) -> dict[str, Any] | None:
    """Homes completed in ten years by mode and type of home."""
    if uptake is None:
        return None
    table = _everywhere(uptake)
    kinds = table[table["uptake_measure"].str.fullmatch(r"gross [a-z_]+:[a-z_]+")]
    return {str(row["uptake_measure"]).removeprefix("gross "): _ends(row) for row in kinds.to_dict("records")}


def _everywhere(uptake: Uptake) -> pd.DataFrame:
    table = told(uptake)
    return table[table["area_level"] == EVERYWHERE]


def _ends(row: Mapping[Any, Any]) -> dict[str, float]:
    return {name: round(float(row[f"uptake_{name}"]), _SHOWN) for name in _RANGE}


def by_place(outcome: Outcome, level: str) -> list[dict[str, Any]]:
    """The funnel by place; what pays on few lots is hidden, expected homes of few lots too.

    Where something is hidden, a last line (``is_remainder``) holds what the hidden counts come to together,
    so that each count adds up to the whole; its lots stand in the lines of their own places.
    """
    lots = outcome.results.lots
    place = lots[LEVELS[level]].astype("object").where(lots[LEVELS[level]].notna(), "no data")
    told = told_stages(outcome.stages, place.to_numpy(object), has_flow=outcome.flow is not None)
    expected = _expected_at(outcome.uptake, level)
    fewest = int(params.choice("lots_shown_min", group="feasibility"))
    rows = []
    for name, size in place.value_counts().sort_index().items():
        counts = {end: _of_place(told[end], name) for end in told}
        flows = expected.get(str(name), {}) if size >= fewest else {}
        private = [counts[end][stage] for end in counts for stage in STAGES if stage not in WHOLE]
        rows.append(
            _place_told(str(name), int(size), counts, flows)
            | {"is_hidden": size < fewest or (outcome.flow is not None and None in private)}
        )
    return rows + _remainder(told)


def _place_told(
    name: str, lots: int, counts: Mapping[str, Mapping[str, int | None]], flows: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "name": name,
        "lots": lots,
        "funnel": {**counts["true"], "expected": flows.get("gross")},
        "maybe": dict(counts["maybe"]),
        "net_homes": flows.get("net"),
        "is_remainder": False,
    }


def _of_place(stages: Mapping[str, Told | None], name: Any) -> dict[str, int | None]:
    found = {stage: None if one is None else one.counts.get(name) for stage, one in stages.items()}
    return {stage: None if value is None or pd.isna(value) else int(value) for stage, value in found.items()}


def _remainder(told: Mapping[str, Mapping[str, Told | None]]) -> list[dict[str, Any]]:
    """The line of what is hidden; none where nothing is."""
    stages = [one for end in told.values() for one in end.values() if one is not None]
    if not any(one.counts.isna().any() for one in stages):
        return []
    counts = {
        end: {stage: None if one is None else one.rest for stage, one in found.items()}
        for end, found in told.items()
    }
    return [_place_told(REMAINDER, 0, counts, {}) | {"is_hidden": False, "is_remainder": True}]


def _expected_at(uptake: Uptake | None, level: str) -> dict[str, dict[str, Any]]:
    if uptake is None:
        return {}
    gross, net = uptake.gross, uptake.net
    return {
        name: {"gross": _told_range(gross[:, at]), "net": _told_range(net[:, at])}
        for at, (its_level, name) in enumerate(zip(uptake.levels, uptake.names, strict=True))
        if its_level == level
    }


def _falls(outcome: Outcome, makeup: pd.DataFrame) -> dict[str, Any]:
    """Who lives where homes, demolitions and protections fall; nobody's household is guessed."""
    lots = outcome.results.lots
    name = lots["neighborhood"].astype("string")
    homes = outcome.results.stages["fits_may"].to_numpy(float, na_value=np.nan)
    weights: dict[str, pd.Series] = {
        "everybody": makeup["population"],
        "lots": name.value_counts(),
        "homes_that_fit": pd.Series(homes).groupby(name.to_numpy(object)).sum(min_count=1),
    }
    if outcome.uptake is not None:
        levels = np.array(outcome.uptake.levels) == "neighborhood"
        places = np.array(outcome.uptake.names, dtype=object)[levels]
        gross, net = (values[:, levels].mean(axis=0) for values in (outcome.uptake.gross, outcome.uptake.net))
        weights["homes_expected"] = pd.Series(gross, index=places)
        weights["demolitions"] = pd.Series(gross - net, index=places)
    for item in outcome.results.policy.protections:
        weights[f"protection: {item.title}"] = makeup_of(lots, item)
    return weighted(makeup, weights)
