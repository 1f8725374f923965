"""Would it have worked? Learn in some metros, test in another, and say where it does not.

Two feature sets: ``F00`` knows 1990 and 2000 and is a forecast; ``F12`` also knows 2012, inside the
outcome's span, and is a nowcast. Two models: L2 logistic and histogram gradient boosting. Baselines
that need no model stand beside them, and differences are paired over the same resamples.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap import params
from densitymap.census import geoids, refuse_text
from densitymap.displacement import scoring
from densitymap.displacement.draws import floats
from densitymap.displacement.features import LEVELS, features, metros, outcomes, plane_km, vulnerable_00
from densitymap.errors import MissingDataError, UsageError, ValidationError

Floats = npt.NDArray[np.float64]

FEATURE_SETS = {
    "F00": "forecast: knows 1990 and 2000",
    "F12": "nowcast: also knows 2012, inside the span",
}
"""What each feature set may know."""
MODELS = ("logit", "gbm")
NEAR = "near_downtown"
COLUMNS = (
    *(f"{what}_{year}" for year in ("90", "00") for what in (*LEVELS, "hh", "pop", "li")),
    *("li_e", "per_li_e", "per_nonwhite_e"),
    *("mrent_12", "mhval_12", "iinc_12", "per_limove_12", "movers_12"),
    *("lat", "lon", "area", "dcbd", "city", "GEOID"),
)
"""Columns a panel must have; README of the data pack's panel says what each is."""


_FULL = 1 + 1e-6
"""A share of all, with room for the rounding of a file."""


def run(panel: pd.DataFrame, test_metro: str) -> dict[str, Any]:
    """Back-test on one metro what was learnt on all others.

    Parameters
    ----------
    panel
        One row per 2010 tract, with :data:`COLUMNS`.
    test_metro
        A value of ``city``; never trained on.

    Returns
    -------
    dict
        Ready for JSON: ``test``, ``outcomes`` by name, each with ``F00``, ``F12``, ``baselines``,
        ``paired`` and ``inner_10km``; and the counts and words a reader needs.

    Raises
    ------
    MissingDataError
        If scikit-learn and scipy are not installed.
    UsageError
        If the metro is not in the panel.
    ValidationError
        With every fault of the panel.
    """
    _require_models()
    choices = params.load("models", "backtest")
    panel = checked(panel)
    known = metros(panel)
    if test_metro not in known:
        raise UsageError(
            f"There is no metro {test_metro!r} in the panel.{params.nearest(test_metro, known)}",
            next_step=f"known: {', '.join(known)}",
        )
    happened = _by_metro(panel, lambda part: outcomes(part, choices["outcomes"]))
    sets = {name: _features(panel, name, choices) for name in FEATURE_SETS}
    with _one_thread():
        results = {name: _outcome(panel, sets, happened[name], test_metro, choices) for name in happened}
    return _head(panel, test_metro, choices) | {"outcomes": results}


def taught_inside(panel: pd.DataFrame, metro: str) -> dict[str, Any]:
    """What the nowcast of fewer low-income households reaches when the metro itself may teach.

    Each spatial block of the metro is held out in turn; tracts without coordinates are one block more.
    It tells a bar that only transfer misses from one missed also by models that know the metro.

    Returns
    -------
    dict
        ``blocks``, and AUC over all held-out blocks by model: ``alone`` taught by the metro's other
        blocks, ``with_others`` by these and the other metros.
    """
    _require_models()
    choices = params.load("models", "backtest")
    panel = checked(panel)
    happened = _by_metro(panel, lambda part: outcomes(part, choices["outcomes"]))["li_fell"]
    table = _features(panel, "F12", choices)
    usable = in_universe(panel, choices) & happened.notna().to_numpy()
    own = np.flatnonzero(usable & (panel["city"] == metro).to_numpy())
    rest = np.flatnonzero(usable & (panel["city"] != metro).to_numpy())
    block = scoring.blocks(plane_km(panel.iloc[own]), choices["bootstrap"])
    truth = happened.iloc[own].to_numpy(dtype=float)

    def reached(model: str, others: npt.NDArray[np.intp]) -> float:
        said = np.full(len(own), np.nan)
        for held in np.unique(block):
            rows = np.concatenate([own[block != held], others])
            label = happened.iloc[rows].to_numpy(dtype=int)
            taught = _fit(model, table.iloc[rows], label, choices)
            said[block == held] = taught(table.iloc[own[block == held]])
        return round(float(scoring.auc(truth, said, np.ones((1, len(own))))[0]), 4)

    with _one_thread():
        return {
            "blocks": len(np.unique(block)),
            "alone": {model: reached(model, rest[:0]) for model in MODELS},
            "with_others": {model: reached(model, rest) for model in MODELS},
        }


def _features(panel: pd.DataFrame, name: str, choices: Mapping[str, Any]) -> pd.DataFrame:
    """Features of a set, each metro's by itself."""
    return _by_metro(panel, lambda part: features(part, with_2012=name == "F12", choices=choices))


