"""MySQL's X Protocol: the server begins with a notice SERVER_HELLO ("X Protocol", message 11, notice type 5)."""

from __future__ import annotations

from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import GREETING, Grammar

#: Length, type of the message, and the notice: its type 5, an empty payload.
_HELLO = b"\x05\x00\x00\x00\x0b\x08\x05\x1a\x00"

MYSQLX = Grammar(
    ServiceProtocol.MYSQLX,
    lambda turn: turn.question == GREETING and turn.received[: len(_HELLO)] == _HELLO,
    lambda _turns: Banner(text="", protocol=ServiceProtocol.MYSQLX),
    kept=lambda turn: turn.received[: len(_HELLO)],
)
