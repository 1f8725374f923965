"""The UDP typology of a table of tracts: read, checked, classified, drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap import params
from densitymap.census import geoids, has_sentinels, refuse_percentages, refuse_text, sentinels
from densitymap.displacement.acs import standard_error
from densitymap.displacement.correct import corrected_inputs
from densitymap.displacement.draws import default_draws, default_seed
from densitymap.displacement.typology import CLASSES, DOUBLE, classify
from densitymap.errors import MissingDataError, UsageError, ValidationError

Floats = npt.NDArray[np.float64]
Mode = Literal["as_published", "corrected"]

MODES: Mapping[str, str] = {
    "as_published": "UDP's own figures, their median-allocation defect included",
    "corrected": "medians re-allocated; not reviewed by UDP",
}
"""How the inputs are read, in words people see."""

FLAGS = (
    *("vul_gent_90", "vul_gent_00", "vul_gent_e", "hotmarket_00", "hotmarket_e"),
    *("gent_90_00", "gent_90_00_urban", "gent_00_e", "gent_00_e_urban"),
    *("z_p90", "change_flag", "inc_cat_00", "inc_cat_e"),
)
"""Flags written beside the class, by their published names."""

SHARES = (
    *(f"per_{what}_{year}" for what in ("li", "nonwhite", "rent", "col") for year in ("90", "00", "e")),
    *("inc120_00", "inc120_e", "per_limove_12", "per_limove_e", "pct_students"),
)
_MONEY = tuple(f"{what}_{year}" for what in ("mrent", "mhval") for year in ("90", "00", "12", "e"))
REQUIRED = (
    *SHARES,
    *_MONEY,
    *("hinc_90", "hinc_00", "hinc_e", "pop_00", "hh_90", "hh_00", "hh_e"),
    *("lmh", "zillow_ch", "dp_PChRent", "dp_RentGap", "dense", "rm_hinc_e"),
)
"""Columns of the inputs; `cases/README.md` of the data pack says what each is."""
_MAY_BE_EMPTY = ("zillow_ch",)
_OPTIONAL = ("thr_rent_rapid", "thr_hv_rapid")


def typology_table(
    inputs: pd.DataFrame,
    *,
    mode: Mode = "corrected",
    rules: str = "2018",
    brackets: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Class, code, public label and flags of tracts.

    Parameters
    ----------
    inputs
        One row per tract: ``GEOID``, ``region`` and :data:`REQUIRED`; each region is judged by itself.
    mode
        ``as_published`` or ``corrected``.
    rules
        ``2018`` or ``2017``.
    brackets
        Households by income bracket, for ``corrected``.

    Returns
    -------
    DataFrame
        ``GEOID``, ``region``, ``mode``, ``typ_cat`` (``|`` between two, empty for none),
        ``typology_code`` (99 for two), ``public_label`` and :data:`FLAGS`, in the order given.

    Raises
    ------
    MissingDataError
        If brackets are needed and absent.
    UsageError
        If the mode or rules are unknown.
    ValidationError
        With every fault of the inputs.
    """
    record = _record(mode, rules)
    frame = prepare(inputs, mode=mode, brackets=brackets, record=record)
    parts = [
        _classified(part, record, region)
        for region, part in frame.groupby("region", sort=False, dropna=False)
    ]
    result = pd.concat(parts).loc[frame.index].reset_index()
    result.insert(2, "mode", mode)
    return result


def _record(mode: str, rules: str) -> dict[str, Any]:
    if mode not in MODES:
        raise UsageError(
            f"There is no mode {mode!r}.{params.nearest(mode, MODES)}", next_step=f"known: {', '.join(MODES)}"
        )
    return params.load("typologies", f"udp_{rules}")


