"""A home's price per square foot, by place, size and time, with an interval for one sale.

The model is a sparse Gaussian process on log USD/ft2 (:mod:`~densitymap.feasibility.price_kernel`), fitted
through *cells*: representative places, sizes and times that stand for the sales (the deterministic training
conditional of Quinonero-Candela and Rasmussen, JMLR 2005; section unread). The interval is measured, not
assumed: its quantiles are those of the errors at locations the fit did not see.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from densitymap import params
from densitymap.errors import ValidationError
from densitymap.feasibility.price_kernel import (
    Kernel,
    Points,
    covariance,
    nearest_miles,
    points,
    prior_variance,
)
from densitymap.geometry import Floats

SHIPPED = "price_atlanta"
"""Record of ``catalog/models`` with the fitted model."""
OUTPUT = ("price_sf", "price_sf_p10", "price_sf_p90")
_JITTER = 1e-6
_ROWS = 1000
_TAIL = 0.1
_SEEN = 0.95
_Z90 = 1.2815515655446004


@dataclass(frozen=True, kw_only=True)
class Model:
    """A fitted model: everything a price needs.

    Attributes
    ----------
    version
        Name and date of what it was fitted to.
    kernel
        Strengths and reaches.
    cells, weights, counts
        Representative points, what each adds to the log price, and how many sales it stands for.
    level
        Mean log price per ft2.
    spread
        Coefficients of the log scale of an error: constant, log of the model's own doubt, size from the
        median, its square, and level of the price from the mean.
    tails
        Lower and upper error of one sale in units of that scale (10 and 90 %).
    doubt_seen
        Largest doubt (95 %) that the errors were measured at; what goes beyond widens the interval.
    years, sizes
        First and last, least and largest of what was seen [years since EPOCH, log ft2].
    built
        Knots [year], effects [log USD/ft2] of the year built; empty where no sale had one.
    """

    version: str
    kernel: Kernel
    cells: Points
    weights: Floats
    counts: Floats
    level: float
    spread: tuple[float, ...] = (0.0, 1.0, 0.0, 0.0, 0.0)
    tails: tuple[float, float] = (-1.2816, 1.2816)
    doubt_seen: float = np.inf
    years: tuple[float, float]
    sizes: tuple[float, float]
    built: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())


def fit(sales: pd.DataFrame, kernel: Kernel, *, version: str, least: int | None = None) -> Model:
    """Fit the level of prices; the interval is that of the normal until it is calibrated.

    Parameters
    ----------
    sales
        From :func:`densitymap.feasibility.sales.clean`.
    kernel
        Strengths and reaches.
    version
        Written beside each price.
    least
        Fewest sales to learn from; the catalogue's where not given.

    Raises
    ------
    ValidationError
        If there are too few sales.
    """
    least = params.choice("sales_min", group="prices") if least is None else least
    if len(sales) < least:
        raise ValidationError(
            f"{len(sales):,} usable sales are too few to fit prices by place; at least {least} are needed",
            next_step="give a file with more sales, or use the model that is shipped",
        )
    homes, target = points(sales), np.log(sales["price_sf"].to_numpy(float))
    group = sales.groupby(["lat", "lon"]).ngroup().to_numpy()
    level = float(target.mean())
    cells, counts = choose_cells(homes)
    weights = _weights(homes, target - level, group, cells, kernel)
    found = Model(
        version=version, kernel=kernel, cells=cells, weights=weights, counts=counts, level=level,
        years=(float(homes.years.min()), float(homes.years.max())),
        sizes=(float(homes.size.min()), float(homes.size.max())),
    )  # fmt: skip
    return replace(found, built=_built_effect(sales, target - log_price(found, homes)))


def choose_cells(homes: Points) -> tuple[Points, Floats]:
    """Choose sales that stand for the others: spread over bins of place and size, rounded.

    Returns
    -------
    Points and array of float
        The cells, and the count of sales each stands for (those of its bin, shared among its cells).
    """
    most = params.choice("cells_max", group="prices")
    shape = params.load("models", "price_kernel")["cells"]
    steps = (shape["place_mi"], shape["place_mi"], shape["size_log"])
    axes = [np.floor(v / step) for v, step in zip((homes.x, homes.y, homes.size), steps, strict=True)]
    bins = pd.DataFrame(dict(zip("xys", axes, strict=True))).groupby(list("xys")).ngroup().to_numpy()
    rng = np.random.default_rng(int(shape["seed"]))
    order = rng.permutation(len(homes))
    turn = pd.Series(bins[order]).groupby(bins[order]).cumcount().to_numpy()
    picked = np.sort(order[np.argsort(turn, kind="stable")][:most])
    held = np.bincount(bins, minlength=bins.max() + 1)
    cells_in = np.bincount(bins[picked], minlength=bins.max() + 1)
    found = homes.at(picked)
    rounded = Points(
        x=found.x.round(2), y=found.y.round(2), size=found.size.round(2), years=found.years.round(1)
    )
    return rounded, held[bins[picked]] / cells_in[bins[picked]]


def _weights(homes: Points, target: Floats, group: np.ndarray, cells: Points, kernel: Kernel) -> Floats:
    """Solve for what each cell adds; the homes of one location share an error beside their own.

    A sale far from what its surroundings say is drawn in to them, and the cells are solved once more: a
    home sold within a family, or a floor area of another building, does not pull a street.
    """
    noise, shared = kernel["noise"], kernel["location"]
    across = covariance(homes, cells, kernel)
    count = np.bincount(group)
    pooled = shared / (noise + count * shared)
    order = np.argsort(group, kind="stable")
    starts = np.concatenate([[0], np.cumsum(count)[:-1]])
    sums = np.add.reduceat(across[order], starts, axis=0)
    inner = (across.T @ across - (sums * pooled[:, None]).T @ sums) / noise
    among = covariance(cells, cells, kernel)
    among[np.diag_indices_from(among)] += _JITTER
    scale = 1 / np.sqrt(np.diag(among + inner))
    left = (among + inner) * scale[:, None] * scale

    def solve(target: Floats) -> Floats:
        sums_target = np.add.reduceat(target[order], starts)
        right = (across.T @ target - sums.T @ (pooled * sums_target)) / noise
        return np.asarray(scale * np.linalg.solve(left, scale * right), float)

    weights = solve(target)
    most = params.load("models", "price_kernel")["robust"]["clip_log"]
    said = across @ weights
    return solve(said + np.clip(target - said, -most, most))


def log_price(model: Model, homes: Points) -> Floats:
    """Log of the price per ft2 of each home, without the effect of its year built."""
    held = _within(model, homes)
    found = np.full(len(held), np.nan)
    for start in range(0, len(held), _ROWS):
        rows = np.arange(start, min(start + _ROWS, len(held)))
        found[rows] = model.level + covariance(held.at(rows), model.cells, model.kernel) @ model.weights
    return found


def _within(model: Model, homes: Points) -> Points:
    """Homes at the nearest day and size that were seen: the model does not extrapolate either."""
    return replace(homes, years=np.clip(homes.years, *model.years), size=np.clip(homes.size, *model.sizes))


def doubt(model: Model, homes: Points) -> Floats:
    """Give the standard deviation of the log price that distance from the sales leaves, beside the noise."""
    held, far = _within(model, homes), prior_variance(model.kernel)
    among = covariance(model.cells, model.cells, model.kernel)
    among[np.diag_indices_from(among)] += model.kernel["location"] + model.kernel["noise"] / np.maximum(
        model.counts, 1
    )
    root = np.linalg.cholesky(among)
    found = np.full(len(held), np.nan)
    for start in range(0, len(held), _ROWS):
        rows = np.arange(start, min(start + _ROWS, len(held)))
        across = covariance(held.at(rows), model.cells, model.kernel)
        known = np.linalg.solve(root, across.T)
        found[rows] = far - (known**2).sum(axis=0)
    return np.sqrt(np.maximum(found, _JITTER) + model.kernel["location"])


def spread_terms(model: Model, homes: Points, price: Floats, own: Floats) -> Floats:
    """What the log scale of an error is linear in [home, term]."""
    size = np.clip(homes.size, *model.sizes) - np.median(model.cells.size)
    return np.column_stack([np.ones(len(homes)), np.log(own), size, size**2, price - model.level])


def calibrate(model: Model, homes: Points, error: Floats, *, price: Floats, own: Floats) -> Model:
    """Set the interval by errors at locations the fit did not see.

    Parameters
    ----------
    model
        As fitted to all sales.
    homes, error
        Sales, and their log price less what a fit without their location said.
    price, own
        What that fit said [log USD/ft2], and its doubt.
    """
    terms = spread_terms(model, homes, price, own)
    size = np.log(np.maximum(np.abs(error), 1e-3))
    low, high = np.quantile(size, [0.02, 0.98])
    ridge = np.diag([0.0, *[1e-3 * len(homes)] * (terms.shape[1] - 1)])
    spread = np.linalg.solve(terms.T @ terms + ridge, terms.T @ np.clip(size, low, high))
    spread[1] = max(spread[1], 0.0)
    scaled = error / np.exp(terms @ spread)
    tails = np.quantile(scaled, [_TAIL, 1 - _TAIL])
    return replace(
        model,
        spread=tuple(map(float, spread)),
        tails=(float(tails[0]), float(tails[1])),
        doubt_seen=float(np.quantile(own, _SEEN)),
    )


def predict(model: Model, homes: pd.DataFrame) -> pd.DataFrame:
    """Price homes.

    Parameters
    ----------
    model
        Fitted.
    homes
        ``lat``, ``lon``, ``square_ft`` (> 0), ``sale_date``, ``year_built`` (may be missing): no faults.

    Returns
    -------
    DataFrame on the same index
        ``price_sf``, ``price_sf_p10``, ``price_sf_p90`` [USD of the sale's day per ft2; of one sale],
        ``note``: why a price is missing, or doubtful.
    """
    found = pd.DataFrame(np.nan, index=homes.index, columns=list(OUTPUT))
    found["note"] = ""
    if not len(homes):
        return found
    seen = points(homes)
    miles = nearest_miles(seen, model.cells)
    near = miles <= params.choice("no_price_mi", group="prices")
    if near.any():
        found.loc[near, list(OUTPUT)] = np.exp(_quantiles(model, homes[near], seen.at(near)))
    found["note"] = _notes(model, seen, miles)
    return found


def _quantiles(model: Model, homes: pd.DataFrame, seen: Points) -> Floats:
    """Log of the price and of the ends of its interval [home, 3]."""
    price, own = log_price(model, seen), doubt(model, seen)
    scale = np.exp(spread_terms(model, seen, price, own) @ np.array(model.spread))
    price = price + _built(model, homes["year_built"].to_numpy(float))
    beyond = np.maximum(seen.years - model.years[1], 0) + np.maximum(model.years[0] - seen.years, 0)
    drift = params.choice("drift_per_year", group="prices") * beyond
    more = np.hypot(drift, np.sqrt(np.maximum(own**2 - model.doubt_seen**2, 0)))
    ends = [np.copysign(np.hypot(tail * scale, _Z90 * more), tail) for tail in model.tails]
    return np.column_stack([price, price + ends[0], price + ends[1]])


def _notes(model: Model, seen: Points, miles: Floats) -> np.ndarray:
    far, none = (params.choice(name, group="prices") for name in ("near_sale_mi", "no_price_mi"))
    told = [
        (miles > none, f"not priced: more than {none:g} miles from any sale, another market"),
        (miles > far, f"more than {far:g} miles from any sale: outside the support, not validated"),
        (seen.years > model.years[1] + 1 / 12, "after the last sale known: at its level of prices"),
        (seen.years < model.years[0] - 1 / 12, "before the first sale known: at its level of prices"),
        (seen.size > model.sizes[1], "larger than any home sold: priced as the largest"),
        (seen.size < model.sizes[0], "smaller than any home sold: priced as the smallest"),
    ]
    notes = np.full(len(seen), "", dtype=object)
    for wrong, text in told:
        joined = np.where(notes[wrong] == "", text, notes[wrong] + "; " + text)
        notes[wrong] = np.where(miles[wrong] > none, told[0][1], joined)
    return notes


def _built_effect(sales: pd.DataFrame, error: Floats) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """What the year built adds to the price, by decade, shrunk to nothing where few sales tell it."""
    year = sales["year_built"].to_numpy(float)
    there = np.isfinite(year)
    if there.sum() < params.choice("sales_min", group="prices"):
        return (), ()
    shape = params.load("models", "price_kernel")["built"]
    decade = np.floor(year[there] / shape["years"]) * shape["years"]
    errors = pd.Series(error[there] - error[there].mean())
    by = errors.groupby(decade).agg(["sum", "size"])
    effect = by["sum"] / (by["size"] + shape["shrink_sales"])
    return tuple((by.index + shape["years"] / 2).tolist()), tuple(effect.round(4).tolist())


def _built(model: Model, year: Floats) -> Floats:
    if not model.built[0]:
        return np.zeros(len(year))
    effect = np.interp(year, *model.built)
    return np.where(np.isfinite(year), effect, 0.0)


def load_model(name: str = SHIPPED) -> Model:
    """Load a fitted model from the catalogue."""
    record: dict[str, Any] = params.load("models", name)
    cells = {axis: np.array(record["cells"][axis], float) for axis in ("x", "y", "size", "years")}
    return Model(
        version=str(record["version"]),
        kernel=record["kernel"],
        cells=Points(**cells),
        weights=np.array(record["cells"]["weight"], float),
        counts=np.array(record["cells"]["count"], float),
        level=record["level"],
        spread=tuple(record["spread"]["value"]),
        tails=tuple(record["tails"]["value"]),
        doubt_seen=record["tails"]["doubt_seen"],
        years=tuple(record["years"]),
        sizes=tuple(record["sizes"]),
        built=(tuple(record["built"]["knots"]), tuple(record["built"]["effects"])),
    )
