"""The client's part of a key exchange: its public value, the server's reply with its host key, and the keys.

The signature of the server is not verified: a server that shows a key that is not its own fails with every client.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from inspector import Cause, ScanFailure
from inspector_ssh.observations import Algorithms
from inspector_ssh.wire import Fields, Message, malformed, mpint, string

#: Diffie-Hellman group exchange (RFC 4419).
GROUP_EXCHANGE: Final = ("diffie-hellman-group-exchange-sha256", "diffie-hellman-group-exchange-sha1")
#: Least, preferred and most bits in the request for a group.
_REQUESTED_BITS = (1024, 1024, 8192)
#: Secret exponents of 256 bits suffice: nothing that a session protects is secret.
_EXPONENT_BYTES = 32
_MLKEM768_BYTES, _SNTRUP761_BYTES = 1184, 1158
_SEED_BYTES = 32


def method_for(server: Algorithms) -> str | None:
    """The cheapest method that the server offers and this client has; None where there is none."""
    return next((name for name in (*_public_values(), *GROUP_EXCHANGE) if name in server.key_exchange), None)


def group_exchange_for(server: Algorithms) -> str | None:
    """The method of group exchange that the server offers."""
    return next((name for name in GROUP_EXCHANGE if name in server.key_exchange), None)


@dataclass(frozen=True, slots=True)
class PublicValue:
    """The client's public value as it stands in its message, and the shared secret from the server's one.

    ``shared`` is None for methods of which the client keeps no secret.
    """

    sent: bytes
    shared: Callable[[bytes], bytes] | None = None


def public_value(method: str) -> PublicValue:
    """A new public value; that of group exchange depends on the group, see ``continuation``."""
    return PublicValue(b"") if method in GROUP_EXCHANGE else _public_values()[method]()


def has_shared_secret(method: str) -> bool:
    """Whether the client can compute the shared secret of a method."""
    return method in _HASHES


def opening(method: str, value: PublicValue) -> bytes:
    """The payload by which the client begins the key exchange."""
    if method in GROUP_EXCHANGE:
        return struct.pack(">B3I", Message.GEX_REQUEST, *_REQUESTED_BITS)
    return bytes((Message.KEX_INIT,)) + value.sent


def continuation(group: bytes) -> bytes:
    """The payload that answers the server's group (RFC 4419 §3)."""
    modulus, generator = read_group(group)
    return bytes((Message.GEX_INIT,)) + mpint(pow(generator, _exponent(), modulus) or 1)


def read_group(group: bytes) -> tuple[int, int]:
    """Modulus and generator in a payload of SSH_MSG_KEX_DH_GEX_GROUP; raises ScanFailure."""
    fields = Fields(group[1:])
    modulus, generator = fields.integer(), fields.integer()
    if modulus.bit_length() > _REQUESTED_BITS[-1]:
        raise malformed(f"chooses a group of {modulus.bit_length()} bits, which was not requested")
    return modulus, generator


def reply_number(method: str) -> int:
    """The message number of the reply that shows the host key."""
    return Message.GEX_REPLY if method in GROUP_EXCHANGE else Message.KEX_REPLY


def host_key_in(reply: bytes) -> bytes:
    """The host key in the server's reply."""
    return Fields(reply[1:]).string()


#: The hash functions of the methods whose shared secret the client computes (RFC 8731, RFC 5656, RFC 8268).
_HASHES: Final = {
    "curve25519-sha256": "sha256",
    "curve25519-sha256@libssh.org": "sha256",
    "ecdh-sha2-nistp256": "sha256",
    "ecdh-sha2-nistp384": "sha384",
    "ecdh-sha2-nistp521": "sha512",
    "diffie-hellman-group14-sha256": "sha256",
    "diffie-hellman-group14-sha1": "sha1",
    "diffie-hellman-group15-sha512": "sha512",
    "diffie-hellman-group16-sha512": "sha512",
    "diffie-hellman-group17-sha512": "sha512",
    "diffie-hellman-group18-sha512": "sha512",
    "diffie-hellman-group1-sha1": "sha1",
}


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What both ends said: their identification strings without line ends, and their payloads of SSH_MSG_KEXINIT."""

    client: bytes
    server: bytes
    client_kexinit: bytes
    server_kexinit: bytes


def derivation(method: str, exchanged: Exchanged, value: PublicValue, reply: bytes) -> Callable[[bytes, int], bytes]:
    """What derives keys by letter and number of bytes (RFC 4253 §7.2) after a server's reply; raises ScanFailure."""
    fields = Fields(reply[1:])
    host_key, server_value = fields.string(), fields.string()
    if value.shared is None:
        raise ScanFailure(Cause.TOOL_MISSING, f"the client computes no secret of {method}")
    try:
        secret = value.shared(server_value)
    except ValueError:
        raise malformed("sends a public value that is not valid") from None
    digest = _HASHES[method]
    said = (exchanged.client, exchanged.server, exchanged.client_kexinit, exchanged.server_kexinit, host_key)
    hashed = b"".join(map(string, said)) + value.sent + string(server_value) + secret
    session = hashlib.new(digest, hashed).digest()

    def derive(letter: bytes, size: int) -> bytes:
        key = hashlib.new(digest, secret + session + letter + session).digest()
        while len(key) < size:
            key += hashlib.new(digest, secret + session + key).digest()
        return key[:size]

    return derive


