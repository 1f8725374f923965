"""Features and outcomes of the tract panel 1990-2018, made alike in every metro.

A feature is a level, a ratio or a change; then its place in its own metro (a rank turned into a
normal score), so that what is learnt in some metros can be read in another. Neighbour features are
means over the nearest tracts. A missing value stays missing; a tract without coordinates has no
neighbour features. Two more are what a metro's own tracts lead one to expect of a tract: the change
that 1990 to 2000 would repeat, and a low-income share beyond what its homes and people suggest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap.displacement.draws import floats
from densitymap.displacement.typology import median

Floats = npt.NDArray[np.float64]

KM_PER_DEGREE = 111.32
"""Kilometres in a degree of latitude (equator circumference / 360)."""


def outcomes(panel: pd.DataFrame, cuts: Mapping[str, Any]) -> pd.DataFrame:
    """What happened 2000 to the end year; missing where either end is.

    Parameters
    ----------
    panel
        Tracts of one metro.
    cuts
        ``outcomes`` of ``catalog/models/backtest.toml``.

    Returns
    -------
    DataFrame of nullable booleans
        ``li_fell``, ``li_fell_20``, ``li_share_5``, ``nonwhite_10``, on the panel's index.
    """
    before, after = floats(panel, "li_00"), floats(panel, "li_e")
    result = {
        "li_fell": _flag(after - before, 0.0, strict=True),
        "li_fell_20": _flag(after - (1 - cuts["li_fell_20"]["value"]) * before, 0.0),
        "li_share_5": _flag(_share_change(panel, "per_li"), -cuts["li_share_5"]["value"]),
        "nonwhite_10": _flag(_share_change(panel, "per_nonwhite"), -cuts["nonwhite_10"]["value"]),
    }
    return pd.DataFrame({name: pd.Series(flag, panel.index) for name, flag in result.items()})


def _flag(values: Floats, cut: float, *, strict: bool = False) -> pd.arrays.BooleanArray:
    below = values < cut if strict else values <= cut
    return pd.arrays.BooleanArray(below, np.isnan(values))


def _share_change(panel: pd.DataFrame, share: str) -> Floats:
    """Change of a share less the median change over the metro's tracts."""
    change = floats(panel, f"{share}_e") - floats(panel, f"{share}_00")
    return np.asarray(change - np.nanmedian(change))


def vulnerable_00(panel: pd.DataFrame) -> Floats:
    """Count UDP's marks of vulnerability in 2000, 0 to 5: four of households, one of cheap homes."""
    level = {name: floats(panel, f"{name}_00") for name in _MARKS}
    above = {name: values >= median(values) for name, values in level.items()}
    cheap = ~above["mrent"] | ~above["mhval"]
    marks = (
        above["per_li"].astype(float) + above["per_nonwhite"] + above["per_rent"] + ~above["per_col"] + cheap
    )
    return np.asarray(marks)


_MARKS = ("mrent", "mhval", "per_li", "per_nonwhite", "per_rent", "per_col")


def features(panel: pd.DataFrame, *, with_2012: bool, choices: Mapping[str, Any]) -> pd.DataFrame:
    """Features of the tracts of one metro.

    Parameters
    ----------
    panel
        All tracts of the metro, also those that are not scored: they are neighbours.
    with_2012
        Add what was known in 2012, inside the outcome's span: a nowcast, no forecast.
    choices
        ``catalog/models/backtest.toml``: ``neighbours`` says how many nearest tracts are near, and
        wide; ``expected`` how what to expect is learnt.

    Returns
    -------
    DataFrame of floats on the panel's index
        Normal scores within the metro, and growth and density as they are; NaN where unknown.
    """
    sizes = choices["neighbours"]
    raw = _levels(panel) | (_levels_2012(panel) if with_2012 else {})
    scores = pd.DataFrame(raw, index=panel.index).apply(normal_score)
    plain = pd.DataFrame(_plain(panel), index=panel.index)
    near = neighbour_means(panel, scores.drop(columns="distance_to_downtown"), sizes["near"]["value"])
    plain_near = neighbour_means(panel, plain.drop(columns="log_distance"), sizes["near"]["value"])
    wide = neighbour_means(panel, plain[list(_GROWTH)], sizes["wide"]["value"])
    parts = [
        scores,
        near.add_suffix("_near"),
        plain,
        plain_near.add_suffix("_near"),
        wide.add_suffix("_wide"),
        expected_change(panel, choices),
        unexplained_share(panel, choices),
    ]
    return pd.concat(parts, axis=1)


