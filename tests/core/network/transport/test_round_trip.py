"""One question on a connection of its own: under the same eyes as every other connection, whatever the server does."""

import asyncio
import errno
import socket
from collections.abc import Callable, Coroutine
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from inspector.declare.authorisation import Rates
from inspector.declare.settings import Ceilings, Settings
from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.model.intrusiveness import Intrusiveness
from inspector.network import Network, RoundTripEnd
from inspector.network import socket_events as readiness
from inspector.network.guard.audit_hook import GuardViolation
from tests.core.network.addresses import (
    ADDRESS,
    DECOY,
    HOST,
    LocalGateway,
    authorise,
    make_probe,
    needs_raw,
    serving,
    target,
)
from tests.core.network.pacing.test_rates import PACE, assert_pace, most_at_once, opened
from tests.core.network.test_gateway import closing_in

WAYS = [readiness._platform, readiness._LoopEvents]


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def _each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_platform", request.param)


both_ways = pytest.mark.usefixtures("_each_way")


def go(on: LocalGateway, port: int, *steps: Callable[[Network], Coroutine[Any, Any, object]]) -> list[object]:
    """Each step's result through one scan, a Trouble as its cause."""

    async def all_of_them() -> list[object]:
        results: list[object] = []
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(port), on.granted)
            for step in steps:
                try:
                    results.append(await step(network))
                except ScanFailure as failure:
                    results.append(failure.cause)
        return results

    return asyncio.run(all_of_them())


def local_gateway(folder: Path, port: int, **changes: Any) -> LocalGateway:
    return LocalGateway(folder, f"tcp://{HOST}:{port}", **changes)


def ask(
    sent: bytes = b"hello", received: Callable[[bytes], bool] = lambda _data: True, **options: Any
) -> Callable[[Network], Coroutine[Any, Any, RoundTripEnd]]:
    """One exchange; any answer is enough."""
    return lambda network: network.exchange(sent, received, **options)


@both_ways
def test_what_is_received_is_handed_over_and_on_the_ledger(tmp_path: Path) -> None:
    """All that comes is handed over until it is enough; the ledger has the bytes both ways."""
    received = bytearray()

    def enough(data: bytes) -> bool:
        received.extend(data)
        return len(received) == 5

    with serving("echo") as server:
        on = local_gateway(tmp_path, server.port)
        assert go(on, server.port, ask(b"hello", enough)) == [RoundTripEnd.ENOUGH]
    assert received == b"hello"
    (entry,) = on.ledger.entries()
    assert (entry.address, entry.port, entry.protocol, entry.probe) == (ADDRESS, server.port, "tcp", "trial")
    assert (entry.sent, entry.received, entry.questions, entry.result) == (5, 5, 1, "open")


@both_ways
def test_a_server_that_closes_first_is_distinguished(tmp_path: Path) -> None:
    """The end of the stream before enough was received is reported, with what came before it."""
    received: list[bytes] = []
    with serving("reply", argument="short") as server:
        on = local_gateway(tmp_path, server.port)
        assert go(on, server.port, ask(received=lambda data: received.append(data) or False)) == [RoundTripEnd.CLOSED]
    assert b"".join(received) == b"short"


def test_more_than_the_ceiling_is_left_unread(tmp_path: Path) -> None:
    """An endless answer is cut at the bound on bytes."""
    with serving("body") as server:
        on = local_gateway(tmp_path, server.port, settings=Settings(ceilings=Ceilings(answer_bytes=100_000)))
        assert go(on, server.port, ask(received=lambda _data: False)) == [RoundTripEnd.TRUNCATED]
    assert [entry.received for entry in on.ledger.entries()] == [100_000]


@both_ways
def test_a_long_question_is_sent_to_its_end(tmp_path: Path) -> None:
    """What the system does not take at once follows when it does."""
    received = 0

    def enough(data: bytes) -> bool:
        nonlocal received
        received += len(data)
        return received == 1_000_000

    with serving("echo") as server, _small_buffers():
        on = local_gateway(tmp_path, server.port)
        assert go(on, server.port, ask(b"x" * 1_000_000, enough)) == [RoundTripEnd.ENOUGH]
    assert [entry.sent for entry in on.ledger.entries()] == [1_000_000]


@contextmanager
def _small_buffers() -> Any:
    """Sockets that take little at once."""
    made = socket.socket.__init__

    def init(self: socket.socket, *arguments: Any, **options: Any) -> None:
        made(self, *arguments, **options)
        if options.get("fileno") is None and self.family is socket.AF_INET:
            self.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "__init__", init)
        yield


