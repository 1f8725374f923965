"""One lot's pro forma, computed when asked and shown to who asked; nothing of it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

from densitymap import params
from densitymap.capacity.rules import load_buildings
from densitymap.errors import UsageError
from densitymap.feasibility import statement
from densitymap.feasibility.costs import Costs
from densitymap.feasibility.decision import best_by_actor, decide, options_table
from densitymap.feasibility.forms import PLANS, Terms, counted, size_factor, terms
from densitymap.feasibility.pays import Paying, Worth, bids_today, told_of, worth_of
from densitymap.feasibility.proforma import money, value_options
from densitymap.pipeline.proforma_inputs import (
    GIVEN,
    SET_BY,
    WORTH,
    Asked,
    changed_worth,
    costs_as_asked,
    own_settings,
)
from densitymap.pipeline.subject import NOT_ASKED, Subject

TYPES = {
    "adu": "house_adu",
    "attached_adu": "house_attached_adu",
    "conversion": "convert",
    "cottage": "cottage_court",
    "fourplex": "multi",
}
"""Further words for types of homes."""
SHOWN = (
    "fit_mode", "fit_type", "form", "actor", "tenure", "units_after", "units_added", "existing_assumed",
    "units_demolished", "verdict", "gdv_usd", "cost_usd", "rlv_usd", "yield_on_cost", "surplus_usd",
    "decision_value_usd", "pays",
)  # fmt: skip


def proforma(subject: Subject, asked: Asked) -> dict[str, Any]:
    """Compute the pro forma of one lot.

    Returns
    -------
    dict
        JSON-able: ``lot``, ``selected`` (the option told), ``lines`` (inputs and sums), ``options`` (all of
        them in short), ``doubts``.

    Raises
    ------
    UsageError
        If nothing is known by the type, actor, tenure or input asked for.
    ValidationError
        If an input cannot be used.
    """
    _refuse_unknown(asked)
    costs, changed_costs = costs_as_asked(asked)
    own = own_settings(asked)
    open_rows = counted(subject.fits)
    wanted = _wanted(subject.fits, asked)
    judged = subject.fits.assign(
        verdict=subject.fits["verdict"].where(open_rows, "MAYBE"), binding_rule="shown"
    )
    judged = judged[wanted].reset_index(drop=True)
    open_rows = open_rows[wanted]
    built = terms(judged, subject.lots, costs, load_buildings())
    if not len(built.row):
        return _nothing(subject, asked, changed_costs)
    known = _worth(subject, costs, {})
    worth = _worth(subject, costs, own)
    if "price_usd_per_ft2" in own:
        worth = _at_price(worth, built, own["price_usd_per_ft2"], costs)
    found = _valued(subject, built, worth, costs)
    said = {name: _said(subject, costs, worth, own, name=name) for name in SET_BY}
    document = _document(
        subject, asked, costs, judged=judged, found=found, worth=worth, is_open=open_rows, said=said
    )
    return document | {"changed": changed_costs + changed_worth(asked, known, worth)}


def _valued(subject: Subject, built: Terms, worth: Worth, costs: Costs) -> Paying:
    """Value the options of the lot and set them against what else it could be.

    Unlike the build's counts, nothing is supposed of a lot whose worth as it stands is unknown, vacant or
    not; nobody bids less than 0; and what the law was not asked is no alternative.
    """
    today = terms(subject.today, subject.lots, costs, load_buildings())
    bids = np.maximum(bids_today(today, worth, costs), 0.0) if len(today.row) else np.zeros(1)
    if not _is_judged(subject):
        bids = np.full(1, np.nan)
    valued = value_options(built, worth.price_usd_per_ft2, worth.as_is_usd, costs)
    decided = decide(
        built, valued, as_is_usd=worth.as_is_usd, best_today_usd=bids, is_vacant=np.zeros(1, bool),
        costs=costs,
    )  # fmt: skip
    if not _is_judged(subject):
        decided = replace(decided, decision_value_usd=np.full_like(decided.decision_value_usd, np.nan))
    return Paying(terms=built, valued=valued, decided=decided, best=best_by_actor(built, decided))


def _is_judged(subject: Subject) -> bool:
    """Whether the law was asked what may stand on the lot."""
    return not subject.fits["binding_rule"].eq(NOT_ASKED).all()


def _refuse_unknown(asked: Asked) -> None:
    for given, known, what in (
        (asked.actor, sorted({actor for actor, _ in PLANS}), "actor"),
        (asked.tenure, ("sale", "rent"), "tenure"),
    ):
        if given is not None and given not in known:
            raise UsageError(
                f"There is no {what} {given!r}.{params.nearest(given, known)}",
                next_step=f"known: {', '.join(known)}",
            )


def _wanted(fits: pd.DataFrame, asked: Asked) -> np.ndarray:
    known = sorted(set(fits["fit_type"]))
    kind = TYPES.get(asked.kind or "", asked.kind)
    if kind is not None and kind not in known:
        words = [*known, *TYPES]
        raise UsageError(
            f"No form of the type {asked.kind!r} was tried on this lot.{params.nearest(kind, words)}",
            next_step=f"known: {', '.join(words)}",
        )
    nothing = (fits["fit_mode"] == "keep") & (fits["fit_type"] == "house") | (fits["verdict"] == "NO DATA")
    mine = fits["fit_type"] == kind if kind is not None else pd.Series(counted(fits), fits.index)
    return np.asarray(mine & ~nothing, dtype=bool)


def _worth(subject: Subject, costs: Costs, own: Mapping[str, float]) -> Worth:
    found = worth_of(subject.lots, costs)
    if not {"as_is_usd", "place_price_usd_per_ft2"} & set(own):
        return found
    return Worth(
        price_usd_per_ft2=np.array([own.get("place_price_usd_per_ft2", found.price_usd_per_ft2[0])]),
        as_is_usd=np.array([own.get("as_is_usd", found.as_is_usd[0])]),
        source=f"{GIVEN}; else {found.source}",
        year=found.year,
    )


def _at_price(worth: Worth, built: Terms, price: float, costs: Costs) -> Worth:
    """Give the place's price at which the finished homes of the first sold form sell for this much a ft2."""
    sold = np.asarray(money(built.kinds, costs).sale_price)[built.kind]
    size = built.of("house_ft2") + built.of("duplex_ft2") + built.of("triplex_ft2")
    rate = float(size_factor(costs["price_size_reference_ft2"], costs))
    found = np.flatnonzero((size > 0) & (sold > 0))
    place = price * size[found[0]] / sold[found[0]] if len(found) else price * rate
    return Worth(
        price_usd_per_ft2=np.array([place]),
        as_is_usd=worth.as_is_usd,
        source=f"price {GIVEN}",
        year=worth.year,
    )


