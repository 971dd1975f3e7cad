"""Trust material: roots and anchors, as settings name them and as a capture stores them."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from inspector.collect.collector import Trust
from inspector.declare.settings import Settings
from inspector.model.base import Same
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.model.public_roots import PublicRoots
from inspector.model.regular_file import read_regular
from inspector.model.table import Table
from inspector.tables.public_roots import MOST_BYTES, certificates_in, no_certificate_in, unreadable_roots

_SEQUENCE = b"\x30"


def load_trust(settings: Settings) -> dict[str, bytes]:
    """Declared roots and anchors of these settings, by name in the capture; files are read once.

    Of files of declared roots only the certificates are taken. Raises UsageError where one of them cannot be read.
    """
    return dict(_loaded(Same(settings)))


@lru_cache(maxsize=4)
def _loaded(known: Same[Settings]) -> dict[str, bytes]:
    settings = known.value
    try:
        declared = [root for path in settings.trust_roots for root in _declared(path)]
    except OSError as error:
        raise unreadable_roots(error) from None
    return {
        "declared-roots.pem": b"".join(declared),
        "dnssec-anchors.txt": "\n".join(settings.dnssec_anchors).encode(),
    }


def _declared(path: Path) -> Iterator[bytes]:
    """The declared roots in a file or a folder of files, in PEM."""
    members = sorted(path.glob("*.pem")) + sorted(path.glob("*.crt")) if path.is_dir() else [path]
    for member in members:
        yield from _roots(member, read_regular(member, MOST_BYTES))
    if not members:
        raise no_certificate_in(path)


def _roots(file: Path, data: bytes) -> Iterator[bytes]:
    """The certificates in a file, in PEM; raises UsageError at the first that cannot be read."""
    if data.startswith(_SEQUENCE):
        found: Iterable[tuple[int, bytes | None]] = [(1, data)]
    else:
        found = [(line, der) for line, _, der in certificates_in(data)]
    if not found:
        raise no_certificate_in(file)
    for line, der in found:
        if der is None or not _is_certificate(der):
            raise UsageError(
                FormattedMessage("{file}:{line}: the certificate cannot be read", file=file, line=line),
                remedy="replace it by a whole certificate in PEM or DER, or remove it from trust_roots",
            )
        yield ssl.DER_cert_to_PEM_cert(der).encode()


def _is_certificate(der: bytes) -> bool:
    """Whether OpenSSL reads it, which is less strict than libraries that want DER."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=der)
    except ssl.SSLError:
        return False
    return True


def trust_of(material: Mapping[str, bytes], tables: Iterable[Table]) -> Trust:
    """Trust material as parsers take it: what a capture has by name, and the table of public roots among its tables.

    The same object for all inspections that have the same.
    """
    public = material.get("public-roots.pem") or _public(tables)  # captures had a file of them before the table
    return _trust(material.get("declared-roots.pem", b""), public, material.get("dnssec-anchors.txt", b""))


@lru_cache(maxsize=4)
def _trust(declared: bytes, public: bytes, anchors: bytes) -> Trust:
    lines = tuple(line for line in anchors.decode().splitlines() if line.strip())
    return Trust(declared_roots=declared, public_roots=public, dnssec_anchors=lines)


def _public(tables: Iterable[Table]) -> bytes:
    """The public roots in PEM; none where there is no such table, or it is malformed, as that of a bundle may be."""
    table = next((each for each in tables if each.kind == PublicRoots.kind), None)
    with suppress(ValueError):
        return b"" if table is None else _pem(Same(table))
    return b""


@lru_cache(maxsize=4)
def _pem(table: Same[Table]) -> bytes:
    return PublicRoots.of(table.value).pem


@lru_cache(maxsize=4)
def roots_of(public: bytes, declared: bytes) -> bytes:
    """All roots in one, the same object for all inspections that have the same."""
    return public + b"\n" + declared
