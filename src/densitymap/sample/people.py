"""Households of each block group: whole numbers that agree across tables.

Homes come from the lots; everything else is drawn from shares between two ends, by how dear the
place is. Counts are whole and their parts sum to their totals, because parts are always apportioned
from totals, never drawn on their own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap.sample.draw import Floats, Integers, smooth, uniform
from densitymap.sample.grid import Grid
from densitymap.sample.settings import Settings

STRUCTURES = ("1 detached", "1 attached", "2", "3-4", "5-9", "10-19", "20-49", "50+")
"""Units in structure, in the Bureau's order (mobile homes and boats hold nobody here)."""
INCOME_EDGES_USD = (
    5_000, 10_000, 15_000, 20_000, 25_000, 30_000, 35_000, 40_000, 45_000, 50_000, 60_000, 75_000,
    100_000, 125_000, 150_000, 200_000,
)  # fmt: skip
"""Edges of the finest income classes; B19001 and B25118 are sums of them."""

_STRUCTURE_OF = {
    "house": "1 detached", "townhouse": "1 attached", "duplex": "2", "triplex": "3-4", "fourplex": "3-4",
}  # fmt: skip
_BY_SIZE = ((2, "2"), (4, "3-4"), (9, "5-9"), (19, "10-19"), (49, "20-49"), (10**9, "50+"))

Counts = dict[str, Integers]


def homes_by_structure(lots: pd.DataFrame) -> pd.DataFrame:
    """Homes of a chunk of lots by block and units in structure."""
    structure = lots["use"].map(_STRUCTURE_OF)
    sizes = np.array([size for size, _ in _BY_SIZE])
    names = np.array([name for _, name in _BY_SIZE], object)
    structure = structure.where(
        structure.notna(), pd.Series(names[np.searchsorted(sizes, lots["homes"].to_numpy())], lots.index)
    )
    table = lots.groupby([lots["cell"], structure.rename("structure")])["homes"].sum().unstack(fill_value=0)  # noqa: PD010 - groups are unique, nothing is aggregated
    return table.reindex(columns=list(STRUCTURES), fill_value=0)


def apportion(totals: Integers, shares: Floats) -> Integers:
    """Split whole totals by shares into whole parts that sum to them (largest remainder).

    Parameters
    ----------
    totals : array (rows,)
    shares : array (rows, parts) or (parts,)
        Need not sum to 1.

    Examples
    --------
    >>> apportion(np.array([10, 1]), np.array([0.5, 0.3, 0.2])).tolist()
    [[5, 3, 2], [1, 0, 0]]
    """
    shares = np.broadcast_to(shares, (len(totals), np.shape(shares)[-1]))
    exact = totals[:, None] * shares / shares.sum(axis=1, keepdims=True)
    parts = np.floor(exact).astype(np.int64)
    rank = np.argsort(np.argsort(parts - exact, axis=1, kind="stable"), axis=1, kind="stable")
    return np.asarray(parts + (rank < (totals - parts.sum(axis=1))[:, None]), np.int64)


def draw_people(grid: Grid, homes: pd.DataFrame, *, earlier: bool) -> tuple[pd.DataFrame, Counts]:
    """Households and people of each block group.

    Parameters
    ----------
    grid
        The plan.
    homes
        Homes of each block by structure (index: label of the block).
    earlier
        Whether for 2015-2019 rather than 2020-2024.

    Returns
    -------
    DataFrame
        One row per block group, indexed by its identifier: ``level`` (0 cheapest to 1) and medians of
        rent and home value.
    dict of str to array (block groups, parts)
        Whole counts by name.
    """
    settings = grid.settings
    groups = _groups(grid, homes)
    level = _level(grid, groups, earlier=earlier)
    standing = groups[list(STRUCTURES)].to_numpy()
    if earlier:
        standing = np.floor(standing * settings["people.earlier.homes"]).astype(np.int64)
    counts = _tenure(settings, level, standing)
    counts |= _incomes(settings, level, counts, earlier=earlier)
    counts |= _persons(grid, level, counts, groups)
    rent = _between(settings, "gross_rent_usd", level)
    value = _between(settings, "home_value_usd", level)
    if earlier:
        rent, value = rent * settings["people.earlier.rent"], value * settings["people.earlier.home_value"]
    info = pd.DataFrame(
        {"level": level, "rent_usd": rent.round(), "value_usd": value.round(-2)}, index=groups.index
    )
    return info, counts


