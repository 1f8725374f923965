"""One policy evaluated on lots: what is allowed, what fits, whom its levers reach; values in, values out.

What pays and what is expected is :mod:`~densitymap.scenarios.flow`; the record that people and programs
read is :mod:`~densitymap.scenarios.record`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap.capacity.fit import Places
from densitymap.capacity.fits import Fitted, fits_table
from densitymap.capacity.modes import Setting
from densitymap.capacity.verdict import MAYBE, RULES, TRUE
from densitymap.feasibility.forms import UNREAD
from densitymap.feasibility.funnel import staged
from densitymap.geometry import Indices
from densitymap.scenarios import levers
from densitymap.scenarios.answers import allowed_on
from densitymap.scenarios.divide import judged
from densitymap.scenarios.ground import Ground, setting
from densitymap.scenarios.places import place_of
from densitymap.scenarios.policy import Policy
from densitymap.scenarios.protections import Protection
from densitymap.scenarios.standing import bound
from densitymap.zoning.parse import parse_zones
from densitymap.zoning.parts import Parts, parts_of

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The lots of a run, whatever the law.

    Attributes
    ----------
    lots
        Table ``parcels``, with a column per place (:func:`~densitymap.scenarios.places.with_places`).
    ground
        The same lots surveyed, in the same order.
    parcel_zones
        Table ``parcel_zones``.
    sliver_share
        The city's.
    """

    lots: gpd.GeoDataFrame
    ground: Ground
    parcel_zones: pd.DataFrame
    sliver_share: float

    @cached_property
    def parts(self) -> Parts:
        """The lots by zoning district, whatever the law."""
        return parts_of(self.lots, parcel_zones=self.parcel_zones, sliver_share=self.sliver_share)

    def placed(self, lots: gpd.GeoDataFrame) -> Scene:
        """Give the scene with the lots' places looked up, for the ground too."""
        new = [name for name in lots.columns if name not in self.lots.columns]
        table = self.ground.lots.assign(**{name: lots[name].to_numpy() for name in new})
        placed = replace(self, lots=lots, ground=replace(self.ground, lots=table))
        vars(placed)["parts"] = self.parts  # a place changes no district
        return placed


@dataclass(frozen=True, kw_only=True)
class Results:
    """What a policy does to the lots; in memory only.

    Attributes
    ----------
    policy
        The policy.
    allowed
        Table of the policy, without sentences.
    fitted, setting
        What fits, as numbers, and what it was judged on.
    reached
        Lots each lever of the law binds on, in the order of ``policy.levers``; for a protection, those it
        protects.
    lots
        The lots.
    """

    policy: Policy
    allowed: pd.DataFrame
    fitted: Fitted
    setting: Setting
    reached: tuple[int, ...]
    lots: pd.DataFrame

    @cached_property
    def fits(self) -> pd.DataFrame:
        """Table ``fits`` of the policy, without sentences."""
        return fits_table(self.fitted, self.setting, self.lots["parcel_id"], policy=self.policy.name)

    @property
    def places(self) -> Places:
        """Where buildings fit: for a policy that leaves the yards alone (``reuse``)."""
        return self.setting.places

    @cached_property
    def stages(self) -> pd.DataFrame:
        """The funnel per lot as far as fits (:func:`~densitymap.feasibility.funnel.funnel`)."""
        found, count = self.fitted, len(self.lots)
        unread = np.isin(found.rule, [RULES.index(name) for name in UNREAD])
        sure, maybe = found.level == TRUE, (found.level == MAYBE) & ~unread
        lawful = self.allowed[["units_allowed", "units_certain"]].to_numpy(float, na_value=np.nan)
        homes = (*lawful.T, found.most(count, sure), found.most(count, sure | maybe))
        return staged(self.lots, *homes)


def evaluate(scene: Scene, policy: Policy, *, reuse: Places | None = None) -> Results:
    """Ask a policy of every lot.

    Parameters
    ----------
    scene
        The lots.
    policy
        The policy; its places must be columns of the lots.
    reuse
        Where buildings fit under another policy: taken over where the yards are the same.

    Raises
    ------
    MissingDataError
        If nobody has looked which lots lie in a place of the policy.
    ValidationError
        If levers of places that overlap contradict one another on a lot, or protections of one kind meet.
    """
    policy.refuse_repeated(scene.lots)
    binds = bound(scene.lots, policy)
    at, _ = setting(scene.ground, policy, reuse=reuse, binds=binds)
    law = allowed_on(scene.lots, scene.parts, policy, binds=binds, reasons=False)
    return Results(
        policy=policy,
        allowed=law,
        fitted=judged(scene.ground, at, policy),
        setting=at,
        reached=lots_reached(scene.lots, policy),
        lots=scene.lots,
    )


def lots_reached(lots: pd.DataFrame, policy: Policy) -> tuple[int, ...]:
    """Count the lots each lever binds on: in its districts (the main one of a lot) and its place."""
    codes, distinct = pd.factorize(lots["zone_district"], use_na_sentinel=False)
    key = parse_zones(pd.Series(distinct), policy.base)["zone_key"]
    return tuple(int(_bound(lots, (codes, key), lever).sum()) for lever in policy.levers)


def _bound(lots: pd.DataFrame, key: tuple[Indices, pd.Series], lever: levers.Lever) -> Flags:
    bound = np.ones(len(lots), dtype=bool)
    if "districts" in lever:
        codes, distinct = key
        bound = distinct.isin(list(lever["districts"])).to_numpy(bool)[codes]
    if "where" in lever:
        bound = bound & lots[place_of(lever["where"]).key].to_numpy(bool, na_value=False)
    return bound


def protected(lots: pd.DataFrame, protection: Protection) -> Flags:
    """Tell which lots a protection is for."""
    if protection.where is None:
        return np.ones(len(lots), dtype=bool)
    return lots[protection.where.key].to_numpy(bool, na_value=False)


def empty_levers(results: Results) -> list[str]:
    """Say which levers reach no lot."""
    return levers_without_lots(results.policy, results.reached)


def levers_without_lots(policy: Policy, reached: Sequence[int]) -> list[str]:
    """Say which levers reach no lot, given how many each reaches."""
    return [
        f"lever {number} ({lever['kind']}{_detail(lever)}) reaches no lot"
        for number, (lever, count) in enumerate(zip(policy.levers, reached, strict=True), start=1)
        if count == 0
    ]


def _detail(lever: levers.Lever) -> str:
    parts = [str(lever["standard"])] if "standard" in lever else []
    parts += ["in " + ", ".join(lever["districts"])] if "districts" in lever else []
    parts += [place_of(lever["where"]).words] if "where" in lever else []
    return (" " + " ".join(parts)) if parts else ""
