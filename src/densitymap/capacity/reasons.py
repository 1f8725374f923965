"""The sentence behind each verdict, for somebody who lives there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

NAMES: Mapping[str, str] = {
    "house": "a house",
    "adu": "a house with an accessory home",
    "duplex": "a duplex",
    "triplex": "a triplex",
}

Texts = npt.NDArray[np.object_]

_CLOSE = " That is too close to call from a map."


def reason_for(form: str, ruling: pd.DataFrame, lots: pd.DataFrame, standard: pd.DataFrame) -> Texts:
    """Write why the form is allowed, refused or in doubt.

    Parameters
    ----------
    form
        Key of :data:`NAMES`.
    ruling
        ``binding_rule``, ``is_unsure`` (whether the rule leaves a doubt), and ``floor_area_ft2`` and
        ``covered_ft2`` that the smallest such building needs [ft2], one row per lot.
    lots
        ``lot_area_ft2`` [ft2] and ``lot_width_ft`` [ft], same rows.
    standard
        Standards of that form, same rows.

    Returns
    -------
    Array of str, one per row.
    """
    facts = pd.DataFrame(
        {
            "zone": standard["zone_key"].fillna(standard["zone_district"]).astype("object").array,
            "why": standard["zone_reason"].astype("object").array,
            "overlays": standard["zone_overlays"].astype("object").array,
            "basis": standard["far_basis"].astype("object").array,
            "width": lots["lot_width_ft"].array,
            "area": lots["lot_area_ft2"].array,
            "width_min": standard["lot_width_min_ft"].array,
            "area_min": standard["lot_area_min_ft2"].array,
            "floor_max": standard["floor_area_max_ft2"].array,
            "covered_max": standard["coverage_max"].array * lots["lot_area_ft2"].to_numpy(np.float64),
            "multi": standard["multi_units_max"].array,
            "unsure": ruling["is_unsure"].array,
        }
    ).assign(
        form=NAMES[form],
        floor_need=ruling["floor_area_ft2"].array,
        covered_need=ruling["covered_ft2"].array,
    )
    sentences = np.full(len(ruling), "", dtype=object)
    rules = ruling["binding_rule"].to_numpy(object)
    for rule in pd.unique(rules):
        rows = np.flatnonzero(rules == rule)
        sentences[rows] = _SENTENCES[rule](facts.take(rows)).to_numpy(object)
    return sentences


def shown(values: pd.Series) -> pd.Series:
    """Write numbers as people do: at most one decimal, none that says nothing.

    Examples
    --------
    >>> shown(pd.Series([50.0, 69.55, 8000.0])).tolist()
    ['50', '69.5', '8,000']
    """
    return values.astype("float64").map("{:,.1f}".format).astype("object").str.removesuffix(".0")


def _width(facts: pd.DataFrame) -> pd.Series:
    told = "The lot is " + shown(facts["width"]) + " ft wide; " + facts["zone"]
    told += " asks for " + shown(facts["width_min"]) + "."
    return _known(told, facts, ("width", "width_min"), "lot width")


def _area(facts: pd.DataFrame) -> pd.Series:
    told = "The lot has " + shown(facts["area"].round()) + " sq ft; " + facts["zone"]
    told += " asks for " + shown(facts["area_min"]) + "."
    return _known(told, facts, ("area", "area_min"), "lot area")


def _floor_area(facts: pd.DataFrame) -> pd.Series:
    told = "The smallest building for " + facts["form"] + " has " + shown(facts["floor_need"].round())
    told += " sq ft of floor; the lot may have " + shown(facts["floor_max"].round()) + "."
    gross = facts["unsure"] & (facts["basis"] != "net")
    said = _known(told, facts, ("floor_max", "floor_need"), "floor area")
    street = told + " Counting part of the street, as the code may, the lot could have more."
    return said.where(~(gross & facts["floor_max"].notna()), street)


def _coverage(facts: pd.DataFrame) -> pd.Series:
    told = "The smallest building for " + facts["form"] + " covers " + shown(facts["covered_need"].round())
    told += " sq ft with its paving; the lot may have " + shown(facts["covered_max"].round()) + " covered."
    return _known(told, facts, ("covered_max", "covered_need"), "coverage")


def _lot_of_record(facts: pd.DataFrame) -> pd.Series:
    narrow = facts["width"] < facts["width_min"]
    short = _width(facts.assign(unsure=False)).where(narrow, _area(facts.assign(unsure=False)))
    return short + " Only a lot of record may have " + facts["form"] + ", and nobody has checked that."


def _known(told: pd.Series, facts: pd.DataFrame, names: tuple[str, str], what: str) -> pd.Series:
    """Give the sentence where both numbers are known, else say which one nobody knows."""
    have, limit = facts[names[0]], facts[names[1]]
    told = told + np.where(facts["unsure"], _CLOSE, "")
    told = told.where(
        have.notna() & limit.notna(), f"Nobody has read what {what} " + facts["zone"] + " sets."
    )
    measured = have if names[1].endswith("_min") else facts["area"]
    return told.where(measured.notna(), f"The {what if measured is have else 'lot area'} is not known.")


def _not_permitted(facts: pd.DataFrame) -> pd.Series:
    larger = np.where(facts["multi"] > 0, " It allows larger buildings, which are not counted here.", "")
    return facts["zone"] + " does not allow " + facts["form"] + "." + larger


def _unread(facts: pd.DataFrame) -> pd.Series:
    why = facts["why"].fillna("its rule for this form is unread")
    return (
        "Nobody has read whether "
        + facts["zone"].fillna("this zoning")
        + f" allows {_form(facts)}: "
        + why
        + "."
    )


def _form(facts: pd.DataFrame) -> str:
    return str(facts["form"].iloc[0])


_SENTENCES: Mapping[str, Callable[[pd.DataFrame], pd.Series]] = {
    "use_not_permitted": _not_permitted,
    "lot_width": _width,
    "lot_area": _area,
    "floor_area": _floor_area,
    "coverage": _coverage,
    "lot_of_record": _lot_of_record,
    "unread": _unread,
    "council_condition": lambda facts: (
        facts["zone"]
        + " would allow "
        + facts["form"]
        + ", but a council condition (-C) nobody has read may not."
    ),
    "overlay": lambda facts: (
        facts["zone"] + " would allow " + facts["form"] + "; the overlay " + facts["overlays"] + " may not."
    ),
    "units_max": lambda facts: "The lot meets what " + facts["zone"] + " asks for " + facts["form"] + ".",
    "no_data": lambda facts: pd.Series("No zoning polygon covers the lot.", index=facts.index),
}
"""How each binding rule is told."""
