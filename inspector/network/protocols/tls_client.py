"""TLS with the host's OpenSSL: hellos that pass every path, and the cause where the library is what is missing.

What OpenSSL offers differs from host to host. So that the same server gives the same answer everywhere, a hello that is
long for its post-quantum key share is preceded by a short one, and a refusal is examined: where the server accepts a
hello that offers more, the tool is missing something, and not the server.
"""

from __future__ import annotations

import re
import ssl
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property, partial
from secrets import token_bytes
from typing import TYPE_CHECKING, Final

from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.network.transport.tls_context import http_context

if TYPE_CHECKING:
    from inspector.network.session import ProbeSession
    from inspector.network.transport.stream import Stream

#: Bytes of a hello that every path carries: boxes that read one segment lose longer ones.
_SHORT_BYTES: Final = 1000
#: The curve that every client and server of TLS 1.3 has (RFC 8446 §9.1), in OpenSSL's notation.
_AGREED_CURVE: Final = "prime256v1"
#: Alerts by which a server refuses everything that a hello offers (RFC 8446 §6.2), and OpenSSL's own refusal of what
#: the server chose.
_REFUSED: Final = re.compile(r"ALERT_(HANDSHAKE_FAILURE|PROTOCOL_VERSION|INSUFFICIENT_SECURITY)|^UNSUPPORTED_PROTOCOL$")
_FLIGHT_BYTES: Final = 65_536
_HANDSHAKE, _SERVER_HELLO = 22, 2
_NAME, _GROUPS, _FORMATS, _SIGNATURES, _VERSIONS, _KEY_SHARE = 0, 10, 11, 13, 43, 51
_X25519 = 29

_VERSION_NAMES: Final = {0x0304: "TLS 1.3", 0x0303: "TLS 1.2", 0x0302: "TLS 1.1", 0x0301: "TLS 1.0", 0x0300: "SSL 3.0"}
#: What servers may demand and some builds of OpenSSL lack, with the names of IANA's registries.
_GROUP_NAMES: Final = {
    29: "x25519",
    23: "secp256r1",
    24: "secp384r1",
    25: "secp521r1",
    30: "x448",
    4588: "X25519MLKEM768",
    4587: "SecP256r1MLKEM768",
    4589: "SecP384r1MLKEM1024",
    512: "MLKEM512",
    513: "MLKEM768",
    514: "MLKEM1024",
    31: "brainpoolP256r1tls13",
    32: "brainpoolP384r1tls13",
    33: "brainpoolP512r1tls13",
}
_SUITE_NAMES: Final = {
    0x1301: "TLS_AES_128_GCM_SHA256",
    0x1302: "TLS_AES_256_GCM_SHA384",
    0x1303: "TLS_CHACHA20_POLY1305_SHA256",
    0x1304: "TLS_AES_128_CCM_SHA256",
    0x1305: "TLS_AES_128_CCM_8_SHA256",
    0x000A: "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    0x0016: "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA",
    0xC008: "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA",
    0xC012: "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    0x0004: "TLS_RSA_WITH_RC4_128_MD5",
    0x0005: "TLS_RSA_WITH_RC4_128_SHA",
    0xC007: "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    0xC011: "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
}
_SIGNATURE_NAMES: Final = {0x0904: "ML-DSA-44", 0x0905: "ML-DSA-65", 0x0906: "ML-DSA-87"}


