"""The gateway is closed by the clock or on request, and running operations end cleanly."""

import asyncio
import shutil
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from inspector.declare.authorisation import Authorisation, Covers, Rates, Window
from inspector.declare.settings import Settings
from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.network import Network
from tests.core.network import worker_jobs as jobs
from tests.core.network.addresses import ADDRESS, FAST, HOST, LocalGateway, authorise, make_probe, serving, target

BOTH = Covers(names=(HOST,), blocks=(f"{ADDRESS}/32",))


def closing_in(seconds: float, **changes: Any) -> Authorisation:
    """An authorisation whose hours end so soon."""
    at = datetime.now(UTC)
    window = Window(
        start=(at - timedelta(hours=2)).time(), end=(at + timedelta(seconds=seconds)).time(), timezone="UTC"
    )
    return authorise(windows=(window,), covers=BOTH, **changes)


async def cause(awaited: Coroutine[Any, Any, Any]) -> Cause:
    with pytest.raises(ScanFailure) as caught:
        await awaited
    return caught.value.cause


async def read_on(network: Network) -> None:
    stream = await network.connect()
    while True:
        await stream.read(timeout=60)


async def connect_on(network: Network) -> None:
    """Open connection after connection."""
    while True:
        stream = await network.connect()
        await stream.close()


def everything(network: Network, port: int, folder: Path) -> list[Coroutine[Any, Any, Any]]:
    """One operation of every kind."""
    return [
        read_on(network),
        connect_on(network),
        network.run_in_worker(jobs.hang, b"", timeout=60),
        network.run_in_worker(jobs.many, f"{ADDRESS} {port} 500".encode(), timeout=60),
        network.nmap([], ports=[port], timeout=60),
    ]


def slow_nmap(folder: Path) -> Settings:
    """Settings with an nmap that never ends."""
    fake = folder / "nmap"
    fake.write_text("#!/bin/sh\necho $$ > $0.pid\nsleep 600\n")
    fake.chmod(0o700)
    return Settings(nmap_search_path=(str(fake),))


def test_a_closing_window_ends_what_is_under_way(tmp_path: Path) -> None:
    """When the hours end, streams, waits for the pace, workers and sweeps end at once with the cause outside-window."""

    async def go(port: int) -> None:
        granted = closing_in(2.5, rates=Rates(connections_per_second=4, burst=4, at_once=4))
        on = LocalGateway(tmp_path, f"tcp://{HOST}:{port}", granted=granted, settings=slow_nmap(tmp_path))
        closes = on.scope.window_closes(datetime.now(UTC))
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(port), on.granted)
            causes = await asyncio.wait_for(
                asyncio.gather(*(cause(each) for each in everything(network, port, tmp_path))), timeout=20
            )
            assert causes == [Cause.OUTSIDE_WINDOW] * 5
            assert await cause(network.connect()) is Cause.OUTSIDE_WINDOW
            assert closes is not None
            assert datetime.now(UTC) >= closes
        entries = list(on.ledger.entries())
        assert all(entry.at <= closes for entry in entries)
        assert {entry.result for entry in entries} <= {"open", "outside-window"}

    with serving("quiet") as server:
        asyncio.run(go(server.port))
    pid = int((tmp_path / "nmap.pid").read_text())
    assert not Path(f"/proc/{pid}").exists()


def test_abort_ends_everything_and_lets_nothing_more_out(tmp_path: Path) -> None:
    """An abort has the given cause, for running and for later operations."""

    async def go(port: int) -> None:
        on = LocalGateway(
            tmp_path, f"tcp://{HOST}:{port}", granted=authorise(covers=BOTH), settings=slow_nmap(tmp_path)
        )
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(port), on.granted)
            running = [asyncio.create_task(cause(each)) for each in everything(network, port, tmp_path)]
            await asyncio.sleep(0.5)
            on.gateway.abort()
            assert await asyncio.gather(*running) == [Cause.ABORTED] * 5
            for late in (
                network.connect(),
                network.query("a.test", "A"),
                network.run_in_worker(jobs.reverse, b"", timeout=9),
            ):
                assert await cause(late) is Cause.ABORTED

    with serving("quiet") as server:
        asyncio.run(go(server.port))


def test_one_documents_hours_do_not_end_anothers(tmp_path: Path) -> None:
    """Of two authorisations only what runs under the one that closes is cut."""

    async def go(port: int) -> None:
        on = LocalGateway(tmp_path, f"tcp://{HOST}:{port}", granted=closing_in(0.6, id="short"))
        long = authorise(id="long", covers=BOTH)
        on.scope.authorisations = (long, on.granted)
        async with on.gateway:
            lasting = await on.gateway.network(make_probe(), target(port), long).connect()
            short = on.gateway.network(make_probe(), target(port), on.granted)
            assert await cause(read_on(short)) is Cause.OUTSIDE_WINDOW
            await lasting.write(b"still here")
            assert await lasting.read() == b"still here"

    with serving("echo") as server:
        asyncio.run(go(server.port))


def test_a_cancelled_scan_leaves_nothing_behind(tmp_path: Path) -> None:
    """Cancelling a task ends its connection, worker and sweep, and frees their places in the budget."""

    async def go(port: int) -> None:
        granted = authorise(covers=BOTH, rates=Rates(connections_per_second=100, burst=100, at_once=1))
        on = LocalGateway(tmp_path, f"tcp://{HOST}:{port}", granted=granted, settings=slow_nmap(tmp_path))
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(port), on.granted)
            for each in (
                network.run_in_worker(jobs.hang, b"", timeout=60),
                network.nmap([], ports=[port], timeout=60),
                network.connect(timeout=60),
            ):
                task = asyncio.create_task(each)
                await asyncio.sleep(0.3)
                task.cancel()
                await asyncio.wait([task])
            await network.close()
            again = on.gateway.network(make_probe(), target(port), on.granted)
            await (await again.connect()).close()

    with serving("quiet") as server:
        asyncio.run(go(server.port))


@pytest.mark.skipif(shutil.which("nmap") is None, reason="nmap is not installed")
def test_a_real_sweep_is_cut_in_its_course(tmp_path: Path) -> None:
    """nmap itself stops asking when the hours end."""

    async def go() -> None:
        rates = FAST.model_copy(update={"port_questions_per_second": 10})
        on = LocalGateway(tmp_path, granted=closing_in(1.0, rates=rates))
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(None, scheme="host"), on.granted)
            assert await cause(network.nmap([], ports=range(2000, 2600), timeout=60)) is Cause.OUTSIDE_WINDOW

    asyncio.run(go())


def test_a_gateway_that_is_not_open_gives_no_network(tmp_path: Path) -> None:
    """Without ``async with`` there is no guard, and so no network."""
    on = LocalGateway(tmp_path)
    with pytest.raises(RuntimeError, match="async with"):
        on.gateway.network(make_probe(), target(443), on.granted)
