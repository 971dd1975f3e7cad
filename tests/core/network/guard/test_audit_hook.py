"""No code in the process bypasses an open gateway."""

import asyncio
import contextlib
import gc
import importlib
import socket
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.network.guard.audit_hook import GuardViolation
from tests.core.network import misbehaving as rogue
from tests.core.network.addresses import DECOY, HOST, LocalGateway, make_probe, needs_raw, serving, target


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """A refusal in the middle of a library's work leaves that library's socket to the garbage collector, here."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@needs_raw
@pytest.mark.parametrize("way", rogue.WAYS, ids=lambda way: way.__name__)
def test_a_plugin_that_goes_past_the_gateway_sends_nothing(tmp_path: Path, way: rogue.Way) -> None:
    """Every bypass of the gateway is refused with the cause bug, and a decoy sees no packet."""

    async def go(port: int) -> None:
        on = LocalGateway(tmp_path, f"tcp://{HOST}:{port}")
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(port), on.granted)
            with pytest.raises((GuardViolation, ExceptionGroup)):
                await asyncio.create_task(way(DECOY, port))  # type: ignore[arg-type]
            if way not in (rogue.executor, rogue.own_thread):
                assert network.violation is not None
                assert network.violation.cause is Cause.BUG
        assert list(on.ledger.entries()) == []

    with serving("quiet", DECOY) as decoy, serving("sniff", DECOY) as sniffer:
        asyncio.run(go(decoy.port))
        assert sniffer.report()["packets"] == []


def test_the_plugin_is_named(tmp_path: Path) -> None:
    """The refusal names the module of the plugin, and not the libraries through which it went."""

    async def go() -> None:
        on = LocalGateway(tmp_path)
        async with on.gateway:
            for way in (rogue.plain_socket, rogue.streams, rogue.program):
                with pytest.raises(GuardViolation) as caught:
                    await asyncio.create_task(way(DECOY, 9))  # type: ignore[arg-type]
                assert caught.value.module == "tests.core.network.misbehaving"
                assert "tests.core.network.misbehaving tried to" in str(caught.value)

    asyncio.run(go())


def test_a_library_that_starts_its_own_task_does_not_hide_the_plugin(tmp_path: Path) -> None:
    """Where only libraries are on the stack, the probe whose scan started them is named."""

    async def go() -> None:
        on = LocalGateway(tmp_path)
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(443), on.granted)
            with pytest.raises(ExceptionGroup):
                await asyncio.create_task(rogue.http_client(DECOY, 9))  # type: ignore[arg-type]
            assert isinstance(network.violation, GuardViolation)
            assert network.violation.module == "tests.core.network.addresses"

    asyncio.run(go())


def test_only_the_scans_of_the_own_gateway_are_blamed(tmp_path: Path) -> None:
    """The same plugin's scan of another inspection goes on; where the scan is not known, it may be either."""

    async def go() -> None:
        one, other = (LocalGateway(tmp_path / name, f"tcp://{HOST}:443") for name in ("one", "other"))
        async with one.gateway, other.gateway:
            networks = []
            for on in (one, other):

                async def scan(on: LocalGateway = on) -> None:
                    networks.append(on.gateway.network(make_probe(), target(443), on.granted))
                    if on is one:
                        await rogue.swallow(DECOY, 9)

                await asyncio.create_task(scan())
            guilty, innocent = networks
            assert guilty.violation is not None
            assert innocent.violation is None
            await asyncio.create_task(rogue.swallow(DECOY, 9))
            assert innocent.violation is not None

    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    asyncio.run(go())


def test_a_refusal_that_is_swallowed_is_remembered(tmp_path: Path) -> None:
    """A plugin that catches the exception is still recorded at its network, which sends nothing more."""

    async def go() -> None:
        on = LocalGateway(tmp_path, f"tcp://{HOST}:443")
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(443), on.granted)
            await asyncio.create_task(rogue.swallow(DECOY, 9))
            assert network.violation is not None
            with pytest.raises(ScanFailure) as caught:
                await network.connect()
            assert caught.value.cause is Cause.BUG

    asyncio.run(go())


