"""The one way out: polite, patient, never without TLS checks, and silent about keys.

A :class:`Session` asks as ``requests`` does, but turns every fault of transport into a
:class:`densitymap.errors.NetworkError` whose text holds no key, and asks a server that did not answer only
once: the next layer of the same server fails at once.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, SSLError
from urllib3.util import Retry

from densitymap import __version__, params
from densitymap.errors import NetworkError, UsageError

USER_AGENT = f"densitymap/{__version__} (open-source planning tool; one request at a time)"
TRY_LATER = (429, 500, 502, 503, 504)
"""Answers after which the same request is asked again."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_AGAIN = "check the connection and run the command again"
_SECRET = re.compile(r"(?i)\b(key|token|api_?key|password|access_token)=[^&\s\"'<>)]+")
_BEARER = re.compile(r"(?i)\b(bearer)\s+[\w.~+/=-]+")


class BrokenAnswerError(NetworkError):
    """No whole answer, or not the one asked for: worth asking again."""


class BusyError(BrokenAnswerError):
    """The server could not do it: worth asking again, for less."""


class Session:
    """Asks servers: with retries, time limits, a pause between requests, and checks of certificates.

    Parameters
    ----------
    endpoints
        Where a host's addresses really are, host to base address (see :func:`endpoints_from`).
    retries
        How often a request is repeated; the catalogue's number when not given.
    timeout_s
        To connect, and between bytes [s].
    pause_s
        Least time between two requests to one host [s]; none on this machine.
    backoff_s
        First wait before a request is repeated [s]; doubled each time.
    """

    def __init__(
        self,
        *,
        endpoints: Mapping[str, str] | None = None,
        retries: int | None = None,
        timeout_s: tuple[float, float] | None = None,
        pause_s: float | None = None,
        backoff_s: float | None = None,
    ) -> None:
        self.endpoints = dict(endpoints or {})
        self.retries = _choice("retries") if retries is None else retries
        self.timeout_s = timeout_s or (_choice("connect_s"), _choice("read_s"))
        self.pause_s = _choice("pause_s") if pause_s is None else pause_s
        self.backoff_s = _choice("backoff_s") if backoff_s is None else backoff_s
        self._asked_at: dict[str, float] = {}
        self._silent: dict[str, str] = {}
        self._requests = requests.Session()
        self._requests.headers["User-Agent"] = USER_AGENT
        for scheme in ("http://", "https://"):
            self._requests.mount(scheme, HTTPAdapter(max_retries=self._retry()))

    def get(self, url: str, **options: Any) -> requests.Response:
        """Ask with GET; options are those of ``requests``.

        Raises
        ------
        NetworkError
            If no whole answer came. An answer with an error's status is given back as it is.
        """
        return self._ask("GET", url, options)

    def post(self, url: str, **options: Any) -> requests.Response:
        """Ask with POST; otherwise as :meth:`get`."""
        return self._ask("POST", url, options)

    def address(self, url: str) -> str:
        """Where an address really is: as it stands, unless its host is re-pointed.

        Examples
        --------
        >>> Session(endpoints={"gis.x.gov": "http://127.0.0.1:8000"}).address("https://gis.x.gov/a?b=1")
        'http://127.0.0.1:8000/a?b=1'
        """
        host = urlsplit(url).hostname or ""
        base = self.endpoints.get(host, None if host in LOOPBACK else self.endpoints.get("*"))
        return url if base is None else base.rstrip("/") + re.sub(r"^\w+://[^/]+", "", url)

    def wait(self, attempt: int, *, told_s: float | None = None) -> None:
        """Wait before asking again: as long as the server told, else longer each time."""
        seconds = self.backoff_s * 2**attempt if told_s is None else told_s
        time.sleep(min(seconds, _choice("wait_most_s")))

    def _ask(self, method: str, url: str, options: dict[str, Any]) -> requests.Response:
        real = self.address(url)
        host = urlsplit(real).netloc
        if host in self._silent:
            raise NetworkError(self._silent[host], next_step=_AGAIN)
        self._be_polite(host)
        try:
            return self._requests.request(method, real, timeout=self.timeout_s, **options)
        except requests.exceptions.RequestException as fault:
            why = redacted(_cause(fault))
            if not _is_unreachable(fault):
                raise BrokenAnswerError(f"{host} broke off: {why}", next_step=_AGAIN) from None
            message = self._silent[host] = f"{host} does not answer: {why}"
        raise NetworkError(message, next_step=_AGAIN)

    def _be_polite(self, host: str) -> None:
        if urlsplit(f"//{host}").hostname in LOOPBACK:
            return
        left = self._asked_at.get(host, -self.pause_s) + self.pause_s - time.monotonic()
        if left > 0:
            time.sleep(left)
        self._asked_at[host] = time.monotonic()

    def _retry(self) -> Retry:
        return Retry(
            total=self.retries,
            connect=min(1, self.retries),
            read=min(1, self.retries),
            status_forcelist=TRY_LATER,
            allowed_methods=None,
            backoff_factor=self.backoff_s,
            backoff_jitter=self.backoff_s,
            backoff_max=_choice("wait_most_s"),
            retry_after_max=int(_choice("wait_most_s")),
            raise_on_status=False,
        )


