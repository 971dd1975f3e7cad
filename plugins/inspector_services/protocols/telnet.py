"""Telnet: an option negotiation (RFC 854), or a prompt for a name or password at the end of what was sent."""

from __future__ import annotations

import re

from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import GREETING, Grammar, Turn
from inspector_services.protocols.replies_220 import needs_noop

#: IAC, then WILL, WON'T, DO or DON'T, then an option.
_NEGOTIATION = re.compile(rb"\xff[\xfb-\xfe].", re.DOTALL)
_PROMPT = re.compile(rb"(?:login|user ?name|password)\s*:\s*\Z", re.IGNORECASE)


def _recognises(turn: Turn) -> bool:
    if turn.question != GREETING:
        return False
    if _NEGOTIATION.match(turn.received):
        return True
    return _PROMPT.search(turn.received) is not None and not needs_noop(turn.received)


TELNET = Grammar(
    ServiceProtocol.TELNET,
    _recognises,
    lambda turns: Banner(text="", protocol=ServiceProtocol.TELNET, cleartext=not turns[-1].tls),
)