@pytest.mark.parametrize("is_known", [True, False])
def test_one_system_is_not_blamed_for_the_scan_of_another(tmp_path: Path, is_known: bool) -> None:
    """A bypass is that of the system whose scan it was, also where the plugin swallows it and scans others as well.

    Where a thread does it that belongs to no scan, it may be anybody's, and every scan of the plugin counts as suspect.
    """

    async def go() -> list[ScanFailure | None]:
        systems = [LocalGateway(tmp_path / name, f"tcp://{HOST}:443") for name in ("one", "two", "three")]
        begun = asyncio.Barrier(len(systems) + 1)
        ended = asyncio.Event()

        async def scan(on: LocalGateway, *, is_rogue: bool) -> ScanFailure | None:
            network = on.gateway.network(make_probe(), target(443), on.granted)
            await begun.wait()
            if is_rogue and is_known:
                await rogue.swallow(DECOY, 9)
            elif is_rogue:
                thread = threading.Thread(target=_bypass)
                thread.start()
                while thread.is_alive():  # noqa: ASYNC110  (a thread sets no event of the loop)
                    await asyncio.sleep(0.01)
            await ended.wait()
            return network.violation

        async with systems[0].gateway, systems[1].gateway, systems[2].gateway:
            scans = [asyncio.create_task(scan(each, is_rogue=number == 1)) for number, each in enumerate(systems)]
            await begun.wait()
            await asyncio.sleep(0.2)
            ended.set()
            return await asyncio.gather(*scans)

    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
    found = [each is not None for each in asyncio.run(go())]
    assert found == ([False, True, False] if is_known else [True, True, True])


def _bypass() -> None:
    """A connection past the gateway from a thread that has no context of a scan, by the module of the probe."""
    with contextlib.suppress(GuardViolation):
        call = compile(f"socket.create_connection(({DECOY!r}, 9))", "probe", "exec")
        exec(call, {"__name__": make_probe.__module__, "socket": socket})


def test_another_interpreter_is_not_started(tmp_path: Path) -> None:
    """The hook applies to this interpreter only, so that another one could connect as it likes."""
    interpreters = importlib.import_module("_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters")

    async def go() -> None:
        on = LocalGateway(tmp_path)
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(9), on.granted)
            with pytest.raises(Exception, match="interpreter"):
                interpreters.create()
            assert network.violation is not None
            assert "tried to start another interpreter" in str(network.violation)

    asyncio.run(go())


def test_it_rests_while_no_gateway_is_open(tmp_path: Path) -> None:
    """Before a gateway is opened and after it is closed, the process is not restricted."""

    async def go(port: int) -> None:
        on = LocalGateway(tmp_path)
        async with on.gateway:
            pass
        await rogue.plain_socket("127.0.0.1", port)

    with serving("quiet", "127.0.0.1") as server:
        asyncio.run(go(server.port))
        asyncio.run(rogue.plain_socket("127.0.0.1", server.port))  # type: ignore[arg-type]


def test_it_leaves_threads_alone_that_ran_before(tmp_path: Path) -> None:
    """A thread that was started before the gateway was opened is exempt."""
    go_on, failed = threading.Event(), list[BaseException]()

    def unrelated(port: int) -> None:
        go_on.wait()
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except BaseException as error:  # noqa: BLE001
            failed.append(error)

    async def go(thread: threading.Thread) -> None:
        async with LocalGateway(tmp_path).gateway:
            go_on.set()
            await asyncio.to_thread(thread.join)

    with serving("quiet", "127.0.0.1") as server:
        thread = threading.Thread(target=unrelated, args=(server.port,))
        thread.start()
        asyncio.run(go(thread))
    assert failed == []


def test_a_task_that_outlives_its_scan_asks_nothing_more(tmp_path: Path) -> None:
    """After the end of its scan a plugin cannot use that scan's network."""

    async def go() -> None:
        on = LocalGateway(tmp_path, f"tcp://{HOST}:443")
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(443), on.granted)
            await network.close()
            with pytest.raises(ScanFailure, match="goes on after the end of its scan") as caught:
                await network.connect()
            assert caught.value.cause is Cause.BUG
        assert list(on.ledger.entries()) == []

    asyncio.run(go())


def test_what_sends_nothing_is_let_be(tmp_path: Path) -> None:
    """Parsing an address, a local socket pair and files are allowed."""

    async def go() -> None:
        async with LocalGateway(tmp_path).gateway:
            assert socket.getaddrinfo("127.0.0.1", 80)
            one, two = socket.socketpair()
            one.sendall(b"x")
            assert two.recv(1) == b"x"
            one.close()
            two.close()

    asyncio.run(go())
