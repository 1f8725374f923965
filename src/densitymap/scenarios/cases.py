"""Worked parcels: lots drawn by hand with the answers a person expects, computed and compared.

The computation reads the inputs only; the expected columns are looked at once everything is computed.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import shapely

from densitymap import params
from densitymap.capacity import fit, survey
from densitymap.capacity.clean import clean
from densitymap.capacity.edges import Flags
from densitymap.capacity.fits import most_units
from densitymap.capacity.law import floor_area_cap_ft2
from densitymap.capacity.modes import Setting
from densitymap.capacity.rules import load_rules
from densitymap.capacity.verdict import TRUE
from densitymap.errors import ValidationError
from densitymap.geometry import Floats, Geometries
from densitymap.scenarios.fits import fits
from densitymap.scenarios.ground import EXACT, Ground, ground_of, setting
from densitymap.scenarios.policy import apply, load_policy
from densitymap.zoning.parse import ParsedZone, parse_zone

POLICIES = {"S0": "no-change", "S1": "duplex-by-right", "S2": "triplex-by-right", "S3": "missing-middle-2021"}
"""Labels of the case files, and the scenarios they mean."""

INPUTS = (
    "case_id",
    "zone",
    "lot_wkt",
    "street_edges_wkt",
    "house_x0_y0_x1_y1_ft",
    "house_floor_sf",
    "lot_of_record",
    "constraint",
)
UNIT_COLUMNS = tuple(f"{label}_units_{kind}" for label in POLICIES for kind in ("keep_house", "new_build"))
COMPARED = (
    "envelope_sf",
    "far_cap_single_family_sf",
    "coverage_cap_sf",
    "meets_district_minimums",
    *UNIT_COLUMNS,
    "status",
)
TOLERANCE = 1.0
"""Square feet by which an area may differ; counts and words must agree."""

_AREAS = COMPARED[:3]
_REQUIRED = ("case_id", "zone", "lot_wkt")
_LIMIT = re.compile(r"no building beyond y\s*=\s*(-?\d+(?:\.\d+)?)", re.IGNORECASE)
_RECORD = {"yes": 1.0, "no": 0.0, "unknown": np.nan}
_SAME = {"true": "yes", "false": "no"}
_FAR_FT = 1e6
_POLYGON, _MULTIPOLYGON = 3, 6
_DEGREES = (180.0, 90.0)


def run_cases(table: pd.DataFrame, *, code: str = "atlanta", where: str = "cases") -> dict[str, Any]:
    """Compute every case and compare it with what is expected.

    Parameters
    ----------
    table
        The file, every column as text, empty cells as "" or missing.
    code
        Zoning code the zones are read in.
    where
        Name of the file, for messages.

    Returns
    -------
    dict
        ``passed`` and ``failed`` (cases), and ``rows`` of ``case``, ``column``, ``computed``,
        ``expected``, ``ok``; an empty expected cell is not compared.

    Raises
    ------
    ValidationError
        If columns or geometries cannot be read; all faults at once.
    """
    text = table.astype("string").fillna("")
    computed = compute_cases(text, code=code, where=where)
    return compare_cases(computed, text)


def compare_cases(computed: pd.DataFrame, expected: pd.DataFrame) -> dict[str, Any]:
    """Set computed beside expected values; both in the same order of rows."""
    rows = [
        {
            "case": case,
            "column": column,
            "computed": _plain(value),
            "expected": wanted,
            "ok": _agrees(column, value, wanted),
        }
        for column in COMPARED
        if column in expected
        for case, value, wanted in zip(
            computed["case_id"], computed[column], expected[column].str.strip(), strict=True
        )
        if wanted
    ]
    order = {case: place for place, case in enumerate(computed["case_id"])}
    rows.sort(key=lambda row: order[row["case"]])
    bad = {row["case"] for row in rows if not row["ok"]}
    return {"passed": len(computed) - len(bad), "failed": len(bad), "rows": rows}


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    if isinstance(value, float | np.floating):
        return round(float(value), 2)
    return value.item() if isinstance(value, np.generic) else value


def _agrees(column: str, value: Any, wanted: str) -> bool:
    if pd.isna(value):
        return False
    if column not in (*_AREAS, *UNIT_COLUMNS):
        return str(value).casefold() == _SAME.get(wanted.casefold(), wanted.casefold())
    try:
        number = float(wanted)
    except ValueError:
        return False
    return abs(float(value) - number) <= (TOLERANCE if column in _AREAS else 0)


def compute_cases(text: pd.DataFrame, *, code: str = "atlanta", where: str = "cases") -> pd.DataFrame:
    """Compute the compared columns of each case from its inputs alone.

    Raises
    ------
    ValidationError
        With every fault of the file.
    """
    inputs = read_inputs(text, where=where)
    today = load_policy(code)
    policies = {label: apply(name, today) for label, name in POLICIES.items()}
    ground = ground_of_inputs(inputs)
    zones = [parse_zone(zone, today.code) for zone in inputs["zone"]]
    at, standards = setting(ground, policies["S0"])
    table = _counted(fits(ground, policies.values()))
    read = standards["zone_status"].eq("read").fillna(value=False).to_numpy(bool)
    answer = pd.DataFrame({"case_id": inputs["case_id"].to_numpy()})
    answer["envelope_sf"] = at.places.envelope_ft2
    answer["far_cap_single_family_sf"] = _finite(floor_area_cap_ft2(at.law, "house", at.area))
    answer["coverage_cap_sf"] = _finite(at.law.value("house", "coverage_max") * at.area)
    answer["meets_district_minimums"] = _meets(at)
    for label, policy in policies.items():
        _add_units(
            answer, table[table["policy"] == policy.name], label, read & ~np.isnan(answer["envelope_sf"])
        )
    answer["status"] = _status(answer, table, zones, at)
    return answer


def _counted(table: pd.DataFrame) -> pd.DataFrame:
    """Rows that may be counted: a home the law was not read on is no home yet."""
    unread = table["verdict"].eq("MAYBE") & table["binding_rule"].isin(["use", "units"])
    return table[~unread]


def _finite(values: Floats) -> Floats:
    return np.where(np.isinf(values), np.nan, values)


def _meets(at: Setting) -> pd.Series:
    """Whether each lot has its district's least area and frontage; missing where unread."""
    area = at.area >= at.law.value("house", "lot_area_min_ft2") - 1e-6
    width = (
        at.lots["frontage_ft"].to_numpy(float, na_value=np.nan)
        >= at.law.value("house", "lot_width_min_ft") - 1e-6
    )
    known = ~np.isnan(at.law.value("house", "lot_area_min_ft2")) & ~np.isnan(
        at.law.value("house", "lot_width_min_ft")
    )
    answer = pd.Series(np.where(area & width, "yes", "no"), dtype="string")
    return answer.where(known)


