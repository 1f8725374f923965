"""Briefs from the tables of the last build: one place, every place, and the check of a file made before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from densitymap import __version__, params
from densitymap.city import City, load_city
from densitymap.errors import DensitymapError, MissingDataError, UsageError, ValidationError
from densitymap.geometry import ACRE_FT2, geometries, locate
from densitymap.maps.layers import zone_groups
from densitymap.maps.words import Words
from densitymap.maps.words import load as load_map_words
from densitymap.parcels import area as areas
from densitymap.pipeline import workspace
from densitymap.pipeline.profile import profile_of
from densitymap.pipeline.workspace import Workspace
from densitymap.reports import brief, index, pdf, phrases, seal
from densitymap.reports.given import BriefInput, Policy
from densitymap.scenarios.policy import scenario_names

FORMATS = ("html", "pdf")
FOLDER = "reports"
PLACES = ("council_districts", "neighborhoods", "npus", "city_limits")
LINES = ("rail_lines", "beltline")
FIT_COLUMNS = ["parcel_id", "policy", "fit_mode", "fit_type", "units", "verdict"]
LOT_COLUMNS = [
    "parcel_id", "neighborhood", "lot_area_ft2", "canopy_share", "owner_type", "owner_occupied", "geometry",
]  # fmt: skip
LOCK = re.compile(rb"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What is asked for: which rules beside today's, in which language, in which forms, where to."""

    scenario: str | None = None
    language: str = "en"
    formats: tuple[str, ...] = FORMATS
    folder: Path | None = None


@dataclass
class Shelf:
    """Tables of the last build, each read once."""

    space: Workspace
    places: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def city(self) -> City:
        """The city's record."""
        return load_city()

    @cached_property
    def build(self) -> dict[str, Any]:
        """The report of the last build.

        Raises
        ------
        MissingDataError
            If nothing has been built.
        """
        found = workspace.read_json(self.space.results / "build.json")
        if found is None:
            raise MissingDataError("Nothing has been built yet", next_step="run `densitymap build`")
        return dict(found)

    @cached_property
    def layers(self) -> dict[str, gpd.GeoDataFrame]:
        """Layers of places, those that are loaded."""
        found = ((name, workspace.layer_or_none(self.space, name)) for name in PLACES)
        return {name: frame for name, frame in found if frame is not None}

    @cached_property
    def area(self) -> Any:
        """The polygon of the last build."""
        return shapely.union_all(geometries(workspace.read_frame(self.space.parcels / "area.parquet")))

    @cached_property
    def lots(self) -> gpd.GeoDataFrame:
        """Lots, with the columns a brief reads."""
        return workspace.read_frame(self.space.parcels / "parcels.parquet")[LOT_COLUMNS]

    @cached_property
    def points(self) -> Any:
        """A point inside each lot: a lot is in a place when its point is."""
        return shapely.point_on_surface(geometries(self.lots))

    @cached_property
    def allowed(self) -> pd.DataFrame:
        """What the law allows, all policies."""
        return workspace.read_frame(self.space.results / "allowed.parquet")

    @cached_property
    def fits(self) -> pd.DataFrame:
        """What fits, all policies, without the sentences."""
        return workspace.read_frame(self.space.results / "fits.parquet")[FIT_COLUMNS]

    @cached_property
    def zones(self) -> gpd.GeoDataFrame:
        """Zoning polygons of the area, with their group for the map's key."""
        zones = workspace.read_frame(self.space.parcels / "zones.parquet")[["zone_district", "geometry"]]
        return zones.assign(zone_group=zone_groups(zones["zone_district"]))

    @cached_property
    def zone_answers(self) -> pd.DataFrame:
        """What each district allows on a lot of its least size."""
        return workspace.read_frame(self.space.results / "zone_answers.parquet")

    @cached_property
    def hoods(self) -> gpd.GeoDataFrame:
        """Neighborhoods of the area."""
        return workspace.read_frame(self.space.parcels / "neighborhoods.parquet")

    def layer(self, name: str) -> Any:
        """A layer of the workspace, or None, read once."""
        if name not in self.places:
            self.places[name] = workspace.layer_or_none(self.space, name)
        return self.places[name]

    def policy(self, name: str, say: Words) -> Policy:
        """A policy of the last build, its title in the reader's language."""
        told = self.build["policies"][name]
        title = load_map_words(say.language).get(f"policies.{name}.title", told["title"])
        return Policy(name=name, title=title, question=told["question"])


