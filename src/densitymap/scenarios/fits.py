"""What fits on lots under policies: zoning's standards brought to the lots' geometry.

Geometry is tried once per set of yards: a policy that leaves the yards alone reuses the places of
another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from densitymap.capacity.fit import Places
from densitymap.capacity.fits import fits_table, fitted
from densitymap.capacity.verdict import sentences
from densitymap.scenarios.divide import judged
from densitymap.scenarios.ground import Ground, ground_of_parcels, part_of, setting
from densitymap.scenarios.policy import Policy

__all__ = ["fits", "fits_in_parts", "ground_of_parcels"]

_CHUNK = 25_000
"""Lots judged at once: bounds the memory, not the answer."""


def fits(
    ground: Ground, policies: Iterable[Policy], *, splits: bool = True, reasons: bool = True
) -> pd.DataFrame:
    """What fits on every lot under every policy, with reasons.

    Parameters
    ----------
    ground
        The lots.
    policies
        Policies to try, in order; one with the yards of the one before recomputes no geometry.
    splits
        Whether to try dividing lots where the policy permits it.
    reasons
        Whether to say each verdict in words; without, ``reason`` is missing.

    Returns
    -------
    DataFrame
        Table ``fits``.
    """
    return pd.concat(list(fits_in_parts(ground, policies, splits=splits, reasons=reasons)), ignore_index=True)


def fits_in_parts(
    ground: Ground, policies: Iterable[Policy], *, splits: bool = True, reasons: bool = True
) -> Iterator[pd.DataFrame]:
    """Give table ``fits`` part by part, a policy at a time: so much is in memory at once, and no more.

    Arguments as of :func:`fits`.
    """
    chosen = tuple(policies)
    whole = np.arange(len(ground.lots))
    for start in range(0, max(len(whole), 1), _CHUNK):
        rows = whole[start : start + _CHUNK]
        part = ground if len(rows) == len(whole) else part_of(ground, rows)
        yield from _fits_of(part, chosen, splits=splits, reasons=reasons)


def _fits_of(
    ground: Ground, policies: tuple[Policy, ...], *, splits: bool, reasons: bool
) -> Iterator[pd.DataFrame]:
    places: Places | None = None
    for policy in policies:
        at, zones = setting(ground, policy, reuse=places)
        places = at.places
        found = judged(ground, at, policy) if splits else fitted(at)
        table = fits_table(found, at, ground.lots["parcel_id"], policy=policy.name)
        if reasons:
            named = pd.Series(zones["zone_key"].to_numpy(), index=ground.lots["parcel_id"])
            place = named.reindex(table["parcel_id"]).reset_index(drop=True)
            table["reason"] = sentences(table, place=place)
        yield table
