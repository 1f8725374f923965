"""What a report was made from, kept inside the report: so that it can be made again and compared."""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Iterator, Mapping

from densitymap.errors import ValidationError

NAME = "densitymap"
"""Name of the mark in a web page's head and in a PDF's document information."""
_IN_HTML = re.compile(rb'<meta name="densitymap" content="([A-Za-z0-9_=-]+)">')
_IN_PDF = re.compile(rb"/densitymap\s*\(([A-Za-z0-9_=-]+)\)")
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
FIELDS = ("place", "scenarios", "lang", "lock", "version")
"""What a report's seal holds."""


def pack(facts: Mapping[str, str]) -> str:
    """Write a seal as one word that means nothing to HTML or PDF.

    Examples
    --------
    >>> unpack(b'<meta name="densitymap" content="' + pack({"place": "<b>"}).encode() + b'">')
    {'place': '<b>'}
    """
    return base64.urlsafe_b64encode(json.dumps(dict(facts), sort_keys=True).encode()).decode()


def unpack(content: bytes) -> dict[str, str] | None:
    """Read the seal of a web page or a PDF; None where there is none.

    Raises
    ------
    ValidationError
        If there is a seal and it cannot be read.
    """
    for part in _parts(content):
        found = (_IN_PDF if content.startswith(b"%PDF") else _IN_HTML).search(part)
        if found:
            return _read(found[1])
    return None


def _read(word: bytes) -> dict[str, str]:
    try:
        facts = json.loads(base64.urlsafe_b64decode(word))
    except (ValueError, binascii.Error) as fault:
        raise ValidationError("The report's seal is damaged", next_step="make the report again") from fault
    if not isinstance(facts, dict) or not all(isinstance(value, str) for value in facts.values()):
        raise ValidationError("The report's seal is damaged", next_step="make the report again")
    return facts


def _parts(content: bytes) -> Iterator[bytes]:
    """The file itself, and for a PDF each of its packed streams, last first: the information stands late."""
    yield content
    if content.startswith(b"%PDF"):
        for match in reversed(list(_STREAM.finditer(content))):
            try:
                yield zlib.decompress(match[1])
            except zlib.error:
                continue
