"""The standards that bind each lot under a policy, where some of its levers bind in places only."""

from __future__ import annotations

import pandas as pd

from densitymap.capacity.law import FLOOR_AREA, Law
from densitymap.geometry import Indices
from densitymap.scenarios.places import sets_of
from densitymap.scenarios.policy import Policy
from densitymap.zoning.parts import Parts, parts_of
from densitymap.zoning.standards import USES, Laid, lay


def standards_under(
    lots: pd.DataFrame,
    policy: Policy,
    *,
    parcel_zones: pd.DataFrame | None = None,
    sliver_share: float = 1.0,
    uses: tuple[str, ...] = USES,
) -> pd.DataFrame:
    """Give the standards of each lot, each under the levers that bind where it lies.

    Lots that lie in the same places share a code.

    Parameters
    ----------
    lots
        With one boolean column per place of the policy (:func:`~densitymap.scenarios.places.with_places`).
    policy, parcel_zones, sliver_share, uses
        See :func:`~densitymap.zoning.standards.standards_for`.

    Returns
    -------
    DataFrame
        Table ``standards``.

    Raises
    ------
    MissingDataError
        If nobody has looked which lots lie in a place of the policy.
    """
    parts = parts_of(lots, parcel_zones=parcel_zones, sliver_share=sliver_share)
    return laid_under(lots, parts, policy, uses=uses).table()


def laid_under(lots: pd.DataFrame, parts: Parts, policy: Policy, *, uses: tuple[str, ...] = USES) -> Laid:
    """Lay a policy on lots as numbers; arguments and errors as of :func:`standards_under`."""
    if not policy.places or not len(lots):
        return lay(parts, [policy.code], uses=uses)
    code, held = sets_of(lots, policy.places)
    return lay(parts, [policy.inside(flags).code for flags in held], uses=uses, group=code[parts.lot])


def law_of_parts(laid: Laid, rows: Indices | None = None) -> Law:
    """The law on parts of lots, for :mod:`densitymap.capacity`; on some of them if rows are given."""
    chosen = slice(None) if rows is None else rows
    return Law(
        by_use={use: laid.of_use(use) for use in laid.uses},
        row=laid.row[chosen],
        own={(use, FLOOR_AREA): laid.floor_area_max_ft2(use)[chosen] for use in laid.uses},
    )
