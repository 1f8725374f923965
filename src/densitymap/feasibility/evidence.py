"""Reference cities, leave one out: priors formed without a city, against what was observed there.

Each observed rate is carried to the full pace of a learnt right by the ramp, and accessory homes to the
scale of plexes by a stated ratio. What is left of the other cities gives a mean and a spread between
cities (with a stated prior on the spread, so that three cities are not believed too much); the interval
for the city left out is Student's, carried back to the city's own window and process. Beside it the naive
answer: all projects over all lot-years of the other cities, with the sampling error of a count alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from densitymap import params
from densitymap.feasibility.priors import TENTH, priors
from densitymap.geometry import Floats

_KEPT_APART = ("not_used", "choices")


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A predicted yearly rate: 10 %, 50 % and 90 % points."""

    low: float
    middle: float
    high: float

    def holds(self, rate: float) -> bool:
        """Whether a rate lies inside."""
        return self.low <= rate <= self.high

    @property
    def width(self) -> float:
        """High end over low end."""
        return self.high / self.low


@cache
def observations() -> pd.DataFrame:
    """What was observed elsewhere: one row per record of ``catalog/uptake/evidence.toml``."""
    record = params.load("uptake", "evidence")
    rows = [{"name": name, **fields} for name, fields in record.items() if name not in _KEPT_APART]
    table = pd.DataFrame(rows)
    window = np.array(table["window_years"].tolist(), float)
    years = window[:, 1] - window[:, 0]
    return table.assign(
        start=window[:, 0], end=window[:, 1], lot_years=table["projects"] / table["rate"], years=years
    )


def _choices() -> Any:
    return params.load("uptake", "evidence")["choices"]


def pace(start: Floats, end: Floats, *, ramp_years: float) -> Floats:
    """Mean share of the full rate over a window of years since the reform, on the model's yearly ramp.

    Examples
    --------
    >>> pace(np.array([0.0, 3.0]), np.array([1.0, 4.0]), ramp_years=3.0).round(3).tolist()
    [0.333, 1.0]
    """
    years = np.arange(int(np.ceil(end.max(initial=1.0))))
    share = np.minimum(1.0, (years + 1) / ramp_years)
    weight = np.clip(np.minimum(end[:, None], years + 1) - np.maximum(start[:, None], years), 0.0, 1.0)
    return np.asarray((weight * share).sum(axis=1) / weight.sum(axis=1))


def leave_out(city: str, *, table: pd.DataFrame | None = None) -> list[dict[str, Any]]:
    """Predict each observation of a city from the other cities alone.

    Returns
    -------
    list of dict
        ``city``, ``title``, ``observed``, ``model`` and ``naive`` (each an :class:`Interval`).
    """
    table = observations() if table is None else table
    carried = _log_full_rate(table)
    own = (table["city"] == city).to_numpy()
    others = pd.DataFrame({"city": table["city"], "rate": carried, "sd": _measured(table)})[~own]
    return [
        {
            "city": city,
            "title": table["title"].iloc[at],
            "observed": float(table["rate"].iloc[at]),
            "model": _predicted(others, table.take([int(at)])),
            "naive": _naive(table[~own]),
        }
        for at in np.flatnonzero(own)
    ]


def _log_full_rate(table: pd.DataFrame) -> Floats:
    """Log rate on the scale of plexes once the right is learnt."""
    ramp = priors()["ramp_years"].default
    learnt = pace(table["start"].to_numpy(float), table["end"].to_numpy(float), ramp_years=ramp)
    ratio = np.where(table["process"] == "adu", _choices()["process_ratio"]["value"], 1.0)
    return np.asarray(np.log(table["rate"].to_numpy(float) / learnt / ratio))


def _measured(table: pd.DataFrame) -> Floats:
    """Standard deviation of the log of a printed rate: its denominator's mark and the count's own."""
    record = _choices()["measure_sd"]
    printed = table["mark"].map({mark: record[mark] for mark in "VSMA"}).to_numpy(float)
    return np.asarray(np.hypot(printed, 1 / np.sqrt(table["projects"].to_numpy(float))))


def _predicted(others: pd.DataFrame, row: pd.DataFrame) -> Interval:
    """Student's interval for a further city: mean and spread of the others, and what translating adds."""
    record = _choices()
    city = others.groupby("city")["rate"].mean().to_numpy()
    prior, weight = record["spread_prior"]["value"], record["spread_prior"]["weight"]
    freedom = len(city) - 1 + weight
    squares = ((city - city.mean()) ** 2).sum() + weight * prior**2
    noise = float((others["sd"] ** 2).mean())
    spread = np.sqrt(squares / freedom * (1 + 1 / len(city)) + noise / len(others))
    added = np.hypot(_translation(row, others), float(_measured(row)[0]))
    back = float(np.log(row["rate"].iloc[0]) - _log_full_rate(row)[0])
    middle = city.mean() + back
    half = float(np.hypot(spread * _student(freedom), added * TENTH))
    return Interval(
        low=float(np.exp(middle - half)), middle=float(np.exp(middle)), high=float(np.exp(middle + half))
    )


def _translation(row: pd.DataFrame, others: pd.DataFrame) -> float:
    """Standard deviation added by carrying plexes to accessory homes, and by the ramp's range."""
    ratio, ramp = _choices()["process_ratio"], priors()["ramp_years"]
    across = np.log(ratio["high"] / ratio["low"]) / (2 * TENTH) if (row["process"] == "adu").any() else 0.0
    ends = [
        pace(row["start"].to_numpy(float), row["end"].to_numpy(float), ramp_years=years)[0]
        for years in (ramp.high, ramp.low)
    ]
    return float(np.hypot(across, np.log(ends[1] / ends[0]) / (2 * TENTH))) if len(others) else np.inf


