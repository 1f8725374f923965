"""Large drawn maps and how fast they open and pan: for the browser test and the benchmark."""

from __future__ import annotations

import re
from dataclasses import replace

import folium
import geopandas as gpd
import numpy as np
import shapely

import maps_content as drawn
from densitymap.maps import MapInput, page, words

COLUMNS = ["parcel_id", "site_address", "verdict__duplex-by-right", "lot_area_ft2"]
COLOURS = {"TRUE": "#0b4f9e", "MAYBE": "#f0861c", "FALSE": "#c9c6bf", "NO DATA": "#ffffff"}

OPENED = """async () => {
  for (let k = 0; k < 600; k++) {
    if (READY) return performance.now();
    await new Promise((done) => setTimeout(done, 10));
  }
}"""

PANNED = """async () => {
  const map = MAP, frame = () => new Promise((done) => requestAnimationFrame(done)), times = [];
  for (const [x, y] of [[300, 0], [0, 300], [-600, 0], [0, -600], [300, 300]]) {
    await frame();
    const start = performance.now();
    map.panBy([x, y], { animate: false });
    await frame(); await frame();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[2];
}"""


def content(n_lots: int) -> MapInput:
    """Lots with as many vertices as real ones (8 to 9 on average), their sides a little bent."""
    made = drawn.content(n_lots)
    rng = np.random.default_rng(3)
    west, south, east, north = made.lots.bounds.to_numpy().T[:, :, None]
    x, y = np.array([0, 0.5, 1, 1, 1, 0.5, 0, 0]), np.array([0, 0, 0, 0.5, 1, 1, 1, 0.5])
    corners = np.stack([west + x * (east - west), south + y * (north - south)], axis=-1)
    corners += rng.normal(0, 1.5, corners.shape)
    lots = made.lots.set_geometry(gpd.GeoSeries(shapely.polygons(corners), crs=drawn.CRS))
    streets = np.array(
        ["ARKWRIGHT PLACE", "DEARBORN STREET", "MEMORIAL DRIVE", "WYLIE STREET", "FLAT SHOALS AVENUE"]
    )
    lots["site_address"] = [f"{17 + 4 * (k % 900)} {streets[(k // 900) % 5]} SE" for k in range(n_lots)]
    return replace(made, lots=lots)


def folium_page(made: MapInput) -> str:
    """The same lots as folium's own GeoJson layer, with the same assets inlined, on canvas."""
    lots = made.lots[[*COLUMNS, "geometry"]].to_crs("EPSG:4326")
    whole = page.OfflineMap(title="folium", say=words.load("en"), label="map")
    whole.options["prefer_canvas"] = True
    colour = "verdict__duplex-by-right"
    folium.GeoJson(
        lots,
        style_function=lambda f: {
            "fillColor": COLOURS[f["properties"][colour]],
            "weight": 0.5,
            "fillOpacity": 0.9,
        },
    ).add_to(whole)
    south_west, north_east = lots.total_bounds[[1, 0]].tolist(), lots.total_bounds[[3, 2]].tolist()
    whole.fit_bounds([south_west, north_east])
    return whole.to_html()


def measure(browser, path, *, ours: bool) -> dict[str, float]:
    """Milliseconds until drawn, and of a pan (median of five), in a fresh page."""
    name = (
        "densitymap.app.map"
        if ours
        else re.search(r"var (map_\d+) = L\.map", path.read_text(encoding="utf-8"))[1]
    )
    ready = (
        "window.densitymap?.ready > 0"
        if ours
        else f"window.{name}?._loaded && document.readyState === 'complete'"
    )
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    tab.goto(path.as_uri())
    opened = tab.evaluate(OPENED.replace("READY", ready))
    panned = tab.evaluate(PANNED.replace("MAP", name))
    context.close()
    return {"opened_ms": opened, "panned_ms": panned}