def _add_units(answer: pd.DataFrame, table: pd.DataFrame, label: str, known: Flags) -> None:
    """Most homes with the house kept (missing where none stands) and built anew, splits included."""
    keys = answer["case_id"]
    for mode, kind, split in (("keep", "keep_house", "split_keep"), ("new", "new_build", "split")):
        best = (
            most_units(table, mode)["units"].reindex(keys).astype("Float64").to_numpy(float, na_value=np.nan)
        )
        parts = table[table["fit_type"] == split].set_index("parcel_id")["units"].reindex(keys)
        best = np.fmax(best, parts.astype("Float64").to_numpy(float, na_value=np.nan))
        if mode == "new":
            best = np.where(np.isnan(best), 0.0, best)
        answer[f"{label}_units_{kind}"] = pd.Series(np.where(known, best, np.nan)).astype("Int64")


def _status(
    answer: pd.DataFrame, table: pd.DataFrame, zones: list[tuple[ParsedZone, ...]], at: Setting
) -> pd.Series:
    """OK, MAYBE or REVIEW.

    REVIEW: nothing can be built by right now, the count rests on a division of the lot, or the
    district works by certificate or by a plan of its own. MAYBE: some counted verdict is MAYBE.
    """
    review = (answer["S0_units_new_build"] == 0).fillna(value=False).to_numpy(bool)
    review |= np.array([any(_discretion(zone) for zone in parts) for parts in zones])
    review |= at.lots["is_landlocked"].to_numpy(bool)
    review |= _rests_on_split(answer, table)
    doubt = at.ceiling < TRUE
    doubt |= answer["S0_units_new_build"].isna().to_numpy(bool) | _rests_on_maybe(answer, table)
    return pd.Series(np.select([review, doubt], ["REVIEW", "MAYBE"], "OK"), dtype="string")


def _rests_on_maybe(answer: pd.DataFrame, table: pd.DataFrame) -> Flags:
    found = np.zeros(len(answer), dtype=bool)
    for _, part in table.groupby("policy"):
        for mode in ("keep", "new"):
            best = most_units(part, mode)["verdict"].reindex(answer["case_id"])
            found |= best.eq("MAYBE").fillna(value=False).to_numpy(bool)
    return found


