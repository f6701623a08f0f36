"""What a trial of a file found: every defect with what was expected and what to do."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Defect:
    """One thing that keeps a file out: where it is, what was found, what was expected, and the remedy."""

    where: str
    found: str
    expected: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.found} {self.expected} {self.remedy}".strip()


@dataclass(frozen=True)
class Facts:
    """What a file says of itself. `columns`: name -> units, description. `bbox`: west, south, east, north."""

    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    bbox: tuple[float, float, float, float] | None = None
    start: str | None = None
    end: str | None = None
    sizes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """The outcome of a trial. Without defects the file can be ingested, and would bear `id`."""

    path: Path
    specification: str
    sha256: str
    id: str
    size: int
    facts: Facts
    defects: tuple[Defect, ...]
    known: bool = False

    @property
    def accepted(self) -> bool:
        """Whether nothing keeps the file out."""
        return not self.defects

    def __str__(self) -> str:
        if self.accepted:
            again = ", which the catalogue holds already" if self.known else ""
            return f"{self.path.name}: nothing keeps it out; its identifier is {self.id}{again}."
        rows = "\n".join(f"  {n}. {d}" for n, d in enumerate(self.defects, 1))
        return f"{self.path.name} has {len(self.defects)} defects as '{self.specification}':\n{rows}"

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        facts = {
            "columns": self.facts.columns,
            "bbox": self.facts.bbox,
            "start": self.facts.start,
            "end": self.facts.end,
            "sizes": self.facts.sizes,
        }
        return {
            "file": self.path.name,
            "specification": self.specification,
            "accepted": self.accepted,
            "id": self.id,
            "sha256": self.sha256,
            "size": self.size,
            "known": self.known,
            "facts": facts,
            "defects": [vars(d) for d in self.defects],
        }