def prepare(
    inputs: pd.DataFrame, *, mode: Mode, brackets: pd.DataFrame | None, record: Mapping[str, Any]
) -> pd.DataFrame:
    """Check inputs, index them by GEOID and correct them if asked; errors as :func:`typology_table`."""
    if mode == "corrected" and brackets is None:
        raise MissingDataError(
            "The corrected typology needs households by income bracket, to allocate medians again",
            next_step="give --brackets FILE, or choose --mode as_published",
        )
    frame = _checked(inputs)
    if mode == "as_published" or brackets is None:
        return frame
    counts = brackets.assign(GEOID=geoids(brackets["GEOID"])).drop_duplicates("GEOID").set_index("GEOID")
    parts = [
        corrected_inputs(part, counts, record)
        for _, part in frame.groupby("region", sort=False, dropna=False)
    ]
    return pd.concat(parts).loc[frame.index]


def _checked(inputs: pd.DataFrame) -> pd.DataFrame:
    absent = [name for name in ("GEOID", *REQUIRED) if name not in inputs]
    if absent:
        raise ValidationError(
            "typology: columns are absent", faults=absent, next_step="see cases/README.md for the columns"
        )
    frame = inputs.assign(GEOID=geoids(inputs["GEOID"]))
    refuse_text(frame, [*REQUIRED, *(name for name in _OPTIONAL if name in frame)], where="typology")
    refuse_percentages(frame, SHARES)
    faults = _faults(frame)
    if faults:
        raise ValidationError("typology: the inputs cannot be classified", faults=faults)
    if "region" not in frame:
        frame["region"] = "all"
    incomes = [str(name) for name in frame if str(name).startswith("hinc_")]
    frame[incomes] = frame[incomes].where(frame[incomes] >= 0)
    return frame.set_index("GEOID")


def _faults(frame: pd.DataFrame) -> list[str]:
    faults = [
        f"{name}: every value is missing"
        for name in REQUIRED
        if name not in _MAY_BE_EMPTY and frame[name].isna().all()
    ]
    coded = [name for name in SHARES if has_sentinels(frame[name])]
    faults += [f"{name}: census codes such as -666666666 stand among the shares" for name in coded]
    repeated = frame["GEOID"].duplicated()
    if repeated.any():
        faults.append(
            f"GEOID: {int(repeated.sum())} rows repeat a tract; first {frame.loc[repeated, 'GEOID'].iloc[0]}"
        )
    if "region" in frame:
        sizes = frame["region"].value_counts()
        faults += [
            f"region {name}: one tract; regional medians need more" for name in sizes.index[sizes == 1]
        ]
    elif len(frame) == 1:
        faults.append("one tract; regional medians need more")
    return faults


def _arrays(frame: pd.DataFrame) -> dict[str, Floats]:
    names = [
        name
        for name in (*REQUIRED, *_OPTIONAL)
        if name in frame and not (name in _OPTIONAL and frame[name].isna().all())
    ]
    return {name: frame[name].to_numpy(dtype=float, na_value=np.nan) for name in names}


def _is_scag(region: object, record: Mapping[str, Any]) -> bool:
    plain = "".join(letter for letter in str(region).casefold() if letter.isalpha())
    return plain.startswith(tuple(record["regions_scag"]))


def _classified(part: pd.DataFrame, record: Mapping[str, Any], region: object) -> pd.DataFrame:
    found = classify(_arrays(part), record, scag=_is_scag(region, record))
    classes = found["classes"]
    table = pd.DataFrame({"region": region}, index=part.index)
    table["typ_cat"] = _joined(classes)
    code = np.where(classes.sum(axis=0) > 1, DOUBLE, classes.argmax(axis=0) + 1)
    table["typology_code"] = pd.Series(code, part.index).astype("Int64").mask(~classes.any(axis=0))
    table["public_label"] = found["label"]
    for flag in FLAGS:
        values = np.asarray(found[flag], dtype=float)
        table[flag] = (
            pd.Series(np.where(np.isnan(values), 0, values), part.index)
            .astype("Int64")
            .mask(np.isnan(values))
        )
    return table


def _joined(classes: npt.NDArray[np.bool_]) -> npt.NDArray[np.object_]:
    text = np.full(classes.shape[-1], "", dtype=object)
    for name, flag in zip(CLASSES, classes, strict=True):
        text = np.where(flag, text + np.where(text == "", "", "|") + name, text)
    return text


