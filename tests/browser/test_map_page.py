"""The map as a reader meets it: Debian's Chromium, a file on disk, the network off."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

import maps_content as drawn
from densitymap import maps, params
from densitymap.maps import words
from densitymap.maps.unpack import sets_of

DESKTOP, PHONE, NARROW = (
    {"width": 1280, "height": 900},
    {"width": 390, "height": 844},
    {"width": 320, "height": 700},
)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Pages by name, each written once."""
    folder = tmp_path_factory.mktemp("maps")
    made = {
        "plain": drawn.content(),
        "hostile": drawn.content(hostile=True),
        "synthetic": drawn.content(synthetic=True),
    }
    pages = {}
    for name, given in made.items():
        pages[name] = folder / f"{name}.html"
        pages[name].write_text(maps.render(given), encoding="utf-8")
    return pages


class Seen:
    """A page and what it said and asked while it was open."""

    def __init__(self, browser, viewport, **context):
        self.context = browser.new_context(viewport=viewport, offline=True, **context)
        self.page: Page = self.context.new_page()
        self.said, self.asked = [], []
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda fault: self.said.append(str(fault)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def open(self, path, state=""):
        self.page.goto(f"{path.as_uri()}{state}")
        for _ in range(400):
            if self.page.evaluate("window.densitymap?.ready > 0"):
                return self.page
            self.page.wait_for_timeout(50)
        pytest.fail(f"the map was not drawn in 20 s: {self.said}")


@pytest.fixture
def seen(browser):
    opened = []

    def start(viewport=DESKTOP, **context):
        opened.append(Seen(browser, viewport, **context))
        return opened[-1]

    yield start
    for one in opened:
        one.context.close()


def colours_drawn(page):
    """Colours that cover at least a two-hundredth of the map's canvases (every seventh pixel is read)."""
    return page.evaluate(
        """() => { const found = new Map(); let read = 0;
        for (const tile of document.querySelectorAll('canvas.leaflet-tile')) {
            const data = new Uint32Array(tile.getContext('2d').getImageData(0, 0, tile.width, tile.height).data.buffer);
            for (let i = 0; i < data.length; i += 7, read++) found.set(data[i], (found.get(data[i]) ?? 0) + 1);
        } return [...found.values()].filter((n) => n > read / 200).length; }"""
    )


def test_opens_with_the_network_off(seen, written):
    reader = seen()
    page = reader.open(written["plain"])
    assert reader.asked == [written["plain"].as_uri()]
    assert reader.said == []
    assert colours_drawn(page) >= 4
    assert page.evaluate("densitymap.app.sets.lots.n") == 100


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE, NARROW], ids=["desktop", "phone", "320px"])
def test_axe_finds_nothing(seen, written, viewport):
    page = seen(viewport).open(written["plain"])
    page.fill("#q", "12 drawn")
    page.press("#q", "Enter")
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    found = Axe().run(page).response["violations"]
    assert [(fault["id"], fault["nodes"][0]["html"]) for fault in found] == []


@pytest.mark.parametrize("viewport", [PHONE, NARROW], ids=["phone", "320px"])
def test_a_phone_needs_no_sideways_scroll_and_has_large_targets(seen, written, viewport):
    page = seen(viewport).open(written["plain"])
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    small = page.evaluate(
        """() => [...document.querySelectorAll('button, input:not([type=checkbox]), select, summary, .leaflet-bar a')]
        .filter((e) => e.offsetParent).map((e) => [e.id || e.textContent, e.getBoundingClientRect().height])
        .filter(([, height]) => height < 44)"""
    )
    assert small == []


def test_hostile_text_never_runs(seen, written):
    reader = seen()
    page = reader.open(written["hostile"])
    assert colours_drawn(page) >= 4
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    for i in range(7):
        page.evaluate(f"densitymap.app.lot({i}, true)")
        page.fill("#q", drawn.HOSTILE[i])
        page.press("#q", "Enter")
    for select in ("#choose-areas", "#choose-variant", "#choose-lots"):
        for value in page.evaluate(f"[...document.querySelector('{select}').options].map((o) => o.value)"):
            page.select_option(select, value)
    page.select_option("#choose-areas", "definition:history:governing_2015")
    page.evaluate("densitymap.app.place(densitymap.app.map.getCenter(), true)")
    page.evaluate("document.querySelectorAll('#card details').forEach((d) => { d.open = true; })")
    page.mouse.click(700, 300)
    page.wait_for_timeout(100)
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.querySelectorAll('img').length") == 0
    assert reader.said == []


