"""The parcel and assessor files, in the publishers' own schemas and with their quirks.

Field names follow ``reference/live_sources.md`` sections 1 and 2 and the real pack. Owners are
invented: "SAMPLE OWNER 00017 LLC" is nobody.
"""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from densitymap.geometry import ACRE_FT2
from densitymap.sample.draw import bits
from densitymap.sample.grid import CITY_CRS, Grid
from densitymap.sample.records import with_faults

TAX_YEAR = 2025
"""Tax year of the sample's parcel records."""
CITY_LAYER_CRS = "EPSG:6447"
"""The City publishes in NAD83(2011) Georgia West, US survey feet."""

LAND_USE = {
    "vacant": "100", "house": "101", "duplex": "102", "triplex": "103", "fourplex": "104", "condo": "106",
    "townhouse": "107", "loft": "110", "apartment": "210", "mixed": "319", "shop": "300", "works": "400",
    "park": "600", "school": "600", "church": "600",
}  # fmt: skip
"""Fulton land use code by use (live_sources.md section 2); 300, 400 and 600 are the families' first codes."""
DIGEST_CLASS = {
    "shop": "C3", "mixed": "C3", "apartment": "C4", "works": "I3", "loft": "R3", "park": "E1", "school": "E6",
    "church": "E2",
}  # fmt: skip
"""Georgia digest class by use; R3 (residential lot) where none is named."""

Frame = pd.DataFrame


def city_parcels(grid: Grid, records: Frame) -> gpd.GeoDataFrame:
    """The City of Atlanta's tax parcels: 53 fields, both counties merged, with the layer's faults."""
    records = with_faults(grid, records)
    count, street = len(records), records["street"].str.upper()
    blank, null, stacked = _repeat(" ", count), _repeat(None, count), records["unit"] > 0
    classes = records["use"].map(DIGEST_CLASS).fillna("R3")
    fulton = records["county"].eq("Fulton")
    fields: dict[str, Any] = {
        "OBJECTID": records["number"] * 32 + records["unit"] + 1,
        "LOWPARCELID": records["lot_id"], "PARCELID": records["parcel_id"],
        "BUILDING": np.where(stacked, "UNIT", " "),
        "UNIT": np.where(stacked, records["unit"].astype(str), " "),
        "CVTTXCD": np.where(fulton, "05", "61"), "CVTTXDSCRP": classes,
        "CLASSCD": blank, "CLASSDSCRP": classes,
        "LIVUNITS": records["homes"].where(~stacked, 1).astype("Int32").where(fulton),
        "SITEADDRESS": records["address"] + "    ",
        "SITECITY": np.where(records["council"].isna(), "DECATUR", "ATLANTA"),
        "SITESTATE": _repeat("GA", count), "SITEZIP": _zip(records), "PRPRTYDSCRP": blank,
        "CNVYNAME": ("SAMPLE CONDOMINIUMS " + records["house_number"].astype(str)).where(stacked, " "),
    }  # fmt: skip
    fields |= _city_owners(records) | _city_values(grid, records)
    fields |= {
        "LASTUPDATE": np.where(fulton, 1746057600000, 1354060800000).astype("int64"),
        "CREATED_USER": _repeat("", count), "CREATED_DATE": _repeat(1749298396000, count),
        "LAST_EDITED_USER": _repeat("", count), "LAST_EDITED_DATE": _repeat(1749402037000, count),
        "GLOBALID": global_ids(grid, "parcel", keys=records["record_key"]),
        "ORDLINK": null, "ORDSTATUS": null, "ORDNAME": null, "SHAPE.AREA": records["area_ft2"],
        "SHAPE.LEN": shapely.length(np.array(records["geometry"], object)),
        "TAXYEAR": _repeat(TAX_YEAR, count), "ZONING1": null, "ZONING2": null,
        "COUNCIL": records["council"], "NPU": records["npu"], "NEIGHBORHOOD": records["neighborhood"],
        "ADDRNUM": records["house_number"].astype(str), "ADDRSTREET": street,
        "ADDRSUFFIX": null, "ADDRPOSDIR": records["quadrant"],
    }  # fmt: skip
    return _frame(fields, records, CITY_LAYER_CRS)


