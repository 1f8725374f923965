"""The sentence behind each verdict, for somebody who lives there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap.capacity.legal import COUNTED, RULES, Ruling
from densitymap.capacity.verdict import MAYBE
from densitymap.geometry import Indices

NAMES: Mapping[str, str] = {
    "house": "a house",
    "adu": "a house with an accessory home",
    "duplex": "a duplex",
    "triplex": "a triplex",
}

Texts = npt.NDArray[np.object_]

_SMALLER = " A smaller house may do."
_CLOSE = " That is too close to call from a map."


def reason_for(ruling: Ruling, lots: pd.DataFrame, standard: pd.DataFrame, rows: Indices) -> Texts:
    """Write why a form is allowed, refused or in doubt.

    Parameters
    ----------
    ruling
        What the law says of the form.
    lots
        ``lot_area_ft2`` [ft2] and ``lot_width_ft`` [ft], rows as in the ruling.
    standard
        Standards of the form, rows as in the ruling.
    rows
        Row positions wanted.

    Returns
    -------
    Array of str, one per row wanted.
    """
    rules = ruling.rule[rows]
    sentences = np.full(len(rows), "", dtype=object)
    for rule in pd.unique(rules):
        some = np.flatnonzero(rules == rule)
        facts = _facts(ruling, lots, standard, rows[some])
        sentences[some] = _SENTENCES[RULES[rule]](facts).to_numpy(object)
    return sentences


def _facts(ruling: Ruling, lots: pd.DataFrame, standard: pd.DataFrame, rows: Indices) -> pd.DataFrame:
    def of(frame: pd.DataFrame, name: str) -> Any:
        return frame[name].array.take(rows)

    area = lots["lot_area_ft2"].to_numpy(np.float64, na_value=np.nan)[rows]
    return pd.DataFrame(
        {
            "zone": of(standard, "zone_key"),
            "why": of(standard, "zone_reason"),
            "overlays": of(standard, "zone_overlays"),
            "basis": of(standard, "far_basis"),
            "multi": of(standard, "multi_units_max"),
            "width": of(lots, "lot_width_ft"),
            "area": area,
            "width_min": of(standard, "lot_width_min_ft"),
            "area_min": of(standard, "lot_area_min_ft2"),
            "floor_max": of(standard, "floor_area_max_ft2"),
            "covered_max": of(standard, "coverage_max") * area,
            "floor_need": ruling.floor_area_ft2[rows],
            "covered_need": ruling.covered_ft2[rows],
            "unsure": ruling.level[rows] == MAYBE,
            "form": NAMES[ruling.form],
            "building": NAMES[ruling.form].removeprefix("a "),
        }
    ).assign(zone=lambda facts: facts["zone"].astype("object").fillna("this zoning"))


def shown(values: pd.Series) -> pd.Series:
    """Write numbers as people do: at most one decimal, none that says nothing.

    Examples
    --------
    >>> shown(pd.Series([50.0, 69.5, 8000.0])).tolist()
    ['50', '69.5', '8,000']
    """
    numbers = values.to_numpy(np.float64, na_value=np.nan).round(1)
    distinct, codes = np.unique(numbers, return_inverse=True)
    texts = [f"{number:,.1f}".removesuffix(".0") for number in distinct]
    return pd.Series(np.array(texts, dtype=object)[codes], index=values.index)


def _width(facts: pd.DataFrame) -> pd.Series:
    told = "The lot is " + shown(facts["width"]) + " ft wide; " + facts["zone"]
    told += " asks for " + shown(facts["width_min"]) + "."
    return _known(told, facts, ("width", "width_min"), "lot width")


def _area(facts: pd.DataFrame) -> pd.Series:
    told = "The lot has " + shown(facts["area"].round()) + " sq ft; " + facts["zone"]
    told += " asks for " + shown(facts["area_min"]) + "."
    return _known(told, facts, ("area", "area_min"), "lot area")


def _floor_area(facts: pd.DataFrame) -> pd.Series:
    told = "The smallest " + facts["building"] + " we test has " + shown(facts["floor_need"].round())
    told += " sq ft of floor; the lot may have " + shown(facts["floor_max"].round()) + "."
    gross = facts["unsure"] & (facts["basis"] != "net")
    said = _known(told, facts, ("floor_max", "floor_need"), "floor area")
    street = told + " Counting part of the street, as the code may, the lot could have more."
    return said.where(~(gross & facts["floor_max"].notna()), street)


def _coverage(facts: pd.DataFrame) -> pd.Series:
    told = "The smallest " + facts["building"] + " we test covers " + shown(facts["covered_need"].round())
    told += " sq ft with its paving; the lot may have " + shown(facts["covered_max"].round()) + " covered."
    return _known(told, facts, ("covered_max", "covered_need"), "coverage")


def _lot_of_record(facts: pd.DataFrame) -> pd.Series:
    narrow = facts["width"] < facts["width_min"]
    short = _width(facts.assign(unsure=False)).where(narrow, _area(facts.assign(unsure=False)))
    return short + " A lot of record may be exempt; nobody has checked whether it is one."


def _known(told: pd.Series, facts: pd.DataFrame, names: tuple[str, str], what: str) -> pd.Series:
    """Give the sentence where both numbers are known, else say which one nobody knows."""
    have, limit = facts[names[0]], facts[names[1]]
    is_legal = names[1].endswith("_min")
    smaller = facts["building"].str.startswith("house") & (limit > have) & (not is_legal)
    told = told + np.where(facts["unsure"], np.where(smaller, _SMALLER, _CLOSE), "")
    told = told.where(
        have.notna() & limit.notna(), f"Nobody has read what {what} " + facts["zone"] + " sets."
    )
    measured = have if is_legal else facts["area"]
    return told.where(measured.notna(), f"The {what if is_legal else 'lot area'} is not known.")


def _not_permitted(facts: pd.DataFrame) -> pd.Series:
    counted = max(COUNTED.values())
    larger = np.select(
        [facts["multi"] > counted, facts["multi"] > 0],
        [" It allows larger buildings, which are not counted here.", " It allows larger buildings."],
        "",
    )
    return facts["zone"] + " does not allow " + facts["form"] + "." + larger


def _unread(facts: pd.DataFrame) -> pd.Series:
    why = facts["why"].fillna("its rule for this form is unread")
    return "Nobody has read whether " + facts["zone"] + f" allows {_form(facts)}: " + why + "."


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