def test_address_to_card_by_keyboard_alone(seen, written):
    page = seen().open(written["plain"])
    for _ in range(3):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "q":
            break
    page.keyboard.type("12 drawn")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "card-title"
    card = page.inner_text("#card")
    lot = drawn.content().lots.set_index("site_address").loc["12 DRAWN STREET SE"]
    for part in (
        "12 DRAWN STREET SE",
        "Could a triplex stand here by right?",
        lot["reason__triplex-by-right"],
        "R-4",
        "13089020100",
    ):
        assert part in card


def test_arrow_keys_choose_a_match(seen, written):
    page = seen().open(written["plain"])
    page.focus("#q")
    page.keyboard.type("drawn street")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    wanted = page.inner_text("#match-1").split(" SE")[0]
    page.keyboard.press("Enter")
    assert page.inner_text("#card-title").startswith(wanted)


def test_enter_on_the_map_tells_what_is_under_the_cross(seen, written):
    page = seen().open(written["plain"])
    page.focus(".folium-map")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "card-title"
    assert page.evaluate("location.hash.includes('spot=') || location.hash.includes('lot=')")


def tab_stops(page):
    """What the Tab key meets, once round."""
    stops = []
    for _ in range(60):
        page.keyboard.press("Tab")
        stop = page.evaluate(
            "(e => e === document.body ? '' : e.outerHTML.slice(0, 90))(document.activeElement)"
        )
        if not stop or (stops and stop == stops[0]):
            break
        stops.append(stop)
    return stops


def test_under_25_tab_stops(seen, written):
    page = seen().open(written["plain"])
    stops = tab_stops(page)
    assert 5 < len(stops) < 25, stops


def test_state_is_restored_in_a_fresh_profile(seen, written):
    page = seen().open(written["plain"])
    page.select_option("#choose-areas", "pressure")
    page.select_option("#choose-lots", "lot_units:triplex-by-right")
    page.evaluate("document.getElementById('layers').open = true")
    page.uncheck("#overlays input >> nth=0")
    page.fill("#q", "33 drawn")
    page.press("#q", "Enter")
    page.wait_for_timeout(600)
    state = page.evaluate("location.hash")
    second = seen().open(written["plain"], state)
    assert second.evaluate("location.hash") == state
    assert second.input_value("#choose-areas") == "pressure"
    assert second.input_value("#choose-lots") == "lot_units:triplex-by-right"
    assert second.inner_text("#card-title") == "33 DRAWN STREET SE"
    assert not second.evaluate("document.querySelector('#overlays input').checked")


def test_a_broken_state_does_no_harm(seen, written):
    reader = seen()
    page = reader.open(
        written["plain"], "#v=9&areas=%22%3E&lots=constructor&ll=x,NaN&z=1e9&lot=<img>&show=a.b&spot=,"
    )
    assert reader.said == []
    assert page.input_value("#choose-areas") == "zoning"


def test_legend_follows_the_layer_and_adds_up(seen, written):
    page = seen().open(written["plain"])
    lots = sets_of(written["plain"].read_text(encoding="utf-8"))["lots"]
    for policy in ("duplex-by-right", "triplex-by-right"):
        page.select_option("#choose-lots", f"verdict:{policy}")
        rows = page.evaluate(
            "[...document.querySelectorAll('#legend-body ul:first-of-type li[data-count]')].map((e) => [e.dataset.value, +e.dataset.count])"
        )
        counts = dict(rows[: len(rows)])
        expected = Counter(lots[f"verdict__{policy}"])
        assert {k: counts.get(k, 0) for k in ("TRUE", "MAYBE", "FALSE")} == {
            k: expected[k] for k in ("TRUE", "MAYBE", "FALSE")
        }
        assert counts.get("", 0) == expected["NO DATA"]
        table = page.evaluate(
            "[...document.querySelector('#table-neighborhoods tfoot tr').cells].map((c) => c.textContent)"
        )
        assert str(len(lots)) in table
        start = 0 if policy == "duplex-by-right" else 4
        numbers = [int(part) for part in table if re.fullmatch(r"\d+", part)][1:]
        assert numbers[start : start + 4] == [expected[k] for k in ("TRUE", "MAYBE", "FALSE", "NO DATA")]


