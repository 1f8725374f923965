"""Read a table of building permits: what each is, when, where; and refuse one whose places are not its own.

Coordinates can be shifted against their rows and still all lie in the city. A row is contradicted where its
address says so: the quadrant, the house numbers of its street, the same address elsewhere, its ZIP code,
its own lot. A few contradicted rows are set aside and named; more mean rows were shifted, and the file is
refused. No column that says which rows are wrong is ever read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyproj import Transformer

from densitymap import params
from densitymap.errors import ValidationError
from densitymap.feasibility.addresses import parts
from densitymap.geometry import Floats

Test = Callable[[pd.DataFrame], tuple[Floats, str]]
Flags = npt.NDArray[np.bool_]
_NOT_ITS_LOT = "they are not where the lots of the address's street lie"
_NEEDED = ("record_type", "date_opened")
_DEGREES, CITY_CRS = "EPSG:4326", "EPSG:2240"


def rules() -> Mapping[str, Any]:
    """Rules of reading, from ``catalog/uptake/permits.toml``."""
    return params.load("uptake", "permits")


def read_permits(table: pd.DataFrame, *, today: str, where: str = "the permits file") -> pd.DataFrame:
    """Read permits from a table of text.

    Parameters
    ----------
    table
        Every cell as text, the publisher's own column names.
    today
        Date of the run, ISO: a permit after it is a fault.
    where
        Name of the file, for messages.

    Returns
    -------
    DataFrame on the same index
        ``record_id address record_type kind process date year parcel_id longitude latitude x_ft y_ft number
        street quadrant zip``; withdrawn permits and rows with a fault of their own are left out.
        ``attrs["set_aside"]`` names the latter.

    Raises
    ------
    ValidationError
        If columns are absent, or too many rows have an unreadable date or place.
    """
    named = _named(table, where)
    date, date_faults = _dates(named["date_opened"], today)
    x_ft, y_ft, place_faults = _places(named)
    detail = named["record_type"].fillna("") + " " + named["detail"].fillna("")
    kind = kinds(detail)
    found = named[["record_id", "address", "record_type", "parcel_id"]].assign(
        kind=kind, process=kind.map(_processes()), date=date, year=date.dt.year.astype("Int64"),
        longitude=pd.to_numeric(named["longitude"], errors="coerce"),
        latitude=pd.to_numeric(named["latitude"], errors="coerce"), x_ft=x_ft, y_ft=y_ft,
    )  # fmt: skip
    found = found.join(parts(found["address"]))
    faults = date_faults.where(date_faults != "", place_faults)
    _refuse_many(named, faults, where)
    void = named["status"].fillna("").str.lower().str.contains("|".join(rules()["status_void"]["value"]))
    kept = found[(faults == "").to_numpy() & ~void.to_numpy(bool)]
    kept.attrs["set_aside"] = _told(named, faults)
    return kept


def kinds(text: pd.Series) -> pd.Series:
    """Kind of each permit by the words of its type; the first kind of the catalogue that matches.

    Examples
    --------
    >>> kinds(pd.Series(["Two Family New", "Residential Addition", "Accessory Dwelling Unit"])).tolist()
    ['duplex', 'other', 'adu']
    """
    lower = text.astype("string").str.lower().fillna("")
    found = pd.Series(pd.NA, index=text.index, dtype="string")
    for kind in rules()["kind"]:
        fits = pd.Series(data=False, index=text.index)
        for group in kind["words"]:
            whole = pd.Series(data=True, index=text.index)
            for word in group:
                whole &= _holds(lower, word)
            fits |= whole
        for word in kind["without"]:
            fits &= ~_holds(lower, word)
        found = found.mask(found.isna() & fits, kind["name"])
    return found


def _holds(text: pd.Series, word: str) -> pd.Series:
    """Whether the whole word occurs, or its plural; the empty word always does."""
    pattern = rf"(?<![a-z]){re.escape(word)}(?:s|es)?(?![a-z])" if word else ""
    return text.str.contains(pattern, regex=True).astype(bool)


def _processes() -> dict[str, str]:
    return {kind["name"]: kind["process"] for kind in rules()["kind"]}


def _named(table: pd.DataFrame, where: str) -> pd.DataFrame:
    known = {name.strip().lower(): name for name in table.columns}
    columns: dict[str, pd.Series] = {}
    wanted = {name: names for name, names in rules()["columns"].items() if name != "cite"}
    for name, spellings in wanted.items():
        there = [known[spelling] for spelling in spellings if spelling in known]
        text = table[there[0]].astype("string").str.strip() if there else pd.Series(pd.NA, table.index)
        columns[name] = text.astype("string").mask(lambda part: part == "")
    absent = [name for name in _NEEDED if columns[name].isna().all()]
    located = [name for name in ("address", "parcel_id", "latitude") if columns[name].notna().any()]
    faults = [f"{name}: no such column; it may be called {', '.join(wanted[name])}" for name in absent]
    if not located:
        faults.append("no place: neither an address, a parcel nor coordinates")
    if faults:
        raise ValidationError(
            f"{where} is not a table of permits", faults=faults, next_step="rename its columns"
        )
    named = pd.DataFrame(columns, index=table.index)
    row = pd.Series([f"row {number + 2}" for number in range(len(table))], index=table.index)
    return named.assign(record_id=named["record_id"].fillna(row))


def _dates(text: pd.Series, today: str) -> tuple[pd.Series, pd.Series]:
    """Dates, and what is wrong with those that cannot be; epoch milliseconds are read too."""
    milliseconds = text.str.fullmatch(r"-?\d{11,14}").fillna(value=False).astype(bool)
    date = pd.to_datetime(text.mask(milliseconds), errors="coerce", format="mixed", utc=True)
    numbers = pd.to_numeric(text.where(milliseconds), errors="coerce")
    date = date.fillna(pd.to_datetime(numbers, unit="ms", errors="coerce", utc=True)).dt.tz_localize(None)
    earliest = pd.Timestamp(year=rules()["earliest_year"]["value"], month=1, day=1)
    fault = pd.Series("", index=text.index, dtype=object)
    fault = fault.mask(date < earliest, "its date is before any permit system")
    fault = fault.mask(date > pd.Timestamp(today), "its date is in the future")
    return date, fault.mask(date.isna(), "its date cannot be read")


def _places(named: pd.DataFrame) -> tuple[Floats, Floats, pd.Series]:
    """Coordinates in EPSG:2240 [ft], NaN where there are none, and what is wrong with them."""
    latitude = pd.to_numeric(named["latitude"], errors="coerce").to_numpy(float, na_value=np.nan)
    longitude = pd.to_numeric(named["longitude"], errors="coerce").to_numpy(float, na_value=np.nan)
    bounds = rules()["area_bounds"]
    inside = (latitude >= bounds["south"]) & (latitude <= bounds["north"])
    inside &= (longitude >= bounds["west"]) & (longitude <= bounds["east"])
    given = named["latitude"].notna() | named["longitude"].notna()
    unread = given.to_numpy(bool) & (np.isnan(latitude) | np.isnan(longitude))
    fault = pd.Series("", index=named.index, dtype=object)
    fault = fault.mask(given.to_numpy(bool) & ~inside, "its coordinates are far from the city")
    fault = fault.mask(unread, "its coordinates cannot be read")
    across = Transformer.from_crs(_DEGREES, CITY_CRS, always_xy=True)
    x, y = across.transform(np.where(inside, longitude, np.nan), np.where(inside, latitude, np.nan))
    x, y = (np.where(np.isfinite(part) & inside, part, np.nan) for part in (x, y))
    return x, y, fault


def _refuse_many(named: pd.DataFrame, faults: pd.Series, where: str) -> None:
    wrong = int((faults != "").sum())
    if wrong > rules()["wrong_share_max"]["value"] * len(named):
        raise ValidationError(
            f"{where}: {wrong:,} of {len(named):,} rows cannot be used",
            faults=_told(named, faults),
            next_step="correct these rows, or ask the publisher for the file again",
        )


def _told(named: pd.DataFrame, faults: pd.Series) -> list[str]:
    """Name rows with a fault, at most as many as a message holds."""
    wrong = faults[faults != ""]
    most = rules()["rows_told"]["value"]
    names = named.loc[wrong.index, "record_id"].astype(str) + " ("
    names += named.loc[wrong.index, "address"].fillna("no address").astype(str) + "): " + wrong
    return [*names.head(most).tolist(), *([f"and {len(names) - most:,} more"] if len(names) > most else [])]


def believed(
    permits: pd.DataFrame, *, lots: pd.DataFrame | None = None, where: str = "the permits file"
) -> pd.DataFrame:
    """Leave out the few rows whose coordinates are contradicted; refuse a file with many.

    Parameters
    ----------
    permits
        From :func:`read_permits`.
    lots
        ``site_address``, ``parcel_key``, ``x_ft`` and ``y_ft`` of lots; None where no lots are at hand.
    where
        Name of the file, for messages.

    Raises
    ------
    ValidationError
        Naming the rows, if more of them than a geocoder misses lie elsewhere than their address.
    """
    doubts = contradictions(permits, lots=lots)
    located = int(permits["x_ft"].notna().sum())
    wrong = doubts["weight"] > 0
    total = float(doubts["weight"].sum())
    limit = rules()
    reasons = doubts["reason"].where(wrong, "")
    if total >= limit["wrong_rows_min"]["value"] and total > limit["wrong_share_max"]["value"] * located:
        raise ValidationError(
            f"{where}: the coordinates of {int(wrong.sum()):,} of {located:,} rows belong to other rows",
            faults=_told(permits, reasons),
            next_step="ask the publisher for the file again, or geocode the addresses anew",
        )
    kept = permits[~wrong]
    kept.attrs["set_aside"] = [*permits.attrs.get("set_aside", []), *_told(permits, reasons)]
    return kept


def contradictions(permits: pd.DataFrame, *, lots: pd.DataFrame | None = None) -> pd.DataFrame:
    """Which rows' coordinates their own words contradict.

    Returns
    -------
    DataFrame on the same index
        ``weight`` (0: not contradicted; 0.5: it or the one row it is compared with; 1) and ``reason``.
    """
    found = pd.DataFrame({"weight": 0.0, "reason": ""}, index=permits.index)
    rest = permits
    if lots is not None:
        weight, at_home = _by_lot(permits, lots)
        found = found.assign(weight=weight, reason=np.where(weight > 0, _NOT_ITS_LOT, ""))
        rest = permits[~at_home & (weight == 0)]  # a row on its own lot needs no further witness
    alone: list[Test] = [_by_quadrant, _by_zip]
    beside: list[Test] = [_by_address, _by_street]
    for tests in (alone, beside):
        found.loc[rest.index] = _strongest(rest, tests, found.loc[rest.index])
        rest = rest[found.loc[rest.index, "weight"] < 1]  # a wrong row says nothing of its neighbours
    return found


def _strongest(permits: pd.DataFrame, tests: list[Test], found: pd.DataFrame) -> pd.DataFrame:
    for test in tests:
        weight, reason = test(permits)
        stronger = weight > found["weight"].to_numpy()
        found = found.assign(
            reason=found["reason"].mask(stronger, reason), weight=np.maximum(found["weight"], weight)
        )
    return found


def _by_quadrant(permits: pd.DataFrame) -> tuple[Floats, str]:
    centre, slack = rules()["quadrant_centre"], rules()["quadrant_tolerance_ft"]["value"]
    across = Transformer.from_crs(_DEGREES, CITY_CRS, always_xy=True)
    x, y = across.transform(centre["longitude"], centre["latitude"])
    east, north = (permits["x_ft"] - x).to_numpy(float), (permits["y_ft"] - y).to_numpy(float)
    quadrant = permits["quadrant"].fillna("").astype(str)
    wrong = (quadrant.str.startswith("N") & (north < -slack)) | (
        quadrant.str.startswith("S") & (north > slack)
    )
    wrong |= (quadrant.str.endswith("E") & (east < -slack)) | (quadrant.str.endswith("W") & (east > slack))
    return wrong.to_numpy(float), "they lie in another quadrant than the address"


def _by_zip(permits: pd.DataFrame) -> tuple[Floats, str]:
    located = permits[permits["zip"].notna() & permits["x_ft"].notna()]
    grouped = located.groupby("zip")
    middle, size = grouped[["x_ft", "y_ft"]].transform("median"), grouped["x_ft"].transform("size")
    apart = np.hypot(located["x_ft"] - middle["x_ft"], located["y_ft"] - middle["y_ft"])
    wrong = (apart > rules()["zip_reach_ft"]["value"]) & (size >= rules()["zip_rows_min"]["value"])
    return _spread(permits, wrong.astype(float)), "they are far from the other rows of the ZIP code"


def _by_address(permits: pd.DataFrame) -> tuple[Floats, str]:
    keys = ["number", "street"]
    located = permits[permits["street"].notna() & permits["x_ft"].notna()]
    grouped = located.groupby(keys)
    middle, size = grouped[["x_ft", "y_ft"]].transform("median"), grouped["x_ft"].transform("size")
    apart = np.hypot(located["x_ft"] - middle["x_ft"], located["y_ft"] - middle["y_ft"])
    wrong = apart > rules()["same_address_ft"]["value"]
    weight = wrong.astype(float).where(size > 2, wrong * 0.5)  # noqa: PLR2004 (of two, one is wrong)
    return _spread(permits, weight), "another row has the same address elsewhere"


def _by_street(permits: pd.DataFrame) -> tuple[Floats, str]:
    located = permits[permits["street"].notna() & permits["x_ft"].notna()]
    ordered = located.sort_values(["street", "number"], kind="stable")
    compared, wrong = np.zeros(len(ordered)), np.zeros(len(ordered))
    reach = rules()["neighbours_compared"]["value"]
    for step in [*range(-reach, 0), *range(1, reach + 1)]:
        other = ordered.shift(step)
        same = (other["street"] == ordered["street"]).to_numpy(bool, na_value=False)
        far = _too_far(ordered, other)
        compared += same
        wrong += same & far
    weight = np.where(2 * wrong > compared, 1.0, 0.0) * np.where(compared == 1, 0.5, 1.0)
    return (
        _spread(permits, pd.Series(weight, index=ordered.index)),
        "they are too far from the next house numbers of the street",
    )


def _too_far(rows: pd.DataFrame, other: pd.DataFrame) -> np.ndarray:
    """Whether two places are farther apart than their house numbers allow."""
    limit = rules()
    apart = np.asarray(np.hypot(rows["x_ft"] - other["x_ft"], rows["y_ft"] - other["y_ft"]), float)
    numbers = (rows["number"] - other["number"]).abs().to_numpy(float, na_value=np.nan)
    most = numbers * limit["street_ft_per_number"]["value"] + limit["street_slack_ft"]["value"]
    with np.errstate(invalid="ignore"):
        return np.asarray(apart > most)


def _by_lot(permits: pd.DataFrame, lots: pd.DataFrame) -> tuple[Floats, Flags]:
    """Against the row's own lot, or the lot of the nearest house number on its street.

    Gives the weights, and whether the row lies at its own lot.
    """
    own = parts(lots["site_address"]).assign(x_ft=lots["x_ft"], y_ft=lots["y_ft"])
    own = own[own["street"].notna()].drop_duplicates(["street", "number"])
    located = permits[permits["street"].notna() & permits["x_ft"].notna()]
    left = located[["street", "number", "x_ft", "y_ft"]].assign(row=np.arange(len(located)))
    near = pd.merge_asof(
        left.astype({"number": float}).sort_values("number"),
        own[["street", "number", "x_ft", "y_ft"]].astype({"number": float}).sort_values("number")
        .assign(lot_number=lambda frame: frame["number"]),  # the key itself is not brought along
        on="number", by="street", direction="nearest", suffixes=("", "_lot"),
    ).sort_values("row")  # fmt: skip
    apart = np.asarray(np.hypot(near["x_ft"] - near["x_ft_lot"], near["y_ft"] - near["y_ft_lot"]), float)
    steps = (near["number"] - near["lot_number"]).abs().to_numpy(float)
    limit = rules()
    most = steps * limit["street_ft_per_number"]["value"] + np.where(
        steps == 0, limit["lot_reach_ft"]["value"], limit["street_slack_ft"]["value"]
    )
    with np.errstate(invalid="ignore"):
        wrong = pd.Series((apart > most).astype(float), index=located.index)
        at_home = pd.Series(((steps == 0) & (apart <= most)).astype(float), index=located.index)
    return _spread(permits, wrong), _spread(permits, at_home) > 0


def _spread(permits: pd.DataFrame, weight: pd.Series) -> Floats:
    return np.asarray(weight.reindex(permits.index, fill_value=0.0), float)
