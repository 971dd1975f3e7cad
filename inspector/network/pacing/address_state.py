"""Where the meters of addresses are kept: what an implementation offers, and the one in memory."""

from __future__ import annotations

import threading
import time
from typing import Protocol

from inspector.network.pacing.address_meter import AddressMeter

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def clock() -> float:
    """Seconds since the machine was started, times of suspension included; the same in all its processes."""
    return time.clock_gettime(_CLOCK)


class AddressState(Protocol):
    """The meter of one address, which is shared. No method waits."""

    def lock(self) -> AddressMeter | None:
        """The meter, nobody else's until ``unlock``; None while somebody else has it. Raises RateLimitError."""

    def unlock(self, *, changed: bool) -> None:
        """Give the meter back; ``changed``: store it before. Raises RateLimitError when that fails."""

    def take(self, meter: AddressMeter, now: float) -> int:
        """Grant one more; gives its slot, which is freed when this process ends."""

    def release(self, meter: AddressMeter, slot: int, now: float) -> None:
        """The connection with this slot has ended."""

    def reclaim(self, meter: AddressMeter, now: float) -> bool:
        """Free the slots of processes that have ended; whether there were any."""

    def has_others(self, meter: AddressMeter) -> bool:
        """Whether others than the users of this object have connections."""

    def lock_sweep(self) -> bool:
        """Take the right to sweep the address; False while somebody has it."""

    def unlock_sweep(self) -> None:
        """Give the right to sweep the address back."""

    def close(self) -> None:
        """Give back every connection and right."""


class MemoryState:
    """The meter of one address in this process."""

    def __init__(self) -> None:
        self._meter = AddressMeter()
        self._lock = threading.Lock()
        self._sweep = threading.Lock()

    def lock(self) -> AddressMeter | None:
        """The meter, if no other thread has it."""
        return self._meter if self._lock.acquire(blocking=False) else None

    def unlock(self, *, changed: bool) -> None:  # noqa: ARG002  (nothing is written)
        """Give the meter back."""
        self._lock.release()

    def take(self, meter: AddressMeter, now: float) -> int:
        """Grant one more; gives its slot."""
        return meter.grant(now)

    def release(self, meter: AddressMeter, slot: int, now: float) -> None:
        """The connection with this slot has ended."""
        meter.ended(slot, now)

    def reclaim(self, meter: AddressMeter, now: float) -> bool:  # noqa: ARG002  (there is nothing to look at)
        """False: the slots are this process's."""
        return False

    def has_others(self, meter: AddressMeter) -> bool:  # noqa: ARG002  (there is nothing to look at)
        """True: another event loop may use the meter, whose connections wake nobody here."""
        return True

    def lock_sweep(self) -> bool:
        """Take the right to sweep the address; False while somebody has it."""
        return self._sweep.acquire(blocking=False)

    def unlock_sweep(self) -> None:
        """Give the right to sweep the address back."""
        self._sweep.release()

    def close(self) -> None:
        """Nothing: the meter stays."""


class AddressStates(Protocol):
    """The meters of all addresses."""

    def open(self, address: str) -> AddressState:
        """The state of an address, full where it is not known. Raises RateLimitError."""


class MemoryStates:
    """The meters of all addresses in this process."""

    def __init__(self) -> None:
        self._states: dict[str, MemoryState] = {}

    def open(self, address: str) -> AddressState:
        """The state of an address, full where it is not known."""
        return self._states.setdefault(address, MemoryState())
