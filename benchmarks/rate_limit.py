"""What the rate limiter costs per connection: ``python -m benchmarks.rate_limit`` prints CPU time. Nothing is a test.

One connection is admitted, departs and ends. The authorisation sets no effective limit, so nothing waits. Shared by two
processes every lock finds a record that the other one has written.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from inspector.declare.authorisation import Rates
from inspector.network.pacing.queued_limiter import QueuedRateLimiter
from inspector.network.pacing.state_files import StateFiles

CONNECTIONS, ROUNDS = 2000, 7
GOAL_MICROSECONDS = 50.0
RATES = {
    "polite": Rates(connections_per_second=100_000, burst=100_000, at_once=5),
    "20 open": Rates(connections_per_second=100_000, burst=100_000, at_once=30),
}


async def _connections(limiter: QueuedRateLimiter, rates: Rates, opened: int, number: int) -> None:
    held = [await limiter.admit("192.0.2.1", rates) for _ in range(opened)]
    for _ in range(number):
        permit = limiter.admit_now("192.0.2.1", rates) or await limiter.admit("192.0.2.1", rates)
        permit.departed()
        permit.ended()
    for each in held:
        each.ended()


async def measure(limiter: QueuedRateLimiter, rates: Rates, opened: int) -> float:
    """CPU microseconds per connection: the median of some rounds."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        await _connections(limiter, rates, opened, CONNECTIONS)
        found.append((time.process_time() - began) / CONNECTIONS * 1e6)
    return statistics.median(found)


def _other(folder: Path) -> subprocess.Popen[bytes]:
    """A process that uses the same address until it is killed."""
    return subprocess.Popen([sys.executable, "-m", "benchmarks.rate_limit", str(folder)])


def main() -> None:
    """Print the figures."""
    if sys.argv[1:]:
        limiter = QueuedRateLimiter(StateFiles(Path(sys.argv[1])))
        asyncio.run(_connections(limiter, RATES["polite"], 0, sys.maxsize))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        async def all_figures() -> list[tuple[str, float]]:
            figures = [("in memory", await measure(QueuedRateLimiter(), RATES["polite"], 0))]
            files = QueuedRateLimiter(StateFiles(folder))
            figures.append(("files", await measure(files, RATES["polite"], 0)))
            figures.append(("files, 20 open", await measure(files, RATES["20 open"], 20)))
            other = _other(folder)
            try:
                await asyncio.sleep(1)
                figures.append(("files, two processes", await measure(files, RATES["polite"], 0)))
            finally:
                other.kill()
                other.wait()
            return figures

        for what, microseconds in asyncio.run(all_figures()):
            goal = "met" if microseconds <= GOAL_MICROSECONDS else "missed"
            sys.stdout.write(f"{what:22} {microseconds:6.1f} µs per connection; {GOAL_MICROSECONDS:g}: {goal}\n")


if __name__ == "__main__":
    main()
