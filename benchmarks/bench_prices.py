"""Test the price model in time and space; with --write, write docs/prices.md and the fitted records.

    python benchmarks/bench_prices.py [--write]

Reads the real data pack (DENSITYMAP_REAL or ../shared/real). Takes some minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd

from densitymap import params
from densitymap.feasibility import price_tests, prices, sales
from densitymap.feasibility.costs import load_costs
from densitymap.feasibility.price_document import document, model_record, places_record
from densitymap.feasibility.price_model import fit
from densitymap.pipeline.prices import read_neighborhood_sales, read_sales, read_table

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT / "src" / "densitymap" / "catalog" / "models"
POINTS = "arc/fulton_sales_2018_2023_eastside.csv"
BUILT = "arc/fulton_sales_2022_2023_with_address_yearbuilt_eastside.csv"
PLACES = "sales_neighborhood/sale_prices_by_neighborhood_2016_2024.csv"
TEST_YEAR = 2023


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/prices.md and catalog/models")
    write = parser.parse_args().write
    real = Path(os.environ.get("DENSITYMAP_REAL", ROOT.parent / "shared" / "real"))
    cleaned = read_sales(real / POINTS)
    known = with_year_built(cleaned.sales, real / BUILT)
    kernel = params.load("models", "price_kernel")["kernel"]
    start = time.perf_counter()
    errors = price_tests.blind_errors(known, kernel)
    print(f"blind errors of {len(known):,} sales: {time.perf_counter() - start:.0f} s", flush=True)
    start = time.perf_counter()
    version = f"price_atlanta {known['sale_date'].max():%Y-%m-%d}, {len(known)} sales"
    model = price_tests.with_interval(fit(known, kernel, version=version), known, errors)
    print(f"fit: {time.perf_counter() - start:.0f} s", flush=True)
    if write:
        marks = {name: sha256(real / name) for name in (POINTS, BUILT, PLACES)}
        (MODELS / "price_atlanta.toml").write_text(model_record(model, marks), encoding="utf-8")
    yearly = read_neighborhood_sales(real / PLACES)
    elasticity = load_costs("atlanta")["price_size_elasticity"]
    left_out = prices.leave_one_out(prices.places(yearly, known, elasticity=elasticity))
    table = prices.place_prices(yearly, known, elasticity=elasticity)
    print(left_out.round(3).to_string(), flush=True)
    if write:
        (MODELS / "place_prices_atlanta.toml").write_text(places_record(table, marks), encoding="utf-8")
    told = space_methods(known, model, errors)
    later = time_methods(known, kernel)
    for name, found in {**told, **later}.items():
        print(name, {key: round(value, 3) for key, value in found.items()}, flush=True)
    if write:
        text = document(space=told, time=later, places=left_out, dropped=cleaned.dropped)
        (ROOT / "docs" / "prices.md").write_text(text, encoding="utf-8")


def with_year_built(known: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Carry the year built over from the file that has it: the same day, price, size and point."""
    keys = ["sale_date", "sale_price", "square_ft", "lat", "lon"]
    other = sales.typed(read_table(path), required=sales.SALE_COLUMNS)
    years = other.drop_duplicates(keys).set_index(keys)["year_built"]
    found = years.reindex(pd.MultiIndex.from_frame(known[keys])).to_numpy(float)
    return known.assign(year_built=found)


def space_methods(known: pd.DataFrame, model, errors: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Each method on the same folds of locations; the model once more without towers and in them."""
    fold = errors["fold"].to_numpy()
    paid, blind = known["price_sf"], price_tests.blind_intervals(model, known, errors)
    one = known["is_stacked"].to_numpy(bool)
    trees = price_tests.across_folds(known, fold, price_tests.gradient_boosting)
    naive = price_tests.across_folds(known, fold, price_tests.by_neighborhood)
    rows = {"partial pooling": blind, "gradient boosting": trees, "neighbourhood median": naive}
    found = {f"space, {name}": price_tests.metrics(paid, told) for name, told in rows.items()}
    for name, part in (("houses", ~one), ("many at one point", one)):
        for method in ("partial pooling", "neighbourhood median"):
            told = rows[method][part]
            found[f"space, {method}, {name}"] = price_tests.metrics(paid[part], told)
    return found


def time_methods(known: pd.DataFrame, kernel) -> dict[str, dict[str, float]]:
    """Learn to the year before, price the year."""
    last = known["sale_date"].dt.year == TEST_YEAR
    paid, train, test = known.loc[last, "price_sf"], known[~last], known[last]
    rows = {
        "partial pooling": price_tests.later(known, kernel, year=TEST_YEAR),
        "gradient boosting": price_tests.gradient_boosting(train, test),
        "neighbourhood median": price_tests.by_neighborhood(train, test),
        "neighbourhood median, last two years": price_tests.by_neighborhood(
            train[train["sale_date"].dt.year >= TEST_YEAR - 2], test
        ),
    }
    return {f"time, {name}": price_tests.metrics(paid, told) for name, told in rows.items()}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    main()