def block_people(grid: Grid, homes: pd.DataFrame) -> pd.DataFrame:
    """People and homes of each block as the 2020 count would have them, indexed like the blocks.

    Returns
    -------
    DataFrame
        ``homes``, ``occupied``, ``people``, ``adults``, ``group_quarters`` and one column per group
        (``white`` .. ``hispanic``), which sum to ``people``.
    """
    settings, cells = grid.settings, grid.cells
    total = homes.reindex(cells.index, fill_value=0).sum(axis=1).to_numpy()
    level = smooth(
        grid.seed,
        "price",
        cells["u_mid"].to_numpy(),
        cells["v_mid"].to_numpy(),
        span=settings["value.price_span_ft"],
    )
    occupied = np.rint(total * _between(settings, "occupied_share", level)).astype(np.int64)
    people = np.rint(occupied * _between(settings, "people_per_household", level)).astype(np.int64)
    parts = apportion(people, _group_shares(grid, cells["u_mid"].to_numpy(), cells["v_mid"].to_numpy()))
    table = pd.DataFrame({"homes": total, "occupied": occupied, "people": people}, index=cells.index)
    table["adults"] = np.rint(people * settings["people.adult_share"]).astype(int)
    table["group_quarters"] = np.rint(people * settings["people.group_quarters_share"]).astype(int)
    names = ("white", "black", "native", "asian", "pacific", "other", "several", "hispanic")
    return table.join(pd.DataFrame(parts, index=cells.index, columns=list(names)))


def _groups(grid: Grid, homes: pd.DataFrame) -> pd.DataFrame:
    """Homes by structure and the middle of each block group."""
    cells = grid.cells[["block_group", "u_mid", "v_mid"]].join(homes.reindex(grid.cells.index, fill_value=0))
    table = cells.groupby("block_group")[list(STRUCTURES)].sum()
    return table.join(cells.groupby("block_group")[["u_mid", "v_mid"]].mean())


def _level(grid: Grid, groups: pd.DataFrame, *, earlier: bool) -> Floats:
    """How dear each block group is, 0 to 1: the same field as prices, blurred by its own draw."""
    u, v = groups["u_mid"].to_numpy(), groups["v_mid"].to_numpy()
    level = smooth(grid.seed, "price", u, v, span=grid.settings["value.price_span_ft"])
    own = uniform(grid.seed, "block group", np.arange(len(groups))) - 0.5
    shift = grid.settings["people.earlier.level_shift"] if earlier else 0.0
    return np.asarray(np.clip(level + grid.settings["people.own_draw"] * own + shift, 0, 1), float)


def _between(settings: Settings, name: str, level: Floats) -> Floats:
    low, high = settings[f"people.{name}"]
    return np.asarray(low + (high - low) * level, float)


def _tenure(settings: Settings, level: Floats, standing: Integers) -> Counts:
    """Occupied and vacant homes, owners and renters, by units in structure."""
    households = np.rint(standing * _between(settings, "occupied_share", level)[:, None]).astype(np.int64)
    kinds = ("detached", "attached", "two_to_four", "two_to_four", "more", "more", "more", "more")
    share = np.stack([_between(settings, f"renter_share_{kind}", level) for kind in kinds], axis=1)
    renters = np.rint(households * share).astype(np.int64)
    return {"homes": standing, "owners": households - renters, "renters": renters}