def _require_models() -> None:
    absent = [name for name in ("sklearn", "scipy") if importlib.util.find_spec(name) is None]
    if absent:
        raise MissingDataError(
            f"The back-test needs {' and '.join(absent)}, which is not installed",
            next_step="pip install 'densitymap[models]'",
        )


def _one_thread() -> AbstractContextManager[Any]:
    """Hold the learners to one thread: on a busy machine threads wait for each other, 6 times slower."""
    import sklearn.ensemble  # noqa: F401, PLC0415 - its thread pool must be there to be limited
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # noqa: PLC0415

    limits: AbstractContextManager[Any] = threadpool_limits(1)
    return limits


def checked(panel: pd.DataFrame) -> pd.DataFrame:
    """Refuse a panel that cannot be tested on; every fault is told at once."""
    absent = [f"{name}: column is absent" for name in COLUMNS if name not in panel]
    if absent:
        raise ValidationError("panel: columns are absent", faults=absent)
    frame = panel.assign(GEOID=geoids(panel["GEOID"])).reset_index(drop=True)
    numbers = [name for name in COLUMNS if name not in ("GEOID", "city")]
    refuse_text(frame, numbers, where="panel")
    faults = [f"{name}: every value is missing" for name in numbers if frame[name].isna().all()]
    shares = [name for name in numbers if name.startswith("per_")]
    faults += [
        f"{name}: {int((frame[name] > _FULL).sum())} values exceed 1"
        for name in shares
        if (frame[name] > _FULL).any()
    ]
    repeated = frame.duplicated(["city", "GEOID"])
    if repeated.any():
        faults.append(
            f"GEOID: {int(repeated.sum())} rows repeat a tract; first {frame.loc[repeated, 'GEOID'].iloc[0]}"
        )
    sizes = frame["city"].value_counts()
    faults += [
        f"city {name}: {size} tract; a metro's own ranks need more"
        for name, size in sizes.items()
        if size == 1
    ]
    if len(sizes) == 1:
        faults.append(f"city: only {sizes.index[0]}; nothing to learn from")
    if faults:
        raise ValidationError("panel: cannot be tested on", faults=faults)
    return frame


def _by_metro(panel: pd.DataFrame, make: Any) -> pd.DataFrame:
    return pd.concat([make(part) for _, part in panel.groupby("city")]).loc[panel.index]


