"""Hostile servers and both probes that parse a handshake: the scan ends soon, and states nothing that was not seen."""

from __future__ import annotations

import asyncio
import itertools
import socket
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import cast

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from inspector import Cause, Network, ScanFailure
from inspector_tls.certificates.handshake import HandshakeEnd, HandshakeResult, fetch_certificates
from inspector_tls.certificates.hello_profiles import CertificateKind, HelloProfile
from inspector_tls.observations import Tls
from inspector_tls.wire.versions import TlsVersion
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import Identity, ec_key, issue, name, rsa_key
from tests.plugins.inspector_tls.enumeration import responders
from tests.plugins.inspector_tls.enumeration.responders import SERVER_HELLO, message, record
from tests.plugins.inspector_tls.enumeration.scanning import enumerate_port
from tests.plugins.inspector_tls.enumeration.simulated import RETRY
from tests.plugins.inspector_tls.scanning import scan_certificates

V = TlsVersion
HOST = "www.example.vn"
RESPONDERS = Path(responders.__file__)
EXTENSIONS_1_3 = bytes.fromhex("002b00020304")


@pytest.fixture(scope="module")
def identity() -> Identity:
    """A certificate with an RSA key."""
    return issue(HOST, key=rsa_key(), dns=[HOST])


def digest(identity: Identity) -> str:
    """The name of a certificate in facts."""
    return identity.certificate.fingerprint(SHA256()).hex()


def vector(data: bytes, size: int) -> bytes:
    """Bytes with their length in front."""
    return len(data).to_bytes(size, "big") + data


def relayed(kind: str, backend: int) -> AbstractContextManager[int]:
    """A responder in front of a real server."""
    port = servers.free_port()
    return servers.running((sys.executable, RESPONDERS, kind, str(port), str(backend)), port)


class Direct:
    """Replaces the gateway, whose back-off from failing servers would take seconds: loopback, no rate limit."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def connect(self, _port: int | None = None, *, timeout: float) -> DirectStream:
        """Connect to the port."""
        async with asyncio.timeout(timeout):
            return DirectStream(*await asyncio.open_connection(servers.ADDRESS, self._port))

    def within(self, seconds: float) -> asyncio.Timeout:
        """Bound what follows."""
        return asyncio.timeout(seconds)


class DirectStream:
    """A stream with the gateway's failures."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def read(self, limit: int = 65536, *, timeout: float = 1.0) -> bytes:
        """Some bytes."""
        try:
            async with asyncio.timeout(timeout):
                return await self._reader.read(limit)
        except ConnectionResetError as error:
            raise ScanFailure(Cause.RESET, "reset") from error

    async def write(self, data: bytes, *, timeout: float = 1.0) -> None:
        """Send bytes."""
        self._writer.write(data)

    async def close(self) -> None:
        """Close at once."""
        self._writer.transport.abort()


def handshake_with(answer: servers.Answer) -> HandshakeResult:
    """The result of one handshake of TLS 1.3 with such a server, which does not keep the client waiting."""
    with servers.answering(answer) as port:
        network = cast("Network", Direct(port))
        profile, kind = HelloProfile.TLS_1_3, CertificateKind.USUAL
        return asyncio.run(fetch_certificates(network, profile, kind, HOST, opening=at_once, seconds=10))


async def at_once(_stream: object) -> None:
    """TLS starts with the first byte."""


def sending(*answers: bytes) -> servers.Answer:
    """Answer each message of the client with the next of these, and none after the last."""

    def answer(connection: socket.socket) -> None:
        for each in answers:
            if not connection.recv(8192):
                return
            connection.sendall(each)
        while connection.recv(8192):
            pass

    return answer


def hello_1_3(*, random: bytes = bytes(32), suite: int = 0x1301, share: bytes = b"\x00\x18") -> bytes:
    """A hello of TLS 1.3, or with a particular random value a request for another one."""
    extensions = EXTENSIONS_1_3 + b"\x00\x33" + vector(share, 2)
    body = b"\x03\x03" + random + b"\x20" + bytes(32) + suite.to_bytes(2, "big") + b"\x00" + vector(extensions, 2)
    return record(22, message(2, body))


# --- Odd but honest ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [V.TLS_1_2, V.TLS_1_3])
@pytest.mark.parametrize("kind", ["fragments", "coalesces"])
def test_records_of_any_cut_carry_the_same(kind: str, version: TlsVersion, tmp_path: Path, identity: Identity) -> None:
    """One byte per record, or all in one record: certificates and the enumeration come through."""
    certificate, key = identity.write(tmp_path, "rsa")
    directives = f"ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols {version.value};"
    directives += "ssl_ecdh_curve X25519:prime256v1;"  # else OpenSSL 3.5 asks for a second hello, which is not relayed
    with servers.nginx(tmp_path, directives) as backend, relayed(kind, backend) as port:
        found = scan_certificates(port)
        facts, _ = enumerate_port(port, extra=False, most=8)
    assert found.leaves_by_kind.usual.value == digest(identity)
    assert [each.version for each in facts.accepted] == [version]


