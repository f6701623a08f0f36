"""What towers measure, under FLUXNET's names and units: other units converted, replicates chosen, VPD from humidity."""

import re
from collections.abc import Iterable, Mapping

import numpy as np

# FLUXNET's name: unit.
UNITS: dict[str, str] = {
    "NEE": "umol m-2 s-1", "FC": "umol m-2 s-1", "SC": "umol m-2 s-1", "LE": "W m-2", "H": "W m-2", "SLE": "W m-2",
    "SH": "W m-2", "USTAR": "m s-1", "TA": "degC", "VPD": "hPa", "RH": "%", "SW_IN": "W m-2", "SW_IN_POT": "W m-2",
    "SW_OUT": "W m-2", "LW_IN": "W m-2", "LW_OUT": "W m-2", "NETRAD": "W m-2", "G": "W m-2", "PPFD_IN": "umol m-2 s-1",
    "PPFD_OUT": "umol m-2 s-1", "P": "mm", "PA": "kPa", "WS": "m s-1", "WD": "degree", "TS": "degC", "SWC": "%",
    "CO2": "umol mol-1", "MO_LENGTH": "m", "WTD": "m", "TAU": "kg m-1 s-2",
    "ZL": "1", "V_SIGMA": "m s-1", "W_SIGMA": "m s-1",
}  # fmt: skip
FLAGS = ("_QC", "_SSITC_TEST")
NEVER_NEGATIVE = frozenset(["USTAR", "VPD", "RH", "PA", "P", "WS", "WD", "SWC", "CO2", "PPFD_IN"])
# No quantity of a tower falls so low in any unit in use: what does was a missing mark before somebody reckoned with it.
IMPOSSIBLE = -999.0
ZERO_CELSIUS = 273.15

# Units as people write them, in small letters without signs between: factor and offset to FLUXNET's unit.
SCALES: dict[str, dict[str, tuple[float, float]]] = {
    "degC": {"k": (1.0, -ZERO_CELSIUS), "degk": (1.0, -ZERO_CELSIUS), "kelvin": (1.0, -ZERO_CELSIUS)},
    "hPa": {"kpa": (10.0, 0.0), "pa": (0.01, 0.0)},
    "kPa": {"hpa": (0.1, 0.0), "mbar": (0.1, 0.0), "mb": (0.1, 0.0), "pa": (0.001, 0.0)},
    "%": {"m3m3": (100.0, 0.0), "m3m-3": (100.0, 0.0), "fraction": (100.0, 0.0)},
    "mm": {"m": (1000.0, 0.0), "cm": (10.0, 0.0)},
    "umol m-2 s-1": {
        "mgco2m-2s-1": (1000.0 / 44.0095, 0.0), "mgm-2s-1": (1000.0 / 44.0095, 0.0),
        "mmolm-2s-1": (1000.0, 0.0), "gcm-2s-1": (1e6 / 12.011, 0.0),
    },
    "umol mol-1": {"mmolmol-1": (1000.0, 0.0)},
}  # fmt: skip
SAME: dict[str, frozenset[str]] = {
    "degC": frozenset(["degc", "c", "°c", "celsius", "degreec"]),
    "hPa": frozenset(["hpa", "mbar", "mb"]),
    "kPa": frozenset({"kpa"}),
    "%": frozenset(["%", "percent"]),
    "mm": frozenset(["mm", "mm30min-1", "mm/30min", "kgm-2"]),
    "umol m-2 s-1": frozenset(
        ["umolm-2s-1", "umols-1m-2", "umolco2m-2s-1", "umol/m2/s", "umol/m^2/s", "umolphotonsm-2s-1"]
    ),
    "umol mol-1": frozenset(["umolmol-1", "ppm", "ppmv", "umolco2mol-1", "umol/mol"]),
    "W m-2": frozenset(["wm-2", "w/m2", "w/m^2", "wmeter-2"]),
    "m s-1": frozenset(["ms-1", "m/s"]),
    "degree": frozenset(["deg", "degree", "degrees", "degfromnorth", "°"]),
    "1": frozenset({"#"}),
    "m": frozenset({"m"}),
    "kg m-1 s-2": frozenset(["kgm-1s-2", "nm-2"]),
}

POSITION = re.compile(r"^(?P<base>[A-Z][A-Z0-9_]*?)_(?P<h>\d+)_(?P<v>\d+)_(?P<r>\d+|A)$")
LAYER = re.compile(r"^(?P<base>[A-Z][A-Z0-9_]*?)_(?P<v>\d+)$")


def scale(base: str, written: str) -> tuple[float, float] | None:
    """(factor, offset) from a `written` unit to FLUXNET's unit of `base`; None where the unit is not understood."""
    ours = UNITS.get(base, "")
    plain = re.sub(r"[\ufffdµμ](?=mol)", "u", written).lower()
    plain = re.sub(r"\+1(?!\d)|_[ad](?=-1)", "", plain)  # [W+1m-2], mol of moist air or of dry
    plain = re.sub(r"[^a-z0-9%/^°#-]", "", plain)
    if plain in SAME.get(ours, ()):
        return (1.0, 0.0)
    return SCALES.get(ours, {}).get(plain)


