"""TLS that is asked for inside another protocol (STARTTLS and its like): schemes, and how to get to the first hello."""

from __future__ import annotations

from inspector_tls.starttls.preambles import (
    FTP,
    IMAP,
    LDAP,
    LMTP,
    MYSQL,
    NNTP,
    POP3,
    POSTGRESQL,
    RDP,
    SIEVE,
    SMTP,
    SUBMISSION,
    TALKS,
    XMPP_CLIENT,
    XMPP_SERVER,
    Names,
    NotOffered,
    NotUnderstood,
    Preamble,
    Refused,
    needs_preamble,
)
from inspector_tls.starttls.stepping import prepare

#: The schemes whose TLS follows a preamble.
SCHEMES = frozenset(TALKS)

__all__ = [
    "FTP",
    "IMAP",
    "LDAP",
    "LMTP",
    "MYSQL",
    "NNTP",
    "POP3",
    "POSTGRESQL",
    "RDP",
    "SCHEMES",
    "SIEVE",
    "SMTP",
    "SUBMISSION",
    "XMPP_CLIENT",
    "XMPP_SERVER",
    "Names",
    "NotOffered",
    "NotUnderstood",
    "Preamble",
    "Refused",
    "needs_preamble",
    "prepare",
]