def _exponent() -> int:
    return int.from_bytes(os.urandom(_EXPONENT_BYTES), "big") | 1 << 200


@cache
def _public_values() -> dict[str, Callable[[], PublicValue]]:
    """By method, what makes the client's public value; cheapest for the server first, those without a secret later."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    def x25519() -> PublicValue:
        key = X25519PrivateKey.generate()

        def shared(server: bytes) -> bytes:
            return mpint(int.from_bytes(key.exchange(X25519PublicKey.from_public_bytes(server)), "big"))

        return PublicValue(string(key.public_key().public_bytes_raw()), shared)

    def point(curve: ec.EllipticCurve) -> PublicValue:
        key = ec.generate_private_key(curve)

        def shared(server: bytes) -> bytes:
            public = ec.EllipticCurvePublicKey.from_encoded_point(curve, server)
            return mpint(int.from_bytes(key.exchange(ec.ECDH(), public), "big"))

        encoded = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return PublicValue(string(encoded), shared)

    def hybrid(size: int) -> PublicValue:
        # A valid encapsulation key of which nobody knows the secret.
        curve = X25519PrivateKey.generate().public_key().public_bytes_raw()
        return PublicValue(string(bytes(size - _SEED_BYTES) + os.urandom(_SEED_BYTES) + curve))

    def finite_field(group: int) -> PublicValue:
        modulus, exponent = oakley_prime(group), _exponent()

        def shared(server: bytes) -> bytes:
            value = int.from_bytes(server, "big")
            if not 1 < value < modulus - 1:
                raise ValueError
            return mpint(pow(value, exponent, modulus))

        return PublicValue(mpint(pow(2, exponent, modulus)), shared)

    named: Iterable[tuple[str, Callable[[], PublicValue]]] = (
        ("curve25519-sha256", x25519),
        ("curve25519-sha256@libssh.org", x25519),
        ("ecdh-sha2-nistp256", lambda: point(ec.SECP256R1())),
        ("ecdh-sha2-nistp384", lambda: point(ec.SECP384R1())),
        ("ecdh-sha2-nistp521", lambda: point(ec.SECP521R1())),
        ("diffie-hellman-group14-sha256", lambda: finite_field(14)),
        ("diffie-hellman-group14-sha1", lambda: finite_field(14)),
        ("diffie-hellman-group15-sha512", lambda: finite_field(15)),
        ("diffie-hellman-group16-sha512", lambda: finite_field(16)),
        ("mlkem768x25519-sha256", lambda: hybrid(_MLKEM768_BYTES)),
        ("sntrup761x25519-sha512", lambda: hybrid(_SNTRUP761_BYTES)),
        ("sntrup761x25519-sha512@openssh.com", lambda: hybrid(_SNTRUP761_BYTES)),
        ("diffie-hellman-group17-sha512", lambda: finite_field(17)),
        ("diffie-hellman-group18-sha512", lambda: finite_field(18)),
        ("diffie-hellman-group1-sha1", lambda: finite_field(1)),
    )
    return dict(named)


#: ``c`` of the prime ``2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) * pi) + c)`` (RFC 2409 §6.2, RFC 3526), by group.
_OFFSETS = {1: (1024, 129093), 14: (2048, 124476), 15: (3072, 1690314), 16: (4096, 240904), 17: (6144, 929484)}
_OFFSETS |= {18: (8192, 4743158)}


@cache
def oakley_prime(group: int) -> int:
    """The modulus of a fixed group."""
    bits, offset = _OFFSETS[group]
    return (1 << bits) - (1 << bits - 64) - 1 + ((_pi_floor(bits - 130) + offset) << 64)


def _pi_floor(bits: int) -> int:
    """floor(2^bits * pi), by Machin's formula with 64 bits to spare."""
    one = 1 << bits + 64

    def arctan_inverse(x: int) -> int:
        total, term, divisor, sign = 0, one // x, 1, 1
        while term:
            total += sign * (term // divisor)
            term //= x * x
            divisor, sign = divisor + 2, -sign
        return total

    return 4 * (4 * arctan_inverse(5) - arctan_inverse(239)) >> 64
