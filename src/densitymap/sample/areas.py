"""Polygons of zones, places and census areas: unions of blocks, out to the middle of the streets."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from densitymap.geometry import ACRE_FT2, Geometries
from densitymap.sample.draw import Floats, uniform
from densitymap.sample.grid import CITY_CRS, Grid, bend
from densitymap.sample.publishers import CITY_LAYER_CRS, global_ids

_PIECES = 6
_FT2_PER_SQUARE_MILE = 27_878_400.0
_M2_PER_FT2 = (1200 / 3937) ** 2
LAND_USE = {"R": "Residential", "C": "Commercial", "I": "Industrial"}


def block_shapes(grid: Grid) -> Geometries:
    """Blocks out to the middle of the streets, bent; neighbours share every vertex."""
    share = np.linspace(0, 1, _PIECES + 1)[:-1]
    back = np.linspace(0, 1, _PIECES + 1)[:0:-1]
    still = np.zeros(_PIECES)
    along = np.concatenate([share, still + 1, back, still])
    up = np.concatenate([still, share, still + 1, back])
    low_u, high_u, low_v, high_v = (
        grid.cells[c].to_numpy()[:, None] for c in ("u_low", "u_high", "v_low", "v_high")
    )
    x, y = bend(grid.settings, low_u * (1 - along) + high_u * along, low_v * (1 - up) + high_v * up)
    ring = np.stack([x, y], axis=2)
    return np.asarray(shapely.polygons(np.concatenate([ring, ring[:, :1]], axis=1)), object)


def dissolve(label: pd.Series, blocks: Geometries) -> gpd.GeoDataFrame:
    """Union of the blocks of each label, ordered by label; blocks without one are left out."""
    groups = label.dropna().groupby(label.dropna()).indices
    at = label.dropna().index.to_numpy()
    names = sorted(map(str, groups))
    shapes = [shapely.coverage_union_all(blocks[at[groups[name]]]) for name in names]
    return gpd.GeoDataFrame({label.name or "name": names}, geometry=shapes, crs=CITY_CRS)


def zoning(grid: Grid, blocks: Geometries) -> gpd.GeoDataFrame:
    """The City's base zoning: one row per stretch of one district in a neighbourhood.

    Lines run a foot or two off the lots'; a few follow rear lines and split lots; there are holes.
    """
    cells = grid.cells
    place = cells["neighborhood"].astype(object).where(cells["neighborhood"].notna(), "")
    label = (cells["zone"] + "|" + place).where(cells["in_city"]).rename("label")
    areas = dissolve(label, blocks).explode(index_parts=False, ignore_index=True)
    areas["zone"] = areas.pop("label").str.split("|").str[0]
    areas = _split_along_rear_lines(grid, areas)
    areas.geometry = shapely.transform(areas.geometry.to_numpy(), lambda xy: xy + _offset(grid, xy))
    return _city_fields(grid, areas)


def boundaries(grid: Grid, blocks: Geometries) -> dict[str, gpd.GeoDataFrame]:
    """Neighbourhoods, NPUs, council districts (2022 and former), city limits and counties, in EPSG:2240."""
    cells = grid.cells
    hoods = dissolve(cells["neighborhood"].rename("NAME"), blocks)
    npu = cells.dropna(subset="neighborhood").drop_duplicates("neighborhood").set_index("neighborhood")["npu"]
    acres = hoods.area / ACRE_FT2
    hoods = hoods.assign(
        OBJECTID=np.arange(1, len(hoods) + 1), OLDNAME=hoods["NAME"], NPU=hoods["NAME"].map(npu),
        ACRES=acres.round(2),
        SQMILES=(hoods.area / _FT2_PER_SQUARE_MILE).round(2),
        GLOBALID=global_ids(grid, "hood", keys=np.arange(len(hoods))),
    )  # fmt: skip
    npus = dissolve(cells["npu"].rename("NAME"), blocks)
    npus = npus.assign(NPU="", ACRES=(npus.area / ACRE_FT2).round(2))
    council = dissolve(cells["council"].rename("DISTRICT"), blocks)
    council = council.assign(OBJECTID=np.arange(5441, 5441 + len(council)))
    former = dissolve(cells["council_former"].rename("DISTRICT"), blocks)
    former = former.assign(NAME=former["DISTRICT"], ACRES=(former.area / ACRE_FT2).round(2))
    limits = dissolve(pd.Series("Atlanta", cells.index, name="LABEL").where(cells["in_city"]), blocks)
    limits = limits.assign(
        OBJECTID=1, ACRES=(limits.area / ACRE_FT2).round(1), SQ_MILES=limits.area / _FT2_PER_SQUARE_MILE
    )
    return {
        "neighborhoods": hoods, "npus": npus, "council_districts_2022": council,
        "council_districts_former": former, "city_limits": limits, "counties": _counties(grid, blocks),
    }  # fmt: skip


def census_areas(grid: Grid, blocks: Geometries) -> dict[str, gpd.GeoDataFrame]:
    """Tracts of three counts and block groups of 2020, with the cartographic files' fields, in EPSG:2240."""
    cells = grid.cells
    named = {f"tracts_{year}": f"tract_{year}" for year in (2000, 2010, 2020)}
    named["block_groups_2020"] = "block_group"
    return {
        name: _census_fields(dissolve(cells[column].rename("GEOID"), blocks))
        for name, column in named.items()
    }


