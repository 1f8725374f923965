"""Counts of verdicts, kept while the tables they are of are written and let go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

VERDICTS = ("TRUE", "MAYBE", "FALSE", "NO DATA")


@dataclass(kw_only=True)
class Tally:
    """Rows of a table counted by some of its columns, part by part.

    Attributes
    ----------
    by
        Columns counted by, after the policy.
    """

    by: tuple[str, ...]
    _parts: list[pd.DataFrame] = field(default_factory=list, repr=False)

    def over(self, parts: Iterable[pd.DataFrame], zones: pd.Series | None = None) -> Iterator[pd.DataFrame]:
        """Give the parts on as they are, counting each.

        ``zones`` says the district of each ``parcel_id`` where the table does not.
        """
        for part in parts:
            named = part if zones is None else part.assign(zone_district=part["parcel_id"].map(zones))
            grouped = named.groupby(["policy", *self.by], observed=True, dropna=False)
            self._parts.append(grouped.size().rename("lots").reset_index())
            yield part

    def of(self, policy: str) -> pd.DataFrame:
        """Counts of one policy: the columns, and ``lots``."""
        table = pd.concat(self._parts, ignore_index=True)
        own = table[table["policy"] == policy]
        return own.groupby(list(self.by), observed=True, dropna=False)["lots"].sum().reset_index()


def by_verdict(counts: pd.DataFrame) -> dict[str, int]:
    """Lots by verdict."""
    found = counts.groupby("verdict", observed=True)["lots"].sum()
    return {word: int(found.get(word, 0)) for word in VERDICTS}


def by_type(counts: pd.DataFrame) -> dict[str, dict[str, dict[str, int]]]:
    """Verdicts by mode (keep, new, split) and type of home."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for (mode, kind), part in counts.groupby(["fit_mode", "fit_type"], observed=True):
        found.setdefault(str(mode), {})[str(kind)] = by_verdict(part)
    return found


def by_rule(counts: pd.DataFrame, beside: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Lots by district, verdict and the rule that decides, most first."""
    named = counts.assign(
        zone_district=counts["zone_district"].astype("string").fillna("no data"),
        binding_rule=counts["binding_rule"].astype("string").fillna("no data"),
    )
    keys = [*beside, "zone_district", "verdict", "binding_rule"]
    summed = named.groupby(keys, observed=True)["lots"].sum().reset_index()
    ordered = summed.sort_values(["lots", *keys], ascending=[False, *[True] * len(keys)])
    return [{str(name): value for name, value in row.items()} for row in ordered.to_dict("records")]
