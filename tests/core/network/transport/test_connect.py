"""Connections through the gateway to real servers, good and bad."""

import asyncio
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from inspector.declare.settings import Ceilings, Settings
from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.model.intrusiveness import Intrusiveness
from inspector.network import Network
from inspector.network.transport.tls_context import tolerant_context
from tests.agreement.environment import needs_programs
from tests.core.network.addresses import ADDRESS, HOST, LocalGateway, make_probe, serving, target


async def _cause(awaited: object) -> Cause:
    with pytest.raises(ScanFailure) as caught:
        await awaited  # type: ignore[misc]
    return caught.value.cause


def local_gateway(folder: Path, port: int, **changes: object) -> LocalGateway:
    return LocalGateway(folder, f"tcp://{HOST}:{port}", **changes)  # type: ignore[arg-type]


def network(of: LocalGateway, port: int, **changes: object) -> Network:
    return of.gateway.network(make_probe(), target(port, **changes), of.granted)  # type: ignore[arg-type]


def test_what_passes_is_on_the_ledger(tmp_path: Path) -> None:
    """A connection's entry names time, address, port, protocol, probe, authorisation and the bytes both ways."""

    async def go(port: int) -> None:
        on = local_gateway(tmp_path, port)
        async with on.gateway:
            stream = await network(on, port).connect()
            await stream.write(b"hello")
            assert await stream.read() == b"hello"
            await stream.close()
            await stream.close()
        (entry,) = on.ledger.entries()
        assert (entry.address, entry.port, entry.protocol, entry.probe) == (ADDRESS, port, "tcp", "trial")
        assert (entry.authorisation, entry.infrastructure, entry.questions) == ("a-1", False, 1)
        assert (entry.sent, entry.received, entry.result) == (5, 5, "open")

    with serving("echo") as server:
        asyncio.run(go(server.port))


def test_an_unresponsive_server_is_a_timeout(tmp_path: Path) -> None:
    """A server that accepts the connection and never answers times out, in clear and under TLS."""

    async def go(port: int) -> None:
        on = local_gateway(tmp_path, port)
        async with on.gateway:
            stream = await network(on, port).connect()
            assert await _cause(stream.read(timeout=0.05)) is Cause.TIMEOUT
            assert await _cause(stream.start_tls(tolerant_context(), HOST, timeout=0.05)) is Cause.TIMEOUT

    with serving("quiet") as server:
        asyncio.run(go(server.port))


def test_a_greeting_is_received(tmp_path: Path) -> None:
    """What a server sends without being asked is received, up to the limit."""

    async def go(port: int) -> None:
        on = local_gateway(tmp_path, port)
        async with on.gateway:
            stream = await network(on, port).connect()
            assert await stream.read(7) == b"220 wel"

    with serving("greet", argument="220 welcome") as server:
        asyncio.run(go(server.port))


@pytest.mark.parametrize("greeting", ["421 Too busy", "Exceeded MaxStartups", "x Too many connections"])
def test_a_greeting_that_turns_us_away_is_rate_limited(tmp_path: Path, greeting: str) -> None:
    """A server that bans by greeting is rate-limited, never taken for the service's real face."""

    async def go(port: int) -> None:
        on = local_gateway(tmp_path, port)
        async with on.gateway:
            stream = await network(on, port).connect()
            assert await _cause(stream.read()) is Cause.RATE_LIMITED

    with serving("greet", argument=greeting) as server:
        asyncio.run(go(server.port))


def test_reset_and_refused_are_distinguished(tmp_path: Path) -> None:
    """RST within a connection is reset, RST to the first packet is refused, and the ledger says so."""

    async def go(open_port: int, shut_port: int) -> None:
        on = LocalGateway(tmp_path, f"tcp://{HOST}:{open_port}", f"tcp://{HOST}:{shut_port}")
        async with on.gateway:
            stream = await network(on, open_port).connect()
            await stream.write(b"x")
            assert await _cause(stream.read()) is Cause.RESET
            await stream.close()
            assert await _cause(network(on, shut_port).connect()) is Cause.REFUSED
        assert [entry.result for entry in on.ledger.entries()] == ["reset", "refused"]

    with serving("reset") as server, serving("quiet") as other:
        other.stop()
        asyncio.run(go(server.port, other.port))


