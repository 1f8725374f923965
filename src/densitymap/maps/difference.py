"""Two policies side by side: what changes on each lot, counted, and told in one paragraph."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap.maps.content import MapInput
from densitymap.maps.words import Words

Floats = npt.NDArray[np.float64]

MORE = ("allowed_true", "allowed_maybe", "fits_true", "fits_maybe")
"""Homes beyond those that stand, surely and perhaps: columns ``more_<what>__<policy>`` where worked out."""

RANK = {"FALSE": 0, "MAYBE": 1, "TRUE": 2}
"""Order of verdicts; NO DATA has no place in it."""

MOVES = ("to_yes", "to_maybe", "same", "less")
"""How an answer can move."""

COLUMNS = ("pair_allowed", "pair_fits", "pair_verdict")
"""Columns of the difference: homes allowed, homes that fit if vacant, and how the answer moves."""


def pair_of(content: MapInput) -> tuple[str, str] | None:
    """Policies to compare: those asked for, else today's law and the last reform."""
    names = [name for name, _, _ in content.policies]
    return content.pair or ((names[0], names[-1]) if len(names) > 1 else None)


def same_question(content: MapInput, pair: tuple[str, str]) -> bool:
    """Whether both policies were asked the same of each lot; only then can answers be compared."""
    asked = {name: question for name, _, question in content.policies}
    return asked[pair[0]] == asked[pair[1]]


def columns(lots: pd.DataFrame, before: str, after: str) -> dict[str, pd.Series]:
    """Difference of two policies on each lot; missing where either side is not known.

    Parameters
    ----------
    lots
        With ``units_allowed__<policy>``, ``verdict__<policy>`` and, where geometry was tried,
        ``fits_new__<policy>``.
    before, after
        Names of the policies.

    Returns
    -------
    dict of Series on the lots' index
        ``pair_allowed`` and ``pair_fits`` [homes], ``pair_verdict`` (to_yes, to_maybe, same, less).
    """
    found = {"pair_allowed": _gain(lots, "units_allowed", before, after)}
    if f"fits_new__{before}" in lots and f"fits_new__{after}" in lots:
        found["pair_fits"] = _gain(lots, "fits_new", before, after)
    ranks = [
        lots[f"verdict__{name}"].astype("string").map(RANK).astype("Float64") for name in (before, after)
    ]
    old, new = (rank.to_numpy(dtype=float, na_value=np.nan) for rank in ranks)
    moved = np.select([new < old, new == old, new == RANK["TRUE"]], ["less", "same", "to_yes"], "to_maybe")
    known = ~(np.isnan(old) | np.isnan(new))
    found["pair_verdict"] = pd.Series(moved, index=lots.index, dtype="string").where(known)
    return found


def _gain(lots: pd.DataFrame, what: str, before: str, after: str) -> pd.Series:
    """Homes after less homes before; no limit on both sides is no change."""
    old, new = (_floats(lots[f"{what}__{name}"]) for name in (before, after))
    with np.errstate(invalid="ignore"):
        gain: Floats = np.asarray(np.where(np.isposinf(old) & np.isposinf(new), 0.0, new - old))
    return pd.Series(pd.array(gain, dtype="Float64"), index=lots.index).mask(np.isnan(gain))


def _floats(units: pd.Series) -> Floats:
    return np.asarray(pd.to_numeric(units).astype("Float64").to_numpy(dtype=float, na_value=np.nan))


def counts(content: MapInput, pair: tuple[str, str]) -> dict[str, Any]:
    """Count what changes, on lots where both sides are known.

    Returns
    -------
    dict
        ``homes_allowed`` and ``homes_fit`` (before, after: sums where a number is known; more, fewer,
        same, unknown: lots); where worked out ``more`` (homes beyond those that stand, as `densitymap
        compare` counts them); and, where both were asked the same, ``verdicts`` (lots by how the answer
        moves; ``unknown``).
    """
    lots, (before, after) = content.lots, pair
    found = columns(lots, before, after)
    told: dict[str, Any] = {"before": before, "after": after, "lots": len(lots)}
    told["homes_allowed"] = _sides(lots, "units_allowed", found["pair_allowed"], before, after)
    if "pair_fits" in found:
        told["homes_fit"] = _sides(lots, "fits_new", found["pair_fits"], before, after)
    if all(f"more_{what}__{name}" in lots for what in MORE for name in pair):
        told["more"] = {
            side: {what: _total(lots[f"more_{what}__{name}"]) for what in MORE}
            for side, name in (("before", before), ("after", after))
        }
    if same_question(content, pair):
        moved = found["pair_verdict"]
        told["verdicts"] = {word: int((moved == word).sum()) for word in MOVES}
        told["verdicts"]["unknown"] = int(moved.isna().sum())
    return told


def _sides(lots: pd.DataFrame, what: str, gain: pd.Series, before: str, after: str) -> dict[str, int]:
    sums = {side: _total(lots[f"{what}__{name}"]) for side, name in (("before", before), ("after", after))}
    return sums | {
        "more": int((gain > 0).sum()),
        "fewer": int((gain < 0).sum()),
        "same": int((gain == 0).sum()),
        "unknown": int(gain.isna().sum()),
    }


def _total(units: pd.Series) -> int:
    """Sum of the lots whose number is known and finite."""
    values = _floats(units)
    return int(values[np.isfinite(values)].sum())


def sentences(content: MapInput, words: Words) -> list[str]:
    """Tell the difference of the pair in words, with the counts; empty where there is no pair."""
    pair = pair_of(content)
    if pair is None:
        return []
    titles = {name: (title, question) for name, title, question in content.policies}
    told = counts(content, pair)
    before, after = (titles[name][0] for name in pair)
    blanks = {"before": before, "after": after}
    said = [words("swipe.summary", **blanks, **_blanks(told["homes_allowed"]))]
    if "homes_fit" in told:
        said.append(words("swipe.summary_fits", **blanks, **_blanks(told["homes_fit"])))
    for side, name in zip(("before", "after") if "more" in told else (), pair, strict=False):
        numbers = {what: f"{count:,}" for what, count in told["more"][side].items()}
        said.append(words("swipe.summary_more", policy=titles[name][0], **numbers))
    asked, then_asked = (titles[name][1] for name in pair)
    if "verdicts" in told:
        moved = {key: f"{value:,}" for key, value in told["verdicts"].items()}
        said.append(words("swipe.summary_verdicts", question=asked, **moved))
    else:
        said.append(words("swipe.questions", asked=asked, then_asked=then_asked))
    return [*said, words("swipe.no_forecast")]


def _blanks(counted: dict[str, int]) -> dict[str, str]:
    numbers = {key: f"{value:,}" for key, value in counted.items()}
    return {"homes_before": numbers.pop("before"), "homes_after": numbers.pop("after"), **numbers}