@both_ways
def test_silence_is_a_timeout(tmp_path: Path) -> None:
    """A server that takes the question and says nothing times out, and so does one that drips for too long."""
    with serving("quiet") as server:
        on = local_gateway(tmp_path, server.port)
        assert go(on, server.port, ask(timeout=0.1)) == [Cause.TIMEOUT]
    with serving("drip") as server:
        on = local_gateway(tmp_path, server.port)
        assert go(on, server.port, ask(received=lambda _data: False, timeout=0.3)) == [Cause.TIMEOUT]
    *_, entry = on.ledger.entries()
    assert entry.result == "timeout"
    assert entry.received > 1


@contextmanager
def _full_queue() -> Any:
    """A listener that drops connection requests until its queue is taken from."""
    with socket.socket() as listener:
        listener.bind((ADDRESS, 0))
        listener.listen(0)
        where = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(where)
        yield listener
        for filler in fillers:
            filler.close()


def test_a_connection_that_is_not_answered_times_out(tmp_path: Path) -> None:
    """A full queue that drops connection requests is a timeout, and the ledger says so."""
    with _full_queue() as listener:
        port = listener.getsockname()[1]
        on = local_gateway(tmp_path, port)
        assert go(on, port, ask(timeout=0.2)) == [Cause.TIMEOUT]
    assert [(entry.sent, entry.result) for entry in on.ledger.entries()] == [(0, "timeout")]


@both_ways
def test_a_connection_that_takes_its_time_is_used_when_it_stands(tmp_path: Path) -> None:
    """What cannot be sent at once is sent when the connection stands; the answer then has its own time."""
    with _full_queue() as listener:
        port = listener.getsockname()[1]
        on = local_gateway(tmp_path, port)
        taken: list[socket.socket] = []

        async def later(network: Network) -> object:
            loop = asyncio.get_running_loop()
            listener.setblocking(False)

            async def answer() -> None:
                while True:
                    conn, _ = await loop.sock_accept(listener)
                    taken.append(conn)
                    if data := await _within(loop.sock_recv(conn, 100)):
                        await loop.sock_sendall(conn, data)

            answering = loop.create_task(answer())
            try:
                return await network.exchange(b"hello", lambda data: data == b"hello", timeout=20)
            finally:
                answering.cancel()

        assert go(on, port, later) == [RoundTripEnd.ENOUGH]
        for conn in taken:
            conn.close()
    assert [(entry.sent, entry.received) for entry in on.ledger.entries()] == [(5, 5)]


async def _within(receiving: Coroutine[Any, Any, bytes]) -> bytes:
    """What comes within a moment; nothing does from those who only fill the queue."""
    try:
        return await asyncio.wait_for(receiving, 0.3)
    except TimeoutError:
        return b""


@both_ways
def test_refused_and_reset_are_distinguished(tmp_path: Path) -> None:
    """RST to the first packet is refused, RST within a connection is reset, and after it the address has peace."""
    with serving("reset") as server, serving("quiet") as other:
        other.stop()
        on = LocalGateway(tmp_path, f"tcp://{HOST}:{server.port}", f"tcp://{HOST}:{other.port}")
        waits: list[float] = []

        async def timed(network: Network) -> object:
            began = asyncio.get_running_loop().time()
            try:
                return await network.exchange(b"x", lambda _data: True)
            finally:
                waits.append(asyncio.get_running_loop().time() - began)

        asked = go(on, server.port, ask(port=other.port), timed, timed)
    assert asked == [Cause.REFUSED, Cause.RESET, Cause.RESET]
    assert [entry.result for entry in on.ledger.entries()] == ["refused", "reset", "reset"]
    assert waits[1] >= 0.2


@pytest.mark.parametrize(
    ("words", "ending"),
    [
        ("421 Too busy", Cause.RATE_LIMITED),
        ("Exceeded MaxStartups", Cause.RATE_LIMITED),
        ("\u00ffCorporate limited, Too many connections", RoundTripEnd.ENOUGH),
    ],
)
def test_a_server_that_turns_us_away_is_rate_limited(tmp_path: Path, words: str, ending: object) -> None:
    """Words that turn a client away are no answer; the same letters amid binary data are one."""
    with serving("greet", argument=words) as server:
        on = local_gateway(tmp_path, server.port)
        assert go(on, server.port, ask()) == [ending]


