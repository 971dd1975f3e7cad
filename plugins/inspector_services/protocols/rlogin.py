"""rlogin: the zero byte that begins what its clients send (RFC 1282); their names, which would log in, do not follow.

Servers admit only clients whose port is below 1024, which Inspector's is not, and answer it with the byte 1 and a
message for the user before they read a name.
"""

from __future__ import annotations

import re

from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Ask, Grammar, Turn, is_line

_REFUSAL = re.compile(rb"\x01[ -~]{4,200}\r?\n\Z")
ZERO = Ask("rlogin", b"\x00", is_line)


def _recognises(turn: Turn) -> bool:
    return turn.question == ZERO.name and _REFUSAL.match(turn.received) is not None


RLOGIN = Grammar(
    ServiceProtocol.RLOGIN,
    _recognises,
    lambda turns: Banner(text="", protocol=ServiceProtocol.RLOGIN, cleartext=not turns[-1].tls),
    first=ZERO,
)
