"""What a server sent in time counts, however late the event loop comes to it; a silent server still times out."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from inspector.declare.authorisation import Rates
from inspector.declare.settings import Ceilings, Settings
from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.network import Network, RoundTripEnd
from inspector.network import socket_events as readiness
from inspector.network.transport.sockets import SocketDeadline
from inspector.network.transport.tls_context import permissive_tls_context
from tests.core.network.addresses import ADDRESS, HOST, LocalGateway, authorise, make_probe, target
from tests.core.network.protocols.test_dns import Resolver, asking
from tests.core.network.protocols.test_dns import resolver as resolver
from tests.core.network.transport.test_connect import openssl_server

#: A step's time, and for how long the loop is blocked meanwhile.
SECONDS, BLOCKED = 0.2, 0.5


def network(on: LocalGateway, port: int) -> Network:
    return on.gateway.network(make_probe(), target(port), on.granted)


def local_gateway(folder: Path, port: int, **changes: Any) -> LocalGateway:
    return LocalGateway(folder, f"tcp://{HOST}:{port}", **changes)


async def cause_of(step: Any) -> object:
    """What a step gives, or the cause of its failure."""
    try:
        return await step
    except ScanFailure as failure:
        return failure.cause


def block(until: Callable[[], bool] = lambda: True) -> None:
    """Block the event loop for longer than a step may take, and until the server has done what it is to do."""
    time.sleep(BLOCKED)
    while not until():
        time.sleep(0.01)


def block_soon(until: Callable[[], bool] = lambda: True) -> None:
    """Block the event loop once the running step waits for its socket."""
    asyncio.get_running_loop().call_later(0.02, block, until)


@contextmanager
def delayed_server(answer: bytes) -> Iterator[tuple[int, threading.Event]]:
    """A server whose answer comes a moment after the question, so that the client waits; and whether it was sent."""
    answered = threading.Event()
    with socket.create_server((ADDRESS, 0)) as listener:

        def serve() -> None:
            conn, _ = listener.accept()
            with conn:
                conn.recv(100)
                time.sleep(0.06)
                if answer:
                    conn.sendall(answer)
                answered.set()
                conn.settimeout(30)
                while conn.recv(100):
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], answered
        thread.join(30)


def test_what_lies_unread_is_read(tmp_path: Path) -> None:
    """A read whose answer came while the loop was blocked gives it; without an answer it times out."""

    async def go(port: int, answered: threading.Event) -> tuple[object, object]:
        on = local_gateway(tmp_path, port)
        async with on.gateway:
            stream = await network(on, port).connect()
            await stream.write(b"hello")
            block_soon(answered.is_set)
            first = await cause_of(stream.read(timeout=SECONDS))
            block_soon()
            second = await cause_of(stream.read(timeout=SECONDS))
            await stream.close()
        return first, second

    with delayed_server(b"welcome") as (port, answered):
        assert asyncio.run(go(port, answered)) == (b"welcome", Cause.TIMEOUT)


@pytest.mark.parametrize("way", [readiness._platform, readiness._LoopEvents], ids=lambda way: way.__name__)
@pytest.mark.parametrize(("answer", "expected"), [(b"welcome", RoundTripEnd.ENOUGH), (b"", Cause.TIMEOUT)])
def test_a_round_trip_ends_with_what_lies_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes, expected: object, way: type[readiness.SocketEvents]
) -> None:
    """The answer that came while the loop was blocked is enough; silence is a timeout."""
    monkeypatch.setattr(readiness, "_platform", way)

    async def go(port: int, answered: threading.Event) -> object:
        on = local_gateway(tmp_path, port)
        async with on.gateway:
            block_soon(answered.is_set)
            return await cause_of(network(on, port).exchange(b"hello", lambda _data: True, timeout=SECONDS))

    with delayed_server(answer) as (port, answered):
        assert asyncio.run(go(port, answered)) == expected


def test_a_handshake_may_go_on_for_as_long_as_the_loop_was_late(tmp_path: Path) -> None:
    """TLS 1.2 needs another answer after the first one, for which the server had no time while the loop was blocked."""
    certificate = tmp_path / "server.pem"
    trustme.CA().issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(certificate)

    async def go(port: int) -> object:
        on = local_gateway(tmp_path, port)
        async with on.gateway:
            stream = await network(on, port).connect()
            asyncio.get_running_loop().call_soon(block)
            failed = await cause_of(stream.start_tls(permissive_tls_context(), HOST, timeout=SECONDS))
            version = stream.ssl_object.version() if stream.ssl_object else None
            await stream.close()
        return failed or version

    with openssl_server(certificate, "-rev", "-tls1_2") as port:
        assert asyncio.run(go(port)) == "TLSv1.2"


def test_a_connection_that_stands_is_used(tmp_path: Path) -> None:
    """A connection that the server accepted while the loop was blocked is open; one that nobody accepts times out."""

    async def go(listener: socket.socket, fillers: list[socket.socket]) -> tuple[object, object]:
        port = listener.getsockname()[1]
        on = local_gateway(tmp_path, port)

        def accept_all() -> bool:
            """Empty the queue, so that the repeated SYN of the one who waits is answered."""
            listener.setblocking(False)
            while True:
                try:
                    fillers.append(listener.accept()[0])
                except BlockingIOError:
                    return time.monotonic() > until

        async with on.gateway:
            block_soon()
            silent = await cause_of(network(on, port).connect(timeout=SECONDS))
            until = time.monotonic() + 3  # the kernel repeats a SYN after one second, and after two more
            block_soon(accept_all)
            stream = await cause_of(network(on, port).connect(timeout=SECONDS))
        return silent, type(stream).__name__

    with socket.socket() as listener:
        listener.bind((ADDRESS, 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for each in fillers:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        assert asyncio.run(go(listener, fillers)) == (Cause.TIMEOUT, "Stream")
        for each in fillers:
            each.close()


@pytest.mark.parametrize("tcp", [False, True])
def test_a_reply_of_the_dns_that_lies_unread_counts(tmp_path: Path, resolver: Resolver, tcp: bool) -> None:
    """Over UDP and TCP the reply that came while the loop was blocked is the answer; the question is asked once."""

    async def ask(scan: Network) -> object:
        block_soon()
        return await cause_of(scan.query("late.dns.test", "A", tcp=tcp, timeout=SECONDS))

    answer: Any = asking(tmp_path, resolver.settings, ask)
    assert not isinstance(answer, Cause), answer
    assert len(resolver.asked()) == 1


def test_many_answers_that_wait_are_all_counted(tmp_path: Path) -> None:
    """Hundreds of connections whose answers lie unread when their time is up: none times out."""
    number, seconds = 300, 2.0
    accepted: list[socket.socket] = []

    def answer_all(listener: socket.socket) -> None:
        """Answer nobody until all have come, and the loop is blocked until all are answered."""
        while len(accepted) < number:
            accepted.append(listener.accept()[0])
        is_complete.set()
        is_blocked.wait()
        for conn in accepted:
            conn.recv(100)
            conn.sendall(b"welcome")
        is_answered.set()

    def block_until_answered() -> None:
        if not is_complete.is_set():
            asyncio.get_running_loop().call_later(0.01, block_until_answered)
            return
        is_blocked.set()
        is_answered.wait()
        time.sleep(seconds + 0.1)

    async def go(port: int) -> list[object]:
        settings = Settings(ceilings=Ceilings(connections=number))
        rates = Rates(connections_per_second=number, burst=number, at_once=number)
        on = local_gateway(tmp_path, port, granted=authorise(rates=rates), settings=settings)
        async with on.gateway:
            scan = network(on, port)
            asked = [cause_of(scan.exchange(b"hello", lambda _data: True, timeout=seconds)) for _ in range(number)]
            block_until_answered()
            return await asyncio.gather(*asked)

    is_complete, is_blocked, is_answered = threading.Event(), threading.Event(), threading.Event()
    with socket.create_server((ADDRESS, 0), backlog=number) as listener:
        threading.Thread(target=answer_all, args=(listener,), daemon=True).start()
        assert asyncio.run(go(listener.getsockname()[1])) == [RoundTripEnd.ENOUGH] * number
    for conn in accepted:
        conn.close()


def test_a_peer_that_sends_a_little_at_a_time_ends_nevertheless() -> None:
    """The time is put off once only: who answers again and again just in time does not get it again."""

    async def go() -> float:
        near, far = socket.socketpair()
        near.setblocking(False)
        loop = asyncio.get_running_loop()
        began = loop.time()

        def drip() -> None:
            far.send(b"x")
            time.sleep(0.15)
            loop.call_later(0.01, drip)

        loop.call_later(0.01, drip)
        deadline = SocketDeadline(0.3)

        async def read() -> None:
            while True:
                await deadline.readable(near)
                near.recv(10)

        with near, far, pytest.raises(TimeoutError):
            await read()
        return loop.time() - began

    assert asyncio.run(go()) < 2


def test_a_peer_whose_bytes_always_lie_there_ends_nevertheless() -> None:
    """A loop that is busy at every turn finds the next byte each time, and ends the step at its time all the same."""

    async def go() -> None:
        near, far = socket.socketpair()
        near.setblocking(False)
        loop = asyncio.get_running_loop()
        ended = False

        def keep_busy() -> None:
            far.send(b"x")
            time.sleep(0.02)
            if not ended:
                loop.call_soon(keep_busy)

        keep_busy()
        deadline = SocketDeadline(0.3)

        async def read() -> None:
            while True:
                try:
                    near.recv(10)
                except BlockingIOError:
                    await deadline.readable(near)

        with near, far:
            with pytest.raises(TimeoutError):
                await read()
            ended = True
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(go(), 20))


def test_a_scan_has_time_to_read_what_came_while_the_loop_was_blocked(tmp_path: Path) -> None:
    """Its deadline is put off by as long as the loop was late; a scan that goes on waiting still ends."""

    async def go(port: int, answered: threading.Event) -> tuple[bytes, float]:
        on = local_gateway(tmp_path, port)
        async with on.gateway:
            scan = network(on, port)
            async with scan.within(SECONDS):
                stream = await scan.connect()
                await stream.write(b"hello")
                block_soon(answered.is_set)
                answer = await stream.read()

            async def wait() -> None:
                async with scan.within(SECONDS):
                    block_soon()
                    await stream.read(timeout=60)

            began = time.monotonic()
            with pytest.raises(TimeoutError):
                await wait()
            return answer, time.monotonic() - began

    with delayed_server(b"welcome") as (port, answered):
        answer, seconds = asyncio.run(go(port, answered))
    assert answer == b"welcome"
    assert seconds < 10
