"""The ArcGIS pager: all rows once, or an error that names the page."""

from __future__ import annotations

import json

import geopandas as gpd
import pytest

from arcgis_server import Layer
from densitymap.errors import NetworkError, ValidationError
from densitymap.fetch import features
from densitymap.fetch.http import Session, endpoints_from, redacted
from densitymap.fetch.kept import Place
from loopback import Answer, serving

PLACE = Place(name="a block", bounds_deg=(-84.4, 33.7, -84.3, 33.8))
SOURCE = {
    "title": "Test lots", "kind": "arcgis", "layers": ["parcels"], "file": "parcels/lots.geojson",
    "url": "https://gis.example.gov/rest/services/Lots/MapServer", "layer": "Lots", "layer_id": 0,
    "licence": "none stated", "fields": {"PARCELID": "identifier", "LASTUPDATE": "day"},
    "fields_optional": {"SHAPE.AREA": "area"},
}  # fmt: skip


def fetch(layer, folder, *, source=SOURCE, retries=2):
    with serving(layer.reply) as server:
        session = Session(endpoints={"gis.example.gov": server.base}, retries=retries, backoff_s=0.001)
        return features.fetch(source, PLACE, session, folder)


def rows_of(result):
    return json.loads(result.files[0].read_text())["features"]


def once(answer, *, at="20"):
    """A fault of the page at an offset, the first time it is asked for."""
    told = []

    def fault(_layer, query, _page):
        if query.get("resultOffset") == at and not told:
            told.append(True)
            return answer
        return None

    return fault


def always(answer, *, since=20):
    return lambda _layer, query, _page: answer if int(query.get("resultOffset", since)) >= since else None


ERROR = Answer('{"error": {"code": 500, "message": "Error performing query operation", "details": []}}')
HTML = Answer("<html><body>Login</body></html>", kind="text/html")
CUT = Answer('{"features": [{"attributes": {"OBJECTID": 1')
BROKEN_OFF = Answer('{"features": [', headers={"Content-Length": "9000"})
BUSY = Answer("busy", status=503)
LATER = Answer("slow down", status=429, headers={"Retry-After": "0"})
TOKEN = Answer('{"error": {"code": 499, "message": "Token Required", "details": []}}')
NO_FIELD = Answer('{"error": {"code": 400, "message": "Failed to execute query.", "details": []}}')
EMPTY = Answer('{"features": []}')


@pytest.mark.parametrize(
    "answer", [ERROR, HTML, CUT, BROKEN_OFF, BUSY, LATER, EMPTY], ids=lambda a: str(a.body)[:14]
)
def test_a_page_that_fails_once_comes_whole_in_the_end(tmp_path, answer):
    result = fetch(Layer(fault=once(answer)), tmp_path)
    ids = [row["properties"]["OBJECTID"] for row in rows_of(result)]
    assert ids == [3 * row + 1 for row in range(50)]
    assert result.rows == 50


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (ERROR, "Error performing query operation"),
        (HTML, "a web page came instead of data"),
        (CUT, "no whole JSON"),
        (BROKEN_OFF, "broke off"),
        (BUSY, "HTTP 503"),
        (LATER, r"HTTP 429; it asks to wait 0 s"),
        (TOKEN, "asks for a token"),
        (NO_FIELD, "error 400: Failed to execute query"),
        (EMPTY, "0 rows came for 10"),
    ],
    ids=lambda value: str(getattr(value, "body", value))[:14],
)
def test_a_page_that_always_fails_is_named_and_told_apart(tmp_path, answer, told):
    with pytest.raises(NetworkError, match=told) as caught:
        fetch(Layer(fault=always(answer)), tmp_path, retries=1)
    assert "Lots, rows 21 to " in str(caught.value)
    assert not (tmp_path / "parcels" / "lots.geojson").exists()


