"""A drawn district for the maps' tests: a 2 x 2 of zones, a grid of lots in the western half.

+--------+--------+   north: zones Z3 (R-5), Z4 (an unread code)
| R-5    | XX-9   |   south: zones Z1 (R-4), Z2 (C-1)
+--------+--------+   lots stand in the western neighborhood only; the eastern one has no parcels
| R-4    | C-1    |   one lot has a hole, one has two parts, one has 400 vertices
+--------+--------+
"""

from __future__ import annotations

from dataclasses import fields, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely import Point, box

from densitymap.maps import Definition, MapInput

CRS = "EPSG:2240"
X0, Y0, SIDE = 2_240_000.0, 1_365_000.0, 4_000.0
POLICIES = [
    ("no-change", "Today's law", "Could a house stand here by right today?"),
    ("duplex-by-right", "Duplex by right", "Could a duplex stand here by right?"),
    ("triplex-by-right", "Triplex by right", "Could a triplex stand here by right?"),
]
GOVERNING = Definition(
    name="governing_2015",
    title="Governing 2015: gentrified",
    years="2000 to 2014-18",
    set_name="history",
    column="class__governing_2015",
    classes=[
        ("gentrified", "gentrified, as Governing defines it", True),
        ("eligible", "eligible, not gentrified", False),
    ],
    stability="stability__governing_2015",
)
FREEMAN = Definition(
    name="freeman_2005",
    title="Freeman 2005: gentrified",
    years="2000 to 2014-18",
    set_name="history",
    column="class__freeman_2005",
    classes=[("gentrified", "gentrified, as Freeman defines it", True)],
    stability="stability__freeman_2005",
    reason="not classifiable: input new_housing_share_00 missing",
)
HOSTILE = (
    '<img src=x onerror="window.hacked=1">',
    "${window.hacked=2}",
    "`;window.hacked=3;//",
    "</script><script>window.hacked=4</script>",
    "=cmd|' /C calc'!A0",
    "{{ 7 * 7 }}{# x #}",
    "<!--map--><!--csp-->",
)


def content(n_lots: int = 100, *, hostile: bool = False, **changes: object) -> MapInput:
    """A complete input; `hostile` puts bad text into every text field there is."""
    given = {
        "title": "Drawn district",
        "area_name": "Drawn district",
        "synthetic": False,
        "coverage_sentence": "Lots are loaded for the western half.",
        "sources": _sources(),
        "doubts": ["Lot width is a proxy."],
        "lock_hash": "0" * 64,
        "area": _frame({}, [_square(0, 0, 2)]),
        "zones": _zones(),
        "lots": _lots(n_lots),
        "policies": POLICIES,
        "tracts": _tracts(),
        "neighborhoods": _neighborhoods(n_lots),
        "history": _history(),
        "block_groups": _block_groups(),
        "definitions": [GOVERNING, FREEMAN],
        "lines": {"memorial_drive": _frame({"name": ["Memorial Drive"]}, [_line(0.2, 1.0, 1.4)])},
        "points": {"rail_stations": _frame({"name": ["Middle Station"]}, [Point(X0 + SIDE, Y0 + SIDE)])},
        "polygons": {"buildings": _frame({"kind": ["house"]}, [_square(1.3, 1.3, 0.05)])},
        "notes": {"memorial_drive": "Known only in the middle."},
    }
    made = MapInput(**(given | changes))
    return _spoil(made) if hostile else made


def _frame(columns: dict, shapes: list) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS)


def _square(x: float, y: float, size: float) -> shapely.Polygon:
    return box(X0 + x * SIDE, Y0 + y * SIDE, X0 + (x + size) * SIDE, Y0 + (y + size) * SIDE)


def _line(x0: float, y: float, x1: float) -> shapely.LineString:
    return shapely.LineString([(X0 + x0 * SIDE, Y0 + y * SIDE), (X0 + x1 * SIDE, Y0 + y * SIDE)])


def _sources() -> pd.DataFrame:
    row = (
        "parcels",
        "Drawn parcels",
        "lots.geojson",
        "2025",
        "ODbL",
        "© OpenStreetMap contributors, ODbL",
        100,
        "ab" * 32,
    )
    names = ("layer", "title", "file", "vintage", "licence", "attribution", "rows", "sha256")
    return pd.DataFrame([dict(zip(names, row, strict=True))])


