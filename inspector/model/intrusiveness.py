"""How far a scan goes beyond what an ordinary client does."""

from __future__ import annotations

from enum import StrEnum


class Intrusiveness(StrEnum):
    """How far a scan goes.

    ``passive``: no packet to the target. ``polite``: what an ordinary client sends. ``intrusive``: anything else.
    """

    PASSIVE = "passive"
    POLITE = "polite"
    INTRUSIVE = "intrusive"

    def within(self, granted: Intrusiveness) -> bool:
        """Whether an authorisation that grants ``granted`` permits this intrusiveness."""
        return _ORDER[self] <= _ORDER[granted]


_ORDER = {each: place for place, each in enumerate(Intrusiveness)}
