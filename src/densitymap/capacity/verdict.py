"""Verdicts: rules judged one by one, and which of them binds.

A level is 0 FALSE, 1 MAYBE, 2 TRUE; the level of several rules is the least of theirs, which is the
nullable logic of the house: FALSE and unknown is FALSE, TRUE and unknown is MAYBE.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap.capacity.rules import load_rules
from densitymap.geometry import Floats

Levels = npt.NDArray[np.int8]
Flags = npt.NDArray[np.bool_]

FALSE, MAYBE, TRUE = 0, 1, 2
VERDICTS = ("FALSE", "MAYBE", "TRUE")

RULES = (
    "use",
    "units",
    "lot_area",
    "lot_width",
    "street",
    "yards",
    "behind_house",
    "side_path",
    "floor_area",
    "coverage",
    "height",
    "home_size",
    "house_size",
    "condition",
    "house_unknown",
    "front_unsure",
    "split_pattern",
)
"""Rules by code; a row's ``binding_rule`` is one of them."""

COUNT_RULES = frozenset({"use", "units"})
"""Rules that count homes: broken, they bind before all others; met, they are never the tightest."""

LENGTH_RULES = frozenset({"lot_width", "yards", "behind_house", "side_path", "height"})
"""Rules measured in feet; the others in square feet or homes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Margins:
    """Slack below which a measured lot is in doubt; 0 and 0 where the geometry is exact."""

    length_ft: float
    share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What the rules judged so far say of each lot.

    Attributes
    ----------
    level
        0 FALSE, 1 MAYBE, 2 TRUE.
    rule
        Code in :data:`RULES` of the rule that binds; -1 before any.
    have, need
        What the binding rule measured and asked for.
    tightness
        Slack of the binding rule as a share of what it asks for.
    """

    level: Levels
    rule: npt.NDArray[np.int8]
    have: Floats
    need: Floats
    tightness: Floats


def unjudged(count: int) -> Judgement:
    """Nothing said yet: every lot TRUE."""
    return Judgement(
        level=np.full(count, TRUE, dtype=np.int8),
        rule=np.full(count, -1, dtype=np.int8),
        have=np.full(count, np.nan),
        need=np.full(count, np.nan),
        tightness=np.full(count, np.inf),
    )


def at_least(have: Floats, need: Floats, *, margin: Floats | float = 0.0) -> tuple[Levels, Floats]:
    """Level and relative slack of ``have >= need``.

    Missing on either side is MAYBE (nobody knows); a slack below the margin, on either side of the
    limit, is MAYBE as well: the measurement cannot tell.

    Examples
    --------
    >>> at_least(np.array([50.0, 60.0, np.nan]), np.array([70.0, 60.0, 70.0]))[0].tolist()
    [0, 2, 1]
    """
    with np.errstate(invalid="ignore"):
        slack = have - need
        level = np.where(slack >= -1e-6, TRUE, FALSE)  # noqa: PLR2004 (rounding of feet)
        doubtful = np.abs(slack) < margin
        scale = np.where(np.abs(need) > 0, np.abs(need), 1.0)
        share = np.where(np.isinf(slack), np.inf, slack / np.where(np.isinf(scale), 1.0, scale))
    both = np.isinf(have) & np.isinf(need)
    unknown = np.isnan(slack) & ~both
    level = np.where(unknown | (doubtful & ~both), MAYBE, np.where(both, TRUE, level))
    return level.astype(np.int8), np.where(np.isnan(share), np.inf, share)


