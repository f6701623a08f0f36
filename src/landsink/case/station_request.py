"""What a user asks for of a station: files, and what they do not say of themselves."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class StationFiles:
    """A file, archive or folder, and what it does not say of itself; None where it does.

    domain: ecosystem, atmosphere or ocean; told from the file if None. height [m above ground] of an air intake.
    hours: which hours of the day an air record's means are made of: afternoon, night, all. fco2_error: one standard
    deviation of fCO2 [µatm], where the operator knows it.
    """

    path: Path
    site: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    utc_offset: float | None = None
    year: int | None = None
    domain: str | None = None
    height: float | None = None
    hours: str = "afternoon"
    fco2_error: float | None = None
