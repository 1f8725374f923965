"""Relations of prices of places, of sales and of as-is values that hold for any input."""

import numpy as np
import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from densitymap.feasibility.as_is import as_is_value
from densitymap.feasibility.prices import BY_MEAN, place_prices
from densitymap.feasibility.sales import clean

ELASTICITY = -0.2
NUMBERS = ["price_usd_per_ft2", "price_p10_usd_per_ft2", "price_p90_usd_per_ft2"]
SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=25, deadline=None)


@st.composite
def towns(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Clean sales of some places, and the yearly means of those and of one more."""
    rng = np.random.default_rng(draw(SEEDS))
    counts = draw(st.lists(st.integers(15, 40), min_size=1, max_size=8))
    rates = rng.uniform(120, 700, len(counts))
    names = np.repeat([f"N{at}" for at in range(len(counts))], counts)
    size = np.exp(rng.normal(7.3, 0.35, len(names)))
    day = pd.Timestamp("2021-01-01") + pd.to_timedelta(rng.integers(0, 1_000, len(names)), unit="D")
    paid = np.repeat(rates, counts) * np.exp(rng.normal(0, draw(st.floats(0.01, 0.6)), len(names)))
    sales = pd.DataFrame({"neighborhood": names, "sale_date": day, "square_ft": size, "price_sf": paid})
    sales = sales.assign(sale_price=paid * size, is_stacked=False)
    means = pd.DataFrame(
        {"neighborhood": [f"N{at}" for at in range(len(counts) + 1)], "year": 2023, "sales": 30.0}
    )
    means["mean_usd"] = 1_500 * np.append(rates, 300.0) * rng.uniform(0.7, 1.4, len(means))
    means["median_usd"] = means["mean_usd"] * rng.uniform(0.8, 1.05, len(means))
    return sales, means


def told(sales: pd.DataFrame, means: pd.DataFrame | None) -> pd.DataFrame:
    return place_prices(means, sales, elasticity=ELASTICITY).set_index("neighborhood")


def width(table: pd.DataFrame) -> pd.Series:
    return np.log(table["price_p90_usd_per_ft2"] / table["price_p10_usd_per_ft2"])


@few
@given(towns(), SEEDS)
def test_the_order_of_rows_changes_no_price(town, seed):
    sales, means = town
    turned = (part.sample(frac=1, random_state=seed % 2**31) for part in town)
    pd.testing.assert_frame_equal(told(*turned), told(sales, means), rtol=1e-9)


@few
@given(towns())
def test_the_interval_holds_the_price(town):
    table = told(*town)
    low, high = table["price_p10_usd_per_ft2"], table["price_p90_usd_per_ft2"]
    assert ((low < table["price_usd_per_ft2"]) & (table["price_usd_per_ft2"] < high)).all()
    assert (low > 0).all()


@few
@given(towns())
def test_more_of_the_same_sales_narrow_a_place_and_leave_its_price(town):
    sales, means = town
    before, after = told(sales, means), told(pd.concat([sales, sales], ignore_index=True), means)
    known = before.index[before["price_source"] != BY_MEAN]
    assert (width(after)[known] < 0.8 * width(before)[known]).all()
    moved = np.log(after.loc[known, NUMBERS[0]] / before.loc[known, NUMBERS[0]])
    assert moved.abs().max() < 0.05


@few
@given(towns(), st.floats(0.5, 2.0))
def test_dearer_by_a_factor_is_told_dearer_by_that_factor(town, factor):
    sales, means = town
    dearer = sales.assign(price_sf=sales["price_sf"] * factor, sale_price=sales["sale_price"] * factor)
    means_dearer = means.assign(mean_usd=means["mean_usd"] * factor, median_usd=means["median_usd"] * factor)
    before, after = told(sales, means), told(dearer, means_dearer)
    pd.testing.assert_frame_equal(after[NUMBERS], before[NUMBERS] * factor, rtol=1e-9)


@few
@given(towns(), st.integers(0, 1_000))
def test_sales_of_one_day_say_nothing_of_time(town, day):
    sales, _ = town
    sales = sales.assign(sale_date=pd.Timestamp("2021-01-01") + pd.Timedelta(days=day))
    level = sales["price_sf"] * (sales["square_ft"] / 1_500) ** -ELASTICITY
    middle = np.exp(np.log(level).groupby(sales["neighborhood"]).median())
    np.testing.assert_allclose(told(sales, None)["price_usd_per_ft2"], middle, rtol=1e-9)


@few
@given(towns())
def test_a_place_tells_of_itself_only(town):
    """Another place's prices reach a place only by what a year moves them, and a factor is no move."""
    sales, _ = town
    other = sales["neighborhood"] != "N0"
    changed = sales.assign(price_sf=sales["price_sf"].where(~other, sales["price_sf"] * 1.5))
    changed["sale_price"] = changed["price_sf"] * changed["square_ft"]
    before, after = told(sales, None).loc["N0", NUMBERS], told(changed, None).loc["N0", NUMBERS]
    np.testing.assert_allclose(after.astype(float), before.astype(float), rtol=1e-9)


CELLS = st.sampled_from(
    ["", "0", "-1", "1", "1500", "450000", "$450,000.00", "nan", "inf", "1e400", "=cmd|' /C calc'!A0", "33.75", "-84.35",
     "2023-01-05", "1/5/2023", "2099-01-01", "<img onerror=alert(1)>", "R3", "\uff19\uff19"]
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[CELLS] * 5), min_size=1, max_size=12))
def test_every_row_is_learnt_from_or_dropped_once(rows):
    table = pd.DataFrame(rows, columns=["lat", "lon", "square_ft", "sale_date", "sale_price"])
    assume("-84.35" not in set(table["lat"]))  # a file with its coordinates swapped is refused whole
    found = clean(table)
    assert len(found.sales) + int(found.dropped["rows"].sum()) == len(table)
    assert np.isfinite(found.sales["price_sf"]).all()
    assert (found.sales["price_sf"] > 0).all()


PLACE = pd.DataFrame(
    {
        "neighborhood": ["Here"], "price_usd_per_ft2": [300.0], "price_p10_usd_per_ft2": [280.0],
        "price_p90_usd_per_ft2": [321.0], "price_note": [""], "median_sale_price_usd": [450_000.0],
    }
)  # fmt: skip


@given(st.lists(st.floats(300, 9_000), min_size=2, max_size=10))
def test_a_larger_house_is_never_worth_less_and_its_interval_holds_it(floors):
    floors = sorted(floors)
    lots = pd.DataFrame({"neighborhood": "Here", "existing_floor_area_ft2": floors, "is_built": True})
    found = as_is_value(lots, PLACE, elasticity=ELASTICITY)
    value = found["as_is_value_usd"].to_numpy(float)
    assert (np.diff(value) >= 0).all()
    assert (found["as_is_value_p10_usd"] < value).all()
    assert (found["as_is_value_p90_usd"] > value).all()


@given(st.floats(1, 9e6), st.integers(1990, 2100))
def test_an_appraisal_of_another_time_moves_nothing(value, year):
    lots = pd.DataFrame({"neighborhood": ["Here"], "appraised_value_usd": [value], "value_year": [year]})
    found = as_is_value(lots, PLACE, elasticity=ELASTICITY)["as_is_value_usd"].iloc[0]
    assert found == (value if abs(year - 2023) <= 3 else 450_000.0)
