"""Rasters over HTTP on loopback: the window asked for, exactly, or a clear refusal."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from rasterio.warp import transform_bounds

from densitymap import params
from densitymap.errors import CRSError, MissingDataError, NetworkError, ValidationError
from densitymap.fetch import rasters
from loopback import Answer, serving
from publishers import CELL, NORTH, PLACE, SIDE, WEST, ramp, tiff


def box(west, south, east, north, crs="EPSG:26916"):
    """A box of the plane, in degrees."""
    return transform_bounds(crs, "EPSG:4326", west, south, east, north, densify_pts=21)


INSIDE = box(WEST + 1_005, NORTH - 2_005, WEST + 2_005, NORTH - 1_005)


def files(**named):
    return lambda asked: (
        Answer(named[asked.path.strip("/")], kind="image/tiff")
        if asked.path.strip("/") in named
        else Answer("no", 404, "text/plain")
    )


def test_a_window_is_read_in_the_raster_s_own_cells(tmp_path):
    out = tmp_path / "dem.tif"
    with serving(files(dem=tiff(ramp(), nodata=-999999.0))) as server:
        told = rasters.clip([f"/vsicurl/{server.base}/dem"], INSIDE, out)
        got = sum(len(call.headers.get("Range", "")) > 0 for call in server.asked)
    assert got > 0  # parts of the file were asked for, not the whole
    assert told["nodata"] == -999999.0
    assert (told["dtype"], told["crs"], told["known_share"]) == ("float32", "EPSG:26916", 1.0)
    with rasterio.open(out) as raster:
        assert raster.res == (CELL, CELL)
        column, row = ~PLACE["transform"] * (raster.bounds.left, raster.bounds.top)
        assert (column, row) == (round(column), round(row))
        expected = ramp()[int(row) : int(row) + raster.height, int(column) : int(column) + raster.width]
        np.testing.assert_array_equal(raster.read(1), expected)
        left, bottom, right, top = transform_bounds("EPSG:4326", raster.crs, *INSIDE)
        assert raster.bounds.left <= left
        assert raster.bounds.bottom <= bottom
        assert raster.bounds.right >= right
        assert raster.bounds.top >= top
        assert raster.width <= (right - left) / CELL + 2


@pytest.mark.parametrize("nodata", [None, 255])
def test_beyond_the_raster_nothing_is_known(tmp_path, nodata):
    values = np.full((SIDE, SIDE), 7, "uint8")
    edge = box(WEST - 500, NORTH - 1_000, WEST + 500, NORTH - 500)
    with serving(files(canopy=tiff(values, nodata=nodata))) as server:
        told = rasters.clip([f"/vsicurl/{server.base}/canopy"], edge, tmp_path / "c.tif")
    assert 0.4 < told["known_share"] < 0.6
    with rasterio.open(tmp_path / "c.tif") as raster:
        read = raster.read(1, masked=True)
        assert raster.nodata == nodata
    assert read.mask.mean() == pytest.approx(1 - told["known_share"], abs=1e-5)
    assert set(read.compressed()) == {7}


def test_tiles_are_joined_where_they_meet(tmp_path):
    whole = ramp("uint16") % 997
    left = tiff(whole[:, : SIDE // 2], nodata=65535)
    right = tiff(
        whole[:, SIDE // 2 :], nodata=65535, transform=from_origin(WEST + SIDE // 2 * CELL, NORTH, CELL, CELL)
    )
    middle = WEST + SIDE // 2 * CELL
    seam = box(middle - 400, NORTH - 900, middle + 400, NORTH - 300)
    with serving(files(left=left, right=right, one=tiff(whole, nodata=65535))) as server:
        urls = [f"/vsicurl/{server.base}/{name}" for name in ("left", "right", "one")]
        rasters.clip(urls[:2], seam, tmp_path / "two.tif")
        rasters.clip(urls[2:], seam, tmp_path / "one.tif")
    with rasterio.open(tmp_path / "two.tif") as two, rasterio.open(tmp_path / "one.tif") as one:
        np.testing.assert_array_equal(two.read(), one.read())
        assert two.transform == one.transform


def test_degrees_are_brought_into_a_plane_with_true_lengths(tmp_path):
    """A plane rising 0.1 in 1 to the north, published in degrees, keeps its slope."""
    cell = 1 / 10_800  # a third of an arc-second
    north, west = 33.80, -84.40
    rows = np.arange(400)[:, None] * np.ones(400)
    metres = (-rows * cell * 110_900 * 0.1 + 500).astype("float32")
    published = tiff(
        metres, nodata=-999999.0, crs="EPSG:4269", transform=from_origin(west, north, cell, cell)
    )
    with serving(files(dem=published)) as server:
        told = rasters.clip(
            [f"/vsicurl/{server.base}/dem"],
            (west + 0.01, north - 0.02, west + 0.02, north - 0.01),
            tmp_path / "dem.tif",
            crs="EPSG:26916",
            cell=10.0,
        )
    assert (told["crs"], told["nodata"]) == ("EPSG:26916", -999999.0)
    with rasterio.open(tmp_path / "dem.tif") as raster:
        assert raster.crs.is_projected
        ground = raster.read(1, masked=True)
        rise = np.gradient(ground.filled(np.nan).astype(float), 10.0)
    slope = np.hypot(*rise)
    assert np.nanmedian(slope) == pytest.approx(0.1, rel=0.02)


def test_a_failing_part_is_an_error_and_leaves_no_file(tmp_path):
    rng = np.random.default_rng(1)
    body = tiff(rng.random((SIDE, SIDE)).astype("float32"), nodata=-1.0)

    def reply(asked):
        wanted = asked.headers.get("Range", "bytes=0-")
        first = int(wanted.removeprefix("bytes=").split("-")[0])
        return Answer(body, kind="image/tiff") if first < 16_384 else Answer("busy", 404, "text/plain")

    with serving(reply) as server, pytest.raises(NetworkError, match="dem: the raster cannot be read"):
        rasters.clip([f"/vsicurl/{server.base}/dem"], INSIDE, tmp_path / "dem.tif")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("answer", [Answer("gone", 404, "text/plain"), Answer("<html>", 200, "text/html")])
def test_what_is_no_raster_is_refused(answer, tmp_path):
    with serving(lambda _: answer) as server, pytest.raises(NetworkError, match="cannot be read"):
        rasters.clip([f"/vsicurl/{server.base}/dem.tif"], INSIDE, tmp_path / "dem.tif")


def test_a_box_off_the_raster_is_missing_data(tmp_path):
    far = box(WEST + 90_000, NORTH - 1_000, WEST + 91_000, NORTH)
    with (
        serving(files(dem=tiff(ramp(), nodata=-9.0))) as server,
        pytest.raises(MissingDataError, match="no value on the area"),
    ):
        rasters.clip([f"/vsicurl/{server.base}/dem"], far, tmp_path / "dem.tif")


def test_a_raster_without_a_system_is_refused(tmp_path):
    (tmp_path / "in.tif").write_bytes(tiff(ramp(), driver="GTiff", crs=None))
    with pytest.raises(CRSError, match="names no coordinate reference system"):
        rasters.clip([str(tmp_path / "in.tif")], INSIDE, tmp_path / "out.tif")


def test_tiles_of_two_kinds_are_refused(tmp_path):
    (tmp_path / "a.tif").write_bytes(tiff(ramp(), nodata=-1.0))
    (tmp_path / "b.tif").write_bytes(tiff(ramp(), nodata=-2.0))
    with pytest.raises(ValidationError, match=r"b\.tif"):
        rasters.clip([str(tmp_path / "a.tif"), str(tmp_path / "b.tif")], INSIDE, tmp_path / "out.tif")


def test_an_area_too_large_is_refused_before_it_is_read(tmp_path):
    (tmp_path / "a.tif").write_bytes(tiff(ramp(), nodata=-1.0))
    assert params.choice("raster_cells_max", group="fetch") < 10**9
    with pytest.raises(ValidationError, match="are allowed"):
        rasters.clip([str(tmp_path / "a.tif")], (-90.0, 30.0, -80.0, 38.0), tmp_path / "out.tif")


def test_a_coverage_is_held_set_straight_and_cut(tmp_path):
    record = {"coverage": "w:c", "crs": "EPSG:26916", "cell_m": 30.0, "time": "2023-01-01T00:00:00.000Z"}
    query = rasters.coverage_query(record, INSIDE)
    west, south, east, north = map(float, query["bbox"].split(","))
    assert query["time"].startswith("2023")
    assert all(value % 30 == 0 for value in (west, south, east, north))
    shape = (int((north - south) / 30), int((east - west) / 30))
    body = tiff(
        np.full(shape, 41, "uint8"), nodata=250, driver="GTiff", transform=from_origin(west + 0.3, north - 0.2, 30.001, 29.999)
    )  # fmt: skip
    with rasters.received(body, "image/geotiff", where="canopy") as held:
        told = rasters.clip([held], INSIDE, tmp_path / "out.tif", snap=30.0)
    assert told["nodata"] == 250
    with rasterio.open(tmp_path / "out.tif") as raster:
        assert raster.res == (30.0, 30.0)
        assert raster.bounds.left % 15 == 0
        assert set(np.unique(raster.read(1, masked=True).compressed())) == {41}


def test_a_service_s_excuse_in_status_200_is_told():
    excuse = b"<ServiceExceptionReport>startTime is null</ServiceExceptionReport>"
    with (
        pytest.raises(NetworkError, match="startTime is null"),
        rasters.received(excuse, "application/vnd.ogc.se_xml", where="NLCD"),
    ):
        pass


def test_cells_of_another_size_are_refused():
    with pytest.raises(ValidationError, match="cells of 60 by 60"):
        rasters.snapped(from_origin(0, 0, 60, 60), 30.0)
