"""Questions over UDP through the gateway, to servers on loopback and behind firewalls of the test's own."""

import asyncio
import os
import socket
import struct
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from inspector.declare.authorisation import Covers, PortRange, Rates, Window
from inspector.declare.settings import Ceilings, Settings
from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.model.intrusiveness import Intrusiveness
from inspector.network import Network
from tests.agreement.environment import needs_programs
from tests.core.network.addresses import (
    ADDRESS,
    FAST,
    HOST,
    LocalGateway,
    authorise,
    make_probe,
    most_in_a_second,
    pinned,
    target,
)

#: Ports of 1 to 65,535 at the host's address.
LISTED = Covers(blocks=(ADDRESS,), ports=(PortRange(first=1, last=65535),))


def anything(_datagram: bytes) -> bool:
    return True


def nothing(_datagram: bytes) -> bool:
    return False


@contextmanager
def bound(address: str = ADDRESS, port: int = 0) -> Iterator[socket.socket]:
    """A UDP socket; the test itself answers, or does not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((address, port))
        sock.settimeout(10)
        yield sock


def port_of(sock: socket.socket) -> int:
    port: int = sock.getsockname()[1]
    return port


def asking(folder: Path, act: Any, **changes: Any) -> tuple[Any, LocalGateway]:
    """The result of ``act(network)`` in a scan of the whole host, and the gateway."""

    folder.mkdir(exist_ok=True)

    async def go() -> tuple[Any, LocalGateway]:
        settings = changes.pop("settings", None)
        granted = authorise(**{"covers": LISTED, **changes})
        on = LocalGateway(folder, f"host:{HOST}", granted=granted, settings=settings)
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(None, scheme="host"), granted)
            return await act(network), on

    return asyncio.run(go())


def refusal(folder: Path, act: Any, **changes: Any) -> Cause:
    with pytest.raises(ScanFailure) as caught:
        asking(folder, act, **changes)
    return caught.value.cause


@contextmanager
def answering(server: socket.socket, *answers: bytes, sender: socket.socket | None = None) -> Iterator[None]:
    """One question to the server is answered with these datagrams, from the socket ``sender``.

    The thread is there before the gateway opens, which guards those that come later.
    """

    def answer() -> None:
        _asked, client = server.recvfrom(65535)
        for each in answers:
            (sender or server).sendto(each, client)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def test_an_answer_is_received_and_on_the_ledger(tmp_path: Path) -> None:
    """The entry names the port and UDP, the authorisation, and the bytes both ways."""
    with bound() as server, answering(server, b"answer"):
        port = port_of(server)
        received, on = asking(tmp_path, lambda network: network.udp(b"question", anything, port=port, timeout=10))
        (entry,) = on.ledger.entries()
    assert received == (b"answer",)
    assert (entry.address, entry.port, entry.protocol, entry.questions) == (ADDRESS, port, "udp", 1)
    assert (entry.sent, entry.received, entry.result, entry.authorisation) == (8, 6, "open", "a-1")


def test_the_answer_ends_the_wait_and_what_came_before_is_kept(tmp_path: Path) -> None:
    """Datagrams that are no answer come along; those behind the answer are not read."""
    with bound() as server, answering(server, b"noise", b"answer", b"more"):
        port = port_of(server)
        received, _ = asking(tmp_path, lambda network: network.udp(b"?", b"answer".__eq__, port=port, timeout=10))
    assert received == (b"noise", b"answer")


@pytest.mark.parametrize(("replies", "ceiling"), [(3, 1_000_000), (40, 1200)])
def test_replies_are_bounded_in_number_and_bytes(tmp_path: Path, replies: int, ceiling: int) -> None:
    """A server that floods is read up to the number of replies, or up to the ceiling of bytes."""
    flood = [bytes([number]) * 500 for number in range(50)]
    settings = Settings(ceilings=Ceilings(answer_bytes=ceiling))
    with bound() as server, answering(server, *flood):
        port = port_of(server)
        received, _ = asking(
            tmp_path,
            lambda network: network.udp(b"?", nothing, port=port, replies=replies, timeout=10),
            settings=settings,
        )
    assert received == tuple(flood[:3])


def test_what_comes_from_another_port_is_not_read(tmp_path: Path) -> None:
    """A datagram from another port of the address is not the server's, unless the protocol answers from one."""
    with bound() as server, bound() as elsewhere:
        port = port_of(server)
        with answering(server, b"elsewhere", sender=elsewhere):
            cause = refusal(tmp_path / "no", lambda network: network.udp(b"?", anything, port=port, timeout=0.3))
        with answering(server, b"elsewhere", sender=elsewhere):
            received, _ = asking(
                tmp_path / "yes",
                lambda network: network.udp(b"?", anything, port=port, timeout=10, from_any_port=True),
            )
    assert cause is Cause.TIMEOUT
    assert received == (b"elsewhere",)


