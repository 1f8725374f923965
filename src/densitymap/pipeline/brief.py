"""Gather what a brief says of a place from the tables of the last build, each read once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from densitymap import __version__, params
from densitymap.city import City, load_city
from densitymap.errors import MissingDataError
from densitymap.geometry import ACRE_FT2, geometries, locate
from densitymap.maps.layers import zone_groups
from densitymap.maps.words import Words
from densitymap.maps.words import load as load_map_words
from densitymap.parcels import area as areas
from densitymap.parcels.redact import redacted
from densitymap.pipeline import workspace
from densitymap.pipeline.map_policies import TABLES, judged_under
from densitymap.pipeline.profile import profile_of
from densitymap.pipeline.redactions import redactions
from densitymap.pipeline.results import BASELINE
from densitymap.pipeline.scenarios import compare, policy_of
from densitymap.pipeline.workspace import Workspace
from densitymap.reports.given import BriefInput, Policy
from densitymap.reports.law import ANY

PLACES = ("council_districts", "neighborhoods", "npus", "city_limits")
LINES = ("rail_lines", "beltline")
FIT_COLUMNS = ["parcel_id", "policy", "fit_mode", "fit_type", "units", "verdict"]
LOT_COLUMNS = [
    "parcel_id", "neighborhood", "lot_area_ft2", "canopy_share", "owner_type", "owner_occupied", "geometry",
]  # fmt: skip


@dataclass
class Shelf:
    """Tables of the last build, each read once, and the plans to set beside today's rules.

    ``records`` is what `compare` says of today's rules and of each plan, where they were asked for.
    """

    space: Workspace
    places: dict[str, Any] = field(default_factory=dict)
    judged: dict[str, Any] = field(default_factory=dict)
    plans: tuple[str, ...] = ()
    records: list[Mapping[str, Any]] = field(default_factory=list)

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
        """Lots, with the columns a brief reads, less what somebody asked to be left out."""
        lots = workspace.read_frame(self.space.parcels / "parcels.parquet")
        return redacted(lots[LOT_COLUMNS], redactions(self.space))

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

    def compare(self, asked: Sequence[str]) -> None:
        """Take scenarios for the plans: judge them asked the same, and evaluate them beside no change.

        They are asked what all of them ask; where they ask different things, about a second home of any form.
        No change is no plan, unless it is all that is asked for.

        Raises
        ------
        UsageError, ValidationError, MissingDataError
            See :func:`densitymap.pipeline.scenarios.compare`.
        """
        records = compare(self.space, asked)["scenarios"]
        self.plans = tuple(one["name"] for one in records[1:]) or (BASELINE,)
        self.records = records if records[1:] else []
        policies = [policy_of(self.space, name, city=self.city) for name in dict.fromkeys(asked)]
        asks = {policy.question for policy in policies if policy.name != BASELINE} or {ANY}
        question = asks.pop() if len(asks) == 1 else ANY
        found = judged_under(self.space, self.build, None, asked, question=question)
        for table in TABLES:
            setattr(self, table, getattr(found, table))
        self.judged |= {name: {"title": title, "question": question} for name, title, _ in found.policies}

    def policy(self, name: str, say: Words) -> Policy:
        """A policy of the last build, its title in the reader's language."""
        told = (self.build["policies"] | self.judged)[name]
        title = load_map_words(say.language).get(f"policies.{name}.title", told["title"])
        return Policy(name=name, title=title, question=told["question"])


def places(shelf: Shelf) -> list[tuple[str, str]]:
    """Neighborhoods and NPUs that lie in the area by more than a sliver: name, and the text that finds it."""
    found = []
    for layer, column, name, text in (
        ("neighborhoods", "neighborhood", "{}", "{}"),
        ("npus", "npu", "NPU {}", "npu-{}"),
    ):
        frame = shelf.layers.get(layer)
        if frame is not None:
            inside = shapely.intersection(shapely.make_valid(geometries(frame)), shelf.area)
            kept = frame.loc[shapely.area(inside) / frame.geometry.area >= _least_share(), column]
            found += [
                (name.format(value), text.format(value)) for value in sorted(set(kept.dropna().astype(str)))
            ]
    return found


