"""One budget per address over processes, crashes and systems, counted at the server by the kernel's own stamps."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inspector.declare.authorisation import Rates
from inspector.network import Ledger, resolve_and_pin
from inspector.network.pacing.queued_limiter import QueuedRateLimiter
from inspector.network.pacing.rate_limit import resolver_rates
from inspector.network.pacing.state_files import StateFiles, default_folder
from tests.core.network.addresses import ADDRESS, Server, most_in_a_second, needs_raw, serving
from tests.core.network.pacing.rate_client import visit
from tests.core.network.pacing.test_rates import most_at_once, opened
from tests.core.network.protocols.test_dns import ADDRESS as RESOLVER
from tests.core.network.protocols.test_dns import Resolver, resolver

__all__ = ["resolver"]

ROOT = Path(__file__).resolve().parents[4]
PACE = Rates(connections_per_second=8, burst=10, at_once=3)


@contextmanager
def client(
    folder: Path, server: Server, number: int, *more: str, rates: Rates = PACE
) -> Iterator[subprocess.Popen[str]]:
    """A process that opens so many connections to the server; it is killed with SIGKILL at the end of the body."""
    folder.mkdir(exist_ok=True)
    arguments = [str(server.port), str(number), str(folder), json.dumps(rates.model_dump()), *more]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.core.network.pacing.rate_client", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(process: subprocess.Popen[str], connections: int) -> None:
    """Return when the process has opened so many connections."""
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(connections)] == ["opened\n"] * connections


def assert_pace(packets: list[list[float]], port: int, rates: Rates = PACE) -> list[float]:
    """No second and no longer time saw more than authorised, and never more were open; gives the instants."""
    instants = opened(packets, port)
    assert most_in_a_second(instants) <= rates.burst
    for index, start in enumerate(instants):
        for count, end in enumerate(instants[index:], start=1):
            # Each that was granted before this window may be sent within it.
            assert count <= rates.burst + rates.connections_per_second * (end - start) + rates.at_once
    assert most_at_once(packets, port) <= rates.at_once
    return instants


@needs_raw
def test_two_processes_keep_one_pace(tmp_path: Path) -> None:
    """Two processes that connect to one address at the same time share its budget."""
    with serving("quiet") as server, serving("sniff") as sniffer:
        with client(tmp_path / "a", server, 20) as one, client(tmp_path / "b", server, 20) as other:
            assert [each.wait() for each in (one, other)] == [0, 0]
        assert len(assert_pace(sniffer.report()["packets"], server.port)) == 40


@needs_raw
def test_a_crash_gives_nothing_back(tmp_path: Path) -> None:
    """Five times killed and begun again, a process sends no more than one that went on."""
    rates = Rates(connections_per_second=1, burst=8, at_once=3)
    with serving("quiet") as server, serving("sniff") as sniffer:
        for number in range(6):
            with client(tmp_path / str(number), server, 1000, rates=rates) as process:
                wait_for(process, 4)
        assert len(assert_pace(sniffer.report()["packets"], server.port, rates)) >= 24


@needs_raw
def test_systems_one_after_the_other_keep_one_pace(tmp_path: Path) -> None:
    """Six inspections of one address, each in an event loop of its own, share its budget."""
    rates = Rates(connections_per_second=1, burst=10, at_once=10)
    with serving("quiet") as server, serving("sniff") as sniffer:
        for number in range(6):
            folder = tmp_path / str(number)
            folder.mkdir()
            asyncio.run(visit(server.port, 3, folder, rates))
        assert len(assert_pace(sniffer.report()["packets"], server.port, rates)) == 18


@needs_raw
def test_the_strictest_of_two_processes_counts(tmp_path: Path) -> None:
    """A process with a generous authorisation keeps the strict rates of another one that asks the same address."""
    strict = Rates(connections_per_second=4, burst=4, at_once=2)
    with serving("quiet") as server, serving("sniff") as sniffer:
        with client(tmp_path / "strict", server, 1000, rates=strict) as process:
            wait_for(process, 1)
            with client(tmp_path / "generous", server, 10) as other:
                assert other.wait() == 0
        assert_pace(sniffer.report()["packets"], server.port, strict)


async def test_connections_of_a_killed_process_are_free(tmp_path: Path) -> None:
    """What a process holds counts for all, until it is killed: then another one may connect."""
    rates = Rates(connections_per_second=100, burst=100, at_once=3)
    limiter = QueuedRateLimiter(StateFiles(default_folder()))
    with serving("quiet") as server, client(tmp_path, server, 3, "hold", rates=rates) as holding:
        wait_for(holding, 3)
        assert limiter.admit_now(ADDRESS, rates) is None
        waiting = asyncio.create_task(limiter.admit(ADDRESS, rates))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        holding.kill()
        holding.wait()
        (await waiting).ended()


@needs_raw
def test_the_questions_of_all_systems_to_a_resolver_keep_one_pace(tmp_path: Path, resolver: Resolver) -> None:
    """Names of two systems are resolved within the one budget of the resolver, which is infrastructure."""
    names = [f"plain{number}.test" for number in range(120)]
    with serving("sniff", RESOLVER) as sniffer:
        for number in range(2):
            asyncio.run(resolve_and_pin(names, resolver.settings, Ledger(tmp_path / f"{number}.jsonl")))
        packets = sniffer.report()["packets"]
    asked = [at for at, _, port, _ in packets if port == resolver.port]
    assert len(asked) == 480
    assert most_in_a_second(asked) <= resolver_rates(resolver.settings.resolver_questions_per_second).burst


@needs_raw
def test_the_pace_of_a_resolver_is_a_setting(tmp_path: Path, resolver: Resolver) -> None:
    """A lower one than the default holds: at most its burst in any second."""
    settings = resolver.settings.model_copy(update={"resolver_questions_per_second": 20})
    with serving("sniff", RESOLVER) as sniffer:
        names = [f"plain{number}.test" for number in range(30)]
        asyncio.run(resolve_and_pin(names, settings, Ledger(tmp_path / "ledger.jsonl")))
        packets = sniffer.report()["packets"]
    asked = [at for at, _, port, _ in packets if port == resolver.port]
    assert len(asked) == 60
    assert most_in_a_second(asked) <= 40