def test_what_another_port_sends_beside_the_answer_says_nothing_about_the_asked_one(tmp_path: Path) -> None:
    """Where any port may answer, what is no answer is not of the server."""
    with bound() as server, bound() as elsewhere, answering(server, b"noise", sender=elsewhere):
        port = port_of(server)
        cause = refusal(
            tmp_path, lambda network: network.udp(b"?", nothing, port=port, timeout=0.3, from_any_port=True)
        )
    assert cause is Cause.TIMEOUT


def test_another_address_is_not_heard_at_all(tmp_path: Path) -> None:
    """Where any port may answer, any other address may not."""
    with bound() as server, bound("127.7.0.98") as stranger, answering(server, b"forged", sender=stranger):
        port = port_of(server)
        cause = refusal(
            tmp_path, lambda network: network.udp(b"?", anything, port=port, timeout=0.3, from_any_port=True)
        )
    assert cause is Cause.TIMEOUT


@pytest.mark.parametrize("from_any_port", [False, True])
def test_a_closed_port_refuses(tmp_path: Path, from_any_port: bool) -> None:
    """ICMP port unreachable from the target is refused, and the ledger says so."""
    with bound() as server:
        port = port_of(server)

    async def ask(network: Network) -> tuple[bytes, ...]:
        with pytest.raises(ScanFailure) as caught:
            await network.udp(b"?", anything, port=port, timeout=10, from_any_port=from_any_port)
        assert caught.value.cause is Cause.REFUSED
        return ()

    _, on = asking(tmp_path, ask)
    assert [entry.result for entry in on.ledger.entries()] == ["refused"]


#: A rejection, in a sequence of answers.
REJECTION = object()


def _port_unreachable(client: tuple[str, int], server: tuple[str, int], sender: str) -> None:
    """Send ICMP port unreachable for a datagram of eight bytes from ``client`` to ``server`` (RFC 792)."""
    quoted = struct.pack(">BBHIBBH4s4s", 0x45, 0, 28, 0, 64, 17, 0, *map(socket.inet_aton, (client[0], server[0])))
    quoted += struct.pack(">HHHH", client[1], server[1], 8, 0)
    message = bytearray(bytes([3, 3]) + bytes(6) + quoted)
    total = sum(struct.unpack(f">{len(message) // 2}H", message))
    total = (total & 0xFFFF) + (total >> 16)
    message[2:4] = ((total + (total >> 16)) & 0xFFFF ^ 0xFFFF).to_bytes(2, "big")
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.bind((sender, 0))
        raw.sendto(message, (client[0], 0))


@pytest.mark.skipif(os.geteuid() != 0, reason="ICMP messages of one's own need root")
@pytest.mark.parametrize("sender", [ADDRESS, "127.7.0.98"], ids=["of the target", "of another device"])
@pytest.mark.parametrize("from_any_port", [False, True])
@pytest.mark.parametrize(
    ("sequence", "received"),
    [
        ((REJECTION, b"answer"), (b"answer",)),
        ((b"noise", REJECTION, b"answer"), (b"noise", b"answer")),
        ((b"noise", REJECTION), (b"noise",)),
        ((REJECTION, REJECTION, b"noise"), (b"noise",)),
    ],
    ids=["before", "between", "behind", "two before"],
)
def test_a_datagram_beside_a_rejection_is_kept(
    tmp_path: Path, sequence: tuple[Any, ...], received: tuple[bytes, ...], from_any_port: bool, sender: str
) -> None:
    """What sends datagrams from the port is there, whatever says before or after that the port is unreachable."""
    with bound() as server:

        def answer() -> None:
            _asked, client = server.recvfrom(65535)
            for each in sequence:
                if each is REJECTION:
                    _port_unreachable(client, server.getsockname(), sender)
                else:
                    server.sendto(each, client)

        thread = threading.Thread(target=answer)
        thread.start()
        found, on = asking(
            tmp_path,
            lambda network: network.udp(
                b"?", b"answer".__eq__, port=port_of(server), timeout=1, from_any_port=from_any_port
            ),
        )
        thread.join()
    assert found == received
    assert [entry.result for entry in on.ledger.entries()] == ["open"]