def report(space: Workspace, place: str, order: Order) -> dict[str, Any]:
    """Write the brief of one place.

    Returns
    -------
    dict
        ``place``, ``files``, ``lots``, ``lang``, ``scenario``, ``lock_hash``.

    Raises
    ------
    UsageError
        If the place, the scenario, the language or a format is unknown: the nearest is suggested.
    MissingDataError
        If nothing was built, or the place lies outside the area built.
    """
    shelf, order, say = _ready(space, order)
    return _write(shelf, place, order, say)


def report_all(
    space: Workspace, order: Order, *, progress: Callable[..., None] = lambda *_: None
) -> dict[str, Any]:
    """Write the brief of every neighborhood and NPU of the area, and an index page.

    One that fails does not lose the others: it is told in the index and in the answer.

    Returns
    -------
    dict
        ``index``, ``briefs`` (each as :func:`report`) and ``failed`` (place and why).

    Raises
    ------
    UsageError
        If nobody has reviewed the translation: such a brief is made one by one, never in a batch.
    """
    shelf, order, say = _ready(space, order)
    if not say.reviewed:
        raise UsageError(
            f"The translation {order.language!r} has not been reviewed: it is not made in a batch",
            next_step=f"one place at a time: densitymap report PLACE --lang {order.language}",
        )
    found = places(shelf)
    made, failed, fonts = [], [], pdf.fonts() if "pdf" in order.formats else None
    for number, (name, text) in enumerate(found):
        progress(f"Brief of {name}")
        progress(number, len(found))
        try:
            made.append(_write(shelf, text, order, say, font_config=fonts))
        except DensitymapError as fault:
            failed.append({"place": name, "why": str(fault)})
        except Exception as fault:  # noqa: BLE001 (one brief's bug must not lose the others; it is told)
            failed.append({"place": name, "why": f"a bug in densitymap: {type(fault).__name__}: {fault}"})
    path = _folder(space, order) / "index.html"
    workspace.write_text(path, index.render(shelf.build["area"], made, failed, say))
    return {"index": str(path), "briefs": made, "failed": failed}


def _ready(space: Workspace, order: Order) -> tuple[Shelf, Order, Words]:
    """Check what is asked before anything is read that takes time; fill in the scenario."""
    say = phrases.load(order.language)
    for form in order.formats:
        if form not in FORMATS:
            raise UsageError(
                f"There is no format {form!r}.{params.nearest(form, FORMATS)}",
                next_step=f"known: {', '.join(FORMATS)}",
            )
    if not order.formats:
        raise UsageError("No format was named", next_step="--format html,pdf")
    if "pdf" in order.formats:
        pdf.engine()
    shelf = Shelf(space)
    scenario = _scenario(shelf, order.scenario)
    ready = Order(scenario=scenario, language=order.language, formats=order.formats, folder=order.folder)
    return shelf, ready, say


def _scenario(shelf: Shelf, asked: str | None) -> str:
    """The scenario to set beside today: the one asked, or the first that is asked the same question."""
    built = shelf.build["policies"]
    names = list(built)
    if asked is None:
        question = built[names[0]]["question"]
        return next((name for name in names[1:] if built[name]["question"] == question), names[-1])
    if asked in built:
        return asked
    known = sorted({*names, *scenario_names()})
    if asked in known:
        raise MissingDataError(
            f"The last build has not judged the scenario {asked!r}", next_step=f"built: {', '.join(names)}"
        )
    raise UsageError(
        f"There is no scenario {asked!r}.{params.nearest(asked, known)}",
        next_step=f"built: {', '.join(names)}",
    )


