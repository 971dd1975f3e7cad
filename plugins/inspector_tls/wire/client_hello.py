"""The ClientHello: what it offers, as a value, its bytes, and the value read back from the bytes.

RFC 8446 §4.1.2 (and 5246, 4346, 2246 §7.4.1.2; RFC 6101 §5.6.1.2 for SSL 3.0); for SSL 2.0
draft-hickman-netscape-ssl-00 §2.5.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from inspector_tls.wire.code_points import VERSIONS, WIRE
from inspector_tls.wire.encoding import Malformed, Reader, pack_numbers, tag, tagged, unpack_numbers, vector
from inspector_tls.wire.records import ContentType, HandshakeType
from inspector_tls.wire.versions import TlsVersion

SERVER_NAME, STATUS_REQUEST, GROUPS, POINT_FORMATS, SIGNATURES = 0, 5, 10, 11, 13
HEARTBEAT, TIMESTAMPS, PADDING, ENCRYPT_THEN_MAC = 15, 18, 21, 22
MASTER_SECRET, TICKET, VERSIONS_SUPPORTED, COOKIE, PSK_MODES = 23, 35, 43, 44, 45
CERTIFICATE_SIGNATURES, KEY_SHARE, RENEGOTIATION = 50, 51, 0xFF01

#: Extensions whose body is always the same; one that is not listed has an empty body.
_BODIES = {
    STATUS_REQUEST: b"\x01\x00\x00\x00\x00",
    HEARTBEAT: b"\x01",
    PSK_MODES: b"\x01\x01",
    RENEGOTIATION: b"\x00",
}
#: Public keys without a secret: the base point of each curve (RFC 7748 §4; SEC 2 §2.4). They suffice where the server's
#: answer is read as far as its hello.
_BASE_POINTS = {
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
SHAREABLE = tuple(_BASE_POINTS)
#: The record of a hello whose message has 512 bytes: some load balancers hang on messages of 256 to 511 bytes (RFC 7685
#: §1), so that hellos which might have such a length are padded to this.
SAFE_RECORD_BYTES = 517
#: Random bytes of a hello: 32 for ``random``, and 32 for the session identifier of TLS 1.3 (RFC 8446 §D.4).
RANDOM_BYTES = 64


def share(group: int) -> bytes:
    """The public key that is sent for a group by default; raises KeyError where there is none."""
    return _BASE_POINTS[group]


class Hello(NamedTuple):
    """What a ClientHello offers.

    ``version``: the newest one offered; ``older_versions``: those offered besides TLS 1.3 (RFC 8446 §4.2.1).
    ``shares``: the groups with a key share in TLS 1.3, none for a HelloRetryRequest; ``extensions``: those with a fixed
    body; ``legacy_version`` replaces the version's own number; ``least_bytes``: the length of the record that
    padding reaches (RFC 7685); ``cookie``: the body of that extension, from a HelloRetryRequest.
    """

    version: TlsVersion
    suites: tuple[int, ...]
    server_name: str | None = None
    groups: tuple[int, ...] = ()
    signatures: tuple[int, ...] = ()
    certificate_signatures: tuple[int, ...] = ()
    shares: tuple[int, ...] = ()
    compressions: tuple[int, ...] = (0,)
    extensions: tuple[int, ...] = ()
    legacy_version: int | None = None
    least_bytes: int = 0
    older_versions: tuple[TlsVersion, ...] = ()
    cookie: bytes = b""


class BadHello(ValueError):
    """The bytes are not a hello that ``encode`` wrote."""


# --- To bytes ---------------------------------------------------------------------------------------------------------


def encode(hello: Hello, *, random: bytes | None = None, keys: Mapping[int, bytes] = _BASE_POINTS) -> bytes:
    """The record of a hello.

    ``random``: RANDOM_BYTES of them, fresh ones by default; ``keys``: the public keys by group.
    """
    if hello.version is TlsVersion.SSL_2:
        return _encode_ssl_2(hello)
    is_tls_1_3 = hello.version is TlsVersion.TLS_1_3
    random = random or secrets.token_bytes(RANDOM_BYTES)
    body = b"".join(
        (
            (hello.legacy_version or min(WIRE[hello.version], 0x0303)).to_bytes(2, "big"),
            random[:32],
            vector(random[32:] if is_tls_1_3 else b"", 1),
            pack_numbers(hello.suites),
            vector(bytes(hello.compressions), 1),
        )
    )
    extensions = _extensions(
        hello._replace(suites=(), compressions=(), legacy_version=None, least_bytes=0),
        tuple((group, keys[group]) for group in hello.shares) if is_tls_1_3 else (),
    )
    missing = hello.least_bytes - (9 + len(body) + 2 + len(extensions))
    if missing > 0:
        extensions += tag(PADDING, bytes(max(0, missing - 4)))
    if extensions:
        body += vector(extensions, 2)
    record_version = b"\x03\x00" if hello.version is TlsVersion.SSL_3 else b"\x03\x01"
    message = bytes((HandshakeType.CLIENT_HELLO,)) + vector(body, 3)
    return bytes((ContentType.HANDSHAKE,)) + record_version + vector(message, 2)


def _encode_ssl_2(hello: Hello) -> bytes:
    kinds = b"".join(suite.to_bytes(3, "big") for suite in hello.suites)
    body = b"\x01\x00\x02" + struct.pack(">HHH", len(kinds), 0, 16) + kinds + secrets.token_bytes(16)
    return (0x8000 | len(body)).to_bytes(2, "big") + body


@lru_cache(maxsize=512)
def _extensions(hello: Hello, keys: tuple[tuple[int, bytes], ...]) -> bytes:
    """The extensions of a hello without its suites: most hellos to one server share them."""
    return b"".join(tag(number, body) for number, body in _bodies(hello, keys))


def _bodies(hello: Hello, keys: tuple[tuple[int, bytes], ...]) -> Iterator[tuple[int, bytes]]:
    yield from ((number, _BODIES.get(number, b"")) for number in hello.extensions)
    if hello.server_name is not None:
        yield SERVER_NAME, vector(b"\x00" + vector(hello.server_name.encode("ascii"), 2), 2)
    if hello.groups:
        yield GROUPS, pack_numbers(hello.groups)
        yield POINT_FORMATS, b"\x01\x00"
    if hello.signatures:
        yield SIGNATURES, pack_numbers(hello.signatures)
    if hello.certificate_signatures:
        yield CERTIFICATE_SIGNATURES, pack_numbers(hello.certificate_signatures)
    if hello.version is TlsVersion.TLS_1_3:
        versions = (hello.version, *hello.older_versions)
        yield VERSIONS_SUPPORTED, vector(b"".join(WIRE[each].to_bytes(2, "big") for each in versions), 1)
        yield KEY_SHARE, vector(b"".join(tag(group, key) for group, key in keys), 2)
    if hello.cookie:
        yield COOKIE, hello.cookie


# --- From bytes -------------------------------------------------------------------------------------------------------


def decode(data: bytes) -> Hello:
    """The hello in a record that ``encode`` wrote; raises BadHello."""
    try:
        return _decode_ssl_2(data) if data[0] & 0x80 else _decode(data)
    except (IndexError, Malformed, UnicodeDecodeError, KeyError) as error:
        raise BadHello(f"not a hello of the expected form: {data[:32]!r}") from error


def _decode_ssl_2(data: bytes) -> Hello:
    reader = Reader(data, 5)
    length = reader.number(2)
    kinds = data[11 : 11 + length]
    suites = tuple(int.from_bytes(kinds[at : at + 3], "big") for at in range(0, len(kinds), 3))
    return Hello(TlsVersion.SSL_2, suites)


def _decode(data: bytes) -> Hello:
    reader = Reader(data, 9)
    number = reader.number(2)
    reader.take(32)
    reader.vector(1)
    suites, compressions = reader.numbers(), tuple(reader.vector(1))
    offered, is_padded = _offered(reader.vector(2) if reader.left else b"")
    version = offered.version if offered.version is TlsVersion.TLS_1_3 else VERSIONS.get(number, offered.version)
    return offered._replace(
        version=version,
        suites=suites,
        compressions=compressions,
        legacy_version=None if number == min(WIRE[version], 0x0303) else number,
        least_bytes=len(data) if is_padded else 0,
    )


@lru_cache(maxsize=256)
def _offered(data: bytes) -> tuple[Hello, bool]:
    """The fields in the extensions of a hello, with TLS 1.2 for any version before TLS 1.3; whether it is padded."""
    bodies = dict(tagged(data))
    is_padded = bodies.pop(PADDING, None) is not None
    bodies.pop(POINT_FORMATS, None)
    name = bodies.pop(SERVER_NAME, None)
    versions = [VERSIONS[number] for number in unpack_numbers(bodies.pop(VERSIONS_SUPPORTED, b"")[1:])]
    hello = Hello(
        version=versions[0] if versions else TlsVersion.TLS_1_2,
        suites=(),
        server_name=None if name is None else name[5:].decode("ascii"),
        groups=unpack_numbers(bodies.pop(GROUPS, b"")[2:]),
        signatures=unpack_numbers(bodies.pop(SIGNATURES, b"")[2:]),
        certificate_signatures=unpack_numbers(bodies.pop(CERTIFICATE_SIGNATURES, b"")[2:]),
        shares=tuple(group for group, _key in tagged(bodies.pop(KEY_SHARE, b"")[2:])),
        older_versions=tuple(versions[1:]),
        cookie=bodies.pop(COOKIE, b""),
    )
    # What is left has a fixed body.
    return hello._replace(extensions=tuple(bodies)), is_padded
