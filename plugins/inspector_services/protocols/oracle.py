"""Oracle: the listener's answer to a connection packet of TNS with ``(COMMAND=ping)``, which is what ``tnsping`` sends.

The head of a packet is its length, a checksum of 0, its type, a reserved byte and a checksum of 0. A listener refuses
(type 4) with a text in parentheses that has its error number and, encoded in ``VSNNUM``, its version.
"""

from __future__ import annotations

import re
import struct

from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Ask, Grammar, Turn, Turns, answer_to
from inspector_services.protocols.texts import masked_except

_HEAD = struct.Struct(">HHBBH")
_CONNECT, _ACCEPT, _REFUSE, _REDIRECT, _RESEND = 1, 2, 4, 5, 11
_COMMAND = b"(CONNECT_DATA=(COMMAND=ping))"
#: Version 310, compatible with 300, no options, units of 2,048 and 32,767 bytes, as ``tnsping`` of Oracle 10 sends.
_BODY = struct.Struct(">HHHHHHHHHHIBB24s")
#: After two reasons and a length: ``(DESCRIPTION=(TMP=)(VSNNUM=352321536)(ERR=0)…``.
_REFUSAL = re.compile(rb".{4}\(DESCRIPTION=(?:\(TMP=\))?\(VSNNUM=(\d{1,10})\)\(ERR=\d{1,6}\)", re.DOTALL)
_KEPT = re.compile(rb"\(DESCRIPTION=(?:\(TMP=\))?\(VSNNUM=\d{1,10}\)\(ERR=\d{1,6}\)")


def _ping() -> bytes:
    offset = _HEAD.size + _BODY.size
    body = _BODY.pack(310, 300, 0, 2048, 32767, 0x7F08, 0, 1, len(_COMMAND), offset, 0, 0, 0, b"") + _COMMAND
    return _HEAD.pack(_HEAD.size + len(body), 0, _CONNECT, 0, 0) + body


PING = Ask("oracle", _ping(), lambda received: len(received) >= max(_HEAD.size, int.from_bytes(received[:2], "big")))


def _recognises(turn: Turn) -> bool:
    received = turn.received
    if turn.question != PING.name or len(received) < _HEAD.size:
        return False
    length, checksum, kind, _, head_checksum = _HEAD.unpack_from(received)
    if checksum or head_checksum or length != len(received):
        return False
    if kind == _REFUSE:
        return _REFUSAL.match(received, _HEAD.size) is not None
    return (kind == _RESEND and length == _HEAD.size) or (kind in (_ACCEPT, _REDIRECT) and length > _HEAD.size)


def _version(number: int) -> str:
    """Five parts in 8, 4, 8, 4 and 8 bits; empty for 0, by which a listener keeps its version to itself."""
    parts = (number >> 24, number >> 20 & 15, number >> 12 & 255, number >> 8 & 15, number & 255)
    return ".".join(map(str, parts)) if number else ""


def _describe(turns: Turns) -> Banner:
    found = _REFUSAL.match(answer_to(turns, PING.name), _HEAD.size)
    version = _version(int(found[1]) & 0xFFFFFFFF) if found else ""
    return Banner(text="", protocol=ServiceProtocol.ORACLE, product="Oracle Database", version=version)


def _kept(turn: Turn) -> bytes:
    return turn.received[: _HEAD.size] + masked_except(turn.received[_HEAD.size :], _KEPT)


ORACLE = Grammar(ServiceProtocol.ORACLE, _recognises, _describe, first=PING, kept=_kept)
