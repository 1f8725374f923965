"""Prices of places: what a standing house of the reference size sells for per ft2, by neighbourhood.

Where sales with a size are known, the place's own; elsewhere from its mean and median price alone, by a
line fitted to the places that have both. How wrong that line is where it can be checked (each such place
left out in turn) is the interval of every place where it cannot.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from densitymap import params, schema
from densitymap.errors import ValidationError
from densitymap.geometry import Floats

BY_SIZE = "sales with size"
BY_MEAN = "neighbourhood mean only"
NOT_VALIDATED = "not validated: no sales with size"
_Z90 = 1.2815515655446004
_YEARS_ABOUT = 1


def place_prices(
    neighborhood_sales: pd.DataFrame | None, sales: pd.DataFrame | None, *, elasticity: float
) -> pd.DataFrame:
    """Price a standing house of the reference size in each neighbourhood, in dollars of the price year.

    Parameters
    ----------
    neighborhood_sales
        ``neighborhood``, ``year``, ``sales``, ``mean_usd``, ``median_usd``; None where there is none. A
        place it lacks takes its median, mean and count from its own sales.
    sales
        From :func:`densitymap.feasibility.sales.clean`, with ``neighborhood``; None where there is none.
    elasticity
        Of the price per ft2 with respect to size (``costs.size_elasticity``: -0.2 in the reference).

    Returns
    -------
    DataFrame, table ``place_prices``
        The interval is of the *place's mean*, not of a single sale.

    Raises
    ------
    ValidationError
        If neither table has a neighbourhood that can be priced.
    """
    own = _own_level(sales, elasticity=elasticity) if sales is not None else _NO_LEVEL
    yearly = yearly_level(neighborhood_sales) if neighborhood_sales is not None else _NO_YEARLY
    names = own.index.union(yearly.index).sort_values()
    if names.empty:
        raise ValidationError("No neighbourhood has sales enough to be priced")
    table = own.reindex(names).join(yearly.reindex(names))
    drawn, spread = _from_means(table)
    known = table["level"].notna()
    level = np.where(known, table["level"], drawn)
    error = np.where(known, table["error"], spread)
    found = pd.DataFrame({"neighborhood": names.astype("string"), "price_usd_per_ft2": np.exp(level)})
    found["price_p10_usd_per_ft2"] = np.exp(level - _Z90 * error)
    found["price_p90_usd_per_ft2"] = np.exp(level + _Z90 * error)
    found["price_source"] = np.where(known, BY_SIZE, BY_MEAN)
    found["price_note"] = np.where(known, "", NOT_VALIDATED)
    found["price_year"] = params.choice("price_year", group="prices")
    for name, own_name in _OWN.items():
        found[name] = table[name].fillna(table[own_name]).to_numpy()
    found = found[np.isfinite(level)].reset_index(drop=True)
    return schema.conform(found, "place_prices")


_OWN = {
    "median_sale_price_usd": "own_median_usd", "mean_sale_price_usd": "own_mean_usd", "sales_count": "houses",
}  # fmt: skip
"""What the yearly table says of a place, and what its own sales of houses say of the same."""
_NO_LEVEL = pd.DataFrame(columns=["level", "error", *_OWN.values()], dtype=float).rename_axis("neighborhood")
_NO_YEARLY = pd.DataFrame(columns=list(_OWN), dtype=float).rename_axis("neighborhood")


def _own_level(sales: pd.DataFrame, *, elasticity: float) -> pd.DataFrame:
    """Log USD/ft2 of a house of the reference size by place, from its own sales of houses.

    Homes that share a point with many are condominiums and do not count. Each year's sales are carried to
    the price year by what the sales of all places moved (a line through their yearly levels).
    """
    year = params.choice("price_year", group="prices")
    first = params.choice("place_first_year", group="prices")
    size = params.choice("reference_house_ft2", group="prices")
    houses = sales[~sales["is_stacked"].astype(bool) & sales["neighborhood"].notna()]
    houses = houses[houses["sale_date"].dt.year >= first]
    place = houses["neighborhood"].astype(str)
    level = np.log(houses["price_sf"]) - elasticity * np.log(houses["square_ft"] / size)
    years = houses["sale_date"].dt.year + (houses["sale_date"].dt.day_of_year - 1) / 365.25
    moved = _trend(level, years, place) * (years - (year + 0.5))
    groups, paid = (level - moved).groupby(place), (houses["sale_price"] * np.exp(-moved)).groupby(place)
    count, middle = groups.size(), groups.median()
    assumed = params.choice("place_sale_sd", group="prices")
    spread = groups.std().fillna(assumed).clip(lower=assumed / 2)
    found = pd.DataFrame({"level": middle, "error": spread * np.sqrt(np.pi / 2 / count), "houses": count})
    found["own_median_usd"], found["own_mean_usd"] = paid.median(), paid.mean()
    return found[count >= params.choice("place_sales_min", group="prices")].rename_axis("neighborhood")


def _trend(level: pd.Series, years: pd.Series, place: pd.Series) -> float:
    """Yearly move of the log level within places; drawn to none where sales are few, or all of a few days.

    The best guess where a year's move is of the catalogue's drift, and a sale of its spread about its place.
    """
    spread, drift = (params.choice(name, group="prices") for name in ("place_sale_sd", "drift_per_year"))
    within_years, within = (v - v.groupby(place).transform("mean") for v in (years, level))
    return float((within_years * within).sum() / ((within_years**2).sum() + (spread / drift) ** 2))


def yearly_level(table: pd.DataFrame) -> pd.DataFrame:
    """Mean and median price and count of sales by place about the price year, weighted by sales.

    Other years than the price year are carried to it by what the median of all places moved.
    """
    year = params.choice("price_year", group="prices")
    use = table[(table["year"] - year).abs() <= _YEARS_ABOUT]
    use = use[(use["median_usd"] > 0) & (use["mean_usd"] > 0) & (use["sales"] > 0)]
    moved = _moved(use, year)
    use = use[
        use["year"].map(moved).notna()
    ]  # a year no place shares with the price year cannot be brought to it
    found = {}
    for name in ("median", "mean"):
        logs = np.log(use[f"{name}_usd"]) - use["year"].map(moved)
        total = (logs * use["sales"]).groupby(use["neighborhood"]).sum()
        found[f"{name}_sale_price_usd"] = np.exp(total / use["sales"].groupby(use["neighborhood"]).sum())
    found["sales_count"] = use["sales"].groupby(use["neighborhood"]).sum()
    return pd.DataFrame(found)


def _moved(use: pd.DataFrame, year: int) -> pd.Series:
    """Log of how the places' median stood in each year to the price year: places that sold in both."""
    wide = use.assign(log=np.log(use["median_usd"])).pivot_table(
        index="neighborhood", columns="year", values="log"
    )
    if year not in wide:
        return pd.Series(0.0, index=wide.columns)
    return wide.sub(wide[year], axis=0).median()


