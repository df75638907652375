"""How large a trial is: seconds in every test run, as reliability §2 has it with CHAOS=1.

`CHAOS_MINUTES=30` shrinks the long forms so that all of them together take about thirty minutes; no form
gets smaller than the short one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

#: What all long forms together take at full size, in minutes; added up from their parts.
ALL_MINUTES = 242.0


@dataclass(frozen=True, slots=True)
class Scale:
    """`share`: 0 the short form, 1 the full one."""

    share: float = 0.0

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> Scale:
        """From CHAOS and CHAOS_MINUTES. Raises ValueError for minutes that are no positive number."""
        if not environment.get("CHAOS"):
            return cls()
        text = environment.get("CHAOS_MINUTES", "")
        minutes = float(text) if text else ALL_MINUTES
        if not 0 < minutes < float("inf"):
            raise ValueError(f"CHAOS_MINUTES={text}: give minutes, such as 30")
        return cls(min(1.0, minutes / ALL_MINUTES))

    @property
    def is_long(self) -> bool:
        return self.share > 0

    def count(self, short: int, full: int) -> int:
        """How many."""
        return round(self.amount(short, full))

    def amount(self, short: float, full: float) -> float:
        """How much: seconds, votes a second."""
        return max(short, full * self.share)

    def size(self, short: int, full: int) -> int:
        """How many of what costs a size rather than time (overlays, rooms): whole in every long form."""
        return full if self.is_long else short