def test_a_hundred_intermediates_are_served_in_clear(tmp_path: Path) -> None:
    """The enumeration records a chain of a hundred self-issued authorities as it came, and goes on."""
    same = name("Self-issued")
    keys = [ec_key() for _ in range(10)]
    circle = [
        issue(same, Identity(issue(same, key=signer, authority=True).certificate, signer), key=key, authority=True)
        for key in keys
        for signer in keys
    ]
    leaf = issue(HOST, circle[0], dns=[HOST])
    served = Identity(leaf.certificate, leaf.key, tuple(each.certificate for each in circle))
    arguments = ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256", "-groups", "P-256")
    with servers.openssl(served.write(tmp_path, "server"), *arguments) as port:
        facts, transcript = enumerate_port(port, extra=False)
    (chain,) = facts.served
    assert len(set(chain)) == 101
    assert chain[0] == digest(leaf)
    assert facts[V.TLS_1_2].suites.accepted == ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",)
    assert facts[V.TLS_1_2].suites.complete.seen
    assert transcript.connections < 40


# --- Broken off -------------------------------------------------------------------------------------------------------


def _flight(identity: Identity) -> tuple[bytes, int]:
    """A whole flight of TLS 1.2, one record per message, and where the certificates end in it."""
    der = identity.certificate.public_bytes(Encoding.DER)
    head = record(22, message(2, SERVER_HELLO)) + record(22, message(11, vector(vector(der, 3), 3)))
    return head + record(22, message(14, b"")), len(head)


@pytest.mark.parametrize("step", [0, 1, 4, 5, 9, 30, 47, 50, 55, 62, 400, -1, None])
def test_a_reset_at_any_step_is_no_answer(step: int | None, identity: Identity) -> None:
    """Reset after so many bytes, a handshake fails, unless the certificates had come."""
    whole, end = _flight(identity)
    most = end if step is None else step % end

    def cut(connection: socket.socket) -> None:
        connection.recv(8192)
        connection.sendall(whole[:most])
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    outcome = handshake_with(cut)
    if most < end:
        assert outcome.presented is None
        assert (outcome.end, outcome.cause) == (HandshakeEnd.FAILED, Cause.RESET)
    elif outcome.presented is not None:
        assert outcome.staple is None


# --- Wrong lengths and shares -----------------------------------------------------------------------------------------


def test_no_wrong_length_is_accepted() -> None:
    """Messages with a wrong length, a different one each time, present no certificate."""
    port = servers.free_port()
    command = (sys.executable, RESPONDERS, "wrong-lengths", str(port))
    with servers.running(command, port), pytest.raises(ScanFailure) as failure:
        scan_certificates(port, seconds=1)
    assert failure.value.cause in {Cause.PROTOCOL_ERROR, Cause.AMBIGUOUS}


_AGAIN = hello_1_3(random=RETRY)
_ZERO_SHARE = b"\x00\x1d\x00\x20" + bytes(32)


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ((_AGAIN, _AGAIN), "second request"),
        ((hello_1_3(random=RETRY, share=b"\x00\x1d"),), "changes nothing"),
        ((hello_1_3(random=RETRY, share=b"\xfe\x00"),), "not offered"),
        ((hello_1_3(random=RETRY, suite=0x13FF),), "not offered"),
        ((hello_1_3(share=_ZERO_SHARE),), "invalid"),
        ((hello_1_3(share=b"\x00\x1d\x00\x05" + bytes(5)),), "wrong length"),
        ((hello_1_3(share=b"\x00\x17\x00\x41\x04" + bytes(64)),), "invalid"),
        ((hello_1_3(share=b"\x00\x18\x00\x61\x04" + bytes(96)),), "not offered"),
        ((hello_1_3(suite=0x13FF, share=b"\x00\x1d\x00\x20\x09" + bytes(31)),), "not offered"),
        ((hello_1_3(share=b"\x00\x1d\x00\x20\x09" + bytes(31)) + record(23, bytes(64)),), "does not decrypt"),
    ],
)
def test_a_handshake_that_goes_wrong_presents_nothing(answers: tuple[bytes, ...], words: str) -> None:
    """Endless HelloRetryRequests, invalid shares, records that do not decrypt: nothing is presented."""
    outcome = handshake_with(sending(*answers))
    assert outcome.end is HandshakeEnd.MALFORMED
    assert words in outcome.note
    assert outcome.presented is None


