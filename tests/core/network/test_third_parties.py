"""A third-party host is contacted only when an authorisation names it."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from inspector.declare.authorisation import Authorisation, Covers, PortRange
from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from tests.core.network.addresses import HOST, LocalGateway, authorise, make_probe, target

#: A name that is this machine's by definition (RFC 6761 §6.3), and so needs no resolver.
NAMED = "responder.localhost"
LOOPBACK = ("127.0.0.1", "::1")
ANY_PORT = (PortRange(first=1, last=65535),)


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"here")

    def log_message(self, *_arguments: object) -> None:
        pass


@contextmanager
def page() -> Iterator[tuple[int, list[object]]]:
    """An HTTP server on loopback: its port, and the peers whose connections it accepted."""
    accepted: list[object] = []

    class Counting(http.server.ThreadingHTTPServer):
        def get_request(self) -> object:  # type: ignore[override]  # what the base gives has no public type
            taken = super().get_request()
            accepted.append(taken[1])
            return taken

    server = Counting(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1], accepted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def fetched(folder: Path, granted: Authorisation, url: str) -> tuple[str, LocalGateway]:
    """The body at a third-party URL, over the first of its addresses, and the gateway used."""
    local_gateway = LocalGateway(folder, f"tcp://{HOST}:443", granted=granted)
    async with local_gateway.gateway:
        network = local_gateway.gateway.network(
            make_probe(contacts_third_parties=True), target(443), local_gateway.granted
        )
        try:
            (there, *_others) = await network.third_parties(url)
            async with httpx.AsyncClient(transport=there.transport(), trust_env=False) as client:
                return (await client.get(url)).text, local_gateway
        finally:
            await network.close()


@pytest.mark.parametrize(
    "covers",
    [
        Covers(names=(NAMED,), blocks=LOOPBACK, ports=ANY_PORT),
        Covers(names=("*.localhost",), blocks=LOOPBACK, ports=ANY_PORT),
        Covers(blocks=("127.0.0.1/32",), ports=ANY_PORT),
    ],
)
async def test_a_host_that_is_named_is_asked_under_the_authorisation(tmp_path: Path, covers: Covers) -> None:
    """Name, zone and address each name a host; the ledger names the authorisation of the connection."""
    with page() as (port, accepted):
        body, local_gateway = await fetched(tmp_path, authorise(covers=covers), f"http://{NAMED}:{port}/a")
    assert (body, len(accepted)) == ("here", 1)
    asked = [entry for entry in local_gateway.ledger.entries() if entry.questions]
    assert {(entry.address, entry.port, entry.authorisation) for entry in asked} == {("127.0.0.1", port, "a-1")}
    assert {entry.subject for entry in asked} == {f"http://{NAMED}:{port}/a"}


@pytest.mark.parametrize(
    "covers",
    [
        Covers(names=(HOST,), ports=ANY_PORT),
        Covers(names=(f"other.{NAMED}",), ports=ANY_PORT),
        Covers(blocks=("192.0.2.0/24",), ports=ANY_PORT),
        Covers(names=(NAMED,), blocks=LOOPBACK),
        Covers(names=(NAMED,), blocks=LOOPBACK, ports=(PortRange(first=80, last=80),)),
        Covers(names=(NAMED,), ports=ANY_PORT),
    ],
)
async def test_a_host_that_is_not_named_gets_no_packet(tmp_path: Path, covers: Covers) -> None:
    """Neither an authorisation of others, nor one of other ports, nor a name that leads to this machine permits one."""
    with page() as (port, accepted), pytest.raises(ScanFailure) as caught:
        await fetched(tmp_path, authorise(covers=covers), f"http://{NAMED}:{port}/")
    assert (caught.value.cause, accepted) == (Cause.OUT_OF_SCOPE, [])


async def test_a_named_host_has_the_port_of_http_without_declaring_it(tmp_path: Path) -> None:
    """Without ``ports`` an authorisation that lists the name covers port 80 there, and the target's other ports not."""
    covers = Covers(names=(HOST, NAMED), blocks=("127.7.0.1", *LOOPBACK))
    local_gateway = LocalGateway(tmp_path, f"tcp://{HOST}:443", granted=authorise(covers=covers))
    async with local_gateway.gateway:
        network = local_gateway.gateway.network(
            make_probe(contacts_third_parties=True), target(443), local_gateway.granted
        )
        there = await network.third_parties(f"http://{NAMED}/crl")
        assert {each.target.port for each in there} == {80}
        with pytest.raises(ScanFailure, match="does not cover port 22"):
            await there[0].connect(22)
        with pytest.raises(ScanFailure, match="does not cover port 80"):
            await network.connect(80)
        await network.close()


@pytest.mark.parametrize("url", ["ldap://responder.localhost/cn", "http:///", "http://user@responder.localhost/", "?"])
async def test_what_is_no_web_address_is_not_asked(tmp_path: Path, url: str) -> None:
    """An address of another scheme, or none at all, is a protocol error and no connection."""
    with pytest.raises(ScanFailure) as caught:
        await fetched(tmp_path, authorise(covers=Covers(names=(NAMED,))), url)
    assert caught.value.cause is Cause.PROTOCOL_ERROR


async def test_another_host_is_not_reached_through_a_redirect(tmp_path: Path) -> None:
    """The transport to a named host refuses any other, also one that is named."""
    covers = Covers(names=(NAMED, HOST), blocks=LOOPBACK, ports=ANY_PORT)
    local_gateway = LocalGateway(tmp_path, f"tcp://{HOST}:443", granted=authorise(covers=covers))
    async with local_gateway.gateway:
        network = local_gateway.gateway.network(
            make_probe(contacts_third_parties=True), target(443), local_gateway.granted
        )
        (there, *_others) = await network.third_parties(f"http://{NAMED}/")
        async with httpx.AsyncClient(transport=there.transport(), trust_env=False) as client:
            with pytest.raises(ScanFailure, match="is not responder"):
                await client.get(f"http://{HOST}/")
        await network.close()


async def test_a_probe_says_beforehand_that_it_asks_elsewhere(tmp_path: Path) -> None:
    """The gateway refuses third parties that the probe did not declare."""
    local_gateway = LocalGateway(tmp_path, f"tcp://{HOST}:443", granted=authorise(covers=Covers(names=(NAMED,))))
    async with local_gateway.gateway:
        network = local_gateway.gateway.network(make_probe(), target(443), local_gateway.granted)
        with pytest.raises(ScanFailure) as caught:
            await network.third_parties(f"http://{NAMED}/")
        await network.close()
    assert caught.value.cause is Cause.BUG
