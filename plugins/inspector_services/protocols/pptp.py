"""PPTP: Start-Control-Connection-Request, which names the client and no user (RFC 2637 §2.1, §2.2)."""

from __future__ import annotations

import struct

from inspector import masked
from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Ask, Grammar, Turn

#: Length, kind of the message, cookie, kind of the control message, 0.
_HEAD = struct.Struct(">HHIHH")
_LENGTH, _CONTROL, _COOKIE, _REQUEST, _REPLY = 156, 1, 0x1A2B3C4D, 1, 2
_NAMES = struct.Struct("64s64s")
#: Version 1.0, asynchronous and synchronous framing, analog and digital bearers, no channels, firmware 0, no names.
_BODY = struct.pack(">HHIIHH", 0x0100, 0, 3, 3, 0, 0) + _NAMES.pack(b"inspector", b"")

START = Ask(
    "pptp",
    _HEAD.pack(_LENGTH, _CONTROL, _COOKIE, _REQUEST, 0) + _BODY,
    lambda received: len(received) >= _LENGTH,
)


def _recognises(turn: Turn) -> bool:
    if turn.question != START.name or len(turn.received) < _HEAD.size:
        return False
    return _HEAD.unpack_from(turn.received) == (_LENGTH, _CONTROL, _COOKIE, _REPLY, 0)


PPTP = Grammar(
    ServiceProtocol.PPTP,
    _recognises,
    lambda _turns: Banner(text="", protocol=ServiceProtocol.PPTP),
    first=START,
    kept=lambda turn: turn.received[:16] + masked(turn.received[16:_LENGTH]),
)
