"""Workers on one database: ``python -m benchmarks.workers [SYSTEMS] [--workers 1 4] [--at-once 4] [--rate N]``.

As root on Linux with nginx, nmap and PostgreSQL: the servers listen on loopback addresses in a network of their own.
For each number of workers a campaign over all systems is enqueued in a new database, and the workers, each with an
output folder of its own, inspect ``--at-once`` systems at a time, at the default rates or at ``--rate`` connections a
second. The time runs from the first system that begins to the last one that ends. Prints for each the systems per
minute, the processors' load, the connections that the ledgers have, and the ratio to the first.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import estate, servers
from benchmarks.byte_code import compile_installed
from benchmarks.fleet import own_network
from inspector.seal import Bundle
from tests.postgresql import PostgreSQL, running

_GOAL = 3.6
_POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Measured:
    """What so many workers did: systems sealed, seconds, share of the processors' time, connections."""

    workers: int
    sealed: int
    seconds: float
    busy: float
    connections: int

    @property
    def per_minute(self) -> float:
        """Systems per minute."""
        return 60 * self.sealed / self.seconds


def _campaign(folder: Path, known: str) -> Path:
    file = folder / f"{known}.json"
    content = {
        "id": known,
        "kind": "periodic",
        "basis": "Benchmark",
        "selection": {"declarations": ["declaration.jsonl"]},
        "authorisations": ["authorisation.yaml"],
    }
    file.write_text(json.dumps(content))
    return file.rename(file.with_suffix(".yaml"))


def _command(*arguments: str | Path) -> list[str | Path]:
    return [sys.executable, "-m", "inspector.cli", *arguments]


def _processor_seconds() -> tuple[float, float]:
    """Seconds that the processors of this machine have worked, and all seconds of theirs, since it was started."""
    numbers = [int(each) for each in Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]]
    idle = numbers[3] + numbers[4]
    return (sum(numbers) - idle) / os.sysconf("SC_CLK_TCK"), sum(numbers) / os.sysconf("SC_CLK_TCK")


def measure(folder: Path, server: PostgreSQL, workers: int, at_once: int) -> Measured:
    """Inspect all systems of the estate in ``folder`` with so many workers."""
    url, known = server.new_database(), f"workers-{workers}"
    environment: Mapping[str, str] = {
        **os.environ,
        "INSPECTOR_DATABASE": url,
        "INSPECTOR_CEILINGS__SYSTEMS": str(at_once),
        "INSPECTOR_SIGNING_KEY": str(folder / "key.pem"),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }
    places = [folder / known / f"out-{number}" for number in range(workers)]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "env": environment}
    start = _command("campaign", "start", _campaign(folder, known), "--no-run", "--output", places[0])
    subprocess.run(start, check=False, **quiet)  # ends with 3: no system is inspected yet
    running = [subprocess.Popen(_command("worker", "--quiet", "--output", each), **quiet) for each in places]
    try:
        with psycopg.connect(url, autocommit=True) as session:
            _until(session, "state != 'waiting'")
            began, (worked, passed) = time.monotonic(), _processor_seconds()
            _until(session, "true", "state NOT IN ('waiting', 'running', 'interrupted')")
        seconds, (worked_then, passed_then) = time.monotonic() - began, _processor_seconds()
    finally:
        for each in running:
            each.send_signal(signal.SIGTERM)
        for each in running:
            each.wait()
    bundles = [path.parents[1] for place in places for path in place.glob("*/*/*/capture/manifest.dsse.json")]
    connections = sum(len(list(Bundle.open(each).ledger())) for each in bundles)
    busy = (worked_then - worked) / (passed_then - passed)
    return Measured(workers, len(bundles), seconds, busy, connections)


def _until(session: psycopg.Connection[Any], any_is: str, all_are: str = "true") -> None:
    """Return when a job of the journal is in one state and all are in another."""
    query = f"SELECT bool_or({any_is}) AND bool_and({all_are}) FROM inspector.job"  # noqa: S608  (own texts)
    while (found := session.execute(query.encode()).fetchone()) is None or not found[0]:
        time.sleep(_POLL_SECONDS)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure several workers on one database.")
    parser.add_argument("systems", type=int, nargs="?", default=64)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--rate", type=int, default=None)
    given = parser.parse_args()
    compile_installed()
    rate = given.rate
    slow = {"rates": {"connections_per_second": rate, "burst": 2 * rate, "at_once": 5}} if rate else {}
    with tempfile.TemporaryDirectory(prefix="workers-") as name, own_network(), running() as server:
        folder = Path(name)
        estate.write(given.systems, folder, **slow)
        with servers.serving_everywhere(folder):
            sys.stdout.write("workers  systems  seconds  per minute  processors  connections per system\n")
            first = None
            for workers in given.workers:
                found = measure(folder, server, workers, given.at_once)
                first = first or found
                ratio = found.per_minute / first.per_minute
                goal = "" if found is first else f"  {ratio:.2f} × (goal {_GOAL})"
                sys.stdout.write(
                    f"{found.workers:7} {found.sealed:8} {found.seconds:8.1f} {found.per_minute:11.1f}"
                    f" {100 * found.busy:9.0f} % {found.connections / max(1, found.sealed):12.1f}{goal}\n"
                )
                sys.stdout.flush()


if __name__ == "__main__":
    main()
