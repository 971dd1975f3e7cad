"""The messages by which a server presents certificates (RFC 8446 §4.4.2, 5246 §7.4.2, 6066 §8, 6962 §3.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from inspector_tls.wire.client_hello import STATUS_REQUEST, TIMESTAMPS
from inspector_tls.wire.encoding import Malformed, Reader, tagged, vectors

_OCSP = 1


@dataclass(frozen=True, slots=True)
class Presented:
    """Certificates (DER), the server's own first, with the OCSP response and the timestamps sent along."""

    certificates: tuple[bytes, ...]
    staple: bytes = b""
    timestamps: bytes = b""

    @classmethod
    def parse_clear(cls, body: bytes) -> Presented:
        """The Certificate message of TLS 1.2 and older; raises Malformed."""
        return cls(_some(certificate_list(body)))

    @classmethod
    def parse_encrypted(cls, body: bytes) -> Presented:
        """The decrypted Certificate message of TLS 1.3; raises Malformed."""
        reader = Reader(body)
        reader.vector(1)
        entries = Reader(reader.vector(3))
        found: list[tuple[bytes, bytes]] = []
        while entries.left:
            found.append((entries.vector(3), entries.vector(2)))
        of_each = [dict(tagged(extensions)) for _, extensions in found]
        certificates = _some(der for der, _ in found)
        status = of_each[0].get(STATUS_REQUEST)
        staple = parse_status(status) if status else b""
        if staple is None:
            raise Malformed("a certificate status of an unknown type")
        return cls(certificates, staple, of_each[0].get(TIMESTAMPS, b""))


def certificate_list(body: bytes) -> tuple[bytes, ...]:
    """The certificates in a Certificate message of TLS 1.2 and older; raises Malformed."""
    return tuple(vectors(Reader(body).vector(3), 3))


def _some(certificates: tuple[bytes, ...] | Iterator[bytes]) -> tuple[bytes, ...]:
    found = tuple(certificates)
    if not found:
        raise Malformed("a certificate message without certificates")
    return found


def parse_status(body: bytes) -> bytes | None:
    """The OCSP response in a CertificateStatus (RFC 6066 §8); None for another type; raises Malformed."""
    reader = Reader(body)
    return reader.vector(3) if reader.number(1) == _OCSP else None


def parse_timestamps(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Log and milliseconds since 1970 of each timestamp of version 1 in a list (RFC 6962 §3.2); raises Malformed."""
    for item in vectors(Reader(data).vector(2), 2):
        reader = Reader(item)
        if reader.number(1) == 0:
            yield reader.take(32), reader.number(8)
