"""How many homes the law allows on each lot, and which rule stops one more.

This is law only: area, width, floor area and coverage against the smallest building of each form.
Whether that building fits between the yards is another question (``capacity.fits``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap.capacity.reasons import reason_for
from densitymap.capacity.rules import load_buildings, load_rules
from densitymap.capacity.verdict import Margins
from densitymap.errors import ValidationError
from densitymap.geometry import Floats

Known = pd.arrays.BooleanArray
"""A nullable boolean: unknown is a value, and FALSE and unknown is FALSE."""

FORMS = ("house", "adu", "duplex", "triplex")
HOMES = {"house": 1, "adu": 2, "duplex": 2, "triplex": 3}
"""Homes on the lot if the form is built; an accessory home comes with its house."""

SECOND_HOME = "second_home"
QUESTIONS: dict[str, tuple[str, ...]] = {
    SECOND_HOME: ("adu", "duplex"),
    "house": ("house",),
    "adu": ("adu",),
    "duplex": ("duplex",),
    "triplex": ("triplex",),
}
"""What may be asked of a lot, and the forms that answer it (any one is enough)."""

CHECKS = ("use_permitted", "lot_width", "lot_area", "floor_area", "coverage")
EXACT = Margins(length_ft=0.0, share=0.0)
"""Margins for a lot whose measures are given, not measured."""

_LOWER_BOUND = ("gross", "unstated", "elective")
"""Bases on which the ratio times the net lot is less than the law may give."""


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """What the law says of one form on each part of each lot.

    Attributes
    ----------
    allowed
        The verdict.
    binding_rule
        Rule that breaks it or leaves it in doubt; ``units_max`` where allowed.
    checks
        One nullable boolean per rule of :data:`CHECKS`, and ``minimums``.
    """

    form: str
    allowed: Known
    binding_rule: npt.NDArray[np.object_]
    checks: pd.DataFrame


def measured_margins() -> Margins:
    """Give the slack below which a measured lot is too close to call, from ``catalog/fit``."""
    rules = load_rules()
    return Margins(length_ft=rules["margin_length_ft"], share=rules["margin_share"])


def smallest_needs(buildings: pd.DataFrame) -> pd.DataFrame:
    """Least floor area and covered area [ft2] each form needs, by form.

    Covered area is the smallest footprint of the form and its paving; an accessory home adds the
    smallest house. ``building_ft2`` is the floor area of the form's own smallest building.
    """
    rules = load_rules()
    dwellings = buildings[buildings["is_dwelling"].astype(bool)]
    least = dwellings.groupby("use")[["floor_area_ft2", "footprint_ft2"]].min().reindex(FORMS)
    needs = least.rename(columns={"footprint_ft2": "covered_ft2"})
    needs["building_ft2"] = needs["floor_area_ft2"]
    for column in ("floor_area_ft2", "covered_ft2"):
        needs.loc["adu", column] += needs.loc["house", column]
    homes = pd.Series(HOMES).reindex(needs.index)
    needs["covered_ft2"] += rules["paving_base_ft2"] + rules["paving_per_unit_ft2"] * homes
    return needs


def units_allowed(
    lots: pd.DataFrame,
    standards: pd.DataFrame,
    *,
    policy: str,
    question: str = SECOND_HOME,
    margins: Margins | None = None,
    buildings: pd.DataFrame | None = None,
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

    Returns
    -------
    DataFrame
        Table ``allowed``, one row per lot in the order of ``lots``. ``units_allowed`` counts what the
        law allows or may allow, ``units_certain`` only what it surely allows; both are missing where
        nobody has read which homes the district permits.

    Raises
    ------
    ValidationError
        If lots repeat, columns are absent, or the question is unknown.
    """
    _refuse_bad_input(lots, standards, question)
    needs = smallest_needs(load_buildings() if buildings is None else buildings)
    margins = margins or measured_margins()
    forms = {form: _of_form(standards, form) for form in FORMS}
    place = pd.Index(lots["parcel_id"].astype("string")).get_indexer(
        pd.Index(forms["house"]["parcel_id"].astype("string"))
    )
    here = lots.iloc[place].reset_index(drop=True)
    rulings = _rulings(here, forms, needs, margins)
    parts = _parts(here, forms, rulings, needs, question)
    answer = _one_per_lot(parts, place, len(lots))
    answer.insert(0, "parcel_id", lots["parcel_id"].astype("string").to_numpy())
    answer.insert(1, "policy", policy)
    answer["question"] = question
    return answer.set_axis(lots.index)


