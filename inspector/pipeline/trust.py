"""Trust material: roots and anchors, as settings name them and as a capture stores them."""

from __future__ import annotations

import base64
import binascii
import re
import ssl
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from inspector.collect.collector import Trust
from inspector.declare.settings import Settings
from inspector.model.base import Same
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.model.regular_file import read_regular

#: The most bytes of a file of roots.
_MOST_BYTES = 64 * 2**20

_BEGIN = rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----"
_BLOCK = re.compile(_BEGIN + rb"(?P<body>.*?)(?P<end>-----END CERTIFICATE-----|-----END|\Z)", re.DOTALL)
_SEQUENCE = b"\x30"


def load_trust(settings: Settings) -> dict[str, bytes]:
    """The trust material that settings point to, by name in the capture; files are read once for these settings.

    Of files of declared roots only the certificates are taken. Raises UsageError where one of them cannot be read; of
    public roots, of which there are many, the parser leaves out such a one.
    """
    return dict(_loaded(Same(settings)))


@lru_cache(maxsize=4)
def _loaded(known: Same[Settings]) -> dict[str, bytes]:
    import certifi

    settings = known.value
    try:
        declared = [root for path in settings.trust_roots for root in _declared(path)]
        public = read_regular(settings.public_roots or Path(certifi.where()), _MOST_BYTES)
    except OSError as error:
        raise UsageError(
            FormattedMessage(
                "trust roots cannot be read: {file}: {reason}", file=error.filename, reason=error.strerror
            ),
            remedy="correct trust_roots or public_roots in the settings",
        ) from None
    if settings.public_roots and not _BLOCK.search(public):
        raise _none_in(settings.public_roots)
    return {
        "declared-roots.pem": b"".join(declared),
        "public-roots.pem": public,
        "dnssec-anchors.txt": "\n".join(settings.dnssec_anchors).encode(),
    }


def _declared(path: Path) -> Iterator[bytes]:
    """The declared roots in a file or a folder of files, in PEM."""
    members = sorted(path.glob("*.pem")) + sorted(path.glob("*.crt")) if path.is_dir() else [path]
    for member in members:
        yield from _roots(member, read_regular(member, _MOST_BYTES))
    if not members:
        raise _none_in(path)


def _roots(file: Path, data: bytes) -> Iterator[bytes]:
    """The certificates in a file, in PEM; raises UsageError at the first that cannot be read."""
    if data.startswith(_SEQUENCE):
        found: Iterable[tuple[int, bytes | None]] = [(1, data)]
    else:
        found = [(1 + data.count(b"\n", 0, each.start()), _decoded(each)) for each in _BLOCK.finditer(data)]
    if not found:
        raise _none_in(file)
    for line, der in found:
        if der is None or not _is_certificate(der):
            raise UsageError(
                FormattedMessage("{file}:{line}: the certificate cannot be read", file=file, line=line),
                remedy="replace it by a whole certificate in PEM or DER, or remove it from trust_roots",
            )
        yield ssl.DER_cert_to_PEM_cert(der).encode()


def _decoded(block: re.Match[bytes]) -> bytes | None:
    try:
        body = base64.b64decode(b"".join(block["body"].split()), validate=True)
    except binascii.Error:
        return None
    return body if block["end"].endswith(b"-----") else None


def _is_certificate(der: bytes) -> bool:
    """Whether OpenSSL reads it, which is less strict than libraries that want DER."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=der)
    except ssl.SSLError:
        return False
    return True


def _none_in(path: Path) -> UsageError:
    return UsageError(
        FormattedMessage("no certificate in {file}", file=path),
        remedy="correct trust_roots or public_roots in the settings",
    )


def trust_of(material: Mapping[str, bytes]) -> Trust:
    """Trust material as parsers take it."""
    anchors = material.get("dnssec-anchors.txt", b"").decode().splitlines()
    return Trust(
        declared_roots=material.get("declared-roots.pem", b""),
        public_roots=material.get("public-roots.pem", b""),
        dnssec_anchors=tuple(line for line in anchors if line.strip()),
    )


@lru_cache(maxsize=4)
def shared_trust(material: tuple[tuple[str, bytes], ...]) -> Trust:
    """Trust material as parsers take it; the same object for all inspections that have the same."""
    return trust_of(dict(material))


@lru_cache(maxsize=4)
def roots_of(public: bytes, declared: bytes) -> bytes:
    """All roots in one, the same object for all inspections that have the same."""
    return public + b"\n" + declared