def _zones() -> gpd.GeoDataFrame:
    codes = ["R-4", "C-1", "R-5", "XX-9"]
    columns = {
        "zone_id": ["Z1", "Z2", "Z3", "Z4"],
        "zone_district": codes,
        "zone_name": ["single-family", "commercial", "two-family", pd.NA],
        "zone_status": ["read", "unread", "read", "unresolved"],
        "acres_in_area": [SIDE**2 / 43_560] * 4,
        "citation": ["Sec. 16-06.007", pd.NA, "Sec. 16-07.007", pd.NA],
        "zone_url": ["https://example.org/r4", "javascript:alert(1)", pd.NA, pd.NA],
    }
    for place, (name, _, _) in enumerate(POLICIES):
        part = name if place else "today"
        columns[f"units_{part}"] = pd.array([place + 1, pd.NA, max(2, place + 1), pd.NA], dtype="Int64")
        columns[f"allowed_{part}"] = [
            f"{place + 1} home(s)",
            "nobody has read it",
            f"{max(2, place + 1)} homes",
            "nobody has read it",
        ]
    return _frame(columns, [_square(0, 0, 1), _square(1, 0, 1), _square(0, 1, 1), _square(1, 1, 1)])


def _lots(n: int) -> gpd.GeoDataFrame:
    side = int(np.ceil(np.sqrt(max(1, n))))
    at = np.arange(n)
    step = SIDE / side / (1 if n > 200 else 1.25)
    west, south = X0 + (at % side) * step, Y0 + 40 + (at // side) * step
    shapes = np.array(shapely.box(west, south, west + 0.8 * step, south + 0.9 * step), dtype=object)
    if n >= 4:
        shapes[1] = shapes[1].difference(shapes[1].centroid.buffer(step / 10))
        shapes[2] = shapely.MultiPolygon(
            [
                box(west[2], south[2], west[2] + step / 5, south[2] + step / 5),
                box(west[2] + step / 2, south[2], west[2] + 0.7 * step, south[2] + step / 2),
            ]
        )
        shapes[3] = shapes[3].centroid.buffer(step / 3, quad_segs=100)
    width = 40.0 + 60.0 * np.random.default_rng(7).random(n)
    columns = {
        "parcel_id": [f"15 {k // 1000:03d} 01 {k % 1000:03d}" for k in at],
        "site_address": pd.array([f"{k + 1} DRAWN STREET SE" for k in at], dtype="string"),
        "zone_district": np.where(south > Y0 + SIDE, "R-5", "R-4"),
        "zone_share": np.ones(n),
        "lot_area_ft2": shapely.area(shapes),
        "lot_width_ft": width,
        "existing_units": pd.array(np.where(at % 3 == 0, 1, 2), dtype="Int64"),
        "n_records": np.ones(n, int),
        "neighborhood": ["West"] * n,
        "npu": ["O"] * n,
        "block_group_geoid_2020": [f"13089020{k % 2}001" for k in at],
        "owner_type": ["company"] * n,
        "OWNERNME1": ["SECRET OWNER"] * n,
    }
    for place, (name, _, _) in enumerate(POLICIES):
        verdict = np.select(
            [width > 70 + 8 * place, width > 60 + 8 * place], ["TRUE", "MAYBE"], "FALSE"
        ).astype(object)
        verdict[at % 17 == 16] = "NO DATA"
        columns[f"verdict__{name}"] = verdict
        units = pd.Series(np.where(verdict == "TRUE", place + 1, 1)).astype("Int64")
        columns[f"units_allowed__{name}"] = units.mask(pd.Series(verdict) == "NO DATA")
        columns[f"binding_rule__{name}"] = ["lot_width_min_ft"] * n
        columns[f"reason__{name}"] = [f"The lot is {w:.0f} ft wide." for w in width]
        columns[f"citation__{name}"] = ["Sec. 16-06.007"] * n
    return _frame(columns, list(shapes))


def _tracts() -> gpd.GeoDataFrame:
    columns = {
        "tract_geoid": ["13089020100", "13089020200"],
        "tract_vintage": ["2010", "2010"],
        "acs_period": ["2015-2019", "2015-2019"],
        "pressure_class": ["higher", pd.NA],
        "pressure_score": [0.815, np.nan],
        "pressure_reason": ["renters 61 %", "not classifiable: income missing"],
        "renter_share": [0.61, 0.2],
        "renter_share_moe": [0.08, np.nan],
        "median_household_income_usd": [41_000.0, np.nan],
        "rent_burdened_30_share": [0.47, 0.3],
        "black_alone_share": [0.5, 0.4],
    }
    return _frame(
        columns, [box(X0, Y0, X0 + SIDE, Y0 + 2 * SIDE), box(X0 + SIDE, Y0, X0 + 2 * SIDE, Y0 + 2 * SIDE)]
    )


def _history() -> gpd.GeoDataFrame:
    """Two tracts on 2010 lines: low-income households fell by 12 points in one; the other has no past."""
    columns = {
        "tract_geoid": ["13089020100", "13089020200"],
        "tract_vintage": ["2010", "2010"],
        "n_flagged": pd.array([1, pd.NA], dtype="Int64"),
        "n_classifiable": pd.array([1, 0], dtype="Int64"),
        "flagged_by": ["governing_2015: gentrified, as Governing defines it", pd.NA],
        "per_li_00": [0.62, np.nan],
        "per_li_e": [0.50, 0.4],
        "per_li_00_moe": [0.03, np.nan],
        "per_li_e_moe": [0.04, 0.05],
        "hinc_00": [40_000.0, 50_000.0],
        "hinc_e": [61_200.0, 50_000.0],
        "hinc_00_moe": [9_000.0, 2_000.0],
        "hinc_e_moe": [20_000.0, 2_000.0],
        "class__governing_2015": ["gentrified", pd.NA],
        "stability__governing_2015": [0.55, np.nan],
        "class__freeman_2005": pd.array([pd.NA, pd.NA], dtype="string"),
        "stability__freeman_2005": [np.nan, np.nan],
    }
    return _tracts().drop(columns=_tracts().columns.difference(["geometry"])).assign(**columns)


def _block_groups() -> gpd.GeoDataFrame:
    columns = {"block_group_geoid": ["130890200001", "130890201001"], "lots": [50, 50]}
    return _frame(columns, [_square(0, 0, 1), _square(0, 1, 1)])


def _neighborhoods(n: int) -> gpd.GeoDataFrame:
    columns = {
        "neighborhood": ["West", "East"],
        "npu": ["O", "N"],
        "acres_in_area": [2 * SIDE**2 / 43_560] * 2,
        "lots": [n, 0],
        "lot_share_of_area": [0.4, 0.0],
        "has_parcels": [True, False],
        "missing_note": [pd.NA, "the county's parcel file would fill it"],
    }
    return _frame(
        columns, [box(X0, Y0, X0 + SIDE, Y0 + 2 * SIDE), box(X0 + SIDE, Y0, X0 + 2 * SIDE, Y0 + 2 * SIDE)]
    )


def _spoil(made: MapInput) -> MapInput:
    """Hostile text in every text column, name, note and sentence."""
    keep = {"pressure_class", "has_parcels", "zone_url", "tract_vintage"}

    def spoil(frame):
        changed = frame.copy()
        for column in frame.columns:
            texts = pd.api.types.is_string_dtype(frame[column]) or frame[column].dtype == object
            if column == "geometry" or column in keep or not texts or column.startswith("verdict__"):
                continue
            changed[column] = [f"{HOSTILE[k % len(HOSTILE)]} {k}" for k in range(len(frame))]
        return changed

    changes = {}
    for entry in fields(made):
        value = getattr(made, entry.name)
        if isinstance(value, pd.DataFrame):
            changes[entry.name] = spoil(value)
        elif isinstance(value, dict):
            changes[entry.name] = {
                key: spoil(part) if isinstance(part, pd.DataFrame) else " ".join(HOSTILE)
                for key, part in value.items()
            }
        elif isinstance(value, str):
            changes[entry.name] = " ".join(HOSTILE)
    changes["doubts"] = list(HOSTILE)
    changes["definitions"] = [
        replace(
            one,
            title=HOSTILE[0],
            years=HOSTILE[1],
            classes=[(value, HOSTILE[k], flag) for k, (value, _, flag) in enumerate(one.classes)],
            reason=one.reason and HOSTILE[3],
        )
        for one in made.definitions
    ]
    changes["policies"] = [(name, HOSTILE[k], HOSTILE[k + 3]) for k, (name, _, _) in enumerate(made.policies)]
    return replace(made, **changes)
