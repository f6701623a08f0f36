"""What a reader is asked beside the file: columns to carry along, and what the file itself may not say."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Request:
    """`also`: columns as they are; `year`: of a file that counts days only; `side`: what a lone stamp marks."""

    also: tuple[str, ...] = ()
    year: int | None = None
    side: Literal["start", "end", "middle"] | None = None
