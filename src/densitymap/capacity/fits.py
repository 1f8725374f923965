"""The answer: per lot, mode and type of home, whether it fits, how many homes, and what binds.

One row stands for the form of its type that does best; ties go to the form named first in
:func:`~densitymap.capacity.modes.options`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap import schema
from densitymap.capacity.modes import ATTACHED, Option, Setting, applies, options, try_option
from densitymap.capacity.verdict import RULES, VERDICTS, Flags, Judgement, Levels
from densitymap.geometry import Floats, Indices

Codes = npt.NDArray[np.int16]

FIGURES = ("have", "need", "slack_floor_ft2", "slack_coverage_ft2", "slack_fit_ft")
NO_DATA = len(VERDICTS)
"""Level of a lot nothing is known of."""
_WORKERS = 2
"""Types are judged beside one another: more threads than this wait for one another."""
SPLIT = "split"
"""The mode of lots divided in two."""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """What fits, as numbers: an entry per lot, mode and type. Words are :func:`fits_table`.

    Attributes
    ----------
    kinds, forms
        Mode and type, and form, that ``kind`` and ``form`` point to.
    lot, kind, form, units
        Row of the lot; what is tried; homes of it.
    level, rule
        As in :mod:`densitymap.capacity.verdict`, or :data:`NO_DATA`; the rule that binds, -1 for none.
    measures
        Arrays [entry, figure], one after another: ``have need slack_floor_ft2 slack_coverage_ft2
        slack_fit_ft``, NaN unknown. Many: only who asks for :attr:`figures` has them laid together.
    """

    kinds: tuple[tuple[str, str], ...]
    forms: tuple[str, ...]
    lot: Indices
    kind: Codes
    form: Codes
    units: Codes
    level: Levels
    rule: Levels
    measures: tuple[Floats, ...]

    @cached_property
    def figures(self) -> Floats:
        """Array [entry, figure]."""
        return np.concatenate(self.measures)

    def most(self, n_lots: int, chosen: Flags) -> Floats:
        """Most homes among the chosen entries of each lot; NaN where it has none."""
        found = np.full(n_lots, np.nan)
        lot, units = self.lot[chosen], self.units[chosen]
        for homes in np.flatnonzero(np.bincount(units)):  # few, ascending: the most is written last
            found[lot[units == homes]] = homes
        return found

    def of_mode(self, mode: str) -> Flags:
        """Entries of a mode."""
        return np.isin(self.kind, [at for at, kind in enumerate(self.kinds) if kind[0] == mode])


def fitted(at: Setting) -> Fitted:
    """Judge every form, and keep the best of each mode and type on each lot it applies to."""
    ordered = sorted(options(at.buildings), key=lambda option: (option.mode, option.type))
    groups = groupby(ordered, key=lambda option: (option.mode, option.type))
    types = [(kind, list(members)) for kind, members in groups]
    with ThreadPoolExecutor(max_workers=min(os.cpu_count() or 1, _WORKERS)) as pool:
        return joined(list(pool.map(lambda of_type: _best(at, *of_type), types)))


def joined(parts: Sequence[Fitted]) -> Fitted:
    """Several as one, in order."""
    kinds = tuple(dict.fromkeys(kind for part in parts for kind in part.kinds))
    forms = tuple(dict.fromkeys(form for part in parts for form in part.forms))
    return Fitted(
        kinds=kinds,
        forms=forms,
        lot=np.concatenate([part.lot for part in parts]),
        kind=np.concatenate([_again(part.kind, part.kinds, kinds) for part in parts]),
        form=np.concatenate([_again(part.form, part.forms, forms) for part in parts]),
        units=np.concatenate([part.units for part in parts]),
        level=np.concatenate([part.level for part in parts]),
        rule=np.concatenate([part.rule for part in parts]),
        measures=tuple(values for part in parts for values in part.measures),
    )


def _again(code: Codes, own: Sequence[Any], common: Sequence[Any]) -> Codes:
    """Codes of own names as codes of the common ones."""
    return np.array([common.index(name) for name in own], dtype=np.int16)[code]


def _best(at: Setting, kind: tuple[str, str], members: list[Option]) -> Fitted:
    """Keep, on each lot, the first of the forms that do best."""
    best, form, slacks = _tried(at, members)
    rows = np.flatnonzero(form >= 0)
    figures = np.empty((len(rows), len(FIGURES)))
    for place, values in enumerate((best.have, best.need, *slacks)):
        figures[:, place] = values[rows]
    form = form[rows]
    units = np.array([option.units for option in members], dtype=np.int16)[form]
    level, rule = best.level[rows], best.rule[rows]
    blank = np.flatnonzero(at.unknown[rows])
    units[blank], level[blank], rule[blank], figures[blank] = 0, NO_DATA, -1, np.nan
    return Fitted(
        kinds=(kind,),
        forms=tuple(option.form for option in members),
        lot=rows,
        kind=np.zeros(len(rows), dtype=np.int16),
        form=form,
        units=units,
        level=level,
        rule=rule,
        measures=(figures,),
    )


def _tried(at: Setting, members: list[Option]) -> tuple[Judgement, Codes, tuple[Floats, ...]]:
    """Judge forms in turn: the best judgement of each lot, whose it is (-1 for none), its slacks."""
    first = try_option(at, members[0])
    best, slacks = first.judgement, first.slacks
    form = np.where(first.applies, 0, -1).astype(np.int16)
    for number, option in enumerate(members[1:], start=1):
        if not applies(at, option).any():
            continue
        tried = try_option(at, option)
        better = tried.applies & ((tried.judgement.level > best.level) | (form < 0))
        best.take(tried.judgement, better)
        for own, others in zip(slacks, tried.slacks, strict=True):
            np.copyto(own, others, where=better)
        form[better] = number
    return best, form, slacks


def fits_table(found: Fitted, at: Setting, keys: pd.Series, *, policy: str) -> pd.DataFrame:
    """Verdicts as ``DataFrame[FITS]``: one row per lot, policy, mode and type.

    Parameters
    ----------
    found
        What fits, as numbers.
    at
        The lots under the policy.
    keys
        ``parcel_id`` of each lot, in the lots' order.
    policy
        Name of the policy.

    Returns
    -------
    DataFrame
        Table ``fits`` of the catalogue, without ``reason``
        (:func:`~densitymap.capacity.verdict.sentences` writes it where it is shown).
    """
    modes, types = zip(*found.kinds, strict=True) if found.kinds else ((), ())
    columns = {
        "parcel_id": keys.astype("string").array.take(found.lot),
        "policy": _words((policy,), np.zeros(len(found.lot), dtype=np.intp)),
        "fit_mode": _words(modes, found.kind),
        "fit_type": _words(types, found.kind),
        "form": _words(found.forms, found.form),
        "units": found.units,
        **_homes_by_form(found, at),
        "verdict": _words((*VERDICTS, "NO DATA"), found.level),
        "binding_rule": _words(RULES, found.rule),
        **dict(zip(FIGURES, found.figures.T, strict=True)),
        "front_confidence": at.lots["front_source"].astype("string").array.take(found.lot),
    }
    return schema.conform(pd.DataFrame(columns), "fits")


def _words(names: Sequence[str], code: npt.NDArray[Any]) -> Any:
    """The names that codes point to; missing for -1."""
    return pd.array(list(names), dtype="string").take(code.astype(np.intp), allow_fill=True)


def _homes_by_form(found: Fitted, at: Setting) -> dict[str, pd.Series]:
    """Homes that can be sold apart, can only be rented, and could be step-free; unknown of divided lots."""
    homes = pd.DataFrame([_count(form, at.buildings) for form in found.forms]).astype("Float64")
    counts = homes.to_numpy(float, na_value=np.nan)[found.form]
    counts[found.of_mode(SPLIT)] = np.nan
    apart = at.law.value("adu", "saleable_apart")[found.lot] > 0
    sold, rented, step_free = counts.T
    told = {
        "units_saleable": sold + np.where(apart, rented, 0),
        "units_rent_only": np.where(apart, 0 * rented, rented),
        "units_step_free": step_free,
    }
    return {name: pd.Series(values).astype("Int64") for name, values in told.items()}


def _count(form: str, buildings: pd.DataFrame) -> dict[str, int | None]:
    total = {"units_saleable": 0, "units_rent_only": 0}
    step_free: int | None = 0
    for piece in form.split("+"):
        if piece == ATTACHED:
            total["units_rent_only"] += 1
            step_free = None
        elif piece in buildings.index:
            record = buildings.loc[piece].to_dict()
            name = "units_saleable" if record["tenure"] == "saleable" else "units_rent_only"
            total[name] += record["units"]
            step_free = None if step_free is None else step_free + record["step_free_units"]
        else:
            total["units_saleable"] += 2 if piece.endswith("->2") else 1
            step_free = None
    return total | {"units_step_free": step_free}


def most_units(fits: pd.DataFrame, mode: str) -> pd.DataFrame:
    """The row of most homes that is not FALSE, for each lot of a mode; ties go to the firmer verdict.

    Parameters
    ----------
    fits
        From :func:`fits_table`.
    mode
        ``keep``, ``new`` or ``split``.

    Returns
    -------
    DataFrame
        Rows of ``fits`` indexed by ``parcel_id``; lots with none are absent.
    """
    rows = fits[(fits["fit_mode"] == mode) & fits["verdict"].isin(["TRUE", "MAYBE"])]
    firm = rows["verdict"].eq("TRUE").astype(int)
    order = rows.assign(_firm=firm).sort_values(["units", "_firm"], ascending=False, kind="stable")
    return order.drop_duplicates("parcel_id").drop(columns="_firm").set_index("parcel_id")
