"""A reader that goes away early ends a command quietly, whichever library was writing."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOT = "POLYGON((0 0,50 0,50 150,0 150,0 0))"
REFUSED = ("lot", "--wkt", "no polygon", "--zone", "R-5")


def piped(*args: str, lines: int, both: bool) -> tuple[int, str]:
    """Run a command whose reader closes after some lines; its exit code, and what it said elsewhere."""
    with subprocess.Popen(
        [sys.executable, "-m", "densitymap", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if both else subprocess.PIPE,
        text=True,
    ) as run:
        for _ in range(lines):
            assert run.stdout.readline()
        run.stdout.close()
        said = "" if both else run.stderr.read()
        return run.wait(timeout=60), said


@pytest.mark.parametrize(
    ("args", "lines", "both"),
    [
        (("proforma", "--lot", LOT), 2, True),
        (("proforma", "--lot", LOT), 0, True),
        (("proforma", "--lot", LOT, "--json", "--quiet"), 0, False),
        (REFUSED, 0, True),
        (("--help",), 1, True),
        (("--help",), 0, False),
        (("--version",), 0, False),
        (("proforma", "--lto", LOT), 0, True),
    ],
)
def test_a_closed_pipe_ends_a_command_quietly(args, lines, both):
    code, said = piped(*args, lines=lines, both=both)
    assert code in (0, 141)
    assert said == ""


def test_a_reader_that_stays_gets_the_errors_own_code():
    ran = subprocess.run(
        [sys.executable, "-m", "densitymap", *REFUSED], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 5
    assert ran.stderr.startswith("Error: ")


@pytest.mark.parametrize(("words", "code"), [("--version", 0), ("lot --wkt none --zone R-5 --json", 5)])
def test_without_a_stdout_it_ends_as_it_would(words, code):
    command = f'"{sys.executable}" -m densitymap {words} >&-'
    ran = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert ran.returncode == code
    assert "Traceback" not in ran.stderr
