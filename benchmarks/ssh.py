"""SSH figures beside ssh-audit's: ``make benchmark-ssh`` prints them. Nothing here is a test.

Both inspect the same OpenSSH servers on loopback in turn, which log the connections. A server spends more on a
connection than either tool, and on this machine from the same processors: hosts per minute are bounded by it, and the
CPU time of the tools and that of the servers are shown apart. With ``benchmarks.ssh work PORT COUNT`` the scans of
Inspector run in a process of their own, through one gateway without effective rate limits.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.servers import addresses

ROOT = Path(__file__).resolve().parents[1]
LAB_PYTHON = ROOT / ".lab" / "ssh" / "environment" / "bin" / "python"
PORT = 2922
HOSTS, PAIRS = 48, 3
#: What each server has; a connection shows one key.
KEYS = {"rsa": 3072, "ecdsa": 256, "ed25519": 256}
#: sshd listens on no more addresses in one process.
_ADDRESSES_OF_ONE = 16
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Servers:
    """The running servers."""

    processes: tuple[subprocess.Popen[bytes], ...]
    log: Path

    def connections(self) -> int:
        """The connections that were logged so far."""
        return self.log.read_text("utf-8").count("Connection from")

    def cpu(self) -> float:
        """Seconds of CPU time of all processes and of their children that ended."""
        spent = 0
        for each in self.processes:
            fields = Path(f"/proc/{each.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
            spent += sum(map(int, fields[11:15]))
        return spent / _TICKS


@contextmanager
def serving(folder: Path) -> Iterator[Servers]:
    """OpenSSH on ``HOSTS`` addresses, in its default configuration with three keys."""
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    for kind, bits in KEYS.items():
        command = ["ssh-keygen", "-q", "-t", kind, "-b", str(bits), "-N", "", "-f", str(folder / kind)]
        subprocess.run(command, check=True)
    log = folder / "log"
    log.touch()
    processes = []
    for number in range(0, HOSTS, _ADDRESSES_OF_ONE):
        lines = [f"ListenAddress {each}:{PORT}" for each in addresses(HOSTS)[number : number + _ADDRESSES_OF_ONE]]
        lines += [f"HostKey {folder / kind}" for kind in KEYS]
        lines += ["PidFile none", "UsePAM no", "MaxStartups 1000", "LogLevel VERBOSE"]
        configuration = folder / f"sshd_config.{number}"
        configuration.write_text("\n".join((*lines, "")), "utf-8")
        processes.append(subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", configuration, "-E", log]))
    try:
        while log.read_text("utf-8").count("Server listening") < HOSTS:
            time.sleep(0.05)
        yield Servers(tuple(processes), log)
    finally:
        for each in processes:
            each.terminate()
            each.wait()


def _measured(servers: Servers, command: list[str | Path]) -> dict[str, float]:
    """One tool about all hosts: its seconds and CPU time, the servers' CPU time, and connections.

    As with TLS, the start of Inspector's process is left out, which is one for any number of hosts.
    """
    began, connections, cpu = time.monotonic(), servers.connections(), servers.cpu()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if done.returncode not in (0, 2, 3):  # 2 and 3: ssh-audit found something
        raise RuntimeError(f"{command}: {done.stderr[-2000:]!r}")
    wall, start = time.monotonic() - began, 0.0
    if command[0] != LAB_PYTHON:
        own = json.loads(done.stdout)
        wall, start = own["wall"], own["start_cpu"]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    time.sleep(1)  # the processes of the servers end after the connections
    return {
        "wall": wall,
        "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime - start,
        "server_cpu": servers.cpu() - cpu,
        "connections": servers.connections() - connections,
    }


def _work(port: int, count: int) -> None:
    """All scans of ``count`` addresses; prints the seconds without the start of the process."""
    from benchmarks.tls_work import ScanTask, through_gateway
    from inspector import Network, ParseContext, Target
    from inspector.model.base import now
    from inspector_ssh.observations import Ssh
    from inspector_ssh.probes import SSH, ssh

    async def scan(_task: ScanTask, target: Target, network: Network) -> None:
        facts = ssh.parse(await ssh.scan(target, network), ParseContext(target.subject, now(), b"", b"", ()))
        seen = isinstance(facts, Ssh) and facts.algorithms.is_seen and facts.signature_algorithms.is_seen
        if not seen or not isinstance(facts, Ssh) or len(facts.fingerprints) != len(KEYS):
            raise RuntimeError(f"not all was seen: {facts}")

    tasks = [ScanTask("ssh", each) for each in addresses(count)]
    done: dict[str, Any] = asyncio.run(through_gateway(port, tasks, scan, ssh, SSH))
    sys.stdout.write(json.dumps(done))


def main() -> None:
    """Measure both in turn and print the medians."""
    with tempfile.TemporaryDirectory() as name, serving(Path(name)) as servers:
        targets = Path(name) / "targets"
        targets.write_text("".join(f"{each}:{PORT}\n" for each in addresses(HOSTS)), "utf-8")
        theirs_command: list[str | Path] = [LAB_PYTHON, "-m", "ssh_audit", "-j", "-T", targets]
        ours_command: list[str | Path] = [sys.executable, "-m", "benchmarks.ssh", "work", str(PORT), str(HOSTS)]
        pairs = []
        for _ in range(PAIRS):
            ours, theirs = _measured(servers, ours_command), _measured(servers, theirs_command)
            pairs.append((ours, theirs))
            _print(f"load {os.getloadavg()[0]:.1f}: inspector {json.dumps(ours)}; ssh-audit {json.dumps(theirs)}")
    _print(*_summary(pairs))


def _summary(pairs: list[tuple[dict[str, float], dict[str, float]]]) -> Iterator[str]:
    def ratio(*names: str) -> float:
        return statistics.median(
            sum(theirs[name] for name in names) / sum(ours[name] for name in names) for ours, theirs in pairs
        )

    def each(name: str, per_host: float) -> str:
        ours, theirs = (statistics.median(pair[side][name] for pair in pairs) * per_host for side in (0, 1))
        return f"{ours:.1f} against {theirs:.1f}"

    yield f"connections per host, counted by the servers: {each('connections', 1 / HOSTS)}"
    yield f"hosts per minute, servers on the same processors: {ratio('wall'):.1f} × ssh-audit"
    yield f"ms of CPU per host: {each('cpu', 1000 / HOSTS)} ({ratio('cpu'):.1f} ×)"
    yield f"ms of the servers' CPU per host: {each('server_cpu', 1000 / HOSTS)} ({ratio('server_cpu'):.1f} ×)"
    yield f"CPU of tool and servers together: {ratio('cpu', 'server_cpu'):.1f} ×"


def _print(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        _work(int(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
