"""One drawn lot explained: from the law, value by value with its citation, to each verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from densitymap.capacity.fits import most_units
from densitymap.capacity.law import floor_area_cap_ft2
from densitymap.capacity.modes import Setting
from densitymap.errors import ValidationError
from densitymap.scenarios.cases import POLICIES
from densitymap.scenarios.drawn import boxes, ground_of_inputs, read_inputs
from densitymap.scenarios.fits import fits
from densitymap.scenarios.ground import Ground, setting
from densitymap.scenarios.policy import Policy, apply, load_policy
from densitymap.zoning.code import ZoningCode
from densitymap.zoning.parse import describe, parse_zone

CITY_PLANE, DEGREES = "EPSG:2240", "EPSG:4326"

_LAW_COLUMNS = ["use", "standard", "value", "unit", "basis", "condition", "section", "url", "mark"]
_ROW_COLUMNS = [
    "fit_mode",
    "fit_type",
    "form",
    "units",
    "units_saleable",
    "units_rent_only",
    "units_step_free",
    "verdict",
    "binding_rule",
    "have",
    "need",
    "slack_floor_ft2",
    "slack_coverage_ft2",
    "slack_fit_ft",
    "reason",
]
_FRONTS = {
    "street": "the street that was given",
    "proxy": "the shape alone: no street was given, so verdicts are at best MAYBE",
    "none": "nothing: the lot does not reach a street",
}


def explain_lot(
    wkt: str,
    zone: str,
    *,
    house: str = "",
    house_floor_ft2: float | None = None,
    streets: str = "",
    of_record: str = "unknown",
    scenarios: Sequence[str] = tuple(POLICIES.values()),
    code: str = "atlanta",
) -> dict[str, Any]:
    """Explain one lot that somebody draws.

    Parameters
    ----------
    wkt
        The lot: a polygon in feet (any origin) or in degrees (longitude latitude).
    zone
        Zoning code as mapped, such as ``R-4A``.
    house
        The house that stands: ``x0 y0 x1 y1`` or a polygon as WKT, in the lot's coordinates; empty: none.
    house_floor_ft2
        Its floor area [ft2], where known.
    streets
        Lines of the lot's boundary that are streets, as WKT; without them the lot's shape decides.
    of_record
        ``yes``, ``no`` or ``unknown``.
    scenarios
        Policies to judge it under.
    code
        Zoning code of the city.

    Returns
    -------
    dict
        JSON-able: ``zone`` (how it reads), ``law`` (every value used, with citation), ``lot``,
        ``envelope``, ``budgets``, and per policy ``verdicts`` and ``best``.

    Raises
    ------
    ValidationError
        With every fault of the drawing.
    """
    inputs, houses = _drawn(wkt, zone, house, house_floor_ft2, streets, of_record)
    ground = ground_of_inputs(inputs, houses=houses, implied=not streets, by_right=False)
    today = load_policy(code)
    policies = [apply(name, today) for name in scenarios]
    at, standards = setting(ground, today)
    table = fits(ground, policies)
    return {
        "zone": describe(zone, today.code),
        "law": _law(zone, today.code),
        "citation": _text(standards["citation"].iloc[0]),
        "lot": _lot(ground, at),
        "envelope": {"area_ft2": _number(at.places.envelope_ft2[0]), "yards_ft": _yards(at)},
        "budgets": _budgets(at),
        "policies": [_policy(policy, table[table["policy"] == policy.name]) for policy in policies],
    }


def _drawn(
    wkt: str, zone: str, house: str, floor_ft2: float | None, streets: str, of_record: str
) -> tuple[pd.DataFrame, np.ndarray | None]:
    lot, street, building = (
        shapely.from_wkt(text or None, on_invalid="ignore") for text in (wkt, streets, "")
    )
    if house and not house.strip()[:1].isdigit() and not house.strip().startswith("-"):
        building = shapely.from_wkt(house, on_invalid="ignore")
        if building is None or not building.area > 0:
            raise ValidationError(
                "The house is neither x0 y0 x1 y1 nor a polygon with an area as WKT",
                next_step="draw it as a polygon",
            )
        house = ""
    if _in_degrees(lot):
        if house:
            corners = boxes(pd.Series([house.strip()], dtype="string")).to_numpy(float)
            if np.isnan(corners).any():
                raise ValidationError(
                    "The house is not four numbers of a box with an area", next_step="give it as x0 y0 x1 y1"
                )
            building, house = shapely.box(*corners[0]), ""
        lot, street, building = (_to_feet(shape) for shape in (lot, street, building))
        wkt, streets = lot.wkt, streets if street is None else street.wkt
    row = {
        "case_id": "lot",
        "zone": zone,
        "lot_wkt": wkt,
        "street_edges_wkt": streets,
        "house_x0_y0_x1_y1_ft": house,
        "house_floor_sf": "" if floor_ft2 is None else f"{floor_ft2:g}",
        "lot_of_record": of_record,
    }
    inputs = read_inputs(pd.DataFrame([row], dtype="string"), where="the lot")
    return inputs, None if building is None else np.array([building], dtype=object)


def _in_degrees(shape: Any) -> bool:
    if shape is None or shapely.is_empty(shape):
        return False
    west, south, east, north = shapely.bounds(shape)
    return bool(max(-west, east) <= 180 and max(-south, north) <= 90 and 0 < shapely.area(shape) < 1)  # noqa: PLR2004


def _to_feet(shape: Any) -> Any:
    if shape is None:
        return None
    return gpd.GeoSeries([shape], crs=DEGREES).to_crs(CITY_PLANE).iloc[0]


def _law(zone: str, code: ZoningCode) -> list[dict[str, Any]]:
    """Every value the code gives the district, with where it is written and how sure it is."""
    keys = [part.key for part in parse_zone(zone, code)]
    rows = code.rows[code.rows["district"].isin([key for key in keys if key])]
    records = rows[["district", *_LAW_COLUMNS]].to_dict("records")
    return [{str(name): _plain(value) for name, value in record.items()} for record in records]


def _lot(ground: Ground, at: Setting) -> dict[str, Any]:
    lot = ground.survey.lots.iloc[0]
    flags = ("is_corner", "is_through", "is_flag", "is_landlocked")
    return {
        "lot_area_ft2": _number(lot["lot_area_ft2"]),
        "frontage_ft": _number(lot["frontage_ft"]),
        "lot_depth_ft": _number(lot["lot_depth_ft"]),
        "width_at_front_yard_ft": _number(at.places.width_ft[0]),
        "front_found_by": _FRONTS.get(lot["front_source"], lot["front_source"]),
        **{name: bool(lot[name]) for name in flags},
        "path": "half-planes" if at.places.counted["kernel"] else "exact (GEOS)",
    }


def _yards(at: Setting) -> dict[str, float | str | None]:
    return {str(name): _number(value) for name, value in at.places.yards.iloc[0].items()}


def _budgets(at: Setting) -> dict[str, Any]:
    house = _number(at.house.floor_ft2[0])
    return {
        "floor_area_max_ft2": _number(floor_area_cap_ft2(at.law, "house", at.area)[0]),
        "coverage_max_ft2": _number((at.law.value("house", "coverage_max") * at.area)[0]),
        "height_max_ft": _number(at.law.value("house", "height_max_ft")[0]),
        "house_floor_area_ft2": house,
    }


def _policy(policy: Policy, table: pd.DataFrame) -> dict[str, Any]:
    rows = [{str(k): _plain(v) for k, v in row.items()} for row in table[_ROW_COLUMNS].to_dict("records")]
    best = {}
    for mode in ("keep", "new", "split"):
        found = most_units(table, mode)
        if len(found):
            row = found.iloc[0]
            best[mode] = {name: _plain(row[name]) for name in ("form", "units", "verdict", "reason")}
    return {"policy": policy.name, "title": policy.title, "verdicts": rows, "best": best}


def _plain(value: Any) -> Any:
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, float | np.floating):
        return _number(float(value))
    return (
        value.item() if isinstance(value, np.generic) else (value if isinstance(value, int) else str(value))
    )


def _number(value: float) -> float | str | None:
    """A figure for JSON: infinity is said in words, missing is null."""
    if pd.isna(value):
        return None
    if np.isinf(value):
        return "no limit" if value > 0 else "does not fit"
    return round(float(value), 2)


def _text(value: Any) -> str | None:
    return None if pd.isna(value) else str(value)
