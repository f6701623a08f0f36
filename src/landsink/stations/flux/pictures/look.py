"""How a picture of a station-year looks: colours safe for colour-blind readers, light and dark, small enough for a
phone, and always with words beside it.
"""

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.dates import AutoDateLocator, DateFormatter, MonthLocator
from matplotlib.figure import Figure

INK, QUIET, GRID, GAP = "#1f2a30", "#6b7780", "#d9dee1", "#dde3e6"
OVER = "#808a90"  # on a map of colours, which are the same on a dark page
# Okabe & Ito's colours, told apart by all readers; yellow, too faint on paper, is left out.
BLUE, ORANGE, GREEN, RED, SKY, PINK = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7"
# A picture's colours become variables of the page, so that a dark page has light ink.
VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        INK: "--ink", QUIET: "--quiet", GRID: "--grid", GAP: "--gap", BLUE: "--blue", ORANGE: "--orange",
        GREEN: "--green", RED: "--red", SKY: "--sky", PINK: "--pink",
    }
)  # fmt: skip
SHARE = LinearSegmentedColormap.from_list("share", ["#cfe3ef", "#56a0cd", "#0b5a8c"])
NEE_UNIT = "µmol m⁻² s⁻¹"
NEE_LABEL = f"NEE [{NEE_UNIT}]\n+ to the air"
CARBON_LABEL = "gC m⁻²"

STYLE: Mapping[str, object] = MappingProxyType(
    {
        "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none",
        "axes.edgecolor": QUIET, "axes.labelcolor": INK, "axes.titlecolor": INK, "axes.titlesize": 10,
        "axes.titlelocation": "left", "axes.labelsize": 9, "axes.spines.top": False, "axes.spines.right": False,
        "axes.linewidth": 0.7, "axes.axisbelow": True, "grid.color": GRID, "grid.linewidth": 0.6,
        "text.color": INK, "xtick.color": QUIET, "ytick.color": QUIET, "xtick.labelcolor": INK,
        "ytick.labelcolor": INK, "xtick.labelsize": 8.5, "ytick.labelsize": 8.5, "font.family": "DejaVu Sans",
        "font.size": 9, "legend.frameon": False, "legend.fontsize": 8.5, "legend.handlelength": 1.6,
        "lines.linewidth": 1.4, "lines.markersize": 4, "svg.fonttype": "none", "svg.hashsalt": "station",
        "figure.constrained_layout.use": True, "savefig.dpi": 150, "figure.dpi": 150, "hatch.linewidth": 0.6,
    }
)  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """A drawing (SVG), its title and caption, and in words what it shows to who does not see it; `size` is small, plain
    or wide."""

    title: str
    svg: str
    caption: str
    alt: str
    size: str = "plain"


Part = Picture | str  # a sentence stands where a picture cannot be drawn


@contextmanager
def drawing() -> Iterator[None]:
    """Within it, figures have the look of the page."""
    with matplotlib.rc_context(dict(STYLE)):
        yield


def sheet(
    width: float = 4.1, height: float = 2.8, rows: int = 1, columns: int = 1
) -> tuple[Figure, list[Axes]]:
    """A figure of width by height inches and its axes."""
    figure = Figure(figsize=(width, height))
    axes = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    return figure, axes


def picture(figure: Figure, title: str, caption: str, alt: str, size: str = "plain") -> Picture:
    """The finished figure as SVG with the page's colours and names of its own."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var({variable}, {colour})")
    # The page's own letters, as any reader's machine has them.
    text = re.sub(r"'DejaVu Sans'(, *[^;\"]*)?", "system-ui, 'DejaVu Sans', sans-serif", text)
    key = re.sub(r"\W+", "-", title.lower())
    text = re.sub(r'\bid="([^"]+)"', rf'id="{key}-\1"', text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{key}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{key}-\1)", text)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    return Picture(title, text.strip(), minus(caption), minus(alt), size)


def percent(share: float) -> str:
    """A share in whole per cents; what is little is never called nothing, nor nearly all called all."""
    if 0 < share < 0.005:
        return "<1%"
    return ">99%" if 0.995 <= share < 1 else f"{share:.0%}"


def span(axis: Axes, days: np.ndarray) -> None:
    """The x axis over `days` (datetime64[D]), months by name where it is a year."""
    axis.set_xlim(days[0], days[-1] + np.timedelta64(1, "D"))
    whole = days.size > 180
    locator = MonthLocator(bymonth=range(1, 13, 2)) if whole else AutoDateLocator(maxticks=5)
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(DateFormatter("%b") if whole else DateFormatter("%d %b"))


def zero(axis: Axes) -> None:
    """A thin line at nought."""
    axis.axhline(0, color=QUIET, linewidth=0.7, zorder=1)


def bar(figure: Figure, mapped: ScalarMappable, axis: Axes, label: str) -> None:
    """A colour bar that says what it measures."""
    drawn = figure.colorbar(mapped, ax=axis, pad=0.015, fraction=0.05, aspect=18)
    drawn.set_label(label.replace("\n", ", "), fontsize=8)
    drawn.outline.set_visible(False)
    drawn.ax.tick_params(labelsize=8, length=2)


def bounds(values: np.ndarray, low: float = 1.0, high: float = 99.0) -> tuple[float, float]:
    """Percentiles of what is finite, kept apart; (0, 1) where nothing is."""
    there = values[np.isfinite(values)]
    if not there.size:
        return 0.0, 1.0
    a, b = (float(x) for x in np.percentile(there, (low, high)))
    return (a, b) if b > a else (a - 0.5, a + 0.5)


def binned(
    x: np.ndarray, y: np.ndarray, classes: int, least: int = 10
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Medians of x (class) and of y, with y's quartiles (class, 2), over classes of x with equal numbers.

    Classes of fewer than `least` pairs are merged by taking fewer of them; all are empty where there are too few.
    """
    both = np.isfinite(x) & np.isfinite(y)
    order = np.argsort(x[both], kind="stable")
    x, y = x[both][order], y[both][order]
    classes = min(classes, x.size // least)
    if classes < 1:
        return np.empty(0), np.empty(0), np.empty((0, 2))
    parts = np.array_split(np.arange(x.size), classes)
    middle = np.array([np.median(x[p]) for p in parts])
    value = np.array([np.median(y[p]) for p in parts])
    return middle, value, np.array([np.percentile(y[p], (25, 75)) for p in parts])


def minus(text: str) -> str:
    """Text with a true minus before numbers; dates and names keep their hyphens."""
    return re.sub(r"(?<!\w)-(?=\d)", "−", text)