def expected_change(panel: pd.DataFrame, choices: Mapping[str, Any]) -> pd.DataFrame:
    """Change each tract would see if what went with change 1990 to 2000 in its metro went on.

    The ten years' change is regressed on what tracts and their neighbours were in 1990, and the
    regression is asked of what they were in 2000. It sees nothing after 2000.

    Returns
    -------
    DataFrame of floats on the panel's index
        Log growth of low-income and of all households as it is; changes of shares as normal scores,
        since their spans may differ (see :mod:`densitymap.displacement.forward`).
    """
    then, now = (_standing(panel, year, choices) for year in ("90", "00"))
    plain = _plain(panel)
    growth = {name: plain[name] for name in ("log_growth_low_income", "log_growth_households")}
    moved = {f"{what}_change": floats(panel, f"{what}_00") - floats(panel, f"{what}_90") for what in _SHARES}
    expected = {
        f"{name}_expected": regressed(then, change, now, choices["expected"])
        for name, change in (growth | moved).items()
    }
    table = pd.DataFrame(expected, index=panel.index)
    shares = [f"{name}_expected" for name in moved]
    return table.assign(**table[shares].apply(normal_score))


def unexplained_share(panel: pd.DataFrame, choices: Mapping[str, Any]) -> pd.DataFrame:
    """Low-income share in 2000 beyond what income, prices, people and neighbours suggest.

    A share of a sample that stands out among its likes is partly chance, and tends to come back.
    """
    levels = pd.DataFrame({what: floats(panel, f"{what}_00") for what in LEVELS}, index=panel.index)
    scores = levels.apply(normal_score)
    near = neighbour_means(panel, scores, choices["neighbours"]["near"]["value"]).add_suffix("_near")
    known = pd.concat([scores.drop(columns=["per_li", "per_vli"]), near], axis=1)
    share = floats(panel, "per_li_00")
    beyond = share - regressed(known, share, known, choices["expected"])
    return pd.DataFrame({"per_li_00_unexplained": beyond}, index=panel.index)


_SHARES = ("per_li", "per_nonwhite", "per_col")


def _standing(panel: pd.DataFrame, year: str, choices: Mapping[str, Any]) -> pd.DataFrame:
    """Where tracts stand in their metro in a year, and their neighbours; alike for 1990 and 2000."""
    column = {what: floats(panel, f"{what}_{year}") for what in (*LEVELS, "hh", "pop")}
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = {
            "density": _finite(column["hh"] / floats(panel, "area")),
            "household_size": _finite(column["pop"] / column["hh"]),
            "rent_to_income": _finite(column["mrent"] / column["hinc"]),
            "value_to_rent": _finite(column["mhval"] / column["mrent"]),
            "distance": floats(panel, "dcbd"),
        }
    levels = {what: column[what] for what in LEVELS} | ratios
    scores = pd.DataFrame(levels, index=panel.index).apply(normal_score)
    near = neighbour_means(panel, scores, choices["neighbours"]["near"]["value"])
    return pd.concat([scores, near.add_suffix("_near")], axis=1)


def regressed(known: pd.DataFrame, happened: Floats, asked: pd.DataFrame, rules: Mapping[str, Any]) -> Floats:
    """Ridge regression of what happened on what was known, asked of other values of the same columns.

    Parameters
    ----------
    known, asked
        Normal scores, the same columns; an unknown one stands at the metro's middle, which is 0.
    happened
        Shape (tracts,); its tails are cut before fitting, tracts without it are not learnt from.
    rules
        ``expected`` of ``catalog/models/backtest.toml``.

    Returns
    -------
    Array of shape (tracts,)
        NaN where nothing at all is asked of, or fewer than two tracts can be learnt from.

    Examples
    --------
    >>> known = pd.DataFrame({"x": [-1.0, 0.0, 1.0]})
    >>> rules = {"penalty": {"value": 0.0}, "tail": {"value": 0.0}}
    >>> asked = pd.DataFrame({"x": [2.0, None]})
    >>> regressed(known, np.array([1.0, 3.0, 5.0]), asked, rules).round(6).tolist()
    [7.0, nan]
    """
    told = np.isfinite(happened)
    if told.sum() < 2:  # noqa: PLR2004 - a line needs two points
        return np.full(len(asked), np.nan)
    tail = rules["tail"]["value"]
    target = np.clip(happened[told], *np.quantile(happened[told], [tail, 1 - tail]))
    learnt = _at_middle(known)[told]
    center, middle = learnt.mean(axis=0), target.mean()
    spread = learnt - center
    penalty = rules["penalty"]["value"] * np.eye(spread.shape[1])
    weights = np.linalg.solve(spread.T @ spread + penalty, spread.T @ (target - middle))
    answer = (_at_middle(asked) - center) @ weights + middle
    return np.where(asked.isna().all(axis=1), np.nan, answer)


def _at_middle(scores: pd.DataFrame) -> Floats:
    values = scores.to_numpy(dtype=float)
    return np.where(np.isnan(values), 0.0, values)


