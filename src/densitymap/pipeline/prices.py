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
from densitymap.exports.safe import as_text
from densitymap.feasibility import price_model, price_tests
from densitymap.feasibility.sales import (
    HOME_COLUMNS,
    Cleaned,
    clean,
    count_reasons,
    day_or_month_first,
    first_reason,
    number,
    own_name,
    place_faults,
    refuse_swapped,
    told_reasons,
    typed,
)
from densitymap.pipeline import workspace

MONTH_FIRST = "sale_date read as month/day/year, though other rows write the day first"
OURS = (*price_model.OUTPUT, "model_version", "note")
"""Columns that are added to a reader's own."""


def price_file(source: Path, out: Path, *, sales: Path | None = None) -> dict[str, Any]:
    """Price the homes of a file; write each of its rows, in its order, with what was found beside it.

    Parameters
    ----------
    source
        CSV with ``lat``, ``lon``, ``square_ft``, ``sale_date``, and perhaps ``year_built``. All its columns
        are carried over as they are written there, but for those that name people.
    out
        CSV to write: the columns of ``source``, then :data:`OURS`.
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
        If a file is refused whole, or none of its homes can be priced: nothing is written then.
    """
    if out.is_dir():
        raise UsageError(f"{out.name} is a folder", next_step="name a file after --out")
    table = read_table(source)
    homes = homes_of(table, name=source.name)
    cleaned = read_sales(sales) if sales else None
    model = fitted(cleaned, name=sales.name) if cleaned and sales else price_model.load_model()
    priced = price_homes(homes, model)
    priced["note"] = _with_doubt(priced["note"], table)
    _refuse_unpriced(priced, source.name)
    own, left_out = carried(table)
    written = pd.concat([own, priced], axis=1)
    workspace.write_text(out, written.to_csv(index=False, lineterminator="\n"))
    return _told(priced, model.version, cleaned) | {"columns_left_out": left_out}


def price_homes(homes: pd.DataFrame, model: price_model.Model) -> pd.DataFrame:
    """Price homes as :func:`homes_of` gives them: columns :data:`OURS`; one that has no price says why."""
    reason = first_reason(place_faults(homes))
    fine = reason.eq("")
    told = price_model.predict(model, homes[fine]).reindex(homes.index)
    result = told[list(price_model.OUTPUT)].round(2)
    result["model_version"] = model.version
    result["note"] = np.where(fine, told["note"].fillna(""), "not priced: " + reason)
    return result


def carried(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Give a reader's own columns as they will be written, and the names of those that are left out.

    Columns that name people stay behind; a column of one of our names is marked as the file's; text that a
    spreadsheet would run is marked as text.

    Examples
    --------
    >>> own, left_out = carried(pd.DataFrame({"Owner": ["ANN"], "id": ["=1+1"], "price_sf": ["-3.5"]}))
    >>> own.to_dict("list"), left_out
    ({'id': ["'=1+1"], 'price_sf_in_file': ['-3.5']}, ['Owner'])
    """
    words = params.choice("personal_words", group="price_columns")
    names = [str(name) for name in table.columns]
    personal = [any(word in name.lower() for word in words) for name in names]
    own = table.loc[:, [not is_personal for is_personal in personal]]
    own = own.apply(lambda column: as_text(column).where(number(column).isna(), column))
    own.columns = pd.Index(as_text(pd.Series(_beside_ours([str(name) for name in own.columns]))).to_list())
    return own, [name for name, is_personal in zip(names, personal, strict=True) if is_personal]


def _beside_ours(names: list[str]) -> list[str]:
    """Names of the file's columns; one that is ours is marked, until it is nobody's."""
    found: list[str] = []
    for name in names:
        free = name
        while free in OURS or free in found:
            free = f"{free}_in_file"
        found.append(free)
    return found


def _with_doubt(note: pd.Series, table: pd.DataFrame) -> pd.Series:
    """Add to the notes where a date was read month first though others of the file stand day first."""
    doubtful = day_or_month_first(table[own_name(table.columns, "sale_date")]) & ~note.str.startswith(
        "not priced"
    )
    return note.mask(doubtful, (note + "; " + MONTH_FIRST).str.removeprefix("; "))


def _refuse_unpriced(priced: pd.DataFrame, name: str) -> None:
    """Refuse a file none of whose homes has a price, with the reasons."""
    if priced["price_sf"].notna().any():
        return
    reasons = priced["note"].str.removeprefix("not priced: ")
    raise ValidationError(
        f"{name}: none of its {len(priced):,} homes can be priced",
        faults=told_reasons(count_reasons(reasons)),
        next_step="mend these rows: a home needs lat, lon, square_ft and sale_date",
    )


def homes_of(table: pd.DataFrame, *, name: str) -> pd.DataFrame:
    """Give the homes to be priced of a table of text.

    Raises
    ------
    ValidationError
        If columns are absent, or latitude and longitude swapped.
    """
    try:
        homes = typed(table, required=HOME_COLUMNS)
        refuse_swapped(homes)
    except ValidationError as fault:
        raise _named(name, fault) from fault
    return homes


def read_sales(path: Path) -> Cleaned:
    """Read sales to learn from.

    Raises
    ------
    MissingDataError, ValidationError
        As :func:`read_table` and :func:`homes_of` do.
    """
    table = read_table(path)
    try:
        return clean(table, as_of=today())
    except ValidationError as fault:
        raise _named(path.name, fault) from fault


def _named(name: str, fault: ValidationError) -> ValidationError:
    head, *_ = str(fault).split("\n")
    return ValidationError(f"{name}: {head}", faults=fault.faults, next_step=fault.next_step)


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
    """Fit and calibrate the model to sales; its version names the file and the last sale.

    Raises
    ------
    ValidationError
        If too few sales are left, or they lie at too few points, with why the others were dropped.
    """
    _refuse_few(cleaned, name)
    kernel = params.load("models", "price_kernel")["kernel"]
    last = cleaned.sales["sale_date"].max()
    safe = "".join(c for c in name if c.isalnum() or c in "._-")
    version = f"{safe} to {last:%Y-%m-%d}, {len(cleaned.sales)} sales"
    model = price_model.fit(cleaned.sales, kernel, version=version)
    return price_tests.with_interval(model, cleaned.sales, price_tests.blind_errors(cleaned.sales, kernel))


def _refuse_few(cleaned: Cleaned, name: str) -> None:
    least, folds = (params.choice(part, group="prices") for part in ("sales_min", "folds"))
    points = len(cleaned.sales[["lat", "lon"]].drop_duplicates())
    if len(cleaned.sales) >= least and points >= folds:
        return
    dropped = int(cleaned.dropped["rows"].sum())
    raise ValidationError(
        f"{name}: {len(cleaned.sales):,} of {len(cleaned.sales) + dropped:,} sales can be learnt from, at "
        f"{points:,} different points; at least {least} are needed, at {folds} points or more, for points "
        "are left out in turn to measure the interval",
        faults=told_reasons(cleaned.dropped),
        next_step="give a file with more sales, or leave --sales out: a model is shipped",
    )


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