def test_a_repeated_retry_request_refuses_nothing_else() -> None:
    """A server that asks for one group and one suite of TLS 1.3, offered or not, refuses nothing else."""
    with servers.answering(sending(_AGAIN, _AGAIN)) as port:
        facts, _ = enumerate_port(port, seconds=1, extra=False)
    assert [each.version for each in facts.accepted] == [V.TLS_1_3]
    assert facts.groups.accepted == ("secp384r1",)
    assert facts.groups.complete.unseen is Cause.PROTOCOL_ERROR
    assert facts[V.TLS_1_3].suites.complete.unseen is Cause.PROTOCOL_ERROR
    assert facts[V.TLS_1_2].accepted.unseen is Cause.PROTOCOL_ERROR


# --- Names ------------------------------------------------------------------------------------------------------------


def _with_name(speaking: servers.Answer, refusal: bytes, *, named: bool) -> servers.Answer:
    """Answer hellos with the host's name, or those without, and refuse the others."""

    def answer(connection: socket.socket) -> None:
        hello = connection.recv(8192, socket.MSG_PEEK)
        if (HOST.encode() in hello) is named:
            speaking(connection)
        else:
            connection.recv(8192)
            connection.sendall(refusal)

    return answer


def _seen(answer: servers.Answer) -> Tls:
    with servers.answering(answer) as port:
        return enumerate_port(port, seconds=1, extra=False)[0]


@pytest.mark.parametrize("number", [40, 80, 112])
def test_a_name_that_is_refused_refuses_no_version(number: int, tmp_path: Path, identity: Identity) -> None:
    """A server that accepts only hellos without a name accepts and refuses no version."""
    speaking = servers.speaking_tls(identity.write(tmp_path, "rsa"))
    refusing = _with_name(speaking, record(21, bytes((2, number))), named=False)
    facts = _seen(refusing)
    newer = [each for each in facts.versions.each if each.version not in {V.SSL_2, V.SSL_3}]
    assert not any(each.accepted.is_seen for each in newer)
    with servers.answering(refusing) as port, pytest.raises(ScanFailure, match=f"number .*{number}") as failure:
        scan_certificates(port, seconds=1)
    assert failure.value.cause in {Cause.PROTOCOL_ERROR, Cause.AMBIGUOUS}


@pytest.mark.parametrize("number", [40, 112])
def test_a_server_that_requires_a_name_is_scanned_with_it(number: int, tmp_path: Path, identity: Identity) -> None:
    """A server that refuses hellos without a name shows certificates and versions to hellos with it."""
    speaking = servers.speaking_tls(identity.write(tmp_path, "rsa"))
    wanting = _with_name(speaking, record(21, bytes((2, number))), named=True)
    assert [each.version for each in _seen(wanting).accepted] == [V.TLS_1_2, V.TLS_1_3]
    with servers.answering(wanting) as port:
        found = scan_certificates(port, seconds=1)
    assert found.leaves_by_kind.usual.value == digest(identity)


@pytest.mark.parametrize("word", [b"", record(21, b"\x02\x28"), record(21, b"\x02\x46")])
def test_refusals_of_a_server_that_limits_clients_do_not_count(word: bytes, tmp_path: Path, identity: Identity) -> None:
    """A server that presents a certificate once and then closes, with an alert or without, may have others."""
    speaking = servers.speaking_tls(identity.write(tmp_path, "rsa"))
    count = itertools.count()

    def limited(connection: socket.socket) -> None:
        if next(count) == 0:
            speaking(connection)
        else:
            connection.recv(65_536)  # a close with bytes unread would be a reset
            connection.sendall(word)

    with servers.answering(limited) as port:
        found = scan_certificates(port, seconds=1)
    assert found.leaves_by_kind.usual.value == digest(identity)
    assert found.leaves_by_kind.rsa.unseen is Cause.AMBIGUOUS
    assert found.leaves_by_kind.other.unseen is Cause.AMBIGUOUS


def test_a_refusal_at_the_end_is_confirmed(tmp_path: Path, identity: Identity) -> None:
    """Where the last answer is a refusal, a server that still presents its certificate confirms it."""
    with servers.openssl(identity.write(tmp_path, "rsa")) as port:
        found = scan_certificates(port, host="127.0.0.1")
    assert [answer.value for answer in found.leaves_by_kind.answers] == [digest(identity), digest(identity), None]


def test_an_anonymous_suite_that_was_not_offered_is_no_answer() -> None:
    """A server that picks a suite without a certificate, though none was offered, may have certificates."""
    hello = bytes((2, 0, 0, 38)) + b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x34" + b"\x00"

    def picking(connection: socket.socket) -> None:
        offered = connection.recv(65_536)
        connection.sendall(record(22, hello) if b"\x00\x34" not in offered else record(21, b"\x02\x28"))

    with servers.answering(picking) as port, pytest.raises(ScanFailure) as failure:
        scan_certificates(port, seconds=1)
    assert failure.value.cause is Cause.PROTOCOL_ERROR
