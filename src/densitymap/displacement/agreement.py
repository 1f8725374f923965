"""How far definitions agree: for each tract how many flag it, which, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from densitymap import params, schema
from densitymap.census import one_vintage
from densitymap.displacement.typology_table import MODES
from densitymap.errors import ValidationError


def agreement(pressure: pd.DataFrame) -> pd.DataFrame:
    """Count definitions per tract.

    Parameters
    ----------
    pressure
        PRESSURE rows of several definitions, one vintage of tracts.

    Returns
    -------
    DataFrame[AGREEMENT]
        One row per tract, in order of first appearance.

    Raises
    ------
    ValidationError
        If vintages are mixed or a definition judges a tract twice.
    """
    one_vintage(pressure, where="agreement")
    repeated = pressure.duplicated(["tract_geoid", "index_name"])
    if repeated.any():
        raise ValidationError(f"agreement: {int(repeated.sum())} rows repeat a tract and definition")
    groups = pressure.groupby(["tract_geoid", "tract_vintage"], sort=False)
    flagged = pressure["is_flagged"].fillna(False).astype(bool)
    known = pressure["is_classifiable"].astype(bool)
    words = (
        pressure["index_name"] + ": " + pressure["pressure_label"].where(known, pressure["pressure_reason"])
    )
    table = pd.DataFrame(
        {
            "n_definitions": groups.size(),
            "n_classifiable": _count(pressure, known),
            "n_flagged": _count(pressure, flagged),
            "flagged_by": _join(pressure, words, flagged & known),
            "not_flagged_by": _join(pressure, words, ~flagged & known),
            "not_classifiable_by": _join(pressure, words, ~known),
        }
    ).reset_index()
    return schema.conform(table, "agreement")


def _keys(pressure: pd.DataFrame) -> list[pd.Series]:
    return [pressure["tract_geoid"], pressure["tract_vintage"]]


def _count(pressure: pd.DataFrame, mask: pd.Series) -> pd.Series:
    return mask.groupby(_keys(pressure), sort=False).sum()


def _join(pressure: pd.DataFrame, words: pd.Series, mask: pd.Series) -> pd.Series:
    """Join the words of the rows that count, per tract."""
    text = (words + "; ").where(mask, "")
    return text.groupby(_keys(pressure), sort=False).sum().str.removesuffix("; ")


def overlap(pressure: pd.DataFrame) -> pd.DataFrame:
    """Jaccard overlap of the flagged sets of every two definitions.

    Returns
    -------
    DataFrame
        Square, by definition; tracts both can judge are counted; missing where neither flags any.
    """
    flags = pressure.pivot_table(
        index="tract_geoid", columns="index_name", values="is_flagged", aggfunc="first", dropna=False
    )
    values = flags.to_numpy(dtype=float, na_value=np.nan)
    yes, known = np.nan_to_num(values) == 1, ~np.isnan(values)
    both = yes.T.astype(float) @ yes
    either = both + (yes.T.astype(float) @ (known & ~yes)) + ((known & ~yes).T.astype(float) @ yes)
    with np.errstate(divide="ignore", invalid="ignore"):
        return pd.DataFrame(both / either, index=flags.columns, columns=flags.columns)


def typology_as_pressure(
    classes: pd.DataFrame, *, rules: str = "2018", stability: pd.DataFrame | None = None
) -> pd.DataFrame:
    """PRESSURE rows from an answer of `typology_table`, so that it can stand beside other definitions.

    Parameters
    ----------
    classes
        Classes and labels, one mode.
    rules
        ``2018`` or ``2017``.
    stability
        The answer of `typology_stability` on the same inputs, if drawn.
    """
    told = classes.rename(
        columns={"GEOID": "tract_geoid", "mode": "typology_mode", "public_label": "typology_label"}
    )
    table = published_labels(told, rules=rules)
    table["pressure_class"] = classes["typ_cat"].where(table["is_classifiable"].to_numpy(bool)).array
    return schema.conform(_with_stability(table, stability), "pressure")


def published_labels(labels: pd.DataFrame, *, rules: str = "2018") -> pd.DataFrame:
    """PRESSURE rows from the typology's public labels alone.

    Parameters
    ----------
    labels
        ``tract_geoid``, ``typology_mode``, ``typology_label``: one row per tract and mode.
    rules
        ``2018`` or ``2017``.
    """
    record = params.load("typologies", f"udp_{rules}")
    label = labels["typology_label"].astype("string")
    unknown = label.isna() | label.eq(record["class_names"]["none"]).fillna(value=True)
    mode = labels["typology_mode"].astype("string")
    table = pd.DataFrame(
        {
            "tract_geoid": labels["tract_geoid"],
            "tract_vintage": 2010,
            "index_name": f"udp_{rules}_" + mode,
            "index_years": record["years"],
            "reference_set": "all tracts of the metro given together",
            "n_reference": mode.map(mode.value_counts()),
            "pressure_class": label.mask(unknown),
            "pressure_label": label.fillna(record["class_names"]["none"]),
            "is_flagged": label.isin(record["flagged"]).astype("boolean").mask(unknown),
            "is_classifiable": ~unknown,
            "pressure_reason": record["title"] + "; " + mode.map(MODES),
            "n_draws": 0,
        }
    )
    return schema.conform(table, "pressure")


def _with_stability(table: pd.DataFrame, stability: pd.DataFrame | None) -> pd.DataFrame:
    if stability is None:
        return table
    own = (
        stability[stability["is_own"]].set_index("GEOID").reindex(table["tract_geoid"]).set_axis(table.index)
    )
    drawn: Mapping[str, Any] = {"class_draw_share": own["draw_share"]} | {
        name: own[name] for name in ("entropy_bits", "n_draws", "moe_source")
    }
    return table.assign(**drawn)
