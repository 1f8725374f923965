"""The Census API on loopback: its real protocol, and every way it has of saying no."""

from __future__ import annotations

import json
import logging
import math
import traceback

import pytest
import requests

from densitymap import params
from densitymap.errors import NetworkError, UsageError, ValidationError
from densitymap.fetch import census_api, http
from densitymap.fetch.census_api import Key, Question
from loopback import Answer, serving
from publishers import SECRET, value_of
from publishers import census_api as api

HTML = "<html><head><title>{0}</title></head><body>{0}</body></html>"
CELLS = tuple(f"B25003_{k:03d}" for k in range(1, 4)) + tuple(f"B19001_{k:03d}" for k in range(1, 60))


def question(**changed):
    values = {
        "dataset": "acs/acs5",
        "year": 2024,
        "level": "tract",
        "state": "13",
        "counties": ("121", "089"),
        "cells": CELLS,
    }
    return Question(**(values | changed))


def asked_of(reply, **changed):
    with serving(reply) as server, requests.Session() as session:
        return ask(session, server.base, **changed), server.asked


def ask(session, base, **changed):
    return census_api.ask(
        question(**changed), session=session, key=Key(SECRET), base=base, wait=lambda _: None
    )


def test_many_variables_come_in_calls_of_48_and_are_joined_on_geo_id():
    table, calls = asked_of(api)
    assert len(calls) == math.ceil(2 * len(CELLS) / 48)
    assert {call.path for call in calls} == {"/2024/acs/acs5"}
    assert list(table["GEO_ID"]) == [f"1400000US13{c}" for c in ("089020100", "121003100", "121003200")]
    row = table.set_index("GEO_ID").loc["1400000US13121003200"]
    for cell in CELLS:
        for suffix in "EM":
            assert row[f"{cell}{suffix}"] == value_of(f"{cell}{suffix}", "121", "003200")
    assert row[["state", "county", "tract"]].tolist() == ["13", "121", "003200"]


def test_an_estimate_is_never_asked_without_its_margin():
    _, calls = asked_of(api)
    for call in calls:
        names = set(call.first("get").split(",")) - {"GEO_ID", "NAME"}
        assert {name[:-1] + "M" for name in names} == {name for name in names if name.endswith("M")}
        assert {name[:-1] + "E" for name in names} == {name for name in names if name.endswith("E")}


def test_block_groups_are_asked_county_by_county():
    table, calls = asked_of(api, level="block_group", cells=CELLS[:2])
    assert [call.query["in"][0] for call in calls] == ["state:13 county:121", "state:13 county:089"]
    assert len(table) == 6
    assert table["GEO_ID"].str.len().eq(len("1500000US") + 12).all()


def test_block_groups_before_the_api_had_them_are_refused_before_any_call():
    with pytest.raises(UsageError, match="from 2013 on"):
        asked_of(api, level="block_group", year=2012)