@dataclass(frozen=True, slots=True)
class _Offer:
    """What a hello offers, as numbers of IANA's registries."""

    versions: tuple[int, ...]
    suites: tuple[int, ...]
    groups: tuple[int, ...]
    signatures: tuple[int, ...]

    @classmethod
    def parse(cls, hello: bytes) -> _Offer:
        """The offer in the record of a hello that OpenSSL wrote (RFC 8446 §4.1.2)."""
        body = hello[9:]
        at = 35 + body[34]
        size = int.from_bytes(body[at : at + 2], "big")
        suites = _numbers(body[at : at + 2 + size])
        at += 2 + size
        extensions = _extensions(body[at + 1 + body[at] + 2 :])
        return cls(
            versions=_numbers(b"\0" + extensions.get(_VERSIONS, b"\x02\x03\x03")),
            suites=suites,
            groups=_numbers(extensions.get(_GROUPS, b"")),
            signatures=_numbers(extensions.get(_SIGNATURES, b"")),
        )

    def widened(self) -> _Offer:
        """This offer with everything that has a name here."""
        return _Offer(
            versions=_joined(self.versions, [each for each in _VERSION_NAMES if each > 0x0300]),
            suites=_joined(self.suites, _SUITE_NAMES),
            groups=_joined(self.groups, _GROUP_NAMES),
            signatures=_joined(self.signatures, _SIGNATURE_NAMES),
        )

    def encode(self, server_name: str | None) -> bytes:
        """The record of a hello with a key share of X25519; the key is nobody's, so that nothing can be agreed."""
        name = b"" if server_name is None else server_name.encode("ascii")
        share = struct.pack(">HHH", 36, _X25519, 32) + token_bytes(32)
        extensions = b"".join(
            (
                _extension(_NAME, _vector(b"\0" + _vector(name, 2), 2)) if name else b"",
                _extension(_GROUPS, _packed(self.groups, 2)),
                _extension(_FORMATS, b"\x01\x00"),
                _extension(_SIGNATURES, _packed(self.signatures, 2)),
                _extension(_VERSIONS, _packed(self.versions, 1)),
                _extension(_KEY_SHARE, share),
            )
        )
        body = b"\x03\x03" + token_bytes(32) + _vector(token_bytes(32), 1) + _packed(self.suites, 2) + b"\x01\x00"
        message = b"\x01" + _vector(body + _vector(extensions, 2), 3)
        return b"\x16\x03\x01" + _vector(message, 2)

    def lacks(self, flight: bytes) -> str | None:
        """What this offer lacks of what the server chose, by name; None where the server chose nothing."""
        chosen = _chosen(flight)
        if chosen is None:
            return None
        version, suite, group = chosen
        if version not in self.versions:
            return _VERSION_NAMES.get(version, f"version {version:#06x}")
        if suite not in self.suites:
            return f"the cipher suite {_SUITE_NAMES.get(suite, f'{suite:#06x}')}"
        if group is not None and group not in self.groups:
            return f"the group {_GROUP_NAMES.get(group, f'{group:#06x}')}"
        missing = [name for code, name in _SIGNATURE_NAMES.items() if code not in self.signatures]
        return f"a signature scheme of the server ({', '.join(missing)})" if missing else None


def _vector(data: bytes, width: int) -> bytes:
    return len(data).to_bytes(width, "big") + data


def _packed(numbers: tuple[int, ...], width: int) -> bytes:
    return _vector(b"".join(each.to_bytes(2, "big") for each in numbers), width)


def _extension(number: int, body: bytes) -> bytes:
    return number.to_bytes(2, "big") + _vector(body, 2)


def _numbers(counted: bytes) -> tuple[int, ...]:
    """The two-byte numbers after a length of two bytes."""
    return tuple(each[0] for each in struct.iter_unpack(">H", counted[2 : len(counted) & ~1]))


