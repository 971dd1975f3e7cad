"""Kafka: ApiVersions, which a broker answers before a log-in (Apache Kafka, "Protocol")."""

from __future__ import annotations

import struct

from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Ask, Grammar, Turn

_API_VERSIONS, _ID = 18, 0x494E5350
_CLIENT = b"inspector"
_BODY = struct.pack(">hhih", _API_VERSIONS, 0, _ID, len(_CLIENT)) + _CLIENT
#: Length, number of the request, error, number of entries.
_REPLY = struct.Struct(">iihi")

API_VERSIONS = Ask("kafka", struct.pack(">i", len(_BODY)) + _BODY, lambda received: len(received) >= _REPLY.size)


def _recognises(turn: Turn) -> bool:
    if turn.question != API_VERSIONS.name or len(turn.received) < _REPLY.size:
        return False
    length, answered, error, entries = _REPLY.unpack_from(turn.received)
    return answered == _ID and error in (0, 35) and 0 <= entries < 1024 and length >= 10 + 6 * entries - 4


KAFKA = Grammar(
    ServiceProtocol.KAFKA,
    _recognises,
    lambda turns: Banner(text="", protocol=ServiceProtocol.KAFKA, cleartext=None if turns[-1].tls else True),
    first=API_VERSIONS,
    kept=lambda turn: turn.received[: _REPLY.size],
)
