"""Zones a minute, beside Zonemaster: ``python -m benchmarks.zones [ZONES] [--zonemaster ZONES]`` prints them. No test.

Needs root, BIND, NSD, Unbound and zonemaster-cli. Sound signed zones in the private internet of the tests are inspected
by every passive probe of zones: resolver, parent, and each name server at each address. Two processes share the zones,
each with one gateway. It is measured twice: without rates, which shows what the machine can do, and at the rates that a
run keeps to (100 questions a second to a resolver, 20 to a name server), where all zones are at the same name servers.
Zonemaster runs as it is meant, two zones at once, IPv4 and IPv6.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

PROCESSES = 2
#: Zones that are inspected at once in one process.
AT_ONCE = 16


async def _inspect(gateway: Any, name: str, anchors: tuple[str, ...]) -> int:
    """The name servers of one zone, after all its probes were run and read."""
    from inspector import Declared, ParseContext, Target
    from inspector.model.base import now
    from inspector_dns.delegation import delegation
    from inspector_dns.mail_hosts import mail_hosts
    from inspector_dns.probes import name_server, zone
    from tests.plugins.inspector_dns.scanning import subject

    async def run(probe: Any, uri: str, address: str | None = None) -> Any:
        about = subject(probe, uri, address)
        network = gateway.network(probe, Target(about, Declared()), None)
        output = await probe.scan(Target(about, Declared()), network)
        await network.close()
        return probe.parse(output, ParseContext(about, now(), dnssec_anchors=anchors))

    uri = f"dns:{name}"
    facts, delegated, _ = await asyncio.gather(run(zone, uri), run(delegation, uri), run(mail_hosts, uri))
    if facts.chain.value.state != "secure" or not delegated.referrals:
        raise RuntimeError(f"{name} was not seen as it is: {facts.chain}")
    servers = [(each.name, at) for each in facts.servers.value for at in (*each.ipv4.value, *each.ipv6.value)]
    found = await asyncio.gather(*(run(name_server, f"ns://{host}/{name}", at) for host, at in servers))
    if not all(each.is_authoritative for each in found):
        raise RuntimeError(f"a name server of {name} was not seen as it is")
    return len(found)


async def _work(resolver: str, anchors: tuple[str, ...], zones: list[str], *, wide: bool) -> dict[str, float]:
    from inspector.declare.authorisation import Rates
    from inspector.declare.settings import Settings
    from inspector.network import Gateway, Ledger, Scope
    from tests.plugins.inspector_dns.scanning import AUTHORISATION, SYSTEM

    if wide:
        session: Any = import_module("inspector.network.session")
        rates = Rates(connections_per_second=100_000, burst=100_000, at_once=1000)
        session.INFRASTRUCTURE = rates
    at_once, memory = asyncio.Semaphore(AT_ONCE), []
    with tempfile.TemporaryDirectory() as folder:
        ledger = Path(folder) / "ledger.jsonl"
        scope = Scope([AUTHORISATION], SYSTEM, [])
        settings = Settings(resolvers=(resolver,), resolver_questions_per_second=5000 if wide else 100)
        async with Gateway(settings, scope, Ledger(ledger), salt=b"salt", run="benchmark") as gateway:

            async def one(name: str) -> None:
                async with at_once:
                    await _inspect(gateway, name, anchors)
                    memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)

            await one(zones[0])  # what is loaded only once
            began, used = time.perf_counter(), time.process_time()
            await asyncio.gather(*map(one, zones[1:]))
            wall, cpu = time.perf_counter() - began, time.process_time() - used
        questions = sum('"address"' in line for line in ledger.open())
    count = len(zones) - 1
    return {
        "zones": count,
        "wall": wall,
        "cpu_ms": 1000 * cpu / count,
        "questions": questions / len(zones),
        "memory_half": memory[len(memory) // 2],
        "memory": memory[-1],
    }


def _ours(wrap: list[str], resolver: str, anchors: tuple[str, ...], zones: list[str], *, wide: bool) -> None:
    parts = [zones[number::PROCESSES] for number in range(PROCESSES)]
    orders = [json.dumps([resolver, anchors, part, wide]) for part in parts]
    command = [*wrap, sys.executable, "-m", "benchmarks.zones", "--work"]
    running = [
        subprocess.Popen([*command, order], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
        for order in orders
    ]
    found = [json.loads(process.communicate()[0]) for process in running]
    rate = 60 * sum(each["zones"] for each in found) / max(each["wall"] for each in found)
    kind = "without rates" if wide else "at the rates of a run"
    sys.stdout.write(
        f"Inspector, {kind}: {rate:.0f} zones/min, {found[0]['cpu_ms']:.0f} ms of processor time a zone, "
        f"{found[0]['questions']:.0f} questions a zone, "
        f"memory {found[0]['memory_half']:.0f} MB after half of the zones and {found[0]['memory']:.0f} MB in the end\n"
    )


def _zonemaster(wrap: list[str], folder: Path, root: str, zones: list[str]) -> None:
    hints = folder / "hints"
    hints.write_text(f". 3600 NS a.root.\na.root. 3600 A {root}\n")

    def one(name: str) -> None:
        command = [*wrap, "zonemaster-cli", "--json", "--level=NOTICE", "--hints", str(hints), name]
        subprocess.run(command, check=True, capture_output=True)

    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with ThreadPoolExecutor(PROCESSES) as pool:
        list(pool.map(one, zones))
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / len(zones)
    sys.stdout.write(
        f"Zonemaster: {60 * len(zones) / wall:.0f} zones/min, {1000 * cpu:.0f} ms of processor time a zone, "
        f"memory {after.ru_maxrss // 1024} MB\n"
    )


def main() -> None:
    """Build the zones, measure both tools in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("zones", type=int, nargs="?", default=200)
    parser.add_argument("--polite", type=int, default=40, help="zones at the rates of a run")
    parser.add_argument("--zonemaster", type=int, default=10, help="zones that Zonemaster gets")
    parser.add_argument("--work", help="for the process that inspects")
    given = parser.parse_args()
    if given.work:
        resolver, anchors, zones, wide = json.loads(given.work)
        sys.stdout.write(json.dumps(asyncio.run(_work(resolver, tuple(anchors), zones, wide=wide))))
        return
    from tests.plugins.inspector_dns import internet as lab

    lab.ZONES = (
        *lab.ZONES[:1],
        *(lab.PlantedZone(f"z{number}.vn", records="@ MX 10 mx.clean.vn.\n") for number in range(given.zones)),
    )
    names = [zone.name for zone in lab.ZONES[1:]]
    with tempfile.TemporaryDirectory() as name, lab.internet(Path(name)) as running:
        _ours(running.wrap, lab.RESOLVER, running.anchors, names, wide=True)
        _ours(running.wrap, lab.RESOLVER, running.anchors, names[: given.polite], wide=False)
        if given.zonemaster:
            _zonemaster(running.wrap, Path(name), lab.ROOT, names[: given.zonemaster])


if __name__ == "__main__":
    main()