def _said(
    subject: Subject, costs: Costs, worth: Worth, own: Mapping[str, float], *, name: str
) -> statement.Said:
    """Who says the price of the place or the worth of the lot: whoever set it, else what is known."""
    value = float(getattr(worth, WORTH[name])[0])
    if set(SET_BY[name]) & set(own):
        return statement.Said(source=GIVEN, year=worth.year, low=value, high=value)
    told = told_of(subject.lots, costs).iloc[0]
    source, year, note, low, high = (
        told[f"{name}_{part}"] for part in ("source", "year", "note", "low", "high")
    )
    if pd.isna(source):
        return statement.Said(source="nobody says", year=worth.year, low=np.nan, high=np.nan)
    words = f"{source}, {year} dollars" + (f"; {note}" if pd.notna(note) and note else "")
    return statement.Said(source=words, year=int(year), low=float(low), high=float(high))


def _nothing(subject: Subject, asked: Asked, changed_costs: list[dict[str, Any]]) -> dict[str, Any]:
    reasons = subject.fits.get("reason", pd.Series(dtype="string")).dropna()
    return {
        "lot": subject.told,
        "policy": asked.scenario,
        "selected": None,
        "lines": [],
        "options": [],
        "changed": changed_costs,
        "doubts": ["Nothing fits that is not there already.", *dict.fromkeys(reasons.astype(str))][:4],
    }


def _options(subject: Subject, judged: pd.DataFrame, found: Paying, is_open: np.ndarray) -> pd.DataFrame:
    """Every option and plan, with the law's own verdict; what the law refuses does not pay."""
    original = subject.fits.set_index(["fit_mode", "fit_type"])
    table = options_table(found.terms, judged, found.valued, found.decided)
    at, plan = np.nonzero(found.terms.applies[found.terms.kind])
    table["entry"], table["plan"] = at, plan
    judged_by_law = _is_judged(subject)
    known = (table["decision_value_usd"].notna() | (table["rlv_usd"] < 0)) & judged_by_law
    table["pays"] = table["pays"].where(known) & is_open[found.terms.row[at]]
    keys = pd.MultiIndex.from_frame(table[["fit_mode", "fit_type"]])
    table["verdict"] = original["verdict"].reindex(keys).to_numpy(object) if judged_by_law else None
    table["reason"] = original["reason"].reindex(keys).to_numpy(object) if "reason" in original else None
    return table


