"""ONC RPC (rpcbind, NFS): the NULL procedure of the port mapper, which does nothing (RFC 5531 §9, RFC 1833 §3)."""

from __future__ import annotations

import struct

from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Ask, Grammar, Turn

_ID, _CALL, _REPLY, _PORT_MAPPER = 0x494E5350, 0, 1, 100000
_LAST_FRAGMENT = 1 << 31
#: Record mark, number, kind of message, and the state of the reply: accepted or denied.
_HEAD = struct.Struct(">IIII")
_BODY = struct.pack(">10I", _ID, _CALL, 2, _PORT_MAPPER, 2, 0, 0, 0, 0, 0)

NULL = Ask("rpc", struct.pack(">I", _LAST_FRAGMENT | len(_BODY)) + _BODY, lambda received: len(received) >= 16)


def _recognises(turn: Turn) -> bool:
    """A server of another program replies, too: that it has no port mapper."""
    if turn.question != NULL.name or len(turn.received) < _HEAD.size:
        return False
    mark, answered, kind, state = _HEAD.unpack_from(turn.received)
    return answered == _ID and kind == _REPLY and state in (0, 1) and mark & ~_LAST_FRAGMENT < 1024


RPC = Grammar(
    ServiceProtocol.RPC,
    _recognises,
    lambda _turns: Banner(text="", protocol=ServiceProtocol.RPC),
    first=NULL,
    kept=lambda turn: turn.received[: _HEAD.size],
)