def _rests_on_split(answer: pd.DataFrame, table: pd.DataFrame) -> Flags:
    whole = table[table["fit_mode"].ne("split") & table["verdict"].ne("FALSE")]
    most = whole.groupby(["parcel_id", "policy"])["units"].max()
    divided = table[table["fit_mode"].eq("split")].set_index(["parcel_id", "policy"])["units"]
    more = divided[divided > most.reindex(divided.index).fillna(value=0)]
    return answer["case_id"].isin(more.index.get_level_values(0)).to_numpy(bool)


def _discretion(zone: ParsedZone) -> bool:
    """Whether a certificate or a plan of its own stands between the lot and any building."""
    families = tuple(params.load("fit", "discretion"))
    return any(name.startswith(families) for name in (zone.family, *zone.overlays))


def read_inputs(text: pd.DataFrame, *, where: str) -> pd.DataFrame:
    """Read the input columns of worked parcels; expected columns are not looked at.

    Returns
    -------
    DataFrame
        :data:`INPUTS` and the shapes ``lot`` and ``streets``, the house box ``x0 y0 x1 y1`` [ft] and its
        ``floor`` [ft2].

    Raises
    ------
    ValidationError
        With every fault of the file.
    """
    missing = [
        f"column {name!r} is absent.{params.nearest(name, list(text.columns))}"
        for name in _REQUIRED
        if name not in text
    ]
    if missing:
        raise ValidationError(f"{where} is not a file of worked parcels", faults=missing)
    inputs = text.reindex(columns=list(INPUTS)).astype("string").fillna("")
    inputs = inputs.apply(lambda column: column.str.strip())
    faults: list[str] = []
    repeated = inputs["case_id"].duplicated()
    faults += [f"case {case}: stands twice" for case in inputs.loc[repeated, "case_id"]]
    inputs["lot"] = _shapes(inputs, "lot_wkt", faults)
    inputs["streets"] = _shapes(inputs, "street_edges_wkt", faults)
    faults += _lot_faults(inputs)
    house = inputs["house_x0_y0_x1_y1_ft"].str.split(r"[\s,;]+", expand=True, regex=True)
    house = house.reindex(columns=range(4)).apply(pd.to_numeric, errors="coerce")
    given = inputs["house_x0_y0_x1_y1_ft"].ne("")
    for case in inputs.loc[given & house.isna().any(axis=1), "case_id"]:
        faults.append(f"case {case}: house_x0_y0_x1_y1_ft is not four numbers")
    inputs[["x0", "y0", "x1", "y1"]] = house
    inputs["floor"] = pd.to_numeric(inputs["house_floor_sf"], errors="coerce")
    for case in inputs.loc[inputs["house_floor_sf"].ne("") & ~(inputs["floor"] > 0), "case_id"]:
        faults.append(f"case {case}: house_floor_sf is not a number above 0")
    inputs["record"] = _first_word(inputs["lot_of_record"])
    for case in inputs.loc[~inputs["record"].isin(_RECORD), "case_id"]:
        faults.append(f"case {case}: lot_of_record is yes, no or unknown")
    if faults:
        raise ValidationError(
            f"{where}: {len(faults)} fault{'s' if len(faults) > 1 else ''}",
            faults=faults,
            next_step="correct the file; coordinates are feet",
        )
    return inputs


def _first_word(values: pd.Series) -> pd.Series:
    """``yes (plat of 1925)`` says yes; an empty cell says unknown."""
    return values.str.casefold().str.extract(r"^(\w*)")[0].replace("", "unknown")


def _shapes(inputs: pd.DataFrame, column: str, faults: list[str]) -> Geometries:
    wkt = inputs[column].astype("object").replace("", None).to_numpy()
    shapes = np.asarray(shapely.from_wkt(wkt, on_invalid="ignore"), dtype=object)
    unread = shapely.is_missing(shapes) & inputs[column].ne("").to_numpy(bool)
    faults += [f"case {case}: {column} is not WKT" for case in inputs.loc[unread, "case_id"]]
    return shapes


