"""What each form that fits is made of: floor area, homes, rents, what is kept and what is cleared.

Physical terms only: no price and no cost. They do not change between draws, so money
(:mod:`densitymap.feasibility.proforma`) is arithmetic on their columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap.errors import ValidationError
from densitymap.feasibility.costs import Costs
from densitymap.geometry import Flags, Floats, Indices

PLANS = (
    ("developer", "sale"),
    ("developer", "rent"),
    ("owner", "sale"),
    ("owner", "rent"),
    ("nonprofit", "sale"),
    ("nonprofit", "rent"),
)
"""Who builds, and whether the homes are sold or let."""
ACTORS = ("developer", "owner", "nonprofit")

MODES = ("keep", "new", "split")
ATTACHED_ADU, DIVIDED = "internal ADU", "house->2"
OWN_HOUSE = "HOUSE"
HOME_CLASSES = ("house", "duplex", "triplex")
HARD_CLASS = {"house": 0, "duplex": 1, "triplex": 2, "multi": 2, "cottage_court": 2}
"""Which hard cost a use is built at."""
DETACHED = ("house", "cottage_court")
FOUR = 4
SPLIT_LOTS = 2
SPLIT_HOUSE, SPLIT_ADU = "SFD_N", "ADU_504"
"""What is taken to stand on each lot of a division: the smallest templates, as its test asks."""
UNREAD = ("use", "units")
"""A MAYBE that these rules bind is a home on which the law has not been read: not counted."""

FIELDS = (
    "house_ft2", "duplex_ft2", "triplex_ft2", "detached_price_ft2", "attached_price_ft2",
    "adu_sold_price_ft2", "divided_price_ft2", "carved_kept_ft2", "carved_new_ft2", "homes", "fee_homes",
    "fee_homes_of_four", "adu_homes", "adu_ft2", "let_1br", "let_2br", "let_3br", "let_house", "adu_1br",
    "adu_2br", "adu_3br", "adu_sold_1br", "adu_sold_2br", "adu_sold_3br", "inner_kept", "inner_new",
    "divided", "is_split", "demolishes", "clears", "kept", "kept_less", "own_house",
)  # fmt: skip
"""Rows of ``Terms.kinds``. ``price_ft2``: sum of size x (size / reference size)^elasticity, a value once
multiplied by a place's price per ft2. ``let``: main homes by the rent they would ask. ``adu_sold``:
accessory homes that may be sold apart."""
AT = {name: row for row, name in enumerate(FIELDS)}


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Options that may stand, in physical terms: one entry per counted row of ``fits``, sorted by lot.

    Attributes
    ----------
    row, lot
        Position of the entry's row in the table given, and of its lot.
    starts, lots_with
        First entry of each lot that has any, and those lots.
    kind
        Which kind of project the entry is: lots share a few hundred kinds, so money is computed by kind.
    kinds
        Array [field, kind], fields as :data:`FIELDS`; NaN unknown.
    applies
        Array [kind, plan]: whether the plan can be followed at all.
    units, units_standing, units_demolished
        Homes when done; homes that stand (NaN unknown); homes torn down (NaN unknown).
    assumed
        Homes that stand are unknown and one is supposed.
    level
        1 MAYBE, 2 TRUE.
    n_lots
        Lots in all.
    """

    row: Indices
    lot: Indices
    starts: Indices
    lots_with: Indices
    kind: Indices
    kinds: Floats
    applies: Flags
    units: Floats
    units_standing: Floats
    units_demolished: Floats
    assumed: Flags
    level: npt.NDArray[np.int8]
    n_lots: int

    def of(self, field: str) -> Floats:
        """Give one field of all entries."""
        return np.asarray(self.kinds[AT[field]][self.kind])


def counted(fits: pd.DataFrame) -> Flags:
    """Tell the rows that may be counted: TRUE or MAYBE, and the law on the home has been read."""
    maybe = (fits["verdict"] == "MAYBE").to_numpy(bool, na_value=False)
    unread = fits["binding_rule"].isin(UNREAD).to_numpy(bool)
    sure = (fits["verdict"] == "TRUE").to_numpy(bool, na_value=False)
    return np.asarray(sure | (maybe & ~unread), dtype=bool)


