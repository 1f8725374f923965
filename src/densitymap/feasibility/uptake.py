"""Uptake: homes completed over the years, by place, with ranges; and what pays, in the same draws.

Places at any level (block group, neighbourhood, NPU, district) are sums of the finest pieces they share,
so one run answers all levels. The expectation of a draw is exact (competing risks); the count of
projects around it is drawn as a Poisson number per place, with the place's own luck, and homes go with
projects. Totals are therefore not the sum of their parts' percentiles, and should not be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from densitymap import params
from densitymap.feasibility.draws import Draws
from densitymap.feasibility.elementary import HAS_NUMBA
from densitymap.feasibility.hazard import ACTORS, Lots, Options, check
from densitymap.feasibility.pieces import EVERYWHERE, members_of, pieces_of
from densitymap.feasibility.priors import chance
from densitymap.feasibility.starts import Measures, may_count, pack
from densitymap.feasibility.sums import NO_CHANGES, Changes, sums_of
from densitymap.geometry import Floats

QUANTILES = {"uptake_p10": 0.1, "uptake_p50": 0.5, "uptake_p90": 0.9}
_SMALL = "small"
_SURE = 500.0
"""Expected projects from which a Poisson number is drawn as a rounded normal one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Uptake:
    """Sums by draw and place, before they are told.

    Parameters
    ----------
    sums
        Array [draw, place, sum], laid out by ``measures``.
    projects
        Projects completed by the horizon, drawn, array [draw, place].
    levels, names
        Level and name of each place.
    measures, outcomes
        What each sum is.
    finished
        Share of a year's starts completed by the horizon, array [draw, year].
    lots, lots_unknown
        Lots that entered, and lots left out because their as-is value is unknown.
    lots_in
        Lots that entered, of each place.
    changes
        Of the small places, if there are some.
    """

    sums: Floats
    projects: Floats
    levels: tuple[str, ...]
    names: tuple[str, ...]
    measures: Measures
    outcomes: tuple[str, ...]
    finished: Floats
    lots: int
    lots_unknown: int
    lots_in: Floats
    changes: Changes = NO_CHANGES

    def expected(self, part: str) -> Floats:
        """Expected completions by the horizon of ``lots``, ``gross`` or ``torn``, array [draw, place]."""
        yearly = self.sums[:, :, getattr(self.measures, part)]
        return np.asarray(np.einsum("dgy,dy->dg", yearly, self.finished))

    def counted(self, expected: Floats) -> Floats:
        """Draws of a count, given its expectation: it goes with the projects drawn."""
        lots = self.expected("lots")
        with np.errstate(divide="ignore", invalid="ignore"):
            per_project = np.where(lots > 0, expected / lots, 0.0)
        return self.projects * per_project

    def at_levels(self, *levels: str) -> Uptake:
        """The same run, at some levels only, without the small places."""
        kept = [place for place, level in enumerate(self.levels) if level in levels]
        return replace(
            self,
            sums=self.sums[:, kept],
            projects=self.projects[:, kept],
            levels=tuple(self.levels[place] for place in kept),
            names=tuple(self.names[place] for place in kept),
            lots_in=self.lots_in[kept],
            changes=NO_CHANGES,
        )

    @property
    def gross(self) -> Floats:
        """Homes completed by the horizon, array [draw, place]."""
        return self.counted(self.expected("gross"))

    @property
    def net(self) -> Floats:
        """Homes completed less homes torn down for them, array [draw, place]."""
        return self.counted(self.expected("gross") - self.expected("torn"))


