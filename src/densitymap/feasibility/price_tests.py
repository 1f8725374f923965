"""How well prices are told where the model has not looked: at other locations, and in a later year."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from densitymap import params
from densitymap.errors import MissingDataError
from densitymap.feasibility.price_kernel import Kernel, points
from densitymap.feasibility.price_model import (
    OUTPUT,
    Model,
    calibrate,
    doubt,
    fit,
    log_price,
    predict,
    spread_terms,
)
from densitymap.geometry import Floats

QUANTILES = (0.5, 0.1, 0.9)
Told = pd.DataFrame
"""``price_sf``, ``price_sf_p10``, ``price_sf_p90`` on the index of the sales that were tested."""
Method = Callable[[pd.DataFrame, pd.DataFrame], Told]
"""Learns from the first, prices the second."""


def location_folds(sales: pd.DataFrame, *, folds: int, seed: int = 0) -> np.ndarray:
    """Deal locations into folds, so that no point is both learnt from and tested.

    Examples
    --------
    >>> place = pd.DataFrame({"lat": [1.0, 1.0, 2.0, 3.0], "lon": [0.0, 0.0, 0.0, 0.0]})
    >>> fold = location_folds(place, folds=3)
    >>> bool(fold[0] == fold[1]), sorted(set(fold.tolist()))
    (True, [0, 1, 2])
    """
    place = sales.groupby(["lat", "lon"]).ngroup().to_numpy()
    dealt = np.random.default_rng(seed).permutation(place.max() + 1) % folds
    return np.asarray(dealt[place])


def blind_errors(sales: pd.DataFrame, kernel: Kernel, *, seed: int = 0) -> pd.DataFrame:
    """Price every sale by a fit that did not see its location.

    Returns
    -------
    DataFrame on the index of sales
        ``fold``, ``price`` [log USD/ft2], ``doubt`` (the fit's own), ``error`` [log].
    """
    fold = location_folds(sales, folds=params.choice("folds", group="prices"), seed=seed)
    found = pd.DataFrame(np.nan, index=sales.index, columns=["price", "doubt", "error"]).assign(fold=fold)
    for one in np.unique(fold):
        there = fold == one
        model, homes = fit(sales[~there], kernel, version="", least=1), points(sales[there])
        found.loc[there, "price"] = log_price(model, homes)
        found.loc[there, "doubt"] = doubt(model, homes)
    found["error"] = np.log(sales["price_sf"]) - found["price"]
    return found


def with_interval(model: Model, sales: pd.DataFrame, errors: pd.DataFrame) -> Model:
    """Set a model's interval by errors at locations its fits did not see (:func:`blind_errors`)."""
    own, price = errors["doubt"].to_numpy(), errors["price"].to_numpy()
    return calibrate(model, points(sales), errors["error"].to_numpy(), price=price, own=own)


def blind_intervals(model: Model, sales: pd.DataFrame, errors: pd.DataFrame) -> Told:
    """Give each sale the interval that the errors of the other folds set."""
    found = pd.DataFrame(np.nan, index=sales.index, columns=list(OUTPUT))
    for one in errors["fold"].unique():
        there = errors["fold"].eq(one)
        set_by = with_interval(model, sales[~there], errors[~there])
        price, own = errors.loc[there, "price"].to_numpy(), errors.loc[there, "doubt"].to_numpy()
        scale = np.exp(spread_terms(model, points(sales[there]), price, own) @ np.array(set_by.spread))
        ends = [price, *(price + tail * scale for tail in set_by.tails)]
        found.loc[there, list(OUTPUT)] = np.exp(np.column_stack(ends))
    return found


def later(sales: pd.DataFrame, kernel: Kernel, *, year: int) -> Told:
    """Learn from the sales before a year, price those of the year."""
    before = sales["sale_date"].dt.year < year
    past, told = sales[before], sales[sales["sale_date"].dt.year == year]
    model = with_interval(fit(past, kernel, version=""), past, blind_errors(past, kernel))
    return predict(replace(model, built=((), ())), told)[list(OUTPUT)]


def by_neighborhood(train: pd.DataFrame, test: pd.DataFrame) -> Told:
    """Price by the neighbourhood's median USD/ft2, its interval by the sales' own 10 and 90 %."""
    groups = train.groupby("neighborhood")["price_sf"]
    found = pd.DataFrame(index=test.index)
    for name, share in zip(OUTPUT, QUANTILES, strict=True):
        own = test["neighborhood"].map(groups.quantile(share)).astype("float64")
        found[name] = own.fillna(train["price_sf"].quantile(share))
    return found


def gradient_boosting(train: pd.DataFrame, test: pd.DataFrame) -> Told:
    """Price by boosted trees of place, size and time, one for each quantile.

    Raises
    ------
    MissingDataError
        If scikit-learn is not installed.
    """
    try:
        from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415 - part of the extra `models`
    except ImportError as fault:
        raise MissingDataError(
            "Boosted trees need scikit-learn", next_step="pip install 'densitymap[models]'"
        ) from fault
    shape = params.load("models", "price_kernel")["boosting"]
    known, asked = _features(train), _features(test)
    target, found = np.log(train["price_sf"].to_numpy(float)), pd.DataFrame(index=test.index)
    for name, share in zip(OUTPUT, QUANTILES, strict=True):
        trees = HistGradientBoostingRegressor(
            loss="quantile", quantile=share, max_iter=shape["trees"], learning_rate=shape["rate"],
            max_leaf_nodes=shape["leaves"], min_samples_leaf=shape["least"], random_state=0,
        )  # fmt: skip
        found[name] = np.exp(trees.fit(known, target).predict(asked))
    return found


def _features(sales: pd.DataFrame) -> Floats:
    home = points(sales)
    return np.column_stack([home.x, home.y, home.x + home.y, home.x - home.y, home.size, home.years])


def across_folds(sales: pd.DataFrame, fold: np.ndarray, method: Method) -> Told:
    """Price every sale by a method that learnt from the other folds."""
    parts = [method(sales[fold != one], sales[fold == one]) for one in np.unique(fold)]
    return pd.concat(parts).reindex(sales.index)


def metrics(actual: pd.Series, told: Told) -> dict[str, float]:
    """Measure prices against what was paid.

    Parameters
    ----------
    actual
        USD/ft2 paid.
    told
        With the interval; same index.

    Returns
    -------
    dict
        ``sales``, ``mdape``, ``mae_usd_per_ft2``, ``within_10``, ``within_20`` (shares), ``coverage``
        (share inside 10 to 90 %), ``width`` (median, as a share of the price), ``pinball`` (mean over 10,
        50 and 90 % [USD/ft2]).

    Examples
    --------
    >>> paid = pd.Series([100.0, 200.0])
    >>> said = pd.DataFrame({"price_sf": [110, 200], "price_sf_p10": [90, 210], "price_sf_p90": 250})
    >>> found = metrics(paid, said)
    >>> found["mae_usd_per_ft2"], found["coverage"], found["within_10"]
    (5.0, 0.5, 1.0)
    """
    paid = actual.to_numpy(float)
    price, low, high = (told[name].to_numpy(float) for name in OUTPUT)
    wrong = np.abs(price - paid) / paid
    losses = [
        np.maximum(share * (paid - said), (share - 1) * (paid - said)).mean()
        for share, said in zip(QUANTILES, (price, low, high), strict=True)
    ]
    return {
        "sales": len(paid),
        "mdape": float(np.median(wrong)),
        "mae_usd_per_ft2": float(np.abs(price - paid).mean()),
        "within_10": float((wrong <= _TENTH).mean()),
        "within_20": float((wrong <= 2 * _TENTH).mean()),
        "coverage": float(((paid >= low) & (paid <= high)).mean()),
        "width": float(np.median((high - low) / price)),
        "pinball": float(np.mean(losses)),
    }


_TENTH = 0.1 + 1e-12