def judge(
    before: Judgement,
    rule: str,
    have: Floats,
    need: Floats,
    *,
    margins: Margins,
    waived: Flags | None = None,
    softened: Flags | None = None,
) -> Judgement:
    """Add one rule, ``have >= need``, to a judgement.

    Parameters
    ----------
    before
        What was judged so far.
    rule
        One of :data:`RULES`.
    have, need
        Measured and asked for; missing is unknown, ``inf`` is no limit.
    margins
        Doubt of the measurement: feet for lengths, a share of ``need`` for areas; homes have none.
    waived
        Lots to which the rule does not apply.
    softened
        Lots to which it may not apply: FALSE is MAYBE there.
    """
    if rule in LENGTH_RULES:
        margin: Floats | float = margins.length_ft
    elif rule in COUNT_RULES:
        margin = 0.0
    else:
        margin = margins.share * np.abs(np.where(np.isfinite(need), need, np.nan))
        margin = np.where(np.isnan(margin), 0.0, margin)
    level, share = at_least(have, need, margin=margin)
    if rule in COUNT_RULES:
        share = np.where(level == FALSE, -np.inf, np.inf)
    elif rule == "home_size":  # a template's size is our choice, not the lot's limit
        share = np.where(level == FALSE, share, np.inf)
    if softened is not None:
        level = np.where(softened & (level == FALSE), MAYBE, level).astype(np.int8)
    if waived is not None:
        level, share = np.where(waived, TRUE, level).astype(np.int8), np.where(waived, np.inf, share)
    return _tighter(before, RULES.index(rule), level, have, need, share)


def cap(before: Judgement, rule: str, level: Levels) -> Judgement:
    """Lower the level for a doubt that has no number."""
    unknown = np.full(len(level), np.nan)
    return _tighter(before, RULES.index(rule), level, unknown, unknown, np.full(len(level), np.inf))


def _tighter(
    before: Judgement, code: int, level: Levels, have: Floats, need: Floats, share: Floats
) -> Judgement:
    share = np.where(np.isneginf(share) & (code >= len(COUNT_RULES)), -1.0, share)
    takes = (level < before.level) | ((level == before.level) & (share < before.tightness))
    return Judgement(
        level=np.minimum(before.level, level),
        rule=np.where(takes, code, before.rule).astype(np.int8),
        have=np.where(takes, have, before.have),
        need=np.where(takes, need, before.need),
        tightness=np.where(takes, share, before.tightness),
    )


def rule_names(codes: npt.NDArray[np.int8]) -> pd.Categorical[str]:
    """Names of rules from their codes; missing for -1."""
    return pd.Categorical.from_codes(codes.astype(np.intp), categories=pd.Index(RULES))


_MEASURED = ("lot_area", "lot_width", "behind_house", "floor_area", "coverage", "height", "house_size")

_WORDS = {
    "lot_area": "the lot's area",
    "lot_width": "its frontage",
    "yards": "the ground behind the yards",
    "behind_house": "the room behind the house",
    "floor_area": "its floor area",
    "coverage": "its coverage",
    "height": "its height",
    "house_size": "the size of the house",
}
"""What is nearest its limit where every rule is met."""

_SENTENCES = {
    "use": "{place} does not permit this kind of home by right.",
    "units": "{place} permits {have} homes on a lot; this would be {need}.",
    "lot_area": "The lot has {have} square feet; {place} asks for {need}.",
    "lot_width": "The lot is {have} ft wide at the street; {place} asks for {need}.",
    "street": "The lot does not reach a street that is known.",
    "yards": "Behind the yards of {place} no building of this kind fits.",
    "behind_house": "Behind the house and a gap there is {have} ft where {need} ft is wanted.",
    "side_path": "Beside the house there is no room for a path to the back.",
    "floor_area": "{place} leaves {have} square feet of floor; this needs {need}.",
    "coverage": "{place} leaves {have} square feet for buildings and paving; this needs {need}.",
    "height": "{place} permits {have} ft of height; this needs {need}.",
    "home_size": "{place} permits {have} square feet for such a home; this has {need}.",
    "house_size": "The house has {have} square feet; dividing it in two needs {need}.",
    "condition": "A council condition, an overlay or law nobody has read may bind this lot further.",
    "house_unknown": "Nobody knows what stands on the lot; this holds if it is as supposed.",
    "front_unsure": "Which side faces the street is not known; the sides were judged by their shape.",
    "split_pattern": "Dividing the lot needs a review of how the lots around are laid out.",
}
"""What each rule says to a resident when it is broken or close."""