def places(shelf: Shelf) -> list[tuple[str, str]]:
    """Neighborhoods and NPUs of the area: name for people, and the text that finds it."""
    hoods = sorted(set(shelf.hoods["neighborhood"].dropna().astype(str)))
    letters = sorted(set(shelf.hoods["npu"].dropna().astype(str)))
    return [(name, name) for name in hoods] + [
        (f"NPU {letter}", f"npu-{letter.lower()}") for letter in letters
    ]


def _folder(space: Workspace, order: Order) -> Path:
    return order.folder or space.maps / FOLDER


def slug(name: str) -> str:
    """A file name made of plain letters, whatever the place is called.

    Examples
    --------
    >>> slug("The Villages at East Lake"), slug("../<b>"), slug("NPU N")
    ('the-villages-at-east-lake', 'b', 'npu-n')
    """
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return plain or f"place-{workspace.hash_of(name)[:8]}"


def _write(shelf: Shelf, place: str, order: Order, say: Words, *, font_config: Any = None) -> dict[str, Any]:
    given = gather(shelf, place, str(order.scenario), say)
    facts = _facts(shelf, place, order)
    parts = [slug(given.place), *([str(order.scenario)] if _is_chosen(shelf, order) else []), *_tail(order)]
    files = {}
    for form in order.formats:
        path = _folder(shelf.space, order) / ".".join([*parts, form])
        content = make(given, say, facts, form=form, font_config=font_config)
        workspace.write_atomically(path, partial(Path.write_bytes, data=content))
        files[form] = str(path)
    return {
        "place": given.place,
        "kind": "npu" if given.place.startswith("NPU ") else "neighborhood",
        "files": files,
        "lots": len(given.lots),
        "lang": order.language,
        "scenario": order.scenario,
        "lock_hash": given.lock_hash,
    }


def _is_chosen(shelf: Shelf, order: Order) -> bool:
    return order.scenario != _scenario(shelf, None)


def _tail(order: Order) -> list[str]:
    return [] if order.language == phrases.FALLBACK else [order.language]


def _facts(shelf: Shelf, place: str, order: Order) -> dict[str, str]:
    """What a brief is made from, all of it: the same facts give the same bytes."""
    return {
        "place": place,
        "scenario": str(order.scenario),
        "lang": order.language,
        "lock": shelf.build["lock_hash"],
        "version": __version__,
        "code": workspace.code_fingerprint(),
    }


def make(
    given: BriefInput, say: Words, facts: Mapping[str, str], *, form: str, font_config: Any = None
) -> bytes:
    """One brief as the bytes of a web page or a PDF."""
    html = brief.render(given, say, seal=seal.pack(facts), printed=form == "pdf")
    return pdf.write(html, font_config=font_config) if form == "pdf" else html.encode()


