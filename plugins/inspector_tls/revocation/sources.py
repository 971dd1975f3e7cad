"""Which sources of which certificates are asked, and what was received from them: written by the scan."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from inspector import Answer, Cause, Model
from inspector_tls.certificates.observations import Certificate, Certificates
from inspector_tls.revocation.observations import Exempt, Protocol

#: The most certificates of one server, and the most sources of each protocol per certificate.
MAX_CERTIFICATES = 6
MAX_SOURCES = 2
#: The prefix of the CA/Browser Forum's policy identifiers (Baseline Requirements §7.1.6.1).
_PUBLIC_POLICIES = "2.23.140.1."
#: The extensions that name sources.
_SOURCES = frozenset({"extensions", "authorityInfoAccess", "cRLDistributionPoints"})
#: Short-lived certificates issued from this date on are valid for at most 7 days, not 10 (Baseline Requirements
#: §1.6.1).
_SHORTER_FROM = datetime(2026, 3, 15, tzinfo=UTC)


class AskedSource(Model):
    """One source of one certificate: names of the raw bytes sent and received, or why nothing was received."""

    protocol: Protocol
    url: str
    sent: str | None = None
    received: str | None = None
    cause: Cause | None = None
    detail: str = ""


class Question(Model):
    """One certificate, from the observation of certificates, and its sources."""

    certificate: Certificate
    sources: tuple[AskedSource, ...] = ()


class Questions(Model):
    """All questions of one scan; ``complete`` is unseen where some clients may get certificates that were not seen."""

    complete: Answer[bool]
    questions: tuple[Question, ...] = ()


def exempt(certificate: Certificate) -> Exempt | None:
    """Why no source is asked about the certificate, or None."""
    if certificate.self_issued:
        return Exempt.SELF_SIGNED
    if not certificate.ocsp and not certificate.crls and _SOURCES.isdisjoint(certificate.malformed):
        return Exempt.UNNAMED
    public = any(each.startswith(_PUBLIC_POLICIES) for each in certificate.policies)
    if not public or certificate.authority or certificate.is_malformed("validity"):
        return None
    days = 7 if certificate.starts >= _SHORTER_FROM else 10
    if certificate.lifetime_days <= days:
        return Exempt.SHORT_LIVED
    return None


def questions(certificates: Certificates) -> Questions:
    """The questions about the certificates that clients of a host get, and about their intermediates."""
    relied = {each.sha256: each for chain in certificates.served for each in chain.signed}
    unseen = next((each.unseen for each in certificates.leaves_by_kind.answers if each.unseen is not None), None)
    return Questions(
        complete=Answer(seen=True) if unseen is None else Answer(unseen=unseen),
        questions=tuple(
            Question(certificate=each, sources=tuple(_sources(each, asked=index < MAX_CERTIFICATES)))
            for index, each in enumerate(relied.values())
        ),
    )


def _sources(certificate: Certificate, *, asked: bool) -> Iterator[AskedSource]:
    if exempt(certificate) is not None:
        return
    for protocol, urls in ((Protocol.OCSP, certificate.ocsp), (Protocol.CRL, certificate.crls)):
        for index, url in enumerate(urls):
            if asked and index < MAX_SOURCES:
                yield AskedSource(protocol=protocol, url=url)
            else:
                yield AskedSource(protocol=protocol, url=url, cause=Cause.ABORTED, detail="too many sources")
