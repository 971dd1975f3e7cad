"""What the mail probe writes down."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from inspector import Answer, Model, Observation


class Exchanger(Model):
    """One MX record; host ``.`` is the null MX, which says that the domain takes no mail (RFC 7505)."""

    preference: int
    host: str


class Qualifier(StrEnum):
    """What becomes of a sender (RFC 7208 §2.6), in the words of the standard."""

    PASS = "pass"
    NEUTRAL = "neutral"
    SOFTFAIL = "softfail"
    FAIL = "fail"


class SpfFault(StrEnum):
    """Why receivers end with a permanent error (RFC 7208 §2.6.7), in words for a message."""

    MISSING = "there is no SPF record"
    SEVERAL = "there is more than one SPF record"
    SYNTAX = "a term cannot be read"
    LOOKUPS = "more than 10 DNS lookups are needed"
    VOIDS = "more than 2 DNS lookups find nothing"
    EXCHANGERS = "an mx term finds more than 10 hosts"


class SpfEvaluation(Model):
    """What evaluation for a sender that nothing names comes to.

    ``fault`` with ``at`` (the domain whose record has it) and ``term`` when it ends in a permanent error; else
    ``otherwise`` is what becomes of that sender. ``lookups`` and ``voids`` count DNS lookups (RFC 7208 §4.6.4).
    """

    fault: SpfFault | None = None
    at: str | None = None
    term: str | None = None
    otherwise: Qualifier | None = None
    lookups: int = 0
    voids: int = 0


class Spf(Model):
    """The SPF records at a domain as published (cut when very long), and what evaluating them comes to."""

    records: tuple[str, ...]
    evaluation: Answer[SpfEvaluation]


class Policy(StrEnum):
    """What a domain owner asks of receivers about mail that fails DMARC (RFC 9989 §4.7), mildest first."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"

    @property
    def rank(self) -> int:
        """0 (none) to 2 (reject)."""
        return list(Policy).index(self)


class DmarcFault(StrEnum):
    """Why no DMARC policy applies, in words for a message."""

    MISSING = "there is no DMARC record"
    SEVERAL = "there is more than one DMARC record"
    INVALID = "the DMARC record has no valid policy"


class Dmarc(Model):
    """The DMARC policy that applies to a domain, found by the tree walk of RFC 9989 §4.10.

    ``at`` is the domain whose record applies (or has the fault) and ``record`` its text; ``policy`` what it asks for
    this domain, None with a ``fault``; ``testing`` when the record asks not to apply it (t=y).
    """

    fault: DmarcFault | None = None
    at: str | None = None
    record: str | None = None
    policy: Policy | None = None
    testing: bool = False


class MailDomain(Observation):
    """What the DNS says about mail of one domain. ``exists`` is False when it has neither MX nor address records."""

    kind: ClassVar[str] = "mail/1"

    domain: str
    exists: Answer[bool]
    exchangers: Answer[tuple[Exchanger, ...]]
    spf: Answer[Spf]
    dmarc: Answer[Dmarc]
