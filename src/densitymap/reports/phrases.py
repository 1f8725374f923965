"""The brief's sentences, in the reader's language: one file of ``catalog/reports`` per language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from densitymap import params
from densitymap.errors import UsageError, ValidationError
from densitymap.maps.words import Words

KIND = "reports"
PREFIX = "brief."
FALLBACK = "en"


@cache
def outline() -> Mapping[str, Any]:
    """What a brief shows and how it is drawn: ``catalog/reports/outline.toml``."""
    return params.load(KIND, "outline")


def languages() -> tuple[str, ...]:
    """Languages a brief can be written in.

    Examples
    --------
    >>> "en" in languages()
    True
    """
    return tuple(name.removeprefix(PREFIX) for name in params.names(KIND) if name.startswith(PREFIX))


def load(language: str) -> Words:
    """Load a language's sentences.

    Raises
    ------
    UsageError
        If there is no such language; the nearest is suggested.
    ValidationError
        If sentences are missing: every one is named.
    """
    known = languages()
    if language not in known:
        raise UsageError(
            f"There is no brief in the language {language!r}.{params.nearest(language, known)}",
            next_step=f"known: {', '.join(known)}",
        )
    record = params.load(KIND, PREFIX + language)
    phrases = _flat(record)
    absent = sorted(set(_flat(params.load(KIND, PREFIX + FALLBACK))) - set(phrases))
    if absent:
        raise ValidationError(f"catalog/reports/brief.{language}.toml lacks sentences", faults=absent)
    return Words(
        language=language,
        direction=record["direction"],
        number_locale=record["number_locale"],
        reviewed=record["reviewed"],
        phrases=phrases,
    )


def _flat(record: dict[str, object]) -> dict[str, str]:
    return {
        f"{section}.{name}": str(text)
        for section, phrases in record.items()
        if isinstance(phrases, dict)
        for name, text in phrases.items()
    }


def share(value: float, say: Words) -> str:
    """Say a share of 1 as whole percent; a share that is not nothing is never said as nought.

    Examples
    --------
    >>> share(0.004, load("en")), share(0.5, load("en")), share(0, load("en"))
    ('under 1 %', '50 %', 'none')
    """
    if value <= 0:
        return say("share.none")
    return say("share.some") if value < 0.01 else say("share.plain", n=round(value * 100))  # noqa: PLR2004


def homes(low: int, high: int | None, say: Words) -> str:
    """Say a number of homes, or a range of them; an unknown end is said as unknown.

    Examples
    --------
    >>> homes(2, 12, load("en")), homes(3, 3, load("en"))
    ('2 to 12 homes', '3 homes')
    """
    if high is None:
        return say("homes.unknown")
    if low == high:
        return say("homes.one") if low == 1 else say("homes.exact", low=f"{low:,}")
    return say("homes.range", low=f"{low:,}", high=f"{high:,}")


def sentence(parts: Sequence[str]) -> str:
    """Join sentences, leaving out empty ones."""
    return " ".join(part for part in parts if part)
