"""What the rate limiter costs per connection: ``python -m benchmarks.rate_limit`` prints CPU time. Nothing is a test.

One connection is admitted, departs and ends, under the default rates. The limiter's clock runs so fast that nothing
waits.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import sys
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

from inspector.declare.authorisation import Rates
from inspector.network.pacing.queued_limiter import QueuedRateLimiter
from inspector.network.pacing.state_files import StateFiles

CONNECTIONS, ROUNDS = 2000, 7
GOAL_MICROSECONDS = 50.0
#: Seconds of the limiter's clock from one reading to the next, of which a connection has several.
_STEP = 0.25


async def measure(limiter: QueuedRateLimiter, address: str, opened: int) -> float:
    """CPU microseconds per connection to an address while so many are open: the median of some rounds."""
    rates = Rates(at_once=opened + 5)
    held = []
    for _ in range(opened):
        held.append(await limiter.admit(address, rates))
        held[-1].departed()
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(CONNECTIONS):
            permit = limiter.admit_now(address, rates)
            if permit is None:
                raise RuntimeError("a connection had to wait")
            permit.departed()
            permit.ended()
        found.append((time.process_time() - began) / CONNECTIONS * 1e6)
    for each in held:
        each.ended()
    return statistics.median(found)


async def main() -> None:
    """Print the figures."""
    instants = itertools.count(time.clock_gettime(time.CLOCK_BOOTTIME), _STEP)
    fast = patch("inspector.network.pacing.queued_limiter.clock", lambda: next(instants))
    with fast, tempfile.TemporaryDirectory() as folder:
        limiters = {"in memory": QueuedRateLimiter(), "files": QueuedRateLimiter(StateFiles(Path(folder) / "rates"))}
        for name, opened in (("in memory", 0), ("files", 0), ("files", 20)):
            microseconds = await measure(limiters[name], f"192.0.2.{opened + 1}", opened)
            met = "met" if microseconds <= GOAL_MICROSECONDS else "missed"
            sys.stdout.write(f"{name}, {opened} open: {microseconds:.0f} µs per connection; goal 50: {met}\n")


if __name__ == "__main__":
    asyncio.run(main())
