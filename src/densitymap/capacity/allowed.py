"""How many homes the law allows on each lot, and which rule stops one more.

This is law only: area, width, floor area and coverage against the smallest building of each form.
Whether that building fits between the yards is another question (``capacity.fits``).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap.capacity.law import Law
from densitymap.capacity.legal import (
    FORMS,
    HOMES,
    LAW_COLUMNS,
    Ruling,
    measured_margins,
    rulings,
    smallest_needs,
)
from densitymap.capacity.reasons import reason_for
from densitymap.capacity.rules import load_buildings
from densitymap.capacity.verdict import FALSE, MAYBE, TRUE, VERDICTS, Levels, Margins
from densitymap.errors import ValidationError
from densitymap.geometry import Indices

SECOND_HOME = "second_home"
QUESTIONS: Mapping[str, tuple[str, ...]] = {
    SECOND_HOME: ("adu", "duplex"),
    "house": ("house",),
    "adu": ("adu",),
    "duplex": ("duplex",),
    "triplex": ("triplex",),
}
"""What may be asked of a lot, and the forms that answer it (any one is enough)."""

_LOT_COLUMNS = ("lot_area_ft2", "lot_width_ft", "is_lot_of_record")


def units_allowed(
    lots: pd.DataFrame,
    standards: pd.DataFrame,
    *,
    policy: str,
    question: str = SECOND_HOME,
    margins: Margins | None = None,
    buildings: pd.DataFrame | None = None,
    reasons: bool = True,
) -> pd.DataFrame:
    """Say for each lot what the law allows under one policy.

    Parameters
    ----------
    lots
        ``parcel_id`` (unique), ``lot_area_ft2`` [ft2], ``lot_width_ft`` [ft] and, where known,
        ``is_lot_of_record``.
    standards
        Table ``standards`` for these lots: a split lot has rows for each district.
    policy
        Name of the policy the standards are of.
    question
        Key of :data:`QUESTIONS`: what the verdict answers.
    margins
        Slack too small to call; by default the catalogue's, for measured lots.
    buildings
        Templates; by default the catalogue's.
    reasons
        Whether to say each verdict in words; without, ``reason`` is missing.

    Returns
    -------
    DataFrame
        Table ``allowed``, one row per lot, on the index of ``lots``. ``units_allowed`` counts what the
        law allows or may allow, ``units_certain`` only what it surely allows; both are missing where
        nobody has read which homes the district permits.

    Raises
    ------
    ValidationError
        If lots repeat, columns are absent, the question is unknown, or lots and standards differ.
    """
    _refuse_bad_input(lots, standards, question)
    forms = {form: standards.take(np.flatnonzero(standards["use"] == form)) for form in FORMS}
    place = _places(lots["parcel_id"], forms["house"]["parcel_id"])
    law = Law(by_use=forms, row=np.arange(len(place)))
    return units_under(
        lots,
        law,
        place,
        policy=policy,
        question=question,
        margins=margins,
        buildings=buildings,
        reasons=reasons,
    )


def units_under(
    lots: pd.DataFrame,
    law: Law,
    place: Indices,
    *,
    policy: str,
    question: str = SECOND_HOME,
    margins: Margins | None = None,
    buildings: pd.DataFrame | None = None,
    reasons: bool = True,
) -> pd.DataFrame:
    """Say the same of lots whose law is laid out already: :func:`units_allowed`.

    Parameters
    ----------
    law
        Standards of each part of a lot, the main district first.
    place
        Row of the lot each part is of.
    """
    needs = _catalogue_needs() if buildings is None else smallest_needs(buildings)
    here = lots[[name for name in _LOT_COLUMNS if name in lots]].take(place)
    ruled = rulings(here, law, needs, margins or measured_margins())
    parts = _parts(here, law, ruled, question, reasons=reasons)
    first = _first_part(place, len(lots))
    several = np.bincount(place, minlength=len(lots)) > 1
    answer = parts.take(first).reset_index(drop=True)
    if several.any():
        rows = np.flatnonzero(several[place])
        _merge_split(answer, parts.take(rows), place[rows])
    _doubt_unasked(answer, several)
    return _finished(answer, lots, policy, question)


@cache
def _catalogue_needs() -> pd.DataFrame:
    return smallest_needs(load_buildings())


def _refuse_bad_input(lots: pd.DataFrame, standards: pd.DataFrame, question: str) -> None:
    wanted = ("parcel_id", "lot_area_ft2", "lot_width_ft")
    faults = [f"lots: {name} is absent" for name in wanted if name not in lots]
    if question not in QUESTIONS:
        faults.append(f"question must be one of {', '.join(QUESTIONS)}, not {question!r}")
    uses = set(standards["use"].unique())
    missing = [form for form in FORMS if form not in uses]
    if missing and len(standards):
        faults.append(f"standards have no rows for {', '.join(missing)}")
    if faults:
        raise ValidationError("What is allowed cannot be said", faults=faults)


def _places(lots: pd.Series, ruled: pd.Series) -> Indices:
    """Row of the lot that each row of the standards is of.

    Raises
    ------
    ValidationError
        If lots repeat, or either side has one that the other has not.
    """
    known = pd.Index(lots.astype("object"))
    faults = []
    if not known.is_unique:
        repeated = known[known.duplicated()]
        faults.append(f"lots: {len(repeated):,} rows repeat a parcel_id, first {repeated[0]}")
    place = known.drop_duplicates().get_indexer(pd.Index(ruled.astype("object")))
    without = np.bincount(place[place >= 0], minlength=len(known)) == 0
    if without.any() and not faults:
        faults.append(f"lots without standards: {without.sum():,}, first {known[np.argmax(without)]}")
    if (place < 0).any():
        first = ruled.iloc[int(np.argmax(place < 0))]
        faults.append(f"standards without lots: {(place < 0).sum():,} rows, first {first}")
    if faults:
        raise ValidationError("What is allowed cannot be said", faults=faults)
    return place


def _first_part(place: Indices, n_lots: int) -> Indices:
    """Row of each lot's main district: its first."""
    first = np.zeros(n_lots, dtype=np.intp)
    first[place[::-1]] = np.arange(len(place))[::-1]
    return first


