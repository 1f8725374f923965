"""What each column means, and what each table must hold.

A column is declared once, in ``catalog/columns/*.toml``; a table, in ``catalog/tables/*.toml``,
lists columns and its key. The check, the data dictionary, the maps and the apportioning rule all
read these declarations.

The check is our own rather than pandera's: it must collect *all* faults of a file and say for each
the field, how many rows, the first row's key and the next step, and it needs only type, null,
range, choice, key and CRS. pandera would bring pydantic and typeguard for less of a message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import pandas as pd

from densitymap import params
from densitymap.errors import CRSError, ValidationError

Kind = Literal["key", "extensive", "intensive", "label", "flag", "geometry"]
"""How a column behaves when areas are split or joined.

``extensive`` counts are split by weight; ``intensive`` rates are averaged; ``label``, ``key`` and
``flag`` are never apportioned.
"""

DTYPES: Mapping[str, str] = {
    "text": "string",
    "integer": "Int64",
    "number": "Float64",
    "boolean": "boolean",
    "geometry": "geometry",
}
"""Names used in the catalogue, and the pandas dtypes that carry them (all can be missing)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column, wherever it appears."""

    name: str
    dtype: str
    kind: Kind
    meaning: str
    publishable: bool
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """One table: its columns in order, its key, and the columns that may not be missing."""

    name: str
    title: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    required: tuple[str, ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def has_geometry(self) -> bool:
        """Whether rows have shapes."""
        return any(column.dtype == "geometry" for column in self.columns)


@cache
def columns() -> Mapping[str, Column]:
    """Every declared column by name.

    Raises
    ------
    ValidationError
        If a column is declared twice, or a declaration has an unknown field or dtype.
    """
    found: dict[str, Column] = {}
    faults = []
    for theme, record in params.load_all("columns").items():
        for name, fields in record.items():
            if name in found:
                faults.append(f"{name}: declared again in catalog/columns/{theme}.toml")
            if fields.get("dtype") not in DTYPES:
                faults.append(f"{name}: dtype must be one of {', '.join(DTYPES)}")
            found[name] = _column(name, fields, faults)
    if faults:
        raise ValidationError("catalog/columns is not consistent", faults=faults)
    return found


def _column(name: str, fields: Mapping[str, Any], faults: list[str]) -> Column:
    values: dict[str, Any] = {"publishable": True} | dict(fields)
    values["choices"] = tuple(values.get("choices", ()))
    try:
        return Column(name=name, **values)
    except TypeError as fault:
        faults.append(f"{name}: {fault}")
        return Column(name=name, dtype="text", kind="label", meaning="", publishable=False)


@cache
def table(name: str) -> Table:
    """Give the declaration of a table.

    Raises
    ------
    UsageError
        If no such table is declared.
    ValidationError
        If the table names a column that is declared nowhere.
    """
    record = params.load("tables", name)
    return make_table(name, record)


def make_table(name: str, record: Mapping[str, Any]) -> Table:
    """Build a declaration from a record with ``title``, ``columns``, ``key`` and ``required``.

    Raises
    ------
    ValidationError
        If the record names a column that is declared nowhere.
    """
    known = columns()
    unknown = [column for column in record["columns"] if column not in known]
    if unknown:
        faults = [
            f"{column}: declared in no catalog/columns file.{params.nearest(column, known)}"
            for column in unknown
        ]
        raise ValidationError(f"Table {name} lists unknown columns", faults=faults)
    return Table(
        name=name,
        title=record["title"],
        columns=tuple(known[column] for column in record["columns"]),
        key=tuple(record.get("key", ())),
        required=tuple(record.get("required", ())),
    )


def table_names() -> tuple[str, ...]:
    """Names of all declared tables."""
    return params.names("tables")


def conform(frame: pd.DataFrame, declared: Table | str) -> pd.DataFrame:
    """Give the frame the table's columns, in order, with the declared dtypes.

    Declared columns that are absent are added as missing; other columns are dropped.

    Raises
    ------
    ValidationError
        If values cannot take their declared dtype; all such columns are named.
    """
    spec = declared if isinstance(declared, Table) else table(declared)
    result = frame.copy()
    faults = []
    for column in spec.columns:
        if column.dtype == "geometry":
            continue
        values = result.get(column.name, pd.Series(pd.NA, index=result.index, dtype="object"))
        try:
            result[column.name] = values.astype(DTYPES[column.dtype])  # type: ignore[call-overload]
        except (TypeError, ValueError) as fault:
            faults.append(f"{column.name}: cannot be read as {column.dtype} ({fault})")
    if faults:
        raise ValidationError(f"{spec.title}: values have the wrong type", faults=faults)
    return result[[column for column in spec.column_names if column in result.columns]]


def check(frame: pd.DataFrame, declared: Table | str, *, crs: str | None = None, where: str = "") -> None:
    """Check a frame against its declaration; tell all faults at once.

    Parameters
    ----------
    frame
        The table, one row per key.
    declared
        The declaration, or its name in ``catalog/tables``.
    crs
        Reference system the geometry must be in, if the table has one.
    where
        File (or step) the frame comes from, for the message.

    Raises
    ------
    CRSError
        If the geometry is in another reference system.
    ValidationError
        With every fault found.
    """
    spec = declared if isinstance(declared, Table) else table(declared)
    if spec.has_geometry and crs is not None:
        _check_crs(frame, crs, where or spec.name)
    faults = [f"{column}: column is absent" for column in spec.column_names if column not in frame]
    for column in spec.columns:
        if column.name in frame:
            faults += _column_faults(frame, column, spec)
    faults += _key_faults(frame, spec)
    if faults:
        place = f" ({where}, {len(frame):,} rows)" if where else f" ({len(frame):,} rows)"
        raise ValidationError(
            f"{spec.title} fails {len(faults)} check{'s' if len(faults) > 1 else ''}{place}",
            faults=faults,
            next_step="correct the source file, or its column map in catalog/cities",
        )


def _check_crs(frame: pd.DataFrame, crs: str, where: str) -> None:
    actual = getattr(frame, "crs", None)
    if actual is None or actual != crs:
        raise CRSError(f"{where}: geometry is in {actual or 'no reference system'}, expected {crs}")


def _column_faults(frame: pd.DataFrame, column: Column, spec: Table) -> list[str]:
    values = frame[column.name]
    faults = []
    missing = values.isna()
    if column.name in spec.required and missing.any():
        faults.append(_fault(frame, column, missing, "may not be missing", spec))
    if column.dtype == "geometry":
        return faults
    if str(values.dtype) != DTYPES[column.dtype]:
        return [*faults, f"{column.name}: dtype is {values.dtype}, declared {column.dtype}"]
    known = values[~missing]
    tests = []
    if column.minimum is not None:
        tests.append((known < column.minimum, f"below {column.minimum:g}"))
    if column.maximum is not None:
        tests.append((known > column.maximum, f"above {column.maximum:g}"))
    if column.choices:
        tests.append((~known.isin(column.choices), f"not one of {', '.join(column.choices)}"))
    for failed, why in tests:
        wrong = failed.reindex(frame.index, fill_value=False).astype(bool)
        if wrong.any():
            faults.append(_fault(frame, column, wrong, why, spec))
    return faults


def _fault(frame: pd.DataFrame, column: Column, wrong: Any, why: str, spec: Table) -> str:
    first = frame.loc[wrong].iloc[0]
    key = ", ".join(str(first.get(part)) for part in spec.key) or str(first.name)
    value = "" if column.dtype == "geometry" else f" = {first[column.name]!r}"
    return f"{column.name}: {int(wrong.sum()):,} rows {why}; first {key}{value}"


def _key_faults(frame: pd.DataFrame, spec: Table) -> list[str]:
    if not spec.key or not set(spec.key) <= set(frame.columns):
        return []
    repeated = frame.duplicated(list(spec.key))
    if not repeated.any():
        return []
    first = frame.loc[repeated, list(spec.key)].iloc[0]
    shown = ", ".join(str(value) for value in first)
    return [f"{', '.join(spec.key)}: {int(repeated.sum()):,} rows repeat a key; first {shown}"]
