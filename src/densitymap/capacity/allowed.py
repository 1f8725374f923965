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
    CODE,
    COUNTED,
    FORMS,
    HOMES,
    LARGER,
    LAW_COLUMNS,
    RULES,
    Ruling,
    measured_margins,
    rulings,
    smallest_needs,
)
from densitymap.capacity.reasons import reason_for
from densitymap.capacity.rules import load_buildings
from densitymap.capacity.verdict import FALSE, MAYBE, TRUE, VERDICTS, Flags, Levels, Margins
from densitymap.errors import ValidationError
from densitymap.geometry import Floats, Indices

Answer = dict[str, npt.NDArray[Any]]
"""What is said, an entry per lot, or per lot and district."""
Cited = tuple[Indices, pd.Series]
"""Texts, and which of them each lot has."""

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
        nobody has read which homes the district permits. With standards of larger forms also
        ``is_allowed_<form>`` of each, FALSE where nobody has read it or multi-family homes are not counted.

    Raises
    ------
    ValidationError
        If lots repeat, columns are absent, the question is unknown, or lots and standards differ.
    """
    _refuse_bad_input(lots, standards, question)
    forms = {
        form: standards.take(np.flatnonzero(standards["use"] == form))
        for form in COUNTED
        if form in FORMS or (standards["use"] == form).any()
    }
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
    answer = {name: values[first] for name, values in parts.items()}
    several = np.bincount(place, minlength=len(lots)) > 1
    citation = answer["zone"], _texts(law, "citation")
    if several.any():
        citation = _merge_split(answer, parts, law, place)
    _doubt_unasked(answer, law.by_use["house"]["is_split"].to_numpy(bool)[answer["zone"]] & ~several)
    return _finished(answer, lots, (policy, question), (_texts(law, "zone_district"), citation))


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
) -> Answer:
    """One entry per lot and district: levels by form, the asked level with its rule and reason."""
    asked = QUESTIONS[question]
    best = np.argmax([2 * ruled[form].level + (ruled[form].permitted == TRUE) for form in asked], axis=0)
    rule, reason = ruled[asked[0]].rule.copy(), np.empty(len(here), dtype=object)
    for choice, form in enumerate(asked):
        rows = np.flatnonzero(best == choice)
        rule[rows] = ruled[form].rule[rows]
        if reasons:
            reason[rows] = reason_for(ruled[form], here, law.rows(form, LAW_COLUMNS), rows)
    uncounted = law.distinct().value("house", "multi_units_max") > max(COUNTED.values())
    most, certain = _counts(ruled, uncounted[law.row])
    level = np.maximum.reduce([ruled[form].level for form in asked])
    told = {"level": level, "rule": rule, "reason": reason, "most": most, "certain": certain}
    larger = {form: _where_given(ruled[form], uncounted[law.row]) for form in LARGER if form in ruled}
    return {form: ruled[form].level for form in FORMS} | larger | told | {"zone": law.row}


def _where_given(ruling: Ruling, uncounted: Flags) -> Levels:
    """Level of a larger form where the code surely gives it and its homes are counted; else FALSE."""
    given = (ruling.permitted == TRUE) & ~uncounted
    return np.where(given, ruling.level, np.int8(FALSE))


def _told(answer: Answer) -> list[str]:
    """Forms with a verdict of their own: the larger ones only where some code gives them."""
    return [form for form in COUNTED if form in answer]


def _counts(
    ruled: Mapping[str, Ruling], uncounted: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Most homes allowed or in doubt, and most surely allowed; NaN where nobody can say.

    The most is unknown where a larger form's permission is unread, or where multi-family buildings
    of more homes than are counted here are permitted.
    """
    none = np.zeros(len(uncounted), dtype=np.int8)
    most, certain = none, none
    for form, ruling in ruled.items():
        homes = np.where(uncounted & (form in LARGER), none, np.int8(COUNTED[form]))
        may = (ruling.level >= MAYBE) & (ruling.permitted == TRUE)
        most = np.maximum(most, np.where(may, homes, none))
        certain = np.maximum(certain, np.where(ruling.level == TRUE, homes, none))
    told = {form: ruled[form] for form in FORMS}
    larger_unread = np.logical_or.reduce(
        [(HOMES[form] > most) & (r.permitted == MAYBE) & (r.level >= MAYBE) for form, r in told.items()]
    )
    untold = np.logical_and.reduce([r.permitted == MAYBE for r in told.values()])
    return np.where(uncounted | larger_unread, np.nan, most), np.where(untold, np.nan, certain)


