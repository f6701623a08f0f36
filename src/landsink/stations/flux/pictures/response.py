"""What NEE makes of light and of warmth, by season, and the parameters that the partitionings found."""

import numpy as np

from landsink.stations.flux.pictures.look import (
    BLUE,
    GREEN,
    NEE_LABEL,
    ORANGE,
    RED,
    Part,
    binned,
    picture,
    sheet,
    span,
    zero,
)
from landsink.stations.flux.pictures.stationyear import StationYear

SEASONS = (
    ("Dec–Feb", (12, 1, 2), BLUE, "o-"),
    ("Mar–May", (3, 4, 5), GREEN, "s--"),
    ("Jun–Aug", (6, 7, 8), RED, "^-"),
    ("Sep–Nov", (9, 10, 11), ORANGE, "D:"),
)
PARAMETERS = {
    "NT_RREF": ("RECO at 15 °C, night-time", "nt_step", BLUE, "-"),
    "DT_RREF": ("RECO at 15 °C, day-time", "dt_window", RED, "--"),
}


def responses(at: StationYear) -> list[Part]:
    """NEE by day against light, by night against temperature, by season; then the windows' parameters."""
    return [_light(at), _warmth(at), _reference(at), _sensitivity(at)]


def _light(at: StationYear) -> Part:
    light, label = at.measured("PPFD_IN"), "PPFD_IN [µmol m⁻² s⁻¹]"
    if light is None:
        light, label = at.measured("SW_IN"), "SW_IN [W m⁻²]"
    if light is None or at.kept is None:
        return "Light response: it needs measured NEE, and SW_IN or PPFD_IN."
    return _by_season(at, light, ~at.night, "Light response", label, "Day NEE")


def _warmth(at: StationYear) -> Part:
    warmth = at.measured("TA")
    if warmth is None or at.kept is None:
        return "Temperature response: it needs measured NEE and TA."
    return _by_season(at, warmth, at.night, "Temperature response", "TA [°C]", "Night NEE")


def _by_season(at: StationYear, x: np.ndarray, when: np.ndarray, title: str, label: str, what: str) -> Part:
    figure, (axis,) = sheet(4.1, 3.2)
    said = []
    for name, months, colour, style in SEASONS:
        here = when & np.isin(at.month, months)
        middle, value, quartiles = binned(x[here], at.kept[here], 12, 20)
        if middle.size >= 2:
            axis.plot(
                middle,
                value,
                style,
                color=colour,
                label=f"{name} ({np.isfinite(x[here] + at.kept[here]).sum()})",
            )
            axis.fill_between(middle, quartiles[:, 0], quartiles[:, 1], color=colour, alpha=0.13, linewidth=0)
            said.append(f"{name} {value[0]:.1f} to {value[-1]:.1f}")
    if not said:
        return f"{title}: too few values that were measured and kept in any season."
    zero(axis)
    axis.set_xlabel(label)
    axis.set_ylabel(NEE_LABEL)
    figure.legend(loc="outside lower center", ncols=2)
    caption = f"{what}, measured and kept: medians of classes with equal numbers, shaded between quartiles."
    return picture(
        figure, title, caption, f"{title} of {at.year}, lowest to highest class: {'; '.join(said)} {label}."
    )


def _of_window(at: StationYear, name: str, own: str) -> tuple[np.ndarray, np.ndarray] | None:
    """(start of window, value) of a parameter within the year; of versions the middle one."""
    source = at.windows if at.windows is not None and name in at.windows else at.record
    if name not in source or own not in source[name].dims or own not in source.coords:
        return None
    values = source[name]
    for dim in [d for d in values.dims if d != own]:
        values = values.isel({dim: values.sizes[dim] // 2})
    begins = source[own].values
    if not np.issubdtype(begins.dtype, np.datetime64):
        return None
    here = begins.astype("datetime64[Y]").astype(int) + 1970 == at.year
    fate = f"{name.split('_')[0]}_FATE"
    sound = here & np.isfinite(values.values)
    if fate in source and source[fate].dims == (own,):
        sound &= source[fate].values == 0
    return (begins[sound], values.values[sound]) if sound.any() else None


def _drawn(at: StationYear, rows: dict, title: str, label: str, absent: str) -> Part:
    figure, (axis,) = sheet(4.1, 2.6)
    said = []
    for name, (text, own, colour, style) in rows.items():
        found = _of_window(at, name, own)
        if found is not None:
            axis.plot(*found, style, color=colour, label=text, marker=".")
            said.append(f"{text}: median {np.median(found[1]):.3g}")
    if not said:
        return absent
    span(axis, at.days)
    axis.set_ylim(0, None)
    axis.set_ylabel(label)
    figure.legend(loc="outside lower center", ncols=1)
    caption = f"{'; '.join(said)}. One point a window, at its start."
    return picture(figure, title, caption, f"{title} over {at.year}. {caption}")


def _reference(at: StationYear) -> Part:
    return _drawn(
        at,
        PARAMETERS,
        "Respiration by window",
        "Rref [µmol m⁻² s⁻¹]\n+ to the air",
        "No window's respiration is kept.",
    )


def _sensitivity(at: StationYear) -> Part:
    rows = {"DT_BETA": ("uptake at full light (β), day-time", "dt_window", GREEN, "-")}
    return _drawn(
        at,
        rows,
        "Uptake by window",
        "β [µmol m⁻² s⁻¹]\n+ into the land",
        "No window's light response is kept.",
    )
