"""The brief in a browser: readable on a phone without script, nothing fetched, hostile text asleep."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import pytest
from axe_playwright_python.sync_playwright import Axe

from densitymap.pipeline import report as reporting
from densitymap.pipeline.brief import Shelf, gather
from densitymap.pipeline.workspace import Workspace
from densitymap.reports import page, phrases, seal
from densitymap.reports.brief import compose
from densitymap.scenarios.document import scenario_toml
from densitymap.scenarios.policy import load_scenario

HOSTILE = "<img src=x onerror=alert(1)><script>alert(1)</script>"
COMPARED = "kirkwood.plan-vs-small-lots.html"
PAGES = ["kirkwood.html", COMPARED, "index.html"]


@pytest.fixture(scope="module")
def folder(sample_space, tmp_path_factory):
    """Kirkwood's brief, one that compares a hostile plan with another, and the index page, as files."""
    out = tmp_path_factory.mktemp("pages")
    space = Workspace(sample_space)
    order = reporting.Order(formats=("html",), folder=out)
    made = reporting.report(space, "Kirkwood", order)
    say = phrases.load("en")
    (out / "index.html").write_text(reporting.index.render("District 5", [made], [], say), encoding="utf-8")
    shelf = Shelf(space, plans=("missing-middle-2021",))
    shelf.places["assisted_housing"] = gpd.GeoDataFrame(
        {"feature_name": [HOSTILE]},
        geometry=[gather(shelf, "Kirkwood", say).shape.representative_point()],
        crs="EPSG:2240",
    )
    content = compose(gather(shelf, "Kirkwood", say), say)
    (out / "hostile.html").write_text(page.web_page(content, say, seal=seal.pack({})), encoding="utf-8")
    plan = out / "plan.toml"
    plan.write_text(scenario_toml(replace(load_scenario("duplex-by-right"), title=HOSTILE)))
    order = reporting.Order(scenarios=(str(plan), "small-lots"), formats=("html",), folder=out)
    reporting.report(space, "Kirkwood", order)
    return out


def opened(browser, path, width=390, **settings):
    shown = browser.new_page(viewport={"width": width, "height": 844}, **settings)
    shown.asked, shown.said = [], []
    shown.on("request", lambda request: shown.asked.append(request.url))
    shown.on("console", lambda message: shown.said.append(message.text))
    shown.on("dialog", lambda dialog: shown.said.append(dialog.message))
    shown.goto(path.as_uri())
    return shown


@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_no_sideways_scroll_nothing_fetched_nothing_said(browser, folder, name, width):
    shown = opened(browser, folder / name, width, java_script_enabled=True)
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    assert [url for url in shown.asked if not url.startswith("data:")] == [(folder / name).as_uri()]
    assert shown.said == []
    shown.close()


def test_the_first_phone_screen_says_what_changes(browser, folder):
    shown = opened(browser, folder / "kirkwood.html", java_script_enabled=False)
    second = shown.locator("section").first.locator("li").nth(1).bounding_box()
    assert second["y"] < 844
    for link in shown.locator("main a").all():
        assert link.bounding_box()["height"] >= 44
    shown.close()


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(browser, folder, name):
    context = browser.new_context(viewport={"width": 390, "height": 844}, bypass_csp=True)
    shown = context.new_page()
    shown.goto((folder / name).as_uri())
    found = Axe().run(shown).response["violations"]
    assert [(rule["id"], rule["nodes"][0]["html"][:120]) for rule in found] == []
    context.close()


@pytest.mark.parametrize("name", ["hostile.html", COMPARED])
def test_hostile_text_is_shown_and_never_runs(browser, folder, name):
    shown = opened(browser, folder / name)
    assert HOSTILE in shown.locator("body").inner_text()
    assert shown.said == []
    shown.close()
