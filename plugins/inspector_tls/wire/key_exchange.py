"""The server's ephemeral key, as its ServerKeyExchange shows it (RFC 5246 §7.4.3, 8422 §5.4, 4279, 2246 §7.4.3)."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import NamedTuple

from inspector_tls.wire.code_points import Group, Suite, groups
from inspector_tls.wire.encoding import Malformed, Reader
from inspector_tls.wire.safe_primes import is_trivial
from inspector_tls.wire.versions import TlsVersion

_NAMED_CURVE = 3


class EphemeralKey(NamedTuple):
    """An ephemeral key: on a named ``group``, or modulo ``prime`` (big endian, no leading zeros).

    ``public`` is the SHA-256 of the public value; ``is_trivial``: no secret can be agreed with this generator
    or public value; ``signature`` the code of the scheme it is signed with, where the
    version states it (TLS 1.2). ``rsa_bits`` is the size of a short RSA key for export.
    """

    group: int | None = None
    prime: bytes = b""
    generator: bytes = b""
    public: str = ""
    is_trivial: bool = False
    signature: int | None = None
    rsa_bits: int | None = None

    @property
    def bits(self) -> int:
        """The size of the prime in bits."""
        return int.from_bytes(self.prime, "big").bit_length()


def read_key(body: bytes, suite: Suite, version: TlsVersion) -> EphemeralKey | None:
    """The key in a ServerKeyExchange; None when it is malformed or of another kind (SRP, ECCPWD, a PSK hint)."""
    reader = Reader(body)
    is_signed = version is TlsVersion.TLS_1_2 and suite.is_signed
    try:
        if suite.authentication == "PSK":
            reader.vector(2)
        if suite.on_curve:
            return _on_curve(reader, is_signed=is_signed)
        if suite.uses_prime:
            return _modulo_prime(reader, is_signed=is_signed)
        if suite.key_exchange == "RSA" and suite.export:
            return EphemeralKey(rsa_bits=int.from_bytes(reader.vector(2), "big").bit_length())
    except Malformed:
        return None
    return None


def _on_curve(reader: Reader, *, is_signed: bool) -> EphemeralKey | None:
    if reader.number(1) != _NAMED_CURVE:
        return None
    group, public = reader.number(2), reader.vector(1)
    signature = reader.number(2) if is_signed else None
    return EphemeralKey(group=group, public=hashlib.sha256(public).hexdigest(), signature=signature)


def _modulo_prime(reader: Reader, *, is_signed: bool) -> EphemeralKey:
    prime, generator, public = (reader.vector(2).lstrip(b"\0") for _ in range(3))
    signature = reader.number(2) if is_signed else None
    modulus = int.from_bytes(prime, "big")
    return EphemeralKey(
        prime=prime,
        generator=generator,
        public=hashlib.sha256(public).hexdigest(),
        is_trivial=any(is_trivial(int.from_bytes(each, "big"), modulus) for each in (generator, public)),
        signature=signature,
    )


def certificate_curve(der: bytes) -> Group | None:
    """The group whose curve the key of a certificate is on; None for other keys and for unknown curves.

    The key's algorithm is id-ecPublicKey with a named curve (RFC 5480 §2.1.1): the two identifiers are adjacent.
    """
    at = der.find(_EC_PUBLIC_KEY)
    if at < 0:
        return None
    rest = der[at + len(_EC_PUBLIC_KEY) :]
    return next((group for group in groups().values() if group.curve and rest.startswith(_identifier(group))), None)


_EC_PUBLIC_KEY = bytes.fromhex("06072a8648ce3d0201")


@cache
def _identifier(group: Group) -> bytes:
    """The DER of an object identifier (ITU-T X.690 §8.19)."""
    first, second, *others = map(int, group.curve.split("."))
    content = bytearray((40 * first + second,))
    for number in others:
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.append(0x80 | (number & 0x7F))
        content += bytes(reversed(digits))
    return bytes((6, len(content))) + bytes(content)
