"""Rate limits: how many connections an address gets per second and at once, and when to back off.

``RateLimiter`` is what the gateway uses. Its implementations share ``address_meter.AddressMeter``, the arithmetic:
``queued_limiter.QueuedRateLimiter`` keeps it in files that all processes of a user on a machine share
(``state_files``), or in memory; an implementation in a database can replace it.
"""

from __future__ import annotations

import math
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from inspector.declare.authorisation import Rates

#: The window in which ``burst`` is counted: a second, and by how much the network path may compress it.
WINDOW_SECONDS = 1.1
#: An external scanner's clock is coarse: its questions are this much further apart than the rate demands.
SWEEP_SLACK = 1.05
#: Rates for each name server and other third party: far below what any of them notices.
INFRASTRUCTURE = Rates(connections_per_second=20, burst=40, at_once=10)


def resolver_rates(per_second: int) -> Rates:
    """The rates of each resolver, which the inspecting side chooses: so many questions a second, sustained."""
    return Rates(connections_per_second=per_second, burst=2 * per_second, at_once=max(10, per_second // 2))


def pace_seconds(connections: int, rates: Rates) -> float:
    """The least time in which so many connections to one address can be opened."""
    by_rate = max(0, connections - rates.burst) / rates.connections_per_second
    by_window = (connections - 1) // rates.burst * WINDOW_SECONDS if connections else 0.0
    return max(by_rate, by_window)


def sweep_delay_ms(rates: Rates) -> int:
    """The delay between two port questions to one address, in whole milliseconds."""
    return math.ceil(1000 * SWEEP_SLACK / rates.port_questions_per_second)


def sweep_seconds(questions: int, rates: Rates) -> float:
    """The least time in which so many port questions to one address can be sent."""
    return questions * sweep_delay_ms(rates) / 1000


def strictest(*rates: Rates) -> Rates:
    """The rates that satisfy all of these; at least one is given."""
    return Rates(
        connections_per_second=min(each.connections_per_second for each in rates),
        burst=min(each.burst for each in rates),
        at_once=min(each.at_once for each in rates),
        port_questions_per_second=min(each.port_questions_per_second for each in rates),
    )


def halved(rates: Rates) -> Rates:
    """Half of the connections, in any second and sustained, but at least one."""
    per_second, burst = max(1, rates.connections_per_second // 2), max(1, rates.burst // 2)
    return rates.model_copy(update={"connections_per_second": per_second, "burst": max(per_second, burst)})


class Permit(Protocol):
    """The right to open one connection, until it is closed."""

    def departed(self) -> None:
        """The first packet has been sent."""

    def back_off(self, *, on_request: bool = False, seconds: float = 0.0) -> None:
        """The server reset the connection, or (``on_request``) asked for fewer, for at least ``seconds``."""

    def ended(self) -> None:
        """The connection is closed; further calls do nothing."""


class RateLimiter(Protocol):
    """Limits the connections to each address over all scans of all who share it.

    ``rates`` are those that the caller is authorised to; the strictest of all who ask an address at the time hold.
    """

    def admit_now(self, address: str, rates: Rates) -> Permit | None:
        """The permit for one more connection to ``address``, if it may be opened now and no other one waits."""

    async def admit(self, address: str, rates: Rates) -> Permit:
        """Wait until one more connection to ``address`` may be opened. Raises ScanFailure when that will never be."""

    def sweep(self, address: str, rates: Rates) -> AbstractAsyncContextManager[Rates]:
        """Within the body, the right to sweep the ports of ``address``, at the rates that it gives: one at a time."""

    def slow_down(self, address: str) -> None:
        """Halve the rates of an address that has stopped answering."""
