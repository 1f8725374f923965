"""The hazard: how likely a lot is to change in a year, and into what.

One function, complementary log-log: ``h = 1 - exp(-sum_k exp(a_k + x b + I_k))``. A lot's processes
``k`` (an accessory home, a teardown, a conversion, a split, an investor's purchase, each by developer,
owner or nonprofit) compete; ``I_k`` is the inclusive value of the nested logit among the process's open
options, ``theta log sum_o (p_o exp V_o)^(1/theta)``, where ``V_o`` is ``b1`` times the surplus over the
as-is value and ``p_o`` the probability that a MAYBE holds (1 for TRUE, 0 for FALSE). A lone MAYBE has
exactly ``p`` times the rate of a lone TRUE, and no further option ever lowers a process's rate. A factor on
an option's rate (what a protection does) enters as ``p_o`` does: 0 closes it.

An option is open where it pays its actor; for no actor is one open that does not pay (issue 8).
Source of the form: the project's zoning and capacity reference, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from densitymap import params
from densitymap.errors import ValidationError
from densitymap.feasibility.priors import choice
from densitymap.geometry import Floats

Codes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

PROCESSES = ("adu", "redevelop", "convert", "split", "investor")
ACTORS = ("developer", "owner", "nonprofit")
TENURES = ("sale", "rent")
CLOSED, MAYBE, TRUE = 0, 1, 2
"""Status of an option: only a yardstick (legal today, not under this policy), open in doubt, open."""

COVARIATES = ("land_share", "age", "absentee", "sold", "discretion")
"""Covariates of a lot beside the surplus, in the order of the slopes."""

INVESTOR = "none:investor_purchase"
"""Outcome of a purchase to flip or let: it adds no home."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What could be done on each lot: one entry per lot, process, actor, outcome and tenure.

    Arrays have one entry per option. Residual land value of an option in a draw is
    ``sale_usd * price + rent_usd * rent - cost_usd * cost + land * as_is * price``, with the draw's factors
    on prices, capitalised rents and costs.

    Parameters
    ----------
    lot
        Position of the lot, ascending.
    process, actor, tenure
        Codes in :data:`PROCESSES`, :data:`ACTORS`, :data:`TENURES`.
    outcome
        Code in ``outcomes``.
    status
        :data:`CLOSED`, :data:`MAYBE` or :data:`TRUE`.
    is_new_right
        Whether no change does not allow the form to that actor in any tenure: it is learnt over the ramp.
    is_today
        Whether no change brings the same worth: the best of a developer's is what today would bring. A form
        of another size than today's is neither a new right nor today's.
    rate_group
        Which of the draws' factors its rate is multiplied by
        (:attr:`~densitymap.feasibility.draws.Draws.rate`); 0 is the factor 1.
    units_built, units_demolished, units_added
        Homes built, homes torn down, homes beyond those standing.
    sale_usd, rent_usd, cost_usd, land
        Parts of the residual land value [USD, USD, USD, share of as-is value].
    yield_ratio
        Yield on cost over the least yield asked; ``inf`` where none is asked.
    outcomes
        Names of the outcomes, ``mode:type``.
    """

    lot: Codes
    process: Codes
    actor: Codes
    outcome: Codes
    tenure: Codes
    status: Codes
    is_new_right: Flags
    is_today: Flags
    rate_group: Codes
    units_built: Floats
    units_demolished: Floats
    units_added: Floats
    sale_usd: Floats
    rent_usd: Floats
    cost_usd: Floats
    land: Floats
    yield_ratio: Floats
    outcomes: tuple[str, ...]

    def take(self, rows: npt.NDArray[np.int64] | Flags) -> Options:
        """Options at some rows."""
        fields = {name: getattr(self, name)[rows] for name in ARRAYS}
        return Options(outcomes=self.outcomes, **fields)

    def ordered(self) -> Options:
        """Order so that the options of a lot, and of a process and outcome within it, lie together."""
        place = self.lot
        for part, top in ((self.actor, len(ACTORS)), (self.process, len(PROCESSES)),
                          (self.outcome, len(self.outcomes)), (self.tenure, len(TENURES))):  # fmt: skip
            place = place * top + part
        if bool((place[1:] >= place[:-1]).all()):
            return self
        return self.take(np.argsort(place, kind="stable"))


ARRAYS = tuple(name for name in Options.__dataclass_fields__ if name != "outcomes")


@dataclass(frozen=True, kw_only=True, slots=True)
class Lots:
    """What is known of each lot that the hazard asks for.

    Parameters
    ----------
    as_is_usd
        Value as the lot stands [USD]; NaN where unknown: the lot is then left out, and counted.
    area
        Code of the lot's price area (neighbourhood).
    covariates
        Array [lot, covariate] in the order of :data:`COVARIATES`: land share of value, age of the
        structure [decades], owner lives elsewhere, sold within two years, a certificate is needed.
        NaN where unknown: the term is then left out, and counted.
    """

    as_is_usd: Floats
    area: Codes
    covariates: Floats

    @property
    def is_known(self) -> Flags:
        """Whether the lot's as-is value is known and above 0."""
        return np.isfinite(self.as_is_usd) & (self.as_is_usd > 0)

    @property
    def lacking(self) -> dict[str, int]:
        """Lots that enter without each covariate: the typical lot's stands in, which moves no rate."""
        count = np.isnan(self.covariates[self.is_known]).sum(axis=0)
        return {name: int(number) for name, number in zip(COVARIATES, count, strict=True)}

    def centred(self) -> Floats:
        """Covariates less the values at which the priors' rates hold; unknown gives 0, the typical lot."""
        typical = np.array([choice(f"{name}_reference") for name in COVARIATES])
        away = self.covariates - typical
        return np.where(np.isnan(away), 0.0, away)


