"""Sales and homes as files give them: read leniently, judged row by row, each fault with its reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from densitymap import params
from densitymap.errors import ValidationError

HOME_COLUMNS = ("lat", "lon", "square_ft", "sale_date")
"""What a home must have to be priced."""
SALE_COLUMNS = (*HOME_COLUMNS, "sale_price")
"""What a sale must have to be learnt from."""
OPTIONAL = ("year_built", "neighborhood")
SWAPPED = "lat and lon are swapped"
_MINUS = re.compile(r"^\((.*)\)$")
_THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d*)?")
_AMERICAN = r"^(?P<month>\d{1,2})(?P<sign>[-/])(?P<day>\d{1,2})(?P=sign)(?P<year>\d{4})(?!\d)"
_DATES = (
    r"^(?P<year>\d{4})(?P<sign>[-/.])(?P<month>\d{1,2})(?P=sign)(?P<day>\d{1,2})(?!\d)",
    r"^(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})(?!\d)",
    _AMERICAN,
    r"^(?P<day>\d{1,2})(?P<sign>[-/.])(?P<month>\d{1,2})(?P=sign)(?P<year>\d{4})(?!\d)",
)
"""Ways a date is written, the likeliest first: year, month or day in front."""
_EPOCH = r"^(\d{12,13})(?:\.0*)?$"
_MONTHS, _MS_PER_S = 12, 1000
_SPAN = (pd.Timestamp("1700-01-01"), pd.Timestamp("2200-01-01"))
"""Days that a time stamp of nanoseconds can hold: 9999-12-31 stands for "no date"."""


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """Sales that can be learnt from, and a count of the others.

    Attributes
    ----------
    sales
        ``lat``, ``lon`` [degrees], ``square_ft`` [ft2], ``sale_date``, ``sale_price`` [USD of that day],
        ``price_sf`` [USD/ft2], ``year_built`` (missing where unknown), ``neighborhood``,
        ``is_stacked`` (many sales share its point: homes of one building); index is the row of the file.
    dropped
        One row per reason: ``reason``, ``rows``, ``first_row`` (line of the file, its header being line 1).
    """

    sales: pd.DataFrame
    dropped: pd.DataFrame


def clean(table: pd.DataFrame, *, as_of: date | None = None) -> Cleaned:
    """Keep the sales a model can learn from; count the others by reason.

    Parameters
    ----------
    table
        As read, one row per sale; values may be text ("$100,000.00").
    as_of
        A sale after this day is a typing error; without it no date is.

    Raises
    ------
    ValidationError
        If columns are absent (the nearest names are told), or most rows have latitude and longitude
        swapped: the file is then refused whole.

    Examples
    --------
    >>> row = {"lat": "33.75", "lon": "-84.35", "square_ft": "1,500", "sale_date": "2023-01-05"}
    >>> found = clean(pd.DataFrame([row | {"sale_price": "$300,000.00"}, row | {"sale_price": "1"}]))
    >>> found.sales["price_sf"].tolist(), found.dropped["reason"].tolist()
    ([200.0], ['price is under $10,000: a deed, not a market sale'])
    """
    rows = typed(table, required=SALE_COLUMNS)
    refuse_swapped(rows)
    rows["price_sf"] = rows["sale_price"] / rows["square_ft"]
    reason = first_reason(_sale_faults(rows, as_of))
    kept = rows[reason.eq("")].copy()
    kept["is_stacked"] = stacked(kept)
    return Cleaned(sales=kept, dropped=count_reasons(reason))


def typed(table: pd.DataFrame, *, required: tuple[str, ...]) -> pd.DataFrame:
    """Give the columns that are used, by our names and as numbers and dates; what cannot be read is missing.

    Raises
    ------
    ValidationError
        If a required column is absent; all of them are named.
    """
    found = {name: own_name(table.columns, name) for name in (*required, *OPTIONAL)}
    absent = [name for name in required if found[name] is None]
    if absent:
        known = [str(column) for column in table.columns]
        faults = [f"{name}: column is absent.{params.nearest(name, known)}" for name in absent]
        raise ValidationError(
            "The file lacks columns", faults=faults, next_step=f"give the columns {', '.join(required)}"
        )
    result = pd.DataFrame(index=pd.RangeIndex(len(table)))
    for name, source in found.items():
        values = pd.Series(pd.NA, index=result.index, dtype="object")
        if source is not None:
            values = _one(table, source).reset_index(drop=True)
        result[name] = _READERS.get(name, number)(values)
    built = result["year_built"]
    result["year_built"] = built.where(built >= params.choice("year_built_min", group="prices"))
    return result


def _one(table: pd.DataFrame, source: str) -> pd.Series:
    """The column of that name; the first, where a file repeats a name."""
    values = table.loc[:, source]
    return values.iloc[:, 0] if isinstance(values, pd.DataFrame) else values


def own_name(columns: pd.Index, name: str) -> str | None:
    """The file's own name of a column, by the names known for it, the likeliest first."""
    plain = {re.sub(r"[^a-z0-9]+", " ", str(column).lower()).strip(): str(column) for column in columns}
    known = params.choice(name, group="price_columns")
    return next((plain[alias] for alias in known if alias in plain), None)


