"""The direct ledger: low-income renter households on lots that change, in draws.

Lots that change are summed at cells of lots alike (:mod:`~densitymap.scenarios.tenure`); a cell's changes
times its homes, the chance that a home holds low-income renters, and the share who must go by kind of change.
An accessory home keeps the house: nobody goes. Owners who sell are not counted.

A draw tells what its beliefs lead one to expect: the luck of single projects is in homes alone. So the parts
add up to the whole in every draw, and a protection that keeps households, or slows what moves the most of
them, lowers it in every draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from densitymap.feasibility.hazard import process_of
from densitymap.feasibility.pieces import EVERYWHERE
from densitymap.feasibility.sums import Changes
from densitymap.feasibility.uptake import Uptake
from densitymap.geometry import Floats
from densitymap.scenarios.beliefs import parameter_drawn
from densitymap.scenarios.evaluate import protected
from densitymap.scenarios.protections import Protection
from densitymap.scenarios.tenure import Cells, Let, change_falls

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
_SOLD = ("redevelop", INVESTOR)
"""Processes in which an owner who lives there has sold."""


def lot_classes(lots: pd.DataFrame) -> pd.Series:
    """Class of each lot by what stands and where its bill goes: what an address says, not who lives there."""
    vacant = (~lots["is_built"].astype("boolean")).to_numpy(bool, na_value=False)
    vacant |= lots["existing_units"].to_numpy(float, na_value=np.nan) == 0
    home = lots["owner_occupied"].astype("boolean").to_numpy(bool, na_value=False)
    return pd.Series(np.select([vacant, home], [VACANT, OWNED], MAY_BE_LET), dtype="string")


@dataclass(frozen=True, kw_only=True, slots=True)
class Direct:
    """Households by draw: in all, by neighbourhood, by process, by class of lot.

    ``owners_sell``: owner households on lots that are torn down or bought to flip or let, apart: a sale is a
    choice, and no part of the whole.
    """

    total: Floats
    owners_sell: Floats
    by_neighborhood: Mapping[str, Floats]
    by_process: Mapping[str, Floats]
    by_class: Mapping[str, Floats]


def direct(
    changes: Changes, cells: Cells, let: Let, drawn: Mapping[str, Floats], kept: Floats | None = None
) -> Direct:
    """Count the households of a run.

    Parameters
    ----------
    changes
        Of the cells, by their names.
    cells, let, drawn
        Cells of the lots, who may live there, beliefs by draw.
    kept
        Share of households of lots that are built on that protections keep, array [draw, cell]: a house
        that is bought to flip or let is no redevelopment, and nothing is replaced there.
    """
    go = 1.0 if kept is None else 1 - kept
    by_process = {
        name: value if name == INVESTOR else value * go
        for name, value in households(changes, cells, let, drawn).items()
    }
    each = sum(by_process.values(), np.zeros_like(let.renters))
    places = cells.table["neighborhood"].to_numpy(object)
    owned = (cells.table["is_home_address"] == "yes").to_numpy(bool)
    nobody = np.zeros(len(each))
    return Direct(
        total=each.sum(axis=1),
        owners_sell=_owners_sell(changes, cells, let),
        by_neighborhood={str(name): each[:, places == name].sum(axis=1) for name in sorted(set(places))},
        by_process={name: value.sum(axis=1) for name, value in by_process.items()},
        by_class={
            VACANT: nobody,
            OWNED: each[:, owned].sum(axis=1),
            MAY_BE_LET: each[:, ~owned].sum(axis=1),
            ADDED: nobody,
        },
    )


def _owners_sell(changes: Changes, cells: Cells, let: Let) -> Floats:
    at = [int(name) for name in changes.names]
    owners = ((1 - let.renters) * cells.homes)[:, at]
    sold = sum((changes.lots[name] for name in _SOLD if name in changes.lots), np.zeros_like(owners))
    return np.asarray((sold * owners).sum(axis=1))


def households(changes: Changes, cells: Cells, let: Let, drawn: Mapping[str, Floats]) -> dict[str, Floats]:
    """Households who must go, were none kept, array [draw, cell] by process."""
    at = [int(name) for name in changes.names]
    on_a_lot = change_falls(let.low_income, drawn["tenure_hazard_log_odds"]) * cells.homes
    found = {name: np.zeros_like(on_a_lot) for name in changes.lots if name in _LEAVE}
    for name, value in found.items():
        value[:, at] = changes.lots[name] * on_a_lot[:, at] * drawn[_LEAVE[name]][:, None]
    return found


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
    outcomes = np.array([process_of(*name.split(":")) for name in result.outcomes], dtype=object)
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