def _city_owners(records: Frame) -> dict[str, Any]:
    return {
        "OWNERNME1": records["owner"], "OWNERNME2": records["second_owner"],
        "PSTLADDRESS": records["mail_address"],
        "PSTLADDRESS2": records["mail_city"] + ", GA " + records["mail_zip"],
        "PSTLCITY": records["mail_city"], "PSTLSTATE": _repeat("GA", len(records)),
        "PSTLZIP5": records["mail_zip"], "PSTLZIP4": _repeat(" ", len(records)),
    }  # fmt: skip


def _city_values(grid: Grid, records: Frame) -> dict[str, Any]:
    """Values: whole for Fulton; for DeKalb missing or 0, and the assessed value an old one."""
    fulton = records["county"].eq("Fulton")
    land, building = records["land_usd"], records["building_usd"]
    share, stale = grid.settings["value.assessed_share"], grid.settings["value.stale_share"]

    def known(values: pd.Series) -> pd.Series:
        return values.round().astype("Int64").where(fulton)

    assessed = (land + building) * share * np.where(fulton, 1.0, stale)
    return {
        "LNDVALUE": np.where(fulton, land, 0).astype("int64"), "TOT_APPR": known(land + building),
        "IMPR_APPR": known(building), "LANDASSESS": known(land * share),
        "IMPRASSESS": known(building * share),
        "LANDAPPR": known(land), "PRVASSDVAL": _repeat(0, len(records)),
        "CNTASSDVAL": assessed.round().astype("int64"),
    }  # fmt: skip


def fulton_parcels(grid: Grid, records: Frame) -> gpd.GeoDataFrame:
    """Fulton County's Tax_Parcels_2025: digest with values, Fulton side only."""
    part = records[records["county"].eq("Fulton")]
    share = grid.settings["value.assessed_share"]
    land, building = part["land_usd"], part["building_usd"]
    total = land + building
    area = part["area_ft2"]
    units = part["homes"].where(part["unit"] == 0, 1)
    fields: dict[str, Any] = {
        "ParcelID": part["parcel_id"], "TaxYear": TAX_YEAR, "Address": part["address"],
        "AddrNumber": part["house_number"].astype(str), "AddrStreet": part["street"].str.upper(),
        "Owner": part["owner"], "OwnerAddr1": part["mail_address"],
        "OwnerAddr2": part["mail_city"] + " GA " + part["mail_zip"], "TaxDist": "05",
        "TotAssess": (total * share).round(), "LandAssess": (land * share).round(),
        "ImprAssess": (building * share).round(),
        "TotAppr": total, "LandAppr": land, "ImprAppr": building,
        "LUCode": part["use"].map(LAND_USE), "ClassCode": part["use"].map(DIGEST_CLASS).fillna("R3"),
        "ExCode": np.where(part["is_occupied"], "HF01", " "), "LivUnits": units.astype("int32"),
        "LandAcres": (area / ACRE_FT2).round(4),
        "NbrHood": "14" + part["npu"].fillna("X").map(ord).astype(str),
        "Subdiv": " ", "FeatureID": part["parcel_id"].str.replace(" ", "", regex=False),
        "Shape__Area": area,
    }  # fmt: skip
    return _frame(fields, part, CITY_CRS)


