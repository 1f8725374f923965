"""Ask many servers at once, within a time that holds whatever they do."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T")


class LateError(Exception):
    """No answer came before the time was up."""


def in_time(
    tasks: Mapping[str, Callable[[], T]], *, deadline_s: float, at_once: int = 16
) -> dict[str, T | Exception]:
    """Run tasks side by side and give what each returned or raised, when all are done or time is up.

    A name server that never answers cannot be interrupted from outside; the threads are daemons, and one
    that still waits when the time is up is left behind.

    Parameters
    ----------
    tasks
        By name.
    deadline_s
        Seconds for all of them together [s].
    at_once
        Most that run side by side.

    Returns
    -------
    dict
        In the order of the tasks; :class:`LateError` for those that had not ended.

    Examples
    --------
    >>> in_time({"a": lambda: 1}, deadline_s=5)
    {'a': 1}
    """
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[str, T | Exception]] = queue.SimpleQueue()
    for name in tasks:
        waiting.put(name)

    def work() -> None:
        while True:
            try:
                name = waiting.get_nowait()
            except queue.Empty:
                return
            done.put((name, _outcome(tasks[name])))

    for _ in range(min(at_once, len(tasks))):
        threading.Thread(target=work, daemon=True).start()
    found = _collected(done, len(tasks), time.monotonic() + deadline_s)
    late = LateError(f"no answer within {deadline_s:g} s")
    return {name: found.get(name, late) for name in tasks}


def _outcome(task: Callable[[], T]) -> T | Exception:
    try:
        return task()
    except Exception as fault:  # noqa: BLE001 - whatever it is, it is this task's answer
        return fault


def _collected(
    done: queue.SimpleQueue[tuple[str, T | Exception]], expected: int, until: float
) -> dict[str, T | Exception]:
    found: dict[str, T | Exception] = {}
    while len(found) < expected and (left := until - time.monotonic()) > 0:
        try:
            name, outcome = done.get(timeout=left)
        except queue.Empty:
            break
        found[name] = outcome
    return found
