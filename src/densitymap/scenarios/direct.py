"""The direct ledger: low-income renter households on lots that change, in draws.

Uptake is summed at cells of lots alike (:mod:`~densitymap.scenarios.tenure`); a cell's changes times its
homes, the chance that a home holds low-income renters, and the share who must go by kind of change. An
accessory home keeps the house: nobody goes. Owners who sell are not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from densitymap.feasibility.hazard import process_of
from densitymap.feasibility.pieces import EVERYWHERE
from densitymap.feasibility.uptake import Uptake
from densitymap.geometry import Floats
from densitymap.scenarios.beliefs import parameter_drawn
from densitymap.scenarios.evaluate import protected
from densitymap.scenarios.protections import Protection
from densitymap.scenarios.tenure import LEVEL, Cells, Let, change_falls

CLASS_LEVEL = "lot_class"
VACANT, OWNED, MAY_BE_LET = "vacant", "owner-occupied", "may be let"
ADDED = "accessory home"
"""Class of what is added beside a house that stays, whatever the lot."""
INVESTOR = "investor"
_LEAVE = {
    "redevelop": "leave_redevelop",
    "convert": "leave_convert",
    "split": "leave_convert",
    INVESTOR: "leave_purchase",
}
"""Belief on who must go, by process; others move nobody."""


def lot_classes(lots: pd.DataFrame) -> pd.Series:
    """Class of each lot by what stands and where its bill goes: what an address says, not who lives there."""
    vacant = (~lots["is_built"].astype("boolean")).to_numpy(bool, na_value=False)
    vacant |= lots["existing_units"].to_numpy(float, na_value=np.nan) == 0
    home = lots["owner_occupied"].astype("boolean").to_numpy(bool, na_value=False)
    return pd.Series(np.select([vacant, home], [VACANT, OWNED], MAY_BE_LET), dtype="string")


@dataclass(frozen=True, kw_only=True, slots=True)
class Direct:
    """Households by draw: in all, by neighbourhood, by process, by class of lot."""

    total: Floats
    by_neighborhood: Mapping[str, Floats]
    by_process: Mapping[str, Floats]
    by_class: Mapping[str, Floats]


def direct(
    result: Uptake, cells: Cells, let: Let, drawn: Mapping[str, Floats], kept: Floats | None = None
) -> Direct:
    """Count the households of a run.

    Parameters
    ----------
    result
        Uptake summed at :data:`~densitymap.scenarios.tenure.LEVEL` and ``neighborhood``.
    cells, let, drawn
        Cells of the lots, who may live there, beliefs by draw.
    kept
        Share of households of lots that are built on that protections keep, array [draw, cell]: a house
        that is bought to flip or let is no redevelopment, and nothing is replaced there.
    """
    by_process, order = _gone(result, cells, let, drawn)
    nobody = np.zeros((len(result.sums), len(order)))
    stay = nobody if kept is None else kept[:, order]
    table = cells.table.iloc[order].reset_index(drop=True)
    by_process = {name: v if name == INVESTOR else v * (1 - stay) for name, v in by_process.items()}
    places = table["neighborhood"].to_numpy(object)
    built = sum((v for name, v in by_process.items() if name != INVESTOR), nobody)
    bought = by_process.get(INVESTOR, nobody)
    owned = (table["is_home_address"] == "yes").to_numpy(bool)
    luck = luck_of(result, EVERYWHERE, EVERYWHERE)
    each = built * luck[:, None] + bought
    return Direct(
        total=each.sum(axis=1),
        by_neighborhood={
            str(name): built[:, places == name].sum(axis=1) * luck_of(result, "neighborhood", str(name))
            + bought[:, places == name].sum(axis=1)
            for name in sorted(set(places))
        },
        by_process={
            name: value.sum(axis=1) * (1.0 if name == INVESTOR else luck)
            for name, value in by_process.items()
        },
        by_class={
            VACANT: np.zeros(len(luck)),
            OWNED: each[:, owned].sum(axis=1),
            MAY_BE_LET: each[:, ~owned].sum(axis=1),
            ADDED: np.zeros(len(luck)),
        },
    )


def households_by_cell(result: Uptake, cells: Cells, let: Let, drawn: Mapping[str, Floats]) -> Floats:
    """Households who would have to go where lots are built on, were none kept, array [draw, cell].

    Houses bought to flip or let are no building and are left out, as in :func:`direct`.
    """
    by_process, order = _gone(result, cells, let, drawn)
    found = np.zeros((len(result.sums), len(cells.table)))
    for name, value in by_process.items():
        if name != INVESTOR:
            found[:, order] += value
    return found


def _gone(
    result: Uptake, cells: Cells, let: Let, drawn: Mapping[str, Floats]
) -> tuple[dict[str, Floats], list[int]]:
    """Households who must go by process, were none kept, array [draw, place of a cell]; and those cells."""
    at = [n for n, level in enumerate(result.levels) if level == LEVEL]
    order = [int(result.names[n]) for n in at]
    holds = change_falls(let.low_income, drawn["tenure_hazard_log_odds"])[:, order]
    households = holds * cells.table["homes"].to_numpy(float)[order]
    changes = result.sums[:, at, result.measures.outcome_lots]
    return _by_process(result.outcomes, changes, households, drawn), order


def _by_process(
    outcomes: Sequence[str], changes: Floats, households: Floats, drawn: Mapping[str, Floats]
) -> dict[str, Floats]:
    """Households who must go, array [draw, cell] by process."""
    found: dict[str, Floats] = {}
    for code, name in enumerate(outcomes):
        process = INVESTOR if name.startswith("none:") else process_of(*name.split(":"))
        if process not in _LEAVE:
            continue
        gone = changes[:, :, code] * households * drawn[_LEAVE[process]][:, None]
        found[process] = found.get(process, 0.0) + gone
    return found


def luck_of(result: Uptake, level: str, name: str) -> Floats:
    """Projects drawn over projects expected in a place; 1 where none is expected."""
    found = [
        n for n, pair in enumerate(zip(result.levels, result.names, strict=True)) if pair == (level, name)
    ]
    if not found:
        return np.ones(len(result.sums))
    expected = result.expected("lots")[:, found[0]]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, result.projects[:, found[0]] / expected, 1.0)


def kept_by(
    lots: pd.DataFrame, cells: Cells, protections: Sequence[Protection], *, size: int, seed: int
) -> Floats:
    """Share of each cell's households that protections keep when lots are built on, array [draw, cell].

    Tenure protection keeps a share; no net loss keeps the low-income homes it has replaced. What they do to
    how often lots change is in the hazard, not here.
    """
    lost = np.ones((size, len(cells.table)))
    for item in protections:
        name = {"tenure_protection": "kept_share", "no_net_loss": "replaced_share"}.get(item.kind)
        if name is None:
            continue
        share = parameter_drawn(item.kind, name, item.parameters[name], size=size, seed=seed)
        lost *= 1 - np.clip(share, 0, 1)[:, None] * cells.mean(protected(lots, item))
    return 1 - lost


def net_by_class(result: Uptake) -> dict[str, Floats]:
    """Net homes by class of lot; accessory homes apart, whatever the lot."""
    outcomes = np.array([process_of(*name.split(":")) if not name.startswith("none:") else INVESTOR
                         for name in result.outcomes], dtype=object)  # fmt: skip
    gross = result.sums[:, :, result.measures.outcome_gross]
    adu = gross[:, :, outcomes == "adu"].sum(axis=2)
    net = result.expected("gross") - result.expected("torn")
    found = {name: np.zeros(len(net)) for name in (VACANT, OWNED, MAY_BE_LET)}
    for place, (level, name) in enumerate(zip(result.levels, result.names, strict=True)):
        if level == CLASS_LEVEL:
            found[name] = result.counted(net - adu)[:, place]
        elif level == EVERYWHERE:
            found[ADDED] = result.counted(adu)[:, place]
    return found
