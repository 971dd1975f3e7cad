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


class SpfFamily(Model):
    """What the record means for all senders of one address family: which pass, and the counts of RFC 7208 §4.6.4.

    ``networks`` are the networks whose addresses get *pass*, widest first, at most 32 of ``network_count``;
    ``together`` is the prefix length of one network with as many addresses as all of them, None where none passes.
    ``open_terms`` depend on the message or on reverse DNS (``ptr``, macros such as ``%{i}``): whom they match is not
    known. Without ``fault`` the addresses are complete up to these.
    """

    fault: SpfFault | None = None
    lookups: int = 0
    void_lookups: int = 0
    networks: tuple[str, ...] = ()
    network_count: int = 0
    together: int | None = None
    open_terms: tuple[str, ...] = ()


class Spf(Model):
    """The SPF records of a domain as published (truncated when very long), and their evaluation.

    ``ineffective`` are terms of the domain's own record that authorise or reject nobody: those after ``all``,
    ``redirect`` beside ``all``, and ``a`` and ``mx`` without any address.
    """

    records: tuple[str, ...]
    evaluation: Answer[SpfEvaluation]
    ipv4: Answer[SpfFamily]
    ipv6: Answer[SpfFamily]
    ineffective: Answer[tuple[str, ...]]

    @property
    def families(self) -> tuple[SpfFamily, SpfFamily]:
        """IPv4 and IPv6; raises NotSeen."""
        return self.ipv4.value, self.ipv6.value

    @property
    def open_terms(self) -> tuple[str, ...]:
        """The terms for which it is not known whom they match; raises NotSeen."""
        return tuple(dict.fromkeys(term for family in self.families for term in family.open_terms))

    @property
    def authorises_nobody(self) -> bool:
        """Whether no address passes, and no term is open; raises NotSeen."""
        return all(not each.fault and each.together is None and not each.open_terms for each in self.families)


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


class ReportFault(StrEnum):
    """Why no reports arrive at an address of ``rua`` or ``ruf``, as message text (RFC 9989 §4.7, RFC 9990 §4)."""

    SYNTAX = "it is no URI"
    SCHEME = "its scheme is not mailto"
    ADDRESS = "it is no mailbox"
    UNAUTHORISED = "its domain does not authorise reports about this one"


class ReportAddress(Model):
    """One address of ``rua`` or ``ruf``; ``tag`` is the tag's name, ``fault`` None where reports may be sent there."""

    tag: str
    uri: str
    fault: Answer[ReportFault | None]


class Dmarc(Model):
    """The DMARC policy that applies to a domain, found by the tree walk of RFC 9989 §4.10.

    ``at`` is the domain whose record applies (or has the ``fault``) and ``record`` its text. ``policy`` is the one for
    this domain, None with a ``fault``; ``subdomains`` and ``absent_subdomains`` are those for domains below ``at`` that
    exist and that do not. ``testing``: the record requests that the next weaker policy is applied (t=y).
    ``strict``: the identifiers (spf, dkim) that align only when equal. ``obsolete`` are tags that RFC 9989 removed,
    ``ignored`` the parts of the record that receivers ignore: unknown and repeated tags, and wrong values.
    """

    fault: DmarcFault | None = None
    at: str | None = None
    record: str | None = None
    policy: Policy | None = None
    subdomains: Policy | None = None
    absent_subdomains: Policy | None = None
    testing: bool = False
    strict: tuple[str, ...] = ()
    obsolete: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    reports: tuple[ReportAddress, ...] = ()

    @property
    def applied(self) -> Policy | None:
        """The policy that receivers apply to the domain."""
        return self.in_effect(self.policy)

    def in_effect(self, policy: Policy | None) -> Policy | None:
        """What receivers apply for a policy of the record: in test mode the next weaker one (RFC 9989 §4.7)."""
        if policy is None or not self.testing:
            return policy
        return list(Policy)[max(0, policy.rank - 1)]


class MxHost(Model):
    """The host of one MX record, ``.`` for a null MX (RFC 7505); ``alias``: its name is a CNAME (RFC 2181 §10.3)."""

    host: str
    preference: int
    alias: Answer[bool]
    addresses: Answer[tuple[str, ...]]


class BimiFault(StrEnum):
    """Why receivers do not use a BIMI record, as message text."""

    SEVERAL = "more than one BIMI record"
    SYNTAX = "the BIMI record has a syntax error"
    LOGO = "the location of the logo is no https URL"
    AUTHORITY = "the location of the certificate is no https URL"


class Bimi(Model):
    """The BIMI record at the selector ``default``: its text, None without one, and what is wrong with it."""

    record: str | None = None
    fault: BimiFault | None = None


class MailDomain(Observation):
    """What DNS says of one mail domain: MX, SPF, DMARC, BIMI.

    ``exists``: False when it does not exist (NXDOMAIN, RFC 8020). ``mx`` are its MX records, lowest preference first.
    """

    kind: ClassVar[str] = "mail/2"

    domain: str
    exists: Answer[bool]
    mx: Answer[tuple[MxHost, ...]]
    spf: Answer[Spf]
    dmarc: Answer[Dmarc]
    bimi: Answer[Bimi]

    @property
    def accepts_no_mail(self) -> bool:
        """Whether it has a null MX and no other; raises NotSeen."""
        return [each.host for each in self.mx.value] == ["."]


class DkimFault(StrEnum):
    """Why no signature can be verified with what is published for a selector (RFC 6376 §3.6.1), as message text."""

    MISSING = "no DKIM key record"
    SEVERAL = "more than one DKIM key record"
    SYNTAX = "the DKIM key record has a syntax error"
    VERSION = "the version is not DKIM1"
    REVOKED = "the key is revoked"
    KEY = "the public key cannot be read"
    ALGORITHM = "the key type is not rsa or ed25519"
    SERVICE = "the key is not for mail"


class DkimKey(Model):
    """The key record of one selector.

    ``key_type`` is rsa or ed25519, ``bits`` the size of an RSA modulus; both are None with a ``fault``. ``hashes`` are
    the hash algorithms that it allows, empty for all; ``testing``: the flag ``t=y``.
    """

    fault: DkimFault | None = None
    key_type: str | None = None
    bits: int | None = None
    hashes: tuple[str, ...] = ()
    testing: bool = False


class DkimSelector(Model):
    """A selector, declared or one that is common, and its key."""

    selector: str
    declared: bool
    key: Answer[DkimKey]


class Dkim(Observation):
    """The DKIM keys of one mail domain at its declared selectors; where none is declared, at common ones.

    ``any_selector``: a name that nobody uses has records as well, so that keys at common selectors mean nothing.
    """

    kind: ClassVar[str] = "dkim/1"

    domain: str
    any_selector: Answer[bool]
    selectors: tuple[DkimSelector, ...]

    @property
    def declared(self) -> tuple[DkimSelector, ...]:
        """The declared selectors."""
        return tuple(each for each in self.selectors if each.declared)
