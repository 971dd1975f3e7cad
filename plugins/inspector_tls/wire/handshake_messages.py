"""The messages of a handshake as far as certificates need them: a ClientHello out, a server's first messages in.

Shapes: RFC 8446 §4, RFC 5246 §7.4, RFC 6066 §3 and §8, RFC 6962 §3.3. What comes in is hostile: whatever does not fit
its own lengths is ``Malformed``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class Malformed(ValueError):
    """The bytes are not what they say they are."""


class Sort(StrEnum):
    """What a hello takes: any certificate, as a browser does, only one with an RSA key, or any but RSA."""

    USUAL = "usual"
    RSA = "rsa"
    OTHER = "other"


class Manner(StrEnum):
    """How a hello is put, newest first: servers that stumble over a newer one are asked in an older one.

    ``bare`` carries no extension and so no server name; ``anonymous`` offers suites without a certificate alone.
    """

    TLS_1_3 = "tls-1.3"
    TLS_1_2 = "tls-1.2"
    TLS_1_0 = "tls-1.0"
    BARE = "bare"
    ANONYMOUS = "anonymous"


class Group(IntEnum):
    """Groups that keys are agreed on in TLS 1.3, the cheapest first."""

    X25519 = 29
    SECP256R1 = 23
    SECP384R1 = 24
    SECP521R1 = 25
    X448 = 30
    X25519_MLKEM768 = 4588
    SECP256R1_MLKEM768 = 4587
    SECP384R1_MLKEM1024 = 4589


class Extension(IntEnum):
    """Extensions by number."""

    SERVER_NAME = 0
    STATUS_REQUEST = 5
    SUPPORTED_GROUPS = 10
    POINT_FORMATS = 11
    SIGNATURES = 13
    TIMESTAMPS = 18
    PADDING = 21
    EXTENDED_MASTER_SECRET = 23
    VERSIONS = 43
    COOKIE = 44
    PSK_MODES = 45
    SIGNATURES_IN_CERTIFICATES = 50
    KEY_SHARE = 51
    RENEGOTIATION = 0xFF01


class Kind(IntEnum):
    """Handshake messages by number."""

    CLIENT_HELLO = 1
    SERVER_HELLO = 2
    CERTIFICATE = 11
    CERTIFICATE_STATUS = 22


TLS_1_3_SUITES = (0x1301, 0x1302, 0x1303, 0x1304, 0x1305)
#: Suites up to TLS 1.2 by the key that signs or decrypts; a browser's own first, then whatever was ever deployed.
_RSA_SUITES = (
    *(0xC02F, 0xC030, 0xCCA8, 0xC013, 0xC014, 0x009C, 0x009D, 0x002F, 0x0035, 0xC027, 0xC028, 0x003C, 0x003D),
    *(0x009E, 0x009F, 0xCCAA, 0x0033, 0x0039, 0x0067, 0x006B, 0xC012, 0x0016, 0x000A, 0xC011, 0x0005, 0x0004),
    *(0x0041, 0x0084, 0x0045, 0x0088, 0x00BA, 0x00C0, 0x00BE, 0x00C4, 0x0096, 0x009A, 0x0007, 0xC09C, 0xC09D),
    *(0xC09E, 0xC09F, 0xC0A0, 0xC0A1, 0xC0A2, 0xC0A3, 0xC076, 0xC077, 0xC08A, 0xC08B, 0xC07A, 0xC07B, 0xC07C),
    *(0xC07D, 0xC050, 0xC051, 0xC052, 0xC053, 0xC060, 0xC061, 0xC03C, 0xC03D, 0xC04C, 0xC04D, 0x0009, 0x0015),
    *(0x0003, 0x0006, 0x0008, 0x0014, 0x0062, 0x0064, 0xC010, 0x003B, 0x0002, 0x0001),
)
_OTHER_SUITES = (
    *(0xC02B, 0xC02C, 0xCCA9, 0xC009, 0xC00A, 0xC023, 0xC024, 0xC0AC, 0xC0AD, 0xC0AE, 0xC0AF, 0xC008, 0xC007),
    *(0xC072, 0xC073, 0xC086, 0xC087, 0xC048, 0xC049, 0xC05C, 0xC05D, 0xC004, 0xC005, 0xC003, 0xC002, 0xC025),
    *(0xC026, 0xC02D, 0xC02E, 0xC00E, 0xC00F, 0xC00D, 0xC00C, 0xC029, 0xC02A, 0xC031, 0xC032, 0x00A2, 0x00A3),
    *(0x0032, 0x0038, 0x0040, 0x006A, 0x0013, 0x0012, 0x0011, 0x0044, 0x0087, 0x0099, 0xC006, 0xC001, 0xC00B),
)
_ANONYMOUS_SUITES = (
    *(0xC018, 0xC019, 0xC017, 0xC016, 0xC015, 0x00A6, 0x00A7, 0x0034, 0x003A, 0x006C, 0x006D, 0x001B, 0x0018),
    *(0x0046, 0x0089, 0x009B, 0x001A, 0x0019, 0x0017),
)
_SUITES = {
    Sort.USUAL: (*_OTHER_SUITES[:5], *_RSA_SUITES, *_OTHER_SUITES[5:]),
    Sort.RSA: _RSA_SUITES,
    Sort.OTHER: _OTHER_SUITES,
}
_RENEGOTIATION_SCSV = 0x00FF
_PKCS_1 = (0x0401, 0x0501, 0x0601, 0x0201)
_RSA_SIGNATURES = (0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B, *_PKCS_1)
#: ECDSA, Ed25519, Ed448, Brainpool, ML-DSA, DSA.
_OTHER_SIGNATURES = (
    *(0x0403, 0x0503, 0x0603, 0x0203, 0x0807, 0x0808, 0x081A, 0x081B, 0x081C, 0x0904, 0x0905, 0x0906),
    *(0x0402, 0x0502, 0x0602, 0x0202),
)
_EVERY_SIGNATURE = (*_OTHER_SIGNATURES, *_RSA_SIGNATURES)
#: TLS 1.3 chooses the certificate by these; PKCS #1 signs nothing there, but older servers look for it in the chain.
_SIGNATURES = {
    Sort.USUAL: _EVERY_SIGNATURE,
    Sort.RSA: _RSA_SIGNATURES,
    Sort.OTHER: (*_OTHER_SIGNATURES, *_PKCS_1),
}
#: Curves of older versions besides those that TLS 1.3 agrees keys on: Brainpool, secp256k1, and what was ever deployed.
_OLD_GROUPS = (26, 27, 28, 22, 9, 10, 11, 12, 13, 14, 21, 20, 19)

_HELLO_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
_WIRE_VERSIONS = {
    Manner.TLS_1_3: 0x0303,
    Manner.TLS_1_2: 0x0303,
    Manner.TLS_1_0: 0x0301,
    Manner.BARE: 0x0300,
    Manner.ANONYMOUS: 0x0303,
}
#: A hello of 256 to 511 bytes makes some load balancers hang (RFC 7685).
_UNLUCKY = range(0x100, 0x200)


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What is asked: ``random`` and ``session`` hold 32 bytes each, ``shares`` public keys by group."""

    manner: Manner
    sort: Sort
    server_name: str | None
    random: bytes
    session: bytes
    shares: tuple[tuple[int, bytes], ...] = ()
    cookie: bytes = b""

    def message(self) -> bytes:
        """The handshake message."""
        body = b"".join(
            (
                _number(_WIRE_VERSIONS[self.manner], 2),
                self.random,
                _sized(self.session if self.manner is Manner.TLS_1_3 else b"", 1),
                _sized(_numbers(self._suites()), 2),
                b"\x01\x00",
            )
        )
        if self.manner is not Manner.BARE:
            body += self._extensions(4 + len(body) + 2)
        return _number(Kind.CLIENT_HELLO, 1) + _sized(body, 3)

    def record(self) -> bytes:
        """The message in a record of its own."""
        version = 0x0300 if self.manner is Manner.BARE else 0x0301
        return b"\x16" + _number(version, 2) + _sized(self.message(), 2)

    def _suites(self) -> tuple[int, ...]:
        if self.manner is Manner.ANONYMOUS:
            return (*_ANONYMOUS_SUITES, _RENEGOTIATION_SCSV)
        if self.manner is Manner.TLS_1_3:
            return (*TLS_1_3_SUITES, *_SUITES[self.sort])
        return (*_SUITES[self.sort], _RENEGOTIATION_SCSV)

    def _extensions(self, before: int) -> bytes:
        parts = b"".join(_number(kind, 2) + _sized(data, 2) for kind, data in self._wanted())
        length = before + len(parts)
        if length in _UNLUCKY:
            parts += _number(Extension.PADDING, 2) + _sized(bytes(max(1, _UNLUCKY.stop - length - 4)), 2)
        return _sized(parts, 2)

    def _wanted(self) -> Iterator[tuple[Extension, bytes]]:
        if self.server_name is not None:
            yield Extension.SERVER_NAME, _sized(b"\x00" + _sized(self.server_name.encode("ascii"), 2), 2)
        yield Extension.SUPPORTED_GROUPS, _sized(_numbers((*Group, *_OLD_GROUPS)), 2)
        yield Extension.POINT_FORMATS, b"\x01\x00"
        yield Extension.STATUS_REQUEST, b"\x01\x00\x00\x00\x00"
        if self.manner is Manner.TLS_1_0:
            return
        yield Extension.EXTENDED_MASTER_SECRET, b""
        yield Extension.SIGNATURES, _sized(_numbers(_SIGNATURES[self.sort]), 2)
        yield Extension.TIMESTAMPS, b""
        if self.manner is Manner.TLS_1_3:
            yield Extension.RENEGOTIATION, b"\x00"
            yield Extension.SIGNATURES_IN_CERTIFICATES, _sized(_numbers(_EVERY_SIGNATURE), 2)
            yield Extension.VERSIONS, _sized(_numbers((0x0304, 0x0303, 0x0302, 0x0301)), 1)
            yield Extension.PSK_MODES, b"\x01\x01"
            shares = b"".join(_number(group, 2) + _sized(share, 2) for group, share in self.shares)
            yield Extension.KEY_SHARE, _sized(shares, 2)
            if self.cookie:
                yield Extension.COOKIE, self.cookie