def dekalb_assessment(grid: Grid, records: Frame) -> gpd.GeoDataFrame:
    """DeKalb County's Tax_Parcels_Assessment_View: values, no homes, no year."""
    part = records[records["county"].eq("DeKalb")]
    total = part["land_usd"] + part["building_usd"]
    assessed = (total * grid.settings["value.assessed_share"]).round()
    exempt = grid.settings["value.homestead_usd"]
    fields: dict[str, Any] = {
        "PARCELID": part["parcel_id"], "ACREAGE": (part["area_ft2"] / ACRE_FT2).round(3),
        "SITEADDRESS": part["address"], "CITY": np.where(part["council"].isna(), "DECATUR", "ATLANTA"),
        "ZIP": _zip(part),
        "OWNERNME1": part["owner"], "OWNERNME2": part["second_owner"], "PSTLADDRESS": part["mail_address"],
        "PSTLCITY": part["mail_city"], "PSTLSTATE": "GA", "PSTLZIP5": part["mail_zip"],
        "TOTAPR1": total, "CNTASSDVAL": assessed,
        "CNTTXBLVAL": (assessed - np.where(part["is_occupied"], exempt, 0)).clip(lower=0),
        "ZONING": part["zone"].fillna(" "), "LANDUSE": " ",
        "CVTTXDSCRP": part["use"].map(DIGEST_CLASS).fillna("R3"),
    }  # fmt: skip
    return _frame(fields, part, CITY_CRS)


def dekalb_iasworld(grid: Grid, records: Frame) -> gpd.GeoDataFrame:
    """DeKalb County's Parcels_IASWorld: floor areas, year, floors; no homes. Shapes are in EPSG:4326."""
    part = records[records["county"].eq("DeKalb")]
    homes = part["use"].isin(["house", "duplex", "triplex", "fourplex", "townhouse", "condo"])
    share = np.where(part["unit"] > 0, part["homes"].clip(lower=1), 1)
    floor: pd.Series = (part["floor_ft2"] / share).round()
    classes = part["use"].map(DIGEST_CLASS).fillna("R3")
    total = part["land_usd"] + part["building_usd"]
    fields: dict[str, Any] = {
        "PARCELID": part["parcel_id"], "CLASSCD": classes, "CLASSDSCRP": classes,
        "ACREAGE": (part["area_ft2"] / ACRE_FT2).round(3),
        "STATEDAREA": (part["area_ft2"] / ACRE_FT2).round(2).astype(str) + " AC",
        "RESFLRAREA": floor.where(homes), "BLDGAREA": floor.where(part["floor_ft2"] > 0),
        "RESYRBLT": part["year_built"].where(part["floor_ft2"] > 0).astype("Int32"),
        "FLOORCOUNT": part["storeys"].where(part["floor_ft2"] > 0),
        "USECD": part["use"].map(LAND_USE), "USEDSCRP": part["use"].str.upper(),
        "NGHBRHDCD": part["npu"].fillna(" "),
        "CNTASSDVAL": (total * grid.settings["value.assessed_share"]).round(),
        "LNDVALUE": part["land_usd"],
    }  # fmt: skip
    return _frame(fields, part, CITY_CRS).to_crs("EPSG:4326")


def global_ids(grid: Grid, stream: str, *, keys: Any) -> npt.NDArray[np.object_]:
    """Identifiers in the form ArcGIS gives rows."""
    high = bits(grid.seed, f"globalid {stream} a", np.asarray(keys))
    low = bits(grid.seed, f"globalid {stream} b", np.asarray(keys))
    text = [f"{a:016X}{b:016X}" for a, b in zip(high.tolist(), low.tolist(), strict=True)]
    return np.array([f"{{{t[:8]}-{t[8:12]}-{t[12:16]}-{t[16:20]}-{t[20:]}}}" for t in text], object)


def _frame(fields: dict[str, Any], records: Frame, crs: str) -> gpd.GeoDataFrame:
    table = pd.DataFrame(fields, index=records.index).reset_index(drop=True)
    return gpd.GeoDataFrame(table, geometry=records["geometry"].to_numpy(), crs=crs)


def _repeat(value: Any, count: int) -> npt.NDArray[Any]:
    return np.full(count, value, np.int64 if isinstance(value, int) else object)


def _zip(records: Frame) -> npt.NDArray[np.object_]:
    """Postal code by quadrant and county (codes of the real pack's SITEZIP)."""
    south = np.where(records["county"].eq("Fulton"), "30316", "30317")
    return np.where(records["quadrant"].eq("NE"), "30307", south).astype(object)
