"""Worked parcels: lots drawn by hand with the answers a person expects, computed and compared.

The computation reads the inputs only; the expected columns are looked at once everything is computed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from densitymap import params
from densitymap.capacity.edges import Flags
from densitymap.capacity.fits import most_units
from densitymap.capacity.law import floor_area_cap_ft2
from densitymap.capacity.modes import Setting
from densitymap.capacity.verdict import TRUE
from densitymap.geometry import Floats
from densitymap.scenarios.drawn import ground_of_inputs, read_inputs
from densitymap.scenarios.fits import fits
from densitymap.scenarios.ground import setting
from densitymap.scenarios.policy import apply, load_policy
from densitymap.zoning.parse import ParsedZone, parse_zone

POLICIES = {"S0": "no-change", "S1": "duplex-by-right", "S2": "triplex-by-right", "S3": "missing-middle-2021"}
"""Labels of the case files, and the scenarios they mean."""

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
_SAME = {"true": "yes", "false": "no"}


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
