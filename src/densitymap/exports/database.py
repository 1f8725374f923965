"""Layers to PostGIS: one transaction, comments on everything, spatial indexes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import geopandas as gpd

from densitymap.errors import MissingDataError, NetworkError, UsageError
from densitymap.exports.content import Bundle, Dataset

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_SECRET = re.compile(r"(://[^:/@\s]*:)[^@\s]*@|(password=)\S+")


def postgis(
    bundle: Bundle, datasets: Iterable[Dataset], *, dsn: str, schema: str = "densitymap"
) -> list[str]:
    """Write every layer in one transaction; if anything fails the database is as it was.

    Parameters
    ----------
    bundle
        For provenance and sources.
    datasets
        Layers and tables.
    dsn
        ``postgresql://user:password@host/database``, or libpq's ``key=value`` words.
    schema
        Schema the tables go to; it is made if absent, and its tables of the same names replaced.

    Returns
    -------
    list of str
        Tables written, with schema.

    Raises
    ------
    MissingDataError
        If the database's packages are not installed.
    NetworkError
        If the database cannot be reached or refuses; a password is never repeated.
    UsageError
        If the schema's name is not plain.
    """
    if not _NAME.fullmatch(schema):
        raise UsageError(f"{schema!r} is no plain schema name", next_step="use small letters, digits and _")
    try:
        import psycopg  # noqa: PLC0415 - an extra
        from sqlalchemy import create_engine, exc  # noqa: PLC0415 - an extra
    except ImportError as fault:
        raise MissingDataError(
            "PostGIS needs sqlalchemy, geoalchemy2 and psycopg", next_step="pip install 'densitymap[exports]'"
        ) from fault
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(dsn, connect_timeout=5))
    try:
        with engine.begin() as connection:
            return _write(connection, bundle, list(datasets), schema)
    except (exc.SQLAlchemyError, psycopg.Error, OSError) as fault:
        reason = str(getattr(fault, "orig", None) or fault).strip().splitlines()[0]
        raise NetworkError(
            f"PostGIS was not written: {_SECRET.sub(_hidden, reason)}",
            next_step="check --dsn and that the database has the extension postgis; nothing was changed",
        ) from None
    finally:
        engine.dispose()


def _hidden(match: re.Match[str]) -> str:
    return f"{match[1]}***@" if match[1] else f"{match[2]}***"


def _write(connection: Any, bundle: Bundle, datasets: list[Dataset], schema: str) -> list[str]:
    from sqlalchemy import text  # noqa: PLC0415 - an extra

    connection.execute(text("CREATE EXTENSION IF NOT EXISTS postgis"))
    connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
    told = json.dumps(dict(bundle.provenance), ensure_ascii=False)
    _comment(connection, f'SCHEMA "{schema}"', told)
    names = []
    for dataset in datasets:
        where = {
            "name": dataset.name,
            "con": connection,
            "schema": schema,
            "if_exists": "replace",
            "index": False,
        }
        table = f'"{schema}"."{dataset.name}"'
        if dataset.has_shapes:
            gpd.GeoDataFrame(dataset.frame).to_postgis(**where, chunksize=5_000)
            index = f'"idx_{dataset.name}_geometry"'
            connection.execute(text(f"CREATE INDEX IF NOT EXISTS {index} ON {table} USING GIST (geometry)"))
        else:
            dataset.frame.to_sql(**where, chunksize=5_000, method="multi")
        about = f"{dataset.title}. {dataset.attribution}. Licence: {dataset.licence}. {dataset.note}".strip()
        _comment(connection, f"TABLE {table}", about)
        for one in dataset.fields:
            unit = f" [{one.unit}]" if one.unit else ""
            _comment(connection, f'COLUMN {table}."{one.name}"', f"{one.meaning}{unit}")
        names.append(f"{schema}.{dataset.name}")
    return names


def _comment(connection: Any, what: str, words: str) -> None:
    """A comment's text cannot be bound as a parameter: it is quoted by the driver."""
    from psycopg import sql  # noqa: PLC0415 - an extra
    from sqlalchemy import text  # noqa: PLC0415 - an extra

    quoted = sql.Literal(words).as_string(None).replace(":", r"\:")
    connection.execute(text(f"COMMENT ON {what} IS {quoted}"))