def _incomes(settings: Settings, level: Floats, counts: Counts, *, earlier: bool) -> Counts:
    """Households by tenure and fine income class; ages; rent as a share of income; vehicles."""
    ratio = settings["people.earlier.income"] if earlier else 1.0
    owners, renters = counts["owners"].sum(axis=1), counts["renters"].sum(axis=1)
    burden = np.array(settings["people.burden_low"]) * (1 - level[:, None])
    burden = burden + np.array(settings["people.burden_high"]) * level[:, None]
    none = _between(settings, "no_vehicle_share", level)[:, None]
    cars = np.concatenate([none, (1 - none) * np.array(settings["people.cars_owner"])], axis=1)
    few = np.minimum(none * settings["people.no_vehicle_renter_ratio"], 1.0)
    cars_renters = np.concatenate([few, (1 - few) * np.array(settings["people.cars_renter"])], axis=1)
    return {
        "owner_income": apportion(owners, _income_shares(settings, "owner", level, ratio)),
        "renter_income": apportion(renters, _income_shares(settings, "renter", level, ratio)),
        "owner_ages": apportion(owners, np.array(settings["people.owner_ages"])),
        "renter_ages": apportion(renters, np.array(settings["people.renter_ages"])),
        "burden": apportion(renters, burden),
        "owner_cars": apportion(owners, cars),
        "renter_cars": apportion(renters, cars_renters),
        "decades": apportion(counts["homes"].sum(axis=1), np.array(settings["people.built_by_decade"])),
    }


def _income_shares(settings: Settings, tenure: str, level: Floats, ratio: float) -> Floats:
    """Shares of the fine income classes under a lognormal distribution around the median."""
    median = _between(settings, f"{tenure}_income_usd", level) * ratio
    at = (np.log(np.array(INCOME_EDGES_USD)) - np.log(median)[:, None]) / settings["people.income_spread"]
    below = 1 / (1 + np.exp(-1.702 * at))  # logistic approximation to the normal distribution, within 0.01
    edges = np.concatenate([np.zeros((len(level), 1)), below, np.ones((len(level), 1))], axis=1)
    return np.asarray(np.diff(edges, axis=1), float)


def _persons(grid: Grid, level: Floats, counts: Counts, groups: pd.DataFrame) -> Counts:
    """People by group, schooling and ratio of income to the poverty line."""
    settings = grid.settings
    households = (counts["owners"] + counts["renters"]).sum(axis=1)
    people = np.rint(households * _between(settings, "people_per_household", level)).astype(np.int64)
    adults = np.rint(people * settings["people.aged_25_share"]).astype(np.int64)
    college = _between(settings, "college_share", level)[:, None]
    short = _between(settings, "less_than_school_share", level)[:, None]
    rest = 1 - college - short
    school = np.concatenate(
        [
            short * _even(15),
            rest * np.array(settings["people.school_shares"]),
            college * np.array(settings["people.degree_shares"]),
        ],
        axis=1,
    )
    poor = _between(settings, "poor_share", level)[:, None]
    lines = poor * np.array(settings["people.poverty_shares"])
    lines = np.concatenate([lines, np.maximum(1 - lines.sum(axis=1, keepdims=True), 0.0)], axis=1)
    shares = _group_shares(grid, groups["u_mid"].to_numpy(), groups["v_mid"].to_numpy())
    return {
        "people": people[:, None],
        "groups": apportion(people, shares),
        "schooling": apportion(adults, school),
        "poverty": apportion(people, lines),
    }


def _even(parts: int) -> Floats:
    return np.full(parts, 1 / parts)


def _group_shares(grid: Grid, u: Floats, v: Floats) -> Floats:
    """Shares of the groups of B03002, from a field of its own that knows nothing of price."""
    field = smooth(grid.seed, "groups", u, v, span=grid.settings["value.price_span_ft"])[:, None]
    east, west = (np.array(grid.settings[f"people.groups_{side}"]) for side in ("east", "west"))
    return np.asarray(east * (1 - field) + west * field, float)


def merge_counts(counts: Counts, codes: npt.NDArray[np.intp], *, size: int) -> Counts:
    """Sum the counts of block groups into larger areas (``codes``: area of each block group)."""
    merged = {}
    for name, values in counts.items():
        total = np.zeros((size, values.shape[1]), np.int64)
        np.add.at(total, codes, values)
        merged[name] = total
    return merged


def weighted(values: Floats, weights: Integers, *, codes: npt.NDArray[np.intp], size: int) -> Floats:
    """Mean of values by area, weighted; missing where the weights are all 0."""
    top = np.bincount(codes, weights=values * weights, minlength=size)
    bottom = np.bincount(codes, weights=np.asarray(weights, float), minlength=size)
    return np.asarray(np.divide(top, bottom, out=np.full(size, np.nan), where=bottom > 0), float)