def _from_means(table: pd.DataFrame) -> tuple[Floats, float]:
    """Draw the line from the means, and tell its error where a place is left out."""
    told = leave_one_out(table)
    if told.empty:
        return np.full(len(table), np.nan), np.nan
    both = table.loc[told.index]
    line = _solve(_features(both), both["level"].to_numpy(float))
    spread = float(np.sqrt((told["error"] ** 2).mean()))
    return _features(table) @ line, spread


def _features(table: pd.DataFrame) -> Floats:
    """Constant, log of the mean price, and how far the mean stands over the median."""
    mean, median = (np.log(table[f"{name}_sale_price_usd"].to_numpy(float)) for name in ("mean", "median"))
    return np.column_stack([np.ones(len(table)), mean, mean - median])


def _solve(features: Floats, level: Floats) -> Floats:
    """Least squares, the slopes held back a little: there are few places."""
    ridge = np.diag([0.0, *[0.1] * (features.shape[1] - 1)])
    middle = np.array([0.0, *features[:, 1:].mean(axis=0)])
    centred = features - middle
    slopes = np.linalg.solve(centred.T @ centred + ridge, centred.T @ level)
    slopes[0] -= slopes[1:] @ middle[1:]
    return np.asarray(slopes, float)


def leave_one_out(table: pd.DataFrame) -> pd.DataFrame:
    """Tell each place that has both from the others: its $/ft2 from its mean price and features alone.

    Returns
    -------
    DataFrame on the places with both
        ``level`` and ``told`` [log USD/ft2], ``error`` (level less told), ``naive`` error: the median of
        the others' levels. Empty where fewer than five places have both.
    """
    both = table.dropna(subset=["level", "mean_sale_price_usd", "median_sale_price_usd"])
    columns = ["level", "told", "error", "naive"]
    if len(both) < params.choice("places_min_for_means", group="prices"):
        return pd.DataFrame(columns=columns, dtype=float)
    features, level = _features(both), both["level"].to_numpy(float)
    told, others = np.empty(len(both)), np.empty(len(both))
    for place in range(len(both)):
        rest = np.arange(len(both)) != place
        told[place] = features[place] @ _solve(features[rest], level[rest])
        others[place] = np.median(level[rest])
    found = pd.DataFrame({"level": level, "told": told}, index=both.index)
    return found.assign(error=level - told, naive=level - others)[columns]


def places(neighborhood_sales: pd.DataFrame, sales: pd.DataFrame, *, elasticity: float) -> pd.DataFrame:
    """Join a place's own level to its means, for :func:`leave_one_out`."""
    own, yearly = _own_level(sales, elasticity=elasticity), yearly_level(neighborhood_sales)
    return own.join(yearly, how="outer")
