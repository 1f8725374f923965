"""The Census key through the whole command: it is in no file, no output, no cache and no message."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys

import pytest

from commands import densitymap
from loopback import Answer, serving
from publishers import SECRET, census_api

AREA = "-84.36,33.74,-84.35,33.75"


def ran(reply, space, *more):
    with serving(reply) as server:
        return densitymap(
            "fetch", "--area", AREA, "--only", "acs5_2024_tracts", "--only", "tenure_by_structure",
            "--endpoints", f"api.census.gov={server.base}", "--workspace", space, *more,
        )  # fmt: skip


def found_in(folder, text):
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home of its own, so that caches are seen and no real settings are read."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.delenv("CENSUS_API_KEY", raising=False)
    return tmp_path


def test_tables_are_fetched_and_the_key_is_nowhere(home, monkeypatch):
    monkeypatch.setenv("CENSUS_API_KEY", SECRET)
    told = ran(census_api, home / "space", "--json")
    assert told.code == 0, told.err
    assert {entry["state"] for entry in told.document["sources"]} == {"fetched"}
    assert (home / "space/data/1_raw/census/b25032_2024_tracts.csv").is_file()
    assert (home / "space/densitymap.lock").is_file()
    assert found_in(home, SECRET) == []
    assert SECRET not in told.out + told.err


@pytest.mark.parametrize(
    "answer",
    [
        Answer(f"error: unknown key {SECRET}", 400),
        Answer("<html>Invalid Key</html>", kind="text/html"),
        Answer("[[", headers={"Content-Length": "900"}),
    ],
)
def test_no_failure_tells_the_key_not_even_with_debug(answer, home, monkeypatch):
    monkeypatch.setenv("CENSUS_API_KEY", SECRET)
    told = ran(lambda _: answer, home / "space", "--json", "--debug")
    assert told.code in (2, 4), told.err
    assert SECRET not in told.out + told.err
    assert found_in(home, SECRET) == []


def test_without_a_key_the_next_step_is_told_and_nobody_is_asked(home):
    asked = []
    told = ran(asked.append, home / "space", "--json")
    assert told.code == 2
    assert "CENSUS_API_KEY" in told.out
    assert asked == []


def test_the_key_of_the_settings_is_used_and_stays_where_it_is(home):
    settings = home / "XDG_CONFIG_HOME" / "densitymap" / "config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(f'census_api_key = "{SECRET}"')
    told = ran(census_api, home / "space")
    assert told.code == 0, told.err
    assert found_in(home, SECRET) == [settings]
    assert SECRET not in told.out + told.err


def at_a_terminal(args, answer):
    """Run the command at a terminal of its own, type an answer to the first question, give what was shown."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "densitymap", *map(str, args)]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as run:
        os.close(theirs)
        shown, typed = b"", False
        while select.select([ours], [], [], 60)[0]:
            try:
                shown += os.read(ours, 4096)
            except OSError:  # the other end hung up
                break
            if b"API key" in shown and not typed:
                os.write(ours, answer.encode() + b"\n")
                typed = True
    os.close(ours)
    return run.returncode, shown.decode(errors="replace")


def test_at_a_terminal_the_key_is_asked_for_before_all_else_and_not_echoed(home):
    with serving(census_api) as server:
        args = ["fetch", "--area", AREA, "--only", "tenure_by_structure", "--workspace", home / "space"]
        code, shown = at_a_terminal([*args, "--endpoints", f"api.census.gov={server.base}"], SECRET)
    assert code == 0, shown
    assert "fetched b25032_2024_tracts: 3 rows" in shown
    assert shown.index("API key") < shown.find("Fetching") or "Fetching" not in shown
    assert SECRET not in shown
    assert found_in(home, SECRET) == []