def test_silence_is_a_timeout(tmp_path: Path) -> None:
    """A port that keeps silent times out; no further datagram is sent."""
    with bound() as server:
        cause = refusal(tmp_path, lambda network: network.udp(b"?", anything, port=port_of(server), timeout=0.1))
        assert cause is Cause.TIMEOUT
        assert server.recv(10) == b"?"
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.recv(10)


def test_udp_needs_the_address_listed(tmp_path: Path) -> None:
    """A listed name does not cover a datagram, not even to a declared port: the address may be another owner's."""
    address = "9.9.9.9"  # one that a name may lead to

    async def go() -> None:
        granted = authorise(covers=Covers(names=(HOST,), ports=(PortRange(first=1, last=65535),)))
        on = LocalGateway(tmp_path, f"host:{HOST}", f"tcp://{HOST}:53", granted=granted, pins=(pinned(address),))
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(None, address=address, scheme="host"), granted)
            with pytest.raises(ScanFailure) as caught:
                await network.udp(b"?", anything, port=53, timeout=0.1)
        assert caught.value.cause is Cause.OUT_OF_SCOPE
        assert not list(on.ledger.entries())

    asyncio.run(go())


def test_ports_that_are_not_covered_get_no_datagram(tmp_path: Path) -> None:
    """The ports of the authorisation hold for UDP as well, and so does its validity."""
    at = datetime.now(UTC)

    async def ask(network: Network) -> tuple[bytes, ...]:
        return await network.udp(b"?", anything, port=161, timeout=0.1)

    other = Covers(blocks=(ADDRESS,), ports=(PortRange(first=53, last=53),))
    assert refusal(tmp_path / "ports", ask, covers=other) is Cause.OUT_OF_SCOPE
    ended = {"valid_from": at - timedelta(hours=2), "valid_until": at - timedelta(hours=1)}
    assert refusal(tmp_path / "ended", ask, **ended) is Cause.NOT_AUTHORISED


def test_nothing_is_asked_outside_of_the_authorised_hours(tmp_path: Path) -> None:
    """The hours hold for each datagram: those that are due when the window has closed are not sent."""
    closes = datetime.now(UTC) + timedelta(hours=1)
    window = Window.model_validate(
        {"start": f"{closes - 2 * timedelta(hours=1):%H:%M:%S}", "end": f"{closes:%H:%M:%S}", "timezone": "UTC"}
    )
    received: list[bytes] = []
    with bound() as server, pytest.MonkeyPatch.context() as patched:
        server.setblocking(False)

        def after_two() -> datetime:
            with suppress(BlockingIOError):
                while True:
                    received.append(server.recv(10))
            return datetime.now(UTC) + (timedelta(hours=2) if len(received) >= 2 else timedelta())

        for each in ("inspector.network.session.now", "inspector.network.gateway.now"):
            patched.setattr(each, after_two)

        async def several(network: Network) -> list[Cause]:
            causes = []
            for _ in range(4):
                with pytest.raises(ScanFailure) as caught:
                    await network.udp(b"?", anything, port=port_of(server), timeout=0.05)
                causes.append(caught.value.cause)
            return causes

        causes, on = asking(tmp_path, several, windows=(window,), valid_until=datetime.now(UTC) + timedelta(days=9))
        after_two()
    assert causes == [Cause.TIMEOUT, Cause.TIMEOUT, Cause.OUTSIDE_WINDOW, Cause.OUTSIDE_WINDOW]
    assert len(received) == 2
    assert len(list(on.ledger.entries())) == 2


def test_datagrams_keep_to_the_rates(tmp_path: Path) -> None:
    """Counted at the server: no more in any second than the burst, whatever the probe asks for at once."""
    rates = Rates(connections_per_second=5, burst=5, at_once=5, port_questions_per_second=100)
    with bound() as server:
        instants: list[float] = []

        async def many(network: Network) -> None:
            loop = asyncio.get_running_loop()
            server.setblocking(False)
            loop.add_reader(server, lambda: (server.recv(10), instants.append(loop.time())))

            async def one() -> None:
                with pytest.raises(ScanFailure):
                    await network.udp(b"?", anything, port=port_of(server), timeout=0.05)

            await asyncio.gather(*(one() for _ in range(12)))
            loop.remove_reader(server)

        asking(tmp_path, many, rates=rates)
    assert len(instants) == 12
    assert most_in_a_second(instants) <= 5


def test_a_passive_probe_sends_nothing(tmp_path: Path) -> None:
    """Without authorisation, and for a passive probe, there is no datagram."""

    async def go() -> None:
        on = LocalGateway(tmp_path, f"host:{HOST}", granted=authorise(covers=LISTED, rates=FAST))
        async with on.gateway:
            network = on.gateway.network(make_probe(Intrusiveness.PASSIVE), target(None, scheme="host"), on.granted)
            with pytest.raises(ScanFailure) as caught:
                await network.udp(b"?", anything, port=53)
            assert caught.value.cause is Cause.NOT_AUTHORISED
        assert not list(on.ledger.entries())

    asyncio.run(go())