def in_universe(panel: pd.DataFrame, choices: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
    """Tracts large enough in 2000 for a count to mean something."""
    rules = choices["universe"]
    peopled = floats(panel, "pop_00") > rules["population_over"]["value"]
    return peopled & (floats(panel, "li_00") >= rules["low_income_at_least"]["value"])


def _head(panel: pd.DataFrame, test: str, choices: Mapping[str, Any]) -> dict[str, Any]:
    inside = in_universe(panel, choices)
    here = (panel["city"] == test).to_numpy()
    return {
        "test": test,
        "trained_on": [name for name in metros(panel) if name != test],
        "horizon": choices["horizon"],
        "feature_sets": dict(FEATURE_SETS),
        "tracts_tested": int((here & inside).sum()),
        "tracts_trained_on": int((~here & inside).sum()),
        "without_coordinates": int((here & panel["lat"].isna().to_numpy()).sum()),
        "caveat": choices["caveat"],
    }


def _outcome(
    panel: pd.DataFrame,
    sets: Mapping[str, pd.DataFrame],
    happened: pd.Series,
    test: str,
    choices: Mapping[str, Any],
) -> dict[str, Any]:
    usable = in_universe(panel, choices) & happened.notna().to_numpy()
    here = (panel["city"] == test).to_numpy()
    learn, judge = usable & ~here, usable & here
    truth = happened[judge].to_numpy(dtype=float)
    label = happened[learn].to_numpy(dtype=int)
    said = {
        name: {model: _fit(model, table[learn], label, choices)(table[judge]) for model in MODELS}
        for name, table in sets.items()
    }
    base = _baselines(panel, judge, str(happened.name), test)
    tested = panel[judge]
    overall = _report(truth, said, base, tested, choices)
    near = floats(tested, "dcbd") <= choices["inner"]["within_km"]["value"]
    inner = {name: {model: q[near] for model, q in models.items()} for name, models in said.items()}
    part = _report(truth[near], inner, {name: q[near] for name, q in base.items()}, tested[near], choices)
    return overall | {"inner_10km": part | _verdict(part, str(happened.name), choices)}


def _fit(model: str, table: pd.DataFrame, label: npt.NDArray[np.int64], choices: Mapping[str, Any]) -> Any:
    """Fit a model and give a function from features to probabilities."""
    if model == "gbm":
        from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 - part of the extra `models`

        options = {name: entry["value"] for name, entry in choices["gbm"].items() if name != "cite"}
        trees = HistGradientBoostingClassifier(random_state=choices["bootstrap"]["seed"]["value"], **options)
        trees.fit(table.to_numpy(), label)
        return lambda new: trees.predict_proba(new.to_numpy())[:, 1]
    logit = fit_logit(table, label, choices)
    return lambda new: logit_probability(new, logit)


def fit_logit(
    table: pd.DataFrame, label: npt.NDArray[np.int64], choices: Mapping[str, Any]
) -> dict[str, Any]:
    """L2 logistic on standardised features, a missing one standing at the training mean."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - part of the extra `models`

    scale = {
        "center": table.mean().to_numpy(),
        "spread": table.std().to_numpy(),
        "limit": choices["logit"]["limit"]["value"],
    }
    model = LogisticRegression(C=choices["logit"]["inverse_penalty"]["value"], max_iter=3000)
    model.fit(_standard(table, scale), label)
    return scale | {"names": list(table), "weights": model.coef_[0], "intercept": float(model.intercept_[0])}


def logit_probability(table: pd.DataFrame, logit: Mapping[str, Any]) -> Floats:
    """Probability of a fitted logistic model."""
    odds = _standard(table[logit["names"]], logit) @ np.asarray(logit["weights"]) + logit["intercept"]
    return np.asarray(1 / (1 + np.exp(-odds)))


def _standard(table: pd.DataFrame, scale: Mapping[str, Any]) -> Floats:
    score = (table.to_numpy() - np.asarray(scale["center"])) / np.asarray(scale["spread"])
    return np.where(np.isnan(score), 0.0, np.clip(score, -scale["limit"], scale["limit"]))


def _baselines(
    panel: pd.DataFrame, rows: npt.NDArray[np.bool_], outcome: str, test: str
) -> dict[str, Floats]:
    """Scores that need no model; a tract without a value takes the lowest score."""
    here = panel[panel["city"] == test]
    own = "per_nonwhite_00" if outcome == "nonwhite_10" else "per_li_00"
    marks = pd.Series(vulnerable_00(here), here.index)[panel.index[rows]].to_numpy()
    scores = {
        NEAR: -floats(panel[rows], "dcbd"),
        "own_level": floats(panel[rows], own),
        "udp_vulnerable_00": marks,
    }
    return {name: np.where(np.isnan(score), -np.inf, score) for name, score in scores.items()}


def _report(
    truth: Floats,
    said: Mapping[str, Any],
    base: Mapping[str, Floats],
    tested: pd.DataFrame,
    choices: Mapping[str, Any],
) -> dict[str, Any]:
    if len(truth) < 2 or truth.min() == truth.max():  # noqa: PLR2004 - a ranking needs one of each kind
        return {"n": len(truth), "base_rate": None if not len(truth) else float(truth.mean())}
    weights = scoring.block_weights(plane_km(tested), choices["bootstrap"])
    level, bins = choices["bootstrap"]["level"]["value"], choices["calibration"]["bins"]["value"]
    spread = {name: scoring.auc(truth, score, weights) for name, score in base.items()}

    def ranked(score: Floats, resampled: Floats) -> dict[str, Any]:
        whole = scoring.auc(truth, score, np.ones((1, len(truth))))[0]
        return {"auc": round(float(whole), 4), "auc_ci": scoring.interval(resampled, level)}

    result: dict[str, Any] = {"n": len(truth), "base_rate": round(float(truth.mean()), 4)}
    result["baselines"] = {name: ranked(score, spread[name]) for name, score in base.items()}
    result["paired"] = {}
    for name, models in said.items():
        result[name], result["paired"][name] = {}, {}
        for model, probability in models.items():
            resampled = scoring.auc(truth, probability, weights)
            result[name][model] = ranked(probability, resampled) | {
                "ap": round(scoring.average_precision(truth, probability), 4),
                "brier_skill": round(scoring.brier_skill(truth, probability), 4),
                "ece": round(scoring.calibration_error(truth, probability, bins), 4),
            }
            result["paired"][name][model] = {
                other: _paired(
                    result[name][model]["auc"] - result["baselines"][other]["auc"],
                    resampled - spread[other],
                    level,
                )
                for other in base
            }
    return result


def _paired(difference: float, resampled: Floats, level: float) -> dict[str, Any]:
    edges = scoring.interval(resampled, level)
    return {"difference": round(difference, 4), "ci": edges, "established": bool(edges and edges[0] > 0)}


def _verdict(inner: Mapping[str, Any], outcome: str, choices: Mapping[str, Any]) -> dict[str, Any]:
    """Whether a forecast may rank tracts near downtown, for each model: it must beat chance and distance."""
    ranks = {}
    for model in MODELS:
        found = inner.get("F00", {}).get(model)
        edges = found["auc_ci"] if found else None
        beats = bool(found) and inner["paired"]["F00"][model][NEAR]["established"]
        ranks[model] = bool(edges and edges[0] > 0.5 and beats)  # noqa: PLR2004 - chance
    told_apart = f"{choices['reading']} {choices['outcomes'][outcome]['meaning']}"
    return {"may_rank": ranks, "reads": told_apart if any(ranks.values()) else choices["not_told_apart"]}
