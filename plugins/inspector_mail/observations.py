"""The observation that the mail probe records."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal

from inspector import Answer, Model, Observation

#: The address family of a sender.
SenderFamily = Literal["IPv4", "IPv6"]


class SpfResult(StrEnum):
    """The result of SPF evaluation for a sender (RFC 7208 §2.6), weakest first."""

    PASS = "pass"
    NEUTRAL = "neutral"
    SOFTFAIL = "softfail"
    FAIL = "fail"


class SpfFault(StrEnum):
    """Why SPF evaluation ends in permerror (RFC 7208 §2.6.7), or finds no record (*none*, §2.6.1), as message text."""

    MISSING = "no SPF record"
    SEVERAL = "more than one SPF record"
    SYNTAX = "a term has a syntax error"
    LOOKUPS = "more than 10 DNS lookups"
    VOID_LOOKUPS = "more than 2 void DNS lookups"
    EXCHANGERS = "an mx term has more than 10 MX records"
    TARGET = "the target of a term is not a domain name"


class SpfEvaluation(Model):
    """The SPF evaluation for other senders: those that the record does not name, and most of the address space.

    ``result`` is the weakest result that they get, None with a ``fault``: then ``at`` is the domain whose record has
    it, and ``term`` the term. ``senders``: the family of the senders that get it, None for both. ``lookups`` and
    ``void_lookups`` count the terms with DNS lookups (RFC 7208 §4.6.4), for the family with more of them.
    """

    fault: SpfFault | None = None
    at: str | None = None
    term: str | None = None
    result: SpfResult | None = None
    senders: SenderFamily | None = None
    lookups: int = 0
    void_lookups: int = 0


class Spf(Model):
    """The SPF records of a domain as published (truncated when very long), and their evaluation."""

    records: tuple[str, ...]
    evaluation: Answer[SpfEvaluation]


class Policy(StrEnum):
    """The handling that a domain owner requests for mail that fails DMARC (RFC 9989 §4.7), weakest first."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"

    @property
    def rank(self) -> int:
        """0 (none) to 2 (reject)."""
        return list(Policy).index(self)


class DmarcFault(StrEnum):
    """Why no DMARC policy applies, as message text."""

    MISSING = "no DMARC record"
    SEVERAL = "more than one DMARC record"
    INVALID = "no valid policy in the DMARC record"
    VERSION = "the record does not begin with v=DMARC1"


class Dmarc(Model):
    """The DMARC policy that applies to a domain, found by the tree walk of RFC 9989 §4.10.

    ``at`` is the domain whose record applies (or has the ``fault``) and ``record`` its text. ``policy`` is the one for
    this domain, None with a ``fault``. ``testing``: the record requests that the next weaker policy is applied (t=y).
    """

    fault: DmarcFault | None = None
    at: str | None = None
    record: str | None = None
    policy: Policy | None = None
    testing: bool = False

    @property
    def applied(self) -> Policy | None:
        """The policy that receivers apply: in test mode the next weaker one (RFC 9989 §4.7)."""
        if self.policy is None or not self.testing:
            return self.policy
        return list(Policy)[max(0, self.policy.rank - 1)]


class MailDomain(Observation):
    """The SPF and DMARC policies of one domain; ``exists``: False when it does not exist (NXDOMAIN, RFC 8020)."""

    kind: ClassVar[str] = "mail/1"

    domain: str
    exists: Answer[bool]
    spf: Answer[Spf]
    dmarc: Answer[Dmarc]
