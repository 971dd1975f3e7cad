"""SSH figures beside ssh-audit's: ``make benchmark-ssh`` prints them. Nothing here is a test.

Both inspect the same servers on loopback in turn, which log the connections: OpenSSH with three keys in its default
configuration, which spends more on a connection than either tool, and Dropbear with one key, which spends little. On
one machine hosts per minute are bounded by the tools' and the servers' work together, so that both are shown apart,
and so is how many hosts a minute of one processor is enough for by the tool's work alone. ssh-audit runs as it is
meant for many hosts, 32 at once, with and without its test of connection rates, which Inspector has none of; Inspector
inspects as many hosts at once as its own limiter lets it. With ``benchmarks.ssh work PORT COUNT KEYS`` the scans of
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
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.servers import addresses

ROOT = Path(__file__).resolve().parents[1]
LAB_PYTHON = ROOT / ".lab" / "ssh" / "environment" / "bin" / "python"
PORT = 2922
HOSTS, PAIRS = 48, 3
#: What OpenSSH has; a connection shows one key.
KEYS = {"rsa": 3072, "ecdsa": 256, "ed25519": 256}
#: By server: how many keys, and what its log says of each connection.
SERVERS = {"openssh": (len(KEYS), "Connection from"), "dropbear": (1, "Child connection from")}
#: The connections that no client can do without: one for each type of key that is offered. The algorithms come along.
#: Dropbear 2022.83 offers RSA without having such a key.
FLOOR = {"openssh": len(KEYS), "dropbear": 2}
#: sshd listens on no more addresses in one process.
_ADDRESSES_OF_ONE = 16


@dataclass(frozen=True, slots=True)
class Servers:
    """The running servers."""

    name: str
    log: Path

    def connections(self) -> int:
        """The connections that were logged so far."""
        return self.log.read_text("utf-8").count(SERVERS[self.name][1])


Serving = Callable[[Path], AbstractContextManager[Servers]]


@contextmanager
def _dropbear(folder: Path) -> Iterator[Servers]:
    """Dropbear on ``HOSTS`` addresses, one process for each: one admits five connections of a client at once."""
    key, log = folder / "key", folder / "log"
    subprocess.run(["dropbearkey", "-t", "ed25519", "-f", key], check=True, capture_output=True)
    with log.open("ab") as written:
        processes = [
            subprocess.Popen(["dropbear", "-F", "-E", "-p", f"{each}:{PORT}", "-r", key, "-P", ""], stderr=written)
            for each in addresses(HOSTS)
        ]
    try:
        while log.read_text("utf-8").count("Not backgrounding") < HOSTS:
            time.sleep(0.05)
        yield Servers("dropbear", log)
    finally:
        for each in processes:
            each.terminate()
            each.wait()


@contextmanager
def _openssh(folder: Path) -> Iterator[Servers]:
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
        yield Servers("openssh", log)
    finally:
        for each in processes:
            each.terminate()
            each.wait()


def _measured(serving: Serving, command: list[str | Path]) -> dict[str, float]:
    """One tool about all hosts: its seconds and CPU time, the servers' CPU time, and connections.

    As with TLS, the start of Inspector's process is left out, which is one for any number of hosts. The servers begin
    anew, and their CPU time is known when they end.
    """
    with tempfile.TemporaryDirectory() as folder:
        with serving(Path(folder)) as servers:
            began, before = time.monotonic(), _children_cpu()
            done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
            wall, start, after = time.monotonic() - began, 0.0, _children_cpu()
            time.sleep(1)  # the processes of the servers end after the connections
        server_cpu, connections = _children_cpu() - after, servers.connections()
    if done.returncode not in (0, 2, 3):  # 2 and 3: ssh-audit found something
        raise RuntimeError(f"{command}: {done.stderr[-2000:]!r}")
    if command[0] == sys.executable:
        own = json.loads(done.stdout)
        wall, start = own["wall"], own["start_cpu"]
    return {"wall": wall, "cpu": after - before - start, "server_cpu": server_cpu, "connections": connections}


def _children_cpu() -> float:
    """Seconds of CPU time of all processes that this one started, and of theirs, that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _work(port: int, count: int, keys: int) -> None:
    """All scans of ``count`` addresses; prints the seconds without the start of the process."""
    from benchmarks.tls_work import ScanTask, through_gateway
    from inspector import Network, ParseContext, Target
    from inspector.model.base import now
    from inspector_ssh.observations import Ssh
    from inspector_ssh.probes import SSH, ssh

    async def scan(_task: ScanTask, target: Target, network: Network) -> None:
        facts = ssh.parse(await ssh.scan(target, network), ParseContext(target.subject, now(), b"", b"", ()))
        seen = isinstance(facts, Ssh) and facts.algorithms.is_seen and facts.signature_algorithms.is_seen
        if not seen or not isinstance(facts, Ssh) or sum(each.key.is_seen for each in facts.host_keys) != keys:
            raise RuntimeError(f"not all was seen: {facts}")

    tasks = [ScanTask("ssh", each) for each in addresses(count)]
    done: dict[str, Any] = asyncio.run(through_gateway(port, tasks, scan, ssh, SSH))
    sys.stdout.write(json.dumps(done))


