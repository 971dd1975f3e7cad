"""The server's ephemeral key, as its ServerKeyExchange shows it (RFC 5246 §7.4.3, 8422 §5.4, 4279, 2246 §7.4.3)."""

from __future__ import annotations

import hashlib
import struct
from functools import cache
from typing import NamedTuple

from inspector_tls.wire.code_points import Group, Suite, groups
from inspector_tls.wire.versions import TlsVersion

_NAMED_CURVE = 3


class EphemeralKey(NamedTuple):
    """A key of the moment: on a named ``group``, or modulo ``prime`` (big endian, no leading zeros).

    ``public`` is the SHA-256 of the public value; ``signature`` the code of the scheme it is signed with, where the
    version says so (TLS 1.2). ``rsa_bits`` is the size of a short RSA key for export.
    """

    group: int | None = None
    prime: bytes = b""
    generator: bytes = b""
    public: str = ""
    signature: int | None = None
    rsa_bits: int | None = None

    @property
    def bits(self) -> int:
        """The size of the prime in bits."""
        return int.from_bytes(self.prime, "big").bit_length()

    @property
    def prime_sha256(self) -> str:
        """The name of the prime in the table of well-known ones."""
        return hashlib.sha256(self.prime).hexdigest()


def read_key(body: bytes, suite: Suite, version: TlsVersion) -> EphemeralKey | None:
    """The key in a ServerKeyExchange; None when it is malformed or of a kind that is not read (SRP, ECCPWD, a hint)."""
    try:
        at = 2 + struct.unpack_from(">H", body, 0)[0] if suite.authentication == "PSK" else 0
        if suite.on_curve:
            return _on_curve(body, at, suite, version)
        if suite.key_exchange == "DHE" or suite.authentication == "anon":
            return _modulo(body, at, suite, version)
        if suite.key_exchange == "RSA" and suite.export:
            modulus, _end = _opaque(body, at)
            return EphemeralKey(rsa_bits=int.from_bytes(modulus, "big").bit_length())
    except (struct.error, IndexError):
        return None
    return None


def _on_curve(body: bytes, at: int, suite: Suite, version: TlsVersion) -> EphemeralKey | None:
    kind, group, length = struct.unpack_from(">BHB", body, at)
    if kind != _NAMED_CURVE:
        return None
    end = at + 4 + length
    public = body[at + 4 : end]
    return EphemeralKey(
        group=group, public=hashlib.sha256(public).hexdigest(), signature=_scheme(body, end, suite, version)
    )


def _modulo(body: bytes, at: int, suite: Suite, version: TlsVersion) -> EphemeralKey:
    prime, at = _opaque(body, at)
    generator, at = _opaque(body, at)
    public, at = _opaque(body, at)
    return EphemeralKey(
        prime=prime.lstrip(b"\0"),
        generator=generator.lstrip(b"\0"),
        public=hashlib.sha256(public.lstrip(b"\0")).hexdigest(),
        signature=_scheme(body, at, suite, version),
    )


def _scheme(body: bytes, at: int, suite: Suite, version: TlsVersion) -> int | None:
    if version is not TlsVersion.TLS_1_2 or not suite.is_signed:
        return None
    return int(struct.unpack_from(">H", body, at)[0])


def _opaque(body: bytes, at: int) -> tuple[bytes, int]:
    length = struct.unpack_from(">H", body, at)[0]
    end = at + 2 + length
    if end > len(body):
        raise IndexError("cut short")
    return body[at + 2 : end], end


def certificate_curve(der: bytes) -> Group | None:
    """The group on whose curve the key of a certificate lies; None where it lies on none that has a name here.

    The key's algorithm is id-ecPublicKey with a named curve (RFC 5480 §2.1.1): the two identifiers stand side by side.
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
