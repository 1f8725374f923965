"""Text that must not run: spreadsheets take a cell that starts with ``=`` for a formula."""

from __future__ import annotations

import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Signs (their full-width twins too) by which a spreadsheet may take a cell for a formula."""
CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f]"
"""Signs that no spreadsheet and no XML may hold."""


def as_text(column: pd.Series) -> pd.Series:
    """Mark text that would run as text, and drop signs no file may hold.

    Examples
    --------
    >>> as_text(pd.Series(["=1+1", " =cmd|' /C calc'!A0", "12 OAK ST"])).tolist()
    ["'=1+1", "' =cmd|' /C calc'!A0", '12 OAK ST']
    """
    text = column.astype("string").str.replace(CONTROL, "", regex=True)
    runs = text.str.lstrip(" \u00a0").str.startswith(FORMULA).fillna(value=False)
    return text.mask(runs, "'" + text)


def for_spreadsheets(frame: pd.DataFrame) -> pd.DataFrame:
    """A table whose text cells are harmless in a spreadsheet; numbers are left alone."""
    words = frame.select_dtypes(include=["object", "string", "str", "category"]).columns
    return frame.assign(**{str(name): as_text(frame[name]) for name in words})
