"""Reduce who owns a lot to two facts about it, so that names and mailing addresses can be dropped."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

UNKNOWN = "unknown"
PERSON = "person"


def owner_type(names: Sequence[pd.Series], types: Sequence[Mapping[str, Any]]) -> pd.Series:
    """Kind of owner, from the words of its name.

    Parameters
    ----------
    names
        Name columns of one record (first and second owner), on one index.
    types
        Records ``{name, words}`` in order of precedence (``catalog/ingest/owner_types.toml``).

    Returns
    -------
    Series of text
        A type's name; ``person`` where no word matches; ``unknown`` where there is no name.

    Examples
    --------
    >>> types = [{"name": "company", "words": ["LLC"]}]
    >>> owner_type([pd.Series(["OAK STREET LLC", "Ada Lovelace", None])], types).tolist()
    ['company', 'person', 'unknown']
    """
    index = names[0].index
    joined = pd.Series("", index=index, dtype="string")
    for part in names:
        joined = joined + " " + part.astype("string").str.upper().fillna("")
    joined = joined.str.replace(r"[^A-Z0-9]+", " ", regex=True).str.strip()
    result = pd.Series(PERSON, index=index, dtype="string").mask(joined == "", UNKNOWN)
    for kind in reversed(types):
        words = "|".join(re.escape(word) for word in kind["words"])
        result = result.mask(joined.str.contains(rf"\b(?:{words})\b", regex=True), kind["name"])
    return result


def owner_occupied(mailing: pd.Series, site: pd.Series) -> pd.Series:
    """Whether the owner's mail goes to the property: evidence, not proof.

    House number and street name are compared; type, quadrant and unit are not, since publishers
    abbreviate them differently. Missing where either address has no house number.

    Examples
    --------
    >>> site = pd.Series(["93 DEARBORN STREET SE   ", "93 DEARBORN STREET SE", "0 SE"])
    >>> owner_occupied(pd.Series(["93 Dearborn St", "PO BOX 7", "1 Oak St"]), site).tolist()
    [True, False, <NA>]
    """
    mail_number, mail_street = _number_and_street(mailing)
    site_number, site_street = _number_and_street(site)
    same = (mail_number == site_number) & (mail_street == site_street)
    known = site_number.notna() & mailing.astype("string").str.strip().fillna("").ne("")
    return same.astype("boolean").fillna(value=False).mask(~known, pd.NA)


def _number_and_street(address: pd.Series) -> tuple[pd.Series, pd.Series]:
    parts = address.astype("string").str.upper().str.extract(r"^\s*([1-9]\d*)\s+(?:[NSEW]\s+)?(\w+)")
    return parts[0], parts[1]
