"""MongoDB: ``hello`` in an OP_MSG ("MongoDB Wire Protocol"), which every server answers before a log-in."""

from __future__ import annotations

import struct

from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Ask, Grammar, Turn

_ID, _OP_REPLY, _OP_MSG = 0x494E5350, 1, 2013
_HEADER = struct.Struct("<iiii")


def _hello() -> bytes:
    body = b"\x10hello\x00\x01\x00\x00\x00\x02$db\x00\x06\x00\x00\x00admin\x00"
    document = struct.pack("<i", len(body) + 5) + body + b"\x00"
    return _HEADER.pack(_HEADER.size + 5 + len(document), _ID, 0, _OP_MSG) + bytes(5) + document


HELLO = Ask("mongodb", _hello(), lambda received: len(received) >= _HEADER.size)


def _recognises(turn: Turn) -> bool:
    if turn.question != HELLO.name or len(turn.received) < _HEADER.size:
        return False
    length, _, answered, operation = _HEADER.unpack_from(turn.received)
    return _HEADER.size < length < 1 << 26 and answered == _ID and operation in (_OP_REPLY, _OP_MSG)


MONGODB = Grammar(
    ServiceProtocol.MONGODB,
    _recognises,
    lambda _turns: Banner(text="", protocol=ServiceProtocol.MONGODB),
    first=HELLO,
    kept=lambda turn: turn.received[: _HEADER.size],
)
