"""What the publishers' servers answer, for tests on loopback: the Census API, a transit feed, rasters."""

from __future__ import annotations

import io
import json
import re
import zipfile

import numpy as np
from rasterio.io import MemoryFile
from rasterio.transform import from_origin

from loopback import Answer

SECRET = "0123456789abcdef" * 2 + "01234567"  # as long as the Bureau's keys
TRACTS = {"121": ["003100", "003200"], "089": ["020100"]}


def value_of(variable: str, county: str, tract: str) -> str:
    """A value of its own for each cell and area; totals (cell 001) are larger than their parts."""
    total = 1_000_000 if variable[-4:-1] == "001" else 0
    return str(total + sum(map(ord, variable)) + int(county) + int(tract) % 1_000)


def census_api(asked):
    """Answer as the Bureau does: a header, then rows; identifiers' parts come last, unasked."""
    assert asked.first("key") == SECRET
    names = asked.first("get").split(",")
    assert len(names) <= 50
    counties = asked.query["in"][0].split("county:")[1].split(",")
    group = asked.first("for") == "block group:*"
    if group:
        assert len(counties) == 1
        assert asked.query["in"][1] == "tract:*"
    rows = [[*names, "state", "county", "tract", *(["block group"] if group else [])]]
    for county in counties:
        for tract in TRACTS[county]:
            for part in "12" if group else [""]:
                known = {
                    "GEO_ID": f"1{'5' if group else '4'}00000US13{county}{tract}{part}",
                    "NAME": f"Census Tract {tract}; Georgia",
                }
                row = [known.get(name, value_of(name, county, tract)) for name in names]
                rows.append([*row, "13", county, tract, *([part] if group else [])])
    return Answer(json.dumps(rows))


FEED = {
    "routes.txt": "\ufeffroute_id,route_type,route_long_name\nRED,1,Red Line\nBUS,3,Route 3\nGOLD,1,Gold Line\n",
    "trips.txt": "route_id,trip_id,shape_id\nRED,r1,s1\nRED,r2,s2\nBUS,b1,s3\nGOLD,g1,\n",
    "stop_times.txt": "trip_id,stop_id,stop_sequence\nr1,P1,1\nr1,P2,2\nr2,P3,1\nb1,B1,1\nb1,P1,2\ng1,P4,1\n",
    "stops.txt": (
        "stop_id,stop_name,stop_lat,stop_lon,parent_station,location_type\n"
        "P1,King Memorial North,33.750,-84.376,KM,0\nP2,King Memorial South,33.749,-84.375,KM,0\n"
        'KM,"King Memorial, Station",33.7495,-84.3755,,1\nP3,Inman Park,33.757,-84.352,,0\n'
        "B1,Memorial Dr @ Pearl St,33.746,-84.357,,0\nP4,Candler Park,33.762,-84.340,,0\n"
    ),
    "shapes.txt": (
        "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n"
        "s1,33.75,-84.37,2\ns1,33.74,-84.38,1\ns2,33.7,-84.3,1\ns2,33.8,-84.3,10\ns2,33.75,-84.3,9\n"
    ),
}


def feed(**changed):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, text in (FEED | {f"{key}.txt": value for key, value in changed.items()}).items():
            if text is not None:
                archive.writestr(name, text)
    return memory.getvalue()


SIDE, CELL = 512, 10.0
WEST, NORTH = 745_000.0, 3_740_000.0
PLACE = {"crs": "EPSG:26916", "transform": from_origin(WEST, NORTH, CELL, CELL)}


def tiff(values, *, nodata=None, driver="COG", **changed):
    profile = {"count": 1, "dtype": values.dtype.name, "nodata": nodata, **PLACE} | changed
    height, width = values.shape
    with MemoryFile() as memory:
        with memory.open(driver=driver, width=width, height=height, **profile) as out:
            out.write(values, 1)
        return memory.read()


def ramp(dtype="float32"):
    return np.arange(SIDE * SIDE, dtype=dtype).reshape(SIDE, SIDE)


def hosts_of(sources) -> set[str]:
    """Every host that records of the catalogue name."""
    return set(re.findall(r"https://([^/\"]+)", json.dumps(sources)))
