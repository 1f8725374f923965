"""How many low-income renter households a standing home may hold: by tract and kind of lot, in draws.

Lots of one to four homes take tenure by units in structure (ACS B25032) and renters' income (B25118) of
their tract, drawn within the margins, never the tract's share over all buildings. A bill that goes
elsewhere is evidence with an error rate, not proof. Where a table is absent a flat wide belief stands in,
and the answer says so. Chances are of cells (lots alike in place, size and evidence) and live in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap import params
from densitymap.displacement.acs import standard_error
from densitymap.displacement.correct import share_below
from densitymap.displacement.draws import floats
from densitymap.feasibility.priors import luck
from densitymap.geometry import Floats

STRUCTURES: Mapping[str, tuple[str, ...]] = {
    "1": ("1_detached", "1_attached"),
    "2": ("2_units",),
    "3_4": ("3_4_units",),
    "unknown": ("1_detached", "1_attached", "2_units", "3_4_units"),
}
"""Homes on the lot, and the table's columns that tell of such structures."""
MOST_HOMES = 4
_KEYS = ("neighborhood", "tract_geoid_2020", "structure", "is_home_address")
_FLAT = "flat wide prior: {} is not loaded or has no households there"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cells:
    """Lots alike in what tells who may live there.

    Attributes
    ----------
    code
        Cell of each lot; -1 where no home stands or more than four do.
    table
        One row per cell: neighbourhood, tract, structure, evidence, ``lots``, ``homes`` per lot.
    """

    code: npt.NDArray[np.int64]
    table: pd.DataFrame

    def labels(self) -> pd.Series:
        """Name of each lot's cell, for uptake's small places; missing where there is none."""
        names = pd.Series(self.code).astype("string")
        return names.mask(self.code < 0)

    @property
    def homes(self) -> Floats:
        """Mean homes on a lot of each cell."""
        return self.table["homes"].to_numpy(float)

    def mean(self, flags: npt.NDArray[np.bool_]) -> Floats:
        """Share of each cell's lots of which something is true."""
        inside = self.code >= 0
        hit = np.bincount(self.code[inside], flags[inside].astype(float), minlength=len(self.table))
        return np.asarray(hit / np.maximum(self.table["lots"].to_numpy(float), 1.0))


def cells_of(lots: pd.DataFrame) -> Cells:
    """Sort lots into cells.

    Parameters
    ----------
    lots
        Table ``parcels``.
    """
    homes = lots["existing_units"].to_numpy(float, na_value=np.nan)
    vacant = (~lots["is_built"].astype("boolean")).to_numpy(bool, na_value=False)
    structure = np.select(
        [homes == 1, homes == 2, (homes >= 3) & (homes <= MOST_HOMES), np.isnan(homes)],  # noqa: PLR2004
        ["1", "2", "3_4", "unknown"],
        default="",
    )
    at_home = lots["owner_occupied"].astype("boolean").map({True: "yes", False: "no"}).fillna("unknown")
    frame = pd.DataFrame(
        {
            "neighborhood": lots["neighborhood"].astype("string").fillna("no data").to_numpy(object),
            "tract_geoid_2020": lots["tract_geoid_2020"].astype("string").fillna("").to_numpy(object),
            "structure": structure,
            "is_home_address": at_home.to_numpy(object),
            "homes": np.where(np.isnan(homes), 1.0, homes),
        }
    )
    holds = (structure != "") & ~vacant & ~(homes == 0)
    grouped = frame[holds].groupby(list(_KEYS), sort=True)
    code = np.full(len(lots), -1, np.int64)
    code[holds] = grouped.ngroup().to_numpy()
    table = grouped["homes"].agg(lots="size", homes="mean").reset_index()
    return Cells(code=code, table=table)


@dataclass(frozen=True, kw_only=True, slots=True)
class Let:
    """Households per standing home of each cell, in draws.

    Attributes
    ----------
    renters, low_income
        Renter households, and those of low income, per home, array [draw, cell].
    low_income_usd
        Income below which a household is of low income; NaN where it cannot be told.
    sources
        Where the shares come from, in words, with how many cells each holds of.
    """

    renters: Floats
    low_income: Floats
    low_income_usd: float
    sources: tuple[str, ...]


def let_homes(
    cells: Cells,
    tenure: pd.DataFrame | None,
    income: pd.DataFrame | None,
    drawn: Mapping[str, Floats],
    *,
    low_income_usd: float,
    seed: int,
) -> Let:
    """Draw who may live in the homes of each cell.

    Parameters
    ----------
    cells
        From :func:`cells_of`.
    tenure, income
        Layers ``tenure_by_structure`` and ``income_by_tenure``; None where not loaded.
    drawn
        Beliefs drawn (:func:`~densitymap.scenarios.beliefs.drawn`).
    low_income_usd
        Cut of low income [USD]; NaN where unknown.
    seed
        Seed of the census draws.
    """
    owned, has_tenure = _owner_shares(cells, tenure, drawn, seed)
    renters = _renters_per_home(cells, owned, drawn)
    poor, has_income = _low_income_shares(cells, income, drawn, low_income_usd, seed)
    sources = (
        *_told("tenure by units in structure (B25032)", has_tenure),
        *_told("income by tenure (B25118)", has_income),
    )
    return Let(
        renters=renters, low_income=renters * poor, low_income_usd=low_income_usd, sources=sources
    )  # fmt: skip