def _least_share() -> float:
    return float(params.choice("least_share_in_area", group="reports"))


def gather(shelf: Shelf, place: str, say: Words) -> BriefInput:
    """Everything one brief says of a place, with the shelf's plans beside today's rules.

    Raises
    ------
    UsageError, MissingDataError
        If there is no such place, or it lies outside the area of the last build.
    """
    here, inside = _found(shelf, place)
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
        share_in_area=float(inside.area / here.polygon.area),
        land_share=covered,
        sampled=covered < params.choice("sampled_land_share"),
        synthetic=bool(shelf.build["synthetic"]),
        today=shelf.policy(names[0], say),
        plan=shelf.policy(shelf.plans[0], say),
        others=[shelf.policy(name, say) for name in shelf.plans[1:]],
        records=shelf.records,
        reforms=[shelf.policy(name, say) for name in names[1:]],
        lots=pd.DataFrame(lots.drop(columns="geometry")),
        allowed=shelf.allowed[shelf.allowed["parcel_id"].isin(own)],
        fits=shelf.fits[
            shelf.fits["parcel_id"].isin(own) & shelf.fits["policy"].isin([names[0], *shelf.plans])
        ],
        zones=_zones(shelf, inside),
        zone_answers=shelf.zone_answers,
        lines={name: shelf.layer(name) for name in LINES if shelf.layer(name) is not None},
        stations=shelf.layer("rail_stations"),
        assisted=None if assisted is None else assisted[locate(geometries(assisted), frame) >= 0],
        assisted_in_file=0 if assisted is None else len(assisted),
        counties=_counties(shelf, here.polygon),
        tracts=_tracts(shelf, here.polygon),
        profile=profile_of(shelf.space, place),
        derived=_derived(shelf, here.name),
        sources=_sources(shelf.build),
        funnel=_by_area(shelf, "feasibility", here.name),
        uptake=_by_area(shelf, "uptake", here.name),
        lock_hash=shelf.build["lock_hash"],
        version=__version__,
        seed=int(seed),
        map_link=_map_link(here.polygon, shelf.city.crs),
    )


def _found(shelf: Shelf, place: str) -> tuple[areas.Area, Any]:
    """The place, and its part in the area of the last build."""
    here = areas.resolve(place, shelf.layers, crs=shelf.city.crs)
    inside = shapely.intersection(here.polygon, shelf.area)
    if inside.area < _least_share() * here.polygon.area:
        raise MissingDataError(
            f"{here.name} lies outside {shelf.build['area']}, the area of the last build",
            next_step=f"densitymap build --area {place!r}, in a workspace of its own",
        )
    return here, inside


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


def _by_area(shelf: Shelf, table: str, name: str) -> pd.DataFrame | None:
    """The place's rows of a table by area, where it was written."""
    path = shelf.space.results / f"{table}.parquet"
    if not path.is_file():
        return None
    found = workspace.read_frame(path)
    word, _, rest = name.partition(" ")
    levels = {"NPU": ("npu", rest), "District": ("council_district", rest)}
    level, value = levels.get(word, ("neighborhood", name))
    return found[(found["area_level"] == level) & (found["area_name"] == value)]


def _sources(build: Mapping[str, Any]) -> pd.DataFrame:
    rows: Iterable[dict[str, Any]] = ({"layer": name} | entry for name, entry in build["layers"].items())
    return pd.DataFrame(rows).reindex(columns=["layer", "title", "vintage", "attribution", "licence"])


def _map_link(polygon: Any, crs: str) -> str:
    """The map page's own address of this view."""
    point = gpd.GeoSeries([polygon.centroid], crs=crs).to_crs("EPSG:4326").iloc[0]
    zoom = int(params.choice("map_zoom", group="reports"))
    return f"index.html#areas=zoning&ll={point.y:.5f},{point.x:.5f}&z={zoom}"
