"""PostgreSQL: SSLRequest is answered by one byte, or an ErrorResponse (PostgreSQL 15 documentation, §55.2.10)."""

from __future__ import annotations

import re

from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Ask, Grammar, Turn, Turns, answer_to

_REPLY = re.compile(rb"[SN]\Z|E\x00\x00..S", re.DOTALL)
SSL_REQUEST = Ask("postgresql", b"\x00\x00\x00\x08\x04\xd2\x16\x2f")


def _recognises(turn: Turn) -> bool:
    return turn.question == SSL_REQUEST.name and _REPLY.match(turn.received) is not None


def _describe(turns: Turns) -> Banner:
    """Without TLS every session is in cleartext; with it, the server may still allow others."""
    cleartext = True if answer_to(turns, SSL_REQUEST.name) == b"N" else None
    return Banner(text="", protocol=ServiceProtocol.POSTGRESQL, cleartext=cleartext)


POSTGRESQL = Grammar(ServiceProtocol.POSTGRESQL, _recognises, _describe, first=SSL_REQUEST)
