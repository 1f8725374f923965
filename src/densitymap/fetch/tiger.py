"""Census boundary files and relationship files: where they lie by year, and whether what came is one.

The addresses follow pygris' source and the Bureau's folders (reference/live_sources.md section 4).
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyogrio

from densitymap import params
from densitymap.atomic import put
from densitymap.errors import UsageError, ValidationError
from densitymap.fetch.kept import Fetched, Place, whole

Kind = Literal["cartographic", "tiger"]
LEVELS = {"tract": ("tract", "140"), "block_group": ("bg", "150")}
"""Short name of a level in file names, and its summary level in those of 2010."""
_FIRST_YEAR = 2010
_SHP_FOLDER_SINCE = 2014


def fetch(source: Mapping[str, Any], place: Place, session: Any, folder: Path) -> Fetched:
    """Fetch a state's boundary file, as it is, or a relationship file, as CSV.

    Parameters
    ----------
    source
        A record of ``catalog/sources`` of kind ``tiger`` (``year``, ``level``, ``counties``, optionally
        ``form``) or ``relationship`` (``level``).
    place
        Not used: the files are of the state.
    session, folder
        Where to ask, and the folder the file goes to.

    Raises
    ------
    NetworkError, ValidationError
        If no such file comes.
    """
    del place
    target, where = folder / source["file"], source["title"]
    if source["kind"] == "relationship":
        url = f"{source['url']}/{relationship_path(source['level'], source['state'])}"
        table = read_relationship(whole(session.get(url), where=where), source["level"], where=where)
        put(target, lambda part: table.to_csv(part, index=False, lineterminator="\n"))
        return Fetched(files=(target,), url=url, rows=len(table), vintage="2010 to 2020")
    form = source.get("form", "cartographic")
    url = f"{source['url']}/{boundary_path(source['year'], source['level'], source['state'], kind=form)}"
    body = whole(session.get(url), where=where)
    rows = check_boundaries(body, source["counties"], where=where)
    put(target, lambda part: part.write_bytes(body))
    return Fetched(files=(target,), url=url, rows=rows, vintage=str(source["year"]))


def boundary_path(year: int, level: str, state: str, *, kind: Kind = "cartographic") -> str:
    """Path of a state's boundary file on www2.census.gov.

    Cartographic files are cut at the shore and simplified to 1:500,000; TIGER/Line files are not.

    Raises
    ------
    UsageError
        If there is no such level or year.

    Examples
    --------
    >>> boundary_path(2022, "tract", "13")
    'geo/tiger/GENZ2022/shp/cb_2022_13_tract_500k.zip'
    >>> boundary_path(2013, "block_group", "13")
    'geo/tiger/GENZ2013/cb_2013_13_bg_500k.zip'
    >>> boundary_path(2010, "block_group", "13")
    'geo/tiger/GENZ2010/gz_2010_13_150_00_500k.zip'
    >>> boundary_path(2024, "tract", "13", kind="tiger")
    'geo/tiger/TIGER2024/TRACT/tl_2024_13_tract.zip'
    """
    if level not in LEVELS:
        raise UsageError(f"There is no boundary file of {level!r}.{params.nearest(level, LEVELS)}")
    short, summary = LEVELS[level]
    if kind == "tiger":
        return f"geo/tiger/TIGER{year}/{short.upper()}/tl_{year}_{state}_{short}.zip"
    if year == _FIRST_YEAR:
        return f"geo/tiger/GENZ2010/gz_2010_{state}_{summary}_00_500k.zip"
    if year in (2011, 2012) or year < _FIRST_YEAR:
        raise UsageError(f"No cartographic boundary file of {year} is known", next_step="use 2010 or 2013")
    folder = "shp/" if year >= _SHP_FOLDER_SINCE else ""
    return f"geo/tiger/GENZ{year}/{folder}cb_{year}_{state}_{short}_500k.zip"


def relationship_path(level: str, state: str) -> str:
    """Path of the file that relates a level's 2020 areas to those of 2010.

    Examples
    --------
    >>> relationship_path("tract", "13")
    'geo/docs/maps-data/data/rel2020/tract/tab20_tract20_tract10_st13.txt'
    """
    folder = {"tract": "tract", "block_group": "blkgrp"}[level]
    return f"geo/docs/maps-data/data/rel2020/{folder}/tab20_{folder}20_{folder}10_st{state}.txt"


def check_boundaries(body: bytes, counties: Iterable[str], *, where: str) -> int:
    """Check a zipped boundary file, and count its areas in some counties.

    Parameters
    ----------
    body
        The file as downloaded.
    counties
        Three-digit codes; each must have an area.
    where
        How messages name it.

    Raises
    ------
    ValidationError
        If it is no whole ZIP with a Shapefile, lacks the identifier or the county, or has nothing in
        one of the counties.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            broken = archive.testzip()
        frame = pyogrio.read_dataframe(io.BytesIO(body), read_geometry=False)
    except (zipfile.BadZipFile, OSError, pyogrio.errors.DataSourceError) as fault:
        raise ValidationError(f"{where}: no whole ZIP with a Shapefile came: {fault}") from fault
    if broken:
        raise ValidationError(f"{where}: {broken} inside the ZIP is damaged", next_step="fetch it again")
    county = next((name for name in ("COUNTYFP", "COUNTY") if name in frame), None)
    if county is None or not {"GEOID", "GEO_ID"} & set(frame.columns):
        raise ValidationError(f"{where}: no GEOID and COUNTYFP among {', '.join(frame.columns)}")
    counts = frame[county].astype(str).value_counts()
    absent = [code for code in counties if code not in counts]
    if absent:
        raise ValidationError(f"{where}: no area in county {', '.join(absent)}")
    return int(sum(counts[code] for code in counties))


def read_relationship(body: bytes, level: str, *, where: str) -> pd.DataFrame:
    """Read a relationship file: identifiers as text, shared land as published.

    Only areas are related: people are not spread evenly, so weigh by blocks where you can
    (:func:`densitymap.displacement.apportion.crosswalk`).

    Raises
    ------
    ValidationError
        If it is no such file: a page, another level, or rows cut short.
    """
    part = {"tract": "TRACT", "block_group": "BLKGRP"}[level]
    needed = [f"GEOID_{part}_20", f"GEOID_{part}_10", "AREALAND_PART"]
    text = body.decode("utf-8-sig", "replace")
    if not text.endswith("\n"):
        raise ValidationError(f"{where}: the file ends in the middle of a row", next_step="fetch it again")
    widths = {line.count("|") for line in text.splitlines()}
    if len(widths) != 1 or not text.strip():
        raise ValidationError(f"{where}: no table separated by | came, or rows of several lengths")
    table = pd.read_csv(io.StringIO(text), sep="|", dtype="string", quoting=csv.QUOTE_NONE)
    absent = [name for name in needed if name not in table]
    if absent:
        raise ValidationError(f"{where}: lacks {', '.join(absent)}; it has {', '.join(table.columns[:6])}")
    return table