def _refuse_bad_input(lots: pd.DataFrame, standards: pd.DataFrame, question: str) -> None:
    wanted = ("parcel_id", "lot_area_ft2", "lot_width_ft")
    faults = [f"lots: {name} is absent" for name in wanted if name not in lots]
    if question not in QUESTIONS:
        faults.append(f"question must be one of {', '.join(QUESTIONS)}, not {question!r}")
    if not faults and lots["parcel_id"].duplicated().any():
        first = lots.loc[lots["parcel_id"].duplicated(), "parcel_id"].iloc[0]
        faults.append(f"lots: parcel_id is repeated, first {first}")
    missing = [form for form in FORMS if form not in set(standards["use"].unique())]
    if len(standards) and missing:
        faults.append(f"standards have no rows for {', '.join(missing)}")
    if not faults and not standards["parcel_id"].isin(lots["parcel_id"].astype("string")).all():
        faults.append("standards speak of lots that are not given")
    if faults:
        raise ValidationError("What is allowed cannot be said", faults=faults)


def _of_form(standards: pd.DataFrame, form: str) -> pd.DataFrame:
    return standards[(standards["use"] == form).to_numpy()].reset_index(drop=True)


def _rulings(
    here: pd.DataFrame, forms: dict[str, pd.DataFrame], needs: pd.DataFrame, margins: Margins
) -> dict[str, Ruling]:
    house = _permitted(forms["house"], "house")
    rulings = {}
    for form, standard in forms.items():
        checks = pd.DataFrame({"use_permitted": _permitted(standard, form)})
        if form == "adu":
            checks["use_permitted"] &= pd.Series(house)
        checks["lot_width"] = _at_least(
            _floats(here, "lot_width_ft"), _floats(standard, "lot_width_min_ft"), margins, length=True
        )
        checks["lot_area"] = _at_least(
            _floats(here, "lot_area_ft2"), _floats(standard, "lot_area_min_ft2"), margins
        )
        checks["floor_area"] = _floor_area(standard, form, needs, margins)
        covered = _floats(standard, "coverage_max") * _floats(here, "lot_area_ft2")
        checks["coverage"] = _at_least(covered, _need(standard, form, needs, "covered_ft2"), margins)
        waived = _waived(standard, here)
        checks["minimums"] = (checks["lot_width"] & checks["lot_area"]) | pd.Series(waived)
        rulings[form] = _ruling(form, checks, standard)
    return rulings


def _permitted(standard: pd.DataFrame, form: str) -> Known:
    own = 1 if form == "adu" else HOMES[form]
    use = _known(_floats(standard, "units_max") >= own, np.isnan(_floats(standard, "units_max")))
    total = _floats(standard, "lot_units_max")
    return use & _known(total >= HOMES[form], np.isnan(total))


def _floor_area(standard: pd.DataFrame, form: str, needs: pd.DataFrame, margins: Margins) -> Known:
    cap = _floats(standard, "floor_area_max_ft2")
    enough = _at_least(cap, _need(standard, form, needs, "floor_area_ft2"), margins)
    if form == "adu":
        detached = _floats(standard, "adu_floor_area_max_ft2")
        own = np.full(len(detached), needs.loc[form, "building_ft2"])
        enough &= _at_least(detached, own, EXACT) | _known(_attached(standard), np.zeros(len(own), bool))
    lower_bound = standard["far_basis"].isin(_LOWER_BOUND).to_numpy(bool)
    short = lower_bound & ~enough.to_numpy(bool, na_value=True)
    return _known(enough.to_numpy(bool, na_value=False), enough.isna() | short)


