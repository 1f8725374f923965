"""Owner stress: owner households whose yearly property tax outgrows their income.

Law is data: one row per levy, county and exemption in ``catalog/tax``. Where a levy is unread, or values are
missing or older than three years, nothing is computed and what is missing is said. Stress is not leaving:
exits are told apart. Source: the project's displacement reference, 5.3 c.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

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
_SHARE = "owners_share"
_WORDS = ("name", "county", "exemption", "cite")
_HEAD = ("assessment_share", "stress_points", "value_age_max_years")
_KNOWN = (*_HEAD, "passed_on_to_rents", "levy")


@dataclass(frozen=True, kw_only=True, slots=True)
class Levy:
    """One levy on the homes of one county's owners with one exemption.

    An unread number is None, no cap is ``inf``. ``owners_share``: share of the county's owners who hold the
    exemption.
    """

    name: str
    county: str
    exemption: str
    cite: str
    rate_mills: float | None
    exempt_usd: float | None
    growth_cap_share: float | None
    owners_share: float | None = 1.0


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
        With everything wrong: a field that is absent, unknown or no number; exemptions of a county that do
        not hold each levy once, or do not cover its owners once.
    """
    fields = params.load("tax", city, extra=extra)
    faults = [*_head_faults(fields), *_levy_faults(fields.get("levy"))]
    if faults:
        raise ValidationError(
            f"tax/{city}.toml is not complete",
            faults=faults,
            next_step="correct it: the workspace's own where it has one, else catalog/tax",
        )
    return Tax(
        passed_on_to_rents=str(fields["passed_on_to_rents"]),
        levies=tuple(_levy(row) for row in fields["levy"]),
        **{name: float(fields[name]["value"]) for name in _HEAD},
    )


def _head_faults(fields: Mapping[str, Any]) -> Iterator[str]:
    for name in _HEAD:
        given = fields.get(name)
        value = given.get("value") if isinstance(given, Mapping) else None
        if not _is_number(value) or not 0 < value < math.inf:
            yield f"{name} must be a record whose value is a number above 0, not {given!r}"
    if not isinstance(fields.get("passed_on_to_rents"), str):
        yield "passed_on_to_rents must be a text"
    for name in fields:
        if name not in _KNOWN:
            yield f"unknown field {name}.{params.nearest(name, _KNOWN)}"


def _levy_faults(rows: Any) -> list[str]:
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        return ["levy must be a list of [[levy]]"]
    faults = [fault for n, row in enumerate(rows, start=1) for fault in _row_faults(n, row)]
    return faults or [*_cover_faults([_levy(row) for row in rows])]


def _row_faults(number: int, row: Mapping[str, Any]) -> Iterator[str]:
    known = (*_WORDS, *_NUMBERS, _SHARE)
    for name in (*_WORDS, *_NUMBERS):
        if name not in row:
            yield f"levy {number}: has no {name}"
    for name, value in row.items():
        if name not in known:
            yield f"levy {number}: unknown field {name}.{params.nearest(name, known)}"
        elif name in _WORDS and not isinstance(value, str):
            yield f"levy {number}: {name} must be a text, not {value!r}"
        elif name not in _WORDS and value != UNREAD and not (_is_number(value) and value >= 0):
            yield f"levy {number}: {name} must be a number of at least 0 or {UNREAD!r}, not {value!r}"


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cover_faults(levies: Sequence[Levy]) -> Iterator[str]:
    """Each county: every levy once with every exemption, and exemptions that share out its owners."""
    for county in sorted({levy.county for levy in levies}):
        rows = [levy for levy in levies if levy.county == county]
        names = sorted({levy.name for levy in rows})
        shares = {}
        for exemption in sorted({levy.exemption for levy in rows}):
            held = [levy for levy in rows if levy.exemption == exemption]
            if sorted(levy.name for levy in held) != names:
                yield f"{county}, exemption {exemption}: needs one row for each of {', '.join(names)}"
            shares[exemption] = {levy.owners_share for levy in held}
        told = [share for each in shares.values() for share in each]
        if any(len(each) > 1 for each in shares.values()) or (
            None not in told and not math.isclose(math.fsum(share or 0.0 for share in told), 1.0)
        ):
            yield (
                f"{county}: owners_share must be one number for each exemption ({', '.join(shares)}), "
                "and they must come to 1"
            )