def test_a_machine_without_a_free_socket_is_not_the_servers_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where this machine cannot make a socket, that is our bug, and the place in the budget is free again."""

    def full(*_arguments: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    async def first_full(network: Network) -> object:
        with monkeypatch.context() as patch:
            patch.setattr("inspector.network.transport.round_trip.socket_for", full)
            with pytest.raises(ScanFailure) as caught:
                await network.exchange(b"x", lambda _data: True)
        return caught.value.cause

    with serving("echo") as server:
        on = local_gateway(
            tmp_path, server.port, granted=authorise(rates=Rates(connections_per_second=1, burst=1, at_once=1))
        )
        assert go(on, server.port, first_full, ask()) == [Cause.BUG, RoundTripEnd.ENOUGH]
    assert [entry.result for entry in on.ledger.entries()] == ["bug", "open"]


# --- under the gateway's eyes ---


def test_abort_ends_what_connects_and_what_listens(tmp_path: Path) -> None:
    """An abort cuts exchanges in every state, and lets no other out."""

    async def both(on: LocalGateway, shut: int, port: int) -> list[Cause]:
        async def cause(network: Network, where: int) -> Cause:
            with pytest.raises(ScanFailure) as caught:
                await network.exchange(b"x", lambda _data: True, port=where, timeout=60)
            return caught.value.cause

        async with on.gateway:
            network = on.gateway.network(make_probe(), target(port), on.granted)
            running = [asyncio.create_task(cause(network, where)) for where in (shut, port)]
            await asyncio.sleep(0.1)
            on.gateway.abort()
            return [*await asyncio.gather(*running), await cause(network, port)]

    with _full_queue() as listener, serving("quiet") as server:
        shut = listener.getsockname()[1]
        on = LocalGateway(tmp_path, f"tcp://{HOST}:{shut}", f"tcp://{HOST}:{server.port}")
        assert asyncio.run(both(on, shut, server.port)) == [Cause.ABORTED] * 3
    assert [entry.result for entry in on.ledger.entries()] == ["aborted"] * 2


def test_the_end_of_the_hours_ends_it(tmp_path: Path) -> None:
    """What is under way when the hours end is cut, and nothing leaves after it."""
    with serving("quiet") as server:
        on = local_gateway(tmp_path, server.port, granted=closing_in(0.5))
        closes = on.scope.window_closes(datetime.now(UTC))
        assert go(on, server.port, ask(timeout=60), ask()) == [Cause.OUTSIDE_WINDOW] * 2
    assert closes is not None
    assert [entry.result for entry in on.ledger.entries()] == ["outside-window"]


def test_what_was_admitted_once_is_not_admitted_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is asked for every connection, also where the same question was admitted before."""
    real = datetime.now(UTC)
    clock = {"at": real}
    monkeypatch.setattr("inspector.network.session.now", lambda: clock["at"])

    async def then(network: Network, later: timedelta) -> RoundTripEnd:
        clock["at"] = real + later
        return await network.exchange(b"x", lambda _data: True)

    with serving("echo") as server:
        on = local_gateway(tmp_path, server.port)
        hours = [timedelta(hours=each) for each in (0, 2, 0, -25, 0)]
        seen = go(on, server.port, *(lambda network, each=each: then(network, each) for each in hours))  # type: ignore[misc]
    assert seen == [
        RoundTripEnd.ENOUGH,
        Cause.NOT_AUTHORISED,
        RoundTripEnd.ENOUGH,
        Cause.NOT_AUTHORISED,
        RoundTripEnd.ENOUGH,
    ]


def test_no_exchange_without_a_right(tmp_path: Path) -> None:
    """No authorisation, a passive probe, an undeclared port or a foreign address: each is refused before it leaves."""

    async def causes(on: LocalGateway, port: int) -> list[Cause]:
        found = []
        async with on.gateway:
            gateway, granted = on.gateway, on.granted
            for network, where in (
                (gateway.network(make_probe(), target(port), None), port),
                (gateway.network(make_probe(Intrusiveness.PASSIVE), target(port), granted), port),
                (gateway.network(make_probe(), target(port), granted), port + 1),
                (gateway.network(make_probe(), target(port, address="127.7.0.2"), granted), port),
            ):
                with pytest.raises(ScanFailure) as caught:
                    await network.exchange(b"x", lambda _data: True, port=where)
                found.append(caught.value.cause)
        return found

    with serving("quiet") as server:
        on = local_gateway(tmp_path, server.port)
        refused = [Cause.NOT_AUTHORISED] * 2 + [Cause.OUT_OF_SCOPE] * 2
        assert asyncio.run(causes(on, server.port)) == refused
        assert server.report()["accepted"] == []
    assert list(on.ledger.entries()) == []