def test_a_place_without_parcels_says_what_would_fill_it(seen, written):
    page = seen().open(written["plain"])
    page.select_option("#go", label="East")
    assert "the county's parcel file would fill it" in page.inner_text("#card")
    assert "no parcel layer here yet" in page.inner_text("#legend")


def test_the_missing_part_of_a_line_is_named(seen, written, tmp_path):
    page = seen().open(written["plain"])
    assert "Known only in the middle." in page.inner_text("#legend")
    page.select_option("#go", "set:memorial_corridor")
    assert page.evaluate("document.getElementById('over-memorial_corridor').checked")
    path = tmp_path / "absent.html"
    path.write_text(
        maps.render(drawn.content(lines={}, notes={"memorial_drive": "In no loaded layer."})),
        encoding="utf-8",
    )
    assert "In no loaded layer." in seen().open(path).inner_text("#legend")


def test_a_link_is_made_only_for_https(seen, written):
    page = seen().open(written["plain"])
    page.evaluate("densitymap.app.show({ zones: 1 }, false)")
    assert page.evaluate("document.querySelectorAll('#card-body a').length") == 0
    page.evaluate("densitymap.app.show({ zones: 0 }, false)")
    assert page.get_attribute("#card-body a", "href") == "https://example.org/r4"


def test_a_hole_is_not_part_of_the_lot(seen, written):
    page = seen().open(written["plain"])
    lot = page.evaluate("densitymap.app.sets.lots.columns.parcel_id.values.indexOf('15 000 01 001')")
    inside = page.evaluate(
        f"""(() => {{ const s = densitymap.app.sets.lots, b = s.box.slice({4 * lot}, {4 * lot + 4});
        return densitymap.contains(s, {lot}, (b[0] + b[2]) / 2, (b[1] + b[3]) / 2); }})()"""
    )
    assert inside is False
    x, y = page.evaluate(f"densitymap.inner(densitymap.app.sets.lots, {lot})")
    assert page.evaluate(f"densitymap.contains(densitymap.app.sets.lots, {lot}, {x}, {y})")


def test_readers_without_script_get_the_picture_and_tables(browser, written):
    context = browser.new_context(java_script_enabled=False, viewport=PHONE)
    page = context.new_page()
    page.goto(written["plain"].as_uri())
    assert page.is_visible("figure svg")
    assert not page.is_visible("#app")
    assert page.is_visible("#table-sources")
    context.close()


def test_synthetic_is_said_on_the_page(seen, written):
    page = seen().open(written["synthetic"])
    assert page.is_visible("#synthetic")
    assert page.title().startswith("SYNTHETIC SAMPLE")


def english_left(page, written):
    """Phrases of the English catalogue that the page shows and that Spanish says otherwise."""
    english, spanish = words.load("en").phrases, words.load("es").phrases
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    text = page.inner_text("body") + " ".join(
        page.evaluate(
            "[...document.querySelectorAll('[aria-label],[title]')].map((e) => e.ariaLabel + ' ' + e.title)"
        )
    )
    whole = {line.strip() for line in re.split(r"[\n\t]", text)}
    differing = [phrase for key, phrase in english.items() if phrase and phrase != spanish[key]]
    long = [phrase for phrase in differing if len(phrase) > 12 and "{" not in phrase]
    return [p for p in long if p in text] + [p for p in differing if p in whole]


def test_the_spanish_page_holds_no_english_phrase(seen, written, tmp_path):
    path = tmp_path / "es.html"
    path.write_text(maps.render(drawn.content(), language="es"), encoding="utf-8")
    page = seen().open(path)
    page.fill("#q", "12 drawn")
    page.press("#q", "Enter")
    assert page.is_visible("#unreviewed")
    assert page.evaluate("document.documentElement.lang") == "es"
    assert english_left(page, written) == []
    english = seen().open(written["plain"])
    assert len(english_left(english, written)) > 30  # the same look finds English where it is


def test_filter_totals_equal_the_table_of_the_input(seen, written):
    page = seen().open(written["plain"])
    page.evaluate("document.getElementById('filters').open = true")
    lots = drawn.content().lots
    page.select_option("#f-zone", "R-4")
    page.fill("#f-min", "50000")
    kept = lots[(lots.zone_district == "R-4") & (lots.lot_area_ft2.round() >= 50_000)]
    assert f"{len(kept)} of 100" in page.inner_text("#f-totals")
    for name, _, _ in drawn.POLICIES:
        told = page.get_attribute(f"#f-totals p[data-policy='{name}']", "data-homes")
        assert int(told) == kept[f"units_allowed__{name}"].sum()
    assert page.evaluate("location.hash").count("f.") == 2
    assert page.inner_text("#legend").count(f"{len(kept)} lots shown") == 1
    page.click("#f-clear")
    assert "100 of 100" in page.inner_text("#f-totals")