def redacted(text: str) -> str:
    """Text without the keys and tokens that addresses carry.

    Examples
    --------
    >>> redacted("https://api.census.gov/data?get=NAME&key=0a1b2c failed")
    'https://api.census.gov/data?get=NAME&key=… failed'
    """
    return _BEARER.sub(r"\1 …", _SECRET.sub(r"\1=…", text))


class _WithoutKeys(logging.Filter):
    """Takes keys out of what urllib3 logs: it writes down whole addresses."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through, its message redacted."""
        record.msg, record.args = redacted(record.getMessage()), ()
        return True


for _name in ("urllib3.connectionpool", "urllib3.util.retry"):
    logging.getLogger(_name).addFilter(_WithoutKeys())


def endpoints_from(text: str) -> dict[str, str]:
    """Read where hosts are re-pointed to: ``host=base address``, several separated by commas.

    ``*`` stands for every host not named. A base address without TLS must be on this machine.

    Raises
    ------
    UsageError
        Naming every part that cannot be read.

    Examples
    --------
    >>> endpoints_from("gis.atlantaga.gov=http://127.0.0.1:8123")
    {'gis.atlantaga.gov': 'http://127.0.0.1:8123'}
    """
    found, faults = {}, []
    for part in filter(None, (part.strip() for part in text.split(","))):
        host, _, base = part.partition("=")
        whole = urlsplit(base)
        safe = whole.scheme == "https" or (whole.scheme == "http" and whole.hostname in LOOPBACK)
        if host and whole.hostname and safe:
            found[host.strip()] = base.strip()
        else:
            faults.append(redacted(part))
    if faults:
        raise UsageError(
            f"Endpoints that cannot be read: {'; '.join(faults)}",
            next_step="write host=https://address (http only for 127.0.0.1), separated by commas",
        )
    return found


def told_wait_s(answer: Any, *, now: Callable[[], float] = time.time) -> float | None:
    """Seconds a server asks to wait (``Retry-After``), if it says."""
    value = answer.headers.get("Retry-After")
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        from email.utils import parsedate_to_datetime  # noqa: PLC0415 - rare: servers mostly give seconds

        try:
            return max(0.0, parsedate_to_datetime(value).timestamp() - now())
        except ValueError:
            return None


def _is_unreachable(fault: requests.exceptions.RequestException) -> bool:
    """Whether there was no connection at all; a slow or broken answer is no such thing."""
    reason = getattr(fault.args[0] if fault.args else None, "reason", None)
    return isinstance(reason, NewConnectionError | ConnectTimeoutError | SSLError)


def _cause(fault: BaseException) -> str:
    """The innermost reason, in few words: libraries wrap it many times."""
    reason: Any = fault.args[0] if fault.args else fault
    reason = getattr(reason, "reason", reason)
    text = re.sub(r"<[^>]*>|\w*(Connection|Pool)\w*\([^)]*\):?\s*", "", str(reason)).strip(" :")
    return text[:200] or type(fault).__name__


def _choice(name: str) -> Any:
    return params.choice(name, group="http")
