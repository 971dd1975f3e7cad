"""Cassandra and ScyllaDB: OPTIONS, then STARTUP, which tells whether a log-in is asked for (CQL binary protocol 4)."""

from __future__ import annotations

import struct

from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Ask, Grammar, Turns, answer_to, was_asked

_HEADER = struct.Struct(">BBhBi")
_ERROR, _STARTUP, _READY, _AUTHENTICATE, _OPTIONS, _SUPPORTED = 0, 1, 2, 3, 5, 6


def _has_header(received: bytes) -> bool:
    return len(received) >= _HEADER.size


def _frame(opcode: int, body: bytes = b"") -> bytes:
    return _HEADER.pack(4, 0, 0, opcode, len(body)) + body


def _whole(received: bytes) -> bool:
    return _has_header(received) and len(received) >= _HEADER.size + _HEADER.unpack_from(received)[4]


def _opcode(received: bytes) -> int | None:
    """The opcode of a response; None for anything else."""
    if not _has_header(received):
        return None
    version, _, stream, opcode, length = _HEADER.unpack_from(received)
    is_response = version in range(0x81, 0x86) and stream == 0 and 0 <= length < 1 << 20
    return int(opcode) if is_response else None


OPTIONS = Ask("cassandra", _frame(_OPTIONS), _whole)
_VERSION = b"\x00\x01\x00\x0bCQL_VERSION\x00\x053.0.0"
_START = Ask("cassandra startup", _frame(_STARTUP, _VERSION), _has_header)


def _describe(turns: Turns) -> Banner:
    reply = _opcode(answer_to(turns, _START.name))
    authentication = {_READY: False, _AUTHENTICATE: True}.get(-1 if reply is None else reply)
    return Banner(text="", protocol=ServiceProtocol.CASSANDRA, authentication=authentication)


CASSANDRA = Grammar(
    ServiceProtocol.CASSANDRA,
    lambda turn: turn.question == OPTIONS.name and _opcode(turn.received) in (_ERROR, _SUPPORTED),
    _describe,
    first=OPTIONS,
    then=lambda turns: None if was_asked(turns, _START.name) else _START,
    kept=lambda turn: turn.received[: _HEADER.size],
)
