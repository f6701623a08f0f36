"""Generated weather: a smooth climate of Europe plus noise that has memory in time and reach in space.

Nothing here is observed but the yearly carbon dioxide. Climate figures are round numbers in the range of European
station climatologies; they make a world to test methods in, not a description of this one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from landsink.core.late import Late

# They load half of scipy, and a server that only offers what it could compute needs none of it.
special = Late("scipy.special")
signal = Late("scipy.signal")

FREEZING = 273.15
MILLIMETRE_PER_DAY = 1.0 / 86400.0
SOLAR_CONSTANT = 1361.0  # W m-2
EARTH_RADIUS = 6371.0  # km
YEAR = 365.25
WARMING = 0.35 / 10.0  # K per year around WARMING_CENTRE
WARMING_CENTRE = 2005.5
REACH = 900.0  # km over which weather is alike
# (memory from day to day, standard deviation) of warm and cold spells, of seasons that stay unusual, of wet weather
SPELL = (0.80, 2.6)
SEASON = (0.975, 1.1)
WET = (0.55, 1.0)
RAIN_SHAPE = 0.75
BURNT_PER_YEAR = 0.004  # share of the area in the driest summers

# Global marine surface annual means, ppm: Lan, Tans and Thoning, NOAA Global Monitoring Laboratory,
# doi:10.15138/9N0H-ZH07.
CO2_FIRST_YEAR = 1980
CO2_PPM = (
    338.91, 340.11, 340.85, 342.53, 344.07, 345.54, 346.97, 348.68, 351.16, 352.79,
    354.06, 355.40, 356.09, 356.84, 358.33, 360.18, 361.93, 363.04, 365.70, 367.80,
    368.96, 370.57, 372.58, 375.14, 376.95, 378.98, 381.15, 382.90, 385.02, 386.50,
    388.75, 390.62, 392.65, 395.40, 397.34, 399.65, 403.07, 405.22, 407.61, 410.07,
    412.44, 414.70, 417.08, 419.35, 422.79,
)  # fmt: skip
CO2_LAST_YEAR = CO2_FIRST_YEAR + len(CO2_PPM) - 1


@dataclass(frozen=True)
class Climate:
    """What stays from year to year, one value a cell: degrees, kelvin, wet-day share, millimetres a wet day."""

    lat: np.ndarray
    lon: np.ndarray

    @property
    def tas(self) -> np.ndarray:
        """Annual mean temperature [K]: colder to the north and the east."""
        return FREEZING + 17.0 - 0.46 * (self.lat - 38.0) - 0.08 * np.maximum(self.lon, 0.0)

    @property
    def swing(self) -> np.ndarray:
        """Half the distance from January to July [K]: the continent's is twice the ocean's."""
        return np.clip(5.5 + 0.19 * (self.lon + 10.0) + 0.05 * (self.lat - 45.0), 4.0, 16.0)

    @property
    def south(self) -> np.ndarray:
        """1 in the Mediterranean, 0 north of the Alps."""
        return 1.0 / (1.0 + np.exp((self.lat - 43.5) / 1.5))

    @property
    def ocean(self) -> np.ndarray:
        """1 on the Atlantic coast, falling to the east."""
        return np.exp(-np.maximum(self.lon + 8.0, 0.0) / 18.0)

    def summer(self, day: np.ndarray) -> np.ndarray:
        """The season (day, 1): +1 in late July, -1 in late January."""
        return np.cos(2 * np.pi * (day - 203.0) / YEAR)[:, None]

    def wet_share(self, day: np.ndarray) -> np.ndarray:
        """Share of days with rain (day, cell): Mediterranean summers are dry."""
        base = 0.34 + 0.18 * self.ocean * (1.0 - 0.6 * self.south)
        return np.clip(base - self.south * (0.10 + 0.16 * self.summer(day)), 0.03, 0.75)

    def rain(self, day: np.ndarray) -> np.ndarray:
        """Rain of a wet day [mm] (day, cell): showers of continental summers are heavier."""
        return 4.0 + 1.8 * self.ocean + 0.8 * self.south + 1.2 * self.summer(day) * (1.0 - self.ocean)


def sunlight(lat: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Daily mean solar radiation above the atmosphere [W m-2] (day, cell), from Spencer-type astronomy."""
    turn = 2 * np.pi * day[:, None] / YEAR
    tilt = np.deg2rad(-23.44) * np.cos(turn + 2 * np.pi * 10.0 / YEAR)
    phi = np.deg2rad(lat)
    dusk = np.arccos(np.clip(-np.tan(phi) * np.tan(tilt), -1.0, 1.0))
    height = dusk * np.sin(phi) * np.sin(tilt) + np.cos(phi) * np.cos(tilt) * np.sin(dusk)
    return SOLAR_CONSTANT / np.pi * (1.0 + 0.033 * np.cos(turn)) * np.maximum(height, 0.0)


