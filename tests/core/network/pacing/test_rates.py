"""The authorised pace as the server counts it: for plain connections, for scanners in workers, and at once."""

import asyncio
from pathlib import Path

import pytest
import trustme

from inspector.declare.authorisation import Rates
from inspector.declare.settings import Ceilings, Settings
from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.network import Network
from tests.core.network import worker_jobs as jobs
from tests.core.network.addresses import (
    ADDRESS,
    HOST,
    LocalGateway,
    authorise,
    make_probe,
    most_in_a_second,
    needs_raw,
    serving,
    target,
)
from tests.core.network.servers import WallClock
from tests.core.network.transport.test_connect import openssl_server

PACE = Rates(connections_per_second=8, burst=10, at_once=3)
_SYN, _ACK, _FIN, _RST = 0x02, 0x10, 0x01, 0x04


def opened(packets: list[list[float]], port: int) -> list[float]:
    """When connections to ``port`` were asked for."""
    return [at for at, _, where, flags in packets if where == port and int(flags) & (_SYN | _ACK) == _SYN]


def most_at_once(packets: list[list[float]], port: int) -> int:
    """The most connections to ``port`` that were open together, as the packets from the client tell."""
    alive: set[float] = set()
    most = 0
    for _, source, where, flags in packets:
        if where != port:
            continue
        if int(flags) & (_FIN | _RST):
            alive.discard(source)
        elif int(flags) & (_SYN | _ACK) == _SYN:
            alive.add(source)
        most = max(most, len(alive))
    return most


def local_gateway(folder: Path, port: int, rates: Rates = PACE, **changes: object) -> LocalGateway:
    return LocalGateway(folder, f"tcp://{HOST}:{port}", granted=authorise(rates=rates), **changes)  # type: ignore[arg-type]


def assert_pace(packets: list[list[float]], port: int, *, connections: int) -> None:
    """So many connections left, at the authorised pace, and never more of them open than allowed."""
    instants = opened(packets, port)
    assert len(instants) == connections
    assert most_in_a_second(instants) <= PACE.burst
    assert connections <= PACE.burst + PACE.connections_per_second * (instants[-1] - instants[0]) + 1
    assert most_at_once(packets, port) <= PACE.at_once


@needs_raw
def test_plain_connections_keep_the_pace(tmp_path: Path) -> None:
    """However many scans ask at once, no second sees more than the burst, and no more are open than allowed."""

    async def visit(network: Network) -> None:
        stream = await network.connect()
        await stream.write(b"x")
        await stream.close()

    async def go(port: int) -> None:
        on = local_gateway(tmp_path, port)
        async with on.gateway:
            scans = [on.gateway.network(make_probe(), target(port), on.granted) for _ in range(3)]
            await asyncio.gather(*(visit(scan) for scan in scans for _ in range(10)))

    with serving("quiet") as server, serving("sniff") as sniffer:
        asyncio.run(go(server.port))
        packets = sniffer.report()["packets"]
    assert_pace(packets, server.port, connections=30)


@needs_raw
def test_two_doors_keep_one_pace(tmp_path: Path) -> None:
    """Two inspections of one address in one process share its budget, and the stricter document counts."""

    async def visit(network: Network) -> None:
        await (await network.connect()).close()

    async def go(port: int) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        strict = Rates(connections_per_second=4, burst=4, at_once=3)
        one, two = local_gateway(tmp_path / "a", port), local_gateway(tmp_path / "b", port, strict)
        async with one.gateway, two.gateway:
            scans = [on.gateway.network(make_probe(), target(port), on.granted) for on in (two, one)]
            await asyncio.gather(*(visit(scan) for scan in scans for _ in range(6)))

    with serving("quiet") as server, serving("sniff") as sniffer:
        asyncio.run(go(server.port))
        instants = opened(sniffer.report()["packets"], server.port)
    assert len(instants) == 12
    assert most_in_a_second(instants) <= 4


@needs_raw
def test_a_worker_keeps_the_pace(tmp_path: Path) -> None:
    """Threads in a worker that connect as fast as they can are paced from outside, in rate and in number."""

    async def go(port: int) -> None:
        on = local_gateway(tmp_path, port)
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(port), on.granted)
            assert await network.run_in_worker(jobs.many, f"{ADDRESS} {port} 25".encode(), timeout=20) == b"0"
        assert sum(entry.questions for entry in on.ledger.entries()) == 25

    with serving("quiet") as server, serving("sniff") as sniffer:
        asyncio.run(go(server.port))
        packets = sniffer.report()["packets"]
    instants = opened(packets, server.port)
    assert len(instants) == 25
    assert most_in_a_second(instants) <= PACE.burst
    assert most_at_once(packets, server.port) <= PACE.at_once