def to_fluxnet(base: str, values: np.ndarray, written: str, notes: list[str]) -> np.ndarray:
    """Values (time) of `base` in FLUXNET's unit from the unit `written` in the file ('' is FLUXNET's own)."""
    if written.strip(" -[]") == "" or base not in UNITS:
        return values
    found = scale(base, written)
    if found is None:
        notes.append(f"{base}: the unit '{written[:30]}' is not understood; taken as {UNITS[base]}.")
        return values
    if found != (1.0, 0.0):
        notes.append(f"{base}: from {written.strip('[]')} to {UNITS[base]}.")
    return values * found[0] + found[1]


def reckoned(base: str, values: np.ndarray, notes: list[str]) -> np.ndarray:
    """Values (time) without missing marks that somebody reckoned with, such as -9999 / 10 or a mean with one in it.

    Below -999 nothing is measured; a quantity that is never negative shows the digits of -9999 at any power of ten.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        wrong = values <= IMPOSSIBLE
        if base in NEVER_NEGATIVE:
            power = np.log10(-np.where(values < 0, values, np.nan) / 9.999)
            wrong |= np.abs(power - np.round(power)) < 1e-7
    if wrong.any():
        notes.append(
            f"{base}: {int(wrong.sum())} values come of reckoning with a missing mark (-9999); taken as missing."
        )
    return np.where(wrong, np.nan, values)


def positions(names: Iterable[str], bases: Iterable[str]) -> dict[str, list[tuple[int, int, str, str]]]:
    """For each base its columns with a position: (vertical index, horizontal index, replicate, column), topmost first.

    FLUXNET counts positions as `_H_V_R`, 1 the highest in air and the shallowest in soil; `A` is a mean of replicates.
    """
    wanted = set(bases)
    found: dict[str, list[tuple[int, int, str, str]]] = {}
    for name in names:
        match = POSITION.match(name)
        if match and match["base"] in wanted:
            found.setdefault(match["base"], []).append((int(match["v"]), int(match["h"]), match["r"], name))
        elif (match := LAYER.match(name)) and match["base"] in wanted:
            found.setdefault(match["base"], []).append((int(match["v"]), 1, "1", name))
    return {
        base: sorted(rows, key=lambda row: (row[0], row[2] != "A", row[1], row[2]))
        for base, rows in found.items()
    }


def chosen(
    base: str, columns: Mapping[str, np.ndarray], rows: list[tuple[int, int, str, str]], notes: list[str]
) -> str:
    """The column that stands for a base: of the topmost position with any number, the replicate with most of them."""
    counts = {name: int(np.isfinite(columns[name]).sum()) for *_, name in rows}
    level = next((v for v, _, _, name in rows if counts[name]), rows[0][0])
    best = max((name for v, _, _, name in rows if v == level), key=lambda name: counts[name])
    if len(rows) > 1:
        notes.append(f"{base}: {best} of {len(rows)} positions and replicates.")
    return best


def vapour_pressure_deficit(ta: np.ndarray, rh: np.ndarray) -> np.ndarray:
    """Vapour pressure deficit [hPa] of air at `ta` [degC] and relative humidity `rh` [%] (any shape).

    e_s = 6.1094 exp(17.625 T / (243.04 + T)), Magnus' form as fitted by Alduchov & Eskridge 1996
    (doi:10.1175/1520-0450(1996)035<0601:IMFAOS>2.0.CO;2, eq. 21); VPD = e_s (1 - RH / 100), not below 0.
    """
    sound = np.where((ta > -100) & (ta < 100), ta, np.nan)
    return np.maximum(6.1094 * np.exp(17.625 * sound / (243.04 + sound)) * (1 - rh / 100), 0.0)


def by_magnitude(columns: dict[str, np.ndarray], notes: list[str]) -> dict[str, np.ndarray]:
    """Columns (time), units mended that their size betrays: kelvin, Pa or hPa for kPa, shares for %, kPa for hPa."""
    out = dict(columns)

    def rescale(base: str, factor: float, offset: float, unit: str) -> None:
        out[base] = out[base] * factor + offset
        notes.append(f"{base}: values are of the size of {unit}; brought to {UNITS[base]}.")

    for base, middle in ((base, _middle(out[base])) for base in ("TA", "TS", "PA") if base in out):
        if base != "PA" and 150 < middle < 350:
            rescale(base, 1.0, -ZERO_CELSIUS, "kelvin")
        elif base == "PA" and 400 < middle < 1100:
            rescale(base, 0.1, 0.0, "hPa")
        elif base == "PA" and 40_000 < middle < 110_000:
            rescale(base, 0.001, 0.0, "Pa")
    if "RH" in out and (top := _top(out["RH"])) <= 1.05 and top > 0 and _middle(out["RH"]) > 0.05:
        rescale("RH", 100.0, 0.0, "a share")
    if {"VPD", "RH", "TA"} <= set(out):
        expected = vapour_pressure_deficit(out["TA"], out["RH"])
        ratio = _middle(np.where(expected > 1, out["VPD"] / np.where(expected > 1, expected, 1), np.nan))
        if 0.08 < ratio < 0.125:
            rescale("VPD", 10.0, 0.0, "kPa (RH and TA give ten times as much)")
        elif 80 < ratio < 125:
            rescale("VPD", 0.01, 0.0, "Pa (RH and TA give a hundredth)")
    return out


def _middle(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else np.nan


def _top(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.max()) if known.size else np.nan