def gather(shelf: Shelf, place: str, scenario: str, say: Words) -> BriefInput:
    """Everything one brief says of a place.

    Raises
    ------
    UsageError, MissingDataError
        If there is no such place, or it lies outside the area of the last build.
    """
    here = areas.resolve(place, shelf.layers, crs=shelf.city.crs)
    inside = shapely.intersection(here.polygon, shelf.area)
    share_in_area = float(inside.area / here.polygon.area)
    if share_in_area < params.load("reports", "choices")["least_share_in_area"]["value"]:
        raise MissingDataError(
            f"{here.name} lies outside {shelf.build['area']}, the area of the last build",
            next_step=f"densitymap build --area {place!r}, in a workspace of its own",
        )
    frame = here.frame(shelf.city.crs)
    lots = shelf.lots[locate(shelf.points, frame) >= 0]
    own = set(lots["parcel_id"])
    names = list(shelf.build["policies"])
    covered = float(lots.geometry.area.sum() / inside.area)
    assisted = shelf.layer("assisted_housing")
    seed = params.load("census", "draws")["seed"]["value"]
    return BriefInput(
        place=here.name,
        npus=_letters(shelf, frame),
        shape=here.polygon,
        area_name=shelf.build["area"],
        share_in_area=share_in_area,
        land_share=covered,
        sampled=covered < params.choice("sampled_land_share"),
        synthetic=bool(shelf.build["synthetic"]),
        today=shelf.policy(names[0], say),
        plan=shelf.policy(scenario, say),
        reforms=[shelf.policy(name, say) for name in names[1:]],
        lots=pd.DataFrame(lots.drop(columns="geometry")),
        allowed=shelf.allowed[shelf.allowed["parcel_id"].isin(own)],
        fits=shelf.fits[shelf.fits["parcel_id"].isin(own) & shelf.fits["policy"].isin([names[0], scenario])],
        zones=_zones(shelf, inside),
        zone_answers=shelf.zone_answers,
        lines={name: shelf.layer(name) for name in LINES if shelf.layer(name) is not None},
        stations=shelf.layer("rail_stations"),
        assisted=None if assisted is None else assisted[locate(geometries(assisted), frame) >= 0],
        assisted_in_file=0 if assisted is None else len(assisted),
        counties=_counties(shelf, here.polygon),
        evictions_loaded=False,
        tracts=_tracts(shelf, here.polygon),
        profile=profile_of(shelf.space, place),
        derived=_derived(shelf, here.name),
        sources=_sources(shelf.build),
        lock_hash=shelf.build["lock_hash"],
        version=__version__,
        seed=int(seed),
        map_link=_map_link(here.polygon, shelf.city.crs),
    )


def _letters(shelf: Shelf, frame: gpd.GeoDataFrame) -> list[str]:
    """NPUs the place is in: those of its neighborhoods, by a point inside each."""
    hoods = workspace.layer_or_none(shelf.space, "neighborhoods")
    if hoods is None:
        return []
    inside = locate(shapely.point_on_surface(geometries(hoods)), frame) >= 0
    return sorted(set(hoods.loc[inside, "npu"].dropna().astype(str)))


def _zones(shelf: Shelf, inside: Any) -> gpd.GeoDataFrame:
    """Zoning cut to the place, with acres; slivers are dropped."""
    near = shelf.zones[shapely.intersects(geometries(shelf.zones), inside)]
    cut = near.assign(geometry=shapely.intersection(shapely.make_valid(geometries(near)), inside))
    cut = cut.assign(acres=shapely.area(geometries(cut)) / ACRE_FT2)
    return cut[cut["acres"] > params.choice("place_sliver_acres")].reset_index(drop=True)


def _counties(shelf: Shelf, polygon: Any) -> list[str]:
    counties = shelf.layer("counties")
    if counties is None:
        return []
    covered = shapely.area(shapely.intersection(geometries(counties), polygon)) / polygon.area
    named = counties.assign(covered=covered)
    kept = named[covered >= shelf.city.sliver_share].sort_values("covered", ascending=False)
    return kept["county"].dropna().astype(str).tolist()


def _tracts(shelf: Shelf, polygon: Any) -> pd.DataFrame:
    """Tracts of the place with their class of pressure, of the vintage that can be told for most of it."""
    best = pd.DataFrame({"share_of_place": [], "pressure_class": []})
    for path in sorted(shelf.space.results.glob("pressure_2*.parquet")):
        shapes = shelf.layer(f"tracts_{path.stem.removeprefix('pressure_')}")
        if shapes is None:
            continue
        part = (
            shapely.area(shapely.intersection(shapely.make_valid(geometries(shapes)), polygon)) / polygon.area
        )
        own = pd.DataFrame({"tract_geoid": shapes["tract_geoid"].astype(str), "share_of_place": part})
        judged = workspace.read_frame(path)
        found = own[part >= shelf.city.sliver_share].merge(judged, on="tract_geoid", validate="one_to_one")
        if not len(best) or _told(found) >= _told(best):
            best = found
    return _with_agreement(best, shelf)


