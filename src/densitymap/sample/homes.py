"""What stands on each lot: use, homes, year, storeys, floor area, values, footprints."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap.geometry import Geometries
from densitymap.sample.draw import Floats, Integers, normal, pick, quantile, smooth, uniform
from densitymap.sample.grid import Grid
from densitymap.sample.settings import section
from densitymap.sample.shapes import polygons

Names = npt.NDArray[np.object_]

HOMES = {"house": 1, "duplex": 2, "triplex": 3, "fourplex": 4, "townhouse": 1}
"""Homes of the uses that have a fixed number of them."""
STACKED = ("condo",)
"""Uses whose homes are records of their own on one shared shape."""


def furnish(grid: Grid, lots: pd.DataFrame, *, area_ft2: Floats) -> pd.DataFrame:
    """What stands on each lot.

    Parameters
    ----------
    grid
        The plan.
    lots
        As :func:`densitymap.sample.plan.lot_chunks` gives them.
    area_ft2
        Measured area of each lot.

    Returns
    -------
    DataFrame on the lots' index
        ``use``, ``homes``, ``year_built`` (0 where nobody recorded it), ``storeys``,
        ``floor_ft2``, ``repair`` (worth of the building as a share of the same one in good repair),
        ``land_usd``, ``building_usd``.
    """
    fabric = grid.cells["fabric"].reindex(lots["cell"]).to_numpy()
    keys = lots["key"].to_numpy()
    built = pd.DataFrame({"use": _uses(grid, fabric, keys)}, index=lots.index)
    built["area_ft2"] = area_ft2
    built["floor_ft2"] = _floor(grid, built["use"], keys, area_ft2)
    built["homes"] = _homes(grid, built)
    built["storeys"] = _storeys(grid, built, keys)
    year = quantile(uniform(grid.seed, "year built", keys), grid.settings["building.year_built"]).round()
    unknown = uniform(grid.seed, "year unknown", keys) < grid.settings["building.year_unknown_share"]
    built["year_built"] = np.where((built["floor_ft2"] > 0) & ~unknown, year, 0).astype(int)
    built["repair"] = _repair(grid, year, keys)
    return built.join(_values(grid, lots, built))


def price_level(grid: Grid, lots: pd.DataFrame) -> Floats:
    """How dear a place is, 0 (cheapest) to 1."""
    u = (lots["s0"] + lots["s1"]).to_numpy() / 2
    v = grid.cells["v_mid"].reindex(lots["cell"]).to_numpy()
    return smooth(grid.seed, "price", u, v, span=grid.settings["value.price_span_ft"])


def footprints(grid: Grid, lots: pd.DataFrame, *, front: Floats) -> tuple[pd.DataFrame, Geometries]:
    """Footprints of the buildings, in EPSG:2240: the main one, and a shed behind some houses.

    Parameters
    ----------
    grid
        The plan.
    lots
        Lots with ``use``, ``floor_ft2``, ``storeys``.
    front
        Plan coordinate of the street line each lot fronts on [ft].

    Returns
    -------
    DataFrame
        ``lot`` (row position of the lot) and ``is_main``.
    array
        One shape per row.
    """
    settings = grid.settings
    stands = ((lots["floor_ft2"] > 0) & ~lots["shape"].isin(["bowtie", "part", "hole"])).to_numpy()
    position = np.flatnonzero(stands)
    part, at = lots[stands], front[stands]
    main = polygons(settings, _main_box(grid, part), front=at, face=part["face"].to_numpy())
    sheds = part["use"].eq("house").to_numpy() & part["shape"].eq("plain").to_numpy()
    sheds &= uniform(grid.seed, "shed", part["key"].to_numpy()) < settings["building.shed_share"]
    behind = part[sheds]
    gap, (wide, deep) = settings["building.rear_gap_ft"], settings["building.shed_ft"]
    right, rear = behind["s1"].to_numpy() - gap, behind["depth_ft"].to_numpy() - gap
    box = [(right - wide, rear - deep), (right, rear - deep), (right, rear), (right - wide, rear)]
    small = polygons(settings, box, front=at[sheds], face=behind["face"].to_numpy())
    rows = pd.DataFrame({"lot": np.concatenate([position, position[sheds]])})
    rows["is_main"] = np.arange(len(rows)) < len(position)
    return rows, np.concatenate([main, small])


def _uses(grid: Grid, fabric: Names, keys: Integers) -> Names:
    draws = uniform(grid.seed, "use", keys)
    uses = np.full(len(keys), "house", object)
    for name, shares in section(grid.settings, "use").items():
        chosen = fabric == name
        uses[chosen] = np.array(list(shares), object)[pick(draws[chosen], list(shares.values()))]
    return uses


def _floor(grid: Grid, use: pd.Series, keys: Integers, area_ft2: Floats) -> Floats:
    settings, draws = grid.settings, uniform(grid.seed, "floor area", keys)
    house = quantile(draws, settings["building.house_floor_ft2"])
    apartment = quantile(draws, settings["building.apartment_far"]) * area_ft2
    shop = quantile(draws, settings["building.shop_far"]) * area_ft2
    floor = use.map(settings["building.floor_ratio"]).astype(float).to_numpy() * house
    floor = np.where(use.eq("townhouse"), quantile(draws, settings["building.townhouse_floor_ft2"]), floor)
    floor = np.where(use.isin(["apartment", "condo"]), apartment, floor)
    floor = np.where(use.isin(["shop", "works", "mixed", "loft", "school", "church"]), shop, floor)
    most = (
        settings["building.footprint_share_most"] * area_ft2 * np.where(use.isin(["house", "duplex"]), 1.2, 4)
    )
    return np.asarray(np.where(use.isin(["vacant", "park"]), 0.0, np.minimum(floor, most)).round(), float)


def _homes(grid: Grid, built: pd.DataFrame) -> pd.Series:
    """Homes on each lot, from the use or, where homes share a building, from its floor area."""
    use, floor = built["use"], built["floor_ft2"]
    per_home = floor // grid.settings["building.apartment_unit_ft2"]
    homes = use.map(HOMES).astype(float)
    homes = homes.mask(use.isin(["apartment", "loft"]), per_home.clip(lower=2))
    homes = homes.mask(use.eq("condo"), per_home.clip(4, grid.settings["building.most_condo_homes"]))
    homes = homes.mask(use.eq("mixed"), (per_home // 2).clip(lower=1))
    return homes.where(homes.notna(), 0.0).astype(int)  # shops, parks and vacant lots hold no home


def _storeys(grid: Grid, built: pd.DataFrame, keys: Integers) -> Floats:
    low = np.array([1.0, 1.5, 2.0])[
        pick(uniform(grid.seed, "storeys", keys), grid.settings["building.storeys_shares"])
    ]
    far = built["floor_ft2"].to_numpy() / built["area_ft2"].to_numpy().clip(1.0)
    least = np.ceil(far / grid.settings["building.footprint_share_most"] * 2) / 2
    least = np.where(built["use"].eq("townhouse"), 2.0, least)
    return np.asarray(np.where(built["floor_ft2"] > 0, np.maximum(low, least), 0.0), float)


def _repair(grid: Grid, year: Floats, keys: Integers) -> Floats:
    """Worth of a building as a share of the same one in good repair: some older ones are derelict."""
    settings = grid.settings
    share = np.where(year < settings["value.worn_before"], settings["value.worn_share"], 0.0)
    low, high = settings["value.worn_worth"]
    worth = low + (high - low) * uniform(grid.seed, "repair worth", keys)
    return np.asarray(np.where(uniform(grid.seed, "repair", keys) < share, worth, 1.0))


def _values(grid: Grid, lots: pd.DataFrame, built: pd.DataFrame) -> pd.DataFrame:
    settings, keys = grid.settings, lots["key"].to_numpy()
    level = price_level(grid, lots)
    noise = np.exp(settings["value.value_noise"] * normal(grid.seed, "value", keys))
    land = quantile(level, settings["value.land_usd_per_ft2"]) * built["area_ft2"].to_numpy() * noise
    size = built["area_ft2"].to_numpy().clip(1.0) / settings["value.typical_lot_ft2"]
    land /= size ** settings["value.large_lot_discount"]
    house = quantile(level, settings["value.house_usd_per_ft2"]) * built["floor_ft2"].to_numpy() * noise
    house *= built["repair"].to_numpy()
    return pd.DataFrame({"land_usd": land.round(-2), "building_usd": house.round(-2)}, index=lots.index)


def _main_box(grid: Grid, lots: pd.DataFrame) -> list[tuple[Floats, Floats]]:
    """A box of the right area behind the front yard, between the side yards."""
    settings = grid.settings
    low, high = settings["building.front_yard_ft"]
    a, b, d = (lots[name].to_numpy() for name in ("s0", "s1", "depth_ft"))
    is_flag = lots["shape"].eq("flag").to_numpy()
    a = np.where(lots["shape"].eq("front"), a + settings["lots.shape.flag_pole_ft"], a)
    yard = low + (high - low) * uniform(grid.seed, "front yard", lots["key"].to_numpy())
    start = np.where(is_flag, d / 2 + 8, np.minimum(yard, d * 0.2))
    room = np.where(lots["shape"].eq("front"), d / 2, d) - start - 6
    side = np.minimum(settings["building.side_yard_ft"], (b - a) * 0.08)
    need = lots["floor_ft2"].to_numpy() / lots["storeys"].to_numpy()
    width = np.minimum(b - a - 2 * side, np.maximum(20.0, np.sqrt(need * 1.1)))
    width = np.maximum(width, np.minimum(b - a - 2 * side, need / room))
    deep = np.minimum(room, need / width)
    left = (a + b - width) / 2
    return [(left, start), (left + width, start), (left + width, start + deep), (left, start + deep)]
