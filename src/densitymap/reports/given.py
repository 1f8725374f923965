"""What a brief is made of: one frozen record, gathered by the pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """One set of rules: its name, its title for people, and what it is asked of every lot."""

    name: str
    title: str
    question: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BriefInput:
    """Everything one brief says; frames in EPSG:2240, unknown left missing.

    ``allowed`` and ``fits`` are the rows of the place's lots; ``zones`` is cut to the place and has
    ``zone_district``, ``zone_group`` and ``acres``; ``zone_answers`` is by policy and district.
    ``lots`` carries owner facts: they leave this package as shares of at least ten lots only.
    ``others`` are further plans to set beside the first, ``records`` what `compare` says of all policies,
    today's first: a brief that has them sets the plans side by side (:mod:`densitymap.reports.compared`).
    ``funnel`` holds the place's rows of the table ``feasibility``, by policy and stage: a stage that
    is not there is said to be not computed yet. ``uptake`` holds its rows of the table ``uptake``.
    """

    place: str
    npus: Sequence[str]
    shape: shapely.Geometry
    area_name: str
    share_in_area: float
    land_share: float
    synthetic: bool
    today: Policy
    plan: Policy
    reforms: Sequence[Policy]
    lots: pd.DataFrame
    allowed: pd.DataFrame
    fits: pd.DataFrame
    zones: gpd.GeoDataFrame
    zone_answers: pd.DataFrame
    lines: Mapping[str, gpd.GeoDataFrame]
    stations: gpd.GeoDataFrame | None
    assisted: gpd.GeoDataFrame | None
    assisted_in_file: int
    counties: Sequence[str]
    tracts: pd.DataFrame
    profile: Mapping[str, Any]
    derived: pd.DataFrame | None
    sources: pd.DataFrame
    sampled: bool
    lock_hash: str
    version: str
    seed: int
    funnel: pd.DataFrame | None = None
    uptake: pd.DataFrame | None = None
    map_link: str = ""
    others: Sequence[Policy] = ()
    records: Sequence[Mapping[str, Any]] = ()

    @property
    def plans(self) -> tuple[Policy, ...]:
        """The plans beside today's rules."""
        return self.plan, *self.others

    @property
    def policies(self) -> tuple[Policy, ...]:
        """Today's rules, then the plans'."""
        return self.today, *self.plans

    @property
    def question(self) -> str:
        """What every policy was asked: what the first plan was."""
        return self.plan.question
