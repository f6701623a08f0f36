"""The look of every figure: light, legible, safe for colour-blind readers."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

INK, QUIET, PAPER, LAND = "#1f2a30", "#6b7780", "#ffffff", "#e9ecee"
LINE, BAND, WARN = "#00567a", "#8fc1d9", "#b34700"
MEAN = "viridis"
TO_AIR, INTO_LAND = "BrBG_r", "BrBG"
GENERATED = "GENERATED DATA — not observed"

STYLE: Mapping[str, object] = MappingProxyType(
    {
        "figure.facecolor": PAPER,
        "axes.facecolor": PAPER,
        "axes.edgecolor": QUIET,
        "axes.labelcolor": INK,
        "axes.titlecolor": INK,
        "axes.titlesize": 10.5,
        "axes.titlelocation": "left",
        "axes.labelsize": 9.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.7,
        "text.color": INK,
        "xtick.color": QUIET,
        "ytick.color": QUIET,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "xtick.labelsize": 8.5,
        "ytick.labelsize": 8.5,
        "font.family": "DejaVu Sans",
        "font.size": 9.5,
        "legend.frameon": False,
        "legend.fontsize": 8.5,
        "savefig.dpi": 130,
    }
)


def headed(figure: Figure, title: str, note: str, generated: bool) -> None:
    """Give a figure its title, a small note below, and a mark where the data are generated."""
    figure.suptitle(title, x=0.012, ha="left", fontsize=12, fontweight="bold", color=INK)
    foot = figure.supxlabel(
        f"{GENERATED}.   {note}" if generated else note, x=0.012, ha="left", fontsize=8, color=QUIET
    )
    if generated:
        # On the picture itself, since pictures leave their page.
        foot.set(color=PAPER, bbox={"facecolor": WARN, "edgecolor": "none", "boxstyle": "square,pad=0.4"})


def spread_colours() -> ListedColormap:
    """Colours of an uncertainty: light is little; the darkest end is left out, to keep borders legible."""
    return ListedColormap(colormaps["magma_r"](np.linspace(0.02, 0.82, 256)), name="spread")


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png")
    return path
