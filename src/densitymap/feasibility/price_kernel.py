"""How alike the prices of two homes are, by place, size and time: the partial pooling of the price model.

A Gaussian process is a hierarchical model whose groups have no borders: the level of a street is drawn to
that of its surroundings, that to the city's, each the more the fewer sales it has (Rasmussen and Williams,
*Gaussian Processes for Machine Learning*, 2006, chapters 2 and 8; section unread for the exact terms here).
The strengths and reaches are data: ``catalog/models/price_kernel.toml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pyproj import Transformer

from densitymap.geometry import Floats

FEET_PER_MILE = 5280.0
DAYS_PER_YEAR = 365.25
EPOCH = pd.Timestamp("2018-01-01")
"""Where time counts from; any day would do."""
Kernel = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Points:
    """Homes as the model sees them; arrays of one length.

    Attributes
    ----------
    x, y
        Place [miles, EPSG:2240]; NaN where there is none.
    size
        Log of the floor area [log ft2].
    years
        Day of the sale [years since ``EPOCH``].
    """

    x: Floats
    y: Floats
    size: Floats
    years: Floats

    def __len__(self) -> int:
        """Count of homes."""
        return len(self.x)

    def at(self, rows: np.ndarray) -> Points:
        """Give some of them."""
        return Points(x=self.x[rows], y=self.y[rows], size=self.size[rows], years=self.years[rows])


def points(homes: pd.DataFrame) -> Points:
    """Place homes in miles, log ft2 and years.

    Parameters
    ----------
    homes
        ``lat``, ``lon`` [degrees], ``square_ft`` [ft2, > 0], ``sale_date``.
    """
    plane = Transformer.from_crs("EPSG:4326", "EPSG:2240", always_xy=True)
    lon, lat = homes["lon"].to_numpy(float), homes["lat"].to_numpy(float)
    there = np.isfinite(lon) & np.isfinite(lat)
    x, y = np.full(len(homes), np.nan), np.full(len(homes), np.nan)
    x[there], y[there] = plane.transform(lon[there], lat[there])
    years = (homes["sale_date"] - EPOCH).dt.days.to_numpy(float) / DAYS_PER_YEAR
    size = np.log(homes["square_ft"].to_numpy(float))
    return Points(x=x / FEET_PER_MILE, y=y / FEET_PER_MILE, size=size, years=years)


def covariance(left: Points, right: Points, kernel: Kernel) -> Floats:
    """Prior covariance of the log price per ft2 of every pair [left, right].

    Three reaches in space (block, street, quarter), each alike only among homes of like size and once for
    all sizes; one curve of size, one of time, and quarters that move in their own time.
    """
    far = np.hypot(left.x[:, None] - right.x, left.y[:, None] - right.y)
    unlike = (left.size[:, None] - right.size) ** 2
    apart = np.abs(left.years[:, None] - right.years)
    street, quarter = np.exp(-far / kernel["street_mi"]), np.exp(-far / kernel["quarter_mi"])
    found = kernel["block_by_size"] * np.exp(-far / kernel["block_mi"])
    found += kernel["street_by_size"] * street
    found += kernel["quarter_by_size"] * quarter
    found *= np.exp(-unlike / (2 * kernel["like_size_log"] ** 2))
    found += kernel["street"] * street
    found += kernel["quarter"] * quarter
    found += kernel["size"] * np.exp(-unlike / (2 * kernel["size_log"] ** 2))
    found += kernel["time"] * np.exp(-apart / kernel["time_years"])
    found += kernel["quarter_time"] * np.exp(
        -far / kernel["quarter_time_mi"] - apart / kernel["quarter_time_years"]
    )
    return np.asarray(found, float)


def prior_variance(kernel: Kernel) -> float:
    """Variance of one home's log price per ft2 before any sale is seen, but for the noise."""
    terms = (
        "block_by_size", "street_by_size", "quarter_by_size", "street", "quarter", "size", "time",
        "quarter_time",
    )  # fmt: skip
    return float(sum(kernel[name] for name in terms))


def nearest_miles(homes: Points, cells: Points, *, rows: int = 2000) -> Floats:
    """Distance of each home to the nearest cell [miles], a slice of homes at a time."""
    found = np.full(len(homes), np.nan)
    for start in range(0, len(homes), rows):
        part = slice(start, start + rows)
        far = np.hypot(homes.x[part, None] - cells.x, homes.y[part, None] - cells.y)
        found[part] = far.min(axis=1)
    return found
