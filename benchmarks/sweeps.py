"""Sweeps beside plain nmap: wall time, and connections as the network counts them; memory with many addresses.

``python -m benchmarks.sweeps [ADDRESSES] [--memory ADDRESSES] [--rates RATE…]``, as root on Linux with nmap and nft in
a network of its own. Both ask the same ports of the same addresses with the delay that the same authorised rate means:
nmap in one process, Inspector in one run, from its start to its reports.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.fleet import own_network
from inspector.declare.authorisation import Rates
from inspector.network.pacing.rate_limit import sweep_delay_ms
from inspector.network.protocols.nmap import common_ports, find_nmap
from inspector.network.protocols.nmap_batch import port_list
from inspector_services.port_roles import NOTABLE

#: Port questions a second: the default of an authorisation, and one at which nothing waits.
POLITE, WIDE = 100, 1000
_RULES = """
table inet benchmark {
  counter asked {}
  chain output { type filter hook output priority 0; tcp flags & (syn | ack) == syn counter name asked; }
}
"""


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _asked() -> int:
    """The connection attempts since the last call."""
    shown = subprocess.run(["nft", "-j", "reset", "counters"], capture_output=True, check=True).stdout
    return sum(each["counter"]["packets"] for each in json.loads(shown)["nftables"] if "counter" in each)


def addresses(count: int) -> list[str]:
    """Loopback addresses at which every port is closed."""
    return [f"127.8.{number // 250}.{number % 250 + 1}" for number in range(count)]


def _documents(folder: Path, hosts: list[str], rate: int, level: int, per_system: int) -> list[str]:
    systems = [
        {
            "id": f"s-{start}",
            "name": "S",
            "owner": "O",
            "level": level,
            "stage": "design",
            "hosts": [{"name": each, "ports": ["443/tcp"]} for each in hosts[start : start + per_system]],
            "endpoints": [f"host:{each}" for each in hosts[start : start + per_system]],
        }
        for start in range(0, len(hosts), per_system)
    ]
    authorisation: dict[str, Any] = {
        "id": "a",
        "kind": "own-estate",
        "granted_by": "B",
        "covers": {"blocks": ["127.0.0.0/8"]},
        "valid_from": "2020-01-01T00:00:00+07:00",
        "valid_until": "2099-01-01T00:00:00+07:00",
        "rates": {"port_questions_per_second": rate},
    }
    declaration = {"organisation": {"code": "H00", "name": "S"}, "systems": systems, "authorisation": authorisation}
    path = folder / "declaration.yaml"
    path.write_text(json.dumps(declaration))
    return ["run", str(path), "--only", "ports-only-declared", "--quiet", "--lang", "en"]


def inspector(folder: Path, hosts: list[str], rate: int, *, level: int = 3, per_system: int = 1000) -> dict[str, Any]:
    """What one run used: seconds, memory, connections."""
    folder.mkdir()
    environment = {**os.environ, "XDG_STATE_HOME": str(folder), "INSPECTOR_OUTPUT": str(folder / "out")}
    command = [sys.executable, "-m", "benchmarks.fleet_run", str(folder / "used.json")]
    command += _documents(folder, hosts, rate, level, per_system)
    _asked()
    began = time.monotonic()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
    seconds = time.monotonic() - began
    used: dict[str, Any] = json.loads((folder / "used.json").read_text())
    return {**used, "seconds": seconds, "asked": _asked()}


def plain_nmap(folder: Path, hosts: list[str], rate: int) -> dict[str, Any]:
    """What one process of nmap used for the same ports."""
    program = find_nmap(["nmap"])
    ports = {443, *NOTABLE, *common_ports(program, 1000)}
    (folder / "hosts").write_text("\n".join(hosts))
    command = [
        program,
        "-n",
        "-Pn",
        "-sT",
        "--max-retries",
        "2",
        "--scan-delay",
        f"{sweep_delay_ms(Rates(port_questions_per_second=rate))}ms",
        "-p",
        port_list(ports),
    ]
    command += ["--min-hostgroup", str(len(hosts)), "-iL", str(folder / "hosts"), "-oX", str(folder / "nmap.xml")]
    _asked()
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "asked": _asked(), "cpu": cpu}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure sweeps beside plain nmap.")
    parser.add_argument("addresses", type=int, nargs="?", default=50)
    parser.add_argument("--memory", type=int, default=1000)
    parser.add_argument("--rates", type=int, nargs="*")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sweeps-") as name, own_network():
        folder = Path(name)
        subprocess.run(["nft", "-f", "-"], input=_RULES, text=True, check=True)
        for rate in given.rates or (POLITE, WIDE):
            hosts = addresses(given.addresses)
            own, plain = inspector(folder / f"{rate}", hosts, rate), plain_nmap(folder, hosts, rate)
            _say(
                f"{len(hosts)} addresses at {rate}/s: {own['seconds']:.1f} s against {plain['seconds']:.1f} s of nmap"
                f" = {own['seconds'] / plain['seconds']:.2f}; connections {own['asked']} against {plain['asked']}"
                f" = {own['asked'] / plain['asked']:.3f}; CPU {own['cpu']:.1f} + {own['cpu_children']:.1f} s"
                f" against {plain['cpu']:.1f} s"
            )
        for count in (given.memory // 4, given.memory) if given.memory else ():
            used = inspector(folder / f"memory-{count}", addresses(count), WIDE, level=1, per_system=4)
            _say(
                f"{count} addresses: {used['memory']} MiB at most; when 10, 50, 100 % of the systems had ended: {used['memory_at']}"
            )


if __name__ == "__main__":
    main()
