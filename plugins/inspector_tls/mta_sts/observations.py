"""The observations of TLS between mail servers: DNS records of a mail domain, its MTA-STS policy, its mail servers."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from inspector import Answer, Model, Observation
from inspector_tls.certificates.hostname import matches
from inspector_tls.certificates.observations import Certificates
from inspector_tls.starttls.observations import TlsReadiness


class RecordFault(StrEnum):
    """Why a domain has no MTA-STS record that senders use (RFC 8461 §3.1), as message text."""

    MISSING = "no MTA-STS record"
    SEVERAL = "more than one MTA-STS record"
    SYNTAX = "the MTA-STS record has a syntax error"


class ReportingFault(StrEnum):
    """Why senders send no reports about TLS (RFC 8460 §3), as message text."""

    MISSING = "no TLS reporting record"
    SEVERAL = "more than one TLS reporting record"
    SYNTAX = "the TLS reporting record has a syntax error"
    TARGET = "the TLS reporting record names no mailto or https address"


class TlsaRecord(Model):
    """One TLSA record (RFC 6698 §2.1); ``data`` is its association in hexadecimal, empty where it was too long."""

    usage: int
    selector: int
    matching: int
    data: str

    def __str__(self) -> str:
        return f"{self.usage} {self.selector} {self.matching} {self.data[:16]}"


class MailServerName(Model):
    """A host that receives mail for a domain, with its TLSA records for DANE (RFC 7672).

    ``authenticated``: the resolver says that DNSSEC authenticates these records, or their absence.
    """

    host: str
    tlsa: Answer[tuple[TlsaRecord, ...]]
    authenticated: Answer[bool]


class MtaSts(Observation):
    """The DNS records of a mail domain on which the TLS of its mail depends: MTA-STS, DANE, TLS reporting.

    ``record`` is why senders find no policy, None when one record is valid. ``servers`` are the MX hosts by name, or
    the domain itself where it has address records only (RFC 5321 §5.1); empty when it accepts no mail (RFC 7505).
    ``servers_authenticated``: the resolver says that DNSSEC authenticates the MX records; ``validating``: the resolver
    validates at all, asked where there are TLSA records. ``reporting`` is why no reports are sent, None where they are.
    """

    kind: ClassVar[str] = "mta-sts/2"

    domain: str
    record: Answer[RecordFault | None]
    servers: Answer[tuple[MailServerName, ...]]
    servers_authenticated: Answer[bool]
    validating: Answer[bool]
    reporting: Answer[ReportingFault | None]


class StsMode(StrEnum):
    """How senders apply a policy (RFC 8461 §5), weakest first."""

    NONE = "none"
    TESTING = "testing"
    ENFORCE = "enforce"


class StsPolicy(Model):
    """A policy (RFC 8461 §3.2); ``max_age`` in seconds, ``mx`` the patterns in the order of the file."""

    mode: StsMode
    mx: tuple[str, ...] = ()
    max_age: int

    def matches(self, host: str) -> bool:
        """Whether a pattern matches the host; ``*`` is one whole left-most label (§4.1)."""
        return matches(host, dns=self.mx, ip=())


class PolicyFault(StrEnum):
    """Why senders do not use what the policy host replies (RFC 8461 §3.2, §3.3), as message text."""

    STATUS = "the HTTP status is not 200"
    MEDIA_TYPE = "the media type is not text/plain"
    SIZE = "the policy is longer than 64 KiB"
    VERSION = "the version is not STSv1"
    SYNTAX = "the policy has a syntax error"
    INCOMPLETE = "the policy lacks a required field"


class PolicyReply(Model):
    """The reply of the policy host: exactly one of ``fault`` and ``policy`` is given."""

    status: int
    media_type: str = ""
    fault: PolicyFault | None = None
    policy: StsPolicy | None = None


class MtaStsPolicy(Observation):
    """The policy of a mail domain as one address of its policy host serves it, and the certificates of that host."""

    kind: ClassVar[str] = "mta-sts-policy/1"

    domain: str
    host: str
    certificates: Certificates
    reply: Answer[PolicyReply]


class Greeting(Model):
    """What a mail server says on one connection, up to its answer to the request for TLS.

    ``banner`` is the first line, printable and bounded; ``seconds`` how long it took, rounded down. ``paused``: the
    greeting's lines came seconds apart, as those of a server that looks whether clients wait (Postfix's postscreen).
    ``extensions`` are the keywords of the reply to EHLO; ``logins`` the log-ins announced before TLS.
    """

    banner: str
    seconds: int
    paused: bool = False
    extensions: tuple[str, ...] = ()
    readiness: TlsReadiness
    logins: tuple[str, ...] = ()


class Digests(Model):
    """The SHA-256 and SHA-512 digests of a certificate, and of its SubjectPublicKeyInfo, in hexadecimal."""

    certificate: str
    certificate_sha512: str
    key: str
    key_sha512: str


class MailServer(Observation):
    """The greeting and the certificates of one mail server of a domain, at port 25 of one address.

    ``certificates`` is None where the server does not begin TLS; then ``reply`` is its reply, printable and bounded.
    ``digests`` are those of every certificate that was presented. ``other_protocol`` is the beginning of what comes
    where it is not SMTP.
    """

    kind: ClassVar[str] = "mail-server/2"

    domain: str
    host: str
    greeting: Answer[Greeting]
    other_protocol: str = ""
    certificates: Answer[Certificates | None]
    digests: tuple[Digests, ...] = ()
    reply: str = ""
