"""Sales and permits, with the bad rows such files have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from densitymap.sample.draw import Floats, Integers, normal, pick, quantile, uniform
from densitymap.sample.grid import Grid
from densitymap.sample.homes import price_level

_DAYS_PER_YEAR = 365
_SALE_FAULTS = ("one dollar", "zero", "negative", "no area", "future", "dollar text")


def sales(grid: Grid, lots: pd.DataFrame) -> pd.DataFrame:
    """Sales of houses, townhouses and condominiums (a tower's homes share one point).

    Parameters
    ----------
    grid
        The plan.
    lots
        Lots with what stands on them, ``latitude``, ``longitude``.

    Returns
    -------
    DataFrame of text
        ``sale_date``, ``sale_price``, ``square_ft``, ``year_built``, ``lat``, ``lon``,
        ``neighborhood``.
    """
    settings = grid.settings
    sold = lots[lots["use"].isin(["house", "townhouse", "duplex", "condo"])]
    copies = np.where(sold["use"].eq("condo"), sold["homes"], 1)
    sold = sold.loc[sold.index.repeat(copies)]
    home = sold.groupby("number").cumcount().to_numpy()
    keys = sold["key"].to_numpy() * 64 + home
    chance = settings["market.yearly_share"] * settings["market.years"]
    chosen = uniform(grid.seed, "sold", keys) < chance
    sold, keys = sold[chosen], keys[chosen]
    day = (uniform(grid.seed, "sale day", keys) * settings["market.years"] * _DAYS_PER_YEAR).astype(int)
    floor = np.where(
        sold["use"].eq("condo"), sold["floor_ft2"] / sold["homes"].clip(lower=1), sold["floor_ft2"]
    ).round()
    price = _price(grid, sold, keys, floor, day / _DAYS_PER_YEAR)
    date = np.datetime64(f"{settings['market.first_year']}-01-01") + day.astype("timedelta64[D]")
    hood = grid.cells["neighborhood"].reindex(sold["cell"]).to_numpy()
    table: dict[str, Any] = {
        "sale_date": date.astype(str), "sale_price": price.astype(int).astype(str),
        "square_ft": floor.astype(int).astype(str),
        "year_built": np.where(sold["year_built"] > 0, sold["year_built"].astype(str), ""),
        "lat": sold["latitude"].round(7), "lon": sold["longitude"].round(7), "neighborhood": hood,
    }  # fmt: skip
    return _spoil(grid, pd.DataFrame(table).reset_index(drop=True), keys, price)


def permits(grid: Grid, lots: pd.DataFrame, *, address: pd.Series) -> pd.DataFrame:
    """Building permits as the City's permit system gives them; some coordinates belong to another row."""
    settings, keys = grid.settings, lots["key"].to_numpy()
    chosen = uniform(grid.seed, "permit", keys) < settings["market.permit_share"]
    part, keys = lots[chosen], keys[chosen]
    types = settings["market.record_types"]
    kind = np.array(list(types), object)[pick(uniform(grid.seed, "permit type", keys), list(types.values()))]
    span = settings["market.permit_years"] * _DAYS_PER_YEAR
    day = (uniform(grid.seed, "permit day", keys) * span).astype(int)
    date = np.datetime64("2015-01-01") + day.astype("timedelta64[D]")
    table = pd.DataFrame(
        {
            "record_id": "BB-" + date.astype("datetime64[Y]").astype(str).astype(object)
            + part["number"].astype(str).str.zfill(7).to_numpy(object),
            "address": address[chosen].to_numpy(), "record_type": kind, "date_opened": date.astype(str),
            "latitude": part["latitude"].round(8).to_numpy(),
            "longitude": part["longitude"].round(8).to_numpy(),
        }
    )  # fmt: skip
    wrong = uniform(grid.seed, "permit place", keys) < settings["market.bad_permit_share"]
    places = table[["latitude", "longitude"]].to_numpy(copy=True)
    places[wrong] = np.roll(places, len(places) // 3 + 1, axis=0)[wrong]
    table[["latitude", "longitude"]] = places
    return table


def _price(grid: Grid, sold: pd.DataFrame, keys: Integers, floor: Floats, years: Floats) -> Floats:
    """Price [USD of the sale's year]: land and building (in its repair) at the place's level, with noise."""
    settings = grid.settings
    rate = quantile(price_level(grid, sold), settings["value.house_usd_per_ft2"])
    land = sold["land_usd"].to_numpy() / np.where(sold["use"].eq("condo"), sold["homes"].clip(lower=1), 1)
    since = settings["market.years"] - years
    noise = np.exp(settings["market.spread"] * normal(grid.seed, "sale price", keys))
    price = (
        (land + rate * floor * sold["repair"].to_numpy()) * noise / (1 + settings["market.growth"]) ** since
    )
    return np.asarray((price / 500).round() * 500, float)


def _spoil(grid: Grid, table: pd.DataFrame, keys: Integers, price: Floats) -> pd.DataFrame:
    """Spoil a few rows in each of the ways real sales files are spoilt."""
    bad = uniform(grid.seed, "bad sale", keys) < grid.settings["market.bad_share"]
    kind = pick(uniform(grid.seed, "bad sale kind", keys), [1 / len(_SALE_FAULTS)] * len(_SALE_FAULTS))
    spoilt = {
        "one dollar": ("sale_price", "1"), "zero": ("sale_price", "0"),
        "negative": ("sale_price", "-" + table["sale_price"]),
        "no area": ("square_ft", ""), "future": ("sale_date", "2031-06-30"),
        "dollar text": ("sale_price", pd.Series([f"${p:,.2f}" for p in price], index=table.index)),
    }  # fmt: skip
    for number, name in enumerate(_SALE_FAULTS):
        column, value = spoilt[name]
        table[column] = table[column].mask(bad & (kind == number), value)
    return table
