"""Microsoft SQL Server: the reply to PRELOGIN has its version, and whether it encrypts ([MS-TDS] §2.2.6.5)."""

from __future__ import annotations

import struct

from inspector import masked
from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Ask, Grammar, Turn, Turns, answer_to

_PRELOGIN, _REPLY, _LAST = 0x12, 0x04, 0x01
_VERSION, _ENCRYPTION, _END = 0, 1, 0xFF
#: Encryption off or not supported; encryption on or required.
_CLEARTEXT = {0: True, 2: True, 1: False, 3: False}


def _prelogin() -> bytes:
    """The options VERSION (0) and ENCRYPTION (off)."""
    heads = struct.pack(">BHHBHHB", _VERSION, 11, 6, _ENCRYPTION, 17, 1, _END)
    body = heads + bytes(6) + b"\x00"
    return struct.pack(">BBHHBB", _PRELOGIN, _LAST, 8 + len(body), 0, 0, 0) + body


PRELOGIN = Ask("mssql", _prelogin(), lambda received: len(received) >= max(8, int.from_bytes(received[2:4], "big")))


def _options(received: bytes) -> dict[int, bytes]:
    """The options of a reply, by number; empty where it is none."""
    if received[:2] != bytes((_REPLY, _LAST)) or int.from_bytes(received[2:4], "big") != len(received):
        return {}
    body, found, at = received[8:], {}, 0
    while body[at : at + 1] not in (b"", bytes((_END,))) and at + 5 <= len(body):
        number, offset, length = struct.unpack_from(">BHH", body, at)
        found[number] = body[offset : offset + length]
        at += 5
    return found


def _recognises(turn: Turn) -> bool:
    options = _options(turn.received) if turn.question == PRELOGIN.name else {}
    return len(options.get(_VERSION, b"")) == 6 and len(options.get(_ENCRYPTION, b"")) == 1


def _describe(turns: Turns) -> Banner:
    options = _options(answer_to(turns, PRELOGIN.name))
    major, minor, build = struct.unpack_from(">BBH", options[_VERSION])
    return Banner(
        text="",
        protocol=ServiceProtocol.MSSQL,
        product="Microsoft SQL Server",
        version=f"{major}.{minor}.{build}",
        cleartext=_CLEARTEXT.get(options[_ENCRYPTION][0]),
    )


def _kept(turn: Turn) -> bytes:
    return turn.received[:8] + masked(turn.received[8:256])


MSSQL = Grammar(ServiceProtocol.MSSQL, _recognises, _describe, first=PRELOGIN, kept=_kept)
