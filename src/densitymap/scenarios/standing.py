"""The standards that bind each lot under a policy, where some of its levers bind in places only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from densitymap.capacity.law import FLOOR_AREA, Law
from densitymap.capacity.law import USES as JUDGED
from densitymap.geometry import Indices
from densitymap.scenarios.places import sets_of
from densitymap.scenarios.policy import Policy
from densitymap.zoning.code import ZoningCode
from densitymap.zoning.parts import Parts, parts_of
from densitymap.zoning.standards import USES, Laid, law_table, lay, of_uses


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
    return laid_under(parts, bound(lots, policy), uses=uses).table()


@dataclass(frozen=True, kw_only=True)
class Bound:
    """The codes that bind lots: one, or one for each set of places lots lie in.

    Attributes
    ----------
    codes
        At least one.
    group
        Which code binds each lot; None where there is one.
    """

    codes: tuple[ZoningCode, ...]
    group: Indices | None = None

    @cached_property
    def laws(self) -> tuple[pd.DataFrame, ...]:
        """Table of each code by district and use, made once for all that is asked of a policy."""
        return tuple(law_table(code, JUDGED) for code in self.codes)


def bound(lots: pd.DataFrame, policy: Policy) -> Bound:
    """Say which code binds each lot; errors as of :func:`standards_under`."""
    if not policy.places or not len(lots):
        return Bound(codes=(policy.code,))
    group, held = sets_of(lots, policy.places)
    return Bound(codes=tuple(policy.inside(flags).code for flags in held), group=group)


def laid_under(parts: Parts, binds: Bound, *, uses: tuple[str, ...] = USES) -> Laid:
    """Lay the codes that bind lots on them, as numbers."""
    group = None if binds.group is None else binds.group[parts.lot]
    return lay(parts, binds.codes, uses=uses, group=group, laws=[of_uses(law, uses) for law in binds.laws])


def law_of_parts(laid: Laid, rows: Indices | None = None) -> Law:
    """The law on parts of lots, for :mod:`densitymap.capacity`; on some of them if rows are given."""
    chosen = slice(None) if rows is None else rows
    return Law(
        by_use={use: laid.of_use(use) for use in laid.uses},
        row=laid.row[chosen],
        own={(use, FLOOR_AREA): laid.floor_area_max_ft2(use)[chosen] for use in laid.uses},
    )