def _levy(row: Mapping[str, Any]) -> Levy:
    rate, exempt, cap = (_number(row[name]) for name in _NUMBERS)
    name, county, exemption, cite = (str(row[word]) for word in _WORDS)
    return Levy(
        name=name, county=county, exemption=exemption, cite=cite, rate_mills=rate, exempt_usd=exempt,
        growth_cap_share=cap, owners_share=_number(row.get(_SHARE, 1.0)),
    )  # fmt: skip


def _number(value: Any) -> float | None:
    return None if value == UNREAD else float(value)


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
        unread = [name for name in (*_NUMBERS, _SHARE) if getattr(levy, name) is None]
        if levy.county in here and unread:
            missing.append(f"the {levy.name} levy in {levy.county}: {', '.join(unread)} unread")
    strange = sorted(here - {levy.county for levy in tax.levies})
    missing += [f"the levies of {county}: none in the catalogue" for county in strange]
    built = lots["is_built"].astype("boolean").to_numpy(bool, na_value=True)
    nowhere = int((built & lots["county"].isna().to_numpy(bool)).sum())
    if nowhere:
        missing.append(f"the county of every lot that may have an owner ({nowhere:,} have none)")
    fresh = _fresh(tax, lots, year)[built]
    if not fresh.all():
        missing.append(
            f"market values of {tax.value_age_max_years:g} years or less "
            f"(there are some on {fresh.mean():.0%} of lots that may have an owner)"
        )
    if income is None:
        missing.append("income by tenure (B25118)")
    return tuple(missing)


def _fresh(tax: Tax, lots: pd.DataFrame, year: int) -> np.ndarray:
    value = lots["appraised_value_usd"].to_numpy(float, na_value=np.nan)
    age = year - lots["value_year"].to_numpy(float, na_value=np.nan)
    return np.asarray(np.isfinite(value) & (age <= tax.value_age_max_years), dtype=bool)


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
    share = sum(
        _holders(tax, owners, exemption) * _share_under(income, owners.tract, rise / tax.stress_points)
        for exemption, rise in _rises(tax, owners, drawn).items()
    )
    kept = 1 - np.asarray(take_up, float).reshape(-1, 1) * owners.protected
    return np.asarray((share * kept * owners.households).sum(axis=1))


def _holders(tax: Tax, owners: Owners, exemption: str) -> Floats:
    """Share of the owners of each group who hold an exemption; NaN where it is unread."""
    shares = {levy.county: levy.owners_share for levy in tax.levies if levy.exemption == exemption}
    return np.array([shares.get(county, 0.0) for county in owners.county], float)


def _rises(tax: Tax, owners: Owners, drawn: Mapping[str, Floats]) -> dict[str, Floats]:
    """By exemption, how far the yearly tax of ten years on outgrows today's, in money of today's incomes.

    Divided by an income of today it is the rise of tax over income: incomes grow too.
    """
    years = float(record()["horizon_years"])
    market = (1 + drawn["value_growth"][:, None]) ** years
    market = market * (1 + drawn["reform_value_rise"][:, None] * owners.reached)
    incomes = (1 + drawn["owner_income_growth"][:, None]) ** years
    now = tax.assessment_share * owners.value_usd
    found: dict[str, Floats] = {}
    for levy in tax.levies:
        at = owners.county == levy.county
        rise = found.setdefault(levy.exemption, np.zeros(market.shape))
        then = _capped(levy, now[at] * market[:, at], now[at], years)
        rise[:, at] += _due(levy, then) / incomes - _due(levy, now[at])
    return found


def _capped(levy: Levy, free: Floats, now: Floats, years: float) -> Floats:
    """Assessed value after some years: market value, or less where its growth is capped."""
    cap = np.nan if levy.growth_cap_share is None else levy.growth_cap_share
    return free if math.isinf(cap) else np.minimum(free, now * (1 + cap) ** years)


def _due(levy: Levy, assessed: Floats) -> Floats:
    """Tax of one levy [USD/year]; NaN where a number is unread."""
    rate, exempt = (np.nan if part is None else part for part in (levy.rate_mills, levy.exempt_usd))
    return np.asarray(np.maximum(assessed - exempt, 0) * rate / 1000.0)


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
