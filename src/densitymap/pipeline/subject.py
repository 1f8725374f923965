"""The lot a pro forma is of: one of the last build, or one that somebody draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely

from densitymap import params
from densitymap.capacity.modes import options
from densitymap.capacity.rules import load_buildings
from densitymap.errors import UsageError, ValidationError
from densitymap.feasibility.costs import load_costs
from densitymap.feasibility.pays import worth_of
from densitymap.parcels.redact import redacted
from densitymap.pipeline import workspace
from densitymap.pipeline.funnel import BASELINE, read_lots, read_policy, with_prices
from densitymap.pipeline.lot import find_lot
from densitymap.pipeline.place_prices import read_places
from densitymap.pipeline.redactions import redactions
from densitymap.pipeline.workspace import Workspace
from densitymap.scenarios.explain_lot import explain_lot

NOT_ASKED = "zone_not_given"
NO_ZONE = "no zone was given: whether the law allows it, and whether it fits, was not asked"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The lot: one row of lots, what fits on it now and under the scenario, and what is said of it."""

    lots: pd.DataFrame
    fits: pd.DataFrame
    today: pd.DataFrame
    told: dict[str, Any]


def of_parcel(space: Workspace, parcel_id: str, *, scenario: str) -> Subject:
    """Take a lot of the last build.

    Raises
    ------
    MissingDataError
        If nothing has been built.
    UsageError
        If there is no such lot, or the scenario was not built.
    """
    shown = redacted(workspace.read_frame(space.parcels / "parcels.parquet"), redactions(space))
    lot = find_lot(shown, parcel_id)
    name = str(lot["parcel_id"])
    lots = read_lots(space)
    lots = lots[lots["parcel_id"] == name].reset_index(drop=True)
    fits = {policy: read_policy(space, "fits", policy) for policy in dict.fromkeys([BASELINE, scenario])}
    if not len(fits[scenario]):
        known = workspace.read_json(space.results / "results.json")["summary"]["policies"]
        raise UsageError(
            f"The last build judged no scenario {scenario!r}.{params.nearest(scenario, known)}",
            next_step=f"known: {', '.join(known)}",
        )
    rows = {policy: table[table["parcel_id"] == name] for policy, table in fits.items()}
    told = {
        "parcel_id": name,
        "site_address": _text(lot["site_address"]),
        "zone": _text(lot["zone_district"]),
    }
    return Subject(lots=lots, fits=rows[scenario], today=rows[BASELINE], told=told)


def of_drawing(
    space: Workspace, wkt: str, zone: str | None, *, scenario: str, place: str | None, **drawn: Any
) -> Subject:
    """Take a lot that somebody draws, at the prices of a neighbourhood.

    ``drawn`` are the further arguments of ``explain_lot``.
    """
    house = bool(drawn.get("house"))
    floor = drawn.get("house_floor_ft2")
    if floor is not None and not 0 < floor < np.inf:
        raise ValidationError(f"--floor {floor:g} is not a floor area above 0")
    lots = pd.DataFrame({"parcel_id": ["lot"], "digest_class": pd.array([pd.NA], dtype="string")})
    lots["existing_units"] = pd.array([int(house)], dtype="Int64")
    lots["existing_floor_area_ft2"] = pd.array([floor if house else None], dtype="Float64")
    lots["is_built"] = pd.array([house], dtype="boolean")
    lots = _placed(lots, space, place)
    where = {"place": lots["neighborhood"].iloc[0], "place_supposed": place is None}
    if zone is None:
        _refuse_no_shape(wkt)
        rows = _every_form()
        return Subject(
            lots=lots, fits=rows, today=rows.iloc[:0], told={"zone": None, "note": NO_ZONE, **where}
        )
    names = list(dict.fromkeys([BASELINE, scenario]))
    answer = explain_lot(wkt, zone, scenarios=names, **drawn)
    tables = {found["policy"]: _rows(found) for found in answer["policies"]}
    return Subject(
        lots=lots,
        fits=tables[scenario],
        today=tables[BASELINE],
        told={"zone": zone, **where, **answer["lot"], "budgets": answer["budgets"]},
    )


def _placed(lots: pd.DataFrame, space: Workspace, place: str | None) -> pd.DataFrame:
    """Put a drawn lot into a neighbourhood; where none is named, the one new homes were seen in."""
    costs = load_costs()
    name = place or str(costs.records["new_attached_price_usd_per_ft2"].place)
    found = with_prices(lots.assign(neighborhood=pd.array([name], dtype="string")), space)
    if np.isnan(worth_of(found, costs).price_usd_per_ft2[0]):
        known = sorted({*costs.places, *read_places(space)["neighborhood"]})
        raise UsageError(
            f"No price is known of {name!r}.{params.nearest(name, known)}",
            next_step=f"such as {', '.join(costs.places)}; or leave --place out and --set place_price=NUMBER",
        )
    return found


def read_lot(text: str) -> str:
    """Give the WKT of a lot: the text itself, or what a file of WKT or GeoJSON holds.

    Raises
    ------
    ValidationError
        If it is neither.
    """
    path = Path(text)
    if not text.lstrip().upper().startswith(("POLYGON", "MULTIPOLYGON")) and _is_file(path):
        text = path.read_text(encoding="utf-8", errors="replace")
    text = text.strip()
    if text.startswith("{"):
        shape = shapely.from_geojson(text, on_invalid="ignore")
        if shape is not None:
            parts = shapely.get_parts(shape)
            return str(shapely.to_wkt(parts[0] if len(parts) == 1 else shape))
    if not text.upper().startswith(("POLYGON", "MULTIPOLYGON")):
        raise ValidationError(
            "--lot is neither a polygon as WKT nor a file that holds one",
            next_step='write it as "POLYGON((0 0,50 0,50 150,0 150,0 0))", in feet, or name a file',
        )
    return text


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _refuse_no_shape(wkt: str) -> None:
    shape = shapely.from_wkt(wkt, on_invalid="ignore")
    if shape is None or shapely.is_empty(shape) or not shapely.is_valid(shape):
        raise ValidationError("The lot is not a valid polygon", next_step="draw it as WKT, in feet")


def _every_form() -> pd.DataFrame:
    """Every form there is, none of them asked of the law."""
    forms = options(load_buildings())
    rows = pd.DataFrame(
        {
            "parcel_id": "lot", "policy": BASELINE, "fit_mode": [form.mode for form in forms],
            "fit_type": [form.type for form in forms], "form": [form.form for form in forms],
            "units": [form.units for form in forms], "units_rent_only": 1, "verdict": "MAYBE",
            "binding_rule": NOT_ASKED, "reason": NO_ZONE,
        }
    )  # fmt: skip
    rows = rows.drop_duplicates(["fit_mode", "fit_type"], ignore_index=True)
    return rows.assign(**dict.fromkeys(("slack_floor_ft2", "slack_coverage_ft2", "slack_fit_ft"), np.nan))


def _rows(found: Mapping[str, Any]) -> pd.DataFrame:
    table = pd.DataFrame(found["verdicts"]).assign(parcel_id="lot", policy=found["policy"])
    for name in ("slack_floor_ft2", "slack_coverage_ft2", "slack_fit_ft"):
        numbers = table[name].replace({"no limit": np.inf, "does not fit": -np.inf})
        table[name] = pd.to_numeric(numbers)
    counts = ["units", "units_rent_only"]
    return table.astype(dict.fromkeys(counts, "Int64"))


def _text(value: Any) -> str | None:
    return None if pd.isna(value) else str(value)
