"""TLS: a handshake, or an alert (RFC 8446 §5.1, §6), which is no sign of the protocol inside."""

from __future__ import annotations

import re

from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Grammar, Turn, Turns

#: The question of a turn that is a handshake, and what is stored where it succeeds; else the alert's name or nothing.
HANDSHAKE = "tls"
SHAKEN = b"handshake"
_ALERT = re.compile(rb"\x15\x03[\x00-\x04]\x00\x02[\x01\x02]")
#: What a server says that demands a certificate of its clients (RFC 8446 §6.2).
CERTIFICATE_REQUIRED = b"TLSV13_ALERT_CERTIFICATE_REQUIRED"


def _recognises(turn: Turn) -> bool:
    return turn.tls if turn.question == HANDSHAKE else _ALERT.match(turn.received) is not None


def _describe(turns: Turns) -> Banner:
    demands = any(each.tls and each.received == CERTIFICATE_REQUIRED for each in turns)
    return Banner(
        text="", protocol=ServiceProtocol.TLS, tls=True, cleartext=False, authentication=True if demands else None
    )


def _kept(turn: Turn) -> bytes:
    return turn.received if turn.question == HANDSHAKE or turn.tls else turn.received[:7]


TLS = Grammar(ServiceProtocol.TLS, _recognises, _describe, kept=_kept)
