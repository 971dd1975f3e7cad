"""Many systems in one run, beside the same systems one after the other: speed, CPU, memory, files, lag, connections.

``python -m benchmarks.fleet [SYSTEMS] [--compared N] [--only polite|wide] [--at-once N]``, as root on Linux with nginx:
the servers listen on loopback addresses in a network of their own. The first ``--compared`` systems are inspected one
after the other, too, and the findings of both compared.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import estate, servers
from benchmarks.byte_code import compile_installed
from inspector.seal import Bundle

#: Rates at which no connection waits.
WIDE = {"connections_per_second": 1000, "burst": 1000, "at_once": 100, "port_questions_per_second": 10000}
_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS = 0x8914


@dataclass(frozen=True)
class Measured:
    """One run: what its process used, and its bundles by system."""

    systems: int
    used: dict[str, Any]
    code: int
    bundles: dict[str, Bundle]

    def row(self, name: str) -> str:
        """The figures on one line."""
        used, connections, endpoints = self.used, self._connections(), self._endpoints()
        per_minute = 60 * len(self.bundles) / used["wall"]
        return (
            f"{name:12} {len(self.bundles):4}/{self.systems:<4} {used['wall']:7.1f} {per_minute:8.1f}"
            f" {1000 * used['cpu'] / self.systems:7.0f} + {1000 * used['cpu_children'] / self.systems:<6.0f}"
            f" {used['memory']:6} {used['files']:6} {1000 * used['lag_p50']:5.0f} {1000 * used['lag_p99']:5.0f}"
            f" {connections / max(1, endpoints):6.1f}"
        )

    def _connections(self) -> int:
        lines = (line for bundle in self.bundles.values() for line in bundle.ledger())
        return sum(line.protocol == "tcp" and line.port == servers.HTTPS for line in lines)

    def _endpoints(self) -> int:
        return sum(len(each.inspection.system.endpoints) // 2 for each in self.bundles.values())

    def findings(self, system: str) -> Counter[tuple[object, ...]]:
        """What the newest assessment of a system found."""
        assessment = self.bundles[system].assessments()[-1].assessment
        return Counter(
            (each.id, each.subject, each.address, each.outcome, each.cause, each.confirmed)
            for each in assessment.findings
        )

    def timeouts(self) -> int:
        """Findings for which an answer did not come in time; the servers are healthy."""
        return sum(
            count
            for system in self.bundles
            for (_, _, _, _, cause, _), count in self.findings(system).items()
            if cause == "timeout"
        )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


HEAD = (
    "run            systems  wall s  per min  CPU ms/system    MiB  files   lag ms p50 p99  connections\n"
    "                                        main + children                             per endpoint"
)


def measure(folder: Path, name: str, systems: int, *options: str, at_once: int | None = None) -> Measured:
    """Run the command with an empty state of its own."""
    place = folder / name
    place.mkdir()
    environment = {
        **os.environ,
        "XDG_STATE_HOME": str(place / "state"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "INSPECTOR_OUTPUT": str(place / "out"),
    }
    if at_once is not None:
        environment["INSPECTOR_CEILINGS__SYSTEMS"] = str(at_once)
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "benchmarks.fleet_run",
        place / "used.json",
        "run",
        folder / "declaration.jsonl",
    ]
    command += ["--authorisation", folder / "authorisation.yaml", "--lang", "en", *options]
    with (place / "stdout").open("wb") as out:
        done = subprocess.run(command, env=environment, stdout=out, check=False)
    used = json.loads((place / "used.json").read_text())
    sealed = sorted((place / "out").glob("*/*/*/capture/manifest.dsse.json"))
    bundles = {path.parents[2].name: Bundle.open(path.parents[1]) for path in sealed}
    return Measured(systems, used, done.returncode, bundles)


@contextmanager
def own_network() -> Iterator[None]:
    """Within the body this process has a network of its own with a loopback interface. Raises PermissionError."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
        raise PermissionError("run this as root: the servers need a network of their own")
    with socket.socket() as sock:
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", 1))
    yield


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure a run over many systems.")
    parser.add_argument("systems", type=int, nargs="?", default=60)
    parser.add_argument("--compared", type=int, default=None)
    parser.add_argument("--at-once", type=int, default=None)
    parser.add_argument("--only", choices=["polite", "wide"], default=None)
    given = parser.parse_args()
    compared = min(given.systems, 8) if given.compared is None else given.compared
    compile_installed()
    _say(HEAD)
    with tempfile.TemporaryDirectory(prefix="fleet-") as name, own_network():
        for kind, rates in (("polite", {}), ("wide", {"rates": WIDE})):
            if given.only in (None, kind):
                _measure_kind(Path(name) / kind, kind, rates, given.systems, compared, given.at_once)


def _measure_kind(
    folder: Path, kind: str, rates: dict[str, Any], number: int, compared: int, at_once: int | None
) -> None:
    estate.write(number, folder, **rates)
    with servers.serving_everywhere(folder):
        fleet = measure(folder, "fleet", number, at_once=at_once)
        _say(fleet.row(f"{kind} fleet"))
        _say(f"  memory over time (MiB): {fleet.used['memory_over_time']}; findings by timeout: {fleet.timeouts()}")
        if not compared:
            return
        single = measure(folder, "sequential", compared, "--limit", str(compared), at_once=1)
        _say(single.row(f"{kind} single"))
    differing = [each for each in single.bundles if single.findings(each) != fleet.findings(each)]
    _say(f"  systems compared: {len(single.bundles)}, with other findings: {len(differing)} {differing[:5]}")
    for each in differing[:3]:
        for found in [*(single.findings(each) - fleet.findings(each)), *(fleet.findings(each) - single.findings(each))]:
            _say(" ".join(("   ", each, *map(str, found[1:]))))


if __name__ == "__main__":
    main()
