"""Prices of the homes in a file."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from densitymap import params
from densitymap.errors import MissingDataError, UsageError, ValidationError
from densitymap.feasibility import price_model, price_tests
from densitymap.feasibility.sales import (
    HOME_COLUMNS,
    Cleaned,
    clean,
    first_reason,
    place_faults,
    refuse_swapped,
    typed,
)
from densitymap.pipeline import workspace


def price_file(source: Path, out: Path, *, sales: Path | None = None) -> dict[str, Any]:
    """Price the homes of a file; write a row for each of its rows, in its order.

    Parameters
    ----------
    source
        CSV with ``lat``, ``lon``, ``square_ft``, ``sale_date``, and perhaps ``year_built``; other columns
        are not carried over (they may name people).
    out
        CSV to write.
    sales
        Fit to these sales first; without it the shipped model is used.

    Returns
    -------
    dict
        What was priced, what not and why, the model's version, and the sales that were dropped.

    Raises
    ------
    MissingDataError
        If a file is not there.
    ValidationError
        If a file is refused whole.
    """
    if out.is_dir():
        raise UsageError(f"{out.name} is a folder", next_step="name a file after --out")
    homes = read_homes(source)
    cleaned = read_sales(sales) if sales else None
    model = fitted(cleaned, name=sales.name) if cleaned and sales else price_model.load_model()
    priced = price_homes(homes, model)
    workspace.write_text(out, priced.to_csv(index=False, lineterminator="\n"))
    return _told(priced, model.version, cleaned)


def price_homes(homes: pd.DataFrame, model: price_model.Model) -> pd.DataFrame:
    """Price homes as :func:`read_homes` gives them; a home that cannot be priced says why."""
    reason = first_reason(place_faults(homes))
    fine = reason.eq("")
    names = [*HOME_COLUMNS, "year_built"]
    result = homes[names].assign(sale_date=homes["sale_date"].dt.strftime("%Y-%m-%d"))
    result["year_built"] = result["year_built"].astype("Int64")
    told = price_model.predict(model, homes[fine]).reindex(homes.index)
    result[list(price_model.OUTPUT)] = told[list(price_model.OUTPUT)].round(2)
    result["model_version"] = model.version
    result["note"] = np.where(fine, told["note"].fillna(""), "not priced: " + reason)
    return result


def read_homes(path: Path) -> pd.DataFrame:
    """Read the homes to be priced.

    Raises
    ------
    MissingDataError, ValidationError
        As :func:`read_table` does; and if columns are absent, or latitude and longitude swapped.
    """
    table = read_table(path)
    try:
        homes = typed(table, required=HOME_COLUMNS)
        refuse_swapped(homes)
    except ValidationError as fault:
        raise _named(path, fault) from fault
    return homes


def read_sales(path: Path) -> Cleaned:
    """Read sales to learn from.

    Raises
    ------
    MissingDataError, ValidationError
        As :func:`read_homes` does.
    """
    table = read_table(path)
    try:
        return clean(table, as_of=today())
    except ValidationError as fault:
        raise _named(path, fault) from fault


def _named(path: Path, fault: ValidationError) -> ValidationError:
    head, *_ = str(fault).split("\n")
    return ValidationError(f"{path.name}: {head}", faults=fault.faults, next_step=fault.next_step)


def today() -> date:
    """The day of the run."""
    return datetime.now(tz=UTC).date()


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV as text.

    Raises
    ------
    MissingDataError
        If there is no such file.
    ValidationError
        If it is empty, or not a CSV in UTF-8.
    """
    if not path.is_file():
        raise MissingDataError(f"{path} is not there", next_step="name a CSV file")
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            head = stream.readline()
        table = pd.read_csv(
            path, dtype=str, keep_default_na=False, na_values=[""], encoding="utf-8-sig",
            sep=";" if head.count(";") > head.count(",") else ",", skip_blank_lines=False,
        )  # fmt: skip
    except (
        UnicodeDecodeError,
        csv.Error,
        pd.errors.ParserError,
        pd.errors.EmptyDataError,
        ValueError,
    ) as fault:
        what = (
            "is empty" if isinstance(fault, pd.errors.EmptyDataError) else f"is not a CSV in UTF-8: {fault}"
        )
        raise ValidationError(
            f"{path.name} {what}", next_step="give a CSV whose first line names its columns"
        ) from fault
    except OSError as fault:
        raise MissingDataError(f"{path} cannot be read: {fault.strerror}") from fault
    if not len(table):
        raise ValidationError(f"{path.name} has no rows", next_step="give at least one home under the header")
    return table


def fitted(cleaned: Cleaned, *, name: str) -> price_model.Model:
    """Fit and calibrate the model to sales; its version names the file and the last sale."""
    kernel = params.load("models", "price_kernel")["kernel"]
    last = cleaned.sales["sale_date"].max()
    safe = "".join(c for c in name if c.isalnum() or c in "._-")
    version = f"{safe} to {last:%Y-%m-%d}, {len(cleaned.sales)} sales"
    model = price_model.fit(cleaned.sales, kernel, version=version)
    return price_tests.with_interval(model, cleaned.sales, price_tests.blind_errors(cleaned.sales, kernel))


def _told(priced: pd.DataFrame, version: str, cleaned: Cleaned | None) -> dict[str, Any]:
    missing = priced["price_sf"].isna()
    reasons = priced.loc[priced["note"].ne(""), "note"].value_counts()
    return {
        "rows": len(priced),
        "priced": int((~missing).sum()),
        "not_priced": int(missing.sum()),
        "notes": {str(note): int(count) for note, count in reasons.items()},
        "model_version": version,
        "interval": "80 %: price_sf_p10 to price_sf_p90, of one sale",
        "sales_used": None if cleaned is None else len(cleaned.sales),
        "sales_dropped": None if cleaned is None else cleaned.dropped.to_dict("records"),
    }


def read_neighborhood_sales(path: Path) -> pd.DataFrame:
    """Read yearly means and medians by neighbourhood, for :func:`place_prices`."""
    table = read_table(path)
    names = {"NAME": "neighborhood", "year": "year", "parcels": "sales", "avgprice": "mean_usd",
             "medianprice": "median_usd"}  # fmt: skip
    absent = [name for name in names if name not in table]
    if absent:
        raise ValidationError(f"{path.name} lacks columns", faults=absent)
    table = table[list(names)].rename(columns=names)
    numbers = [name for name in names.values() if name != "neighborhood"]
    table[numbers] = table[numbers].apply(pd.to_numeric, errors="coerce")
    return table.dropna().astype({"year": int})