_UNKNOWN = {
    "use": "Whether {place} permits this kind of home has not been read.",
    "units": "How many homes {place} permits on a lot has not been read.",
    "lot_area": "The lot's area, or what {place} asks for, is not known.",
    "lot_width": "The lot's frontage, or what {place} asks for, is not known.",
    "yards": "The yards of {place} have not been read.",
    "behind_house": "Where the house stands is not known, so neither is the room behind it.",
    "floor_area": "The floor area that stands, or that {place} leaves, is not known.",
    "coverage": "The ground that is covered, or that {place} lets be covered, is not known.",
    "height": "The height that {place} permits has not been read.",
    "home_size": "The size that {place} permits for such a home has not been read.",
    "house_size": "The floor area of the house is not known.",
}
"""What each rule says where a figure is missing."""


def sentences(fits: pd.DataFrame, *, place: pd.Series | None = None) -> pd.Series:
    """Say each verdict in words a resident understands.

    Parameters
    ----------
    fits
        With ``verdict``, ``binding_rule``, ``have`` and ``need``.
    place
        What the law is called on each row (its district); "the code" where missing.

    Returns
    -------
    Series of string
        On the same index.
    """
    names = (
        pd.Series("the code", index=fits.index)
        if place is None
        else place.astype("string").fillna("the code")
    )
    text = pd.Series("It fits every rule that was read.", index=fits.index, dtype="string")
    nearest = fits["binding_rule"].map(_WORDS).astype("string")
    nearest = "It fits every rule that was read; nearest its limit is " + nearest + "."
    text = nearest.fillna(text)
    have, need = _figures(fits["have"]), _figures(fits["need"])
    speaks = fits["verdict"].isin(["FALSE", "MAYBE"]) & fits["binding_rule"].notna()
    missing = fits["have"].isna() | fits["need"].isna()
    for rule, sentence in _SENTENCES.items():
        rows = speaks & fits["binding_rule"].eq(rule).fillna(value=False)
        unknown = rows & missing & (rule in _UNKNOWN)
        for chosen, words in ((rows & ~unknown, sentence), (unknown, _UNKNOWN.get(rule, sentence))):
            if chosen.any():
                text[chosen] = _filled(words, fits.index[chosen], have=have, need=need, place=names)
    text = _doubted(text, fits, speaks & ~missing)
    text[fits["verdict"].eq("NO DATA").fillna(value=False)] = (
        "Nothing is known of this lot's shape or zoning."
    )
    return text


def _doubted(text: pd.Series, fits: pd.DataFrame, rows: pd.Series) -> pd.Series:
    """Say why a measured rule is MAYBE: too close to tell, or for lots of record only."""
    rules = load_rules()
    rule, have, need = (
        fits["binding_rule"].astype("string"),
        fits["have"].astype(float),
        fits["need"].astype(float),
    )
    margin = np.where(rule.isin(LENGTH_RULES), rules["margin_length_ft"], rules["margin_share"] * need.abs())
    maybe = rows & fits["verdict"].eq("MAYBE").fillna(value=False)
    close = maybe & (have - need).abs().lt(pd.Series(margin, index=fits.index)) & rule.isin(_MEASURED)
    record = maybe & ~close & have.lt(need) & rule.isin(["lot_area", "lot_width"])
    text = text.mask(close, text + " That is too close to tell from a map.")
    return text.mask(record, text + " Allowed if it is a lot of record, which is not known.")


def _filled(words: str, index: pd.Index, **values: pd.Series) -> pd.Series:
    """The sentence with its figures, one row each; what a figure says is never read as a mark."""
    said = pd.Series("", index=index, dtype="string")
    for piece in re.split(r"(\{\w+\})", words):
        name = piece.strip("{}")
        said = said + (values[name].loc[index].astype("string") if piece.startswith("{") else piece)
    return said


def _figures(values: pd.Series) -> pd.Series:
    """Whole numbers as people write them; each distinct one is written once."""
    number = values.astype("Float64").to_numpy(float, na_value=np.nan)
    codes, distinct = pd.factorize(np.abs(np.round(number)), use_na_sentinel=False)
    words = pd.Series([_figure(value) for value in distinct], dtype="string")
    return pd.Series(words.array.take(codes), index=values.index)


def _figure(value: float) -> str:
    if np.isnan(value):
        return "an unknown number of"
    return "no limit of" if np.isinf(value) else f"{value:,.0f}"
