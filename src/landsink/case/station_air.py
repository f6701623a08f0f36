"""A record of a mole fraction through selection, days, months, trend, season and growth, to a sheet."""

from calendar import isleap
from collections.abc import Callable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr

from landsink.core.errors import DataError, LandsinkError, unknown
from landsink.stations.air import Hours, daily, fit_with_errors, monthly
from landsink.stations.air.select import codes, sound
from landsink.stations.flux.stage import Report, Step

from .station_sheet import Headline, Sheet, flag_counts, yearly

GASES = ("co2", "ch4", "n2o", "co", "sf6", "co2c13")
SELECTIONS = MappingProxyType(
    {"afternoon": Hours.Afternoon, "night": Hours.MountainNight, "all": Hours.WholeDay}
)
WORDS = MappingProxyType(
    {"PT1H": "hourly", "PT1M": "minutely", "P1D": "daily", "P1M": "monthly", "P1Y": "yearly"}
)
RESOLUTION = MappingProxyType({"P1D": "day", "P1M": "month", "P1Y": "year"})
METHOD = "Trend, season, growth: Thoning et al. 1989, 10.1029/JD094iD06p08549; errors: block bootstrap of residuals"
NOISE = "1 sd: block bootstrap of residuals; holds the noise, not the bias of the filters"
Products = dict[str, xr.Dataset]


@dataclass
class Course:
    """What became of the record so far: series by resolution, and steps."""

    report: Report
    series: dict[str, list[xr.Dataset]] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    headlines: list[Headline] = field(default_factory=list)

    def attempt(self, name: str, do: Callable[[], tuple[Any, str]]) -> Any:
        """What a step gives, or None where the record cannot bear it; either is noted, and the rest goes on."""
        self.report(name, 0.0)
        try:
            made, says = do()
        except LandsinkError as error:
            self.steps.append(Step(name, "skipped", str(error)))
            made = None
        else:
            self.steps.append(Step(name, "done", says))
        self.report(name, 1.0)
        return made

    def keep(self, resolution: str, ds: xr.Dataset) -> None:
        """Add to the series of a resolution."""
        self.series.setdefault(resolution, []).append(ds)

    def merged(self) -> dict[str, xr.Dataset]:
        """One dataset for each resolution, on all times of its parts."""
        return {r: _united(parts) for r, parts in self.series.items()}


def _united(parts: list[xr.Dataset]) -> xr.Dataset:
    """Parts on all their times; a flag where a part has no row says that the value is missing."""
    whole = xr.merge(parts, join="outer", combine_attrs="override", compat="no_conflicts")
    for name in [str(n) for n in whole.data_vars if str(n).endswith("_flag")]:
        missing = codes(whole[name]).get("missing", -1)
        attrs = whole[name].attrs
        whole[name] = whole[name].fillna(missing).astype(np.int8).assign_attrs(attrs)
    return whole


def hours(name: str) -> Hours:
    """Hours of the day by the name that the command takes."""
    if name not in SELECTIONS:
        raise unknown(name, SELECTIONS, f"the selections of hours ({', '.join(SELECTIONS)})")
    return SELECTIONS[name]


def gases(ds: xr.Dataset) -> list[str]:
    """The gases of a record that are measured, not made by a provider from others."""
    found = [str(n) for n in ds.data_vars if n in GASES]
    if not found:
        names = ", ".join(map(str, ds.data_vars))
        raise DataError(
            f"The record holds {names}.",
            f"A mole fraction: one of {', '.join(GASES)}.",
            "Tables of a provider's growth rates are results already; process the mole fractions themselves.",
        )
    return found


def label(ds: xr.Dataset, code: str) -> str:
    """What tells this record from others of its station: code, gases, height, interval, as CBW-co2-207m-hourly."""
    height = float(ds.attrs.get("intake_height", np.nan))
    parts = [code, *gases(ds), f"{height:g}m".replace(".", "p") if np.isfinite(height) else ""]
    return "-".join(p for p in [*parts, WORDS.get(ds.attrs.get("interval", ""), "samples")] if p)