def _parts(
    here: pd.DataFrame,
    law: Law,
    ruled: Mapping[str, Ruling],
    question: str,
    *,
    reasons: bool,
) -> pd.DataFrame:
    """One row per lot and district: levels by form, the asked level with its rule and reason."""
    asked = QUESTIONS[question]
    best = np.argmax([2 * ruled[form].level + (ruled[form].permitted == TRUE) for form in asked], axis=0)
    house = law.by_use["house"]
    parts: dict[str, Any] = {form: ruled[form].level for form in FORMS}
    parts["level"] = np.max([ruled[form].level for form in asked], axis=0)
    parts["binding_rule"] = np.empty(len(here), dtype=object)
    parts["reason"] = np.empty(len(here), dtype=object)
    for choice, form in enumerate(asked):
        rows = np.flatnonzero(best == choice)
        parts["binding_rule"][rows] = ruled[form].rule[rows]
        if reasons:
            parts["reason"][rows] = reason_for(ruled[form], here, law.rows(form, LAW_COLUMNS), rows)
    uncounted = law.value("house", "multi_units_max") > max(HOMES.values())
    parts["most"], parts["certain"] = _counts(ruled, uncounted)
    for name in ("zone_district", "citation", "is_split"):
        parts[name] = house[name].array.take(law.row)
    return pd.DataFrame(parts)