@needs_raw
def test_sslyze_keeps_the_pace(tmp_path: Path) -> None:
    """sslyze, whose threads connect side by side, finishes its scan within the authorised pace."""
    certificate = tmp_path / "server.pem"
    trustme.CA().issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(certificate)

    async def go(port: int) -> LocalGateway:
        on = local_gateway(tmp_path, port)
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(port), on.granted)
            assert await network.run_in_worker(jobs.tls, f"{ADDRESS} {port}".encode(), timeout=30) == b"COMPLETED"
        return on

    with openssl_server(certificate, "-www") as port, serving("sniff") as sniffer:
        on = asyncio.run(go(port))
        packets = sniffer.report()["packets"]
    instants = opened(packets, port)
    assert len(instants) > PACE.burst
    assert most_in_a_second(instants) <= PACE.burst
    assert most_at_once(packets, port) <= PACE.at_once
    entries = list(on.ledger.entries())
    assert sum(entry.questions for entry in entries) == len(instants)
    assert all(entry.received > 0 for entry in entries if entry.result == "open" and entry.sent > 0)


@needs_raw
def test_no_more_open_than_the_machines_ceiling(tmp_path: Path) -> None:
    """The ceiling of open connections holds over all scans."""
    rates = Rates(connections_per_second=100, burst=100, at_once=50)

    async def visit(network: Network) -> None:
        stream = await network.connect()
        await asyncio.sleep(0.02)
        await stream.close()

    async def go(port: int) -> None:
        on = local_gateway(tmp_path, port, rates, settings=Settings(ceilings=Ceilings(connections=2)))
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(port), on.granted)
            await asyncio.gather(*(visit(network) for _ in range(10)))

    with serving("quiet") as server, serving("sniff") as sniffer:
        asyncio.run(go(server.port))
        assert most_at_once(sniffer.report()["packets"], server.port) == 2


def test_an_address_that_resets_is_left_in_peace(tmp_path: Path) -> None:
    """After a reset the next connection waits, and the longer the more resets there were in a row."""

    async def go(port: int) -> list[float]:
        on = local_gateway(tmp_path, port, Rates(connections_per_second=100, burst=100, at_once=50))
        loop = asyncio.get_running_loop()
        waits = []
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(port), on.granted)
            for _ in range(4):
                began = loop.time()
                stream = await network.connect()
                waits.append(loop.time() - began)
                await stream.write(b"x")
                with pytest.raises(ScanFailure) as caught:
                    await stream.read()
                assert caught.value.cause is Cause.RESET
                await stream.close()
        return waits

    with serving("reset") as server:
        _, *waits = asyncio.run(go(server.port))
    assert [wait >= least for wait, least in zip(waits, (0.2, 0.4, 0.9), strict=True)] == [True] * 3


def test_a_scan_that_waits_for_itself_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scan that holds every connection it may have and asks for another does not wait for ever."""
    monkeypatch.setattr("inspector.network.pacing.queued_limiter.STALLED_SECONDS", 0.3)

    async def go(port: int) -> None:
        on = local_gateway(tmp_path, port, Rates(connections_per_second=100, burst=100, at_once=2))
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(port), on.granted)
            held = [await network.connect() for _ in range(2)]
            with pytest.raises(ScanFailure, match="all 2 connections") as caught:
                await network.connect()
            assert caught.value.cause is Cause.TIMEOUT
            await held[0].close()
            await network.connect()

    with serving("quiet") as server:
        asyncio.run(go(server.port))


def test_a_scan_that_only_waits_for_the_pace_is_not_late(tmp_path: Path) -> None:
    """A scan's own deadline does not count the time spent waiting for the rate limit; it counts the silence of a
    server.
    """

    async def go(port: int) -> None:
        on = local_gateway(tmp_path, port, Rates(connections_per_second=2, burst=2, at_once=9))
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(port), on.granted)
            async with network.within(1.2):
                for _ in range(5):
                    await (await network.connect()).close()
            stream = await network.connect()
            with pytest.raises(TimeoutError):
                async with network.within(0.2):
                    await stream.read(timeout=60)

    with serving("quiet") as server:
        asyncio.run(go(server.port))


def test_a_clock_that_is_set_changes_no_distances() -> None:
    """What the tests of the pace measure goes on evenly when the machine's clock is put back or forward."""
    settings = [(100.0, 50.0), (98.5, 48.0), (1099.5, 1048.0)]
    clock = WallClock(settings)
    stamps = [100.0, 100.2, 98.4, 98.6, 1099.5, 1099.7]
    assert [round(clock.instant(each), 6) for each in stamps] == [50.0, 50.2, 50.4, 50.6, 51.5, 51.7]