def check(options: Options, lots: Lots, *, n_groups: int = 1) -> None:
    """Refuse options that do not belong to the lots or are no numbers.

    Raises
    ------
    ValidationError
        With every fault found.
    """
    faults = [
        f"{name}: {len(getattr(options, name))} entries for {len(options.lot)} options"
        for name in ARRAYS
        if len(getattr(options, name)) != len(options.lot)
    ]
    if not faults:
        codes = {"lot": len(lots.as_is_usd), "process": len(PROCESSES), "actor": len(ACTORS),
                 "tenure": len(TENURES), "status": TRUE + 1, "outcome": len(options.outcomes),
                 "rate_group": n_groups}  # fmt: skip
        faults += [
            f"{name}: codes must lie between 0 and {top - 1}"
            for name, top in codes.items()
            if np.any((getattr(options, name) < 0) | (getattr(options, name) >= top))
        ]
        if np.any(np.diff(options.lot) < 0):
            faults.append("lot: must ascend")
        for name in ("units_built", "units_demolished"):
            if np.any(getattr(options, name) < 0):
                faults.append(f"{name}: may not be negative")
    if faults:
        raise ValidationError("The options cannot be used", faults=faults)


@cache
def processes() -> Mapping[str, str]:
    """Process of each ``mode:type`` of the fit table; ``mode:*`` stands for the mode's other types."""
    record = dict(params.load("uptake", "choices")["process_of"])
    record.pop("cite")
    return record


def process_of(mode: str, kind: str) -> str | None:
    """Process a form belongs to; None where it changes nothing (a house that is kept).

    Examples
    --------
    >>> process_of("keep", "house_adu"), process_of("none", "investor_purchase"), process_of("keep", "house")
    ('adu', 'investor', None)
    """
    known = processes()
    return known.get(f"{mode}:{kind}", known.get(f"{mode}:*"))


@cache
def actor_shares() -> Floats:
    """Share of each process's rate by actor, array [process, actor]."""
    record = params.load("uptake", "choices")["actor_shares"]
    return np.array([[record[process][actor] for actor in ACTORS] for process in PROCESSES], float)


def with_investors(options: Options, *, has_home: Flags) -> Options:
    """Add to every lot with a standing home the purchase to flip or let, which adds no home."""
    outcomes = (*options.outcomes, INVESTOR)
    lot = np.flatnonzero(has_home)
    zero, one = np.zeros(len(lot)), np.ones(len(lot))
    code = zero.astype(np.int64)
    added = Options(
        lot=lot, process=code + PROCESSES.index("investor"), actor=code, tenure=code,
        outcome=code + len(outcomes) - 1, status=code + TRUE, is_new_right=zero.astype(bool),
        is_today=zero.astype(bool), rate_group=code,
        units_built=zero, units_demolished=zero, units_added=zero,
        sale_usd=zero, rent_usd=zero, cost_usd=zero, land=one, yield_ratio=np.full(len(lot), np.inf),
        outcomes=outcomes,
    )  # fmt: skip
    both = {name: np.concatenate([getattr(options, name), getattr(added, name)]) for name in ARRAYS}
    return Options(outcomes=outcomes, **both).ordered()
