"""The Urban Displacement Project's typology: decision lists over four points in time.

An independent implementation of the published definition (reference/displacement.md, section 1);
every number is in ``catalog/typologies``. Arrays end in the tract axis; a leading axis, if any, is
the draw, and regional medians are taken anew in each. The published treatment of missing values is
kept: a missing level is "not above" the region, a missing class input makes the class missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

CLASSES = ("LISD", "OD", "ARG", "EOG", "AdvG", "SMMI", "ARE", "BE", "SAE")
"""Class codes in UDP's order: their numbers are 1 to 9."""
DOUBLE = 99
"""Number that stands for two classes at once."""
HIGH = 6
"""Income class of a predominantly high-income tract."""
RISING, RAPID = 2, 3
"""Market classes above the stable one."""


def classify(values: Mapping[str, Floats], rules: Mapping[str, Any], *, scag: bool = False) -> dict[str, Any]:
    """Flags, classes and public labels.

    Parameters
    ----------
    values
        The inputs by name (`cases/README.md` lists them), shape (..., tracts); NaN is missing.
    rules
        A record of ``catalog/typologies``.
    scag
        Use the label variant of the Southern California maps.

    Returns
    -------
    dict
        Flags by their published names, ``classes`` (bool, shape (9, ..., tracts)) and ``label``.
    """
    real = _real(values, rules["cpi"])
    flags = _levels(values, real, rules["cuts"])
    flags |= _market(values, real, rules["cuts"])
    flags |= _gentrified(values, real, flags)
    flags["inc_cat_00"] = _income_class(values, "00", rules["cuts"])
    flags["inc_cat_e"] = _income_class(values, "e", rules["cuts"])
    found = _rich(values, real, flags, rules) | _poor(values, flags, rules)
    classes = np.stack([np.broadcast_to(found[name], flags["any_gent"].shape) for name in CLASSES])
    return flags | {"classes": classes, "label": _label(values, flags, classes, rules, scag=scag)}


def _real(values: Mapping[str, Floats], cpi: Mapping[str, Any]) -> dict[str, Floats]:
    """Put money in end-year dollars."""
    return {
        f"{what}_{year}": values[f"{what}_{year}"] * cpi[year]
        for what in ("mrent", "mhval", "hinc")
        for year in ("90", "00", "12", "e")
        if f"{what}_{year}" in values
    }


def quantile(values: Floats, level: float) -> Floats:
    """Regional quantile per draw, missing ones aside, kept broadcastable; NaN if nothing is known."""
    empty = np.isnan(values).all(axis=-1, keepdims=True)
    found = np.nanquantile(np.where(empty, 0.0, values), level, axis=-1, keepdims=True)
    return np.where(empty, np.nan, found)


def median(values: Floats) -> Floats:
    """Regional median; see :func:`quantile`. Infinite values are values."""
    empty = np.isnan(values).all(axis=-1, keepdims=True)
    middle = np.nanmedian(np.where(empty, 0.0, values), axis=-1, keepdims=True)
    return np.where(empty, np.nan, middle)