def process(ds: xr.Dataset, chosen: Hours, report: Report) -> tuple[Sheet, Products, tuple[Step, ...]]:
    """The sheet of an air record, its products by name, and what became of each step."""
    course, products = Course(report), {}
    interval = str(ds.attrs.get("interval", ""))
    for gas in gases(ds):
        native = _native(ds, gas)
        course.keep("native", native)
        if interval in RESOLUTION:
            course.keep(RESOLUTION[interval], native)
        basis = _means(course, ds, gas, chosen) if interval in ("PT1H", "PT1M") else ds
        if interval == "P1Y":
            course.steps.append(
                Step(f"trend of {gas}", "skipped", "A value a year has no season to part from.")
            )
        elif basis is not None:
            _trend(course, basis, gas)
    series = course.merged()
    products |= series
    sheet = Sheet(
        station=str(ds.attrs["station"]),
        name=str(ds.attrs.get("station_name") or ds.attrs["station"]).strip(),
        domain="atmosphere",
        title=_title(ds),
        place={
            n: float(ds.attrs[n])
            for n in ("latitude", "longitude", "elevation", "intake_height")
            if np.isfinite(float(ds.attrs.get(n, np.nan)))
        },
        series=series,
        coverage=[row for gas in gases(ds) for row in _coverage(ds, gas, interval)],
        quality=[row for gas in gases(ds) for row in flag_counts(series["native"], gas)],
        headlines=course.headlines,
        notes=[str(ds.attrs[n]) for n in ("time_zone_note", "scale_note") if ds.attrs.get(n)],
        interval=interval,
        method=METHOD,
        source=str(ds.attrs.get("source", "")),
        licence=str(ds.attrs.get("licence", "")),
        citation=str(ds.attrs.get("citation", "")),
        attrs={"calibration_scale": ds.attrs.get("calibration_scale", "not stated")},
    )
    return sheet, products, tuple(course.steps)


def _title(ds: xr.Dataset) -> str:
    name = str(ds.attrs.get("station_name") or ds.attrs["station"]).strip()
    height = float(ds.attrs.get("intake_height", np.nan))
    at = f", {height:g} m above ground" if np.isfinite(height) else ""
    words = " and ".join(str(ds[g].attrs.get("long_name", g)) for g in gases(ds))
    kind = WORDS.get(str(ds.attrs.get("interval", "")), "samples")
    return f"{name}{at}: {words}, {kind}"


def _native(ds: xr.Dataset, gas: str) -> xr.Dataset:
    """The gas as it came, with its flag and spread under the sheet's names."""
    spread = next((n for n in (f"{gas}_uncertainty", f"{gas}_sd") if n in ds), None)
    belonging = str(ds[gas].attrs.get("ancillary_variables", "")).split()
    flag = next((n for n in belonging if n in ds and "flag_meanings" in ds[n].attrs), None)
    attrs = {k: v for k, v in ds[gas].attrs.items() if k != "ancillary_variables"}
    counted = any(n in ds for n in ("n", f"{gas}_n")) and spread == f"{gas}_sd"
    told = "spread of the values averaged" if counted else "as the provider states it"
    made = {gas: ds[gas].assign_attrs(uncertainty=f"1 sd: {told}", product="native")}
    made[gas].attrs = attrs | {"uncertainty": f"1 sd: {told}", "product": "as read"}
    if spread:
        made[f"{gas}_sd"] = ds[spread]
    if flag:
        made[f"{gas}_flag"] = ds[flag]
    return xr.Dataset(made, coords={"time": ds["time"]})


def _means(course: Course, ds: xr.Dataset, gas: str, chosen: Hours) -> xr.Dataset | None:
    """Days (and months) of an hourly record; the days, for the trend."""

    def days() -> tuple[xr.Dataset, str]:
        made = daily(ds, chosen, gas)
        return made, f"{int(made[gas].notnull().sum())} days; {made.attrs['selection']}."

    def months(of: xr.Dataset) -> tuple[xr.Dataset, str]:
        made = monthly(of, gas)
        return made, f"{int(made[gas].notnull().sum())} months of at least 10 days."

    by_day = course.attempt(f"days of {gas}", days)
    if by_day is None:
        return None
    course.keep("day", _mean(by_day, gas, f"spread of the hours averaged; {by_day.attrs['selection']}"))
    by_month = course.attempt(f"months of {gas}", lambda: months(by_day))
    if by_month is not None:
        course.keep("month", _mean(by_month, gas, "spread of the days averaged"))
    return by_day