@dataclass(frozen=True, slots=True)
class ServerHello:
    """What the server chose. With ``retry`` it asks for another hello, with a share in ``group`` (RFC 8446 §4.1.4)."""

    version: int
    suite: int
    retry: bool
    group: int | None
    share: bytes
    cookie: bytes
    extensions: dict[int, bytes] = field(default_factory=dict)

    @classmethod
    def parse(cls, body: bytes) -> ServerHello:
        """The hello in a message's body; raises Malformed."""
        reader = _Reader(body)
        version, random = reader.number(2), reader.take(32)
        reader.sized(1)
        suite = reader.number(2)
        reader.number(1)
        extensions = dict(_extensions(reader.sized(2))) if reader.left else {}
        chosen = extensions.get(Extension.VERSIONS)
        retry = random == _HELLO_RETRY
        share = _Reader(extensions.get(Extension.KEY_SHARE, b""))
        group = share.number(2) if share.left else None
        return cls(
            version=version if chosen is None else _Reader(chosen).number(2),
            suite=suite,
            retry=retry,
            group=group,
            share=b"" if retry or group is None else share.sized(2),
            cookie=extensions.get(Extension.COOKIE, b""),
            extensions=extensions,
        )

    @property
    def is_anonymous(self) -> bool:
        """Whether the suite chosen comes without a certificate."""
        return self.suite in _ANONYMOUS_SUITES

    @property
    def timestamps(self) -> bytes:
        """The list of signed certificate timestamps that came with the hello (RFC 6962 §3.3.1); empty: none."""
        return self.extensions.get(Extension.TIMESTAMPS, b"")


