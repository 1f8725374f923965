"""What a policy answers for whole lots tables and for each zoning district."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from densitymap.capacity.allowed import units_allowed, units_under
from densitymap.capacity.legal import COUNTED, EXACT, FORMS, HOMES, LARGER
from densitymap.scenarios.policy import Policy
from densitymap.scenarios.standing import Bound, bound, laid_under, law_of_parts
from densitymap.zoning.code import ZoningCode
from densitymap.zoning.parse import parse_zones
from densitymap.zoning.parts import Parts, parts_of
from densitymap.zoning.standards import law_table, standards_for

FORM_WORDS = {
    "house": "house", "adu": "house and accessory home", "duplex": "duplex", "triplex": "triplex",
    "cottage_court": "cottage court", "multi": "multi-family building",
}  # fmt: skip


def allowed(
    lots: pd.DataFrame,
    policies: Iterable[Policy],
    *,
    parcel_zones: pd.DataFrame | None = None,
    sliver_share: float = 1.0,
    reasons: bool = True,
) -> pd.DataFrame:
    """Say what each policy allows on each lot.

    Parameters
    ----------
    lots
        Table ``parcels`` (``parcel_id``, ``lot_area_ft2``, ``lot_width_ft``, ``zone_district``).
    policies
        Policies to ask.
    parcel_zones
        Table ``parcel_zones``: with it every district of a split lot is asked.
    sliver_share
        Share of a lot above which land in no district makes the answer doubtful (the city's own).
    reasons
        Whether to say each verdict in words; without, ``reason`` is missing.

    Returns
    -------
    DataFrame
        Table ``allowed``: one row per policy and lot, policies in the order given.
    """
    parts = parts_of(lots, parcel_zones=parcel_zones, sliver_share=sliver_share)
    return pd.concat(
        [allowed_on(lots, parts, policy, reasons=reasons) for policy in policies], ignore_index=True
    )


def allowed_on(
    lots: pd.DataFrame,
    parts: Parts,
    policy: Policy,
    *,
    binds: Bound | None = None,
    reasons: bool = True,
) -> pd.DataFrame:
    """Say what one policy allows on lots whose districts are known; rows as the lots: :func:`allowed`."""
    binds = binds or bound(lots, policy)
    law = law_of_parts(laid_under(parts, binds, uses=(*FORMS, *_larger(binds.codes))))
    return units_under(
        lots, law, parts.lot, policy=policy.name, question=policy.question, reasons=reasons
    ).reset_index(drop=True)


def _larger(codes: Sequence[ZoningCode]) -> list[str]:
    """Larger forms that one of these codes gives; multi-family buildings of so few homes as are counted."""
    limits = {
        form: (homes, max(COUNTED.values()) if form == "multi" else np.inf) for form, homes in LARGER.items()
    }
    counts = pd.concat(
        [code.rows.loc[code.rows["standard"] == "units_max", ["use", "value"]] for code in codes]
    )
    return [
        form for form, ends in limits.items() if counts["value"][counts["use"] == form].between(*ends).any()
    ]


def minimum_lot_answers(zones: pd.Series, policy: Policy) -> pd.DataFrame:
    """Say what a policy allows on a lot of exactly the size a district asks for.

    Parameters
    ----------
    zones
        Zoning codes as mapped, any index.
    policy
        The policy asked.

    Returns
    -------
    DataFrame
        On the same index: ``zone_name``, ``zone_status`` (read, unread, conditional, unresolved),
        ``zone_reason``, ``lot_area_min_ft2``, ``lot_width_min_ft``, ``units`` (missing where nobody
        knows), ``answer`` (a short text), ``citation``, ``zone_url``.
    """
    codes, distinct = pd.factorize(zones, use_na_sentinel=False)
    parsed = parse_zones(pd.Series(distinct), policy.code)
    law = law_table(policy.code)
    house = law[law["use"] == "house"]
    size = house[["lot_area_min_ft2", "lot_width_min_ft"]].reindex(parsed["zone_key"]).reset_index(drop=True)
    lots = pd.DataFrame(
        {
            "parcel_id": pd.Series(np.arange(len(distinct))).astype("string"),
            "zone_district": pd.Series(distinct, dtype="string"),
            "lot_area_ft2": size["lot_area_min_ft2"],
            "lot_width_ft": size["lot_width_min_ft"],
        }
    )
    standards = standards_for(lots, policy, uses=(*FORMS, *_larger([policy.code])))
    ruled = units_allowed(lots, standards, policy=policy.name, margins=EXACT)
    table = _zone_texts(parsed, ruled, policy).join(size)
    return table.take(codes).set_axis(zones.index)


def _zone_texts(parsed: pd.DataFrame, ruled: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    known = policy.code.districts
    keys = [key if isinstance(key, str) and key in known else None for key in parsed["zone_key"]]
    conditional = parsed["is_conditional"].to_numpy(bool) & (parsed["zone_status"] == "read").to_numpy(bool)
    return pd.DataFrame(
        {
            "zone_name": [known[key].title if key else None for key in keys],
            "zone_status": np.where(conditional, "conditional", parsed["zone_status"].to_numpy(object)),
            "zone_reason": parsed["zone_reason"].to_numpy(object),
            "units": ruled["units_allowed"].array,
            "answer": _answers(parsed, ruled, policy),
            "citation": ruled["citation"].to_numpy(object),
            "zone_url": [known[key].url if key else None for key in keys],
        }
    )


def _answers(parsed: pd.DataFrame, ruled: pd.DataFrame, policy: Policy) -> list[str]:
    """Put into words what each district allows, and how sure that is."""
    multi = law_table(policy.code, ("multi",))["units_max"].reindex(parsed["zone_key"]).to_numpy()
    forms = _forms(ruled)
    reasons = parsed["zone_reason"].fillna("the values of this district are unread")
    answers = []
    for place, form in enumerate(forms):
        sure = not parsed["is_conditional"].iloc[place]
        if multi[place] > max(COUNTED.values()):
            limit = "" if np.isinf(multi[place]) else f" (up to {multi[place]:.0f} homes)"
            answers.append(f"Multi-family buildings{limit}; how many homes is not counted here")
        elif parsed["zone_status"].iloc[place] != "read":
            answers.append(f"Not known: {reasons.iloc[place]}")
        else:
            answers.append(form if sure else f"At most: {form}; a council condition (-C) may allow less")
    return answers


def _forms(ruled: pd.DataFrame) -> list[str]:
    """Every form with the most homes in words: "Duplex, or house and accessory home (2 homes)"."""
    units = ruled["units_allowed"].fillna(-1).to_numpy(int)
    possible = {
        form: ruled[f"is_allowed_{form}"].to_numpy(bool, na_value=True) & (units == HOMES[form])
        for form in reversed(FORMS)
    }
    answers = []
    for place, count in enumerate(units):
        words = [FORM_WORDS[form] for form, holds in possible.items() if holds[place]]
        words = words or [FORM_WORDS[form] for form, homes in LARGER.items() if homes == count]
        text = ", or ".join(words).capitalize()
        answers.append(f"{text} ({count} home{'s' if count > 1 else ''})" if words else "No home by right")
    return answers