def terms(fits: pd.DataFrame, lots: pd.DataFrame, costs: Costs, buildings: pd.DataFrame) -> Terms:
    """Take the forms that fit apart.

    Parameters
    ----------
    fits
        Table ``fits`` of one policy.
    lots
        Table ``parcels``: ``parcel_id``, ``existing_units``, ``existing_floor_area_ft2``, ``is_built``.
    costs
        Sizes that divide homes by bedrooms, the size of an inner accessory home, the size elasticity.
    buildings
        Templates of ``catalog/buildings``.

    Returns
    -------
    Terms
        Doing nothing (the house kept as it is) is not an option and has no entry.

    Raises
    ------
    ValidationError
        If a form is made of parts no template describes, or a lot of ``fits`` is not among the lots.
    """
    chosen, lot = _options(fits, lots)
    rows = fits.iloc[chosen]
    standing = _Standing.of(lots, lot)
    code, recipes = _recipes(rows, costs, buildings)
    size = _sizes(rows, recipes[:, code], standing, costs, buildings)
    kind, kinds = _kinds(code, recipes, size, standing.built, costs)
    lots_with, starts = np.unique(lot, return_index=True)
    clears = (kinds[AT["clears"]] > 0) & (kinds[AT["kept_less"]] == 0)
    return Terms(
        row=chosen,
        lot=lot,
        starts=starts,
        lots_with=lots_with,
        kind=kind,
        kinds=kinds,
        applies=_applies(kinds),
        units=rows["units"].to_numpy(float, na_value=np.nan),
        units_standing=standing.units,
        units_demolished=np.where(clears[kind], standing.units, 0.0),
        assumed=standing.assumed,
        level=np.where(rows["verdict"] == "TRUE", 2, 1).astype(np.int8),
        n_lots=len(lots),
    )


def _options(fits: pd.DataFrame, lots: pd.DataFrame) -> tuple[Indices, Indices]:
    """Rows of fits that are options, sorted by lot, and their lots.

    Doing nothing is none. A house is kept or divided only where one home stands, or where nobody knows.
    """
    keeps = (fits["fit_mode"] == "keep").to_numpy(bool)
    does_nothing = keeps & (fits["fit_type"] == "house").to_numpy(bool)
    row = np.flatnonzero(counted(fits) & ~does_nothing)
    named = pd.Index(lots["parcel_id"].to_numpy(object))
    lot = named.get_indexer(fits["parcel_id"].to_numpy(object)[row])
    if (lot < 0).any():
        raise ValidationError(f"{int((lot < 0).sum())} rows of fits are of lots that are not in the table")
    one = (lots["existing_units"] == 1).to_numpy(bool, na_value=True)
    row, lot = row[~keeps[row] | one[lot]], lot[~keeps[row] | one[lot]]
    order = np.argsort(lot, kind="stable")
    return row[order], lot[order].astype(np.intp)


@dataclass(frozen=True, kw_only=True)
class _Standing:
    """What stands on the lot of each entry."""

    units: Floats
    floor_ft2: Floats
    built: Floats
    assumed: Flags

    @staticmethod
    def of(lots: pd.DataFrame, lot: Indices) -> _Standing:
        units = lots["existing_units"].to_numpy(float, na_value=np.nan)[lot]
        built = lots["is_built"].astype("Float64").to_numpy(float, na_value=np.nan)[lot]
        return _Standing(
            units=np.where(np.isnan(units) & (built == 0), 0.0, units),
            floor_ft2=lots["existing_floor_area_ft2"].to_numpy(float, na_value=np.nan)[lot],
            built=np.where(np.isnan(built), 1.0, built),
            assumed=np.isnan(units) & (built != 0),
        )


def size_factor(size_ft2: Floats | float, costs: Costs) -> Floats:
    """Price per ft2 of a home of this size against one of the reference size."""
    return np.asarray((size_ft2 / costs["price_size_reference_ft2"]) ** costs["price_size_elasticity"])