def uptake(
    options: Options,
    lots: Lots,
    draws: Draws,
    places: Mapping[str, pd.Series],
    *,
    small: pd.Series | None = None,
    compiled: bool | None = None,
) -> Uptake:
    """Run the draws over the lots.

    Parameters
    ----------
    options
        What could be done on each lot.
    lots
        What is known of each lot.
    draws
        Parameters of each draw.
    places
        Name of each lot's place, by level, in the lots' order; missing: in no place of that level.
    small
        Name of each lot's small place, of which :class:`Changes` alone are kept.
    compiled
        Whether to use the compiled kernel; None uses it where numba is installed.

    Raises
    ------
    ValidationError
        If the options do not belong to the lots.
    """
    check(options, lots, n_groups=draws.rate.shape[1])
    levels = places if small is None else {**places, _SMALL: small}
    piece, table = pieces_of(levels, len(lots.as_is_usd))
    options = options.ordered()
    packed = pack(options, lots, piece, may_count(options, lots, draws))
    measures = Measures(years=draws.years, outcomes=len(options.outcomes))
    members = members_of(table.drop(columns=_SMALL, errors="ignore"))
    small_ones = members_of(table.filter([_SMALL]))
    use = HAS_NUMBA if compiled is None else compiled
    sums, changes = sums_of(packed, draws, measures, members, small_ones, compiled=use)
    expected = np.einsum("dgy,dy->dg", sums[:, :, measures.lots], draws.finished)
    known = int(lots.is_known.sum())
    return Uptake(
        sums=sums, projects=_projects(expected, draws, members.levels, members.names),
        levels=members.levels, names=members.names,
        measures=measures, outcomes=options.outcomes, finished=draws.finished,
        lots=known, lots_unknown=len(lots.as_is_usd) - known,
        lots_in=members.gathered(np.bincount(packed.place, minlength=len(table)).astype(float)),
        changes=changes,
    )  # fmt: skip


def _projects(expected: Floats, draws: Draws, levels: tuple[str, ...], names: tuple[str, ...]) -> Floats:
    """Projects of each draw and place; where draws are named (a tornado), the expectation itself."""
    if draws.labels:
        return expected
    found = np.empty_like(expected)
    for place, (level, name) in enumerate(zip(levels, names, strict=True)):
        at = chance(draws.seed, f"{level} {name}", draws.size)
        found[:, place] = poisson(expected[:, place], at)
    return found


def poisson(mean: Floats, at: Floats) -> Floats:
    """Poisson quantile of each mean at a probability: never falls as the mean rises.

    Parameters
    ----------
    mean, at
        Same shape: expected counts, and probabilities in [0, 1).

    Examples
    --------
    >>> poisson(np.array([0.0, 1.0, 1.0, 2.0]), np.array([0.9, 0.3, 0.9, 0.9])).tolist()
    [0.0, 0.0, 2.0, 4.0]
    """
    found = np.zeros(mean.shape)
    small = mean <= _SURE
    chance_of, below = np.exp(-np.where(small, mean, 0.0)), np.exp(-np.where(small, mean, 0.0))
    active = np.flatnonzero(small & (at >= below) & (mean > 0))
    count = 0
    while len(active):
        count += 1
        chance_of[active] *= mean[active] / count
        below[active] += chance_of[active]
        found[active] = count
        going = (at[active] >= below[active]) & (chance_of[active] > 0)
        active = active[going]
    large = np.flatnonzero(~small)
    if len(large):
        found[large] = _large_poisson(mean[large], at[large])
    return found


def _large_poisson(mean: Floats, at: Floats) -> Floats:
    """Normal approximation with the skew's first term (Cornish and Fisher 1938)."""
    z = _normal_quantile(at)
    return np.asarray(np.maximum(0.0, np.rint(mean + z * np.sqrt(mean) + (z * z - 1) / 6)))


def _normal_quantile(at: Floats) -> Floats:
    from statistics import NormalDist  # noqa: PLC0415 (rarely needed)

    inverse = NormalDist().inv_cdf
    return np.array([inverse(min(max(value, 1e-12), 1 - 1e-12)) for value in at])


def told(result: Uptake) -> pd.DataFrame:
    """Tell the ranges: table ``uptake``, one row per place, measure and year.

    Returns
    -------
    DataFrame
        ``area_level area_name uptake_measure horizon_year uptake_p10 uptake_p50 uptake_p90 uptake_mean``:
        ``gross``, ``net``, ``demolished`` and ``projects`` by year (cumulative); at the horizon also homes
        by outcome and by actor, and what pays each actor (lots and added homes).
    """
    years = result.measures.years
    tables = [_told_part(result, values, name, years) for name, values in _at_horizon(result).items()]
    for year in range(1, years + 1):
        yearly = _by_year(result, year)
        tables += [_told_part(result, values, name, year) for name, values in yearly.items()]
    return pd.concat(tables, ignore_index=True)