def _census_fields(areas: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    geoid = areas["GEOID"]
    is_group = geoid.str.len().iloc[0] == 12  # noqa: PLR2004 - state 2, county 3, tract 6, block group 1
    code = geoid.str[5:11]
    fields = pd.DataFrame({"STATEFP": geoid.str[:2], "COUNTYFP": geoid.str[2:5], "TRACTCE": code})
    if is_group:
        fields["BLKGRPCE"] = geoid.str[11]
    fields["AFFGEOID"] = ("1500000US" if is_group else "1400000US") + geoid
    fields["GEOID"] = geoid
    short = code.str[:4].str.lstrip("0") + ("." + code.str[4:]).where(code.str[4:] != "00", "")
    fields["NAME"] = geoid.str[11] if is_group else short
    fields["LSAD"] = "BG" if is_group else "CT"
    fields["ALAND"] = (areas.area * _M2_PER_FT2).round().astype("int64")
    fields["AWATER"] = 0
    return gpd.GeoDataFrame(fields, geometry=areas.geometry, crs=areas.crs)


def _counties(grid: Grid, blocks: Geometries) -> gpd.GeoDataFrame:
    counties = dissolve(grid.cells["county"].rename("NAME"), blocks)
    codes = counties["NAME"].map({"DeKalb": "089", "Fulton": "121"})
    return counties.assign(COUNTYFP=codes, GEOID="13" + codes)


def _split_along_rear_lines(grid: Grid, areas: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Give the north half of a few R-4 blocks to R-4A, so that through and flag lots are split."""
    cells = grid.cells
    chance = uniform(grid.seed, "split zoning", cells["key"].to_numpy()) < grid.settings["zoning.split_share"]
    plain = cells["zone"].eq("R-4").fillna(False).astype(bool) & cells["in_city"]
    chance[np.flatnonzero(plain)[:1]] = True
    chosen = cells[chance & plain.to_numpy()]
    share = np.linspace(0, 1, _PIECES + 1)
    low, high = chosen["u_low"].to_numpy()[:, None], chosen["u_high"].to_numpy()[:, None]
    u = np.concatenate(
        [low * (1 - share) + high * share, high * share[::-1] + low * (1 - share[::-1])], axis=1
    )
    middle, top = chosen["v_mid"].to_numpy()[:, None], chosen["v_high"].to_numpy()[:, None]
    v = np.concatenate([middle + 0 * share, top + 0 * share], axis=1)
    x, y = bend(grid.settings, u, v)
    strips = np.asarray(shapely.polygons(np.stack([x, y], axis=2)), object)
    touched = areas["zone"].eq("R-4").to_numpy()
    shapes = areas.geometry.to_numpy().copy()
    shapes[touched] = shapely.difference(shapes[touched], shapely.union_all(strips))
    rest = gpd.GeoDataFrame({"zone": areas["zone"]}, geometry=shapes, crs=areas.crs)
    halves = gpd.GeoDataFrame({"zone": "R-4A"}, geometry=strips, crs=areas.crs, index=np.arange(len(strips)))
    return pd.concat([rest, halves], ignore_index=True)


def _offset(grid: Grid, xy: Floats) -> Floats:
    """How far the zoning lies from the lots [ft]: it drifts, as between two surveys."""
    reach = grid.settings["zoning.offset_ft"]
    turn = 2 * np.pi / grid.settings["frame.bend_span_ft"]
    return np.stack([reach * np.sin(xy[:, 1] * turn), reach * np.cos(xy[:, 0] * turn)], axis=1)


def _city_fields(grid: Grid, areas: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The fields of the City's layer; ``HEIGHT`` and ``BASEELEV`` are 0 everywhere there (a decoy)."""
    count, zone = len(areas), areas["zone"]
    number = np.arange(count)
    draw, settings = uniform(grid.seed, "zoning case", number), grid.settings
    cased, updated = draw < settings["zoning.case_share"], draw < settings["zoning.updated_share"]
    past = draw >= 1 - settings["zoning.past_sunset_share"]
    words = zone.str.extract(r"^(?:SPI-(?P<spi>\d+)|.*?)(?: SA(?P<sub>\w+))?$")
    fields = pd.DataFrame(
        {
            "OBJECTID": number + 1, "ZONECLASS": zone, "ZONING": zone,
            "ZONINGCODE": zone.str[0].map(LAND_USE).fillna("Special"),
            "ZONEDESC": "SYNTHETIC SAMPLE", "HEIGHT": 0.0, "BASEELEV": 0.0,
            "SPI": words["spi"].fillna(" "), "SUBAREA": words["sub"].fillna(" "), "TSA": " ",
            "STATUS": "Current",
            "CASEIN": np.where(cased, [f"Z-{10 + k % 14:02d}-{k % 100:03d}" for k in number], " "),
            "CASEOUT": " ",
            "SUNRISE": np.where(cased, 1273881600000, -2208988800000),
            "SUNSET": np.where(past, 1582156800000, 32503593600000),
            "LASTUPDATE": pd.Series(1694649600000, range(count), dtype="Int64").where(updated),
            "CREATED_DATE": 1524096000000, "LAST_EDITED_DATE": 1595635200000,
            "ACRES": (areas.area / ACRE_FT2).round(8), "REFERENCE": [f"S{k}" for k in number],
            "GLOBALID": global_ids(grid, "zoning", keys=number), "SHAPE_AREA": areas.area,
            "SHAPE_LEN": areas.length,
        }
    )  # fmt: skip
    return gpd.GeoDataFrame(fields, geometry=areas.geometry.to_numpy(), crs=CITY_LAYER_CRS)
