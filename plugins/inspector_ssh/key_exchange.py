"""The client's part of a key exchange, up to the server's reply with its host key; no keys are derived.

The signature of the server is not verified: a server that shows a key that is not its own fails with every client.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable
from functools import cache
from typing import Final

from inspector_ssh.observations import Algorithms
from inspector_ssh.wire import Fields, Message, malformed, mpint, string

#: Diffie-Hellman group exchange (RFC 4419).
GROUP_EXCHANGE: Final = ("diffie-hellman-group-exchange-sha256", "diffie-hellman-group-exchange-sha1")
#: Least, preferred and most bits in the request for a group.
_REQUESTED_BITS = (1024, 1024, 8192)
#: Secret exponents of 256 bits suffice for groups of up to 3072 bits, and no secret is kept here.
_EXPONENT_BYTES = 32
_MLKEM768_BYTES, _SNTRUP761_BYTES = 1184, 1158
_SEED_BYTES = 32


def method_for(server: Algorithms) -> str | None:
    """The cheapest method that the server offers and this client has; None where there is none."""
    return next((name for name in (*_public_values(), *GROUP_EXCHANGE) if name in server.key_exchange), None)


def group_exchange_for(server: Algorithms) -> str | None:
    """The method of group exchange that the server offers."""
    return next((name for name in GROUP_EXCHANGE if name in server.key_exchange), None)


def opening(method: str) -> bytes:
    """The payload by which the client begins the key exchange."""
    if method in GROUP_EXCHANGE:
        return struct.pack(">B3I", Message.GEX_REQUEST, *_REQUESTED_BITS)
    return bytes((Message.KEX_INIT,)) + _public_values()[method]()


def continuation(group: bytes) -> bytes:
    """The payload that answers the server's group (RFC 4419 §3)."""
    modulus, generator = read_group(group)
    return bytes((Message.GEX_INIT,)) + mpint(_power(generator, modulus))


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


def _power(generator: int, modulus: int) -> int:
    return pow(generator, int.from_bytes(os.urandom(_EXPONENT_BYTES), "big") | 1 << 200, modulus) or 1


@cache
def _public_values() -> dict[str, Callable[[], bytes]]:
    """By method, what makes the client's public value, as it stands in its message; cheapest for the server first."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    def x25519() -> bytes:
        return X25519PrivateKey.generate().public_key().public_bytes_raw()

    def point(curve: ec.EllipticCurve) -> bytes:
        key = ec.generate_private_key(curve).public_key()
        return string(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))

    def hybrid(size: int) -> bytes:
        # A valid encapsulation key of which nobody knows the secret: the client needs no shared secret.
        return string(bytes(size - _SEED_BYTES) + os.urandom(_SEED_BYTES) + x25519())

    def finite_field(group: int) -> bytes:
        return mpint(_power(2, oakley_prime(group)))

    named: Iterable[tuple[str, Callable[[], bytes]]] = (
        ("curve25519-sha256", lambda: string(x25519())),
        ("curve25519-sha256@libssh.org", lambda: string(x25519())),
        ("ecdh-sha2-nistp256", lambda: point(ec.SECP256R1())),
        ("ecdh-sha2-nistp384", lambda: point(ec.SECP384R1())),
        ("ecdh-sha2-nistp521", lambda: point(ec.SECP521R1())),
        ("mlkem768x25519-sha256", lambda: hybrid(_MLKEM768_BYTES)),
        ("sntrup761x25519-sha512", lambda: hybrid(_SNTRUP761_BYTES)),
        ("sntrup761x25519-sha512@openssh.com", lambda: hybrid(_SNTRUP761_BYTES)),
        ("diffie-hellman-group14-sha256", lambda: finite_field(14)),
        ("diffie-hellman-group14-sha1", lambda: finite_field(14)),
        ("diffie-hellman-group15-sha512", lambda: finite_field(15)),
        ("diffie-hellman-group16-sha512", lambda: finite_field(16)),
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
