"""Files of air and ocean stations made up for tests, whose truth is known."""

from pathlib import Path

import numpy as np
import pandas as pd

from landsink.stations.ocean import fco2_from_xco2
from landsink.stations.ocean.carbonate import Takahashi

RATE, SWING = 2.0, 6.0  # µmol mol-1 yr-1; highest less lowest, µmol mol-1


def mole_fraction(days: np.ndarray) -> np.ndarray:
    """CO2 at days since 1970: a line and one sine a year."""
    years = days / 365.2425
    return 400 + RATE * (years - 40) + SWING / 2 * np.sin(2 * np.pi * years)


def months(folder: Path, years: int = 8, noise: float = 0.1, name: str = "co2_mm_mlo.csv") -> Path:
    """A table of monthly means as NOAA writes them for Mauna Loa; the third month is interpolated."""
    draw = np.random.default_rng(1)
    start = pd.date_range("2010-01-01", periods=12 * years, freq="MS")
    middle = (start + (start + pd.DateOffset(months=1) - start) / 2).to_numpy().astype("datetime64[s]")
    value = mole_fraction(middle.astype("int64") / 86400) + draw.normal(0, noise, start.size)
    lines = ["Date,Decimal Date,Average,Interpolated,Trend,Number of Days"]
    for k, (when, x) in enumerate(zip(start, value, strict=True)):
        spread = "-0.10" if k == 2 else "0.40"
        lines.append(
            f"{when:%Y-%m},{when.year + (when.month - 0.5) / 12:.4f},{x:.2f},{x:.2f},25,{spread},0.12"
        )
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def hours(folder: Path, days: int = 800, noise: float = 0.5, code: str = "AAA") -> Path:
    """A csv export of hourly CO2 at 100 m; nights are 20 µmol mol-1 above the afternoon."""
    draw = np.random.default_rng(2)
    time = pd.date_range("2015-01-01", periods=24 * days, freq="h")
    night = np.where((time.hour >= 12) & (time.hour < 16), 0.0, 20.0)
    value = mole_fraction(time.to_numpy().astype("datetime64[s]").astype("int64") / 86400) + night
    rows = pd.DataFrame(
        {
            "DateTime": time.strftime("%Y-%m-%d %H:%M:%S"),
            "#Site": code,
            "SamplingHeight": 100,
            "InstrumentId": 7,
            "co2": (value + draw.normal(0, noise, time.size)).round(3),
        }
    )
    path = folder / "hours.csv"
    rows.to_csv(path, index=False)
    return path


def cruise(folder: Path, samples: int = 60, west: float = -20.0, name: str = "cruise.csv") -> Path:
    """An OTC csv of a ship that sails east; its fCO2 follows from its own equilibrator; every tenth is flagged bad."""
    k = np.arange(samples)
    sst = 15 + 0.02 * k
    x, p, t, s = 390 + 0.2 * k, np.full(samples, 1015.0), sst + 0.3, np.full(samples, 35.0)
    fco2 = Takahashi.Of1993(fco2_from_xco2(x, p, t, s), t, sst)
    rows = pd.DataFrame(
        {
            "Date/Time": pd.date_range("2019-12-31T20:00", periods=samples, freq="10min").strftime(
                "%Y-%m-%dT%H:%M:%SZ"
            ),
            "Longitude": (west + 0.05 * k + 180) % 360 - 180,
            "Latitude": 50 + 0.01 * k,
            "Depth [m]": 5.0,
            "Temp [degC]": sst,
            "P_sal [psu]": s,
            "Temperature of Equilibration [degC]": t,
            "Equilibrator Pressure [hPa]": p,
            "xCO2 In Water - Calibrated In Dry Air [umol mol-1]": x,
            "xCO2 in atmosphere [umol mol-1]": 405.0,
            "Atmospheric Pressure [hPa]": 1013.0,
            "fCO2 [uatm]": fco2,
            "fCO2 [uatm] QC Flag": np.where(k % 10 == 9, 4, 2),
        }
    )
    path = folder / name
    rows.to_csv(path, index=False)
    return path