def _merge_split(answer: Answer, parts: Answer, law: Law, place: Indices) -> Cited:
    """Bring the parts of split lots together in ``answer``: they decide only where they agree."""
    rows, start = _runs(place)
    lots = place[rows][start]
    agreed = {name: _agreed(parts[name][rows], start) for name in (*_told(parts), "level")}
    disagree = lots[agreed["level"][1]]
    for name, (level, _) in agreed.items():
        answer[name][lots] = level
    answer["most"][lots] = np.maximum.reduceat(parts["most"][rows], start)  # NaN stays NaN
    answer["certain"][lots] = np.minimum.reduceat(parts["certain"][rows], start)
    zones, apart = parts["zone"][rows], agreed["level"][1]
    names, named = _joined(_texts(law, "zone_district").fillna("land without zoning"), zones, start, " and ")
    answer["rule"][disagree] = CODE["split_zoning"]
    sentences = "The lot lies in " + names + ", which do not give the same answer."
    answer["reason"][disagree] = sentences.to_numpy(object)[named[apart]]
    texts, joined = _joined(_texts(law, "citation"), zones, start, "; ")
    codes = answer["zone"].copy()
    codes[lots] = len(law.by_use["house"]) + joined
    return codes, pd.concat([_texts(law, "citation"), texts], ignore_index=True)


def _runs(place: Indices) -> tuple[Indices, Indices]:
    """Rows of the lots in several parts, lot by lot, and where among them each lot starts."""
    rows = np.flatnonzero(np.bincount(place)[place] > 1)
    rows = rows[np.argsort(place[rows], kind="stable")]
    return rows, np.flatnonzero(np.diff(place[rows], prepend=-1))


def _agreed(levels: Levels, start: Indices) -> tuple[Levels, Flags]:
    """Level of each lot, MAYBE where its parts differ; and where they do."""
    low, high = np.minimum.reduceat(levels, start), np.maximum.reduceat(levels, start)
    return np.where(low == high, low, np.int8(MAYBE)), low != high


def _joined(texts: pd.Series, zones: Indices, start: Indices, separator: str) -> tuple[pd.Series, Indices]:
    """Texts of each lot's districts as one, each distinct once; and which of them each lot has."""
    count = np.diff(start, append=len(zones))
    nth = np.arange(len(zones)) - np.repeat(start, count)
    table = np.full((len(start), count.max()), -1, dtype=np.intp)
    table[np.repeat(np.arange(len(start)), count), nth] = zones
    distinct, which = np.unique(table, axis=0, return_inverse=True)
    whole = [separator.join(texts.iloc[row[row >= 0]].dropna()) or None for row in distinct]
    return pd.Series(whole, dtype=texts.dtype), which.ravel()


def _texts(law: Law, name: str) -> pd.Series:
    return law.by_use["house"][name].reset_index(drop=True)


def _doubt_unasked(answer: Answer, alone: Flags) -> None:
    """Mark split lots whose other districts were not given: no better than MAYBE."""
    rows = np.flatnonzero(alone)
    lowered = rows[answer["level"][rows] == TRUE]
    for name in (*_told(answer), "level"):
        answer[name][rows] = np.minimum(answer[name][rows], MAYBE)
    answer["rule"][lowered] = CODE["split_zoning"]
    answer["reason"][lowered] = "Part of the lot lies in another district whose rules were not asked."
    answer["certain"][rows] = np.minimum(answer["certain"][rows], 0.0)


def _finished(
    answer: Answer, lots: pd.DataFrame, asked: tuple[str, str], texts: tuple[pd.Series, Cited]
) -> pd.DataFrame:
    district, (code, citation) = texts
    rule = answer["rule"]
    verdict = np.where(rule == CODE["no_data"], np.int8(len(VERDICTS)), answer["level"])
    columns: dict[str, Any] = {
        "parcel_id": lots["parcel_id"].astype("string").array,
        "policy": asked[0],
        "question": asked[1],
        "verdict": np.array((*VERDICTS, "NO DATA"), dtype=object)[verdict],
        "units_allowed": _whole(answer["most"]),
        "units_certain": _whole(answer["certain"]),
    }
    columns |= {f"is_allowed_{form}": _boolean(answer[form]) for form in _told(answer)}
    columns["binding_rule"] = np.array(RULES, dtype=object)[rule]
    columns["reason"] = answer["reason"]
    columns["zone_district"] = district.array.take(answer["zone"])
    columns["citation"] = citation.array.take(code)
    return pd.DataFrame(columns, index=lots.index)


def _whole(numbers: Floats) -> pd.arrays.IntegerArray:
    return pd.arrays.IntegerArray(np.nan_to_num(numbers).astype(np.int64), np.isnan(numbers))


def _boolean(levels: Levels) -> pd.arrays.BooleanArray:
    return pd.arrays.BooleanArray(levels == TRUE, levels == MAYBE)