def test_no_route_is_not_reached(tmp_path: Path) -> None:
    """Where there is no route, IPv6 or other, an address is not reached, never refused, and ``routable`` knows."""
    found = subprocess.run(
        ["unshare", "-Urn", sys.executable, "-c", _NO_ROUTE, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert found.stdout.split() == ["not-reached", "False", "not-reached", "False"], found.stderr


_NO_ROUTE = """
import asyncio, sys
from pathlib import Path
from inspector.model.errors import ScanFailure
from inspector.network import routable
from tests.core.network.addresses import LocalGateway, HOST, authorise, make_probe, pinned, target
from inspector.declare.authorisation import Covers

async def go(address):
    granted = authorise(covers=Covers(names=(HOST,), blocks=(address,)))
    on = LocalGateway(Path(sys.argv[1]), f"tcp://{HOST}:443", pins=(pinned(address),), granted=granted)
    async with on.gateway:
        try:
            await on.gateway.network(make_probe(), target(443, address=address), on.granted).connect()
        except ScanFailure as failure:
            print(failure.cause.value, routable(address))

asyncio.run(go("2001:db8::1"))
asyncio.run(go("192.0.2.1"))
"""


def test_a_connection_that_is_not_answered_times_out(tmp_path: Path) -> None:
    """A full queue that drops connection requests is a timeout, not a refusal."""

    async def go(port: int) -> None:
        on = local_gateway(tmp_path, port)
        async with on.gateway:
            assert await _cause(network(on, port).connect(timeout=0.2)) is Cause.TIMEOUT

    with socket.socket() as listener:
        listener.bind((ADDRESS, 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex((ADDRESS, port))
        asyncio.run(go(port))
        for filler in fillers:
            filler.close()


def test_all_that_one_connection_brings_is_bounded(tmp_path: Path) -> None:
    """Reading stops at the ceiling of bytes, and the stream says that it was cut."""

    async def go(port: int) -> None:
        on = local_gateway(tmp_path, port, settings=Settings(ceilings=Ceilings(answer_bytes=100_000)))
        async with on.gateway:
            stream = await network(on, port).connect()
            await stream.write(b"GET")
            size = 0
            while data := await stream.read():
                size += len(data)
            assert size == 100_000
            assert stream.truncated

    with serving("body") as server:
        asyncio.run(go(server.port))


def test_what_a_scan_leaves_open_is_closed(tmp_path: Path) -> None:
    """Closing a scan's network, or the gateway, ends every connection, and the ledger has its bytes."""

    async def go(port: int) -> None:
        on = local_gateway(tmp_path, port)
        async with on.gateway:
            first = network(on, port)
            await (await first.connect()).write(b"abc")
            await first.close()
            await (await network(on, port).connect()).write(b"de")
        assert [entry.sent for entry in on.ledger.entries()] == [3, 2]

    with serving("quiet") as server:
        asyncio.run(go(server.port))


# --- rights ---


def test_no_packet_without_a_right(tmp_path: Path) -> None:
    """No authorisation, a passive probe, an undeclared port or a foreign address: each is refused before it leaves."""

    async def go(port: int) -> None:
        on = local_gateway(tmp_path, port)
        async with on.gateway:
            alone = on.gateway.network(make_probe(), target(port), None)
            assert await _cause(alone.connect()) is Cause.NOT_AUTHORISED
            passive = on.gateway.network(make_probe(Intrusiveness.PASSIVE), target(port), on.granted)
            assert await _cause(passive.connect()) is Cause.NOT_AUTHORISED
            assert await _cause(network(on, port).connect(port + 1)) is Cause.OUT_OF_SCOPE
            assert await _cause(network(on, port, address="127.7.0.2").connect()) is Cause.OUT_OF_SCOPE
            assert await _cause(network(on, port, address=None).connect()) is Cause.BUG
        assert await _cause(network(on, port).connect()) is Cause.ABORTED
        assert list(on.ledger.entries()) == []

    with serving("quiet") as server:
        asyncio.run(go(server.port))
        assert server.report()["accepted"] == []


def test_a_secret_is_replaced_by_length_and_salted_digest(tmp_path: Path) -> None:
    """The same secret gives the same fingerprint within an inspection, and another under another salt."""

    async def go() -> None:
        on = local_gateway(tmp_path, 443)
        async with on.gateway:
            one, two = network(on, 443).fingerprint(b"s3cret"), network(on, 443).fingerprint(b"s3cret")
        assert one == two
        assert one.startswith("len=6;sha256=")
        assert "s3cret" not in one

    asyncio.run(go())


def test_probes_say_who_they_are(tmp_path: Path) -> None:
    """The User-Agent names Inspector, the run and the contact, in plain ASCII whatever was configured."""
    on = local_gateway(tmp_path, 443, settings=Settings(contact="Sở TT\r\nX: y <soc@example.vn>"))
    assert on.gateway.identity.user_agent.startswith("Inspector/")
    assert "run r-1" in on.gateway.identity.user_agent
    assert "<soc@example.vn>" in on.gateway.identity.user_agent
    assert on.gateway.identity.user_agent.isascii()
    assert on.gateway.identity.user_agent.isprintable()


# --- TLS ---


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    trustme.CA().issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(path)
    return path


def test_tls_over_a_connection(tmp_path: Path, certificate: Path) -> None:
    """A handshake gives the TLS state; what is written under TLS comes back under TLS."""

    async def go(port: int) -> None:
        on = local_gateway(tmp_path, port)
        async with on.gateway:
            stream = await network(on, port).connect()
            assert stream.ssl_object is None
            await stream.start_tls(tolerant_context(), HOST)
            assert stream.ssl_object is not None
            assert stream.ssl_object.version() in ("TLSv1.2", "TLSv1.3")
            await stream.write(b"abc\n" * 30_000)
            got = b""
            while len(got) < 120_000 and (data := await stream.read()):
                got += data
            assert got == b"cba\n" * 30_000
            await stream.close()
        (entry,) = on.ledger.entries()
        assert entry.sent > 120_000
        assert entry.result == "open"

    with openssl_server(certificate, "-rev") as port:
        asyncio.run(go(port))


def test_an_old_server_can_still_be_seen(tmp_path: Path, certificate: Path) -> None:
    """TLS 1.0 with a weak cipher is spoken where nothing better is offered."""

    async def go(port: int) -> None:
        on = local_gateway(tmp_path, port)
        async with on.gateway:
            stream = await network(on, port).connect()
            await stream.start_tls(tolerant_context(), HOST)
            assert stream.ssl_object is not None
            assert stream.ssl_object.version() == "TLSv1"

    with openssl_server(certificate, "-rev", "-tls1", "-cipher", "ALL:@SECLEVEL=0") as port:
        asyncio.run(go(port))


def test_an_address_is_not_sent_as_a_server_name(tmp_path: Path) -> None:
    """With an IP literal no server name goes out; with a name it does."""

    async def go(port: int, name: str) -> None:
        on = local_gateway(tmp_path, port)
        async with on.gateway:
            stream = await network(on, port).connect()
            await _cause(stream.start_tls(tolerant_context(), name))

    with serving("reply", argument="no") as server:
        asyncio.run(go(server.port, ADDRESS))
        asyncio.run(go(server.port, HOST))
        literal, name = server.report()["received"]
    assert ADDRESS not in literal
    assert HOST in name


def test_clear_text_on_a_tls_port_is_a_protocol_error(tmp_path: Path) -> None:
    """A server that answers a ClientHello with words speaks another protocol."""

    async def go(port: int) -> None:
        on = local_gateway(tmp_path, port)
        async with on.gateway:
            stream = await network(on, port).connect()
            assert await _cause(stream.start_tls(ssl.create_default_context(), HOST)) is Cause.PROTOCOL_ERROR

    with serving("reply", argument=r"HTTP/1.1 400 Bad Request\r\n\r\n") as server:
        asyncio.run(go(server.port))


@contextmanager
def openssl_server(certificate: Path, *options: str) -> Iterator[int]:
    """``openssl s_server`` on a free port of the lab's address."""
    needs_programs("openssl")
    command = ["openssl", "s_server", "-accept", f"{ADDRESS}:0", "-cert", str(certificate), *options]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        assert server.stdout is not None
        said = next(line for line in server.stdout if line.startswith(b"ACCEPT"))
        yield int(said.rpartition(b":")[2])
    finally:
        server.kill()
        server.communicate()
