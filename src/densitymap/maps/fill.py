"""Put values into a phrase's blanks."""

from __future__ import annotations

from collections.abc import Mapping


def fill(phrase: str, values: Mapping[str, object]) -> str:
    """Put values into a phrase's blanks, without reading anything inside the values.

    Examples
    --------
    >>> fill("{count} lots", {"count": "{x}"})
    '{x} lots'
    """
    parts = phrase.split("{")
    filled = [parts[0]]
    for part in parts[1:]:
        name, closed, rest = part.partition("}")
        filled.append(f"{values[name]}{rest}" if closed and name in values else "{" + part)
    return "".join(filled)
