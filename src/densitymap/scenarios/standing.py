"""The standards that bind each lot under a policy, where some of its levers bind in places only."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from densitymap.scenarios.places import sets_of
from densitymap.scenarios.policy import Policy
from densitymap.zoning.standards import USES, standards_for


def standards_under(
    lots: pd.DataFrame,
    policy: Policy,
    *,
    parcel_zones: pd.DataFrame | None = None,
    sliver_share: float = 1.0,
    uses: tuple[str, ...] = USES,
) -> pd.DataFrame:
    """Give the standards of each lot, each under the levers that bind where it lies.

    Lots that lie in the same places share a code; the answer is in the lots' order, as if there were one.

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
    asked = partial(standards_for, parcel_zones=parcel_zones, sliver_share=sliver_share, uses=uses)
    if not policy.places:
        return asked(lots, policy)
    code, held = sets_of(lots, policy.places)
    parts = [asked(lots[code == group], policy.inside(flags)) for group, flags in enumerate(held)]
    if len(parts) == 1:
        return parts[0]
    table = pd.concat(parts, ignore_index=True)
    order = pd.Index(lots["parcel_id"].astype("object")).get_indexer(table["parcel_id"].astype("object"))
    table = table.iloc[np.argsort(order, kind="stable")].reset_index(drop=True)
    table["use"] = pd.Categorical(table["use"], categories=list(uses))
    return table