def test_null_stays_missing_and_codes_stay_as_published():
    def reply(asked):
        rows = json.loads(api(asked).body)
        rows[1][2], rows[2][2] = None, "-666666666"
        return Answer(json.dumps(rows))

    table, _ = asked_of(reply, cells=("B19013_001",))
    assert table["B19013_001E"].isna().sum() == 1
    assert (table["B19013_001E"] == "-666666666").sum() == 1


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (Answer(HTML.format("Missing Key"), kind="text/html"), UsageError, "asks for a key"),
        (Answer("", 302, headers={"Location": "/missing_key.html"}), UsageError, "asks for a key"),
        (Answer("", 200, headers={"X-DataWebAPI-KeyError": "Missing"}), UsageError, "asks for a key"),
        (Answer(HTML.format("Invalid Key"), kind="text/html"), UsageError, "refuses the key"),
        (Answer("", 302, headers={"Location": "/invalid_key.html"}), UsageError, "refuses the key"),
        (Answer("", 302, headers={"Location": "https://elsewhere/"}), NetworkError, "sends elsewhere"),
        (Answer("", 204), NetworkError, "has no rows"),
        (Answer("There was an error while running your query", 500), NetworkError, "again and again"),
        (Answer("error: unknown variable 'B99_001E'", 400), UsageError, "unknown variable 'B99_001E'"),
        (Answer(HTML.format("Not Found"), 404, "text/html"), UsageError, "refuses the query .404"),
        (Answer(HTML.format("Maintenance"), kind="text/html"), NetworkError, "a web page came .*Maintenance"),
        (Answer(HTML.format("Wall")), NetworkError, "a web page came"),
        (Answer('[["GEO_ID","NAME"],["14000'), NetworkError, "broken JSON"),
        (Answer('{"error": "no"}'), NetworkError, "is no table"),
        (Answer('[["GEO_ID","NAME"]]'), NetworkError, "is no table with rows"),
        (Answer('[["GEO_ID","NAME"],["a"]]'), NetworkError, "row 1 has 1 of 2"),
        (Answer('[["GEO_ID","NAME"],["a","b"]]'), NetworkError, "lacks B25003_001E, B25003_001M"),
        (Answer("", 418), NetworkError, "HTTP 418"),
    ],
)
def test_each_refusal_is_told_apart_with_its_next_step(answer, error, words):
    with pytest.raises(error, match=words) as told:
        asked_of(lambda _: answer, cells=("B25003_001",))
    assert "Census API, acs/acs5 2024, tracts" in str(told.value)


def test_a_transient_failure_is_asked_again_and_waits_double():
    waits, answers = [], [Answer("There was an error while running your query", 200, "text/plain")] * 2

    def reply(asked):
        return answers.pop() if answers else api(asked)

    with serving(reply) as server, requests.Session() as session:
        table = census_api.ask(
            question(cells=CELLS[:1]), session=session, key=Key(SECRET), base=server.base, wait=waits.append
        )
    assert len(table) == 3
    assert waits == [1.0, 2.0]


def test_calls_that_disagree_on_the_areas_are_refused():
    def reply(asked):
        rows = json.loads(api(asked).body)
        return Answer(json.dumps(rows if "B25003_001E" in rows[0] else rows[:-1]))

    with pytest.raises(ValidationError, match="1 areas are in one call but not the next"):
        asked_of(reply)


def test_the_key_shows_in_no_message_not_even_echoed_or_chained():
    assert SECRET not in f"{Key(SECRET)} {Key(SECRET)!r}"
    for answer in (
        Answer(f"error: bad query key={SECRET}", 400),
        Answer(HTML.format(f"no {SECRET}"), kind="text/html"),
        Answer(json.dumps({"echo": SECRET})),
        Answer(f"[[{SECRET}"),
    ):
        with pytest.raises((NetworkError, UsageError)) as told:
            asked_of(lambda _, answer=answer: answer)
        assert SECRET not in "".join(traceback.format_exception(told.value))


def test_cells_follow_the_measures_and_the_year():
    counts = params.load("census", "measures")["counts"]
    wanted = census_api.cells_behind(counts.values(), 2024)
    assert {"B25003_003", "B25070_011", "B15003_022"} <= set(wanted)
    assert not any(cell.startswith("B15003") for cell in census_api.cells_behind(counts.values(), 2011))
    assert list(wanted) == sorted(set(wanted))


@pytest.mark.parametrize("cut", [True, False])
def test_the_key_is_in_no_log_and_in_no_fault_of_transport(caplog, cut):
    """A server that hangs up or cuts its answer makes the libraries tell the whole address."""

    def reply(asked):
        return Answer(json.dumps([["GEO_ID"]]), headers={"Content-Length": "999" if cut else "-1"})

    with serving(reply) as server, caplog.at_level(logging.DEBUG):
        base = server.base if cut else "http://127.0.0.1:9"
        session = http.Session(retries=1, timeout_s=(2, 2))
        with pytest.raises(NetworkError) as told:
            ask(session, base)
    assert SECRET not in caplog.text
    assert SECRET not in "".join(traceback.format_exception(told.value))
    if cut:
        assert "key=…" in caplog.text  # it was logged, and redacted
