"""Pictures made without a browser: complete, alike each time, honest about what is missing."""

from __future__ import annotations

import builtins
import re

import pytest

import maps_content as drawn
from densitymap.errors import MissingDataError, UsageError
from densitymap.maps import charts, layers, themes, words

pytest.importorskip("matplotlib", reason="matplotlib is absent: pip install densitymap[charts]")


@pytest.mark.parametrize("theme", ["zoning", "verdict:triplex-by-right", "pressure", "lot_units:no-change"])
def test_each_layer_is_a_picture_and_the_same_each_time(theme):
    first = charts.draw(drawn.content(), theme)
    assert first.startswith(b"\x89PNG")
    assert charts.draw(drawn.content(), theme) == first


def test_picture_tells_source_scale_and_that_it_is_made_up():
    said = "\n".join(charts._notes(drawn.content(synthetic=True), "lots", words.load("en")))
    for part in (
        "SYNTHETIC SAMPLE",
        "Drawn parcels, 2025",
        "© OpenStreetMap contributors, ODbL",
        "0" * 64,
        "Not legal advice",
    ):
        assert part in said


def test_svg_draws_missing_tracts_hatched():
    found = charts.draw(drawn.content(), "pressure", form="svg").decode()
    assert found.startswith("<?xml")
    assert re.search(r"<pattern id=", found)
    assert not re.search(r"<dc:date>", found)


def test_a_picture_names_only_the_sources_it_rests_on():
    said = "\n".join(charts._notes(drawn.content(), "history", words.load("en")))
    assert "Drawn parcels" not in said


def test_uncertain_tracts_are_hatched_as_on_the_page():
    given = drawn.content()
    frames = layers.derived(given)
    theme = next(
        t
        for t in layers.themes_of(given, frames, words.load("en"))
        if t["id"] == "definition:history:governing_2015"
    )
    assert themes.doubtful(frames["history"], theme).tolist() == [True, False]
    income = next(t for t in layers.themes_of(given, frames, words.load("en")) if t["id"] == "income")
    assert themes.doubtful(frames["tracts"], income) is None  # no margin was published
    assert b"too uncertain" not in charts.draw(given, "income", form="svg")
    assert len(charts.draw(given, theme["id"], form="svg")) > len(charts.draw(given, "pressure", form="svg"))


def test_an_unknown_layer_suggests_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'zoning'"):
        charts.draw(drawn.content(), "zonning")


def test_without_matplotlib_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingDataError, match=r"densitymap\[charts\]"):
        charts.draw(drawn.content(), "zoning")
