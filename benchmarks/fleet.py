"""Many systems in one run, beside the same systems one after the other, and beside sslyze and nmap at the same hosts.

``python -m benchmarks.fleet [SYSTEMS] [--alone N] [--only polite|wide] [--at-once N] [--no-tools] [--no-sequential]``,
as root on Linux with nginx, nmap and sslyze: the servers listen on loopback addresses in a network of their own.

Each kind (polite: the default rates; wide: rates that no connection waits for) is measured in turn: the run over all
systems; the first ``--alone`` systems one after the other at the same rates; sslyze and nmap, which run side by side.
sslyze scans all that it scans by default; it keeps to no rate. nmap connects to the 1,000 ports that it asks by
default; for *polite* with as many questions a second at each address as the default rate. Neither seals or reports.

At the end all systems are inspected one after the other, at wide rates, and the findings of every run are compared with
that one's, system by system: id, subject, address, outcome, cause, confirmation, measured values but for their order.
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
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import estate, servers
from benchmarks.byte_code import compile_installed
from inspector.declare.authorisation import Rates
from inspector.model.base import canonical
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
        """What the newest assessment of a system found, without the order of measured values."""
        assessment = self.bundles[system].assessments()[-1].assessment
        return Counter(
            (each.id, each.subject, each.address, each.outcome, each.cause, each.confirmed, _unordered(each.measured))
            for each in assessment.findings
        )

    def timeouts(self) -> int:
        """Findings for which an answer did not come in time; the servers are healthy."""
        found = [self.findings(system) for system in self.bundles]
        return sum(count for each in found for finding, count in each.items() if finding[4] == "timeout")


def _unordered(measured: object) -> str:
    """Measured values in a form that does not depend on their order."""
    if isinstance(measured, tuple):
        return str(sorted(canonical(each).decode() for each in measured))
    return canonical(measured).decode()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


HEAD = (
    "run            systems  wall s  per min  CPU ms/system    MiB  files   lag ms p50 p99  connections\n"
    "                                        main + children                             per endpoint"
)


_TOOLS_HEAD = "tools                   wall s  per min  CPU ms/system    MiB"


def measure_tools(folder: Path, kind: str, systems: int) -> None:
    """Run sslyze and nmap side by side at the hosts of all systems, and print what they took."""
    hosts = [host["name"] for each in estate.systems(systems) for host in each["hosts"]]
    (folder / "hosts").write_text("\n".join(hosts))
    (folder / "targets").write_text("\n".join(f"{each}:{servers.HTTPS}" for each in hosts))
    rate = Rates().port_questions_per_second
    delay = ["--scan-delay", f"{1000 / rate:g}ms"] if kind == "polite" else []
    results = ("--json_out", folder / "sslyze.json")
    commands: dict[str, list[str | Path]] = {
        "sslyze": [Path(sys.executable).with_name("sslyze"), "--targets_in", folder / "targets", *results],
        "nmap": ["nmap", "-n", "-Pn", "-sT", *delay, "-oX", folder / "nmap.xml", "-iL", folder / "hosts"],
    }
    began = time.monotonic()
    running = {
        name: subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for name, command in commands.items()
    }
    expected = (0, 1)  # sslyze: 1 where a server is not as Mozilla recommends
    total, last = 0.0, 0.0
    for name, process in running.items():
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        cpu, last = usage.ru_utime + usage.ru_stime, time.monotonic() - began
        total += cpu
        failed = "" if process.returncode in expected else f"  exit status {process.returncode}"
        _say(
            f"{kind} {name:15} {last:8.1f} {60 * systems / last:8.1f} {1000 * cpu / systems:14.0f}"
            f" {usage.ru_maxrss // 1024:6}{failed}"
        )
    _say(f"{kind} both            {last:8.1f} {60 * systems / last:8.1f} {1000 * total / systems:14.0f}")


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
    """Measure and print; exit status 1 where a finding differs, or an answer did not come in time."""
    parser = argparse.ArgumentParser(description="Measure a run over many systems.")
    parser.add_argument("systems", type=int, nargs="?", default=60)
    parser.add_argument("--alone", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=None)
    parser.add_argument("--only", choices=["polite", "wide"], default=None)
    parser.add_argument("--no-tools", action="store_true")
    parser.add_argument("--no-sequential", action="store_true")
    given = parser.parse_args()
    compile_installed()
    kinds: dict[str, dict[str, Any]] = {"polite": {}, "wide": {"rates": WIDE}}
    chosen = [each for each in kinds if given.only in (None, each)]
    with tempfile.TemporaryDirectory(prefix="fleet-") as name, own_network():
        folder = Path(name)
        for kind, rates in kinds.items():
            estate.write(given.systems, folder / kind, **rates)
        with servers.serving_everywhere(folder):
            _say(HEAD)
            runs = [_measured(folder / kind, kind, given) for kind in chosen]
            if given.no_sequential:
                return
            single = measure(folder / "wide", "sequential", given.systems, at_once=1)
        _say(single.row("sequential"))
        same = [_is_same(kind, run, single) for kind, run in zip(chosen, runs, strict=True)]
    sys.exit(0 if all(same) else 1)


def _measured(folder: Path, kind: str, given: argparse.Namespace) -> Measured:
    """One kind: the run over all systems, some of them alone, and the tools."""
    run = measure(folder, "fleet", given.systems, at_once=given.at_once)
    _say(run.row(f"{kind} fleet"))
    used = run.used
    _say(f"  MiB when 10, 50, 100 % of the systems had ended: {used['memory_at']}; sockets at most: {used['sockets']}")
    if given.alone:
        alone = measure(folder, "alone", given.alone, "--limit", str(given.alone), at_once=1)
        _say(alone.row(f"{kind} alone"))
        _say(f"  wall of all systems: {run.used['wall'] / alone.used['wall']:.2f} times that of {given.alone}")
    if not given.no_tools:
        _say(_TOOLS_HEAD)
        measure_tools(folder, kind, given.systems)
    return run


def _is_same(kind: str, run: Measured, single: Measured) -> bool:
    """Print which systems have other findings than one after the other; whether none has, and nothing timed out."""
    differing = [each for each in single.bundles if single.findings(each) != run.findings(each)]
    count = sum(run.findings(each).total() for each in run.bundles)
    timeouts = run.timeouts()
    _say(
        f"{kind}: systems compared with one after the other: {len(single.bundles)} of {run.systems}, findings: {count};"
        f" systems with other findings: {len(differing)} {differing[:5]}; findings by timeout: {timeouts}"
    )
    for each in differing[:3]:
        for found in [*(single.findings(each) - run.findings(each)), *(run.findings(each) - single.findings(each))]:
            _say(" ".join(("   ", each, *map(str, found[1:]))))
    return not differing and not timeouts and len(single.bundles) == len(run.bundles) == run.systems


if __name__ == "__main__":
    main()
