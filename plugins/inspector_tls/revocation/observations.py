"""What is written down of revocation: whom each certificate names, what they said, and what that comes to."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from inspector import Answer, Cause, Model, Observation
from inspector.model.base import Instant
from inspector_tls.certificates.observations import Status


class Protocol(StrEnum):
    """How a source is asked: OCSP (RFC 6960), or by fetching a certificate revocation list (RFC 5280 §5)."""

    OCSP = "ocsp"
    CRL = "crl"


class Doubt(StrEnum):
    """Why what a source said proves nothing.

    ``unsuccessful``: the responder only says that it could not answer; ``other-nonce``: it answers another question
    than ours; ``undated``: it does not say until when it holds, and is a day old; ``other-scope``: the list says that
    it is not about such certificates, or not about all reasons; ``partial``: the list only tells what changed;
    ``unknown-extension``: it holds something critical that is not understood here.
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
    NOT_JUDGED = "not-judged"


class Word(Model):
    """What a source said of one certificate, judged at the instant of the scan; to be believed only without ``doubt``.

    ``reason`` is a CRLReason as RFC 5280 §5.3.1 names it; ``number`` the number of the list.
    """

    status: Status | None = None
    this_update: Instant | None = None
    next_update: Instant | None = None
    revoked_at: Instant | None = None
    reason: str | None = None
    number: str | None = None
    doubt: Doubt | None = None


class Source(Model):
    """One place that a certificate names: what it said, or the cause for which it said nothing."""

    protocol: Protocol
    url: str
    word: Word | None = None
    cause: Cause | None = None
    detail: str = ""


class Exempt(StrEnum):
    """Why nobody is asked about a certificate.

    ``self-signed``: nobody stands above it; ``short-lived``: by the CA/Browser Forum's rules it needs no revocation
    (Baseline Requirements §1.6.1: at most 10 days, 7 if issued from 15 March 2026); ``unnamed``: it names nobody.
    """

    SELF_SIGNED = "self-signed"
    SHORT_LIVED = "short-lived"
    UNNAMED = "unnamed"


class Examined(Model):
    """One certificate: what its sources together say of it. ``status`` of an exempt one is unseen (not selected).

    A sound *revoked* of any source counts before *unknown*, and that before *good*.
    """

    sha256: str
    subject: str
    serial: str
    exempt: Exempt | None = None
    status: Answer[Status]
    sources: tuple[Source, ...] = ()

    def sources_of(self, status: Status) -> tuple[Source, ...]:
        """The sources that soundly say this."""
        return tuple(
            each for each in self.sources if each.word and each.word.doubt is None and each.word.status is status
        )

    @property
    def doubtful(self) -> tuple[tuple[Source, Doubt], ...]:
        """The sources whose word proves nothing, and why."""
        return tuple((each, each.word.doubt) for each in self.sources if each.word and each.word.doubt)


class Revocation(Observation):
    """The revocation of the certificates that one port at one address presents, its own and the intermediates.

    ``complete`` is unseen where the server may have certificates that were not seen.
    """

    kind: ClassVar[str] = "revocation/1"

    seen_at: Instant
    complete: Answer[bool]
    certificates: tuple[Examined, ...] = ()