def _student(freedom: float) -> float:
    """90 % quantile of Student's t, by Hill's expansion (Hill 1970, Algorithm 396, first terms)."""
    z = TENTH
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / freedom ** (order + 1) for order, term in enumerate(terms))


def _naive(others: pd.DataFrame) -> Interval:
    """Pooled base rate of the others, with the error of a count."""
    count = float(others["projects"].sum())
    rate = count / float(others["lot_years"].sum())
    half = TENTH / np.sqrt(count)
    return Interval(low=rate * np.exp(-half), middle=rate, high=rate * np.exp(half))


def leave_one_out() -> list[dict[str, Any]]:
    """Every city of the catalogue's list left out in turn."""
    return [row for city in _choices()["held_out"] for row in leave_out(city)]


def summary(rows: list[dict[str, Any]], name: str) -> str:
    r"""Say how often the intervals held and what that rests on: cities, widths, and which way they missed.

    Parameters
    ----------
    rows
        From :func:`leave_one_out`.
    name
        ``model`` or ``naive``.

    Examples
    --------
    >>> rows = [
    ...     {"city": city, "title": "t", "observed": 0.01, "model": Interval(low=low, middle=0.04, high=0.1)}
    ...     for city, low in (("A", 0.001), ("A", 0.005), ("B", 0.02))
    ... ]
    >>> print(summary(rows, "model").replace(". ", ".\n"))
    Model: 2 of 3 rows inside, 1 of 2 cities left out (2 rows are of A, left out once).
    Width: median 20.0 x (A 20.0 to 100.0 x, B 5.0 x).
    Outside: B (t): over-predicted, observed 1.000%, interval from 2.000%.
    """
    table = pd.DataFrame(
        [{"city": row["city"], "held": row[name].holds(row["observed"]), "width": row[name].width}
         for row in rows]
    )  # fmt: skip
    cities = table.groupby("city", sort=False).agg({"held": ["all", "size"], "width": ["min", "max"]})
    more = cities["held"]["size"][cities["held"]["size"] > 1]
    alike = "; ".join(f"{count} rows are of {city}, left out once" for city, count in more.items())
    widths = ", ".join(f"{row.Index} {_span(row[3], row[4])}" for row in cities.itertuples())
    missed = "; ".join(_missed(row, name) for row in rows if not row[name].holds(row["observed"]))
    return (
        f"{name.capitalize()}: {table['held'].sum()} of {len(rows)} rows inside, "
        f"{cities['held']['all'].sum()} of {len(cities)} cities left out{f' ({alike})' if alike else ''}. "
        f"Width: median {table['width'].median():.1f} x ({widths}). Outside: {missed or 'none'}."
    )


def _span(low: float, high: float) -> str:
    """Widths of a city's rows, one where they print alike."""
    ends = dict.fromkeys(f"{end:.1f}" for end in (low, high))
    return f"{' to '.join(ends)} x"


def _missed(row: dict[str, Any], name: str) -> str:
    found: Interval = row[name]
    is_over = found.low > row["observed"]
    way, end = ("over", f"from {found.low:.3%}") if is_over else ("under", f"to {found.high:.3%}")
    observed = f"observed {row['observed']:.3%}"
    return f"{row['city']} ({row['title']}): {way}-predicted, {observed}, interval {end}"


def document() -> str:
    """The table in Markdown, from a run now."""
    rows = leave_one_out()
    lines = [
        "# Uptake: what the reference cities say of each other\n",
        "Priors are formed without a city and set against what was observed there: projects per eligible lot",
        "and year. Interval: 10 % to 90 %. Width: its high end over its low end. The counts and their marks",
        "(V two sources, S one, M from memory, A assumption) are in `catalog/uptake/evidence.toml`.\n",
        "| city left out | observed | model, 10 / 50 / 90 % | inside | width | pooled | inside | width |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [_row(row) for row in rows]
    lines += [f"\n{summary(rows, name)}" for name in ("model", "naive")]
    lines += [
        "\nRead this with care. How often intervals hold says little without their width. Four cities are",
        "few; most denominators are from memory (M); Austin's count is of applications. The rate of",
        "accessory homes without Seattle's counts rests on a stated ratio to plexes. A wide interval that",
        "holds is the honest answer; the narrow pooled rate misses because cities differ far more than",
        "their counts' own error.\n",
        "Told in the reference, not used as rates:",
        *(
            f"- {part['title']}: {part['cite']}"
            for part in params.load("uptake", "evidence")["not_used"].values()
        ),
        "\n## What is believed before any local permit\n",
        "| belief | 10 % | default | 90 % | unit | basis |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {prior.label} | {prior.low:g} | {prior.default:g} | {prior.high:g} | {prior.unit} "
        f"| {prior.cite} |"
        for prior in priors().values()
    ]
    return "\n".join(lines) + "\n"


def _row(row: dict[str, Any]) -> str:
    cells = [f"{row['city']}: {row['title']}", f"{row['observed']:.3%}"]
    for name in ("model", "naive"):
        found: Interval = row[name]
        points = f"{found.low:.3%} / {found.middle:.3%} / {found.high:.3%}"
        cells += [points, "yes" if found.holds(row["observed"]) else "**no**", f"{found.width:.1f} x"]
    return "| " + " | ".join(cells) + " |"
