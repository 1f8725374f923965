"""Policies a map shows: those every build judged, or the scenarios it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from densitymap import params
from densitymap.city import City, load_city
from densitymap.errors import UsageError
from densitymap.pipeline import scenarios, workspace
from densitymap.pipeline.results import BASELINE
from densitymap.pipeline.workspace import Workspace
from densitymap.scenarios.answers import allowed as allowed_under
from densitymap.scenarios.answers import minimum_lot_answers
from densitymap.scenarios.fits import fits as fits_under
from densitymap.scenarios.policy import Policy, apply, load_policy

TABLES = ("allowed", "fits", "zone_answers")
"""Results a map reads, by policy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """What policies say: name, title and question of each (today's law first), and their long tables.

    ``pair`` are the two to compare, ``shown`` the one the map opens on, ``notes`` what a reader must
    know of them. Policies to compare were asked the same question.
    """

    policies: list[tuple[str, str, str]]
    allowed: pd.DataFrame
    fits: pd.DataFrame
    zone_answers: pd.DataFrame
    pair: tuple[str, str] | None = None
    shown: str | None = None
    notes: tuple[str, ...] = ()


def judged_under(
    space: Workspace,
    report: Mapping[str, Any],
    scenario: str | None,
    compare: Sequence[str] | None,
    *,
    question: str | None = None,
) -> Judged:
    """Give the answers of the policies asked for, beside today's law; of all the build judged if none.

    Parameters
    ----------
    space
        A built workspace.
    report
        The build's report.
    scenario, compare
        Names or files of scenarios; of those to compare the first and the last are the pair.
    question
        What to ask of each lot; what the last of them asks if None.

    Raises
    ------
    UsageError
        If there is no such scenario (the nearest is suggested), or two bear one name.
    ValidationError
        With every fault of a scenario.
    """
    asked = [*(compare or ()), *([scenario] if scenario else [])]
    tables = {name: workspace.read_frame(space.results / f"{name}.parquet") for name in TABLES}
    if not asked:
        return _stored(report, tables)
    city = load_city()
    named = {name: scenarios.policy_of(space, name, city=city) for name in dict.fromkeys([BASELINE, *asked])}
    _refuse_twins(list(named.values()))
    pair = compare or ((BASELINE, scenario) if scenario and scenario != BASELINE else None)
    question = question or named[asked[-1]].question
    policies = [replace(policy, question=question) for policy in named.values()]
    spoken = params.load("words", "questions")[question]
    return Judged(
        policies=[(policy.name, policy.title, spoken) for policy in policies],
        pair=(named[pair[0]].name, named[pair[-1]].name) if pair else None,
        shown=named[pair[-1]].name if pair else None,
        notes=tuple(dict.fromkeys(note for policy in policies for note in policy.notes)),
        **_evaluated(space, city, policies, tables),
    )


def _stored(report: Mapping[str, Any], tables: Mapping[str, Any]) -> Judged:
    """Give what the last build judged."""
    asked = params.load("words", "questions")
    return Judged(
        policies=[
            (name, told["title"], asked[told["question"]]) for name, told in report["policies"].items()
        ],
        notes=tuple(note for told in report["policies"].values() for note in told.get("notes", ())),
        **tables,
    )


def _refuse_twins(policies: Sequence[Policy]) -> None:
    names = [policy.name for policy in policies]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(
            f"Two scenarios are named {', '.join(twice)}", next_step="give the file another name"
        )


def _evaluated(
    space: Workspace, city: City, policies: Sequence[Policy], tables: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Answers of the policies: what fits as the build judged it where it did, the rest worked out now."""
    new = [policy for policy in policies if not _is_stored(policy, city, tables["fits"])]
    lots = workspace.read_frame(space.parcels / "parcels.parquet").reset_index(drop=True)
    fits = [tables["fits"]]
    if new:
        loaded = scenarios.load_ground(space)
        loaded.place(new)
        lots = loaded.scene.lots
        fits.append(fits_under(loaded.scene.ground, new))
    allowed = allowed_under(
        lots,
        policies,
        parcel_zones=workspace.read_frame(space.parcels / "parcel_zones.parquet"),
        sliver_share=city.sliver_share,
    )
    codes = tables["zone_answers"]["zone_district"].drop_duplicates()
    answers = [
        minimum_lot_answers(codes, policy).assign(zone_district=codes, policy=policy.name)
        for policy in policies
    ]
    return {
        "allowed": allowed,
        "fits": pd.concat(fits, ignore_index=True),
        "zone_answers": pd.concat(answers, ignore_index=True),
    }


def _is_stored(policy: Policy, city: City, fits: pd.DataFrame) -> bool:
    """Whether the build judged this very policy: a shipped one, with the levers it ships with."""
    if policy.name not in set(fits["policy"].unique()):
        return False
    law = load_policy(city.code)
    shipped = law if policy.name == BASELINE else apply(policy.name, law)
    return policy.levers == shipped.levers
