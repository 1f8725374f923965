"""Owner stress: owner households whose yearly property tax outgrows their income.

Law is data: one row per levy, county and exemption in ``catalog/tax``. Where a levy is unread, or values are
missing or older than three years, nothing is computed and what is missing is said. Stress is not leaving:
exits are told apart. Source: the project's displacement reference, 5.3 c.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from densitymap import params
from densitymap.displacement.correct import share_below
from densitymap.displacement.draws import floats
from densitymap.errors import ValidationError
from densitymap.geometry import Floats
from densitymap.scenarios.ledger import record

UNREAD = "unread"
_NUMBERS = ("rate_mills", "exempt_usd", "growth_cap_share")
_WORDS = ("name", "county", "exemption", "cite")


@dataclass(frozen=True, kw_only=True, slots=True)
class Levy:
    """One levy on one county's homesteads; an unread number is None, no cap is ``inf``."""

    name: str
    county: str
    exemption: str
    cite: str
    rate_mills: float | None
    exempt_usd: float | None
    growth_cap_share: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Tax:
    """The levies of a city and how stress is told."""

    assessment_share: float
    stress_points: float
    value_age_max_years: float
    passed_on_to_rents: str
    levies: tuple[Levy, ...]


def load_tax(city: str, *, extra: Path | None = None) -> Tax:
    """Read the levies of a city.

    Raises
    ------
    ValidationError
        With every levy that lacks a field, or whose number is neither one of at least 0 nor "unread".
    """
    fields = params.load("tax", city, extra=extra)
    faults = [fault for n, row in enumerate(fields["levy"], start=1) for fault in _faults(n, row)]
    if faults:
        raise ValidationError(f"catalog/tax/{city}.toml is not complete", faults=faults)
    return Tax(
        assessment_share=float(fields["assessment_share"]["value"]),
        stress_points=float(fields["stress_points"]["value"]),
        value_age_max_years=float(fields["value_age_max_years"]["value"]),
        passed_on_to_rents=str(fields["passed_on_to_rents"]),
        levies=tuple(_levy(row) for row in fields["levy"]),
    )


def _faults(number: int, row: Mapping[str, Any]) -> list[str]:
    faults = [f"levy {number}: has no {name}" for name in (*_WORDS, *_NUMBERS) if name not in row]
    faults += [
        f"levy {number}: unknown field {name}.{params.nearest(name, (*_WORDS, *_NUMBERS))}"
        for name in row
        if name not in (*_WORDS, *_NUMBERS)
    ]
    for name in _NUMBERS:
        value = row.get(name, 0)
        if value != UNREAD and (isinstance(value, bool | str) or not value >= 0):
            faults.append(
                f"levy {number}: {name} must be a number of at least 0 or {UNREAD!r}, not {value!r}"
            )
    return faults


def _levy(row: Mapping[str, Any]) -> Levy:
    rate, exempt, cap = (None if row[name] == UNREAD else float(row[name]) for name in _NUMBERS)
    name, county, exemption, cite = (str(row[word]) for word in _WORDS)
    return Levy(
        name=name, county=county, exemption=exemption, cite=cite, rate_mills=rate, exempt_usd=exempt,
        growth_cap_share=cap,
    )  # fmt: skip


def needs(tax: Tax, lots: pd.DataFrame, income: pd.DataFrame | None, *, year: int) -> tuple[str, ...]:
    """Say what the owners' ledger lacks; empty where it can be computed.

    Parameters
    ----------
    tax
        The levies.
    lots
        Table ``parcels``: ``county``, ``appraised_value_usd``, ``value_year``.
    income
        Layer ``income_by_tenure``.
    year
        Year that values are held against.
    """
    here = set(lots["county"].dropna().astype(str))
    missing = []
    for levy in tax.levies:
        unread = [name for name in _NUMBERS if getattr(levy, name) is None]
        if levy.county in here and unread:
            missing.append(f"the {levy.name} levy in {levy.county}: {', '.join(unread)} unread")
    strange = sorted(here - {levy.county for levy in tax.levies})
    missing += [f"the levies of {county}: none in the catalogue" for county in strange]
    fresh = _fresh(tax, lots, year)
    if not fresh.all():
        missing.append(
            f"market values of {tax.value_age_max_years:g} years or less "
            f"(there are some on {fresh.mean():.0%} of lots that may have an owner)"
        )
    if income is None:
        missing.append("income by tenure (B25118)")
    return tuple(missing)


def _fresh(tax: Tax, lots: pd.DataFrame, year: int) -> np.ndarray:
    built = lots["is_built"].astype("boolean").to_numpy(bool, na_value=True)
    value = lots["appraised_value_usd"].to_numpy(float, na_value=np.nan)
    age = year - lots["value_year"].to_numpy(float, na_value=np.nan)
    fresh = np.isfinite(value) & (age <= tax.value_age_max_years)
    return np.asarray(fresh[built], dtype=bool)


