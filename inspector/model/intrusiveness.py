"""How much a question asks of its target."""

from __future__ import annotations

from enum import StrEnum


class Intrusiveness(StrEnum):
    """How a scan meets its target.

    ``passive``: no packet to the target. ``polite``: what an ordinary client sends. ``intrusive``: anything else.
    """

    PASSIVE = "passive"
    POLITE = "polite"
    INTRUSIVE = "intrusive"

    def within(self, granted: Intrusiveness) -> bool:
        """Whether a grant of ``granted`` permits this touch."""
        order = list(Intrusiveness)
        return order.index(self) <= order.index(granted)
