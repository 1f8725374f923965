"""Levers: each gives a zoning code with some values changed; none changes the one it is given.

A lever is a table of a scenario file: ``kind`` names a function of :data:`KINDS`, the other fields
are its keyword arguments, so the signature is the grammar. ``where`` binds it to a place
(:mod:`~densitymap.scenarios.places`), ``unit`` says what the number is in. Kinds that change no law are
:mod:`~densitymap.scenarios.protections`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from densitymap.zoning.code import ZoningCode, standards

Lever = Mapping[str, Any]
_CELL = ["district", "use", "standard"]
BY_A_LEVER = "changed by a lever"
"""What stands in the place of who verified a value."""


def set_standard(
    code: ZoningCode, *, districts: Sequence[str], standard: str, value: float, use: str = "any"
) -> ZoningCode:
    """Set a standard to a value."""
    return _with(code, {(district, use, standard): value for district in districts})


def set_at_least(
    code: ZoningCode, *, districts: Sequence[str], standard: str, value: float, use: str = "any"
) -> ZoningCode:
    """Raise a standard to a value where it is lower; leave it where it is unread."""
    current = _values(code, districts, use, standard)
    return _with(code, {(name, use, standard): max(old, value) for name, old in current.items()})


def set_at_most(
    code: ZoningCode, *, districts: Sequence[str], standard: str, value: float, use: str = "any"
) -> ZoningCode:
    """Lower a standard to a value where it is higher; leave it where it is unread."""
    current = _values(code, districts, use, standard)
    return _with(code, {(name, use, standard): min(old, value) for name, old in current.items()})


def scale_standard(
    code: ZoningCode, *, districts: Sequence[str], standard: str, factor: float, use: str = "any"
) -> ZoningCode:
    """Multiply a standard; leave it where it is unread, and "no maximum" as it is."""
    current = _values(code, districts, use, standard)
    return _with(
        code,
        {(name, use, standard): old if math.isinf(old) else old * factor for name, old in current.items()},
    )


def derive_standard(
    code: ZoningCode,
    *,
    districts: Sequence[str],
    standard: str,
    use: str,
    from_use: str = "any",
    plus: float = 0.0,
    at_least: float = 0.0,
) -> ZoningCode:
    """Give a use a standard made from another use's: the greater of (that + plus) and at_least.

    What the use has already is never lowered. Districts whose base value is unread are left alone.
    """
    base = _values(code, districts, from_use, standard)
    own = _values(code, districts, use, standard)
    return _with(
        code,
        {
            (name, use, standard): max(value + plus, at_least, own.get(name, 0.0))
            for name, value in base.items()
        },
    )


def allow_use(code: ZoningCode, *, districts: Sequence[str], use: str, units: float) -> ZoningCode:
    """Permit a use by right with so many homes; the lot's total follows. Nothing is lowered.

    A total that nobody has read stays unread: it may be more than this use needs.
    """
    own = _values(code, districts, use, "units_max", own=True)
    total = _values(code, districts, "any", "units_max")
    together = units + 1 if use == "adu" else units
    changes = {(name, use, "units_max"): max(units, own.get(name, 0.0)) for name in districts}
    changes |= {(name, "any", "units_max"): max(together, most) for name, most in total.items()}
    return _with(code, changes)


def forbid_use(code: ZoningCode, *, districts: Sequence[str], use: str) -> ZoningCode:
    """Take a use out of what is permitted by right; the lot's total stays."""
    return _with(code, {(district, use, "units_max"): 0.0 for district in districts})


def waive_minimums(code: ZoningCode, *, districts: Sequence[str], use: str) -> ZoningCode:
    """Let every lot that exists today have this use, whatever its area and width."""
    return _with(code, {(district, use, "existing_lot_exempt"): 1.0 for district in districts})


def waive_for_lots_of_record(code: ZoningCode, *, districts: Sequence[str], use: str) -> ZoningCode:
    """Let lots of record below the minimums have this use."""
    return _with(code, {(district, use, "lot_of_record_exempt"): 1.0 for district in districts})


def allow_splits(code: ZoningCode, *, districts: Sequence[str]) -> ZoningCode:
    """Let a lot be divided by right where every part meets the minimums."""
    return _with(code, {(district, "any", "splits_by_right"): 1.0 for district in districts})


KINDS: Mapping[str, Callable[..., ZoningCode]] = {
    function.__name__: function
    for function in (
        set_standard, scale_standard, set_at_least, set_at_most, derive_standard, allow_use, forbid_use,
        waive_minimums, waive_for_lots_of_record, allow_splits,
    )
}  # fmt: skip
"""Every kind of lever that changes the law, by its name."""
BESIDE = ("kind", "where", "unit")
"""Fields of a lever that are not handed to its function."""


def is_law(lever: Lever) -> bool:
    """Whether the lever changes the law (or else protects)."""
    return lever["kind"] in KINDS


def _pulled(code: ZoningCode, lever: Lever) -> ZoningCode:
    arguments = {key: value for key, value in lever.items() if key not in BESIDE}
    return KINDS[lever["kind"]](code, **arguments)


