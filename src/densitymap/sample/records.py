"""Parcel records behind the publishers' files: identifiers, addresses, invented owners, faults."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from densitymap.geometry import Geometries
from densitymap.sample.draw import Floats, pick, uniform
from densitymap.sample.grid import Grid
from densitymap.sample.homes import STACKED
from densitymap.sample.streets import addresses

SHORT = {"STREET": "ST", "AVENUE": "AVE", "DRIVE": "DR", "ROAD": "RD", "PLACE": "PL", "TERRACE": "TER"}
"""How owners' mail abbreviates the street type."""
MAIL_CITIES = (("ATLANTA", "30303"), ("DECATUR", "30030"), ("MARIETTA", "30060"), ("ROSWELL", "30075"))
_LAND_LOT_BLOCKS = 9
_FIRST_LAND_LOT = 400  # above every land lot of the real district, so no identifier is a real one
_DEKALB_LAND_LOTS = 600
_AGAIN = 31  # beyond the units of any stack
_SURE = {"duplicate": 41, "no_id": 42, "null_shape": 43, "no_neighborhood": 44, "reused": 46}
"""Lots that carry a fault in any sample, so that even the smallest has each."""

Frame = pd.DataFrame
Mask = npt.NDArray[np.bool_]


def parcel_records(grid: Grid, lots: Frame, *, shapes: Geometries) -> Frame:
    """One record per lot, and one per home in a stacked condominium.

    Parameters
    ----------
    grid
        The plan.
    lots
        Lots with what stands on them (:func:`densitymap.sample.homes.furnish`).
    shapes
        Shapes of the lots in EPSG:2240.

    Returns
    -------
    DataFrame
        The lots' columns, with ``unit`` (0 for a lot of one record), ``parcel_id``, ``lot_id``,
        ``address``, fields of the owner, and ``geometry``.
    """
    place = grid.cells[["county", "zone", "neighborhood", "npu", "council", "column", "row"]]
    table = lots.join(place, on="cell").join(addresses(grid, lots))
    table["geometry"] = shapes
    stacked = table["use"].isin(STACKED)
    table = table.loc[table.index.repeat(np.where(stacked, table["homes"], 1))].reset_index(drop=True)
    table["unit"] = np.where(table["use"].isin(STACKED), table.groupby("number").cumcount() + 1, 0)
    table["record_key"] = table["key"].to_numpy() * 64 + table["unit"].to_numpy()
    several = table["unit"] > 0
    for value in ("land_usd", "building_usd"):
        table[value] = (table[value] / np.where(several, table["homes"], 1)).round()
    table["parcel_id"] = _identifiers(grid, table)
    table["lot_id"] = table.groupby("number")["parcel_id"].transform("first")
    table["address"] = _site_address(grid, table)
    return table.join(_owners(grid, table))


def with_faults(grid: Grid, records: Frame) -> Frame:
    """The records with the City layer's faults: identifiers repeated or missing, shapes or places missing."""
    records = records.copy()
    no_id = _struck(grid, records, "no_id")
    records.loc[no_id, ["parcel_id", "lot_id"]] = "NO ID"
    records.loc[_struck(grid, records, "null_shape"), "geometry"] = None
    records.loc[_struck(grid, records, "no_neighborhood"), ["neighborhood", "npu"]] = None
    reused = _struck(grid, records, "reused") & records["order"].gt(0).to_numpy() & ~no_id
    for name in ("parcel_id", "lot_id"):
        records[name] = records[name].mask(reused, records["lot_id"].shift())
    again = records[_struck(grid, records, "duplicate") & ~no_id].copy()
    again[["unit", "record_key"]] += _AGAIN
    again["owner"] = "SAMPLE OWNER 99999"
    return pd.concat([records, again], ignore_index=True)


def _struck(grid: Grid, records: Frame, fault: str) -> Mask:
    chance = (
        uniform(grid.seed, fault, records["record_key"].to_numpy()) < grid.settings[f"fault.{fault}_share"]
    )
    sure = records["number"].isin([_SURE[fault], _SURE[fault] + (fault == "reused")]) & (records["unit"] <= 1)
    return np.asarray(chance & (records["unit"] == 0) | sure)


def _identifiers(grid: Grid, table: Frame) -> list[str]:
    """Identifiers in each county's form; a few of Fulton's hold two blanks in a row."""
    step = _LAND_LOT_BLOCKS
    column, row = table["column"].to_numpy(), table["row"].to_numpy()
    land_lot = row // step * (len(grid.columns.at_ft) // step + 1) + column // step
    block = row % step * step + column % step + 1
    place = table.groupby("cell").cumcount().to_numpy() + 1
    fulton = table["county"].eq("Fulton").to_numpy()
    odd = (
        uniform(grid.seed, "inner blanks", table["record_key"].to_numpy())
        < grid.settings["fault.inner_blanks_share"]
    )
    first = grid.cells.index[grid.cells["county"].eq("Fulton")][0]  # so that the smallest sample has one
    odd |= (place == 1) & (table["cell"].to_numpy() == first)
    odd &= (place < 100) & (table["unit"].to_numpy() == 0)  # noqa: PLR2004 - two digits hold the place
    rows = zip(land_lot.tolist(), block.tolist(), place.tolist(), fulton.tolist(), odd.tolist(), strict=True)
    return [_fulton_id(n, b, p, is_odd=o) if f else _dekalb_id(n, b, p) for n, b, p, f, o in rows]


