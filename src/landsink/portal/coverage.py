"""CoverageJSON: grids and point series, with their parameters; and the units and names that it wants."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from landsink.catalogue.releases import Variable
from landsink.portal.numbers import instants, listed

MEDIA = "application/vnd.cov+json"
# The name of an older registration, which OGC EDR 1.1 asks for, and plain JSON; both are given to who accepts them.
ALSO = ("application/prs.coverage+json", "application/json")
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
WKT = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],'
    'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]]'
)
REFERENCING = (
    {"coordinates": ["x", "y"], "system": {"type": "GeographicCRS", "id": CRS84}},
    {"coordinates": ["t"], "system": {"type": "TemporalRS", "calendar": "Gregorian"}},
)
UCUM_TYPE = "http://www.opengis.net/def/uom/UCUM/"
# Where UCUM spells a unit otherwise than CF; 'kg m-2' becomes 'kg.m-2'.
UCUM: Mapping[str, str] = MappingProxyType(
    {
        "degC": "Cel",
        "yr-1": "a-1",
        "year-1": "a-1",
        "day-1": "d-1",
        "degrees_north": "deg",
        "degrees_east": "deg",
    }
)


def ucum(unit: str) -> str:
    """A CF unit as UCUM writes it."""
    return ".".join(UCUM.get(word, word) for word in unit.split()) or "1"


def spoken(name: str, title: str, unit: str) -> dict[str, Any]:
    """A parameter of EDR without more: its name, what it is and its unit."""
    symbol = {"value": ucum(unit), "type": UCUM_TYPE}
    return {
        "type": "Parameter",
        "id": name,
        "description": title,
        "unit": {"label": unit, "symbol": symbol},
        "observedProperty": {"id": f"#{name}", "label": title},
    }


def plain(told: Any) -> Any:
    """A parameter of CoverageJSON as EDR writes it: texts in one language, as strings."""
    if not isinstance(told, dict):
        return told
    return told["en"] if set(told) == {"en"} else {key: plain(value) for key, value in told.items()}


def parameter(name: str, variable: Variable) -> dict[str, Any]:
    """A parameter of CoverageJSON and EDR: what is observed, in which unit, with which sign."""
    spread = name == variable.sd
    what = f"{variable.title}, standard deviation" if spread else variable.title
    signed = f"{what}; {variable.sign}" if variable.sign and not spread else what
    named = variable.standard_name and not spread
    return {
        "type": "Parameter",
        "id": name,
        "description": {"en": signed},
        "unit": {
            "label": {"en": variable.unit},
            "symbol": {"value": ucum(variable.unit), "type": UCUM_TYPE},
        },
        "observedProperty": {
            "id": f"http://vocab.nerc.ac.uk/standard_name/{variable.standard_name}/" if named else f"#{name}",
            "label": {"en": what},
        },
    }


def document(
    axes: Mapping[str, Any],
    parameters: Mapping[str, Any],
    values: Mapping[str, np.ndarray],
    about: Mapping[str, Any],
) -> str:
    """A Coverage as JSON text: a PointSeries where `axes` hold one place, else a Grid.

    `axes`: x, y in degrees and t as datetime64; `values`: (t, y, x) each; `about`: further members, such as the source.
    """
    point = len(axes["x"]) == len(axes["y"]) == 1
    told = {name: {"values": np.asarray(axes[name], float).tolist()} for name in ("x", "y")}
    domain = {
        "type": "Domain",
        "domainType": "PointSeries" if point else "Grid",
        "axes": {**told, "t": {"values": instants(axes["t"])}},
        "referencing": list(REFERENCING),
    }
    head = {"type": "Coverage", "domain": domain, "parameters": parameters, **about}
    ranges = ",".join(f"{json.dumps(name)}:{_range(array, point)}" for name, array in values.items())
    return f'{json.dumps(head, ensure_ascii=False, separators=(",", ":"))[:-1]},"ranges":{{{ranges}}}}}'


def _range(array: np.ndarray, point: bool) -> str:
    names, shape = (["t"], [array.shape[0]]) if point else (["t", "y", "x"], list(array.shape))
    head = {"type": "NdArray", "dataType": "float", "axisNames": names, "shape": shape}
    return f'{json.dumps(head, separators=(",", ":"))[:-1]},"values":{listed(array)}}}'
