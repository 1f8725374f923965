"""Lots drawn by hand: read from text with every fault told at once, and surveyed."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import shapely

from densitymap import params
from densitymap.capacity import fit, survey
from densitymap.capacity.clean import clean
from densitymap.capacity.edges import Flags
from densitymap.capacity.rules import load_rules
from densitymap.errors import ValidationError
from densitymap.geometry import Geometries
from densitymap.scenarios.ground import EXACT, Ground, ground_of

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
_REQUIRED = ("case_id", "zone", "lot_wkt")
_LIMIT = re.compile(r"no building beyond y\s*=\s*(-?\d+(?:\.\d+)?)", re.IGNORECASE)
_RECORD = {"yes": 1.0, "no": 0.0, "unknown": np.nan}
_FAR_FT = 1e6
_POLYGON, _MULTIPOLYGON = 3, 6
_DEGREES = (180.0, 90.0)


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
    inputs[["x0", "y0", "x1", "y1"]] = boxes(inputs["house_x0_y0_x1_y1_ft"])
    unread = inputs["house_x0_y0_x1_y1_ft"].ne("") & inputs["x0"].isna()
    for case in inputs.loc[unread, "case_id"]:
        faults.append(
            f"case {case}: house_x0_y0_x1_y1_ft is not four numbers, x0 y0 x1 y1, of a box with an area"
        )
    inputs["floor"] = pd.to_numeric(inputs["house_floor_sf"], errors="coerce")
    known = inputs["floor"].between(0, np.inf, inclusive="neither")
    for case in inputs.loc[inputs["house_floor_sf"].ne("") & ~known, "case_id"]:
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


def boxes(texts: pd.Series) -> pd.DataFrame:
    """Corners ``x0 y0 x1 y1`` of boxes given as text; missing where it is no box with an area.

    Examples
    --------
    >>> boxes(pd.Series(["1 2, 3 4.5", "1 2 3", "1 2 3 4 5", "1 2 x 4", "1 2 3 inf", "1 2 1 4"])).x0.tolist()
    [1.0, nan, nan, nan, nan, nan]
    """
    parts = texts.str.split(r"[\s,;]+", expand=True, regex=True)
    found = parts.reindex(columns=range(4)).apply(pd.to_numeric, errors="coerce").astype("float64")
    whole = np.isfinite(found).all(axis=1) & parts.iloc[:, 4:].isna().all(axis=1)
    whole &= (found[0] != found[2]) & (found[1] != found[3])
    return found.where(whole).set_axis(["x0", "y0", "x1", "y1"], axis=1)


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