def _counts(
    ruled: Mapping[str, Ruling], uncounted: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Most homes allowed or in doubt, and most surely allowed; NaN where nobody can say.

    The most is unknown where a larger form's permission is unread, or where multi-family buildings,
    not counted here, are permitted.
    """
    zero = np.zeros(len(uncounted))
    most = np.maximum.reduce(
        [
            np.where((ruling.level >= MAYBE) & (ruling.permitted == TRUE), HOMES[form], zero)
            for form, ruling in ruled.items()
        ]
    )
    certain = np.maximum.reduce([np.where(r.level == TRUE, HOMES[form], zero) for form, r in ruled.items()])
    larger_unread = np.logical_or.reduce(
        [(HOMES[form] > most) & (r.permitted == MAYBE) & (r.level >= MAYBE) for form, r in ruled.items()]
    )
    untold = np.logical_and.reduce([r.permitted == MAYBE for r in ruled.values()])
    return np.where(uncounted | larger_unread, np.nan, most), np.where(untold, np.nan, certain)


def _merge_split(answer: pd.DataFrame, parts: pd.DataFrame, lot: Indices) -> None:
    """Bring the parts of split lots together in ``answer``: they decide only where they agree."""
    rows = np.unique(lot)
    grouped = parts.groupby(lot, sort=True)
    disagree = (grouped["level"].min() != grouped["level"].max()).to_numpy(bool)
    for name in (*FORMS, "level"):
        low, high = grouped[name].min().to_numpy(), grouped[name].max().to_numpy()
        answer.loc[rows, name] = np.where(low == high, low, MAYBE)
    unknown = grouped["most"].count() < grouped["most"].size()
    answer.loc[rows, "most"] = grouped["most"].max().mask(unknown).to_numpy()
    unknown = grouped["certain"].count() < grouped["certain"].size()
    answer.loc[rows, "certain"] = grouped["certain"].min().mask(unknown).to_numpy()
    names = _joined(parts["zone_district"].fillna("land without zoning"), lot, " and ")
    answer.loc[rows, "citation"] = _joined(parts["citation"].dropna(), lot, "; ", parts).reindex(rows).array
    answer.loc[rows[disagree], "binding_rule"] = "split_zoning"
    answer.loc[rows[disagree], "reason"] = (
        "The lot lies in " + names[disagree] + ", which do not give the same answer."
    ).to_numpy(object)


def _joined(texts: pd.Series, lot: Indices, separator: str, whole: pd.DataFrame | None = None) -> pd.Series:
    keys = pd.Series(lot, index=texts.index if whole is None else whole.index).reindex(texts.index)
    return texts.astype("object").groupby(keys).agg(separator.join)


def _doubt_unasked(answer: pd.DataFrame, asked: npt.NDArray[np.bool_]) -> None:
    """Mark split lots whose other districts were not given: no better than MAYBE."""
    alone = answer["is_split"].to_numpy(bool) & ~asked
    lowered = alone & (answer["level"] == TRUE).to_numpy(bool)
    for name in (*FORMS, "level"):
        answer[name] = np.where(alone & (answer[name] != FALSE), MAYBE, answer[name])
    answer.loc[lowered, "binding_rule"] = "split_zoning"
    answer.loc[lowered, "reason"] = "Part of the lot lies in another district whose rules were not asked."
    answer.loc[alone, "certain"] = answer.loc[alone, "certain"].clip(upper=0)


def _finished(answer: pd.DataFrame, lots: pd.DataFrame, policy: str, question: str) -> pd.DataFrame:
    verdict = np.array(VERDICTS, dtype=object)[answer["level"].to_numpy(np.int8)]
    rule = answer["binding_rule"].to_numpy(object)
    columns: dict[str, Any] = {
        "parcel_id": lots["parcel_id"].astype("string").array,
        "policy": policy,
        "question": question,
        "verdict": np.where(rule == "no_data", "NO DATA", verdict),
        "units_allowed": _whole(answer["most"]),
        "units_certain": _whole(answer["certain"]),
    }
    columns |= {f"is_allowed_{form}": _boolean(answer[form].to_numpy(np.int8)) for form in FORMS}
    columns |= {name: answer[name].array for name in ("binding_rule", "reason", "zone_district", "citation")}
    return pd.DataFrame(columns, index=lots.index)


def _whole(counts: pd.Series) -> pd.arrays.IntegerArray:
    numbers = counts.to_numpy(np.float64)
    return pd.arrays.IntegerArray(np.nan_to_num(numbers).astype(np.int64), np.isnan(numbers))


def _boolean(levels: Levels) -> pd.arrays.BooleanArray:
    return pd.arrays.BooleanArray(levels == TRUE, levels == MAYBE)
