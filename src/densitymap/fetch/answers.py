"""What an ArcGIS server answered: JSON that holds what was asked, or the fault it really is.

ArcGIS tells errors inside HTTP 200; proxies answer with web pages; connections break in the middle of a body.
Each is another error here, so that the pager knows what to ask again, what to ask for less, what to give up
(reference/live_sources.md section 8, rules 5 and 7).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from densitymap.errors import NetworkError
from densitymap.fetch.http import TRY_LATER, BrokenAnswerError, BusyError, told_wait_s

LONGEST_URL = 2_000
"""Characters of an address up to which GET is used; longer questions are posted."""
OK: Final = 200
_TOKEN = (498, 499)
_BUSY_WORDS = ("error performing query", "timed out", "timeout", "too many requests", "server is busy")
_SHOWN = 120


def ask(session: Any, url: str, question: Mapping[str, str], *, where: str) -> dict[str, Any]:
    """Ask for JSON and give it.

    Parameters
    ----------
    session
        A :class:`densitymap.fetch.http.Session`.
    url, question
        Address and parameters; ``f=json`` is added.
    where
        How messages name the question.

    Raises
    ------
    BusyError
        If the server could not do it, whatever way it says so.
    BrokenAnswerError
        If the body is a page, cut short, or no JSON object.
    NetworkError
        If it refuses: no such thing, or a token is needed.
    """
    asked = {"f": "json", **question}
    length = len(url) + sum(len(name) + len(value) + 2 for name, value in asked.items())
    try:
        answer = session.post(url, data=asked) if length > LONGEST_URL else session.get(url, params=asked)
    except NetworkError as fault:
        raise type(fault)(f"{where}: {fault.args[0]}", next_step=fault.next_step) from None
    return read_answer(answer, where=where)


def read_answer(answer: Any, *, where: str) -> dict[str, Any]:
    """JSON of an answer; otherwise as :func:`ask`."""
    if answer.status_code != OK:
        raise _refusal(answer.status_code, f"HTTP {answer.status_code}", where, wait_s=told_wait_s(answer))
    body: bytes = answer.content
    if not body.strip():
        raise BrokenAnswerError(f"{where}: nothing came")
    if body.lstrip()[:1] == b"<":
        raise BrokenAnswerError(f"{where}: a web page came instead of data: {_start(body)}")
    try:
        document = answer.json()
    except ValueError:
        raise BrokenAnswerError(
            f"{where}: the answer is no whole JSON ({len(body):,} bytes): {_start(body)}"
        ) from None
    if not isinstance(document, dict):
        raise BrokenAnswerError(f"{where}: the answer is no JSON object: {_start(body)}")
    if "error" in document:
        raise _error(document["error"], where)
    return document


def _error(error: Any, where: str) -> NetworkError:
    told = error if isinstance(error, dict) else {"message": error}
    code = told.get("code")
    details = told.get("details") or []
    details = details if isinstance(details, list) else [details]
    words = "; ".join(str(part) for part in (told.get("message"), *details) if part)
    return _refusal(code if isinstance(code, int) else 0, f"error {code}: {words[:_SHOWN]}", where)


def _refusal(code: int, told: str, where: str, *, wait_s: float | None = None) -> NetworkError:
    if code in _TOKEN:
        return NetworkError(
            f"{where}: the server asks for a token ({told})",
            next_step="the layer is no longer public: name another source in catalog/sources",
        )
    if code in TRY_LATER or any(word in told.lower() for word in _BUSY_WORDS):
        asked = "" if wait_s is None else f"; it asks to wait {wait_s:,.0f} s"
        return BusyError(f"{where}: {told}{asked}", next_step="run the same command again later")
    return NetworkError(f"{where}: {told}", next_step="run `densitymap doctor`: the layer may have moved")


def _start(body: bytes) -> str:
    return repr(" ".join(body[:_SHOWN].decode("utf-8", "replace").split()))
