"""Forward scores: what tracts of the panel's end year resemble, by the forecast learnt on 2000.

Only F00 is used, with the end year in the place of 2000 and 2000 in the place of 1990; growth is put
on ten years, as it was learnt. A score reads "resembles tracts where the number of low-income
households fell"; it is no forecast of anybody's move, and where the back-test could not tell tracts
apart none is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from densitymap import params
from densitymap.displacement.backtest import checked, fit_logit, in_universe, logit_probability
from densitymap.displacement.draws import floats
from densitymap.displacement.features import LEVELS, features, outcomes

_MOVED = (*LEVELS, "hh", "pop", "li")
MODEL = "li_fell_F00"


def fit(panel: pd.DataFrame) -> dict[str, Any]:
    """Fit the forecast of fewer low-income households on every metro of a panel.

    Returns
    -------
    dict
        What ``catalog/models/li_fell_F00.toml`` holds: names, center, spread, weights, intercept,
        limit, and which metros and how many tracts it was learnt on.
    """
    choices = params.load("models", "backtest")
    frame = checked(panel)
    parts = [part for _, part in frame.groupby("city")]
    table = pd.concat([features(part, with_2012=False, choices=choices) for part in parts])
    happened = pd.concat([outcomes(part, choices["outcomes"]) for part in parts])["li_fell"]
    rows = in_universe(frame, choices) & happened.loc[frame.index].notna().to_numpy()
    label = happened.loc[frame.index][rows].to_numpy(dtype=int)
    logit = fit_logit(table.loc[frame.index][rows], label, choices)
    return logit | {
        "metros": sorted(frame["city"].unique()),
        "tracts": int(rows.sum()),
        "base_rate": float(label.mean()),
    }


def shifted(panel: pd.DataFrame, years: Mapping[str, Any]) -> pd.DataFrame:
    """One metro's panel with the end year in the place of 2000, and 2000 in the place of 1990.

    Growth of counts is put on the span the model learnt; shares and medians keep their levels.
    """
    moved = panel.copy()
    power = years["learnt_span"]["value"] / years["new_span"]["value"]
    for what in _MOVED:
        moved[f"{what}_00"], moved[f"{what}_90"] = panel[f"{what}_e"], panel[f"{what}_00"]
    for what in ("hh", "pop", "li"):
        now, then = floats(panel, f"{what}_e"), floats(panel, f"{what}_00")
        with np.errstate(divide="ignore", invalid="ignore"):
            growth = np.where(then > 0, now / then, np.nan)
            moved[f"{what}_90"] = np.where(growth > 0, now / growth**power, np.nan)
    return moved


def forward_of(panel: pd.DataFrame, tested: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Score a metro's tracts forward; those near downtown only if the back-test says they may be ranked.

    Parameters
    ----------
    panel
        Tracts of the metro and of others, as the data pack's panel.
    tested
        What :func:`densitymap.displacement.backtest.run` said of the metro on this panel.

    Returns
    -------
    The table of :func:`forward`, and what a reader must know: ``metro``, ``horizon``, ``reading``,
    ``near_downtown``, ``tracts``, ``scored``, ``caveat``.
    """
    inner = tested["outcomes"]["li_fell"]["inner_10km"]
    frame = checked(panel)
    own = frame[frame["city"] == tested["test"]].reset_index(drop=True)
    table = forward(own, may_rank_inner=bool(inner["may_rank"]["logit"]))
    choices = params.load("models", "backtest")
    return table, {
        "metro": tested["test"],
        "horizon": params.load("models", MODEL)["horizon"],
        "reading": f"{choices['reading']} {choices['outcomes']['li_fell']['meaning']}",
        "near_downtown": inner["reads"],
        "tracts": len(table),
        "scored": int(table["pressure_score"].notna().sum()),
        "caveat": tested["caveat"],
    }


def forward(panel: pd.DataFrame, *, may_rank_inner: bool) -> pd.DataFrame:
    """Score the tracts of one metro forward from the panel's end year.

    Parameters
    ----------
    panel
        All tracts of one metro.
    may_rank_inner
        Whether the back-test of this metro could rank tracts near downtown
        (``inner_10km.may_rank.logit`` of `backtest.run`); if not, those tracts get no score.

    Returns
    -------
    DataFrame
        ``tract_geoid``, ``tract_vintage``, ``index_years`` (the horizon), ``pressure_score``
        (missing where not told apart or too small), ``pressure_reason``.
    """
    choices, model = params.load("models", "backtest"), params.load("models", MODEL)
    moved = shifted(panel, model["years"])
    table = features(moved, with_2012=False, choices=choices)
    score = logit_probability(table, model)
    inner = floats(panel, "dcbd") <= choices["inner"]["within_km"]["value"]
    silent = inner & (not may_rank_inner)
    small = ~in_universe(moved, choices)
    reading = f"{choices['reading']} {choices['outcomes']['li_fell']['meaning']}"
    reason = np.where(
        silent,
        choices["not_told_apart"],
        np.where(small, "not classifiable: too few people or low-income households", reading),
    )
    return pd.DataFrame(
        {
            "tract_geoid": panel["GEOID"].astype("string"),
            "tract_vintage": pd.array([2010] * len(panel), dtype="Int64"),
            "index_years": pd.array([model["horizon"]] * len(panel), dtype="string"),
            "pressure_score": pd.Series(score, panel.index).astype("Float64").mask(silent | small),
            "pressure_reason": pd.Series(reason, panel.index, dtype="string"),
        }
    )