@dataclass(frozen=True, kw_only=True, slots=True)
class Owners:
    """Lots with owners, taken together by tract, county and value.

    Attributes
    ----------
    value_usd, households, reached
        Per group: mean market value, expected owner households, share of lots the reform newly reaches.
    county, tract
        Per group.
    protected
        Share of lots in tax relief.
    """

    value_usd: Floats
    households: Floats
    reached: Floats
    protected: Floats
    county: np.ndarray
    tract: np.ndarray


def owners_of(
    lots: pd.DataFrame, households: Floats, *, reached: np.ndarray, protected: np.ndarray
) -> Owners:
    """Take lots together.

    Parameters
    ----------
    lots
        Table ``parcels``.
    households
        Expected owner households of each lot.
    reached, protected
        Whether the reform newly allows homes there; whether tax relief covers it.
    """
    value = lots["appraised_value_usd"].to_numpy(float, na_value=np.nan)
    frame = pd.DataFrame(
        {
            "tract": lots["tract_geoid_2020"].astype("string").fillna("").to_numpy(object),
            "county": lots["county"].astype("string").fillna("").to_numpy(object),
            "value": value,
            "households": households,
            "reached": reached.astype(float),
            "protected": protected.astype(float),
        }
    )[np.isfinite(value) & (households > 0)]
    frame["bin"] = (
        pd.qcut(frame["value"], record()["value_classes"], labels=False, duplicates="drop")
        if len(frame)
        else 0
    )
    grouped = frame.groupby(["tract", "county", "bin"], sort=True)
    means, total = grouped[["value", "reached", "protected"]].mean(), grouped["households"].sum()
    index = means.index
    return Owners(
        value_usd=means["value"].to_numpy(float), households=total.to_numpy(float),
        reached=means["reached"].to_numpy(float), protected=means["protected"].to_numpy(float),
        county=index.get_level_values("county").to_numpy(object),
        tract=index.get_level_values("tract").to_numpy(object),
    )  # fmt: skip


def stressed(
    tax: Tax,
    owners: Owners,
    income: pd.DataFrame,
    drawn: Mapping[str, Floats],
    *,
    take_up: Floats | float = 0.0,
) -> Floats:
    """Owner households under tax stress at the end of ten years, by draw.

    Parameters
    ----------
    tax, owners, income
        Levies, lots with owners, and layer ``income_by_tenure``.
    drawn
        Beliefs by draw.
    take_up
        Share of covered owners who take tax relief, by draw.
    """
    growth = drawn["value_growth"][:, None]
    rise = 1 + drawn["reform_value_rise"][:, None] * owners.reached
    added = np.zeros((len(growth), len(owners.value_usd)))
    for levy in tax.levies:
        at = owners.county == levy.county
        added[:, at] += _tax_added(levy, tax, owners.value_usd[at], growth, rise[:, at])
    limit = added / tax.stress_points
    share = _share_under(income, owners.tract, limit)
    kept = 1 - np.asarray(take_up, float).reshape(-1, 1) * owners.protected
    return np.asarray((share * kept * owners.households).sum(axis=1))


def _tax_added(levy: Levy, tax: Tax, value: Floats, growth: Floats, rise: Floats) -> Floats:
    """Tax of one levy after ten years less the tax now [USD/year]."""
    years = float(record()["horizon_years"])
    rate, exempt, cap = (np.nan if getattr(levy, name) is None else getattr(levy, name) for name in _NUMBERS)
    now = tax.assessment_share * value
    free = now * (1 + growth) ** years * rise
    held = np.full_like(now, np.inf) if math.isinf(cap) else now * (1 + cap) ** years
    then = np.minimum(free, held)
    return np.asarray((np.maximum(then - exempt, 0) - np.maximum(now - exempt, 0)) * rate / 1000.0)


def _share_under(income: pd.DataFrame, tract: Sequence[Any] | np.ndarray, limit_usd: Floats) -> Floats:
    """Share of a tract's owners whose income lies under a limit; those of all tracts where it has none."""
    fields = record()["renter_income"]
    counts = np.stack([floats(income, f"owner_households_{name}") for name in fields["classes"]], axis=-1)
    place = pd.Index(income["tract_geoid"].astype(object)).get_indexer(pd.Index(tract))
    everywhere = np.nansum(counts, axis=0)
    own = np.where((place >= 0)[:, None], counts[place], everywhere)
    own = np.where(np.isnan(own).any(axis=1)[:, None] | (own.sum(axis=1) <= 0)[:, None], everywhere, own)
    share = share_below(own, np.array(fields["upper_usd"], float), np.maximum(limit_usd, 0.0))
    share = np.where(limit_usd <= 0, 0.0, share)
    return np.asarray(np.where(np.isnan(limit_usd), np.nan, share))


def exits(stress: Floats, drawn: Mapping[str, Floats]) -> Floats:
    """Owners under stress who leave within ten years, by draw; stress builds evenly over them."""
    years = float(record()["horizon_years"])
    return np.asarray(stress * (1 - (1 - drawn["owner_exit_rate"]) ** (years / 2)))