def _at_horizon(result: Uptake) -> dict[str, Floats]:
    measures, found = result.measures, {}
    gross = result.sums[:, :, measures.outcome_gross]
    lots = result.sums[:, :, measures.outcome_lots]
    for code, name in enumerate(result.outcomes):
        expected = lots[:, :, code] if name.startswith("none:") else gross[:, :, code]
        kind = "purchases" if name.startswith("none:") else "gross"
        found[f"{kind} {name}"] = expected if kind == "purchases" else result.counted(expected)
    for part, title in enumerate(("gross by {}", "pays_lots by {}", "pays_homes by {}")):
        values = result.sums[:, :, measures.by_actor(part)]
        for code, actor in enumerate(ACTORS):
            of = values[:, :, code]
            found[title.format(actor)] = result.counted(of) if part == 0 else of
    return found


def _by_year(result: Uptake, year: int) -> dict[str, Floats]:
    """Cumulative completions by the end of a year: the horizon's, in the share the expectation has then."""
    weight = _finished_by(result.finished, year)
    expected = {
        name: np.einsum("dgy,dy->dg", result.sums[:, :, getattr(result.measures, name)], weight)
        for name in ("lots", "gross", "torn")
    }
    return {
        "projects": result.counted(expected["lots"]),
        "gross": result.counted(expected["gross"]),
        "demolished": result.counted(expected["torn"]),
        "net": result.counted(expected["gross"] - expected["torn"]),
    }


def _finished_by(finished: Floats, year: int) -> Floats:
    """Share of each year's starts completed by ``year``: the horizon's shares, moved back."""
    moved = np.zeros_like(finished)
    moved[:, :year] = finished[:, finished.shape[1] - year :]
    return moved


def _told_part(result: Uptake, values: Floats, measure: str, year: int) -> pd.DataFrame:
    ranges = np.quantile(values, list(QUANTILES.values()), axis=0)
    return pd.DataFrame(
        {
            "area_level": list(result.levels),
            "area_name": list(result.names),
            "uptake_measure": measure,
            "horizon_year": year,
            **dict(zip(QUANTILES, ranges, strict=True)),
            "uptake_mean": values.mean(axis=0),
        }
    )


def hidden(table: pd.DataFrame, result: Uptake) -> pd.DataFrame:
    """Hide areas of few lots, and small counts of lots that pay: no lot can be read off the table.

    Returns
    -------
    DataFrame
        The table with ``is_hidden``; what is hidden is missing.
    """
    fewest = int(params.choice("lots_shown_min", group="feasibility"))
    least = int(params.choice("counts_shown_min", group="feasibility"))
    lots = pd.Series(result.lots_in, pd.MultiIndex.from_arrays([result.levels, result.names]))
    own = lots.reindex(pd.MultiIndex.from_frame(table[["area_level", "area_name"]])).to_numpy()
    counts = table["uptake_measure"].str.startswith("pays_").to_numpy(bool)
    top = table["uptake_p90"].to_numpy(float)
    few = (own < fewest) | (
        counts & (top > 0) & (top < least) & (table["area_level"] != EVERYWHERE).to_numpy()
    )
    values = [*QUANTILES, "uptake_mean"]
    shown = table.assign(is_hidden=few)
    shown.loc[few, values] = np.nan
    return shown


def tornado(result: Uptake, draws: Draws, labels: Mapping[str, str], *, measure: str = "gross") -> list[Any]:
    """Tell how far each belief alone moves the headline, widest first.

    Parameters
    ----------
    result, draws
        A run over :func:`~densitymap.feasibility.draws.tornado_parameters`.
    labels
        Words for each belief.
    measure
        ``gross`` or ``net``.

    Returns
    -------
    list of dict
        ``name``, ``label``, ``low``, ``default``, ``high``: homes at the belief's 10 % point, with all at
        their defaults, and at its 90 % point.
    """
    everywhere = result.levels.index(EVERYWHERE)
    homes = getattr(result, measure)[:, everywhere]
    ends = {label: float(value) for label, value in zip(draws.labels, homes, strict=True)}
    default = ends[("default", "")]
    bars = [
        {"name": name, "label": labels.get(name, name), "low": ends[(name, "low")], "default": default,
         "high": ends[(name, "high")]}
        for name in dict.fromkeys(name for name, end in draws.labels if end)
    ]  # fmt: skip
    return sorted(bars, key=lambda bar: -abs(bar["high"] - bar["low"]))