def _plain(panel: pd.DataFrame) -> dict[str, Floats]:
    """Growth and density as they are, not ranked: they tell a growing metro from a still one."""
    level = {
        name: floats(panel, name)
        for name in ("hh_00", "hh_90", "li_00", "li_90", "pop_00", "pop_90", "area", "dcbd")
    }
    return {
        "log_growth_households": _log(level["hh_00"], level["hh_90"]),
        "log_growth_low_income": _log(level["li_00"], level["li_90"]),
        "log_growth_population": _log(level["pop_00"], level["pop_90"]),
        "log_density": _log(level["hh_00"], level["area"]),
        "log_distance": _log(level["dcbd"], np.ones(len(panel))),
    }


_GROWTH = ("log_growth_households", "log_growth_low_income", "log_growth_population")


def _log(above: Floats, below: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return _finite(np.log(above / below))


def _levels(panel: pd.DataFrame) -> dict[str, Floats]:
    column = {name: floats(panel, name) for name in panel.columns if name not in ("GEOID", "city")}
    found = {name: column[name] for year in ("90", "00") for name in (f"{what}_{year}" for what in LEVELS)}
    for what in LEVELS:
        found[f"{what}_change_90_00"] = column[f"{what}_00"] - column[f"{what}_90"]
    with np.errstate(divide="ignore", invalid="ignore"):
        found |= {
            "households_growth_90_00": _finite(column["hh_00"] / column["hh_90"]),
            "low_income_growth_90_00": _finite(column["li_00"] / column["li_90"]),
            "household_density_00": _finite(column["hh_00"] / column["area"]),
            "household_size_00": _finite(column["pop_00"] / column["hh_00"]),
            "low_income_households_00": column["li_00"],
            "rent_to_income_00": _finite(column["mrent_00"] / column["hinc_00"]),
            "value_to_rent_00": _finite(column["mhval_00"] / column["mrent_00"]),
            "value_to_income_00": _finite(column["mhval_00"] / column["hinc_00"]),
            "very_low_of_low_income_00": _finite(column["per_vli_00"] / column["per_li_00"]),
            "distance_to_downtown": column["dcbd"],
        }
    return found


LEVELS = ("hinc", "mrent", "mhval", "per_li", "per_vli", "per_nonwhite", "per_rent", "per_col")


def _levels_2012(panel: pd.DataFrame) -> dict[str, Floats]:
    column = {
        name: floats(panel, name)
        for name in ("mrent_12", "mhval_12", "iinc_12", "per_limove_12", "movers_12")
    }
    before = {name: floats(panel, name) for name in ("mrent_00", "mhval_00", "hinc_00", "hh_00")}
    with np.errstate(divide="ignore", invalid="ignore"):
        return column | {
            "rent_growth_00_12": _finite(column["mrent_12"] / before["mrent_00"]),
            "value_growth_00_12": _finite(column["mhval_12"] / before["mhval_00"]),
            "income_of_persons_over_household_12_00": _finite(column["iinc_12"] / before["hinc_00"]),
            "movers_per_household_12": _finite(column["movers_12"] / before["hh_00"]),
            "value_to_rent_12": _finite(column["mhval_12"] / column["mrent_12"]),
        }


def _finite(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.nan)


def normal_score(values: pd.Series) -> pd.Series:
    """Place in the metro as a normal score: rank, then the normal quantile; NaN stays."""
    from scipy.special import ndtri  # noqa: PLC0415 - part of the extra `models`

    rank = values.rank()
    return pd.Series(ndtri((rank - 0.5) / rank.notna().sum()), values.index)


def plane_km(panel: pd.DataFrame) -> Floats:
    """Coordinates in a local plane [km], shape (tracts, 2); NaN where unknown."""
    lat, lon = floats(panel, "lat"), floats(panel, "lon")
    middle = np.cos(np.radians(np.nanmean(lat)))
    return np.column_stack([lon * middle, lat]) * KM_PER_DEGREE


def neighbour_means(panel: pd.DataFrame, values: pd.DataFrame, n_neighbours: int) -> pd.DataFrame:
    """Mean of each column over the nearest tracts, the tract itself apart; NaN without coordinates."""
    from scipy.spatial import cKDTree  # noqa: PLC0415 - part of the extra `models`

    place = plane_km(panel)
    placed = np.flatnonzero(~np.isnan(place).any(axis=1))
    size = min(n_neighbours, len(placed) - 1)
    result = np.full(values.shape, np.nan)
    if size > 0:
        _, near = cKDTree(place[placed]).query(place[placed], k=size + 1)
        around = values.to_numpy(dtype=float)[placed][near[:, 1:]]
        known = ~np.isnan(around)
        total = np.where(known, around, 0.0).sum(axis=1)
        count = known.sum(axis=1)
        result[placed] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return pd.DataFrame(result, index=values.index, columns=values.columns)


def metros(panel: pd.DataFrame) -> Sequence[str]:
    """Names of the metros, in order."""
    return sorted(panel["city"].unique())