def _document(
    subject: Subject,
    asked: Asked,
    costs: Costs,
    *,
    judged: pd.DataFrame,
    found: Paying,
    worth: Worth,
    is_open: np.ndarray,
    said: Mapping[str, statement.Said],
) -> dict[str, Any]:
    table = _options(subject, judged, found, is_open)
    chosen = _ranked(table[_matches(table, asked)], asked)
    if not len(chosen):
        raise UsageError(
            f"No {asked.actor or 'actor'} can {'let' if asked.tenure == 'rent' else 'sell'} these homes",
            next_step="leave --actor or --tenure out to see who can do what",
        )
    best = chosen.iloc[0]
    entry, follows = int(best["entry"]), int(best["plan"])
    price, as_is = float(worth.price_usd_per_ft2[0]), float(worth.as_is_usd[0])
    given = statement.inputs(found.terms, entry, follows, costs)
    if (best["actor"], best["tenure"]) in (("developer", "sale"), ("owner", "sale")):
        given.insert(0, statement.price_line(price, said["price"]))
    told = statement.lines(
        found.terms, entry, follows, costs=costs, valued=found.valued, decided=found.decided,
        price_usd_per_ft2=price,
    )  # fmt: skip
    if not np.isnan(as_is):
        sourced = statement.as_is_line(as_is, said["as_is"])
        told = [sourced if line.name == sourced.name else line for line in told]
    return {
        "lot": subject.told,
        "policy": asked.scenario,
        "selected": _shown(best.to_dict(), (*SHOWN, "reason")) | _computable(subject, best, as_is, price),
        "prices": {
            "price_usd_per_ft2": _plain(price),
            **{part: _plain(value) for part, value in asdict(said["price"]).items()},
            "as_is_usd": _plain(as_is),
            **{f"as_is_{part}": _plain(value) for part, value in asdict(said["as_is"]).items()},
        },
        "lines": statement.as_documents(given, told),
        "options": [_shown(row, SHOWN) for row in table.to_dict("records")],
        "doubts": _doubts(subject, best, worth),
    }


def _computable(subject: Subject, best: pd.Series, as_is: float, price: float) -> dict[str, Any]:
    """Whether it can be told that the option pays, and what that needs."""
    if pd.notna(best["pays"]):
        return {"computable": True, "needs": []}
    law = [] if _is_judged(subject) else [statement.NEEDS["law"]]
    return {"computable": False, "needs": [*statement.needs(as_is, price), *law]}


def _ranked(table: pd.DataFrame, asked: Asked) -> pd.DataFrame:
    """The option to tell first: the one that pays best; of a type that was named, its usual builder's."""
    keys = ["pays", "decision_value_usd", "rlv_usd"]
    if asked.kind is not None and asked.actor is None:
        kept = table["fit_mode"] == "keep"
        usual = (table["actor"] == np.where(kept, "owner", "developer")) & (
            table["tenure"] == (asked.tenure or np.where(kept, "rent", "sale"))
        )
        table, keys = table.assign(usual=usual), ["usual", *keys]
    return table.sort_values(keys, ascending=False, kind="stable", na_position="last")


def _matches(table: pd.DataFrame, asked: Asked) -> pd.Series:
    found = pd.Series(True, index=table.index)
    for column, given in (("actor", asked.actor), ("tenure", asked.tenure)):
        if given is not None:
            found &= table[column] == given
    return found


def _doubts(subject: Subject, best: pd.Series, worth: Worth) -> list[str]:
    found = ["A sum of assumptions in the open, not an appraisal: change any with --set NAME=NUMBER."]
    if subject.told.get("note"):
        found.append(str(subject.told["note"]))
    if best["verdict"] == "FALSE":
        found.append("It may not stand here: the figures are shown, and it does not count as paying.")
    if best["existing_assumed"]:
        found.append("Nobody knows what stands there: one house is supposed.")
    if best["rlv_usd"] < 0:
        found.append("It costs more than it is worth when done: nothing is left for the land.")
    if np.isnan(worth.as_is_usd[0]):
        vacant = not subject.lots["is_built"].astype("boolean").iloc[0:1].fillna(value=True).item()
        lot = "vacant lot" if vacant else "lot"
        found.append(f"What the {lot} is worth as it stands is unknown: set it with --set as_is=NUMBER.")
        today = best["best_legal_today_usd"]
        if today > 0 and today > best["rlv_usd"]:
            more = today - best["rlv_usd"]
            found.append(f"Under today's law a builder would pay {more:,.0f} USD more than this form leaves.")
    if subject.told.get("place_supposed"):
        found.append(f"No neighbourhood was named: prices are those of {subject.told['place']}; see --place.")
    return found


def _shown(row: Mapping[Any, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Columns of an option for JSON; homes are whole."""
    found = {name: _plain(row[name]) for name in names}
    for name in ("units_after", "units_added", "units_demolished"):
        found[name] = None if found[name] is None else int(found[name])
    return found


def _plain(value: Any) -> Any:
    if value is None or value is pd.NA or (isinstance(value, float | np.floating) and np.isnan(value)):
        return None
    if isinstance(value, float | np.floating):
        return round(float(value), 4)
    return value.item() if isinstance(value, np.generic) else value