def saturation(tas: np.ndarray) -> np.ndarray:
    """Saturation vapour pressure over water [Pa] at `tas` [K], Magnus form (Alduchov and Eskridge 1996).

    In numpy, since the kernels' own is compiled and may run in single precision.
    """
    celsius = tas - FREEZING
    return 610.94 * np.exp(17.625 * celsius / (celsius + 243.04))


def co2(year: int, day: np.ndarray) -> np.ndarray:
    """Mole fraction of carbon dioxide [mol mol-1] (day): observed years, joined, and a northern season."""
    years = np.arange(CO2_FIRST_YEAR, CO2_LAST_YEAR + 1) + 0.5
    when = year + (day - 0.5) / YEAR
    season = 4.5 * np.cos(2 * np.pi * (day - 110.0) / YEAR)
    return (np.interp(when, years, CO2_PPM) + season) * 1e-6


def correlation_root(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Lower root (cell, cell) of exp(-distance / REACH), which turns white noise into weather maps."""
    phi, lam = np.deg2rad(lat), np.deg2rad(lon)
    east = np.sin((lam[:, None] - lam) / 2) ** 2
    chord = np.sin((phi[:, None] - phi) / 2) ** 2 + np.cos(phi)[:, None] * np.cos(phi) * east
    distance = 2 * EARTH_RADIUS * np.arcsin(np.sqrt(chord))
    return np.linalg.cholesky(np.exp(-distance / REACH) + 1e-9 * np.eye(lat.size))


def persist(noise: np.ndarray, memory: float, before: np.ndarray) -> np.ndarray:
    """First-order autoregression (day, cell) of unit variance, from white noise and the day before (cell)."""
    scaled = noise * np.sqrt(1.0 - memory**2)
    days, _ = signal.lfilter([1.0], [1.0, -memory], scaled, axis=0, zi=(memory * before)[None, :])
    return days


def years(climate: Climate, seed: int, first: int, last: int) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Each year's days (day, cell) in canonical units.

    A year's noise hangs on the seed and the year, and its start on the year before, so that a later `last` changes
    nothing earlier.
    """
    root = correlation_root(climate.lat, climate.lon)
    cells = climate.lat.size
    state = [root @ row for row in np.random.default_rng([seed, first, 0]).standard_normal((3, cells))]
    for year in range(first, last + 1):
        length = 366 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 365
        random = np.random.default_rng([seed, year, 1])
        fields = []
        for i, (memory, spread) in enumerate((SPELL, SEASON, WET)):
            unit = persist(random.standard_normal((length, cells)) @ root.T, memory, state[i])
            state[i] = unit[-1]
            fields.append(spread * unit)
        showers = random.standard_gamma(RAIN_SHAPE, (length, cells)) / RAIN_SHAPE
        yield year, weather(climate, year, np.arange(1, length + 1), fields, showers)


def weather(
    climate: Climate, year: int, day: np.ndarray, fields: list[np.ndarray], showers: np.ndarray
) -> dict[str, np.ndarray]:
    """One year's variables (day, cell) from the noise of temperature (two) and wetness, and the showers' sizes."""
    spell, season, wetness = fields
    summer = climate.summer(day)
    share = climate.wet_share(day)
    wet = wetness > special.ndtri(1.0 - share)
    cloud = special.ndtr(0.8 * wetness + 1.1 * special.ndtri(share) + 0.45)
    # Clear skies warm the summer and cool the winter.
    local = (0.85 - 0.2 * summer) * spell + season - 1.5 * summer * (cloud - 0.55)
    warming = WARMING * (year + day[:, None] / YEAR - WARMING_CENTRE)
    tas = climate.tas + climate.swing * summer + local + warming
    span = (4.0 + 9.0 * (1.0 - cloud)) * (0.85 + 0.25 * summer)
    # The night's minimum falls to the dew point in wet weather, and stays above it in dry southern summers.
    dry = (0.3 + 4.0 * (1.0 - cloud)) * (0.5 + 0.5 * climate.south + 0.3 * summer)
    low, high = tas - span / 2, tas + span / 2
    vpd = (saturation(low) + saturation(high)) / 2 - saturation(low - np.maximum(dry, 0.1))
    dryness = climate.south * np.maximum(summer, 0.0) * (1.0 - cloud)
    return {
        "tas": tas,
        "tasmin": low,
        "tasmax": high,
        "rsds": sunlight(climate.lat, day) * (0.76 - 0.50 * cloud),
        "vpd": vpd,
        "pr": np.where(wet, climate.rain(day) * showers, 0.0) * MILLIMETRE_PER_DAY,
        "co2": np.broadcast_to(co2(year, day)[:, None], tas.shape),
        "ps": 101325.0 - 500.0 * wetness,
        "burntFraction": BURNT_PER_YEAR * dryness / (YEAR / 4 * 86400.0),
    }
