"""A tower made up for the handbook's pictures: half-hours of a year, with gaps, as FLUXNET rows. Nobody measured it."""

from pathlib import Path

import numpy as np
import pandas as pd

PLACE = {"latitude": 51.0, "longitude": 13.0, "utc_offset": 1.0}
NAME = "XX-Pic"
YEAR = 2018
GAPS = 0.3  # share of half-hours without a flux


def write(folder: Path) -> Path:
    """The table of the made-up tower: fluxes in µmol m-2 s-1 and W m-2, u* in m s-1, TA in degC, VPD in hPa."""
    draw = np.random.default_rng(4)
    start = pd.date_range(f"{YEAR}-01-01", f"{YEAR + 1}-01-01", freq="30min", inclusive="left")
    year = 2 * np.pi * (start.dayofyear.to_numpy() - 110) / 365
    hour = 2 * np.pi * (start.hour + start.minute / 60).to_numpy() / 24
    days = draw.normal(0, 2.5, 365).repeat(48)
    clear = draw.uniform(0.35, 1.0, 365).repeat(48)
    air = 9 + 9 * np.sin(year) + days - 3.5 * np.cos(hour - 0.5)
    light = 950 * clear * np.maximum(0, -np.cos(hour) + 0.35 * np.sin(year) - 0.1)
    dry = np.maximum(0.3, 0.5 * np.exp(0.06 * air) * (1 + light / 500))
    leaves = np.clip(0.5 + 0.6 * np.sin(year), 0.1, 1)
    gpp = leaves * 0.05 * light * 28 / (0.05 * light + 28) * np.clip((air + 2) / 12, 0, 1)
    reco = 2.4 * np.exp(308.56 * (1 / 56.02 - 1 / (np.maximum(air, -20) + 46.02)))
    friction = np.clip(draw.gamma(3, 0.13, start.size), 0.02, 1.5)
    # At calm nights a part of what is breathed out does not reach the instruments.
    lost = np.where((light == 0) & (friction < 0.2), friction / 0.2, 1.0)
    noise = draw.laplace(0, 1, start.size)
    rows = {
        "NEE": reco * lost - gpp + noise * (0.5 + 0.05 * gpp),
        "LE": 0.25 * light * leaves + 10 * noise,
        "H": 0.3 * light * (1.2 - leaves) + 10 * draw.laplace(0, 1, start.size),
        "USTAR": friction,
    }
    stretch = np.convolve(draw.uniform(size=start.size), np.ones(12) / 12, "same")
    gone = stretch > np.quantile(stretch, 1 - GAPS)
    rows = {name: np.where(gone, -9999, values.round(4)) for name, values in rows.items()}
    rows |= {"TA": air.round(3), "SW_IN": light.round(2), "VPD": dry.round(3)}
    stamps = {"START": start, "END": start + pd.Timedelta("30min")}
    times = {f"TIMESTAMP_{end}": when.strftime("%Y%m%d%H%M") for end, when in stamps.items()}
    path = folder / f"{NAME}_HH.csv"
    pd.DataFrame(times | rows).to_csv(path, index=False)
    return path