def pull_all(code: ZoningCode, levers: Sequence[Lever]) -> tuple[ZoningCode, tuple[str, ...], list[str]]:
    """Pull levers in order, and tell what they met.

    Returns
    -------
    The code; a note for each lever or district that nothing reached; contradictions, which are
    a cell moved up by one lever and down by another, or set to two values. A lever of a place after one
    for everywhere is an exception and no contradiction.
    """
    notes: list[str] = []
    contradictions: list[str] = []
    moved: dict[tuple[str, str, str], tuple[int, float, bool]] = {}
    for number, lever in enumerate(levers, start=1):
        if not is_law(lever):
            continue
        after = _pulled(code, lever)
        notes += _reach(number, lever, after)
        for cell, (old, new) in changes(code, after).items():
            before = moved.get(cell)
            excepted = before is not None and "where" in lever and "where" not in levers[before[0] - 1]
            if not excepted:
                contradictions += _contradiction(number, cell, (old, new), before, lever)
            step = new if math.isnan(old) else new - old
            moved[cell] = (number, step, lever["kind"] == "set_standard")
        code = after
    return code, tuple(notes), contradictions


def _contradiction(
    number: int,
    cell: tuple[str, str, str],
    values: tuple[float, float],
    before: tuple[int, float, bool] | None,
    lever: Lever,
) -> list[str]:
    if before is None:
        return []
    earlier, step, was_set = before
    old, new = values
    both_set = was_set and lever["kind"] == "set_standard"
    if both_set or step * (new - old) < 0:
        district, use, standard = cell
        return [
            f"lever {number} makes {standard} of {district} ({use}) {new:g}; lever {earlier} made it {old:g}"
        ]
    return []


def _reach(number: int, lever: Lever, after: ZoningCode) -> list[str]:
    """Districts a lever named and could not reach, because the value it builds on is unread."""
    standard = lever.get("standard")
    if standard is None:
        return []
    reached = after.rows.loc[
        (after.rows["standard"] == standard) & (after.rows["use"] == lever.get("use", "any")), "district"
    ]
    missed = [name for name in lever["districts"] if name not in set(reached)]
    if not missed:
        return []
    which = "no district" if len(missed) == len(lever["districts"]) else f"not {', '.join(missed)}"
    return [f"lever {number} ({lever['kind']} {standard}) reaches {which}: the value it builds on is unread"]


def _values(
    code: ZoningCode, districts: Sequence[str], use: str, standard: str, *, own: bool = False
) -> dict[str, float]:
    """Value of a standard by district: the use's own, else the one for any use; unread ones left out."""
    rows = code.rows[(code.rows["standard"] == standard) & code.rows["district"].isin(districts)]
    found = {} if own else rows[rows["use"] == "any"].set_index("district")["value"].to_dict()
    found |= rows[rows["use"] == use].set_index("district")["value"].to_dict()
    return {str(name): float(value) for name, value in found.items()}


def _with(code: ZoningCode, changes: Mapping[tuple[str, str, str], float]) -> ZoningCode:
    """Give the code with these cells changed; a new cell takes the unit of its standard.

    A new floor-area ratio is of the land that the district's own ratio is of (net if it has none).
    """
    if not changes:
        return code
    rows = code.rows.copy()
    index = pd.MultiIndex.from_frame(rows[_CELL])
    new = pd.Series(changes, dtype="float64")
    known = new.index.isin(index)
    position = index.get_indexer(new.index[known])
    rows.loc[rows.index[position], "value"] = new[known].to_numpy()
    rows.loc[rows.index[position], ["mark", "verified_by", "condition"]] = ["A", BY_A_LEVER, None]
    if not known.all():
        rows = pd.concat([rows, _new_rows(code, new[~known])], ignore_index=True)
    return replace(code, rows=rows)


def _new_rows(code: ZoningCode, new: pd.Series) -> pd.DataFrame:
    cells = new.index.to_frame(index=False).set_axis(_CELL, axis=1)
    units = {name: standard.unit for name, standard in standards().items()}
    rows = cells.assign(value=new.to_numpy(), unit=cells["standard"].map(units), mark="A")
    shared = code.rows[(code.rows["standard"] == "far_max") & (code.rows["use"] == "any")]
    basis = rows["district"].map(shared.set_index("district")["basis"]).fillna("net")
    rows["basis"] = basis.where(rows["standard"] == "far_max")
    rows["section"] = rows["verified_by"] = BY_A_LEVER
    rows["sources"] = [["assumption"]] * len(rows)
    return rows.reindex(columns=code.rows.columns).astype(code.rows.dtypes.to_dict())


def changes(before: ZoningCode, after: ZoningCode) -> dict[tuple[str, str, str], tuple[float, float]]:
    """Cells whose value differs, as (old, new); a new cell has no old value."""
    old, new = (code.rows.set_index(_CELL)["value"] for code in (before, after))
    was = old.reindex(new.index)
    differs = ~((was == new) | (was.isna() & new.isna()))
    return {
        (str(cell[0]), str(cell[1]), str(cell[2])): (float(was.loc[cell]), float(new.loc[cell]))
        for cell in new.index[differs]
    }
