"""Lots on which a scenario makes what was lawful unlawful, or lawful only as a lot of record; in words too.

Three counts that are easily taken for one another are kept apart: lots where a house *may* be built, those
of them on which one *stands*, and lots that fall below a new minimum, where a house stays lawful on a lot of
record alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from densitymap.capacity.legal import FORMS, HOMES
from densitymap.geometry import Floats
from densitymap.scenarios.places import Flags
from densitymap.scenarios.policy import Policy
from densitymap.scenarios.standing import bound
from densitymap.zoning.parse import parse_zones

MINIMUMS = {"lot_area_min_ft2": "lot_area_ft2", "lot_width_min_ft": "lot_width_ft"}
"""Standards a lot meets or does not, and the lots' measure of each (width is a proxy)."""
LOT_OF_RECORD = (
    "a lot of record may have a house below the minimums; where nobody knows whether a lot is one, a house "
    "there counts as perhaps lawful, not as unlawful"
)
"""What is supposed of lots below the minimums."""


def standing_homes(lots: pd.DataFrame) -> Floats:
    """Homes that stand on each lot; one where it is or may be built on and nobody knows more, else 0."""
    known = lots["existing_units"].to_numpy(float, na_value=np.nan)
    built = lots["is_built"].to_numpy(bool, na_value=True)
    return np.where(np.isnan(known), np.where(built, 1.0, 0.0), known)


def was_and_is_not(before: pd.DataFrame, after: pd.DataFrame, form: str = "house") -> Flags:
    """Tell lots where a form was lawful, surely or perhaps, and surely is not any longer."""
    name = f"is_allowed_{form}"
    was, now = (one[name].to_numpy(bool, na_value=True) for one in (before, after))
    return np.asarray(was & ~now, dtype=bool)


def newly_nonconforming(lots: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame) -> Flags:
    """Tell lots where what stands was lawful, surely or perhaps, and no longer is.

    More homes stand than could be built; or so many that no form of that many homes is lawful any longer.
    """
    least = standing_homes(lots)
    was, now = (one["units_allowed"].to_numpy(float, na_value=np.nan) for one in (before, after))
    found = (was >= least) & (now < least)
    for count in {*HOMES.values()}:
        forms = [form for form in FORMS if HOMES[form] == count]
        then, still = (
            np.logical_or.reduce([one[f"is_allowed_{form}"].to_numpy(bool, na_value=True) for form in forms])
            for one in (before, after)
        )
        found = found | ((least == count) & then & ~still)
    return np.asarray(found & (least > 0), dtype=bool)


def houses_unlawful(lots: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame) -> dict[str, Any]:
    """Count lots where a house was lawful and no longer is, by what stands there.

    Parameters
    ----------
    lots
        Table ``parcels``.
    before, after
        Table ``allowed`` of no change and of the scenario, rows as the lots.

    Returns
    -------
    dict
        ``lots``, and of them ``lots_with_a_house``, ``lots_with_more_homes``, ``lots_with_no_home``,
        ``lots_unknown`` (nobody knows what stands); ``text`` says so, and is None where there are none.
    """
    here = was_and_is_not(before, after)
    known = lots["existing_units"].to_numpy(float, na_value=np.nan)
    bare = np.isnan(known) & ~lots["is_built"].to_numpy(bool, na_value=True)
    counts = {
        "lots": here,
        "lots_with_a_house": here & (known == 1),
        "lots_with_more_homes": here & (known > 1),
        "lots_with_no_home": here & ((known == 0) | bare),
        "lots_unknown": here & np.isnan(known) & ~bare,
    }
    found: dict[str, Any] = {name: int(flags.sum()) for name, flags in counts.items()}
    became = int((newly_nonconforming(lots, before, after)).sum())
    return found | {"lots_newly_nonconforming": became, "text": _house_words(found, became)}