def main() -> None:
    """Measure both in turn at each kind of server and print the medians."""
    for name, serving in (("openssh", _openssh), ("dropbear", _dropbear)):
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as targets:
            targets.write("".join(f"{each}:{PORT}\n" for each in addresses(HOSTS)))
            targets.flush()
            theirs: list[str | Path] = [LAB_PYTHON, "-m", "ssh_audit", "-j", "-T", targets.name]
            work = ["work", str(PORT), str(HOSTS), str(SERVERS[name][0])]
            ours: list[str | Path] = [sys.executable, "-m", "benchmarks.ssh", *work]
            commands = {
                "inspector": ours,
                "ssh-audit": theirs,
                "ssh-audit, no rate test": [*theirs, "--skip-rate-test"],
            }
            idle = _measured(serving, ["true"])["server_cpu"]
            rounds = []
            for _ in range(PAIRS):
                rounds.append({tool: _measured(serving, command) for tool, command in commands.items()})
                for each in rounds[-1].values():
                    each["server_cpu"] -= idle
                _print(f"load {os.getloadavg()[0]:.1f}: {json.dumps(rounds[-1])}")
        _print(*_summary(name, rounds))


def _summary(server: str, rounds: list[dict[str, dict[str, float]]]) -> Iterator[str]:
    """For each tool the medians per host, and how many times as fast Inspector is."""

    def median(tool: str, *names: str) -> float:
        return statistics.median(sum(each[tool][name] for name in names) for each in rounds)

    yield f"{server}, {HOSTS} hosts; types of keys offered, which is the floor of connections: {FLOOR[server]}"
    yield "tool | connections per host | ms CPU per host: tool, servers | hosts/min | hosts/min by the tool's CPU"
    for tool in rounds[0]:
        own, theirs = median(tool, "cpu") / HOSTS, median(tool, "server_cpu") / HOSTS
        yield (
            f"{tool} | {median(tool, 'connections') / HOSTS:.1f} | {1000 * own:.1f}, {1000 * theirs:.1f}"
            f" | {60 * HOSTS / median(tool, 'wall'):.0f} | {60 / own:.0f}"
        )
    for tool in list(rounds[0])[1:]:

        def ratio(*names: str, other: str = tool) -> float:
            return median(other, *names) / median("inspector", *names)

        yield (
            f"{tool} takes {ratio('wall'):.1f} × the time, {ratio('cpu'):.1f} × the CPU time of the tool,"
            f" {ratio('server_cpu'):.1f} × that of the servers, {ratio('cpu', 'server_cpu'):.1f} × that of both"
        )


def _print(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        _work(*map(int, sys.argv[2:5]))
    else:
        main()