def _lot_faults(inputs: pd.DataFrame) -> list[str]:
    """What makes a drawn lot no lot: all of it, for all rows."""
    shapes = inputs["lot"].to_numpy(dtype=object)
    rules = load_rules()
    kind = shapely.get_type_id(shapes)
    area = shapely.area(shapes)
    tests = (
        (shapely.is_missing(shapes) & inputs["lot_wkt"].eq("").to_numpy(bool), "lot_wkt is empty"),
        (
            ~shapely.is_missing(shapes) & (kind != _POLYGON) & (kind != _MULTIPOLYGON),
            "the lot is not a polygon",
        ),
        (
            (kind == _MULTIPOLYGON) & (shapely.get_num_geometries(shapes) != 1),
            "the lot has several parts: draw one lot a row",
        ),
        ((kind == _POLYGON) & ~shapely.is_valid(shapes), "the lot's outline crosses itself"),
        (_in_degrees(shapes), "the lot looks like degrees, not feet"),
        ((kind == _POLYGON) & (area == 0), "the lot has no area"),
        (
            (area > 0) & (area < rules["lot_area_floor_ft2"]) & ~_in_degrees(shapes),
            f"the lot is smaller than {rules['lot_area_floor_ft2']:.0f} ft2",
        ),
        (
            shapely.get_num_coordinates(shapes) > rules["vertices_max"],
            f"the lot has more than {rules['vertices_max']:.0f} vertices: simplify it",
        ),
        (_streets_off(inputs), "street_edges_wkt does not touch the lot (other coordinates, or degrees?)"),
    )
    return [
        f"case {case}: {fault}"
        for failed, fault in tests
        for case in inputs.loc[np.asarray(failed, bool), "case_id"]
    ]


def _in_degrees(shapes: Geometries) -> Flags:
    bounds = np.abs(np.nan_to_num(shapely.bounds(shapes), nan=np.inf))
    inside = (bounds[:, [0, 2]].max(axis=1) <= _DEGREES[0]) & (bounds[:, [1, 3]].max(axis=1) <= _DEGREES[1])
    return inside & (shapely.area(shapes) < 1) & (shapely.area(shapes) > 0)


def _streets_off(inputs: pd.DataFrame) -> Flags:
    lots, streets = inputs["lot"].to_numpy(dtype=object), inputs["streets"].to_numpy(dtype=object)
    return ~shapely.is_missing(streets) & (shapely.distance(lots, streets) > 1)


def ground_of_inputs(
    inputs: pd.DataFrame, *, houses: Geometries | None = None, implied: bool = False, by_right: bool = True
) -> Ground:
    """Survey drawn lots.

    Parameters
    ----------
    inputs
        From :func:`read_inputs`.
    houses
        Shapes of the houses, where they are more than boxes.
    implied
        A lot drawn without streets is judged by its shape (at best MAYBE) instead of being landlocked.
    by_right
        A lot not proved to be of record is judged as none (what is by right); else it is MAYBE.
    """
    rules = load_rules()
    shapes, _ = clean(np.array(inputs["lot"], dtype=object), rules, exact=True)
    streets = None if implied else np.array(inputs["streets"], dtype=object)
    surveyed = survey.survey(shapes, rules, drawn_streets=streets)
    boxes = np.full(len(inputs), None, dtype=object)
    has = inputs[["x0", "y0", "x1", "y1"]].notna().all(axis=1).to_numpy(bool)
    boxes[has] = shapely.box(*(inputs.loc[has, name].to_numpy(float) for name in ("x0", "y0", "x1", "y1")))
    boxes = boxes if houses is None else houses
    floor = inputs["floor"].to_numpy(float, na_value=np.nan)
    stands = (~shapely.is_missing(boxes) | ~np.isnan(floor)).astype(float)
    house = fit.house_of(survey.to_frame(boxes, surveyed.lots), floor, stands)
    record = np.asarray(inputs["record"].map(_RECORD), dtype=np.float64)
    return ground_of(
        pd.DataFrame({"parcel_id": inputs["case_id"], "zone_district": inputs["zone"]}),
        surveyed,
        house,
        of_record=np.nan_to_num(record) if by_right else record,
        margins=EXACT,
        blocked=_blocked(inputs, surveyed.lots),
    )


def _blocked(inputs: pd.DataFrame, lots: pd.DataFrame) -> Geometries:
    """Ground beyond a drawn limit; other text of the constraint is a note."""
    limit = pd.to_numeric(inputs["constraint"].str.extract(_LIMIT)[0], errors="coerce").to_numpy(float)
    shapes = np.full(len(inputs), None, dtype=object)
    at = np.flatnonzero(~np.isnan(limit))
    shapes[at] = shapely.box(-_FAR_FT, limit[at], _FAR_FT, _FAR_FT)
    return survey.to_frame(shapes, lots)
