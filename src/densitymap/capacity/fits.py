"""The answer: per lot, mode and type of home, whether it fits, how many homes, and what binds.

One row stands for the form of its type that does best; ties go to the form named first in
:func:`~densitymap.capacity.modes.options`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from densitymap import schema
from densitymap.capacity.modes import ATTACHED, Option, Setting, Tried, options, try_option
from densitymap.capacity.verdict import FALSE, VERDICTS, rule_names

_SLACKS = ("slack_floor_ft2", "slack_coverage_ft2", "slack_fit_ft")


def best_of_types(at: Setting) -> Iterator[pd.DataFrame]:
    """For each mode and type, the best form on each lot it applies to.

    Yields
    ------
    DataFrame
        ``lot`` (row position), ``fit_mode``, ``fit_type``, ``form``, ``units``, ``level``, ``rule``,
        ``have``, ``need`` and the slack columns; one row per lot of the mode.
    """
    ordered = sorted(options(at.buildings), key=lambda option: (option.mode, option.type))
    for _, group in groupby(ordered, key=lambda option: (option.mode, option.type)):
        members = list(group)
        yield _best([try_option(at, option) for option in members], members)


def _best(tried: list[Tried], members: list[Option]) -> pd.DataFrame:
    ranks = np.stack([np.where(one.applies, one.judgement.level, -1) for one in tried])
    chosen = ranks.argmax(axis=0)
    rows = np.flatnonzero(ranks.max(axis=0) >= FALSE)
    pick = chosen[rows]

    def of(values: list[Any]) -> Any:
        return np.stack(values)[pick, rows]

    first = members[0]
    return pd.DataFrame(
        {
            "lot": rows,
            "fit_mode": first.mode,
            "fit_type": first.type,
            "form": pd.Categorical.from_codes(pick, categories=pd.Index([one.form for one in members])),
            "units": np.array([one.units for one in members], dtype=np.int64)[pick],
            "level": of([one.judgement.level for one in tried]),
            "rule": of([one.judgement.rule for one in tried]),
            "have": of([one.judgement.have for one in tried]),
            "need": of([one.judgement.need for one in tried]),
            **{name: of([getattr(one, name) for one in tried]) for name in _SLACKS},
        }
    )


def fits_table(at: Setting, keys: pd.Series, *, policy: str) -> pd.DataFrame:
    """Verdicts as ``DataFrame[FITS]``: one row per lot, policy, mode and type.

    Parameters
    ----------
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
    parts = []
    for part in best_of_types(at):
        lot = part["lot"].to_numpy()
        counted = _homes_by_form(part, at.buildings)
        apart = at.law.value("adu", "saleable_apart")[lot] > 0
        rented = counted["units_rent_only"]
        counted["units_saleable"] += rented.where(apart, 0)
        counted["units_rent_only"] = rented.mask(apart, 0)
        parts.append(
            part.assign(
                parcel_id=keys.to_numpy()[lot],
                policy=policy,
                verdict=pd.Categorical.from_codes(part["level"].to_numpy(), categories=pd.Index(VERDICTS)),
                binding_rule=rule_names(part["rule"].to_numpy()),
                form=part["form"].astype("string"),
                front_confidence=at.lots["front_source"].to_numpy()[lot],
                **counted,
            )
        )
    table = schema.conform(pd.concat(parts, ignore_index=True), "fits")
    blank = pd.Series(at.unknown, index=keys.to_numpy()).reindex(table["parcel_id"]).to_numpy(bool)
    table.loc[blank, ["binding_rule", "have", "need", *_SLACKS]] = pd.NA
    table.loc[blank, "units"] = 0
    table["verdict"] = table["verdict"].mask(blank, "NO DATA")
    return table


def _homes_by_form(part: pd.DataFrame, buildings: pd.DataFrame) -> dict[str, pd.Series]:
    """Homes that can be sold apart, can only be rented, and could be step-free, by form."""
    forms = part["form"].cat
    homes = pd.DataFrame([_count(form, buildings) for form in forms.categories]).astype("Int64")
    return {
        name: pd.Series(homes[name].array.take(forms.codes), index=part.index)
        for name in ("units_saleable", "units_rent_only", "units_step_free")
    }


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
