"""How well a score ranks and how far a probability can be believed, with spatial intervals.

Neighbouring tracts are alike, so an interval that resamples tracts one by one is too narrow. Whole
spatial blocks are resampled instead. A resample is a row of weights, so that all statistics of a
resample are one pass over sorted scores.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def auc(truth: Floats, score: Floats, weights: Floats) -> Floats:
    """Chance that a true case scores above a false one, ties counted half, per row of weights.

    Parameters
    ----------
    truth
        1 or 0, shape (n,).
    score
        Any order, shape (n,).
    weights
        Shape (resamples, n).

    Returns
    -------
    Array of shape (resamples,)
        NaN where a resample holds only one kind.

    Examples
    --------
    >>> auc(np.array([0.0, 1.0, 1.0]), np.array([1.0, 2.0, 1.0]), np.ones((1, 3))).tolist()
    [0.75]
    """
    order = np.argsort(score, kind="stable")
    ranked = score[order]
    starts = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
    true = np.add.reduceat(weights[:, order] * truth[order], starts, axis=1)
    false = np.add.reduceat(weights[:, order] * (1 - truth[order]), starts, axis=1)
    below = np.cumsum(false, axis=1) - false / 2
    pairs = true.sum(axis=1) * false.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((true * below).sum(axis=1) / pairs)


def average_precision(truth: Floats, score: Floats) -> float:
    """Precision averaged over recall, tied scores taken together."""
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    found = np.cumsum(truth[order])[ends]
    precision, recall = found / (ends + 1), found / truth.sum()
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def brier_skill(truth: Floats, probability: Floats) -> float:
    """Share of the base rate's squared error that the probability saves."""
    base = ((truth - truth.mean()) ** 2).mean()
    return float(1 - ((truth - probability) ** 2).mean() / base)


def calibration_error(truth: Floats, probability: Floats, bins: int) -> float:
    """Mean gap between what was said and what happened, over equal-width bins by their size (ECE)."""
    place = np.minimum((probability * bins).astype(int), bins - 1)
    gap = np.bincount(place, truth - probability, minlength=bins)
    return float(np.abs(gap).sum() / len(truth))


def block_weights(place: Floats, choices: Mapping[str, Any]) -> Floats:
    """Weights of resamples of spatial blocks.

    Parameters
    ----------
    place
        Plane coordinates, shape (n, 2); NaN where unknown: those form a block of their own.
    choices
        ``bootstrap`` of ``catalog/models/backtest.toml``.

    Returns
    -------
    Array of shape (resamples, n)
        How often each tract's block was drawn.
    """
    block = blocks(place, choices)
    n_blocks = int(block.max()) + 1
    generator = np.random.default_rng(choices["seed"]["value"])
    drawn = generator.multinomial(n_blocks, np.full(n_blocks, 1 / n_blocks), size=choices["repeats"]["value"])
    return drawn[:, block].astype(float)


def blocks(place: Floats, choices: Mapping[str, Any]) -> npt.NDArray[np.intp]:
    """Spatial block of each place, numbered from 0; places unknown form a block of their own."""
    bands, per_band = choices["bands"]["value"], choices["per_band"]["value"]
    known = ~np.isnan(place).any(axis=1)
    block = np.full(len(place), bands * per_band)
    band = _groups(place[known, 0], bands)
    inside = np.zeros(known.sum(), dtype=np.intp)
    for number in range(bands):
        inside[band == number] = _groups(place[known, 1][band == number], per_band)
    block[known] = band * per_band + inside
    return np.unique(block, return_inverse=True)[1]


def _groups(values: Floats, groups: int) -> npt.NDArray[np.intp]:
    """Groups of equal number, in order of value."""
    rank = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    return rank * groups // max(len(values), 1)


def interval(values: Floats, level: float) -> list[float] | None:
    """Middle share of the resamples, or nothing if none could be scored."""
    known = values[~np.isnan(values)]
    if not known.size:
        return None
    return [round(float(edge), 4) for edge in np.quantile(known, [(1 - level) / 2, (1 + level) / 2])]
