"""A reader that goes away, as ``head`` does once it has its lines, ends a command quietly."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, TextIO, cast

READER_GONE = 141
"""Exit code of a program whose reader went away: 128 and the signal's 13."""


class _Quiet:
    """A stream whose broken pipe ends the program, whoever writes: libraries have endings of their own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write as the stream does."""
        return int(_or_end(lambda: self._stream.write(text)))

    def flush(self) -> None:
        """Flush as the stream does."""
        _or_end(self._stream.flush)


def _or_end(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except BrokenPipeError:
        silence()
        raise SystemExit(READER_GONE) from None


def silence() -> None:
    """Send what is still to be printed nowhere: nobody reads it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None and not stream.closed:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def run_quietly(run: Callable[[], None]) -> None:
    """Run the command line; a closed pipe ends it without a word, with :data:`READER_GONE`."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name) or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
        setattr(sys, name, cast("TextIO", _Quiet(stream)))
    try:
        run()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
