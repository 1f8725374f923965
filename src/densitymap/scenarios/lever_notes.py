"""What a reader must be told of levers that are right and yet do not do what they seem to."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from densitymap import params
from densitymap.capacity.law import PARKING
from densitymap.capacity.legal import COUNTED
from densitymap.capacity.rules import load_rules
from densitymap.scenarios.levers import BY_A_LEVER, Lever, is_law
from densitymap.zoning.code import ZoningCode


def notes_of(pulled: Sequence[Lever], code: ZoningCode) -> list[str]:
    """Tell of levers that change no number, leave a use as it is, or permit what is not counted.

    Parameters
    ----------
    pulled
        Levers of a policy, in order.
    code
        The code with the levers that bind everywhere pulled.
    """
    own = [*_without_effect(pulled), *_overshadowed(pulled, code)]
    return [*own, *_beyond_count(pulled), *_paved_anyway(pulled, code)]


def _without_effect(pulled: Sequence[Lever]) -> list[str]:
    """Say which levers change a standard that no count hangs on, and why (``catalog/levers/no_effect``)."""
    unjudged = params.load("levers", "no_effect")
    return [
        f"lever {number} ({lever['kind']} {lever['standard']}) changes the code and no number here: "
        f"{unjudged[lever['standard']]['why']}"
        for number, lever in enumerate(pulled, start=1)
        if is_law(lever) and lever.get("standard") in unjudged
    ]


def _overshadowed(pulled: Sequence[Lever], code: ZoningCode) -> list[str]:
    """Say which levers for any use leave a use that has a value of its own, which goes before it."""
    rows = code.rows[code.rows["standard"] != "units_max"]  # each use's own count, beside the total
    shared = rows[rows["use"] == "any"].set_index(["district", "standard"])["value"]
    own = rows[(rows["use"] != "any") & (rows["verified_by"] != BY_A_LEVER)]
    found = []
    for number, lever in enumerate(pulled, start=1):
        if not is_law(lever) or "standard" not in lever or lever.get("use", "any") != "any":
            continue
        here = own[(own["standard"] == lever["standard"]) & own["district"].isin(lever["districts"])]
        then = shared.reindex(pd.MultiIndex.from_frame(here[["district", "standard"]])).to_numpy()
        left = here[here["value"].to_numpy() != then]
        which = [f"{use} in {', '.join(rows['district'])}" for use, rows in left.groupby("use")]
        if which:
            found.append(
                f"lever {number} ({lever['kind']} {lever['standard']}) leaves {'; '.join(which)} as it is, "
                "which the code gives a value of its own: a lever with that `use` changes it"
            )
    return found


def _beyond_count(pulled: Sequence[Lever]) -> list[str]:
    """Say which levers permit buildings of more homes than are counted here."""
    most = max(COUNTED.values())
    return [
        f"lever {number} ({lever['kind']} multi) permits buildings of more than {most} homes, which are not "
        "counted here: what is allowed on the lots it reaches is told as unknown"
        for number, lever in enumerate(pulled, start=1)
        if is_law(lever) and lever.get("use") == "multi" and _homes_of(lever) > most
    ]


def _homes_of(lever: Lever) -> float:
    """Homes that a lever permits; 0 where it sets something else."""
    homes = lever.get("units", lever.get("value") if lever.get("standard") == "units_max" else None)
    return 0.0 if homes is None else float(homes)


def _paved_anyway(pulled: Sequence[Lever], code: ZoningCode) -> list[str]:
    """Say which levers ask for no more parking than is supposed paved whatever is required."""
    supposed = load_rules()["stalls_per_unit"]
    rows = code.rows[code.rows["standard"] == PARKING]
    return [
        f"lever {number} ({lever['kind']} {PARKING}) asks for no more than the {supposed:g} stall a home "
        "that is supposed paved whatever is required: below that no number changes"
        for number, lever in enumerate(pulled, start=1)
        if lever.get("standard") == PARKING and (rows["value"][_named(rows, lever)] <= supposed).all()
    ]


def _named(rows: pd.DataFrame, lever: Lever) -> pd.Series:
    """Rows of the districts and the use of a lever."""
    return rows["district"].isin(lever["districts"]) & (rows["use"] == lever.get("use", "any"))