def _fulton_id(land_lot: int, block: int, place: int, *, is_odd: bool) -> str:
    head = f"14 {_FIRST_LAND_LOT + land_lot:04d}"
    return f"{head}  LL{block:02d}{place:02d}" if is_odd else f"{head}{block:04d}{place:04d}"


def _dekalb_id(land_lot: int, block: int, place: int) -> str:
    land_district = 15 + 3 * (land_lot // _DEKALB_LAND_LOTS)
    return f"{land_district} {_FIRST_LAND_LOT + land_lot % _DEKALB_LAND_LOTS:03d} {block:02d} {place:03d}"


def _site_address(grid: Grid, table: Frame) -> pd.Series:
    """House number, street and quadrant in capitals; a handful hold hostile text."""
    address = table["house_number"].astype(str) + " " + table["street"].str.upper() + " " + table["quadrant"]
    texts = np.array(grid.settings["fault.hostile_text"], object)
    every = grid.settings["fault.hostile_every"]
    number = table["number"].to_numpy()
    hostile = (number % (every // len(texts)) == 7) & (number < every * len(texts))  # noqa: PLR2004 - any phase
    return address.mask(hostile, texts[number // (every // len(texts)) % len(texts)] + " " + address)


def _owners(grid: Grid, table: Frame) -> Frame:
    """Invented names and mailing addresses: ``owner``, ``second_owner``, ``is_occupied``, ``mail_*``."""
    keys, settings = table["record_key"].to_numpy(), grid.settings
    kinds = ("LLC", "INC", "TRUST", "ESTATE")
    shares = [settings[f"owner.{kind.lower()}_share"] for kind in kinds]
    kind = np.array([*kinds, ""], object)[
        pick(uniform(grid.seed, "owner kind", keys), [*shares, 1 - sum(shares)])
    ]
    kind = np.where(table["use"].eq("park"), "CITY OF ATLANTA", kind)
    kind = np.where(table["use"].eq("school"), "BOARD OF EDUCATION", kind)
    kind = np.where(table["use"].eq("church"), "BAPTIST CHURCH", kind)
    name = uniform(grid.seed, "owner name", keys)
    few = settings["owner.portfolio_names"]
    company = np.isin(kind, ["LLC", "INC"])
    number = np.where(company & (name < 1 / 2), name * 2 * few, 100 + name * 99_000).astype(int)
    owners = pd.DataFrame({"owner": _named(number, kind)}, index=table.index)
    home = table["use"].isin(["house", "duplex", "townhouse", "condo"]).to_numpy() & (kind == "")
    draw = uniform(grid.seed, "owner occupied", keys)
    owners["is_occupied"] = home & (draw < settings["owner.occupied_share"])
    pair = (kind == "") & (uniform(grid.seed, "second owner", keys) < settings["owner.second_owner_share"])
    owners["second_owner"] = np.where(pair, _named(number // 2 + 50_000, np.full(len(kind), "", object)), " ")
    return owners.join(_mail(table, owners["is_occupied"].to_numpy(), name))


def _named(number: npt.NDArray[np.int64], kind: npt.NDArray[np.object_]) -> list[str]:
    return [f"SAMPLE OWNER {n:05d} {k}".rstrip() for n, k in zip(number.tolist(), kind.tolist(), strict=True)]


def _mail(table: Frame, occupied: Mask, draw: Floats) -> Frame:
    """Where the owner's mail goes: to the property (street type abbreviated), or to an invented box."""
    words = table["street"].str.upper().str.rsplit(n=1, expand=True)
    short = words[0] + " " + words[1].map(SHORT).fillna(words[1])
    at_home = table["house_number"].astype(str) + " " + short + " " + table["quadrant"]
    box = pd.Series((draw * 9_000).astype(int) + 1_000, index=table.index).astype(str)
    city = np.array(MAIL_CITIES, object)[(draw * 977 % 1 * len(MAIL_CITIES)).astype(int)]
    return pd.DataFrame(
        {
            "mail_address": at_home.where(occupied, box + " SAMPLE MAIL ROUTE"),
            "mail_city": np.where(occupied, "ATLANTA", city[:, 0]),
            "mail_zip": np.where(occupied, "30317", city[:, 1]),
        },
        index=table.index,
    )
