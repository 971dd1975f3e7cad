"""DCE/RPC (Windows' RPC endpoint mapper): a bind to the mapper, without a log-in ([MS-RPCE] §2.2.2, C706 §12.6).

Nothing is looked up: the answer to the bind shows the protocol, with the number that the request has.
"""

from __future__ import annotations

import struct
from uuid import UUID

from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Ask, Grammar, Turn

_ID, _BIND, _BIND_ACK, _BIND_NAK = 0x494E5350, 11, 12, 13
_ENDPOINT_MAPPER = UUID("e1af8308-5d1f-11c9-91a4-08002b14a0fa")
_NDR = UUID("8a885d04-1ceb-11c9-9fe8-08002b104860")
#: Version 5.0, type, flags, representation of data (little-endian), length, length of the log-in, number.
_HEAD = struct.Struct("<BBBB4sHHI")
_REPRESENTATION = b"\x10\x00\x00\x00"
_FIRST_AND_LAST = 3


def _bind() -> bytes:
    context = struct.pack("<BBHHBB", 1, 0, 0, 0, 1, 0)
    syntaxes = _ENDPOINT_MAPPER.bytes_le + struct.pack("<I", 3) + _NDR.bytes_le + struct.pack("<I", 2)
    body = struct.pack("<HHI", 4280, 4280, 0) + context + syntaxes
    return _HEAD.pack(5, 0, _BIND, _FIRST_AND_LAST, _REPRESENTATION, _HEAD.size + len(body), 0, _ID) + body


BIND = Ask("epmap", _bind(), lambda received: len(received) >= _HEAD.size)


def _recognises(turn: Turn) -> bool:
    if turn.question != BIND.name or len(turn.received) < _HEAD.size:
        return False
    version, minor, kind, _, representation, length, _, answered = _HEAD.unpack_from(turn.received)
    is_reply = (version, minor) == (5, 0) and kind in (_BIND_ACK, _BIND_NAK) and representation == _REPRESENTATION
    return is_reply and answered == _ID and _HEAD.size < length < 1 << 12


DCERPC = Grammar(
    ServiceProtocol.DCERPC,
    _recognises,
    lambda _turns: Banner(text="", protocol=ServiceProtocol.DCERPC),
    first=BIND,
    kept=lambda turn: turn.received[: _HEAD.size],
)
