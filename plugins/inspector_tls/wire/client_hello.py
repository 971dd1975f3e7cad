"""The hellos that are sent: a description in numbers, its bytes, and the description read back from the bytes.

RFC 8446 §4.1.2 (and 5246, 4346, 2246 §7.4.1.2; RFC 6101 §5.6.1.2 for SSL 3.0); for SSL 2.0
draft-hickman-netscape-ssl-00 §2.5.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from inspector_tls.wire.code_points import VERSIONS, WIRE
from inspector_tls.wire.versions import TlsVersion

SERVER_NAME, STATUS_REQUEST, GROUPS, POINT_FORMATS, SIGNATURES = 0, 5, 10, 11, 13
HEARTBEAT, PROTOCOLS, TIMESTAMPS, PADDING, ENCRYPT_THEN_MAC = 15, 16, 18, 21, 22
MASTER_SECRET, TICKET, VERSIONS_SUPPORTED, COOKIE = 23, 35, 43, 44
CERTIFICATE_SIGNATURES, KEY_SHARE, RENEGOTIATION = 50, 51, 0xFF01

#: Extensions whose body is always the same; one that is not listed has an empty body.
_BODIES = {STATUS_REQUEST: b"\x01\x00\x00\x00\x00", HEARTBEAT: b"\x01", RENEGOTIATION: b"\x00"}
_COMPUTED = frozenset(
    {
        SERVER_NAME,
        GROUPS,
        POINT_FORMATS,
        SIGNATURES,
        PROTOCOLS,
        PADDING,
        VERSIONS_SUPPORTED,
        CERTIFICATE_SIGNATURES,
        KEY_SHARE,
    }
)
#: Public keys that anybody can send: the base point of the curve (RFC 7748 §4; SEC 2 §2.4). No secret is behind them.
_SHARES = {
    29: (9).to_bytes(32, "little"),
    30: (5).to_bytes(56, "little"),
    23: bytes.fromhex(
        "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
    ),
    24: bytes.fromhex(
        "04aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7"
        "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f"
    ),
}
#: The groups for which there is such a key.
SHAREABLE = tuple(_SHARES)


def share(group: int) -> bytes:
    """The public key that is sent for a group; raises KeyError where there is none."""
    return _SHARES[group]


class Hello(NamedTuple):
    """What a hello offers. ``shares``: the groups with a key share in TLS 1.3, none for a HelloRetryRequest.

    ``extensions`` are those with a fixed body; ``legacy_version`` stands in place of the version's own number;
    ``least_bytes`` is reached by padding (RFC 7685).
    """

    version: TlsVersion
    suites: tuple[int, ...]
    server_name: str | None = None
    groups: tuple[int, ...] = ()
    signatures: tuple[int, ...] = ()
    certificate_signatures: tuple[int, ...] = ()
    protocols: tuple[str, ...] = ()
    shares: tuple[int, ...] = ()
    compressions: tuple[int, ...] = (0,)
    extensions: tuple[int, ...] = ()
    legacy_version: int | None = None
    least_bytes: int = 0


class BadHello(ValueError):
    """Bytes that are none of our hellos."""


# --- To bytes ---------------------------------------------------------------------------------------------------------


def encode(hello: Hello) -> bytes:
    """The record of a hello, with a fresh random value."""
    if hello.version is TlsVersion.SSL_2:
        return _encode_ssl_2(hello)
    is_tls_1_3 = hello.version is TlsVersion.TLS_1_3
    number = hello.legacy_version or (0x0303 if is_tls_1_3 else WIRE[hello.version])
    random = secrets.token_bytes(64 if is_tls_1_3 else 32)
    body = b"".join(
        (
            number.to_bytes(2, "big"),
            random[:32],
            b"\x20" + random[32:] if is_tls_1_3 else b"\x00",
            _numbers(hello.suites),
            bytes((len(hello.compressions), *hello.compressions)),
        )
    )
    extensions = _extensions(hello)
    if hello.least_bytes:
        missing = hello.least_bytes - (9 + len(body) + 2 + len(extensions))
        if missing > 0:
            extensions += _extension(PADDING, bytes(max(0, missing - 4)))
    if extensions:
        body += len(extensions).to_bytes(2, "big") + extensions
    record = b"\x03\x00" if hello.version is TlsVersion.SSL_3 else b"\x03\x01"
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16" + record + len(message).to_bytes(2, "big") + message


def _encode_ssl_2(hello: Hello) -> bytes:
    kinds = b"".join(suite.to_bytes(3, "big") for suite in hello.suites)
    body = b"\x01\x00\x02" + struct.pack(">HHH", len(kinds), 0, 16) + kinds + secrets.token_bytes(16)
    return (0x8000 | len(body)).to_bytes(2, "big") + body


def _numbers(codes: tuple[int, ...]) -> bytes:
    return struct.pack(f">H{len(codes)}H", 2 * len(codes), *codes)


def _extension(number: int, body: bytes) -> bytes:
    return struct.pack(">HH", number, len(body)) + body


def _extensions(hello: Hello) -> bytes:
    return _in_common(
        hello.extensions,
        hello.server_name,
        hello.groups,
        hello.signatures,
        hello.certificate_signatures,
        hello.protocols,
        hello.shares if hello.version is TlsVersion.TLS_1_3 else None,
    )


@lru_cache(maxsize=512)
def _in_common(
    fixed: tuple[int, ...],
    server_name: str | None,
    groups: tuple[int, ...],
    signatures: tuple[int, ...],
    certificate_signatures: tuple[int, ...],
    protocols: tuple[str, ...],
    shares: tuple[int, ...] | None,
) -> bytes:
    """The extensions of a hello, which most hellos to one server have in common; ``shares`` is None before TLS 1.3."""
    parts = [_extension(number, _BODIES.get(number, b"")) for number in fixed]
    if server_name is not None:
        name = server_name.encode("ascii")
        parts.append(_extension(SERVER_NAME, struct.pack(">HBH", len(name) + 3, 0, len(name)) + name))
    if groups:
        parts.append(_extension(GROUPS, _numbers(groups)))
        parts.append(_extension(POINT_FORMATS, b"\x01\x00"))
    if signatures:
        parts.append(_extension(SIGNATURES, _numbers(signatures)))
    if certificate_signatures:
        parts.append(_extension(CERTIFICATE_SIGNATURES, _numbers(certificate_signatures)))
    if protocols:
        names = b"".join(bytes((len(each),)) + each.encode("ascii") for each in protocols)
        parts.append(_extension(PROTOCOLS, len(names).to_bytes(2, "big") + names))
    if shares is not None:
        parts.append(_extension(VERSIONS_SUPPORTED, b"\x02\x03\x04"))
        keys = b"".join(struct.pack(">HH", group, len(share(group))) + share(group) for group in shares)
        parts.append(_extension(KEY_SHARE, len(keys).to_bytes(2, "big") + keys))
    return b"".join(parts)


# --- From bytes -------------------------------------------------------------------------------------------------------


def decode(data: bytes) -> Hello:
    """The description of a hello that ``encode`` wrote; raises BadHello."""
    try:
        return _decode_ssl_2(data) if data[0] & 0x80 else _decode(data)
    except (IndexError, struct.error, UnicodeDecodeError, KeyError) as error:
        raise BadHello(f"no hello of ours: {data[:32]!r}") from error


def _decode_ssl_2(data: bytes) -> Hello:
    length = struct.unpack_from(">H", data, 5)[0]
    kinds = data[11 : 11 + length]
    suites = tuple(int.from_bytes(kinds[at : at + 3], "big") for at in range(0, len(kinds), 3))
    return Hello(TlsVersion.SSL_2, suites)


def _unpacked(data: bytes) -> tuple[int, ...]:
    """The numbers in a vector with a two-byte length."""
    return struct.unpack(f">{(len(data) - 2) // 2}H", data[2:])


def _decode(data: bytes) -> Hello:
    number = struct.unpack_from(">H", data, 9)[0]
    at = 43
    at += 1 + data[at]
    length = 2 + struct.unpack_from(">H", data, at)[0]
    suites = _unpacked(data[at : at + length])
    at += length
    compressions = tuple(data[at + 1 : at + 1 + data[at]])
    at += 1 + data[at]
    offered = _offered(data[at + 2 :])
    version = TlsVersion.TLS_1_3 if offered.is_tls_1_3 else VERSIONS.get(number, TlsVersion.TLS_1_2)
    own = min(WIRE[version], 0x0303)
    return Hello(
        version,
        suites,
        offered.server_name,
        offered.groups,
        offered.signatures,
        offered.certificate_signatures,
        offered.protocols,
        offered.shares,
        compressions,
        offered.extensions,
        None if number == own else number,
        len(data) if offered.is_padded else 0,
    )


class _Offered(NamedTuple):
    """What stands in the extensions of a hello."""

    is_tls_1_3: bool
    is_padded: bool
    server_name: str | None
    groups: tuple[int, ...]
    signatures: tuple[int, ...]
    certificate_signatures: tuple[int, ...]
    protocols: tuple[str, ...]
    shares: tuple[int, ...]
    extensions: tuple[int, ...]


@lru_cache(maxsize=256)
def _offered(data: bytes) -> _Offered:
    bodies = dict(_each_extension(data))
    return _Offered(
        is_tls_1_3=VERSIONS_SUPPORTED in bodies,
        is_padded=PADDING in bodies,
        server_name=bodies[SERVER_NAME][5:].decode("ascii") if SERVER_NAME in bodies else None,
        groups=_unpacked(bodies[GROUPS]) if GROUPS in bodies else (),
        signatures=_unpacked(bodies[SIGNATURES]) if SIGNATURES in bodies else (),
        certificate_signatures=_unpacked(bodies[CERTIFICATE_SIGNATURES]) if CERTIFICATE_SIGNATURES in bodies else (),
        protocols=tuple(_names(bodies.get(PROTOCOLS, b"")[2:])),
        shares=tuple(_share_groups(bodies.get(KEY_SHARE, b"")[2:])),
        extensions=tuple(each for each in bodies if each not in _COMPUTED),
    )


def _each_extension(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        number, length = struct.unpack_from(">HH", data, at)
        yield number, data[at + 4 : at + 4 + length]
        at += 4 + length


def _names(data: bytes) -> Iterator[str]:
    at = 0
    while at < len(data):
        yield data[at + 1 : at + 1 + data[at]].decode("ascii")
        at += 1 + data[at]


def _share_groups(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        group, length = struct.unpack_from(">HH", data, at)
        yield group
        at += 4 + length
