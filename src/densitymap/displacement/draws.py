"""Joint draws of a tract's census values within their margins of error.

Counts are normal and cut at 0. A share is drawn through its parts: the whole as a count and the
part as a share of it, with the margin of the proportion formula, so that part, whole and share
agree in every draw. Medians are lognormal. A value without a margin is held fixed. All tracts are
drawn together, so that regional medians can be taken anew in each draw.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap import params, schema
from densitymap.displacement.acs import Z90, proportion_moe, standard_error

Floats = npt.NDArray[np.float64]


def default_draws() -> int:
    """How many draws are taken unless told otherwise."""
    return int(params.load("census", "draws")["n_draws"]["value"])


def default_seed() -> int:
    """Seed of the draws unless told otherwise."""
    return int(params.load("census", "draws")["seed"]["value"])


def floats(frame: pd.DataFrame, column: str) -> Floats:
    """One column as floats, all NaN where it is absent."""
    if column not in frame:
        return np.full(len(frame), np.nan)
    return frame[column].to_numpy(dtype=float, na_value=np.nan)


def draw(
    frame: pd.DataFrame, columns: Iterable[str], *, n_draws: int | None = None, seed: int | None = None
) -> dict[str, Floats]:
    """Draw columns jointly.

    Parameters
    ----------
    frame
        One row per tract: columns of the census theme and their ``_moe``.
    columns
        Which to draw.
    n_draws, seed
        Number of draws and seed; by default those of ``catalog/census/draws.toml``.

    Returns
    -------
    dict of arrays of shape (n_draws, tracts)
        A column without any margin is one row, held fixed in every draw.
    """
    size = default_draws() if n_draws is None else n_draws
    generator = np.random.default_rng(default_seed() if seed is None else seed)
    shares = params.load("census", "measures")["shares"]
    result = {}
    for column in columns:
        noise = generator.standard_normal((size, len(frame)))
        if column in shares and has_margin(frame, column):
            result[column] = _share(frame, column, shares[column], noise)
        else:
            result[column] = _plain(frame, column, noise)
    return result


def has_margin(frame: pd.DataFrame, column: str) -> bool:
    """Whether any row publishes a margin for the column."""
    return f"{column}_moe" in frame and bool(frame[f"{column}_moe"].notna().any())


def _plain(frame: pd.DataFrame, column: str, noise: Floats) -> Floats:
    values, error = floats(frame, column), standard_error(floats(frame, f"{column}_moe"))
    if not has_margin(frame, column):
        return values[None, :]
    error = np.where(np.isnan(error), 0.0, error)  # no margin for this row: held fixed
    if _is_median(column):
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.sqrt(np.log1p((error / values) ** 2))
        return np.where(values > 0, values * np.exp(spread * noise), values)
    declared = schema.columns().get(column)
    ceiling = declared.maximum if declared and declared.maximum is not None else np.inf
    ceiling = 1.0 if column.startswith("per_") else ceiling
    return np.clip(values + error * noise, 0.0, ceiling)


def _is_median(column: str) -> bool:
    """Whether a column is a median: of ours by its name, of the panel by the catalogue."""
    return column.startswith(("median_", *params.load("census", "draws")["median_error"]["of"]))


def _share(frame: pd.DataFrame, column: str, record: Mapping[str, Any], noise: Floats) -> Floats:
    part, whole = (floats(frame, record[key]) for key in ("of", "in"))
    part_moe, whole_moe = (floats(frame, f"{record[key]}_moe") for key in ("of", "in"))
    moe = proportion_moe(part, whole, part_moe, whole_moe)
    moe = np.where(np.isnan(moe), floats(frame, f"{column}_moe"), moe)
    error = np.where(np.isnan(moe), 0.0, standard_error(moe))
    return np.clip(floats(frame, column) + error * noise, 0.0, 1.0)


def approximate_margins(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the panel's shares and medians margins where none is published.

    A share's error is that of a simple sample of its tract's households, a median's that of the
    median of a lognormal with the stated spread; factors and spread are in
    ``catalog/census/draws.toml``. Each new ``x_moe`` has ``x_moe_source`` = "approximated" beside it.

    Parameters
    ----------
    frame
        Tracts with columns such as ``per_col_00``, ``hinc_e`` and households ``hh_00``, ``hh_e``.

    Returns
    -------
    DataFrame
        A copy with the margins; published ones are kept.
    """
    choices = params.load("census", "draws")
    added: dict[str, Any] = {}
    for column in map(str, frame.columns):
        what, _, year = column.rpartition("_")
        if f"{column}_moe" in frame or f"hh_{year}" not in frame or year not in choices["share_error"]:
            continue
        error = _approximate_error(what, floats(frame, column), floats(frame, f"hh_{year}"), choices, year)
        if error is not None:
            added[f"{column}_moe"], added[f"{column}_moe_source"] = Z90 * error, "approximated"
    return frame.assign(**added)


def _approximate_error(
    what: str, values: Floats, base: Floats, choices: Mapping[str, Any], year: str
) -> Floats | None:
    factor = choices["share_error"][year]["value"]
    with np.errstate(divide="ignore", invalid="ignore"):
        if what.startswith("per_"):
            error = factor * np.sqrt(np.clip(values * (1 - values), 0.0, None) / base)
        elif what in choices["median_error"]["of"]:
            error = factor * values * choices["median_error"]["spread"]["value"] * np.sqrt(np.pi / 2 / base)
        else:
            return None
    return np.where(np.isfinite(error), error, np.nan)
