"""The observations of MTA-STS: DNS records of a mail domain, its policy, and the TLS of its mail servers."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from inspector import Answer, Model, Observation
from inspector_tls.certificates.hostname import matches
from inspector_tls.certificates.observations import Certificates


class RecordFault(StrEnum):
    """Why a domain has no MTA-STS record that senders use (RFC 8461 §3.1), as message text."""

    MISSING = "no MTA-STS record"
    SEVERAL = "more than one MTA-STS record"
    SYNTAX = "the MTA-STS record has a syntax error"


class MailServerName(Model):
    """A host that receives mail for a domain, and whether it has TLSA records for DANE (RFC 7672).

    Whether DNSSEC authenticates these records was not validated.
    """

    host: str
    has_tlsa: Answer[bool]


class MtaSts(Observation):
    """The DNS records of a mail domain on which MTA-STS depends.

    ``record`` is why senders find no policy, None when one record is valid. ``servers`` are the MX hosts by name, or
    the domain itself where it has address records only (RFC 5321 §5.1); empty when it accepts no mail (RFC 7505).
    """

    kind: ClassVar[str] = "mta-sts/1"

    domain: str
    record: Answer[RecordFault | None]
    servers: Answer[tuple[MailServerName, ...]]


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


class MailServer(Observation):
    """The certificates of one mail server of a domain, at port 25 of one address.

    ``certificates`` is None where the server does not begin TLS; then ``reply`` is its reply, printable and bounded.
    """

    kind: ClassVar[str] = "mail-server/1"

    domain: str
    host: str
    certificates: Certificates | None = None
    reply: str = ""