def number(values: pd.Series) -> pd.Series:
    """Read numbers, also "$1,200.00" and "(5)"; what is none is missing.

    A comma parts thousands or the number is missing: "33,75" is nobody's 3,375.

    Examples
    --------
    >>> number(pd.Series(["33,75", "1.500,00", "1,500", "-$12,345.5"])).tolist()
    [nan, nan, 1500.0, -12345.5]
    >>> number(pd.Series(["$100,000.00", "(5)", "=1+1", None])).tolist()
    [100000.0, -5.0, nan, nan]
    """
    if pd.api.types.is_numeric_dtype(values.dtype):
        found = values.astype("float64")
    else:
        text = values.astype("string").str.strip().str.replace(_MINUS, r"-\1", regex=True)
        text = text.str.replace(r"[$\s]", "", regex=True)
        text = text.mask(text.str.contains(",") & ~text.str.fullmatch(_THOUSANDS))
        found = pd.to_numeric(text.str.replace(",", ""), errors="coerce").astype("float64")
    return found.where(np.isfinite(found))


def day(values: pd.Series) -> pd.Series:
    """Read dates; what is none is missing.

    Year first (``2022-05-01``, ``2022/5/1``, ``20220501``), milliseconds since 1970 in UTC as map servers
    give them, or month/day/year; the day stands first only where no month could (``31/12/2021``).

    Examples
    --------
    >>> day(pd.Series(["2022-05-01T08:30", "20220501", "5/1/2022", "1651363200000"])).dt.day.tolist()
    [1, 1, 1, 1]
    >>> day(pd.Series(["31/12/2021", "31/31/2021", "2021"])).dt.strftime("%d %b").tolist()
    ['31 Dec', nan, nan]
    """
    text = values.astype("string").str.strip().str.slice(0, 40)
    found = pd.Series(pd.NaT, index=values.index, dtype="datetime64[ns]")
    for pattern in _DATES:
        parts = text.str.extract(pattern)
        iso = parts["year"] + "-" + parts["month"] + "-" + parts["day"]
        read = pd.to_datetime(iso, format="%Y-%m-%d", errors="coerce")
        found = found.fillna(read.where(read.between(*_SPAN)).astype("datetime64[ns]"))
    since = pd.to_numeric(text.str.extract(_EPOCH, expand=False), errors="coerce").astype("float64")
    since = since.where(since < _SPAN[1].timestamp() * _MS_PER_S)
    return found.fillna(pd.to_datetime(since, unit="ms").dt.normalize().astype("datetime64[ns]"))


def day_or_month_first(values: pd.Series) -> pd.Series:
    """Tell dates read month first that a file whose other dates stand day first may mean otherwise.

    Examples
    --------
    >>> day_or_month_first(pd.Series(["5/1/2022", "31/12/2021", "5/5/2022", "20220501"])).tolist()
    [True, False, False, False]
    >>> day_or_month_first(pd.Series(["5/1/2022", "12/31/2021"])).tolist()
    [False, False]
    """
    parts = values.astype("string").str.strip().str.extract(_AMERICAN)
    first, second = (
        pd.to_numeric(parts[name], errors="coerce").astype("float64") for name in ("month", "day")
    )
    either = first.le(_MONTHS) & second.le(_MONTHS) & first.ne(second)
    is_day_first_file = bool((first > _MONTHS).any())
    return either & is_day_first_file


def _text(values: pd.Series) -> pd.Series:
    return values.astype("string").str.strip()


_READERS = {"sale_date": day, "neighborhood": _text}