def _recipes(
    rows: pd.DataFrame, costs: Costs, buildings: pd.DataFrame
) -> tuple[npt.NDArray[np.intp], Floats]:
    """Which form each row is, and the field values [field, form] of each distinct form."""
    apart = (rows["units_rent_only"] == 0).to_numpy(bool, na_value=False)
    columns = (rows["fit_mode"], rows["form"], rows["units"], pd.Series(apart))
    code, distinct = _factorized([column.to_numpy(object) for column in columns])
    made = [_recipe(mode, str(form), int(units), sold=bool(sold), costs=costs, buildings=buildings)
            for mode, form, units, sold in distinct]  # fmt: skip
    return code, np.array([[recipe.get(name, 0.0) for recipe in made] for name in FIELDS])


def _factorized(columns: list[npt.NDArray[np.object_]]) -> tuple[Indices, list[tuple[Any, ...]]]:
    """Codes of the distinct combinations of columns, and those combinations."""
    code = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        part, values = pd.factorize(column)
        code = code * (len(values) + 1) + part
    _, first, whole = np.unique(code, return_index=True, return_inverse=True)
    return whole.astype(np.intp), [tuple(column[row] for column in columns) for row in first]


def _recipe(
    mode: str, form: str, units: int, *, sold: bool, costs: Costs, buildings: pd.DataFrame
) -> dict[str, float]:
    if mode == "split":
        kept = 1 if "kept" in form else 0
        new = [SPLIT_HOUSE] * (SPLIT_LOTS - kept) + [SPLIT_ADU] * max(units - SPLIT_LOTS, 0)
        recipe = _sum([_piece(piece, costs, buildings, sold=sold) for piece in new])
        return recipe | {"is_split": 1.0, "clears": 1.0, "demolishes": 1.0 - kept, "kept_less": float(kept)}
    main, _, adu = form.partition("+")
    recipe = _sum([_piece(piece, costs, buildings, sold=sold) for piece in (main, adu) if piece])
    if mode == "new":
        recipe |= {"clears": 1.0, "demolishes": 1.0}
    elif main == "house":
        recipe["kept"] = 1.0
    if adu == ATTACHED_ADU:
        side = "kept" if mode == "keep" else "new"
        size = costs["attached_adu_ft2"]
        recipe |= {f"inner_{side}": 1.0, f"carved_{side}_ft2": size} | _let("adu", size, 1.0, costs)
    return recipe


def _sum(recipes: list[dict[str, float]]) -> dict[str, float]:
    names = {name for recipe in recipes for name in recipe}
    return {name: sum(recipe.get(name, 0.0) for recipe in recipes) for name in sorted(names)}


def _piece(name: str, costs: Costs, buildings: pd.DataFrame, *, sold: bool) -> dict[str, float]:
    """One part of a form: a template, the kept house, the house divided or rebuilt."""
    if name in ("house", ATTACHED_ADU):
        return {}
    if name == DIVIDED:
        return {"divided": 1.0, "homes": 2.0}
    if name == OWN_HOUSE:
        return {"homes": 1.0, "fee_homes": 1.0, "let_house": 1.0, "own_house": 1.0}
    if name not in buildings.index:
        raise ValidationError(f"A form is made of {name!r}, which no template describes")
    record = buildings.loc[name].to_dict()
    use, homes, floor = str(record["use"]), float(record["units"]), float(record["floor_area_ft2"])
    weighted = floor * float(size_factor(floor / homes, costs))
    if use == "adu":
        part = {"adu_homes": homes, "adu_ft2": floor, "adu_sold_price_ft2": weighted if sold else 0.0}
        return part | _let("adu_sold" if sold else "adu", floor / homes, homes, costs)
    fee = "fee_homes_of_four" if homes >= FOUR else "fee_homes"
    price = "detached_price_ft2" if use in DETACHED else "attached_price_ft2"
    part = {f"{HOME_CLASSES[HARD_CLASS[use]]}_ft2": floor, price: weighted, "homes": homes, fee: homes}
    return part | ({"let_house": homes} if use == "house" else _let("let", floor / homes, homes, costs))


def _let(kind: str, size_ft2: float, homes: float, costs: Costs) -> dict[str, float]:
    """Homes by the bedrooms they rent as."""
    bounds = (costs["one_bedroom_max_ft2"], costs["two_bedroom_max_ft2"])
    return {f"{kind}_{1 + sum(size_ft2 > bound for bound in bounds)}br": homes}


