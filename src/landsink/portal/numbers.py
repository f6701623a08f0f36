"""Numbers and instants as text: one way for all answers, so that they agree to the last digit."""

import json

import numpy as np


def listed(values: np.ndarray) -> str:
    """Values as a flat JSON list; float32 with nine digits, which bring the same bits back; null where not finite."""
    flat = np.asarray(values).ravel()
    if flat.dtype.kind != "f":
        return json.dumps(flat.tolist(), separators=(",", ":"))
    form = "%.9g" if flat.dtype.itemsize <= 4 else "%.17g"
    # One format for the whole list is several times faster than a loop.
    text = ",".join([form] * flat.size) % tuple(flat.tolist())
    if not np.isfinite(flat).all():
        text = text.replace("-inf", "null").replace("inf", "null").replace("nan", "null")
    return f"[{text}]"


def stamps(time: np.ndarray) -> list[str]:
    """Instants in ISO 8601: days where all are at midnight, else seconds of UTC ('2001-01-01T06:00:00Z')."""
    whole = time.astype("datetime64[D]")
    if (whole == time).all():
        return whole.astype(str).tolist()
    return instants(time)


def instants(time: np.ndarray) -> list[str]:
    """Instants in ISO 8601 to the second of UTC."""
    return [f"{text}Z" for text in time.astype("datetime64[s]").astype(str).tolist()]
