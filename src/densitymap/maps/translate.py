"""Sentences that come from the data, in another language: template by template, never guessed.

The models write their reasons in English. A language may list, beside its phrases, templates of those
sentences (``catalog/languages/<language>/sentences.toml``); a sentence that fits none stays as it is,
and is named so that the page can mark it as English.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from densitymap.maps.fill import fill

_BREAK = re.compile(r"(?<=\.) (?=[A-Z])")
_BLANK = re.compile(r"{(\w+)}")


@dataclass(frozen=True)
class Translator:
    """Pairs of templates, English and the reader's; blanks ``{name}`` stand for any text."""

    pairs: Sequence[tuple[str, str]] = ()

    @cached_property
    def _exact(self) -> Mapping[str, str]:
        return {old: new for old, new in self.pairs if not _BLANK.search(old)}

    @cached_property
    def _patterns(self) -> Sequence[tuple[re.Pattern[str], str]]:
        return [(_pattern(old), new) for old, new in self.pairs if _BLANK.search(old)]

    def __call__(self, text: str) -> str | None:
        """Give the text in the reader's language; None where a sentence of it fits no template.

        Examples
        --------
        >>> say = Translator(
        ...     (("a duplex", "un dúplex"), ("No {what} here.", "Aquí no: {what}."), ("Why?", "¿Qué?"))
        ... )
        >>> say("No a duplex here."), say("No 3 {x} here. Why?"), say("Else.")
        ('Aquí no: un dúplex.', 'Aquí no: 3 {x}. ¿Qué?', None)
        """
        if text in self._exact:
            return self._exact[text]
        said = [self._one(part) for part in _BREAK.split(text)]
        return None if None in said else " ".join(part for part in said if part)

    def _one(self, text: str) -> str | None:
        if text in self._exact:
            return self._exact[text]
        for pattern, new in self._patterns:
            if found := pattern.fullmatch(text):
                return fill(new, {name: self._value(value) for name, value in found.groupdict().items()})
        return None

    def _value(self, text: str) -> str:
        """Put what stands in a blank into the reader's language: a known text, or a list of them."""
        return self._one(text) or "; ".join(self._one(part) or part for part in text.split("; "))


def _pattern(template: str) -> re.Pattern[str]:
    """Match a template's text exactly and take what stands in its blanks; a sentence ends no blank."""
    parts = _BLANK.split(template)
    return re.compile(
        "".join(
            re.escape(part) if place % 2 == 0 else f"(?P<{part}>(?:(?!{_BREAK.pattern}).)+?)"
            for place, part in enumerate(parts)
        )
    )


def column(texts: pd.Series, translator: Translator) -> tuple[pd.Series, list[str]]:
    """Translate a column of texts, each distinct one once.

    Returns
    -------
    The column, untranslatable texts as they were, and those texts.
    """
    distinct = texts.dropna().astype("string").unique()
    said = {text: translator(str(text)) for text in distinct}
    left = [str(text) for text, new in said.items() if new is None]
    known = {text: new for text, new in said.items() if new is not None}
    return texts.astype("string").replace(known), left