#: By rule of the router's firewall: what a question through it ends with.
RULES = {
    "": "refused",
    "drop": "timeout",
    "reject with icmpx type port-unreachable": "blocked",
    "reject with icmpx type admin-prohibited": "blocked",
    "reject with icmpx type host-unreachable": "not-reached",
}
#: For each rule asks one port of each address, and prints the causes; a shell in the router sets the rules.
_ASK = textwrap.dedent(
    """
    import asyncio, subprocess, sys
    from pathlib import Path
    from inspector.declare.authorisation import Covers
    from inspector.model.errors import ScanFailure
    from tests.core.network.addresses import LocalGateway, authorise, make_probe, pinned, target

    async def go(address, folder):
        granted = authorise(covers=Covers(blocks=(address,)))
        on = LocalGateway(Path(folder), f"host:{address}", granted=granted, pins=(pinned(address, name=address),))
        async with on.gateway:
            where = target(None, host=address, address=address, scheme="host")
            network = on.gateway.network(make_probe(), where, granted)
            try:
                return await network.udp(b"?", lambda datagram: True, port=161, timeout=0.5)
            except ScanFailure as failure:
                return failure.cause.value

    folder, router, *rules = sys.argv[1:]
    shell = ["nsenter", "-t", router, "-n", "sh", "-e"]
    with subprocess.Popen(shell, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as setting:
        for rule in rules:
            added = f"nft add rule inet t f meta l4proto udp {rule}; " if rule else ""
            setting.stdin.write(f"nft flush chain inet t f; {added}echo set\\n")
            setting.stdin.flush()
            assert setting.stdout.readline() == "set\\n"
            print(*(asyncio.run(go(each, folder)) for each in ("198.51.100.3", "2001:db8:2::3")), flush=True)
    """
)
#: Client, router and server, each in a namespace, in a row; the router is the client's way to the server.
_ROW = """
set -e
ip link set lo up
for each in router server; do unshare -n sleep 600 & eval "$each=$!"; done
trap 'kill $router $server' EXIT
until [ "$(readlink /proc/$router/ns/net)" != "$(readlink /proc/$$/ns/net)" ] &&
    [ "$(readlink /proc/$server/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.02; done
in_router() { nsenter -t $router -n "$@"; }
in_server() { nsenter -t $server -n "$@"; }
ip link add c type veth peer name r netns $router
in_router ip link add q type veth peer name s netns $server
ip address add 192.0.2.1/24 dev c; ip link set c up
ip -6 address add 2001:db8:1::1/64 dev c nodad
in_router sh -c '
    ip address add 192.0.2.2/24 dev r; ip address add 198.51.100.2/24 dev q
    ip -6 address add 2001:db8:1::2/64 dev r nodad; ip -6 address add 2001:db8:2::2/64 dev q nodad
    ip link set r up; ip link set q up
    sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1'
in_server sh -c '
    ip address add 198.51.100.3/24 dev s; ip -6 address add 2001:db8:2::3/64 dev s nodad; ip link set s up
    ip route add default via 198.51.100.2; ip -6 route add default via 2001:db8:2::2'
ip route add default via 192.0.2.2; ip -6 route add default via 2001:db8:1::2
# The kernels take a second or two until IPv6 works at both ends.
until "$1" -c 'import socket
asking = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
asking.settimeout(0.2)
asking.connect(("2001:db8:2::3", 9))
asking.send(b"?")
asking.recv(1)' 2>&1 | grep -q ConnectionRefusedError; do :; done
in_router nft add table inet t
in_router nft 'add chain inet t f { type filter hook forward priority 0; }'
asking=$2 folder=$3 python=$1
shift 3
"$python" -c "$asking" "$folder" $router "$@"
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="networks of one's own need root")
def test_only_the_target_says_that_a_port_is_closed(tmp_path: Path) -> None:
    """The same ICMP error from a firewall on the way means that the packet was filtered, with IPv6 as well."""
    needs_programs("ip", "nft")
    found = subprocess.run(
        ["unshare", "-n", "sh", "-c", _ROW, "sh", sys.executable, _ASK, str(tmp_path), *RULES],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert found.returncode == 0, found.stderr
    seen = dict(zip(RULES, map(str.split, found.stdout.splitlines()), strict=True))
    assert seen == {rule: [cause, cause] for rule, cause in RULES.items()}