def _mean(ds: xr.Dataset, gas: str, told: str) -> xr.Dataset:
    flag = {f"{gas}_flag": ds["flag"]} if "flag" in ds else {}
    made = xr.Dataset({gas: ds[gas], f"{gas}_sd": ds[f"{gas}_sd"], **flag})
    made[gas].attrs = {k: v for k, v in ds[gas].attrs.items() if k != "ancillary_variables"}
    made[gas].attrs |= {"uncertainty": f"1 sd: {told}", "product": f"stations.air, {ds.attrs['interval']}"}
    return made


def _trend(course: Course, ds: xr.Dataset, gas: str) -> None:
    def fitted() -> tuple[xr.Dataset, str]:
        made = fit_with_errors(ds, gas)
        caution = f" Caution: {made.attrs['caution']}." if made.attrs["caution"] else ""
        return made, f"{made.attrs['observations']} days; residuals {made.attrs['residual_sd']:.2g}.{caution}"

    found = course.attempt(f"trend of {gas}", fitted)
    if found is None:
        return
    word = str(ds[gas].attrs.get("long_name", gas))
    curves, rates = {}, {}
    titles = {
        "trend": f"trend of the {word}",
        "season": f"season of the {word}",
        "smooth": f"trend and season of the {word}",
    }
    for name, title in titles.items():
        curves |= _pair(found, name, f"{gas}_{name}", title)
    course.keep("day", xr.Dataset(curves))
    if found.sizes.get("year", 0) and "growth_rate" in found:
        years = np.array([f"{y}-01-01" for y in found["year"].values], "datetime64[ns]")
        by_year = found[["growth_rate", "growth_rate_sd", "amplitude", "amplitude_sd"]].rename(year="time")
        by_year = by_year.assign_coords(time=years)
        rates |= _pair(by_year, "growth_rate", f"{gas}_growth", f"growth of the {word} within the year")
        rates |= _pair(by_year, "amplitude", f"{gas}_amplitude", f"highest less lowest season of the {word}")
        course.keep("year", xr.Dataset(rates))
    course.headlines += _headlines(found, gas)


def _pair(ds: xr.Dataset, theirs: str, ours: str, title: str) -> dict[str, xr.DataArray]:
    attrs = {"units": ds[theirs].attrs.get("units", ""), "long_name": title, "uncertainty": NOISE}
    value = ds[theirs].assign_attrs(attrs | {"product": "stations.air.fit_with_errors"})
    return {ours: value, f"{ours}_sd": ds[f"{theirs}_sd"]}


def _headlines(found: xr.Dataset, gas: str) -> list[Headline]:
    unit = str(found["trend"].attrs["units"])
    last = found.isel(time=-1)
    rows = [
        Headline(
            f"{gas}, trend at the end",
            float(last["trend"]),
            float(last["trend_sd"]),
            unit,
            "",
            str(last["time"].values)[:10],
        )
    ]
    if "growth_rate" not in found:
        return rows
    known = found.isel(year=np.isfinite(found["growth_rate"].values))
    if known.sizes["year"]:
        one = known.isel(year=-1)
        rows.append(
            Headline(
                f"{gas}, growth in {int(one['year'])}",
                float(one["growth_rate"]),
                float(one["growth_rate_sd"]),
                f"{unit} yr-1",
                "positive: more of it in the air",
                "trend, 1 January to 1 January",
            )
        )
        swing = known["amplitude"].isel(year=-1), known["amplitude_sd"].isel(year=-1)
        if np.isfinite(float(swing[0])):
            says = f"highest less lowest season in {int(one['year'])}"
            rows.append(
                Headline(f"{gas}, seasonal amplitude", float(swing[0]), float(swing[1]), unit, "", says)
            )
    return rows


def _coverage(ds: xr.Dataset, gas: str, interval: str) -> list[dict[str, Any]]:
    """Hours, days or months of each year that are present, and sound by their flag."""
    years = ds["time"].values.astype("datetime64[Y]").astype(int) + 1970

    def expected(year: int) -> int | None:
        days = 366 if isleap(year) else 365
        return {"PT1H": days * 24, "PT1M": days * 1440, "P1D": days, "P1M": 12, "P1Y": 1}.get(interval)

    return yearly(gas, years, np.isfinite(ds[gas].values), sound(ds, gas), expected)
