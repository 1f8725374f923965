"""Many questions at once end in time, whatever the servers do."""

from __future__ import annotations

import threading
import time

from densitymap.fetch.probe import LateError, in_time


def test_answers_faults_and_late_ones_are_told_apart_and_in_order():
    release = threading.Event()

    def broken():
        raise OSError("no route")

    tasks = {"late": release.wait, "good": lambda: 7, "broken": broken}
    start = time.monotonic()
    found = in_time(tasks, deadline_s=0.3)
    assert time.monotonic() - start < 1.0
    release.set()
    assert list(found) == ["late", "good", "broken"]
    assert found["good"] == 7
    assert isinstance(found["late"], LateError)
    assert str(found["broken"]) == "no route"


def test_more_tasks_than_threads_are_all_done():
    found = in_time({str(k): (lambda k=k: k) for k in range(100)}, deadline_s=5, at_once=3)
    assert found == {str(k): k for k in range(100)}


def test_one_that_never_answers_does_not_hold_up_the_others():
    release = threading.Event()
    tasks = {"never": release.wait} | {str(k): (lambda: None) for k in range(20)}
    found = in_time(tasks, deadline_s=0.5, at_once=2)
    release.set()
    assert sum(outcome is None for outcome in found.values()) == 20