def refuse_swapped(rows: pd.DataFrame) -> None:
    """Refuse a file whose latitudes and longitudes stand in each other's column.

    Raises
    ------
    ValidationError
        If that is so in more than half of the rows that have both.
    """
    both = rows["lat"].notna() & rows["lon"].notna()
    swapped = is_swapped(rows)
    if both.any() and swapped.sum() * 2 > both.sum():
        raise ValidationError(
            f"lat and lon are swapped in {int(swapped.sum()):,} of {int(both.sum()):,} rows",
            faults=[f"line {_line(swapped)}: lat = {rows['lat'][swapped].iloc[0]:g}"],
            next_step="exchange the names of the two columns",
        )


def is_swapped(rows: pd.DataFrame) -> pd.Series:
    """Tell rows whose latitude is a longitude of America and the other way round."""
    return rows["lat"].between(-180, -50) & rows["lon"].between(15, 75)


def place_faults(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Tell what is wrong with the place and the size of a home, by reason."""
    low, high = (params.choice(f"square_ft_{end}", group="prices") for end in ("min", "max"))
    size = rows["square_ft"]
    return {
        "lat or lon is missing or not a number": rows["lat"].isna() | rows["lon"].isna(),
        SWAPPED: is_swapped(rows),
        "lat or lon is not on Earth": ~(rows["lat"].between(-90, 90) & rows["lon"].between(-180, 180)),
        "square_ft is missing or not a number": size.isna(),
        "square_ft is zero or negative": size <= 0,
        f"square_ft is under {low:,}": size < low,
        f"square_ft is over {high:,}: a building sold whole": size > high,
        "sale_date is missing or not a date": rows["sale_date"].isna(),
    }


def _sale_faults(rows: pd.DataFrame, as_of: date | None) -> dict[str, pd.Series]:
    value = {
        name: params.choice(name, group="prices")
        for name in ("sale_price_min_usd", "price_sf_min", "price_sf_max", "sale_year_min")
    }
    price, rate, sold = rows["sale_price"], rows["price_sf"], rows["sale_date"]
    late = sold > pd.Timestamp(as_of) if as_of else pd.Series(data=False, index=rows.index)
    least, low, high = value["sale_price_min_usd"], value["price_sf_min"], value["price_sf_max"]
    return {
        "price is missing or not a number": price.isna(),
        "price is zero or negative": price <= 0,
        f"price is under ${least:,}: a deed, not a market sale": price < least,
        **place_faults(rows),
        "sale_date lies in the future": late,
        f"sale_date is before {value['sale_year_min']}": sold.dt.year < value["sale_year_min"],
        f"price per ft2 is outside ${low:,} to ${high:,}": ~rate.between(low, high),
        "the same sale stands twice": rows.duplicated(["sale_date", "sale_price", "square_ft", "lat", "lon"])
        & ~_shares_point(rows),
    }


def _shares_point(rows: pd.DataFrame) -> pd.Series:
    """Whether so many sales lie at a row's point that two equal ones are likely two homes of one building."""
    count = rows.groupby(["lat", "lon"], dropna=False)["lat"].transform("size")
    return count >= params.choice("stack_min", group="prices")


def first_reason(faults: Mapping[str, pd.Series]) -> pd.Series:
    """Give each row the first reason that holds, or an empty text."""
    index = next(iter(faults.values())).index
    held = np.column_stack([wrong.to_numpy(bool) for wrong in faults.values()])
    reasons = np.array([*faults, ""], dtype=object)
    first = np.where(held.any(axis=1), held.argmax(axis=1), len(faults))
    return pd.Series(reasons[first], index=index)


def told_reasons(counted: pd.DataFrame) -> list[str]:
    """Say each reason of :func:`count_reasons` in a line.

    Examples
    --------
    >>> told_reasons(count_reasons(pd.Series(["", "no price", "no price"])))
    ['2 rows (first: line 3): no price']
    """
    return [
        f"{row['rows']:,} rows (first: line {row['first_row']}): {row['reason']}"
        for row in counted.to_dict("records")
    ]


def count_reasons(reason: pd.Series) -> pd.DataFrame:
    """Count rows by reason, most first."""
    named = reason[reason.ne("")]
    found = named.rename("reason").to_frame().assign(line=named.index.to_numpy() + 2)
    table = found.groupby("reason", as_index=False).agg(rows=("line", "size"), first_row=("line", "min"))
    return table.sort_values(["rows", "reason"], ascending=[False, True], ignore_index=True)


def _line(rows: pd.Series) -> int:
    return int(rows.to_numpy().argmax()) + 2


def stacked(sales: pd.DataFrame) -> pd.Series:
    """Tell sales of homes that share their point with many others: condominiums are kept apart by this."""
    count = sales.groupby(["lat", "lon"])["lat"].transform("size")
    return (count >= params.choice("stack_min", group="prices")).astype("boolean")