def test_who_bypasses_the_gateway_while_listening_is_blamed(tmp_path: Path) -> None:
    """The audit guard stands over what a plugin does with what it hears, too."""

    def smuggle(_data: bytes) -> bool:
        with socket.socket() as sock:
            sock.connect((DECOY, 9))
        return True

    async def caught(network: Network) -> object:
        with pytest.raises(GuardViolation) as refusal:
            await network.exchange(b"x", smuggle)
        assert network.violation is not None
        return refusal.value.module

    with serving("echo") as server:
        on = local_gateway(tmp_path, server.port)
        assert go(on, server.port, caught, ask()) == ["tests.core.network.transport.test_round_trip", Cause.BUG]


def test_a_fault_of_the_listener_closes_the_connection(tmp_path: Path) -> None:
    """What a listener raises is raised where it asked, and its place in the budget is free again."""

    def stumble(_data: bytes) -> bool:
        raise ZeroDivisionError

    async def stumbling(network: Network) -> object:
        with pytest.raises(ZeroDivisionError):
            await network.exchange(b"x", stumble)
        return await network.exchange(b"x", lambda _data: True)

    with serving("echo") as server:
        rates = Rates(connections_per_second=100, burst=100, at_once=1)
        on = local_gateway(tmp_path, server.port, granted=authorise(rates=rates))
        assert go(on, server.port, stumbling) == [RoundTripEnd.ENOUGH]
    assert [(entry.sent, entry.received) for entry in on.ledger.entries()] == [(1, 1)] * 2


def test_what_a_scan_leaves_behind_is_ended_with_it(tmp_path: Path) -> None:
    """A cancelled exchange, and one that outlives its scan, are closed and free their places in the budget."""

    async def left(_other: Network) -> object:
        network = on.gateway.network(make_probe(), target(server.port), on.granted)
        cancelled = asyncio.create_task(network.exchange(b"x", lambda _data: True, timeout=60))
        await asyncio.sleep(0.1)
        cancelled.cancel()
        await asyncio.wait([cancelled])
        outlived = asyncio.create_task(network.exchange(b"x", lambda _data: True, timeout=60))
        await asyncio.sleep(0.1)
        await network.close()
        with pytest.raises(ScanFailure) as caught:
            await outlived
        return caught.value.cause

    with serving("quiet") as server:
        rates = Rates(connections_per_second=100, burst=100, at_once=1)
        on = local_gateway(tmp_path, server.port, granted=authorise(rates=rates))
        assert go(on, server.port, left, ask(timeout=0.1)) == [Cause.ABORTED, Cause.TIMEOUT]
    assert [entry.result for entry in on.ledger.entries()] == ["aborted", "aborted", "timeout"]


@needs_raw
def test_exchanges_keep_the_pace(tmp_path: Path) -> None:
    """However many exchanges are wanted at once, no second sees more than the burst, and no more are open."""

    async def many(network: Network) -> object:
        asked = [network.exchange(b"x", lambda _data: True) for _ in range(30)]
        return set(await asyncio.gather(*asked))

    with serving("echo") as server, serving("sniff") as sniffer:
        on = local_gateway(tmp_path, server.port, granted=authorise(rates=PACE))
        assert go(on, server.port, many) == [{RoundTripEnd.ENOUGH}]
        packets = sniffer.report()["packets"]
    assert_pace(packets, server.port, connections=30)


@needs_raw
def test_no_more_exchanges_than_the_machines_ceiling(tmp_path: Path) -> None:
    """The ceiling of open connections holds over exchanges and streams together."""

    async def many(network: Network) -> object:
        async def stream() -> None:
            await (await network.connect()).close()

        wanted = [network.exchange(b"x", lambda _data: True) for _ in range(10)]
        await asyncio.gather(*wanted, *(stream() for _ in range(10)))
        return None

    with serving("echo") as server, serving("sniff") as sniffer:
        on = local_gateway(tmp_path, server.port, settings=Settings(ceilings=Ceilings(connections=2)))
        go(on, server.port, many)
        packets = sniffer.report()["packets"]
    assert len(opened(packets, server.port)) == 20
    assert most_at_once(packets, server.port) <= 2
