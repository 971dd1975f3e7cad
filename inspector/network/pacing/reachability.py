"""Which addresses answer, and which have stopped: what lets a connection be refused before its packets are sent.

Two deterministic rules, both on counts of connection attempts and never on how long anything took:

- **Silent.** As long as no packet at all has come back from an address and three attempts have timed out, a port at
  which one of them was is not asked again (not-reached); the kernel sends several SYNs in each attempt (RFC 6298 §2).
  Every other port is still asked, so a host that answers at one port only is found, and
  from its first packet on (an accepted, refused or reset connection) the rule holds no more, so a slow host is no
  silent one. Addresses are counted apart.
- **Stopped.** An address has stopped answering when three of its last ten attempts at ports *that had accepted a
  connection before* were refused, reset or timed out. From then on nothing is sent to it (rate-limited), until it is
  resumed after a pause. After a pause, such an attempt fails as rate-limited at once, and so does one at any other port
  until the address has accepted a connection again.

Only the opening of a connection counts: servers close and reset connections for many good reasons of their protocol.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from inspector.model.base import Cause, now
from inspector.model.errors import ScanFailure

#: Attempts that time out at an address that never answered, before the ports at which they did are given up.
SILENT_ATTEMPTS = 3
#: How many of the last attempts at ports that had answered must fail, before the address counts as one that stopped.
STOPPED_LOSSES = 3
STOPPED_AMONG = 10

#: The names of a probe and of its subject.
ScanName = tuple[str, str]

_LOST = frozenset({Cause.TIMEOUT, Cause.REFUSED, Cause.RESET})


@dataclass(frozen=True, slots=True)
class Stopped:
    """An address stopped answering after so many connections, at this instant."""

    address: str
    connections: int
    at: datetime

    @property
    def text(self) -> str:
        """What happened, for a technician."""
        return f"{self.address} stopped answering after {self.connections} connections at {self.at:%H:%M:%S} UTC"

    def failure(self) -> ScanFailure:
        """What a scan of the address fails with."""
        return ScanFailure(Cause.RATE_LIMITED, self.text)


class Reachability:
    """One address: what its connection attempts came to. A scan is named by its probe and subject."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.stopped: Stopped | None = None
        self.stopped_before: Stopped | None = None
        self._accepted = 0
        self._answered: set[int] = set()
        self.is_heard = False
        self._has_recovered = False
        self._timeouts: Counter[int] = Counter()
        self._last: deque[bool] = deque(maxlen=STOPPED_AMONG)
        self._failed: set[ScanName] = set()
        self._lost: set[ScanName] = set()

    @property
    def has_answered(self) -> bool:
        """Whether a port of the address has accepted a connection."""
        return bool(self._answered)

    @property
    def answered_ports(self) -> tuple[int, ...]:
        """The ports that have accepted a connection, ascending."""
        return tuple(sorted(self._answered))

    def check(self, port: int, scan: ScanName) -> None:
        """Raise ScanFailure when no connection to ``port`` is to be opened for this scan."""
        if self.stopped is not None:
            self._failed.add(scan)
            raise self.stopped.failure()
        attempts = self._timeouts.total()
        if not self.is_heard and port in self._timeouts and attempts >= SILENT_ATTEMPTS:
            ports = ", ".join(map(str, sorted(self._timeouts)))
            text = f"no packet came back from {self.address} on ports {ports}: {attempts} attempts"
            raise ScanFailure(Cause.NOT_REACHED, text)

    def accepted(self, port: int) -> None:
        """A connection to ``port`` was accepted."""
        self.is_heard = self._has_recovered = True
        self._accepted += 1
        self._last.append(True)
        self._answered.add(port)

    def swept(self, opened: Iterable[int], *, heard: bool) -> None:
        """A sweep found these ports open; ``heard``: or was rejected at some port."""
        self._answered.update(opened)
        self.is_heard = self.is_heard or heard or self.has_answered

    def failed(self, port: int, cause: Cause, scan: ScanName) -> ScanFailure | None:
        """A connection to ``port`` failed; gives what it fails with instead, where the address stopped answering."""
        if cause not in _LOST:
            return None
        self._failed.add(scan)
        if cause is Cause.TIMEOUT:
            self._timeouts[port] += 1
        else:
            self.is_heard = True
        is_lost = port in self._answered
        if is_lost:
            self._lost.add(scan)
            self._last.append(False)
            if self.stopped is None and self._last.count(False) >= STOPPED_LOSSES:
                self.stopped = Stopped(self.address, self._accepted, now())
        stopped = self.stopped
        if stopped is None and (is_lost or not self._has_recovered):
            stopped = self.stopped_before
        return stopped.failure() if stopped is not None else None

    def has_failed(self, scan: ScanName) -> bool:
        """Whether this scan failed to connect, since the last pause if there was one."""
        return scan in self._failed

    def is_lost(self, scan: ScanName) -> bool:
        """Whether what this scan did not see may be due to the address having stopped answering."""
        return scan in (self._lost if self.stopped is None else self._failed)

    def resume(self) -> None:
        """Ask the address again, after a pause."""
        self.stopped_before, self.stopped = self.stopped or self.stopped_before, None
        self._has_recovered = self.stopped_before is None
        self._last.clear()
        self._failed.clear()
        self._lost.clear()
