"""How many lots a policy reaches, and what homes could then stand: saleable apart, or rent-only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap import schema
from densitymap.capacity.legal import COUNTED, HOMES
from densitymap.errors import ValidationError
from densitymap.params import nearest
from densitymap.scenarios.places import sets_of
from densitymap.scenarios.policy import Policy
from densitymap.zoning.code import ZoningCode
from densitymap.zoning.parse import parse_zones
from densitymap.zoning.standards import law_table

Flags = npt.NDArray[np.bool_]


def reach(
    answers: pd.DataFrame,
    policies: Iterable[Policy],
    *,
    baseline: str = "no-change",
    lots: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Count the lots each policy reaches, and the homes of each form.

    Parameters
    ----------
    answers
        Table ``allowed`` of these policies and of the baseline.
    policies
        The policies to count.
    baseline
        Policy they are compared with.
    lots
        The lots, with their places: needed for policies with levers of places only.

    Returns
    -------
    DataFrame
        Table ``reach``: one row per policy and form. A lot is reached where the form was refused under
        the baseline and is allowed or in doubt now. Homes are what the law would let stand if every
        such lot took that form: an upper bound and not a forecast; forms are alternatives and are
        never to be added up.

    Raises
    ------
    ValidationError
        If the baseline or a policy is not among the answers; all are named.
    """
    rules = list(policies)
    if answers.empty:
        return schema.conform(pd.DataFrame(index=pd.RangeIndex(0)), "reach")
    known = {str(name): rows for name, rows in answers.groupby("policy", sort=False)}
    faults = [
        f"{name!r} is not among the answers.{nearest(name, known)}"
        for name in [baseline, *(policy.name for policy in rules)]
        if name not in known
    ]
    if faults:
        raise ValidationError("The reach of these policies cannot be counted", faults=faults)
    before = known[baseline].set_index("parcel_id")
    rows = [
        _row(policy, form, known[policy.name].set_index("parcel_id"), before, lots)
        for policy in rules
        for form in COUNTED
        if f"is_allowed_{form}" in answers
    ]
    return pd.DataFrame(rows)


def _row(
    policy: Policy, form: str, then: pd.DataFrame, before: pd.DataFrame, lots: pd.DataFrame | None
) -> dict[str, object]:
    sure, perhaps = _answers(then, form)
    was_sure, was_perhaps = _answers(before.reindex(then.index), form)
    saleable = _saleable(policy, form, then["zone_district"], lots)
    rent_only = COUNTED[form] - saleable
    can = sure | perhaps
    return {
        "policy": policy.name,
        "form": form,
        "lots": len(then),
        "lots_no_data": int((then["verdict"] == "NO DATA").sum()),
        "lots_allowed": int(sure.sum()),
        "lots_maybe": int(perhaps.sum()),
        "lots_reached": int((can & ~was_sure & ~was_perhaps).sum()),
        "homes_saleable_max": int(saleable[can].sum()),
        "homes_rent_only_max": int(rent_only[can].sum()),
        "homes_saleable_certain": int(saleable[sure].sum()),
        "homes_rent_only_certain": int(rent_only[sure].sum()),
    }


def _answers(answers: pd.DataFrame, form: str) -> tuple[Flags, Flags]:
    """Lots where the form is surely allowed, and where it is in doubt (lots without data are neither)."""
    column = answers[f"is_allowed_{form}"]
    doubt = column.isna().to_numpy(bool) & (answers["verdict"] != "NO DATA").to_numpy(bool)
    return column.to_numpy(bool, na_value=False), doubt


def _saleable(
    policy: Policy, form: str, zones: pd.Series, lots: pd.DataFrame | None
) -> npt.NDArray[np.int64]:
    """Homes of the form that can be sold apart on each lot; an accessory home only where the law says so."""
    if form != "adu":
        return np.full(len(zones), COUNTED[form], dtype=np.int64)
    found = np.full(len(zones), HOMES["house"], dtype=np.int64)
    keys = parse_zones(zones, policy.code)["zone_key"]
    for rows, code in _codes(policy, zones, lots):
        apart = law_table(code, ("adu",))["saleable_apart"].reindex(keys[rows]).to_numpy(np.float64)
        found[rows] = np.where(apart == 1, HOMES[form], HOMES["house"])
    return found


def _codes(policy: Policy, zones: pd.Series, lots: pd.DataFrame | None) -> Iterator[tuple[Flags, ZoningCode]]:
    """The lots under each code of a policy."""
    if not policy.places or lots is None:
        yield np.full(len(zones), fill_value=True), policy.code
        return
    group, held = sets_of(lots.set_index("parcel_id").reindex(zones.index), policy.places)
    for number, flags in enumerate(held):
        yield group == number, policy.inside(flags).code