def test_a_server_that_errs_on_large_pages_is_asked_for_half(tmp_path):
    layer = Layer(fault=lambda _l, query, _p: ERROR if int(query["resultRecordCount"]) > 3 else None)
    assert fetch(layer, tmp_path).rows == 50
    sizes = [int(page["resultRecordCount"]) for page in layer.pages]
    assert sizes[:3] == [10, 5, 2]
    assert max(sizes[2:]) == 2


def test_a_server_that_gives_less_than_asked_loses_nothing(tmp_path):
    layer = Layer(fault=lambda _l, _q, page: Answer(json.dumps({"features": page[:7]})))
    result = fetch(layer, tmp_path)
    assert [int(page["resultOffset"]) for page in layer.pages] == [0, 7, 14, 21, 28, 35, 42, 49]
    assert len(rows_of(result)) == 50


@pytest.mark.parametrize("wrong", [lambda p: p[:4] + p[5:], lambda p: [p[0], *p], lambda p: p[::-1]])
def test_a_page_with_a_row_lost_doubled_or_out_of_order_is_refused(tmp_path, wrong):
    layer = Layer(fault=lambda _l, _q, page: Answer(json.dumps({"features": wrong(page)})))
    with pytest.raises(NetworkError, match=r"Lots, rows 1 to 10: \d+ rows came for 10, and object id"):
        fetch(layer, tmp_path, retries=1)
    assert not (tmp_path / "parcels" / "lots.geojson").exists()


def test_without_paging_rows_are_asked_for_by_id_in_posts(tmp_path):
    layer = Layer(count=900, page_rows=1_000, by_offset=False)
    result = fetch(layer, tmp_path)
    assert result.rows == 900
    assert [len(page["objectIds"].split(",")) for page in layer.pages] == [300, 300, 300]


def growing(times):
    """The layer gains a row after a page, so many times."""
    left = [times]

    def fault(layer, query, _page):
        if query.get("resultOffset") == "40" and left[0]:
            left[0] -= 1
            layer.count += 1

    return fault


def test_a_layer_that_changes_once_is_fetched_again(tmp_path):
    result = fetch(Layer(fault=growing(1)), tmp_path)
    assert result.rows == len(rows_of(result)) == 51


def test_a_layer_that_goes_on_changing_is_refused(tmp_path):
    with pytest.raises(NetworkError, match="changed twice while it was fetched"):
        fetch(Layer(fault=growing(9)), tmp_path)
    assert not (tmp_path / "parcels" / "lots.geojson").exists()


def test_pages_of_a_broken_run_are_taken_up_and_those_of_another_question_are_not(tmp_path):
    with pytest.raises(NetworkError):
        fetch(Layer(fault=always(BUSY, since=30)), tmp_path, retries=0)
    layer = Layer()
    whole = fetch(layer, tmp_path).files[0].read_bytes()
    assert [page["resultOffset"] for page in layer.pages] == ["30", "40"]
    assert not list((tmp_path / "parcels").glob(".*.part"))

    with pytest.raises(NetworkError):
        fetch(Layer(fault=always(BUSY, since=30)), tmp_path, retries=0)
    layer = Layer()
    fetch(layer, tmp_path, source={**SOURCE, "where": "PARCELID <> ''"})
    assert [page["resultOffset"] for page in layer.pages] == ["0", "10", "20", "30", "40"]
    assert fetch(Layer(), tmp_path).files[0].read_bytes() == whole


def test_a_damaged_page_on_disk_is_fetched_again(tmp_path):
    with pytest.raises(NetworkError):
        fetch(Layer(fault=always(BUSY, since=30)), tmp_path, retries=0)
    page = next((tmp_path / "parcels" / ".lots.geojson.part").rglob("000000010.json"))
    page.write_text(page.read_text()[:50])
    layer = Layer()
    assert fetch(layer, tmp_path).rows == 50
    assert [page["resultOffset"] for page in layer.pages] == ["10", "30", "40"]


