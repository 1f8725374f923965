"""How hard a text is to read: Flesch-Kincaid for English, Szigriszt-Pazos for Spanish, by our own counts.

Only prose is graded: headings, tables and the page's foot are not sentences. A number is
one word with a syllable per digit, which is more than most readers count. Any other language has no
formula here and is said not to be tested.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

SENTENCE = re.compile(r"[.!?]+(?=[\s)”]|$)")
WORD = re.compile(r"[^\W_]+(?:['\u2019.,-][^\W_]+)*")
PROSE = ("p", "li", "figcaption")
SKIPPED = ("table", "footer", "style", "title")
_SILENT_E = re.compile(r"(?<=[^aeiouyl])e$|(?<=[aeiouy]l)e$|(?<=[^aeiouytd])ed$|(?<=[^aeiouyszxcg])es$")
_VOWELS = re.compile(r"[aeiouy]+")
_SPANISH_NUCLEI = re.compile(r"[aeoáéó]|[íú]|(?:[iuü]+(?![aeoáéó]))")


def syllables(word: str) -> int:
    """Count the syllables of an English word; a number has one per digit.

    Examples
    --------
    >>> [syllables(word) for word in ("home", "table", "planned", "zoning", "neighborhood", "2018", "houses")]
    [1, 2, 1, 2, 3, 4, 2]
    """
    digits = sum(character.isdigit() for character in word)
    letters = re.sub(r"[^a-z]", "", word.lower())
    groups = _VOWELS.findall(_SILENT_E.sub("", letters))
    return max(digits + len(groups), 1)


def spanish_syllables(word: str) -> int:
    """Count the syllables of a Spanish word: strong vowels, stressed weak ones, and weak ones alone.

    Examples
    --------
    >>> [spanish_syllables(word) for word in ("casa", "ciudad", "vecindario", "día", "2018")]
    [2, 2, 4, 2, 4]
    """
    digits = sum(character.isdigit() for character in word)
    quiet = re.sub(r"([gq])u(?=[eiéí])", r"\1", word.lower())
    return max(digits + len(_SPANISH_NUCLEI.findall(_without_glides(quiet))), 1)


def _without_glides(word: str) -> str:
    """Drop an unstressed i or u beside a strong vowel: both are one syllable."""
    after = re.sub(r"(?<=[aeoáéó])[iuüy](?![áéíóúaeo])", "", word)
    return re.sub(r"[iuü](?=[aeoáéó])", "", after)


def flesch_kincaid(text: str) -> float:
    """School grade of an English text: 0.39 words per sentence + 11.8 syllables per word - 15.59.

    References
    ----------
    Kincaid, Fishburne, Rogers and Chissom 1975 (the formula's coefficients; paper unread here).

    Examples
    --------
    >>> round(flesch_kincaid("The cat sat on the mat."), 2)
    -1.45
    """
    words, per_sentence, per_word = _rates(text, syllables)
    return 0.39 * per_sentence + 11.8 * per_word - 15.59 if words else 0.0


def szigriszt(text: str) -> float:
    """Ease of a Spanish text: 206.835 - 62.3 syllables per word - words per sentence.

    References
    ----------
    Szigriszt Pazos 1993, with the INFLESZ bands (from memory; unread here).

    Examples
    --------
    >>> szigriszt("El sol da luz.") > szigriszt("Desafortunadamente intervinieron circunstancias.")
    True
    """
    words, per_sentence, per_word = _rates(text, spanish_syllables)
    return 206.835 - 62.3 * per_word - per_sentence if words else 0.0


def _rates(text: str, counted: Callable[[str], int]) -> tuple[int, float, float]:
    """Words, words per sentence and syllables per word."""
    sentences = [part for part in SENTENCE.split(text) if WORD.search(part)]
    words = [word for part in sentences for word in WORD.findall(part)]
    if not words:
        return 0, 0.0, 0.0
    return len(words), len(words) / len(sentences), sum(map(counted, words)) / len(words)


class _Prose(HTMLParser):
    """Collects the text of each block of prose."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.skipping = 0
        self.block: list[str] | None = None
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a block, or a part to skip."""
        self.skipping += tag in SKIPPED or dict(attrs).get("class") == "sources"
        if tag in PROSE and not self.skipping:
            self.block = []

    def handle_endtag(self, tag: str) -> None:
        """Close what the tag opened."""
        if tag in PROSE and self.block is not None:
            self.found.append(" ".join("".join(self.block).split()))
            self.block = None
        self.skipping -= tag in SKIPPED and self.skipping > 0

    def handle_data(self, data: str) -> None:
        """Keep text that stands in a block."""
        if self.block is not None:
            self.block.append(data)


def prose(html: str) -> str:
    """The sentences of a page, each block closed by a stop.

    Examples
    --------
    >>> prose("<h2>Trees</h2><p>We know.</p><table><td>9</td></table>")
    'We know.'
    """
    reader = _Prose()
    reader.feed(html)
    return " ".join(
        block if block.endswith((".", "!", "?")) else f"{block}." for block in reader.found if block
    )