def low_income_cut(tracts: pd.DataFrame | None) -> float:
    """Income below which a household is of low income: a share of the tracts' median income [USD].

    Parameters
    ----------
    tracts
        All loaded tracts with ``median_household_income_usd``; NaN is given without them.
    """
    if tracts is None or "median_household_income_usd" not in tracts:
        return float("nan")
    values = floats(tracts, "median_household_income_usd")
    known = values[~np.isnan(values)]
    share = float(params.load("evidence", "ledgers")["low_income_share"])
    return share * float(np.median(known)) if len(known) else float("nan")


def _told(table: str, known: npt.NDArray[np.bool_]) -> list[str]:
    told = [f"{table}: {int(known.sum())} of {len(known)} cells"] if known.any() else []
    return told + ([_FLAT.format(table)] if not known.all() else [])


def _owner_shares(
    cells: Cells, tenure: pd.DataFrame | None, drawn: Mapping[str, Floats], seed: int
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Share of households that own, by draw and cell; whether the table told."""
    flat = 1.0 - drawn["flat_renter_share"][:, None]
    shares = np.broadcast_to(flat, (len(flat), len(cells.table))).copy()
    known = np.zeros(len(cells.table), dtype=bool)
    if tenure is None:
        return shares, known
    place = pd.Index(tenure["tract_geoid"].astype(object)).get_indexer(cells.table["tract_geoid_2020"])
    for structure, names in STRUCTURES.items():
        rows = np.flatnonzero((cells.table["structure"] == structure).to_numpy() & (place >= 0))
        if not len(rows):
            continue
        owners, renters = (
            _count_drawn(tenure, [f"{who}_households_{name}" for name in names], len(flat), seed)[
                :, place[rows]
            ]
            for who in ("owner", "renter")
        )
        total = owners + renters
        with np.errstate(divide="ignore", invalid="ignore"):
            found = owners / total
        told = np.isfinite(found)
        shares[:, rows] = np.where(told, found, shares[:, rows])
        known[rows] = told.mean(axis=0) > 0.5  # noqa: PLR2004 - most draws find households there
    return shares, known


def _count_drawn(table: pd.DataFrame, names: list[str], size: int, seed: int) -> Floats:
    """Sum of counts by draw and tract, each cut at 0, with the margins of its parts."""
    value = sum(floats(table, name) for name in names)
    error = np.sqrt(sum(standard_error(floats(table, f"{name}_moe")) ** 2 for name in names))
    noise = np.stack(
        [luck(seed, f"{names[0]} {geoid}", size) for geoid in table["tract_geoid"].astype(str)], axis=1
    )
    return np.asarray(np.maximum(0.0, value + np.nan_to_num(error) * noise))


def _renters_per_home(cells: Cells, owned: Floats, drawn: Mapping[str, Floats]) -> Floats:
    """Renter households per home, the bill's address weighed (Bayes: does the owner live there?)."""
    homes = np.maximum(cells.homes, 1.0)
    evidence = cells.table["is_home_address"].to_numpy(object)
    owner, renter = drawn["match_given_owner"][:, None], drawn["match_given_renter"][:, None]
    ones = np.ones_like(owner)
    given_owner = np.where(evidence == "yes", owner, np.where(evidence == "no", 1 - owner, ones))
    given_renter = np.where(evidence == "yes", renter, np.where(evidence == "no", 1 - renter, ones))
    prior = np.minimum(1.0, owned * homes)
    top = prior * given_owner
    evidence_at_all = top + (1 - prior) * given_renter
    lives = np.where(evidence_at_all > 0, top / np.where(evidence_at_all > 0, evidence_at_all, 1.0), prior)
    return np.asarray(lives * (homes - 1) / homes + (1 - lives))


def _low_income_shares(
    cells: Cells, income: pd.DataFrame | None, drawn: Mapping[str, Floats], cut_usd: float, seed: int
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Share of renters of low income, by draw and cell; whether the table told."""
    flat = drawn["flat_low_income_share"][:, None]
    shares = np.broadcast_to(flat, (len(flat), len(cells.table))).copy()
    known = np.zeros(len(cells.table), dtype=bool)
    if income is None or np.isnan(cut_usd):
        return shares, known
    record = params.load("evidence", "ledgers")["renter_income"]
    names = [f"renter_households_{name}" for name in record["classes"]]
    counts = np.stack([_count_drawn(income, [name], len(flat), seed) for name in names], axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = share_below(counts, np.array(record["upper_usd"], float), cut_usd)
    place = pd.Index(income["tract_geoid"].astype(object)).get_indexer(cells.table["tract_geoid_2020"])
    rows = np.flatnonzero(place >= 0)
    told = np.isfinite(found[:, place[rows]])
    shares[:, rows] = np.where(told, found[:, place[rows]], shares[:, rows])
    known[rows] = told.mean(axis=0) > 0.5  # noqa: PLR2004 - most draws find households there
    return shares, known


def change_falls(share: Floats, log_odds: Floats) -> Floats:
    """Share among homes that change, where change falls more (or less) on such homes than on others.

    Examples
    --------
    >>> change_falls(np.array([[0.0, 0.5, 1.0]]), np.array([np.log(3.0)])).round(2).tolist()
    [[0.0, 0.75, 1.0]]
    """
    odds = np.exp(log_odds)[:, None]
    return np.asarray(share * odds / (1 - share + share * odds))
