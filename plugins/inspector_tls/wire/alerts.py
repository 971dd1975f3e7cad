"""Alerts, and which of them refuse what a hello offers (RFC 8446 §6)."""

from __future__ import annotations

from typing import NamedTuple


class AlertNumber:
    """The alerts that are meaningful to a client that has sent only its hello, by number (RFC 8446 §6)."""

    CLOSE_NOTIFY = 0
    BAD_RECORD_MAC = 20
    HANDSHAKE_FAILURE = 40
    UNSUPPORTED_CERTIFICATE = 43
    ILLEGAL_PARAMETER = 47
    ACCESS_DENIED = 49
    PROTOCOL_VERSION = 70
    INSUFFICIENT_SECURITY = 71
    INAPPROPRIATE_FALLBACK = 86
    MISSING_EXTENSION = 109
    CERTIFICATE_UNOBTAINABLE = 111
    UNRECOGNIZED_NAME = 112
    NO_APPLICATION_PROTOCOL = 120


_OF_ANY_OFFER = frozenset(
    {
        AlertNumber.HANDSHAKE_FAILURE,
        AlertNumber.ILLEGAL_PARAMETER,
        AlertNumber.PROTOCOL_VERSION,
        AlertNumber.INSUFFICIENT_SECURITY,
    }
)
#: The server accepts nothing of what a hello offers: versions, suites, groups (RFC 8446 §6.2), or not as a fallback
#: (RFC 7507 §3). Other alerts may be about an error of the server itself.
HELLO_REFUSALS = _OF_ANY_OFFER | {AlertNumber.INAPPROPRIATE_FALLBACK}
#: The same in an enumeration, where a server that demands an application protocol refuses any hello so (RFC 7301 §3.2).
OFFER_REFUSALS = HELLO_REFUSALS | {AlertNumber.NO_APPLICATION_PROTOCOL}
#: The server has no certificate of the kind that a hello accepts. Some servers state it by an alert about certificates
#: (RFC 5246 §7.2.2, RFC 6066 §5) or about the extension that limits them (RFC 8446 §4.2). These hellos are no fallback
#: and offer no application protocol: alerts about either mean something else here.
CERTIFICATE_REFUSALS = _OF_ANY_OFFER | {
    AlertNumber.UNSUPPORTED_CERTIFICATE,
    AlertNumber.MISSING_EXTENSION,
    AlertNumber.CERTIFICATE_UNOBTAINABLE,
}
_WARNING = 1


class Alert(NamedTuple):
    """An alert: its level (1 warning, 2 fatal) and its number."""

    level: int
    number: int

    @property
    def is_last(self) -> bool:
        """Whether nothing follows it."""
        return self.level != _WARNING or self.number == AlertNumber.CLOSE_NOTIFY