def test_csv_holds_what_is_shown_and_disarms_formulas(seen, written):
    page = seen().open(written["plain"])
    table = pd.read_csv(io.StringIO(page.evaluate("densitymap.csv(densitymap.app)")), dtype="string")
    lots = drawn.content().lots.set_index("parcel_id")
    assert len(table) == len(lots)
    found = table.set_index("parcel_id").reindex(lots.index)
    assert found["site_address"].tolist() == lots["site_address"].tolist()
    assert (found["lot_area_ft2"].astype(float) - lots["lot_area_ft2"]).abs().max() <= 0.5
    assert set(table["built_from_lock"]) == {"0" * 64}
    hostile = seen().open(written["hostile"])
    rows = list(csv.reader(io.StringIO(hostile.evaluate("densitymap.csv(densitymap.app)"))))
    cells = [cell for row in rows for cell in row]
    assert any(cell.startswith("'=cmd") for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@", "\t"))]


def test_comparison_takes_four_lots_and_lives_in_the_address(seen, written):
    page = seen().open(written["plain"])
    for number in (1, 5, 9, 13):
        page.fill("#q", f"{number} drawn street se")
        page.press("#q", "Enter")
        page.click("#card-body button")
    page.fill("#q", "20 drawn")
    page.press("#q", "Enter")
    assert page.is_disabled("#card-body button")
    heads = "[...document.querySelectorAll('#tray thead th')].map((e) => e.firstChild.textContent)"
    wanted = [f"{n} DRAWN STREET SE" for n in (1, 5, 9, 13)]
    assert page.evaluate(heads) == wanted
    second = seen().open(written["plain"], page.evaluate("location.hash"))
    assert second.evaluate(heads) == wanted
    second.click("#tray thead button >> nth=1")
    assert second.evaluate(heads) == [wanted[0], *wanted[2:]]


def test_before_and_after_says_the_difference_in_words(seen, written):
    page = seen().open(written["plain"])
    page.evaluate("document.getElementById('before-after').open = true")
    page.select_option("#ba-how", "1")
    lots = drawn.content().lots
    before, after = (lots[f"units_allowed__{name}"] for name in ("no-change", "triplex-by-right"))
    text = page.inner_text("#ba-text")
    for number in (
        before.sum(),
        after.sum(),
        (after > before).sum(),
        (after < before).sum(),
        after.isna().sum(),
    ):
        assert str(number) in re.findall(r"\d+", text)
    page.focus("#ba-at")
    page.keyboard.press("Home")
    assert "%7E0" in page.evaluate("location.hash")
    second = seen().open(written["plain"], page.evaluate("location.hash"))
    assert second.input_value("#ba-how") == "1"


def test_lots_in_view_are_one_tab_stop(seen, written):
    page = seen().open(written["plain"])
    page.evaluate("document.getElementById('in-view').open = true")
    page.wait_for_timeout(100)
    assert page.evaluate("document.querySelectorAll('#in-view-body button').length") == 100
    assert (
        page.evaluate(
            "[...document.querySelectorAll('#in-view-body button')].filter((b) => b.tabIndex === 0).length"
        )
        == 1
    )
    page.focus("#in-view-body button")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.inner_text("#card-title") == "2 DRAWN STREET SE"


def test_symbols_sum_the_homes_a_reform_adds(seen, written):
    page = seen().open(written["plain"], "#areas=pressure&lots=symbols:triplex-by-right")
    lots = drawn.content().lots
    added = lots["units_allowed__triplex-by-right"] - lots["units_allowed__no-change"]
    text = page.inner_text("#legend")
    assert f"{added.sum()} homes in 2 block groups; {added.isna().sum()} lots are not known" in text
    assert f"{added.groupby(lots['block_group_geoid_2020']).sum().max()} homes" in text
    assert "no parcel layer here yet" in text


def test_a_raster_is_drawn_as_an_area_layer(seen, tmp_path):
    values = np.linspace(0, 100, 400).reshape(20, 20)
    west, south, east, north = drawn.content().area.to_crs("EPSG:4326").total_bounds
    canopy = maps.Raster(
        values=values, bounds_deg=(west, south, east, north), title="Canopy", unit="%", note="drawn, 2026"
    )
    path = tmp_path / "raster.html"
    path.write_text(maps.render(drawn.content(rasters={"canopy": canopy})), encoding="utf-8")
    reader = seen()
    page = reader.open(path, "#areas=raster:canopy&lots=none")
    assert reader.said == []
    assert "drawn, 2026" in page.inner_text("#legend")
    counts = page.evaluate("densitymap.app.M.rasters[0].classes.map((c) => c.count)")
    assert sum(counts) == 400
    before = colours_drawn(page)
    page.select_option("#choose-areas", "none")
    assert colours_drawn(page) <= before - 4


def test_amharic_is_drawn_with_an_ethiopic_font(seen, tmp_path):
    (tmp_path / "languages").mkdir()
    english = (params.CATALOG / "languages" / "en.toml").read_text(encoding="utf-8")
    stub = english.replace('title = "Legend"', 'title = "መግለጫ"')
    (tmp_path / "languages" / "am.toml").write_text(stub, encoding="utf-8")
    path = tmp_path / "am.html"
    path.write_text(maps.render(drawn.content(), language="am", catalog=tmp_path), encoding="utf-8")
    page = seen().open(path)
    client = page.context.new_cdp_session(page)
    client.send("DOM.enable")
    client.send("CSS.enable")
    root = client.send("DOM.getDocument")["root"]["nodeId"]
    node = client.send("DOM.querySelector", {"nodeId": root, "selector": "#legend-title"})["nodeId"]
    fonts = [
        font["familyName"] for font in client.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
    ]
    assert any("Ethiopic" in font or "Abyssinica" in font for font in fonts), f"{fonts}: run `make system`"


def test_on_paper_the_whole_map_is_shown(seen, written):
    page = seen().open(written["plain"])
    page.emulate_media(media="print")
    page.wait_for_timeout(300)
    assert page.evaluate("densitymap.app.map.getBounds().contains(densitymap.app.M.bounds)")
    assert not page.is_visible("#choose")
    assert page.is_visible("#legend")


def test_uncertain_tracts_are_hatched_and_counted(seen, written, tmp_path):
    page = seen().open(written["plain"], "#areas=renters&lots=none")
    assert "too uncertain" not in page.inner_text("#legend")  # 8 points of margin, and one unknown
    tracts = drawn.content().tracts
    tracts["renter_share_moe"] = [0.12, np.nan]
    path = tmp_path / "doubt.html"
    path.write_text(maps.render(drawn.content(tracts=tracts)), encoding="utf-8")
    doubted = seen().open(path, "#areas=renters&lots=none")
    row = doubted.evaluate(
        "[...document.querySelectorAll('#legend li')].find((e) => e.textContent.includes('too uncertain')).textContent"
    )
    assert row.endswith("1 tract")
    income = seen().open(path, "#areas=income&lots=none")
    assert "Margins of error were not published" in income.inner_text("#legend")


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A page that opens divided, both policies asked the same question."""
    given = drawn.content(pair=("no-change", "triplex-by-right"), split=True)
    asked = [(name, title, "May a triplex stand here?") for name, title, _ in given.policies]
    path = tmp_path_factory.mktemp("compared") / "compared.html"
    path.write_text(maps.render(replace(given, policies=asked)), encoding="utf-8")
    return path


def rows_of(page, heading):
    """Legend rows under a heading that holds the text: label to count."""
    return dict(
        page.evaluate(
            """(text) => { const head = [...document.querySelectorAll('#legend h3')].find((e) => e.textContent.includes(text));
            return [...head.nextElementSibling.querySelectorAll('li')].map((e) => [e.children[1].textContent, e.children[2].textContent]); }""",
            heading,
        )
    )


def test_a_change_over_years_is_drawn_named_and_hatched(seen, written):
    reader = seen()
    page = reader.open(written["plain"], "#areas=change:low_income:00-e&lots=none")
    assert reader.said == []
    rows = rows_of(page, "Households of low income: Change 2000 to 2014-18")
    assert rows["fell 10 to 20 points"] == "1 tract"
    assert rows["no data"] == "1 tract"
    assert "approximated" in page.inner_text("#legend")
    page.evaluate("densitymap.app.show({ history: 0 }, false)")
    page.evaluate("document.querySelectorAll('#card details').forEach((d) => { d.open = true; })")
    card = page.inner_text("#card")
    assert "-12 points" in card
    assert "± 5 points" in card
    page.select_option("#choose-areas", "change:income:00-e")
    legend = page.inner_text("#legend")
    assert "changed by less than 5 %" in legend
    assert (
        "1 tract"
        in rows_of(page, "Median household income")["hatched over its colour: too uncertain to lean on"]
    )


def test_each_definition_is_shown_with_its_years_and_its_doubts(seen, written):
    page = seen().open(written["plain"], "#areas=definition:history:governing_2015&lots=none")
    assert page.is_visible("#choose-variant")
    rows = rows_of(page, "Governing 2015: gentrified (2000 to 2014-18)")
    assert rows["gentrified, as Governing defines it (counted as change or pressure)"] == "1 tract"
    assert rows["hatched over its colour: too uncertain to lean on"] == "1 tract"  # 55 % of draws agree
    page.select_option("#choose-variant", "definition:history:freeman_2005")
    assert "not classifiable: input new_housing_share_00 missing" in page.inner_text("#legend")
    assert "areas=definition%3Ahistory%3Afreeman_2005" in page.evaluate("location.hash")
    second = seen().open(written["plain"], page.evaluate("location.hash"))
    assert second.input_value("#choose-variant") == "definition:history:freeman_2005"
    second.select_option("#choose-areas", "zoning")
    assert not second.is_visible("#choose-variant")


def test_what_is_not_computed_is_said(seen, written):
    page = seen().open(written["plain"], "#areas=expected:triplex-by-right&lots=none")
    assert "Not computable here" in page.inner_text("#legend")


def test_the_difference_in_words_is_the_same_with_and_without_a_script(seen, compared):
    reader = seen()
    page = reader.open(compared)
    assert reader.said == []
    assert page.input_value("#ba-how") == "1"
    texts = "(box) => [...document.querySelectorAll(box + ' p')].map((e) => e.textContent)"
    live, still = page.evaluate(texts, "#ba-text"), page.evaluate(texts, "#difference")
    assert live == still
    assert len(live) == 3
    lots = drawn.content().lots
    ranks = {"FALSE": 0, "MAYBE": 1, "TRUE": 2}
    old, new = (lots[f"verdict__{name}"].map(ranks) for name in ("no-change", "triplex-by-right"))
    assert f"less sure on {(new < old).sum()}" in live[1]


def test_the_difference_layer_counts_what_changes(seen, compared):
    page = seen().open(compared)
    page.focus("#ba-how")
    page.keyboard.press("ArrowDown")
    assert page.input_value("#ba-how") == "2"
    assert page.input_value("#choose-lots") == "pair_allowed"
    lots = drawn.content().lots
    gain = lots["units_allowed__triplex-by-right"] - lots["units_allowed__no-change"]
    rows = rows_of(page, "Homes allowed: Triplex by right, against")
    assert rows["2 more homes allowed"] == f"{(gain == 2).sum()} lots"
    assert rows["as many homes allowed"] == f"{(gain == 0).sum()} lots"
    page.select_option("#ba-right", "duplex-by-right")
    gain = lots["units_allowed__duplex-by-right"] - lots["units_allowed__no-change"]
    rows = rows_of(page, "Homes allowed: Duplex by right, against")
    assert rows["1 more home allowed"] == f"{(gain == 1).sum()} lots"
    second = seen().open(compared, page.evaluate("location.hash"))
    assert second.input_value("#ba-how") == "2"
    assert rows_of(second, "Homes allowed: Duplex by right, against") == rows


@pytest.mark.parametrize("viewport", [DESKTOP, NARROW], ids=["desktop", "320px"])
def test_axe_finds_nothing_on_a_comparison(seen, compared, viewport):
    page = seen(viewport).open(compared, "#areas=definition:history:governing_2015&lots=none")
    page.evaluate("densitymap.app.place(densitymap.app.map.getCenter(), true)")
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    found = Axe().run(page).response["violations"]
    assert [(fault["id"], fault["nodes"][0]["html"]) for fault in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_comparison_keeps_under_25_tab_stops(seen, compared):
    page = seen().open(compared)
    stops = tab_stops(page)
    assert 5 < len(stops) < 25, stops


def test_the_method_is_on_the_page(seen, written):
    page = seen().open(written["plain"])
    page.click("#trust a[href='#more']")
    assert page.is_visible("#method")
    assert "Nothing here is a score of a home or of a person" in page.inner_text("#method")