@dataclass(frozen=True, slots=True)
class Presented:
    """Certificates (DER), the server's own first, with the OCSP response and the timestamps that came along."""

    certificates: tuple[bytes, ...]
    staple: bytes = b""
    timestamps: bytes = b""

    @classmethod
    def parse_clear(cls, body: bytes) -> Presented:
        """The message of TLS 1.2 and older; raises Malformed."""
        return cls(_some(list(_items(_Reader(body).sized(3), 3))))

    @classmethod
    def parse_sealed(cls, body: bytes) -> Presented:
        """The message of TLS 1.3; raises Malformed."""
        reader = _Reader(body)
        reader.sized(1)
        entries = _Reader(reader.sized(3))
        found: list[bytes] = []
        own: dict[int, bytes] = {}
        while entries.left:
            found.append(entries.sized(3))
            extensions = dict(_extensions(entries.sized(2)))
            own = own if len(found) > 1 else extensions
        status = own.get(Extension.STATUS_REQUEST)
        return cls(
            _some(found), staple=parse_status(status) if status else b"", timestamps=own.get(Extension.TIMESTAMPS, b"")
        )


def _some(certificates: list[bytes]) -> tuple[bytes, ...]:
    if not certificates:
        raise Malformed("a certificate message without certificates")
    return tuple(certificates)


def parse_status(body: bytes) -> bytes:
    """The OCSP response in a CertificateStatus (RFC 6066 §8); raises Malformed."""
    reader = _Reader(body)
    if reader.number(1) != 1:
        raise Malformed("a certificate status of an unknown type")
    return reader.sized(3)


def parse_timestamps(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Log and milliseconds since 1970 of each timestamp of version 1 in a list (RFC 6962 §3.2); raises Malformed."""
    for item in _items(_Reader(data).sized(2), 2):
        reader = _Reader(item)
        if reader.number(1) == 0:
            yield reader.take(32), reader.number(8)


@dataclass(slots=True)
class _Reader:
    """Takes numbers and sized bytes from the front of some bytes; raises Malformed past their end."""

    data: bytes
    at: int = 0

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise Malformed("a message ends before it is whole")
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def sized(self, size: int) -> bytes:
        return self.take(self.number(size))


def _extensions(data: bytes) -> Iterator[tuple[int, bytes]]:
    reader = _Reader(data)
    while reader.left:
        yield reader.number(2), reader.sized(2)


def _items(data: bytes, size: int) -> Iterator[bytes]:
    reader = _Reader(data)
    while reader.left:
        yield reader.sized(size)


def _number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "big")


def _numbers(values: Sequence[int]) -> bytes:
    return struct.pack(f">{len(values)}H", *values)


def _sized(data: bytes, size: int) -> bytes:
    return _number(len(data), size) + data
