"""Prices of neighbourhoods: the build tells them from the workspace's own sales; shipped ones stand in."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd

from densitymap import geometry, params, schema
from densitymap.city import City, load_city
from densitymap.errors import ValidationError
from densitymap.feasibility.prices import place_prices
from densitymap.feasibility.sales import Cleaned, clean
from densitymap.pipeline import workspace
from densitymap.pipeline.layers import Layers
from densitymap.pipeline.prices import today
from densitymap.pipeline.workspace import Workspace

TABLE = "place_prices"
ROLE = "prices"
"""Role of the layers that prices are told from."""
SALES, MEANS = "sales_with_size", "sales_by_neighborhood"
SHIPPED = "shipped: told from sales that are not in this workspace"
_DEGREES = "EPSG:4326"
_DIGITS = 7
"""Decimals of a degree that publishers give: homes of one building stay on one point."""


def build_places(space: Workspace, city: City, layers: Layers, *, elasticity: float) -> dict[str, Any]:
    """Write the prices of neighbourhoods, and say what they are told from.

    Parameters
    ----------
    space, city, layers
        The build.
    elasticity
        Of the price per ft2 with respect to size.

    Returns
    -------
    dict
        JSON-able: the year of the dollars, places by source, and of each layer read its title, vintage and
        rows; what was dropped, and why.
    """
    cleaned = _sales(layers) if layers.has(SALES) else None
    means = _means(layers) if layers.has(MEANS) else None
    own, fault = _own(means, cleaned, elasticity)
    table = beside_shipped(own, city.code)
    workspace.write_frame(space.results / f"{TABLE}.parquet", table)
    read = [name for name in (layer.name for layer in city.with_role(ROLE)) if layers.has(name)]
    return {
        "year": params.choice("price_year", group="prices"),
        "places": {str(source): int(count) for source, count in table["price_source"].value_counts().items()},
        "places_shipped": int(table["price_note"].str.startswith(SHIPPED).sum()),
        "layers": [_receipt(layers.receipts[name]) for name in read],
        "sales_used": None if cleaned is None else len(cleaned.sales),
        "sales_dropped": [] if cleaned is None else cleaned.dropped[["reason", "rows"]].to_dict("records"),
        "fault": fault,
    }


def sales_marks(city: City, layers: Layers) -> list[str]:
    """Hashes of the layers that prices are told from."""
    names = [layer.name for layer in city.with_role(ROLE)]
    return [layers.receipts[name]["output_sha256"] for name in names if layers.has(name)]


def read_places(space: Workspace) -> pd.DataFrame:
    """Give the prices of neighbourhoods of the last build; where nothing is built, the shipped ones."""
    path = space.results / f"{TABLE}.parquet"
    return workspace.read_frame(path) if path.is_file() else shipped_places(load_city().code)


def shipped_places(code: str = "atlanta") -> pd.DataFrame:
    """Give a city's shipped prices by neighbourhood: table ``place_prices``, empty where none are shipped."""
    name = f"{TABLE}_{code}"
    rows = params.load("models", name)["places"] if name in params.names("models") else []
    return schema.conform(pd.DataFrame(rows), TABLE)


def beside_shipped(own: pd.DataFrame, code: str) -> pd.DataFrame:
    """Give the workspace's own prices, and the shipped ones of the other places, marked."""
    shipped = shipped_places(code)
    others = shipped[~shipped["neighborhood"].isin(own["neighborhood"])]
    notes = others["price_note"].fillna("")
    marked = others.assign(price_note=SHIPPED + ("; " + notes).where(notes.ne(""), ""))
    both = [part for part in (own, marked) if len(part)]
    table = pd.concat(both, ignore_index=True) if both else own
    return schema.conform(table.sort_values("neighborhood", ignore_index=True), TABLE)


def _own(
    means: pd.DataFrame | None, cleaned: Cleaned | None, elasticity: float
) -> tuple[pd.DataFrame, str | None]:
    """Price the places by the workspace's sales; no place, and the reason, where they cannot tell any."""
    try:
        own = place_prices(means, None if cleaned is None else cleaned.sales, elasticity=elasticity)
    except ValidationError as fault:
        return schema.conform(pd.DataFrame(), TABLE), str(fault).split("\n")[0]
    return own, None


def _sales(layers: Layers) -> Cleaned:
    """Clean the sales; a sale without a neighbourhood takes the one it lies in."""
    layer = layers.read(SALES)
    degrees = layer.geometry.to_crs(_DEGREES)
    table = pd.DataFrame(
        {
            "lat": degrees.y.round(_DIGITS), "lon": degrees.x.round(_DIGITS), "sale_date": layer["sale_date"],
            "sale_price": layer["sale_price_stated_usd"], "square_ft": layer["sale_floor_area_ft2"],
            "year_built": layer["sale_year_built"], "neighborhood": layer["neighborhood"],
        }
    )  # fmt: skip
    if layers.has("neighborhoods"):
        table["neighborhood"] = table["neighborhood"].fillna(_located(layer, layers.read("neighborhoods")))
    return clean(table, as_of=today())


def _located(sales: gpd.GeoDataFrame, neighborhoods: gpd.GeoDataFrame) -> pd.Series:
    found = geometry.locate(geometry.geometries(sales), neighborhoods)
    names = neighborhoods["neighborhood"].reset_index(drop=True)
    return pd.Series(geometry.take(names, found), index=sales.index, dtype="string")


def _means(layers: Layers) -> pd.DataFrame:
    """Yearly means and medians as :func:`~densitymap.feasibility.prices.place_prices` asks for them."""
    names = {"sold_in_year": "year", "sales_in_year": "sales", "sale_mean_usd": "mean_usd",
             "sale_median_usd": "median_usd"}  # fmt: skip
    table = layers.read(MEANS).rename(columns=names).dropna()
    return table.astype({"year": int, "sales": float, "mean_usd": float, "median_usd": float})


def _receipt(receipt: dict[str, Any]) -> dict[str, Any]:
    return {name: receipt[name] for name in ("layer", "title", "vintage", "licence", "rows_out")}
