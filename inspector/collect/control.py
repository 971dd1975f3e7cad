"""How an inspection is stopped from outside, so that it can be continued later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from inspector.model.errors import InspectionStopped


class InspectionControl:
    """Stops one inspection: after ``stop`` it sends no packet, records no scan that was cut, and can be continued.

    With ``at_end_of_hours`` an inspection is interrupted in the same way when the hours of an authorisation end;
    without, what was not scanned by then is inconclusive.
    """

    def __init__(self, *, at_end_of_hours: bool = False) -> None:
        self.at_end_of_hours = at_end_of_hours
        self._reason: str | None = None
        self._aborts: list[Callable[[], object]] = []

    @property
    def is_stopped(self) -> bool:
        """Whether ``stop`` was called."""
        return self._reason is not None

    def stop(self, reason: str) -> None:
        """Cancel every connection of the inspection, and permit no further one; further calls do nothing."""
        if self._reason is None:
            self._reason = reason
            for abort in tuple(self._aborts):
                abort()

    def check(self) -> None:
        """Raise InspectionStopped where it was stopped."""
        if self._reason is not None:
            raise InspectionStopped(self._reason)

    @contextmanager
    def attached(self, abort: Callable[[], object]) -> Iterator[None]:
        """Within the body ``stop`` calls ``abort``; at once where it was called before."""
        self._aborts.append(abort)
        if self.is_stopped:
            abort()
        try:
            yield
        finally:
            self._aborts.remove(abort)
