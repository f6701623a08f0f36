"""Colour tables: 256 colours each, shared by tiles, legend and map; one JSON file holds them for the page too."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from io import BytesIO
from types import MappingProxyType

import numpy as np
from PIL import Image

from landsink.core.errors import unknown

# No two bounds are closer than this, so that nothing is divided by nought.
TINY = np.finfo(float).tiny


@cache
def tables() -> Mapping[str, np.ndarray]:
    """All colour tables by name, each (256, 3) of uint8 from low to high; those of Matplotlib, and `grey`."""
    text = (files("landsink.portal") / "colours.json").read_text()
    found = {name: np.array(rows, np.uint8) for name, rows in json.loads(text).items()}
    for rows in found.values():
        rows.flags.writeable = False
    return MappingProxyType(found)


def table(name: str) -> np.ndarray:
    """One colour table, (256, 3) of uint8; UnknownName with the near misses."""
    if name not in tables():
        raise unknown(name, tables(), f"the colour tables ({', '.join(tables())})")
    return tables()[name]


def picture(values: np.ndarray, low: float, high: float, colours: str) -> bytes:
    """A PNG of 2-D values, the first row on top: `low` and below in the first colour, `high` and above in the last.

    What is not finite is transparent.
    """
    shown = np.isfinite(values)
    # In double precision, halved: bounds that somebody asks for may be any number, and so may their difference be.
    wide = np.where(shown, values, 0.0).astype(float)
    with np.errstate(over="ignore"):
        # What is too large for a number is above `high`, and is clipped.
        scaled = np.clip((wide / 2 - low / 2) / max(high / 2 - low / 2, TINY), 0.0, 1.0)
    # Number 0 of the palette is 'nothing', which leaves 255 for the colours.
    image = Image.fromarray(np.where(shown, 1 + np.rint(scaled * 254), 0).astype(np.uint8), "L")
    image.putpalette(
        [0, 0, 0, *table(colours)[np.rint(np.linspace(0, 255, 255)).astype(int)].ravel().tolist()]
    )
    out = BytesIO()
    image.save(out, "PNG", transparency=0, compress_level=6)
    return out.getvalue()
