"""Sales, prices and as-is values: what is refused, what is dropped, and what a wrong answer would be."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from commands import densitymap
from densitymap import params
from densitymap.errors import MissingDataError, ValidationError
from densitymap.feasibility import price_model, price_tests, prices
from densitymap.feasibility.as_is import ASSESSOR, BY_FLOOR, BY_MEDIAN, as_is_value
from densitymap.feasibility.price_kernel import points
from densitymap.feasibility.sales import clean, day, typed
from densitymap.pipeline.place_prices import shipped_places
from densitymap.pipeline.prices import price_file

GOOD = {
    "lat": "33.75", "lon": "-84.35", "square_ft": "1500", "sale_date": "2023-01-05", "sale_price": "450000",
}  # fmt: skip
KERNEL = params.load("models", "price_kernel")["kernel"]


@pytest.fixture(scope="module")
def town() -> pd.DataFrame:
    """Clean sales of a made-up town: dearer to the east, cheaper by the foot when larger, 15 % noise."""
    rng = np.random.default_rng(7)
    count = 500
    east, north = rng.uniform(0, 0.03, count), rng.uniform(0, 0.03, count)
    size = np.exp(rng.normal(7.3, 0.3, count))
    level = np.log(250) + 20 * east - 0.25 * np.log(size / 1500)
    price = np.exp(level + rng.normal(0, 0.15, count)) * size
    day = pd.Timestamp("2018-01-01") + pd.to_timedelta(rng.integers(0, 1800, count), unit="D")
    table = pd.DataFrame({"lat": 33.74 + north, "lon": -84.37 + east, "square_ft": size, "sale_date": day})
    place = np.where(east > 0.015, "East", "West")
    return clean(table.assign(sale_price=price, neighborhood=place)).sales


@pytest.fixture(scope="module")
def fitted(town: pd.DataFrame) -> price_model.Model:
    model = price_model.fit(town, KERNEL, version="town")
    return price_tests.with_interval(model, town, price_tests.blind_errors(town, KERNEL))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sale_price": "0"}, "zero or negative"),
        ({"sale_price": "-450000"}, "zero or negative"),
        ({"sale_price": "(450,000)"}, "zero or negative"),
        ({"sale_price": "$1.00"}, "a deed"),
        ({"sale_price": "=cmd|' /C calc'!A0"}, "price is missing or not a number"),
        ({"square_ft": ""}, "square_ft is missing"),
        ({"square_ft": "0"}, "square_ft is zero"),
        ({"square_ft": "979670"}, "sold whole"),
        ({"sale_date": "2031-06-30"}, "future"),
        ({"sale_date": "<img onerror=x>"}, "not a date"),
        ({"lat": "-84.35", "lon": "33.75"}, "swapped"),
        ({"lat": "233.75"}, "not on Earth"),
        ({"sale_price": "9000000"}, "per ft2 is outside"),
    ],
)
def test_a_bad_sale_is_dropped_with_its_reason(change, reason):
    rows = [GOOD, GOOD | change, GOOD | {"lat": "33.76"}]
    found = clean(pd.DataFrame(rows), as_of=date(2026, 1, 1))
    assert found.sales.index.tolist() == [0, 2]
    assert found.dropped["rows"].tolist() == [1]
    assert found.dropped["first_row"].tolist() == [3]
    assert reason in found.dropped["reason"][0]


def test_money_and_dates_are_read_as_people_write_them():
    row = GOOD | {"sale_price": "$100,000.00", "square_ft": "1,000", "sale_date": "1/5/2023"}
    sale = clean(pd.DataFrame([row])).sales.iloc[0]
    assert sale["price_sf"] == 100
    assert sale["sale_date"] == pd.Timestamp("2023-01-05")


def test_absent_columns_are_all_named_with_the_nearest():
    with pytest.raises(ValidationError) as refused:
        clean(pd.DataFrame([{"latt": 1, "lon": 2, "square_ft": 3, "sale_date": "2020-01-01"}]))
    assert "lat: column is absent. Did you mean 'latt'?" in str(refused.value)
    assert "sale_price: column is absent" in str(refused.value)


def test_a_file_with_all_coordinates_swapped_is_refused():
    with pytest.raises(ValidationError, match="swapped in 2 of 2"):
        clean(pd.DataFrame([GOOD | {"lat": "-84.3", "lon": "33.7"}] * 2))


def test_towers_are_marked_and_their_like_homes_kept():
    tower = pd.DataFrame([GOOD] * 6 + [GOOD | {"lat": "33.7"}] * 2)
    found = clean(tower)
    assert found.sales["is_stacked"].tolist() == [True] * 6 + [False]
    assert found.dropped["reason"].tolist() == ["the same sale stands twice"]


def test_year_built_zero_is_unknown():
    assert typed(pd.DataFrame([GOOD | {"year_built": "0"}]), required=("lat",))["year_built"].isna().all()


def test_the_model_finds_the_town(fitted):
    ask = pd.DataFrame(
        {"lat": 33.755, "lon": [-84.365, -84.345], "square_ft": [1500.0, 1500.0], "year_built": np.nan}
    ).assign(sale_date=pd.Timestamp("2020-06-01"))
    told = price_model.predict(fitted, ask)["price_sf"]
    truth = 250 * np.exp(20 * (ask["lon"] + 84.37))
    assert np.abs(told / truth - 1).max() < 0.08
    larger = price_model.predict(fitted, ask.assign(square_ft=2500.0))["price_sf"]
    assert (larger < told).all()


def test_row_order_and_company_change_no_price(fitted, town):
    homes = town.head(40)
    whole = price_model.predict(fitted, homes)["price_sf"]
    turned = price_model.predict(fitted, homes[::-1])["price_sf"]
    alone = price_model.predict(fitted, homes.tail(1))["price_sf"]
    pd.testing.assert_series_equal(whole, turned.reindex(whole.index))
    np.testing.assert_allclose(alone, whole.tail(1))


def test_the_interval_holds_eight_in_ten_at_places_not_seen(fitted, town):
    errors = price_tests.blind_errors(town, KERNEL, seed=3)
    found = price_tests.metrics(town["price_sf"], price_tests.blind_intervals(fitted, town, errors))
    assert found["coverage"] == pytest.approx(0.8, abs=0.06)
    naive = price_tests.across_folds(town, errors["fold"].to_numpy(), price_tests.by_neighborhood)
    assert found["mae_usd_per_ft2"] < 0.9 * price_tests.metrics(town["price_sf"], naive)["mae_usd_per_ft2"]


def test_no_location_is_both_learnt_and_tested(town):
    fold = price_tests.location_folds(town, folds=4)
    assert pd.Series(fold).groupby([town["lat"].to_numpy(), town["lon"].to_numpy()]).nunique().max() == 1


def test_far_from_sales_and_late_the_interval_widens_and_says_so(fitted):
    home = pd.DataFrame({"lat": [33.755], "lon": -84.355, "square_ft": 1500.0, "year_built": np.nan})
    home = home.assign(sale_date=pd.Timestamp("2021-01-01"))
    asked = pd.concat([home, home.assign(lon=-84.30), home.assign(sale_date=pd.Timestamp("2029-01-01"))])
    told = price_model.predict(fitted, asked.reset_index(drop=True))
    width = np.log(told["price_sf_p90"] / told["price_sf_p10"])
    assert width[1] > 1.3 * width[0]
    assert width[2] > width[0]
    assert told["note"][0] == ""
    assert "outside the support" in told["note"][1]
    assert "after the last sale" in told["note"][2]
    away = price_model.predict(fitted, home.assign(lat=40.7, lon=-74.0))
    assert away["price_sf"].isna().all()
    assert "another market" in away["note"].iloc[0]


def test_too_few_sales_are_refused(town):
    with pytest.raises(ValidationError, match="too few"):
        price_model.fit(town.head(20), KERNEL, version="x")


def test_a_family_deed_pulls_its_street_less_than_it_would(town, monkeypatch):
    spoilt = town.copy()
    spoilt.loc[spoilt.index[0], "price_sf"] = 25.0
    home = points(town.iloc[:1])
    drawn_in = price_model.log_price(price_model.fit(spoilt, KERNEL, version="x"), home)
    record = params.load("models", "price_kernel") | {"robust": {"clip_log": 99.0}}
    monkeypatch.setattr(params, "load", lambda *_: record)
    assert drawn_in[0] > price_model.log_price(price_model.fit(spoilt, KERNEL, version="x"), home)[0] + 0.2


def _means(levels: dict[str, float]) -> pd.DataFrame:
    rows = [
        {"neighborhood": name, "year": 2023, "sales": 40, "mean_usd": 1500 * rate, "median_usd": 1450 * rate}
        for name, rate in levels.items()
    ]
    return pd.DataFrame(rows)


def test_places_without_sizes_are_told_from_their_mean_and_say_so():
    rng = np.random.default_rng(2)
    rates = {f"N{number}": 200.0 + 30 * number for number in range(8)}
    rows = [
        GOOD | {"neighborhood": name, "sale_price": 1500 * rate * np.exp(rng.normal(0, 0.1)),
                "lat": 33.7 + rng.uniform(0, 0.05), "sale_date": "2023-07-01"}
        for name, rate in rates.items() for _ in range(30)
    ]  # fmt: skip
    sales = clean(pd.DataFrame(rows)).sales
    table = prices.place_prices(_means(rates | {"Far": 330.0}), sales, elasticity=-0.2).set_index(
        "neighborhood"
    )
    assert table.loc["Far", "price_note"] == prices.NOT_VALIDATED
    assert table.loc["Far", "price_usd_per_ft2"] == pytest.approx(330, rel=0.05)
    assert table.loc["N0", "price_source"] == prices.BY_SIZE
    assert table.loc["N7", "price_usd_per_ft2"] == pytest.approx(410, rel=0.06)
    assert (table["price_p10_usd_per_ft2"] < table["price_usd_per_ft2"]).all()


def test_left_out_places_are_told_by_the_others_alone():
    base = pd.DataFrame(
        {"level": np.linspace(5, 6, 8), "mean_sale_price_usd": np.exp(np.linspace(12, 13, 8))}
    )
    base["median_sale_price_usd"] = base["mean_sale_price_usd"] * 0.95
    moved = base.assign(level=base["level"].where(base.index != 3, 9.0))
    assert prices.leave_one_out(base)["told"][3] == pytest.approx(prices.leave_one_out(moved)["told"][3])
    assert prices.leave_one_out(base.head(3)).empty


PLACE = pd.DataFrame(
    {
        "neighborhood": ["Kirkwood"], "price_usd_per_ft2": [300.0], "price_p10_usd_per_ft2": [270.0],
        "price_p90_usd_per_ft2": [333.0], "price_note": [prices.NOT_VALIDATED],
        "median_sale_price_usd": [480_000.0],
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("lot", "value", "source", "note"),
    [
        ({"appraised_value_usd": 400_000, "value_year": 2024}, 400_000, ASSESSOR, ""),
        ({"appraised_value_usd": 100_000, "value_year": 2012}, 480_000, BY_MEDIAN, "another time"),
        ({"appraised_value_usd": 100_000}, 480_000, BY_MEDIAN, "without a year"),
        ({"existing_floor_area_ft2": 1500, "is_built": True}, 450_000, BY_FLOOR, "not validated"),
        ({"existing_floor_area_ft2": 3000, "is_built": True}, 900_000 * 2**-0.2, BY_FLOOR, "not validated"),
        ({}, 480_000, BY_MEDIAN, "a house is supposed"),
        ({"is_built": False}, None, None, "nothing stands there"),
        ({"existing_units": 3, "is_built": True}, None, None, "more than one home"),
        ({"neighborhood": "Nowhere"}, None, None, "no price"),
    ],
)
def test_as_is_value_says_who_says_so(lot, value, source, note):
    lots = pd.DataFrame([{"neighborhood": "Kirkwood"} | lot], index=["p"])
    found = as_is_value(lots, PLACE, elasticity=-0.2).loc["p"]
    if value is None:
        assert pd.isna(found["as_is_value_usd"])
        assert pd.isna(found["as_is_value_source"])
    else:
        assert found["as_is_value_usd"] == pytest.approx(value)
        assert found["as_is_value_source"] == source
        assert found["as_is_value_p10_usd"] < value < found["as_is_value_p90_usd"]
    assert note in found["as_is_value_note"]


def test_shipped_places_mark_dekalb():
    table = shipped_places().set_index("neighborhood")
    for name in ("Kirkwood", "East Atlanta", "East Lake", "Edgewood", "Lake Claire"):
        assert table.loc[name, "price_note"] == prices.NOT_VALIDATED
    assert table.loc["Reynoldstown", "price_source"] == prices.BY_SIZE
    assert set(table["price_year"]) == {2023}


def test_price_command_keeps_the_readers_columns_and_runs_nothing(tmp_path: Path):
    source, out = tmp_path / "homes.csv", tmp_path / "new" / "out.csv"
    source.write_text(
        "id,Owner Name,lat,lon,square_ft,sale_date,price_sf\n"
        '7,ANN,33.7500,-84.3500,"1,500",2023-01-05,9\n'
        "=cmd,ANN,33.7500,-84.3500,<img onerror=alert(1)>,2023-01-05,9\n"
        "9,BOB,33.7700,-84.3600,800,1/5/2022,9\n"
        "10,BOB,33.7700,-84.3600,800,some day,9\n"
        ",,,,,,\n",
        encoding="utf-8",
    )
    ran = densitymap("price", source, "--out", out, "--json", cwd=tmp_path)
    assert ran.code == 0, ran.err
    table = pd.read_csv(out, dtype=str)
    assert list(table.columns) == [
        "id", "lat", "lon", "square_ft", "sale_date", "price_sf_in_file", "price_sf", "price_sf_p10",
        "price_sf_p90", "model_version", "note",
    ]  # fmt: skip
    assert table["id"].tolist()[:4] == ["7", "'=cmd", "9", "10"]
    assert table["sale_date"].tolist()[:4] == ["2023-01-05", "2023-01-05", "1/5/2022", "some day"]
    assert (table["lat"][0], table["lon"][0], table["square_ft"][0]) == ("33.7500", "-84.3500", "1,500")
    assert "ANN" not in out.read_text()
    assert ran.document["columns_left_out"] == ["Owner Name"]
    found = table[["price_sf", "price_sf_p10"]].astype(float)
    assert found["price_sf"].notna().tolist() == [True, False, True, False, False]
    assert (found["price_sf_p10"].dropna() < found["price_sf"].dropna()).all()
    assert table["note"][1] == "not priced: square_ft is missing or not a number"
    assert table["model_version"].str.startswith("price_atlanta").all()
    assert ran.document["priced"] == 2
    again = densitymap("price", out, "--out", tmp_path / "again.csv", cwd=tmp_path)
    assert again.code == 0, again.err
    names = list(pd.read_csv(tmp_path / "again.csv").columns)
    assert len(set(names)) == len(names) == 16


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2022/05/01", "2022-05-01"),
        ("2022-5-1", "2022-05-01"),
        ("20220501", "2022-05-01"),
        ("1651363200000", "2022-05-01"),
        ("1651449599000", "2022-05-01"),
        ("5/1/2022", "2022-05-01"),
        ("5/1/2022 12:00:00 AM", "2022-05-01"),
        ("2022-05-01T23:59:00Z", "2022-05-01"),
        ("31/12/2021", "2021-12-31"),
        ("1.5.2022", "2022-05-01"),
        ("9999-12-31", None),
        ("9999999999999", None),
        ("2022051", None),
        ("202205", None),
        ("31/31/2021", None),
        ("20221301", None),
        ("5/1/22", None),
        ("=TODAY()", None),
    ],
)
def test_dates_are_read_as_files_write_them(text, read):
    (found,) = day(pd.Series([text]))
    assert found == pd.Timestamp(read) if read else pd.isna(found)


def test_a_date_that_may_stand_day_first_says_how_it_was_read(tmp_path: Path):
    rows = "".join(f"33.75,-84.35,1500,{day}\n" for day in ("31/12/2021", "5/1/2022", "2022-05-01"))
    (tmp_path / "homes.csv").write_text("lat,lon,square_ft,sale_date\n" + rows)
    price_file(tmp_path / "homes.csv", tmp_path / "out.csv")
    note = pd.read_csv(tmp_path / "out.csv")["note"].fillna("")
    assert note.str.contains("month/day/year").tolist() == [False, True, False]


def test_a_file_without_one_home_to_price_is_refused_with_the_reasons(tmp_path: Path):
    (tmp_path / "homes.csv").write_text(
        "lat,lon,square_ft,sale_date\n40.7,-74,1500,2022-05-01\n33.7,-84.3,0,2022-05-01\n33.7,-84.3,0,x\n"
    )
    ran = densitymap("price", tmp_path / "homes.csv", "--out", tmp_path / "out.csv", "--json", cwd=tmp_path)
    assert ran.code == 5
    message = ran.document["error"]["message"]
    assert "none of its 3 homes" in message
    assert "another market" in message
    assert "2 rows (first: line 3): square_ft is zero" in message
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"lat,lon,square_ft,sale_date\n", "has no rows"),
        (b"\xff\xfe\x00\x01", "not a CSV"),
        (b"lat,lon\n1,2\n", "square_ft: column is absent"),
        (b"lat,lon,square_ft,sale_date\n-84.3,33.7,900,2020-01-01\n", "swapped"),
    ],
)
def test_a_bad_file_is_refused_whole(tmp_path: Path, content: bytes, says: str):
    source = tmp_path / "homes.csv"
    source.write_bytes(content)
    with pytest.raises(ValidationError, match=says):
        price_file(source, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_a_file_that_is_not_there_is_said(tmp_path: Path):
    with pytest.raises(MissingDataError):
        price_file(tmp_path / "none.csv", tmp_path / "out.csv")


def test_other_sales_make_another_model(tmp_path: Path, town: pd.DataFrame):
    town.drop(columns=["price_sf", "is_stacked"]).to_csv(tmp_path / "town.csv", index=False)
    town.head(5)[["lat", "lon", "square_ft", "sale_date"]].to_csv(tmp_path / "homes.csv", index=False)
    told = price_file(tmp_path / "homes.csv", tmp_path / "out.csv", sales=tmp_path / "town.csv")
    assert told["sales_used"] == len(town)
    assert told["model_version"].startswith("town.csv")
    assert pd.read_csv(tmp_path / "out.csv")["price_sf"].between(150, 700).all()


HOME = "lat,lon,square_ft,sale_date\n33.755,-84.355,1500,2020-06-01\n"


def _sales_file(folder: Path, sales: pd.DataFrame) -> Path:
    (folder / "homes.csv").write_text(HOME)
    sales.drop(columns=["price_sf", "is_stacked"], errors="ignore").to_csv(folder / "sales.csv", index=False)
    return folder / "sales.csv"


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("sale_price", "-5", "price is zero or negative"),
        ("sale_price", "$1.00", "a deed, not a market sale"),
        ("sale_date", "2199-01-01", "sale_date lies in the future"),
        ("square_ft", "", "square_ft is missing"),
    ],
)
def test_sales_none_of_which_can_be_learnt_from_are_refused_with_the_reasons(
    tmp_path: Path, town: pd.DataFrame, column: str, value: str, reason: str
):
    source = _sales_file(tmp_path, town.assign(**{column: value}))
    ran = densitymap(
        "price", tmp_path / "homes.csv", "--sales", source, "--out", tmp_path / "out.csv", "--json"
    )
    assert ran.code == 5, ran.err
    message = ran.document["error"]["message"]
    assert "0 of 500 sales can be learnt from" in message
    assert "500 rows (first: line 2)" in message
    assert reason in message
    assert not (tmp_path / "out.csv").exists()


def test_one_tower_alone_cannot_measure_the_interval(tmp_path: Path, town: pd.DataFrame):
    tower = town.assign(lat=33.755, lon=-84.355)
    with pytest.raises(ValidationError, match="500 of 500 sales can be learnt from, at 1 different points"):
        price_file(tmp_path / "homes.csv", tmp_path / "out.csv", sales=_sales_file(tmp_path, tower))


@pytest.mark.parametrize("houses", [60, 61, 65])
def test_sixty_houses_and_a_tower_are_enough_whichever_points_are_left_out(
    tmp_path: Path, town: pd.DataFrame, houses: int
):
    tower = town.iloc[100:400].assign(lat=33.755, lon=-84.355)
    price = town["sale_price"].map("${:,.2f}".format)
    written = pd.concat([town.head(houses), tower]).assign(sale_price=price)
    for sales in (written, written.head(houses)):
        source = _sales_file(tmp_path, sales)
        told = price_file(tmp_path / "homes.csv", tmp_path / "out.csv", sales=source)
        assert told["sales_used"] == len(sales)
        row = pd.read_csv(tmp_path / "out.csv").iloc[0]
        assert 150 < row["price_sf_p10"] < row["price_sf"] < row["price_sf_p90"] < 700


def test_the_shipped_record_gives_back_the_model():
    model = price_model.load_model()
    home = pd.DataFrame({"lat": [33.7502], "lon": [-84.3561], "square_ft": [1500.0], "year_built": [np.nan]})
    home = home.assign(sale_date=pd.Timestamp("2023-03-01"))
    told = price_model.predict(model, home).iloc[0]
    assert 250 < told["price_sf"] < 550  # Reynoldstown: 2023 sales of the pack lie about 330 to 420
    other = price_model.predict(replace(model, level=model.level + np.log(2)), home).iloc[0]
    assert other["price_sf"] == pytest.approx(2 * told["price_sf"])
