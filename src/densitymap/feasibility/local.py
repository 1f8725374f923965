"""What happened here: what rights long in force, or newly given, have come to. Descriptive, not causal.

R-5 has allowed two homes by right all along; R-4 has not. Accessory homes have been allowed in R-5 since
2017 and in R-4 and R-4A since 2019. What stands and what was permitted there is the nearest thing to a
test of the model that a city carries in its own files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from densitymap import params
from densitymap.feasibility.priors import choice

NO_PERMITS = "no permits loaded"
CAVEAT = "Lots of the two districts differ in age and origin: this describes, it does not explain."


def homes_standing(lots: pd.DataFrame) -> dict[str, Any]:
    """Share of lots that hold two homes or more, by district, on lots whose homes are known.

    Parameters
    ----------
    lots
        ``zone_district`` and ``existing_units``.

    Returns
    -------
    dict
        ``computable``, ``needs`` and ``districts``: ``lots``, ``known`` and ``two_or_more_share`` of each.
    """
    found = {}
    for district in choice("allowed_since"):
        units = lots.loc[(lots["zone_district"] == district).to_numpy(bool, na_value=False), "existing_units"]
        built = units[(units > 0).to_numpy(bool, na_value=False)].astype(float)
        share = float((built > 1).mean()) if len(built) else None
        found[district] = {"lots": len(units), "known": len(built), "two_or_more_share": share}
    needs = [] if any(row["known"] for row in found.values()) else ["homes that stand on these lots"]
    return {"computable": not needs, "needs": needs, "districts": found}


def before_and_after(
    permits: pd.DataFrame, district: pd.Series, *, modelled: Mapping[str, float] | None = None
) -> list[dict[str, Any]]:
    """Count permits a year before and after a district's law allowed them.

    Parameters
    ----------
    permits
        ``kind`` and ``date``, believed.
    district
        District of each permit's lot, same index; missing where it is on no lot.
    modelled
        Accessory homes a year the model expects in each district once allowed.
    """
    first, last = permits["date"].min(), permits["date"].max()
    days, rows = choice("days_per_year"), []
    for name, year in choice("allowed_since").items():
        turn = pd.Timestamp(year=int(year), month=1, day=1)
        spans = {"before": (turn - first).days / days, "after": (last - turn).days / days}
        inside = (district == name).to_numpy(bool, na_value=False)
        for kind in choice("local_kinds"):
            of = permits[inside & (permits["kind"] == kind).to_numpy(bool, na_value=False)]
            counts = {"before": int((of["date"] < turn).sum()), "after": int((of["date"] >= turn).sum())}
            rows.append(
                {"zone_district": name, "kind": kind, "allowed_since": int(year)}
                | {f"permits_{when}": counts[when] for when in counts}
                | {f"per_year_{when}": _rate(counts[when], spans[when]) for when in counts}
                | {"modelled_per_year": (modelled or {}).get(name) if kind == "adu" else None}
            )
    return rows


def _rate(count: int, years: float) -> float | None:
    return round(count / years, 3) if years > 0 else None


def sentence(standing: Mapping[str, Any], permits: list[dict[str, Any]] | None) -> str:
    """Say in a few words what happened here, for wherever what is expected is printed."""
    said = []
    if standing["computable"]:
        parts = [
            f"{row['two_or_more_share']:.0%} of {row['known']:,} {name} lots with a home hold two or more"
            for name, row in standing["districts"].items()
            if row["known"]
        ]
        said.append("; ".join(parts) + ".")
    else:
        said.append("Homes that stand on these lots are not known.")
    if permits is None:
        return " ".join([*said, f"Permits: {NO_PERMITS}.", CAVEAT])
    adu = [row for row in permits if row["kind"] == "adu" and row["per_year_after"] is not None]
    said += [
        f"{row['zone_district']}: {row['per_year_after']:g} accessory homes permitted a year since "
        f"{row['allowed_since']}{_beside(row)}."
        for row in adu
    ]
    return " ".join([*said, CAVEAT])


def _beside(row: Mapping[str, Any]) -> str:
    before, modelled = row["per_year_before"], row["modelled_per_year"]
    words = "" if before is None else f", {before:g} before"
    return words if modelled is None else f"{words}; the model expects {modelled:.1f}"


def window(permits: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """Permits the fit counts, and the years they span: from the catalogue's first year to the last permit."""
    start = pd.Timestamp(year=int(choice("calibrate_from_year")), month=1, day=1)
    start = max(start, permits["date"].min().normalize()) if len(permits) else start
    counted = permits[permits["date"] >= start]
    if not len(counted):
        return counted, 0.0
    days = (counted["date"].max() - start).days + 1
    return counted, float(days) / float(params.load("uptake", "choices")["days_per_year"]["value"])


def modelled_adus(rates: np.ndarray, district: pd.Series) -> dict[str, float]:
    """Accessory homes a year the model expects in each district, from the yearly rate of each lot."""
    return {
        name: float(rates[(district == name).to_numpy(bool, na_value=False)].sum())
        for name in choice("allowed_since")
    }
