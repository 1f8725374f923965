"""The page's words, in the reader's language: one catalogue file per language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from densitymap import params
from densitymap.errors import ValidationError
from densitymap.maps.fill import fill
from densitymap.maps.translate import Translator

FALLBACK = "en"
"""Language every phrase exists in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """Phrases by dotted name, and what a page must know of their language."""

    language: str
    direction: str
    number_locale: str
    reviewed: bool
    phrases: Mapping[str, str]
    sentences: Translator = field(default_factory=Translator)

    def __call__(self, key: str, /, **values: object) -> str:
        """Give a phrase with its ``{blanks}`` filled; a value is put in as it is.

        Raises
        ------
        ValidationError
            If there is no such phrase: it would be a bug in a template.
        """
        if key not in self.phrases:
            near = params.nearest(key, self.phrases)
            raise ValidationError(f"catalog/languages: no phrase {key!r}.{near}")
        return fill(self.phrases[key], values)

    def get(self, key: str, default: str) -> str:
        """Give a phrase, or the default where data holds a word nobody listed."""
        return self.phrases.get(key, default)

    def translated(self, text: str) -> str:
        """Give a sentence of the catalogue or the data in this language; as it is where nobody did it."""
        return self.sentences(text) or text


def load(language: str, *, extra: Path | None = None) -> Words:
    """Load a language of the catalogue, a user's own (``extra/languages``) first.

    Raises
    ------
    UsageError
        If there is no file for the language.
    ValidationError
        If phrases are missing: every one is named.
    """
    record = params.load("languages", language, extra=extra)
    phrases = dict(_flatten(record))
    expected = dict(_flatten(params.load("languages", FALLBACK)))
    absent = sorted(set(expected) - set(phrases))
    if absent:
        raise ValidationError(f"catalog/languages/{language}.toml lacks phrases", faults=absent)
    return Words(
        language=language,
        direction=record["direction"],
        number_locale=record["number_locale"],
        reviewed=record["reviewed"],
        phrases=phrases,
        sentences=Translator(_sentences(language, extra)),
    )


def _sentences(language: str, extra: Path | None) -> tuple[tuple[str, str], ...]:
    """Templates of sentences the data brings, English first; none where a language has no file of them."""
    listed = params.load_parts("languages", language, extra=extra).get("sentences", {})
    return tuple((pair["en"], pair["to"]) for pair in listed.get("sentence", ()))


def _flatten(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Phrases by dotted name, from the sections of a file; its own settings are not phrases."""
    for section, phrases in record.items():
        for name, phrase in phrases.items() if isinstance(phrases, dict) else ():
            if isinstance(phrase, dict):
                yield from ((f"{section}.{name}.{inner}", text) for inner, text in phrase.items())
            else:
                yield f"{section}.{name}", phrase