def test_the_file_holds_the_servers_plane_its_names_and_dates_as_text(tmp_path):
    result = fetch(Layer(), tmp_path)
    frame = gpd.read_file(result.files[0])
    assert frame.crs.to_epsg() == 6447
    assert list(frame.columns) == ["OBJECTID", "PARCELID", "SHAPE.AREA", "LASTUPDATE", "geometry"]
    first = rows_of(result)[0]["properties"]
    assert first["PARCELID"] == "14 0000  LL "
    assert first["LASTUPDATE"] == "2012-11-28T00:00:00Z"
    assert result.licence == "Free to all"
    assert (result.layer, result.url) == ("Lots", f"{SOURCE['url']}/0")


@pytest.mark.parametrize(
    ("told", "good"), [({"wkid": 103028, "latestWkid": 6447}, True), ({"wkid": 4326}, False)]
)
def test_shapes_in_another_plane_than_asked_for_are_refused(tmp_path, told, good):
    layer = Layer(fault=lambda _l, _q, p: Answer(json.dumps({"features": p, "spatialReference": told})))
    if good:
        assert fetch(layer, tmp_path).rows == 50
    else:
        with pytest.raises(NetworkError, match=r"shapes came in 4326, EPSG:6447 was asked for"):
            fetch(layer, tmp_path)


def test_a_layer_is_found_by_name_wherever_it_moved(tmp_path):
    result = fetch(Layer(layer_id=7), tmp_path)
    assert result.url.endswith("/7")
    assert result.notes == ("layer 'Lots' moved from 0 to 7",)


def test_a_layer_of_another_name_or_fields_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(ValidationError, match=r"0 layers .* named 'Lots'. Did you mean 'Lost'"):
        fetch(Layer(name="Lost"), tmp_path)
    fields = (("OBJECTID", "esriFieldTypeOID"), ("PARCEL_ID", "esriFieldTypeString"))
    with pytest.raises(ValidationError, match=r"no field 'PARCELID'. Did you mean 'PARCEL_ID'"):
        fetch(Layer(fields=fields), tmp_path)


def test_an_empty_answer_is_refused_unless_the_source_may_be_empty(tmp_path):
    with pytest.raises(ValidationError, match="no row in a block"):
        fetch(Layer(count=0), tmp_path)
    result = fetch(Layer(count=0), tmp_path, source={**SOURCE, "may_be_empty": True})
    assert (result.files, result.rows) == ((), 0)


def test_a_table_without_shapes_is_a_csv_with_the_same_rows(tmp_path):
    result = fetch(Layer(), tmp_path, source={**SOURCE, "file": "assessor/lots.csv"})
    lines = result.files[0].read_text().splitlines()
    assert lines[0] == "OBJECTID,PARCELID,SHAPE.AREA,LASTUPDATE"
    assert len(lines) == 51


def test_rings_become_polygons_with_their_own_holes():
    square = lambda x, y, size: [[x, y], [x, y + size], [x + size, y + size], [x + size, y], [x, y]]  # noqa: E731
    two = {"rings": [square(0, 0, 10), square(2, 2, 2)[::-1], square(20, 0, 5), square(21, 1, 1)[::-1]]}
    shape = features.geometry(two)
    assert shape["type"] == "MultiPolygon"
    assert [len(part) for part in shape["coordinates"]] == [2, 2]
    assert shape["coordinates"][1][1][0] == [21, 1]
    assert features.geometry({"rings": []}) is None
    with pytest.raises(ValidationError, match="unknown kind"):
        features.geometry({"curveRings": []})


def test_keys_never_show_and_plain_http_is_only_for_this_machine():
    told = redacted("https://x/data?get=A&key=SECRET123&token=T0P failed; Bearer abc.def")
    assert not any(word in told for word in ("SECRET123", "T0P", "abc.def"))
    with pytest.raises(NetworkError) as caught:
        Session(retries=0, backoff_s=0).get("http://127.0.0.1:1/data", params={"key": "SECRET123"})
    assert "SECRET123" not in str(caught.value)
    with pytest.raises(Exception, match="Endpoints that cannot be read: gis"):
        endpoints_from("gis.x.gov=http://evil.example")
