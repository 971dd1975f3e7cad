"""Fuzz what reads certificates: a handshake up to them, the messages, stapled responses, the certificates themselves.

Half of the inputs are edits of bytes that a server may well send. ``python -m fuzz.certificates``, see ``fuzz.tls``.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import atheris

with atheris.instrument_imports(include=["inspector_tls.certificates", "inspector_tls.wire"]):
    from inspector_tls.certificates import ocsp_staple as staples
    from inspector_tls.certificates import x509_facts as facts
    from inspector_tls.certificates.handshake import HandshakeEnd, fetch_certificates
    from inspector_tls.certificates.hello_profiles import CertificateKind, HelloProfile
    from inspector_tls.certificates.observations import Staple
    from inspector_tls.certificates.path_validation import NotValidated
    from inspector_tls.wire.certificate_messages import Presented, parse_status, parse_timestamps
    from inspector_tls.wire.encoding import Malformed
    from inspector_tls.wire.server_flight import ServerHello

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from fuzz.material import edited, hello, message, record, vector
from tests.plugins.inspector_tls.authority import issue, root

if TYPE_CHECKING:
    from inspector import Network

_AT = datetime(2026, 11, 28, tzinfo=UTC)
_ISSUER = root()
_LEAF = issue("www.example.vn", _ISSUER, dns=["www.example.vn"])
_DER = _LEAF.der
_RESPONSE = (
    ocsp.OCSPResponseBuilder()
    .add_response(_LEAF.certificate, _ISSUER.certificate, SHA256(), ocsp.OCSPCertStatus.GOOD, _AT, None, None, None)
    .responder_id(ocsp.OCSPResponderEncoding.NAME, _ISSUER.certificate)
    .sign(_ISSUER.key, SHA256())
    .public_bytes(Encoding.DER)
)
_CLEAR = vector(vector(_DER, 3), 3)
_ENCRYPTED = b"\x00" + vector(vector(_DER, 3) + vector(b"\x00\x05" + vector(b"\x01" + vector(_RESPONSE, 3), 2), 2), 3)
_STATUS = b"\x01" + vector(_RESPONSE, 3)
_STAMPS = vector(vector(b"\x00" + bytes(40) + b"\x00\x00\x04\x03\x00\x00", 2), 2)
_FLIGHT = record(22, hello(0xC02F)) + record(22, message(11, _CLEAR)) + record(22, message(22, _STATUS))


class _Replayed:
    """A connection that replays received bytes, and the network that opens it."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data, self._step = data, step

    async def connect(self, **_options: float) -> _Replayed:
        return self

    @asynccontextmanager
    async def within(self, _seconds: float) -> AsyncIterator[None]:
        yield

    async def read(self, **_options: float) -> bytes:
        some, self._data = self._data[: self._step], self._data[self._step :]
        return some

    async def write(self, _data: bytes, **_options: float) -> None:
        pass

    async def close(self) -> None:
        pass


async def _opened(_stream: object) -> None:
    """TLS begins with the first byte."""


def _handshake(data: bytes) -> None:
    """A handshake ends with a result: certificates, or the reason why there are none."""
    if len(data) < 2:
        return
    step, profile = 1 + data[0], tuple(HelloProfile)[data[1] % len(HelloProfile)]
    network = cast("Network", _Replayed(data[2:], step))
    result = asyncio.run(fetch_certificates(network, profile, CertificateKind.USUAL, None, opening=_opened, seconds=1))
    assert (result.presented is not None) is (result.end is HandshakeEnd.PRESENTED)


def _validated(data: bytes) -> None:
    """A response is validated; what is no response has a flaw."""
    with suppress(staples.IssuerUnknown, NotValidated):
        assert isinstance(staples.validate(data, _LEAF.read, [_ISSUER.read], _AT), Staple)
    staples.timestamps_in(data)


def _described(data: bytes) -> None:
    """A certificate that can be loaded can be described."""
    loaded = facts.load(data)
    if loaded is not None:
        facts.facts(loaded)


_TARGETS: tuple[tuple[Callable[[bytes], object], bytes], ...] = (
    (ServerHello.parse, hello(0xC02F)[4:]),
    (Presented.parse_clear, _CLEAR),
    (Presented.parse_encrypted, _ENCRYPTED),
    (parse_status, _STATUS),
    (lambda data: list(parse_timestamps(data)), _STAMPS),
    (_handshake, b"\xff\x00" + _FLIGHT),
    (_validated, _RESPONSE),
    (_described, _DER),
)


def one_input(data: bytes) -> None:
    """Read the bytes, or a template edited by them, as one of the things."""
    if len(data) < 4:
        return
    target, template = _TARGETS[data[0] % len(_TARGETS)]
    with suppress(Malformed):
        target(edited(template, data[1:]) if data[0] & 0x80 else data[1:])


def main() -> None:
    """Run until libFuzzer has enough."""
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
