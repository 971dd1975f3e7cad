"""The observation of revocation: the sources that each certificate names, their answers, and the result."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from inspector import Answer, Cause, Instant, Model, Observation
from inspector_tls.certificates.observations import Status


class Protocol(StrEnum):
    """The protocol of a source: OCSP (RFC 6960), or by fetching a certificate revocation list (RFC 5280 §5)."""

    OCSP = "ocsp"
    CRL = "crl"


class AnswerFlaw(StrEnum):
    """Why an answer proves nothing.

    ``unsuccessful``: the responder reports that it could not answer; ``other-nonce``: it answers another request;
    ``undated``: it has no end of validity, and is a day old; ``other-scope``: the list excludes such certificates, or
    some reasons; ``partial``: a delta CRL; ``unknown-extension``: it has a critical extension that is not supported
    here; ``unsupported-algorithm``: it is signed by an algorithm that is not supported here.
    """

    MALFORMED = "malformed"
    UNSUCCESSFUL = "unsuccessful"
    OTHER_CERTIFICATE = "other-certificate"
    OTHER_NONCE = "other-nonce"
    OTHER_ISSUER = "other-issuer"
    OTHER_SCOPE = "other-scope"
    WRONG_RESPONDER = "wrong-responder"
    BAD_SIGNATURE = "bad-signature"
    NOT_YET_VALID = "not-yet-valid"
    EXPIRED = "expired"
    UNDATED = "undated"
    PARTIAL = "partial"
    UNKNOWN_EXTENSION = "unknown-extension"
    UNSUPPORTED_ALGORITHM = "unsupported-algorithm"


class RevocationAnswer(Model):
    """The answer of one source about one certificate, valid at the instant of the scan where it has no ``flaw``.

    ``reason`` is a CRLReason as RFC 5280 §5.3.1 names it; ``number`` the CRL number.
    """

    status: Status | None = None
    this_update: Instant | None = None
    next_update: Instant | None = None
    revoked_at: Instant | None = None
    reason: str | None = None
    number: str | None = None
    flaw: AnswerFlaw | None = None


class Source(Model):
    """One source that a certificate names: its answer, or the cause for which there is none."""

    protocol: Protocol
    url: str
    answer: RevocationAnswer | None = None
    cause: Cause | None = None
    detail: str = ""


class Exempt(StrEnum):
    """Why no source is asked about a certificate.

    ``self-signed``: it has no issuer that could revoke it; ``short-lived``: by the CA/Browser Forum's rules it needs no
    revocation (Baseline Requirements §1.6.1: at most 10 days, 7 if issued from 15 March 2026); ``unnamed``: it names no
    source.
    """

    SELF_SIGNED = "self-signed"
    SHORT_LIVED = "short-lived"
    UNNAMED = "unnamed"


class CertificateStatus(Model):
    """The status of one certificate by all its sources; that of an exempt one is unseen (not selected).

    A valid *revoked* of any source counts before *unknown*, and that before *good*.
    """

    sha256: str
    subject: str
    serial: str
    exempt: Exempt | None = None
    status: Answer[Status]
    sources: tuple[Source, ...] = ()

    def sources_of(self, status: Status) -> tuple[Source, ...]:
        """The sources whose answers are valid and have this status."""
        return tuple(
            each for each in self.sources if each.answer and each.answer.flaw is None and each.answer.status is status
        )

    @property
    def flawed(self) -> tuple[tuple[Source, AnswerFlaw], ...]:
        """The sources whose answers prove nothing, and why."""
        return tuple((each, each.answer.flaw) for each in self.sources if each.answer and each.answer.flaw)


class Revocation(Observation):
    """The revocation of the certificates that one port at one address presents, its own and the intermediates.

    ``seen_at`` is the instant of the scan; ``complete`` is unseen where the server may have certificates that were not
    seen.
    """

    kind: ClassVar[str] = "revocation/1"

    seen_at: Instant
    complete: Answer[bool]
    certificates: tuple[CertificateStatus, ...] = ()
