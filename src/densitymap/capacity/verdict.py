"""Verdicts: rules judged one by one, and which of them binds.

A level is 0 FALSE, 1 MAYBE, 2 TRUE; the level of several rules is the least of theirs, which is the
nullable logic of the house: FALSE and unknown is FALSE, TRUE and unknown is MAYBE.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap.capacity import kernel
from densitymap.capacity.rules import load_rules
from densitymap.geometry import Floats

Levels = npt.NDArray[np.int8]
_Told = tuple[Levels, Levels, Floats, Floats, Floats]
_Pair = tuple[Floats, Floats]
_Doubts = tuple["Flags", "Flags"]
_Asked = tuple[int, int, float, float]
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

_COUNT, _LENGTH, _AREA = 0, 1, 2
_SCALES = tuple(
    _COUNT if name in COUNT_RULES else _LENGTH if name in LENGTH_RULES else _AREA for name in RULES
)
"""What each rule measures, and so what leaves it in doubt."""
_HOME_SIZE = RULES.index("home_size")
"""A template's size is our choice, not the lot's limit: met, it is never the tightest."""
_ROUNDING = -1e-6
"""Feet that are rounding."""


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

    def arrays(self) -> _Told:
        """Give the arrays of the judgement, as declared."""
        return self.level, self.rule, self.have, self.need, self.tightness

    def copy(self) -> Judgement:
        """Give a judgement of its own, to judge further."""
        return Judgement(
            level=self.level.copy(),
            rule=self.rule.copy(),
            have=self.have.copy(),
            need=self.need.copy(),
            tightness=self.tightness.copy(),
        )

    def take(self, other: Judgement, rows: Flags) -> None:
        """Take over what another judgement says of some lots."""
        _overwrite(self.arrays(), other.arrays(), rows)


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
        level = np.where(slack >= _ROUNDING, TRUE, FALSE)
        doubtful = np.abs(slack) < margin
        scale = np.where(np.abs(need) > 0, np.abs(need), 1.0)
        share = np.where(np.isinf(slack), np.inf, slack / np.where(np.isinf(scale), 1.0, scale))
    both = np.isinf(have) & np.isinf(need)
    unknown = np.isnan(slack) & ~both
    level = np.where(unknown | (doubtful & ~both), MAYBE, np.where(both, TRUE, level))
    return level.astype(np.int8), np.where(np.isnan(share), np.inf, share)


def judge(
    found: Judgement,
    rule: str,
    have: Floats,
    need: Floats,
    *,
    margins: Margins,
    waived: Flags | None = None,
    softened: Flags | None = None,
) -> None:
    """Add one rule, ``have >= need``, to a judgement.

    Parameters
    ----------
    found
        What was judged so far; changed.
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
    code = RULES.index(rule)
    add = _judge_each if kernel.HAS_NUMBA else _judge_all
    nobody = np.empty(0, dtype=bool)
    add(
        found.arrays(),
        (np.ascontiguousarray(have, dtype=float), np.ascontiguousarray(need, dtype=float)),
        (nobody if waived is None else waived, nobody if softened is None else softened),
        (code, _SCALES[code], margins.length_ft, margins.share),
    )


def _judge_all(told: _Told, amounts: _Pair, lots: _Doubts, rule: _Asked) -> None:
    """The rule on all lots at once: twin of :func:`_judge_each` where numba is not installed."""
    (have, need), (waived, softened), (code, scale, length_ft, share_of) = amounts, lots, rule
    margin: Floats | float = length_ft
    if scale == _COUNT:
        margin = 0.0
    elif scale == _AREA:
        margin = np.where(np.isfinite(need), share_of * np.abs(need), 0.0)
    level, share = at_least(have, need, margin=margin)
    if scale == _COUNT:
        share = np.where(level == FALSE, -np.inf, np.inf)
    elif code == _HOME_SIZE:
        share = np.where(level == FALSE, share, np.inf)
    if len(softened):
        level = np.where(softened & (level == FALSE), MAYBE, level).astype(np.int8)
    if len(waived):
        level, share = np.where(waived, TRUE, level).astype(np.int8), np.where(waived, np.inf, share)
    share = np.where(np.isneginf(share) & (scale != _COUNT), -1.0, share)
    takes = (level < told[0]) | ((level == told[0]) & (share < told[4]))
    _overwrite(told, (level, code, have, need, share), takes)


def _overwrite(told: _Told, now: tuple[Any, ...], rows: Flags) -> None:
    """Say something else of some lots."""
    held: Any
    for held, value in zip(told, now, strict=True):
        np.copyto(held, value, where=rows)


@kernel.compiled
def _judge_each(told: Any, amounts: Any, lots: Any, rule: Any) -> None:
    """The rule lot by lot, to the digit as :func:`_judge_all`."""
    level, binding, had, asked, tight = told
    code, scale, length_ft, share_of = rule
    for i in range(len(level)):
        have, need = amounts[0][i], amounts[1][i]
        now, share = _weighed(have, need, scale, length_ft, share_of)
        if code == _HOME_SIZE and now != FALSE:
            share = np.inf
        if len(lots[1]) and lots[1][i] and now == FALSE:
            now = MAYBE
        if len(lots[0]) and lots[0][i]:
            now, share = TRUE, np.inf
        if share == -np.inf and scale != _COUNT:
            share = -1.0
        if now < level[i] or (now == level[i] and share < tight[i]):
            level[i], binding[i], had[i], asked[i], tight[i] = now, code, have, need, share


@kernel.compiled
def _weighed(have: Any, need: Any, scale: Any, length_ft: Any, share_of: Any) -> Any:
    """Level and tightness of one amount, as :func:`at_least`."""
    slack = have - need
    if np.isinf(have) and np.isinf(need):
        now = TRUE
    elif np.isnan(slack):
        now = MAYBE
    else:
        margin = 0.0 if scale == _COUNT else length_ft
        if scale == _AREA:
            margin = share_of * abs(need) if np.isfinite(need) else 0.0
        sure = TRUE if slack >= _ROUNDING else FALSE
        now = MAYBE if abs(slack) < margin else sure
    if scale == _COUNT:
        return now, (-np.inf if now == FALSE else np.inf)
    if np.isnan(slack) or np.isinf(slack):
        return now, np.inf
    return now, slack / abs(need) if abs(need) > 0 else slack


def cap(found: Judgement, rule: str, level: Levels) -> None:
    """Lower the level of a judgement for a doubt that has no number."""
    doubt = (level, RULES.index(rule), np.nan, np.nan, np.inf)
    _overwrite(found.arrays(), doubt, level < found.level)


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