def _joined(first: tuple[int, ...], more: Mapping[int, str] | list[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys((*first, *more)))


def _extensions(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while len(data) >= 4:
        number, size = struct.unpack_from(">HH", data)
        found[number] = data[4 : 4 + size]
        data = data[4 + size :]
    return found


def _chosen(flight: bytes) -> tuple[int, int, int | None] | None:
    """Version, suite and group of a ServerHello or HelloRetryRequest (RFC 8446 §4.1.3); None for anything else."""
    if len(flight) < 44 or flight[0] != _HANDSHAKE or flight[5] != _SERVER_HELLO:
        return None
    at = 44 + flight[43]
    fixed = flight[at : at + 3]
    if len(fixed) < 3:
        return None
    extensions = _extensions(flight[at + 5 : 9 + int.from_bytes(flight[6:9], "big")])
    version = int.from_bytes(extensions.get(_VERSIONS) or flight[9:11], "big")
    share = extensions.get(_KEY_SHARE, b"")
    return version, int.from_bytes(fixed[:2], "big"), int.from_bytes(share[:2], "big") if share else None


def _is_enough(received: bytearray, data: bytes) -> bool:
    """Whether the first record is complete with these bytes."""
    received += data
    return len(received) >= 5 and len(received) >= 5 + int.from_bytes(received[3:5], "big")


class TlsClient:
    """A client of the host's OpenSSL; ``short`` has one curve only, where the hello of ``full`` is long."""

    def __init__(self, make_context: Callable[[], ssl.SSLContext]) -> None:
        self.full = make_context()
        self._hello = _hello_of(self.full)
        self.short: ssl.SSLContext | None = None
        if len(self._hello) > _SHORT_BYTES:
            self.short = make_context()
            self.short.set_ecdh_curve(_AGREED_CURVE)

    @cached_property
    def offer(self) -> _Offer:
        """What it offers at most."""
        return _Offer.parse(self._hello)


@cache
def tolerant_client() -> TlsClient:
    """The shared client that accepts any server, however old, and any certificate."""
    return TlsClient(http_context)


@cache
def http1_client() -> TlsClient:
    """The same for HTTP/1.1 alone, where ``tolerant_client`` offers HTTP/2 as well."""
    return TlsClient(partial(http_context, http2=False))


def _hello_of(context: ssl.SSLContext) -> bytes:
    outgoing = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=b"a.invalid")
    with suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


class TlsConnector:
    """Opens connections under TLS to the target of one session; it tries a short hello until the server refuses one."""

    #: The most connections that ``open`` makes besides one for each call: a short hello refused, a wider one.
    MOST_BESIDES: Final = 2

    def __init__(self, session: ProbeSession) -> None:
        self._session = session
        self._short_refused = False

    async def open(
        self, port: int, client: TlsClient, server_name: str | None, *, timeout: float, allowance: int
    ) -> Stream:
        """A connection after its handshake.

        Raises ScanFailure: tool-missing, with the name of what is missing, where the server refuses the client and
        accepts a hello that offers more.
        """
        if client.short is not None and not self._short_refused:
            try:
                return await self._handshake(port, client.short, server_name, timeout, allowance)
            except ScanFailure as failure:
                if not _is_refusal(failure):
                    raise
                self._short_refused = True
        try:
            return await self._handshake(port, client.full, server_name, timeout, allowance)
        except ScanFailure as failure:
            missing = await self._missing(port, client, server_name, timeout) if _is_refusal(failure) else None
            if missing is None:
                raise
            detail = f"{failure.message}; {ssl.OPENSSL_VERSION} of this host does not offer {missing}"
            raise ScanFailure(Cause.TOOL_MISSING, detail) from failure

    async def _handshake(
        self, port: int, context: ssl.SSLContext, server_name: str | None, timeout: float, allowance: int
    ) -> Stream:
        stream = await self._session.connect(port, timeout=timeout, allowance=allowance)
        try:
            await stream.start_tls(context, server_name, timeout=timeout)
        except BaseException:
            await stream.close()
            raise
        return stream

    async def _missing(self, port: int, client: TlsClient, server_name: str | None, timeout: float) -> str | None:
        """What the client lacks of what the server chooses from a wider offer; None where it refuses that too."""
        received = bytearray()
        hello = client.offer.widened().encode(server_name)
        try:
            await self._session.exchange(
                port, hello, lambda data: _is_enough(received, data), timeout=timeout, allowance=_FLIGHT_BYTES
            )
        except ScanFailure:
            return None
        return client.offer.lacks(bytes(received))


def _is_refusal(failure: ScanFailure) -> bool:
    error = failure.__cause__
    if failure.cause is not Cause.PROTOCOL_ERROR or not isinstance(error, ssl.SSLError):
        return False
    return bool(_REFUSED.search(error.reason or ""))