def _sizes(
    rows: pd.DataFrame, values: Floats, standing: _Standing, costs: Costs, buildings: pd.DataFrame
) -> Floats:
    """Size [ft2] of the house built or divided, in steps; 0 where the form has none, NaN unknown.

    A new house is as large as the floor area, the coverage and the yards leave, and the market pays for.
    A standing building larger than that is no house, whatever the record calls it.
    """
    new, own, divided = (values[AT[name]] for name in ("house_ft2", "own_house", "divided"))
    grows = np.where(values[AT["is_split"]] > 0, 0.0, _room_ft2(rows, buildings))
    most = np.maximum(costs["largest_house_ft2"] - new, 0.0)
    size = np.where(new > 0, new + np.clip(grows, 0.0, most), 0.0)
    house = np.where(standing.floor_ft2 > costs["largest_house_ft2"], np.nan, standing.floor_ft2)
    size = np.where((own > 0) | (divided > 0), house, size)
    step = costs["size_step_ft2"]
    return np.asarray(np.floor(size / step) * step)


def _room_ft2(rows: pd.DataFrame, buildings: pd.DataFrame) -> Floats:
    """Floor area by which a house could grow on each lot; 0 where nobody knows."""
    floor, covered, fit = (
        rows[f"slack_{name}"].to_numpy(float, na_value=np.nan)
        for name in ("floor_ft2", "coverage_ft2", "fit_ft")
    )
    houses = buildings[buildings["use"] == "house"]
    storeys, side = float(houses["storeys"].min()), float(houses[["width_ft", "depth_ft"]].min().min())
    room = np.minimum(np.minimum(floor, storeys * covered), storeys * side * fit)
    return np.where(np.isnan(room), 0.0, room)


def _kinds(
    code: Indices, recipes: Floats, size_ft2: Floats, built: Floats, costs: Costs
) -> tuple[Indices, Floats]:
    """Distinct projects: form, size of house, whether a house stands; and which each row is."""
    step = costs["size_step_ft2"]
    steps = np.where(np.isnan(size_ft2), 0.0, size_ft2 / step + 1).astype(np.int64)
    key = (code.astype(np.int64) * (steps.max(initial=0) + 1) + steps) * 2 + (built > 0)
    _, first, kind = np.unique(key, return_index=True, return_inverse=True)
    values, size = recipes[:, code[first]], size_ft2[first]
    values[AT["demolishes"]] *= built[first]
    house = (values[AT["house_ft2"]] > 0) | (values[AT["own_house"]] > 0)
    plain = values[AT["is_split"]] == 0
    alone = house & plain
    values[AT["house_ft2"], alone] = size[alone]
    values[AT["detached_price_ft2"], alone] = size[alone] * size_factor(size[alone], costs)
    _divide(values, size, costs)
    return kind.astype(np.intp), values


def _divide(values: Floats, size_ft2: Floats, costs: Costs) -> None:
    """The house that stands, sold or let as two homes of half its size; unknown without its floor area."""
    divided = values[AT["divided"]] > 0
    floor = size_ft2[divided]
    half = floor / 2
    values[AT["divided_price_ft2"], divided] = floor * size_factor(half, costs)
    one, two = costs["one_bedroom_max_ft2"], costs["two_bedroom_max_ft2"]
    for name, rents in (("1br", half <= one), ("2br", (half > one) & (half <= two)), ("3br", half > two)):
        values[AT[f"let_{name}"], divided] = np.where(np.isnan(floor), np.nan, 2.0 * rents)


def _applies(kinds: Floats) -> Flags:
    """Which plans can be followed: homes are sold only where they can be, land trusts build anew."""
    split, divided, clears, kept_less = (
        kinds[AT[name]] > 0 for name in ("is_split", "divided", "clears", "kept_less")
    )
    apart = kinds[AT["adu_sold_price_ft2"]] > 0
    new = clears & ~split
    every = np.ones(kinds.shape[1], dtype=bool)
    trust = clears & ~kept_less
    return np.stack([every, new | divided, clears | divided | apart, ~split, trust, new], axis=1)