def _house_words(found: Mapping[str, int], became: int) -> str | None:
    if not found["lots"]:
        return None
    others = became - found["lots_with_a_house"] - found["lots_unknown"]
    return (
        f"makes a house unlawful on {found['lots']:,} lots where one was lawful, surely or perhaps: of which "
        f"a house stands on {found['lots_with_a_house']:,}, more homes on {found['lots_with_more_homes']:,}, "
        f"none on {found['lots_with_no_home']:,}, and nobody knows what stands on {found['lots_unknown']:,}. "
        f"What stands becomes nonconforming on {became:,} lots: the {found['lots_with_a_house']:,}, the "
        f"{found['lots_unknown']:,} (each counted as one house) and {others:,} others, by the homes on them"
    )


def lots_below(lots: pd.DataFrame, after: pd.DataFrame, *, base: Policy, policy: Policy) -> dict[str, Any]:
    """Count lots that fall below the smallest lot a house may be built on.

    Parameters
    ----------
    lots
        Table ``parcels``, with the places of the policy.
    after
        Table ``allowed`` of the scenario, rows as the lots.
    base, policy
        No change, and the scenario.

    Returns
    -------
    dict
        ``lots_now`` and ``lots_proposed`` (below the minimum of area or width), ``lots_newly`` and, of
        those, ``lots_of_record_only``: a house is lawful there, surely or perhaps, as on a lot of record
        alone. ``text`` says so, and is None where none falls below.
    """
    now, then = (_below(lots, one) for one in (base, policy))
    newly = then & ~now
    kept = newly & after["is_allowed_house"].to_numpy(bool, na_value=True)
    found: dict[str, Any] = {
        "lots_now": int(now.sum()),
        "lots_proposed": int(then.sum()),
        "lots_newly": int(newly.sum()),
        "lots_of_record_only": int(kept.sum()),
    }
    return found | {"text": _below_words(found)}


def _below(lots: pd.DataFrame, policy: Policy) -> Flags:
    """Tell lots smaller or narrower than a house of their main district needs; unknown is not below."""
    codes, distinct = pd.factorize(lots["zone_district"], use_na_sentinel=False)
    key = parse_zones(pd.Series(distinct), policy.base)["zone_key"]
    binds = bound(lots, policy)
    group = np.zeros(len(lots), dtype=np.intp) if binds.group is None else binds.group
    found = np.zeros(len(lots), dtype=bool)
    for standard, measure in MINIMUMS.items():
        by_code = [law[law["use"] == "house"][standard].reindex(key).to_numpy(float) for law in binds.laws]
        least = np.stack(by_code)[group, codes] if len(distinct) else np.zeros(0)
        found |= lots[measure].to_numpy(float, na_value=np.nan) < least
    return found


def _below_words(found: Mapping[str, int]) -> str | None:
    if not found["lots_newly"]:
        return None
    return (
        f"{found['lots_newly']:,} lots that met the minimum lot fall below the new one, in area or width "
        f"({found['lots_now']:,} are below now, {found['lots_proposed']:,} then); on "
        f"{found['lots_of_record_only']:,} of them a house is lawful only as on a lot of record: "
        f"{LOT_OF_RECORD}"
    )


def unlawful(
    lots: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame, *, base: Policy, policy: Policy
) -> dict[str, Any]:
    """Tell what a policy makes unlawful, ready for a record.

    Parameters
    ----------
    lots
        Table ``parcels``, with the places of the policy.
    before, after
        Table ``allowed`` of no change and of the policy, rows as the lots.
    base, policy
        No change, and the policy.

    Returns
    -------
    dict
        ``houses_made_unlawful`` (lots), ``houses_unlawful`` (:func:`houses_unlawful`),
        ``lots_below_minimum`` (:func:`lots_below`) and ``warnings``: what a reader must be told, in words.
    """
    houses = houses_unlawful(lots, before, after)
    below = lots_below(lots, after, base=base, policy=policy)
    return {
        "houses_made_unlawful": houses["lots"],
        "houses_unlawful": houses,
        "lots_below_minimum": below,
        "warnings": [str(one["text"]) for one in (houses, below) if one["text"]],
    }
