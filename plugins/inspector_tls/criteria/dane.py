"""Criteria of DANE for mail servers (RFC 7672): which TLSA records senders use, and which ones match. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from hashlib import sha256

from inspector import NotSeen
from inspector_tls.certificates.observations import Certificates, Chain, has_ended
from inspector_tls.mta_sts.observations import Digests, MailServer, TlsaRecord

#: Usages that senders apply (RFC 7672 §3.1): DANE-TA and DANE-EE. PKIX-TA and PKIX-EE are unusable (§3.1.3).
TRUST_ANCHOR, END_ENTITY = 2, 3
_WHOLE, _SHA256, _SHA512 = 0, 1, 2
_HEX_DIGITS = {_SHA256: 64, _SHA512: 128}
_CERTIFICATE, _KEY = 0, 1


class DaneFault(StrEnum):
    """Why senders that support DANE refuse a mail server, as message text."""

    NO_TLS = "it does not begin TLS"
    NO_MATCH = "no TLSA record matches its certificate"
    NAME = "a trust anchor matches, but its certificate does not name it"
    DATES = "a trust anchor matches, but a certificate is not within its validity"


def is_usable(record: TlsaRecord) -> bool:
    """Whether senders can apply a record (RFC 7672 §3.1, §3.1.3; RFC 6698 §2.1)."""
    known = record.usage in (TRUST_ANCHOR, END_ENTITY) and record.selector in (_CERTIFICATE, _KEY)
    if not known or record.matching not in (_WHOLE, _SHA256, _SHA512) or not record.data:
        return False
    return record.matching == _WHOLE or len(record.data) == _HEX_DIGITS[record.matching]


def matches(record: TlsaRecord, digests: Digests) -> bool:
    """Whether a usable record is about a certificate (RFC 6698 §2.1.4)."""
    is_key = record.selector == _KEY
    if record.matching == _SHA512:
        return record.data == (digests.key_sha512 if is_key else digests.certificate_sha512)
    data = record.data if record.matching == _SHA256 else sha256(bytes.fromhex(record.data)).hexdigest()
    return data == (digests.key if is_key else digests.certificate)


def dane_fault(records: Sequence[TlsaRecord], server: MailServer) -> DaneFault | None:
    """Why senders refuse the server under these usable records; raises ``NotSeen``.

    Every certificate that the server may present has to match one record: which one a sender gets depends on the
    algorithms that it offers.
    """
    certificates = server.certificates.value
    if certificates is None:
        return DaneFault.NO_TLS
    digests = {each.certificate: each for each in server.digests}
    for chain in certificates.served:
        fault = _fault(records, chain, certificates, digests, server)
        if fault is not None:
            return fault
    return None if certificates.complete() else DaneFault.NO_MATCH


def _fault(
    records: Sequence[TlsaRecord],
    chain: Chain,
    certificates: Certificates,
    digests: dict[str, Digests],
    server: MailServer,
) -> DaneFault | None:
    leaf = digests[chain.leaf.sha256]
    if any(record.usage == END_ENTITY and matches(record, leaf) for record in records):
        return None  # neither names nor dates count (RFC 7672 §3.1.1)
    path = _path_to_anchor(records, chain, digests)
    if path is None:
        return DaneFault.NO_MATCH
    if not (certificates.is_named_by(chain.leaf) or chain.leaf.names(server.domain)):
        return DaneFault.NAME  # the name of the host or of the domain (§3.2.2)
    at = certificates.seen_at
    dated = all(
        each.starts <= at and not has_ended(each.ends, at) for each in chain.certificates if each.sha256 in path
    )
    return None if dated else DaneFault.DATES


def _path_to_anchor(records: Sequence[TlsaRecord], chain: Chain, digests: dict[str, Digests]) -> set[str] | None:
    """The digests from the leaf up to a certificate that a record of usage 2 names; None without one.

    The anchor is among the certificates that are sent: servers must send it (RFC 7672 §3.1.2). Raises ``NotSeen``
    where the signatures were not verified.
    """
    above = [record for record in records if record.usage == TRUST_ANCHOR]
    if not above:
        return None
    issuers = {(each.certificate, each.issuer) for each in chain.signatures.value}
    path, line = {chain.leaf.sha256}, [chain.leaf.sha256]
    for below in line:
        for certificate, issuer in sorted(issuers):
            if certificate != below or issuer in path:
                continue
            path.add(issuer)
            if any(matches(record, digests[issuer]) for record in above):
                return path
            line.append(issuer)
    return None


def matched(records: Sequence[TlsaRecord], servers: Sequence[MailServer]) -> tuple[TlsaRecord, ...]:
    """The records that name a certificate which one of the servers presents, as its own or above it."""
    presented = []
    for server in servers:
        try:
            certificates = server.certificates.value
        except NotSeen:
            continue
        leaves = {chain.leaf.sha256 for chain in certificates.chains} if certificates else set()
        presented += [(each, each.certificate in leaves) for each in server.digests]
    return tuple(
        record
        for record in records
        if is_usable(record)
        and any(matches(record, each) and (is_leaf or record.usage == TRUST_ANCHOR) for each, is_leaf in presented)
    )