def typology_stability(
    inputs: pd.DataFrame,
    *,
    mode: Mode = "corrected",
    rules: str = "2018",
    brackets: pd.DataFrame | None = None,
    n_draws: int | None = None,
    seed: int | None = None,
) -> pd.DataFrame:
    """How often each public label comes up when sampling error is drawn.

    Rent and value of 2012 and the end year are drawn with their published margins; shares with an
    approximated error (``catalog/census/draws.toml``); what has neither is held fixed. Regional
    medians are taken anew in each draw. Errors of definition and of the model are outside it.

    Returns
    -------
    DataFrame
        Long, one row per tract and label that came up: ``GEOID``, ``public_label``,
        ``draw_share``, ``is_own`` (the label without error), ``entropy_bits``, ``n_draws``,
        ``moe_source``.
    """
    record = _record(mode, rules)
    frame = prepare(inputs, mode=mode, brackets=brackets, record=record)
    size = default_draws() if n_draws is None else n_draws
    generator = np.random.default_rng(default_seed() if seed is None else seed)
    parts = [
        _stability(part, record, generator, region=region, size=size)
        for region, part in frame.groupby("region", sort=False, dropna=False)
    ]
    return pd.concat(parts, ignore_index=True)


def _stability(
    part: pd.DataFrame,
    record: Mapping[str, Any],
    generator: np.random.Generator,
    *,
    region: object,
    size: int,
) -> pd.DataFrame:
    scag = _is_scag(region, record)
    values = _arrays(part)
    own = classify(values, record, scag=scag)["label"]
    drawn = values | _drawn(part, values, generator, size)
    labels = classify(drawn, record, scag=scag)["label"]
    names = np.unique(np.append(labels.ravel(), own).astype(str))
    shares = np.stack([(labels == name).mean(axis=0) for name in names], axis=1)
    bits = -np.where(shares > 0, shares * np.log2(np.where(shares > 0, shares, 1.0)), 0.0).sum(axis=1)
    rows, columns = np.nonzero((shares > 0) | (names[None, :] == own[:, None]))
    return pd.DataFrame(
        {
            "GEOID": part.index.to_numpy()[rows],
            "public_label": names[columns],
            "draw_share": shares[rows, columns],
            "is_own": names[columns] == own[rows],
            "entropy_bits": np.maximum(bits[rows], 0.0),
            "n_draws": size,
            "moe_source": "rent, value 2012 and end year: published; shares: approximated; the rest fixed",
        }
    )


def _drawn(
    part: pd.DataFrame, values: Mapping[str, Floats], generator: np.random.Generator, size: int
) -> dict[str, Floats]:
    """Draw medians with published margins, shares with approximated errors; linked shares together."""
    drawn: dict[str, Floats] = {}
    for name in (name for name in _MONEY if f"{name}_moe" in part):
        margin = sentinels(part[f"{name}_moe"])[0].to_numpy(dtype=float, na_value=0.0)
        error = standard_error(margin)
        known = values[name] > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.where(
                known, np.sqrt(np.log1p((error / np.where(known, values[name], 1.0)) ** 2)), 0.0
            )
        drawn[name] = values[name] * np.exp(spread * generator.standard_normal((size, len(part))))
    factors = params.load("census", "draws")["share_error"]
    for name in (name for name in SHARES if name in values and name != "pct_students"):
        drawn[name] = _drawn_share(name, values, factors, generator.standard_normal((size, len(part))))
    for year in ("00", "e"):  # the share under 120 % of the median contains the share under 80 %
        drawn[f"inc120_{year}"] = np.maximum(drawn[f"inc120_{year}"], drawn[f"per_li_{year}"])
    return drawn


def _drawn_share(
    name: str, values: Mapping[str, Floats], factors: Mapping[str, Any], noise: Floats
) -> Floats:
    share, year = values[name], name.rsplit("_", 1)[1]
    base = values[f"hh_{year}"] if f"hh_{year}" in values else values["hh_e"]
    within = np.clip(share, 0.0, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = factors[year]["value"] * np.sqrt(within * (1 - within) / base)
    return np.clip(share + np.where(np.isfinite(error), error, 0.0) * noise, 0.0, np.maximum(1.0, share))
