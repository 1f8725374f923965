"""Look at the machine and the workspace, and say how to mend what is wrong."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import pyproj
import pyproj.aoi
from pyproj.transformer import TransformerGroup

from densitymap import __version__
from densitymap.city import City, load_city
from densitymap.errors import DensitymapError, MissingDataError, NetworkError, ValidationError
from densitymap.fetch.census_api import Key
from densitymap.maps.assets import leaflet
from densitymap.pipeline import endpoints as publishers
from densitymap.pipeline.workspace import Workspace, read_json

LEAST_PYTHON = (3, 11)
LEAST_FREE_BYTES = 500_000_000
LIBRARIES = ("geopandas", "shapely", "pandas", "numpy", "pyarrow", "pyogrio", "rasterio", "folium")
OPTIONAL = {"numba": "speed", "scikit-learn": "models", "matplotlib": "charts", "momepy": "derive"}
PUBLISHED_IN = ("EPSG:4326", "EPSG:4269", "EPSG:6447")
"""Systems the publishers of Atlanta's layers use (reference/live_sources.md)."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def examine(
    space: Workspace,
    *,
    offline: bool = False,
    endpoints: Mapping[str, str] | None = None,
    key: Key | None = None,
) -> dict[str, Any]:
    """Run every check.

    Parameters
    ----------
    space
        The workspace.
    offline
        Look at this machine only; no server is asked.
    endpoints, key
        See :func:`densitymap.pipeline.endpoints.examine`.

    Returns
    -------
    dict
        ``version``, ``ok`` (whether all that must hold does), ``exit_code``, ``checks`` of this machine
        and ``endpoints``.
    """
    checks = list(_checks(space))
    found = [] if offline else publishers.examine(endpoints=endpoints, key=key)
    code = _exit_code(checks, found)
    return {"version": __version__, "ok": code == 0, "exit_code": code, "checks": checks, "endpoints": found}


def _exit_code(checks: list[dict[str, Any]], endpoints: list[dict[str, Any]]) -> int:
    """The machine's faults come first, then silence, then what moved."""
    states = {entry["state"] for entry in endpoints if entry["needed"]}
    if not all(check["ok"] for check in checks if check["needed"]):
        return MissingDataError.exit_code
    if publishers.SILENT in states:
        return NetworkError.exit_code
    return ValidationError.exit_code if publishers.MOVED in states else 0


def _checks(space: Workspace) -> Iterator[dict[str, Any]]:
    version = sys.version.split()[0]
    yield _check("Python", version, sys.version_info >= LEAST_PYTHON, "install Python 3.11 or newer")
    yield from (_library(name, needed=True, mend="run `make install`") for name in LIBRARIES)
    for name, extra in OPTIONAL.items():
        yield _library(name, needed=False, mend=f"pip install 'densitymap[{extra}]'")
    yield from _catalogue()
    yield _assets()
    yield _disk(space)
    yield _projections()
    yield _grids(load_city())
    yield _fonts()
    yield _build(space)
    browser = next((name for name in BROWSERS if shutil.which(name)), None)
    yield _check("browser for tests", browser or "none", bool(browser), "run `make system`", needed=False)


def _check(name: str, found: str, ok: bool, mend: str, *, needed: bool = True) -> dict[str, Any]:  # noqa: FBT001
    return {"name": name, "found": found, "ok": bool(ok), "needed": needed, "mend": mend}


def _library(name: str, *, needed: bool, mend: str) -> dict[str, Any]:
    try:
        return _check(name, importlib.metadata.version(name), True, mend, needed=needed)
    except importlib.metadata.PackageNotFoundError:
        return _check(name, "not installed", False, mend, needed=needed)


def _catalogue() -> Iterator[dict[str, Any]]:
    try:
        city = load_city()
        yield _check("catalogue", f"{len(city.layers)} layers", True, "")
    except DensitymapError as fault:
        yield _check("catalogue", str(fault), False, "correct catalog/cities/atlanta.toml")


def _assets() -> dict[str, Any]:
    mend = "reinstall xstatic-leaflet: `make install`"
    try:
        leaflet()
        return _check("Leaflet for the map", "found, SHA-256 as pinned", True, mend)
    except DensitymapError as fault:
        return _check("Leaflet for the map", str(fault), False, mend)


def _disk(space: Workspace) -> dict[str, Any]:
    place = next(path for path in (space.root.resolve(), *space.root.resolve().parents) if path.is_dir())
    free = shutil.disk_usage(place).free
    return _check("free disk", f"{free / 1e9:.1f} GB", free > LEAST_FREE_BYTES, "free 500 MB")


def _projections() -> dict[str, Any]:
    x, y = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:2240", always_xy=True).transform(-84.33, 33.75)
    sane = 2_200_000 < x < 2_300_000 and 1_300_000 < y < 1_400_000  # noqa: PLR2004 - where Atlanta lies
    return _check("PROJ", f"{pyproj.proj_version_str}", sane, "reinstall pyproj")


def _grids(city: City) -> dict[str, Any]:
    """Shift grids between the systems publishers use and the city's plane; without them a ballpark serves."""
    absent: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it says the best way is unavailable: we say which
        for system in PUBLISHED_IN:
            area = pyproj.aoi.AreaOfInterest(*city.extent)
            group = TransformerGroup(system, city.crs, always_xy=True, area_of_interest=area)
            absent |= {grid.short_name for way in group.unavailable_operations for grid in way.grids}
    told = f"{len(absent)} absent, a shift good to a few feet serves" if absent else "all there"
    mend = "pyproj sync --area-of-use 'United States' (optional; needs a network once)"
    return _check("PROJ grids", told, not absent, mend, needed=False)


def _fonts() -> dict[str, Any]:
    count = len(_font_families())
    mend = "run `make system` (it installs fontconfig and fonts)"
    return _check("fonts for PDF", f"{count} families", count > 0, mend, needed=False)


def _font_families() -> set[str]:
    """Families a PDF can be set in, as fontconfig lists them."""
    lister = shutil.which("fc-list")
    if lister is None:
        return set()
    listed = subprocess.run(  # noqa: S603 - the system's own lister, and no word of ours is a user's
        [lister, ":", "family"], capture_output=True, text=True, check=False, timeout=5
    )
    return {line.split(",")[0].strip() for line in listed.stdout.splitlines()} - {""}


def _build(space: Workspace) -> dict[str, Any]:
    report = read_json(space.results / "build.json")
    found = f"{report['area']}, {report['lots']:,} lots" if report else "none yet"
    return _check("last build", found, bool(report), "run `densitymap build`", needed=False)
