"""Neo4j's Bolt: a handshake with the versions that the client speaks, of which the server chooses ("Bolt Protocol")."""

from __future__ import annotations

import struct

from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Ask, Grammar, Turn

#: 5.0 to 5.4, 4.2 to 4.4, 4.1, 3.
_OFFERED = (0x00040405, 0x00020404, 0x00000104, 0x00000003)
_REPLY_BYTES = 4
HANDSHAKE = Ask("neo4j-bolt", struct.pack(">5I", 0x6060B017, *_OFFERED), lambda received: len(received) >= _REPLY_BYTES)


def _recognises(turn: Turn) -> bool:
    """Two bytes of 0, then a minor and a major version among those that were offered."""
    if turn.question != HANDSHAKE.name or len(turn.received) != _REPLY_BYTES or turn.received[:2] != b"\x00\x00":
        return False
    minor, major = turn.received[2:]
    return (major == 5 and minor <= 4) or (major == 4 and 1 <= minor <= 4) or (major, minor) == (3, 0)


BOLT = Grammar(
    ServiceProtocol.BOLT,
    _recognises,
    lambda _turns: Banner(text="", protocol=ServiceProtocol.BOLT, product="Neo4j"),
    first=HANDSHAKE,
    kept=lambda turn: turn.received[:_REPLY_BYTES],
)