def _told(tracts: pd.DataFrame) -> float:
    return float(tracts.loc[tracts["pressure_class"].notna(), "share_of_place"].sum())


def _with_agreement(tracts: pd.DataFrame, shelf: Shelf) -> pd.DataFrame:
    """Add how many published definitions flag each tract, where they stand on the same lines."""
    path = shelf.space.results / "agreement.parquet"
    if tracts.empty or not path.is_file():
        return tracts
    found = workspace.read_frame(path)
    if set(found["tract_vintage"]) != set(tracts["tract_vintage"]):
        return tracts
    own = found.set_index("tract_geoid")
    return tracts.assign(
        **{name: tracts["tract_geoid"].map(own[name]).array for name in ("n_flagged", "n_classifiable")}
    )


def _derived(shelf: Shelf, name: str) -> pd.DataFrame | None:
    path = shelf.space.results / "derived_potential.parquet"
    if not path.is_file():
        return None
    found = workspace.read_frame(path)
    return found[found["neighborhood"] == name]


def _sources(build: Mapping[str, Any]) -> pd.DataFrame:
    rows: Iterable[dict[str, Any]] = ({"layer": name} | entry for name, entry in build["layers"].items())
    return pd.DataFrame(rows).reindex(columns=["layer", "title", "vintage", "attribution", "licence"])


def _map_link(polygon: Any, crs: str) -> str:
    """The map page's own address of this view."""
    point = gpd.GeoSeries([polygon.centroid], crs=crs).to_crs("EPSG:4326").iloc[0]
    zoom = int(params.load("reports", "choices")["map_zoom"]["value"])
    return f"index.html#areas=zoning&ll={point.y:.5f},{point.x:.5f}&z={zoom}"


def check(space: Workspace, file: Path) -> dict[str, Any]:
    """Say whether a file made before still matches the workspace, by making it again.

    Returns
    -------
    dict
        ``file``, ``matches``, ``made_from`` (the seal) and ``differs``: each reason in words.

    Raises
    ------
    MissingDataError
        If the file is not there, or nothing was built.
    ValidationError
        If the file carries no seal of ours.
    """
    if not file.is_file():
        raise MissingDataError(f"{file} is not there", next_step="check the path")
    content = file.read_bytes()
    facts = seal.unpack(content)
    if facts is None or not set(seal.FIELDS) <= set(facts):
        raise ValidationError(
            f"{file.name} carries no seal of a report: it was not made by `densitymap report`",
            next_step="check a .html or .pdf that `densitymap report` wrote",
        )
    differs = _differences(space, facts, content)
    return {"file": str(file), "matches": not differs, "made_from": facts, "differs": differs}


def _differences(space: Workspace, facts: Mapping[str, str], content: bytes) -> list[str]:
    shelf = Shelf(space)
    now = {"lock": shelf.build["lock_hash"], "version": __version__, "code": workspace.code_fingerprint()}
    words = {
        "lock": "the data: the lock was {old}, now {new}",
        "version": "the version: {old}, now {new}",
        "code": "the code or catalogue: {old}, now {new}",
    }
    told = [
        words[name].format(old=facts[name][:12], new=new[:12])
        for name, new in now.items()
        if facts[name] != new
    ]
    if told:
        return told
    order = Order(scenario=facts["scenario"], language=facts["lang"])
    shelf, order, say = _ready(space, order)
    given = gather(shelf, facts["place"], facts["scenario"], say)
    form = "pdf" if content.startswith(b"%PDF") else "html"
    again = make(given, say, facts, form=form)
    return [] if again == content else ["the file itself: it is not what these inputs give, so it was edited"]