def _change(old: Floats, new: Floats) -> Floats:
    """Relative change; x / 0 stays infinite, as published."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((new - old) / old)


def _levels(
    values: Mapping[str, Floats], real: Mapping[str, Floats], cuts: Mapping[str, Any]
) -> dict[str, Any]:
    """Vulnerability in each year: cheap homes, and three of four marks."""
    flags: dict[str, Any] = {}
    for year in ("90", "00", "e"):
        above = {
            name: level >= median(level)
            for name, level in (
                ("rent", real[f"mrent_{year}"]),
                ("value", real[f"mhval_{year}"]),
                ("li", values[f"per_li_{year}"]),
                ("nonwhite", values[f"per_nonwhite_{year}"]),
                ("renters", values[f"per_rent_{year}"]),
                ("college", values[f"per_col_{year}"]),
            )
        }
        marks = above["li"].astype(int) + above["nonwhite"] + above["renters"] + ~above["college"]
        flags[f"vul_gent_{year}"] = (~above["rent"] | ~above["value"]) & (marks >= cuts["vulnerable_marks"])
    return flags


def _market(
    values: Mapping[str, Floats], real: Mapping[str, Floats], cuts: Mapping[str, Any]
) -> dict[str, Any]:
    """Price changes, hot markets and the stable, rising and rapid classes."""
    rent, value = _change(real["mrent_12"], real["mrent_e"]), _change(real["mhval_00"], real["mhval_e"])

    def hot(what: str, old: str, new: str) -> Bools:
        before, after = real[f"{what}_{old}"], real[f"{what}_{new}"]
        return np.asarray(_change(before, after) >= _change(median(before), median(after)))

    classes = [
        _change_class(change, values.get(cut), cuts["marginal_change"])
        for change, cut in ((rent, "thr_rent_rapid"), (value, "thr_hv_rapid"))
    ]
    zillow = values["zillow_ch"]
    return {
        "hotmarket_00": hot("mhval", "90", "00") | hot("mrent", "90", "00"),
        "hotmarket_e": hot("mhval", "00", "e") | hot("mrent", "12", "e"),
        "change_flag": np.maximum(*classes),
        "rent_change": rent,
        "value_change": value,
        "z_p90": zillow > quantile(zillow, cuts["zillow_high_quantile"]),
        "z_median": zillow > median(zillow),
        "rent_90": rent >= cuts["rapid_rent_rise"],
        "rent_median": rent > median(rent),
    }


def _change_class(change: Floats, rapid: Floats | None, marginal: float) -> Floats:
    """Class 1 under the marginal change, 3 from the rapid cut on, 2 between, 0 if missing."""
    cut = median(np.where(change > marginal, change, np.nan)) if rapid is None else rapid
    rising = np.where((change >= marginal) & (change >= cut), 3.0, 2.0)
    return np.where(np.isnan(change), 0.0, np.where(change < marginal, 1.0, rising))


def _gentrified(
    values: Mapping[str, Floats], real: Mapping[str, Floats], flags: Mapping[str, Any]
) -> dict[str, Any]:
    """Gentrification in each span, with and without a loss of low-income households."""
    found: dict[str, Any] = {}
    for old, new in (("90", "00"), ("00", "e")):
        before, after = real[f"hinc_{old}"], real[f"hinc_{new}"]
        income = _change(before, after) > _change(median(before), median(after))
        low, high = values[f"per_col_{old}"], values[f"per_col_{new}"]
        college = (high - low) > (median(high) - median(low))
        urban = flags[f"vul_gent_{old}"] & college & income & flags[f"hotmarket_{new}"]
        lost = _low_income(values, new) < _low_income(values, old)
        found |= {
            f"gent_{old}_{new}_urban": urban,
            f"lost_{old}_{new}": lost,
            f"gent_{old}_{new}": urban & lost,
        }
    dense = values["dense"] == 1
    found["any_gent"] = np.where(
        dense, found["gent_90_00_urban"] | found["gent_00_e_urban"], found["gent_90_00"] | found["gent_00_e"]
    )
    return found


def _low_income(values: Mapping[str, Floats], year: str) -> Floats:
    return values[f"per_li_{year}"] * values[f"hh_{year}"]


def _income_class(values: Mapping[str, Floats], year: str, cuts: Mapping[str, Any]) -> Floats:
    """Income class 1 to 6; NaN where shares or the deciding median are missing."""
    low, upto = values[f"per_li_{year}"], values[f"inc120_{year}"]
    shares = (low, upto - low, 1 - upto)
    income, region = values[f"hinc_{year}"], values.get(f"rm_hinc_{year}")
    middle = median(income) if region is None else region
    result = np.where(
        income < cuts["low_income"] * middle, 2.0, np.where(income < cuts["middle_income"] * middle, 4.0, 5.0)
    )
    result = np.where(np.isnan(income), np.nan, result)
    for code, chief in ((6.0, 2), (3.0, 1), (1.0, 0)):
        others = [share < cuts["others_below"] for number, share in enumerate(shares) if number != chief]
        result = np.where((shares[chief] >= cuts["predominant"]) & others[0] & others[1], code, result)
    return np.where(np.isnan(low) | np.isnan(upto), np.nan, result)


def _isin(values: Floats, members: Sequence[float]) -> Bools:
    return np.isin(values, members)


def _rich(
    values: Mapping[str, Floats],
    real: Mapping[str, Floats],
    flags: Mapping[str, Any],
    rules: Mapping[str, Any],
) -> dict[str, Bools]:
    sets, change, lmh = rules["sets"], flags["change_flag"], values["lmh"]
    then, now = flags["inc_cat_00"], flags["inc_cat_e"]
    populated = values["pop_00"] > rules["cuts"]["population_over"]
    rich = populated & _isin(now, (3, 4, 5, 6))
    costly = rich & _isin(lmh, sets["high_cost_housing"])
    rose = (flags["value_change"] > 0) | (flags["rent_change"] > 0)
    exclusive = (
        populated
        & _isin(then, (HIGH,))
        & _isin(now, (HIGH,))
        & _isin(lmh, sets["sae_housing"])
        & (change >= 1)
    )
    advanced = costly & _isin(change, sets["advanced_change"]) & rose & flags["any_gent"] & ~exclusive
    at_risk = costly & _isin(change, (1, 2)) & ~advanced & ~exclusive
    fewer_in = values["per_limove_e"] < values["per_limove_12"]
    richer = real["hinc_e"] > real["hinc_00"]
    becoming = costly & (change == RAPID) & flags["lost_00_e"] & fewer_in & richer & ~exclusive
    gaps = {
        "SAE": _missing(then, now, lmh),
        "AdvG": _missing(now, lmh, flags["value_change"], flags["rent_change"]),
        "ARE": _missing(now, lmh),
        "BE": _missing(
            now, lmh, values["per_limove_12"], values["per_limove_e"], real["hinc_00"], real["hinc_e"]
        ),
    }
    found = {"SAE": exclusive, "AdvG": advanced, "ARE": at_risk, "BE": becoming}
    found = {name: flag & ~gaps[name] for name, flag in found.items()}
    none = ~np.logical_or.reduce(list(found.values())) & ~np.logical_or.reduce(list(gaps.values()))
    return found | {"SMMI": rich & none}


def _poor(
    values: Mapping[str, Floats], flags: Mapping[str, Any], rules: Mapping[str, Any]
) -> dict[str, Bools]:
    sets, change, lmh = rules["sets"], flags["change_flag"], values["lmh"]
    now = flags["inc_cat_e"]
    poor = (values["pop_00"] > rules["cuts"]["population_over"]) & _isin(now, (1, 2))
    near = (values["dp_PChRent"] == 1) | (values["dp_RentGap"] == 1)
    cheap = _isin(lmh, sets["at_risk_housing"]) & ((change == 1) | flags["z_p90"] | flags["rent_90"])
    at_risk = poor & cheap & ~flags["gent_90_00"] & ~flags["gent_00_e"] & near & flags["vul_gent_e"]
    at_risk &= ~_missing(now, lmh, values["dp_PChRent"], values["dp_RentGap"])
    rising = (change >= RISING) | flags["z_median"] | flags["rent_median"]
    early = poor & _isin(lmh, sets["early_housing"]) & rising & flags["any_gent"]
    early &= ~_missing(now, lmh, values["per_limove_12"], values["per_limove_e"])
    losing = poor & flags["lost_00_e"] & ~at_risk & ~early
    return {"ARG": at_risk, "EOG": early, "OD": losing, "LISD": poor & ~losing & ~at_risk & ~early}


def _missing(*parts: Floats) -> Bools:
    return np.logical_or.reduce(np.broadcast_arrays(*(np.isnan(part) for part in parts)))


def _label(
    values: Mapping[str, Floats],
    flags: Mapping[str, Any],
    classes: Bools,
    rules: Mapping[str, Any],
    *,
    scag: bool,
) -> npt.NDArray[np.object_]:
    """Public label: students first, then the double class, upgrades, and the class's own name."""
    names = rules["class_names"]
    flag = dict(zip(CLASSES, classes, strict=True))
    single = classes.sum(axis=0) == 1
    label = np.full(single.shape, names["none"], dtype=object)
    for code in CLASSES:
        label = np.where(flag[code] & single, names[code], label)
    poor = single & (flag["LISD"] | flag["OD"])
    for span, name in (("00_e", "EOG"), ("90_00", "AdvG")):
        urban = flags[f"gent_{span}_urban"]
        upgrade = np.where(values["dense"] == 1, urban, flags[f"gent_{span}"]) if scag else urban
        label = np.where(poor & upgrade, names[name], label)
    label = np.where(flag["AdvG"] & flag["BE"], names["BE" if scag else "AdvG"], label)
    students = values["pct_students"] > rules["cuts"]["student_share"]
    return np.asarray(np.where(students, names["students"], label), dtype=object)