def _attached(standard: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Whether an accessory home may be carved out of the house, which then needs no more room."""
    least = np.fmax(_floats(standard, "adu_attached_floor_area_min_ft2"), 1.0)
    return _floats(standard, "adu_attached_floor_area_max_ft2") >= least


def _need(standard: pd.DataFrame, form: str, needs: pd.DataFrame, what: str) -> Floats:
    """What the form needs [ft2] on each lot; an accessory home inside the house only its paving more."""
    need = np.full(len(standard), needs.loc[form, what])
    if form != "adu":
        return need
    paving = load_rules()["paving_per_unit_ft2"] if what == "covered_ft2" else 0.0
    return np.where(_attached(standard), needs.loc["house", what] + paving, need)


def _waived(standard: pd.DataFrame, here: pd.DataFrame) -> Known:
    """Whether the minimums do not count: for every lot, or for a lot of record."""
    every = _floats(standard, "existing_lot_exempt") == 1
    record = _floats(standard, "lot_of_record_exempt")
    of_record = here.get("is_lot_of_record", pd.Series(pd.NA, index=here.index))
    is_record = pd.array(of_record.astype("boolean"), dtype="boolean")
    return _known(every, np.zeros(len(every), bool)) | (_known(record == 1, np.isnan(record)) & is_record)


def _at_least(measured: Floats, limit: Floats, margins: Margins, *, length: bool = False) -> Known:
    """Whether what there is reaches what is asked; unknown where missing or too close to call."""
    with np.errstate(invalid="ignore"):
        slack = np.abs(measured - limit)
        finite = np.isfinite(limit) & np.isfinite(measured)
        close = finite & (slack < margins.share * np.where(finite, limit, 0.0))
        if length:
            close |= finite & (slack < margins.length_ft)
        close &= limit > 0
    return _known(measured >= limit, np.isnan(measured) | np.isnan(limit) | close)


def _known(values: Any, unknown: Any) -> Known:
    return pd.arrays.BooleanArray(np.asarray(values, bool), np.array(unknown, bool))


def _floats(frame: pd.DataFrame, name: str) -> Floats:
    return frame[name].to_numpy(np.float64, na_value=np.nan)


def _ruling(form: str, checks: pd.DataFrame, standard: pd.DataFrame) -> Ruling:
    met = checks["use_permitted"] & checks["minimums"] & checks["floor_area"] & checks["coverage"]
    doubt, why = _doubts(standard)
    broken = met.eq(False).fillna(False).to_numpy(bool)
    unsure = met.isna().to_numpy()
    rule = np.full(len(met), "units_max", dtype=object)
    rule[doubt & ~broken & ~unsure] = why[doubt & ~broken & ~unsure]
    for state, rows in ((False, broken), (pd.NA, unsure)):
        rule[rows] = _first(checks[rows], state)
    no_data = standard["zone_district"].isna().to_numpy()
    rule[no_data] = "no_data"
    allowed = pd.array(met.where(~(doubt & ~broken)), dtype="boolean")
    return Ruling(form=form, allowed=allowed, binding_rule=rule, checks=checks)


def _doubts(standard: pd.DataFrame) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.object_]]:
    """Where no verdict can be better than MAYBE, and the rule to name."""
    conditional = standard["is_conditional"].to_numpy(bool)
    overlay = standard["zone_overlays"].notna().to_numpy()
    unread = (standard["zone_status"] != "read").to_numpy(bool, na_value=True)
    why = np.select([unread, conditional, overlay], ["unread", "council_condition", "overlay"], "")
    return unread | conditional | overlay, why.astype(object)


def _first(checks: pd.DataFrame, state: Any) -> npt.NDArray[np.object_]:
    """Name the first rule in that state; a minimum counts only where it is not waived."""
    unknown = state is pd.NA

    def holds(name: str) -> npt.NDArray[np.bool_]:
        return (checks[name].isna() if unknown else checks[name].eq(False).fillna(False)).to_numpy(bool)

    minimums = holds("minimums")
    certain = (checks["lot_width"] & checks["lot_area"]).eq(False).fillna(False).to_numpy(bool)
    conditions = [
        holds("use_permitted"),
        minimums & unknown & certain,
        minimums & holds("lot_width"),
        minimums & holds("lot_area"),
        holds("floor_area"),
        holds("coverage"),
    ]
    first = "unread" if unknown else "use_not_permitted"
    names = [first, "lot_of_record", "lot_width", "lot_area", "floor_area", "coverage"]
    return np.select(conditions, names, "").astype(object)


def _parts(
    here: pd.DataFrame,
    forms: dict[str, pd.DataFrame],
    rulings: dict[str, Ruling],
    needs: pd.DataFrame,
    question: str,
) -> pd.DataFrame:
    """One row per lot and district: verdicts by form, the asked verdict with its rule and reason."""
    asked = QUESTIONS[question]
    parts = pd.DataFrame({f"is_allowed_{form}": rulings[form].allowed for form in FORMS})
    uncounted = _floats(forms["house"], "multi_units_max") > max(HOMES.values())
    parts["units_allowed"], parts["units_certain"] = _counts(rulings, uncounted)
    best = _best([rulings[form] for form in asked])
    for name in ("binding_rule", "reason"):
        parts[name] = pd.Series(index=parts.index, dtype="object")
    allowed = np.array(
        [rulings[form].allowed.to_numpy(object, na_value=None) for form in asked], dtype=object
    )
    parts["verdict_known"] = pd.array(allowed[best, np.arange(len(here))], dtype="boolean")
    for choice, form in enumerate(asked):
        rows = np.flatnonzero(best == choice)
        ruling, standard = rulings[form], forms[form]
        parts.loc[rows, "binding_rule"] = ruling.binding_rule[rows]
        told = pd.DataFrame(
            {
                "binding_rule": ruling.binding_rule[rows],
                "is_unsure": ruling.allowed.isna()[rows],
                "floor_area_ft2": _need(standard, form, needs, "floor_area_ft2")[rows],
                "covered_ft2": _need(standard, form, needs, "covered_ft2")[rows],
            }
        )
        parts.loc[rows, "reason"] = reason_for(form, told, here.take(rows), standard.take(rows))
    parts["zone_district"] = forms[asked[0]]["zone_district"]
    parts["citation"] = forms[asked[0]]["citation"]
    parts["is_split"] = forms[asked[0]]["is_split"].to_numpy(bool)
    return parts


def _best(rulings: Sequence[Ruling]) -> npt.NDArray[np.intp]:
    """Which form answers best on each part: allowed before in doubt before refused, the first on a tie."""
    scores = [
        np.where(ruling.allowed.isna(), 1, 2 * ruling.allowed.to_numpy(bool, na_value=False))
        for ruling in rulings
    ]
    return np.argmax(np.array(scores), axis=0)


def _counts(rulings: dict[str, Ruling], uncounted: npt.NDArray[np.bool_]) -> tuple[pd.Series, pd.Series]:
    """Most homes that are allowed or in doubt, and most that are surely allowed.

    Where the district allows multi-family buildings the most is not counted here: it is missing.
    """
    size = len(rulings["house"].allowed)
    most, certain = np.zeros(size), np.zeros(size)
    told = np.zeros(size, bool)
    for form, ruling in rulings.items():
        permitted = ruling.checks["use_permitted"]
        surely = ruling.allowed.to_numpy(bool, na_value=False)
        perhaps = ruling.allowed.isna() & permitted.fillna(False).to_numpy(bool)
        certain = np.maximum(certain, np.where(surely, HOMES[form], 0))
        most = np.maximum(most, np.where(surely | perhaps, HOMES[form], 0))
        told |= permitted.notna().to_numpy()
    upper = pd.Series(most).where(pd.Series(told & ~uncounted)).astype("Int64")
    return upper, pd.Series(certain).where(pd.Series(told)).astype("Int64")


def _one_per_lot(parts: pd.DataFrame, place: npt.NDArray[np.intp], n_lots: int) -> pd.DataFrame:
    """Bring parts of split lots together: they decide only where they agree."""
    first = np.full(n_lots, -1, dtype=np.intp)
    first[place[::-1]] = np.arange(len(place))[::-1]
    answer = parts.take(first).reset_index(drop=True)
    if (first < 0).any():
        raise ValidationError("Some lots have no standards", faults=[f"{int((first < 0).sum()):,} lots"])
    several = np.bincount(place, minlength=n_lots)[place] > 1
    if several.any():
        answer = _merge_split(answer, parts[several], place[several])
    verdicts = answer.pop("verdict_known")
    words = np.where(verdicts.isna(), "MAYBE", np.where(verdicts.fillna(False), "TRUE", "FALSE"))
    answer["verdict"] = np.where(answer["binding_rule"] == "no_data", "NO DATA", words)
    alone = answer["is_split"].to_numpy(bool) & (answer["verdict"] == "TRUE").to_numpy(bool)
    alone &= ~np.isin(np.arange(n_lots), place[several])
    answer.loc[alone, "verdict"] = "MAYBE"
    answer.loc[alone, "binding_rule"] = "split_zoning"
    answer.loc[alone, "reason"] = "Part of the lot lies in another district whose rules were not asked."
    return answer.drop(columns="is_split")


def _merge_split(answer: pd.DataFrame, parts: pd.DataFrame, lot: npt.NDArray[np.intp]) -> pd.DataFrame:
    grouped = parts.groupby(lot, sort=True)
    rows = np.unique(lot)
    for name in [*(f"is_allowed_{form}" for form in FORMS), "verdict_known"]:
        values = parts[name]
        yes = values.eq(True).fillna(False).groupby(lot).all()
        no = values.eq(False).fillna(False).groupby(lot).all()
        agreed = pd.array(np.where(yes, 1.0, np.where(no, 0.0, np.nan)), dtype="Float64").astype("boolean")
        answer.loc[rows, name] = agreed
        if name == "verdict_known":
            disagree = rows[np.asarray(agreed.isna()) & (grouped[name].count() > 0).to_numpy()]
    answer.loc[rows, "units_allowed"] = grouped["units_allowed"].max().array
    answer.loc[rows, "units_certain"] = grouped["units_certain"].min().array
    names = parts["zone_district"].fillna("a district nobody mapped").groupby(lot).agg(" and ".join)
    answer.loc[rows, "zone_district"] = parts["zone_district"].groupby(lot).first().array
    answer.loc[rows, "citation"] = parts["citation"].dropna().groupby(lot).agg("; ".join).reindex(rows).array
    answer.loc[disagree, "binding_rule"] = "split_zoning"
    answer.loc[disagree, "reason"] = [
        f"The lot lies in {districts}, whose rules do not give the same answer."
        for districts in names.reindex(disagree)
    ]
    return answer
