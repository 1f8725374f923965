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
from densitymap.feasibility.draws import Places, default_parameters
from densitymap.feasibility.hazard import Lots, Options, process_of
from densitymap.feasibility.priors import choice
from densitymap.feasibility.uptake import uptake

NO_PERMITS = "no permits loaded"
LAW_TURNED_ON = "adu"
"""Kind (and process) that the law of these years allowed; duplexes it allowed all along, or not at all."""
KINDS = {"adu": "accessory homes", "duplex": "duplexes"}
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
    permits: pd.DataFrame, district: pd.Series, *, modelled: Mapping[str, Mapping[str, float]] | None = None
) -> list[dict[str, Any]]:
    """Count permits a year before and after a district's law allowed accessory homes.

    A rate is over the years that the permits cover, never over years they say nothing of.

    Parameters
    ----------
    permits
        ``kind`` and ``date``, believed.
    district
        District of each permit's lot, same index; missing where it is on no lot.
    modelled
        Permits a year the model expects of each kind in each district under today's law (:func:`modelled`).

    Returns
    -------
    list of dict
        One per district and kind: permits, ``years_`` covered and permits ``per_year_`` before and after the
        year (missing where the permits do not reach there), what the model expects beside each, ``note``.
    """
    first, end = permits["date"].min().normalize(), permits["date"].max().normalize() + pd.Timedelta(days=1)
    rows = []
    for name, year in choice("allowed_since").items():
        turn = pd.Timestamp(year=int(year), month=1, day=1)
        years = {"before": _years(first, min(turn, end)), "after": _years(max(turn, first), end)}
        inside = (district == name).to_numpy(bool, na_value=False)
        for kind in choice("local_kinds"):
            of = permits[inside & (permits["kind"] == kind).to_numpy(bool, na_value=False)]
            counts = {"before": int((of["date"] < turn).sum()), "after": int((of["date"] >= turn).sum())}
            expected = (modelled or {}).get(kind, {}).get(name)
            rows.append(
                {"zone_district": name, "kind": kind, "since": int(year), "first_day": f"{first:%Y-%m-%d}",
                 "last_day": f"{end - pd.Timedelta(days=1):%Y-%m-%d}"}
                | {f"years_{when}": round(years[when], 2) for when in counts}
                | {f"permits_{when}": counts[when] if years[when] else None for when in counts}
                | {f"per_year_{when}": _rate(counts[when], years[when]) for when in counts}
                | {"modelled_per_year_before": _before_the_law(kind, expected), "modelled_per_year": expected,
                   "note": _gap(first, end, turn)}
            )  # fmt: skip
    return rows


def _years(start: pd.Timestamp, end: pd.Timestamp) -> float:
    return float(max((end - start).days, 0) / choice("days_per_year"))


def _rate(count: int, years: float) -> float | None:
    return round(count / years, 3) if years > 0 else None


def _before_the_law(kind: str, expected: float | None) -> float | None:
    """What the model says of the years before: of accessory homes nothing, for the law refused them."""
    return expected if expected is None or kind != LAW_TURNED_ON else 0.0


def _gap(first: pd.Timestamp, end: pd.Timestamp, turn: pd.Timestamp) -> str | None:
    """What the permits cannot tell, for they do not reach there."""
    if first >= turn:
        return f"the permits start {first:%Y-%m-%d}: they cannot tell what was before {turn.year}"
    if end <= turn:
        return f"the permits end before {end:%Y-%m-%d}: they cannot tell what came since {turn.year}"
    return None


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
    if not permits:
        return " ".join([*said, f"Permits: {NO_PERMITS}.", CAVEAT])
    said.append(f"Permits a year, of {permits[0]['first_day']} to {permits[0]['last_day']}.")
    for name in dict.fromkeys(row["zone_district"] for row in permits):
        of = [row for row in permits if row["zone_district"] == name]
        said.append(f"{name}: {'; '.join(map(_spoken, of))}{_spoken_gap(of[0])}.")
    return " ".join([*said, CAVEAT])


def _spoken(row: Mapping[str, Any]) -> str:
    """One kind of homes in one district: before and after, each beside what the model would have said."""
    start, parts = f"since {row['since']}" if row["years_before"] else f"from {row['first_day']}", []
    for when, words, key in (
        ("before", f"before {row['since']}", "modelled_per_year_before"),
        ("after", start, "modelled_per_year"),
    ):
        seen, expected = row[f"per_year_{when}"], row[key]
        if seen is not None:
            model = "no figure" if expected is None else f"{expected:.2g}"
            counted = f"{row[f'permits_{when}']} in {row[f'years_{when}']:.1f} years"
            parts.append(f"{seen:.2f} {words} ({counted}; model {model})")
    return f"{KINDS[row['kind']]} " + ", ".join(parts)


def _spoken_gap(row: Mapping[str, Any]) -> str:
    return "" if row["note"] is None else f"; {row['note']}"


def window(permits: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """Permits the fit counts, and the years they span: from the catalogue's first year to the last permit."""
    start = pd.Timestamp(year=int(choice("calibrate_from_year")), month=1, day=1)
    start = max(start, permits["date"].min().normalize()) if len(permits) else start
    counted = permits[permits["date"] >= start]
    if not len(counted):
        return counted, 0.0
    days = (counted["date"].max() - start).days + 1
    return counted, float(days) / float(params.load("uptake", "choices")["days_per_year"]["value"])


def modelled(
    options: Options, lots: Lots, places: Places, district: pd.Series
) -> dict[str, dict[str, float]]:
    """Permits a year the model expects of each kind in each district under today's law, by its defaults.

    Parameters
    ----------
    options, lots, places
        Those of no change, as the draws take them.
    district
        District of each lot, in the lots' order.

    Returns
    -------
    dict
        By kind, then district: projects begun a year, over the years of the horizon. Lots whose worth as
        they stand is unknown do not enter.
    """
    draws = default_parameters(places)
    found = uptake(options, lots, draws, {"district": district.reset_index(drop=True)})
    begun = found.sums[0, :, found.measures.outcome_lots] / found.finished[0].sum()
    kinds = np.array([_kind_of(name) for name in found.outcomes], dtype=object)
    of_district = dict(zip(found.names, begun, strict=True))
    nothing = np.zeros(len(kinds))
    return {
        kind: {
            name: float(of_district.get(name, nothing)[kinds == kind].sum())
            for name in choice("allowed_since")
        }
        for kind in choice("local_kinds")
    }


def _kind_of(outcome: str) -> str | None:
    """Kind of permit an outcome ``mode:type`` is sought with; None where it is of no kind counted here."""
    mode, _, form = outcome.partition(":")
    if mode == "none":
        return None
    if process_of(mode, form) == LAW_TURNED_ON:
        return LAW_TURNED_ON
    return form.split("_")[0] if mode == "new" else None
