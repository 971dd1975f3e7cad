"""MySQL and MariaDB: the handshake of version 10, or an error, in a packet numbered 0 ("Connection Phase")."""

from __future__ import annotations

import re

from inspector import masked
from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Grammar, Turn, Turns
from inspector_services.protocols.texts import Software

#: The server's version, then a number and random bytes of this connection, then its capabilities.
_HANDSHAKE = re.compile(rb"...\x00\x0a([ -~]{1,200})\x00(?:.{12}\x00(.{2}))?", re.DOTALL)
#: MariaDB before 11 puts ``5.5.5-`` before its version.
_MARIADB = re.compile(r"(?:5\.5\.5-)?(\d+(?:\.\d+)+)-MariaDB(?:-(.*))?")
_MYSQL = re.compile(r"(\d+(?:\.\d+)+)(?:-(.*))?")
_CAN_TLS = 0x0800


def _recognises(turn: Turn) -> bool:
    received = turn.received
    length = int.from_bytes(received[:3], "little")
    is_error = received[3:5] == b"\x00\xff" and length == len(received) - 4
    return 1 < length < 1024 and (_HANDSHAKE.match(received) is not None or is_error)


def _named(text: str) -> Software:
    for product, form in (("MariaDB", _MARIADB), ("MySQL", _MYSQL)):
        if found := form.fullmatch(text):
            return Software(product, found[1], found[2] or "")
    return Software()


def _describe(turns: Turns) -> Banner:
    found = next(filter(None, (_HANDSHAKE.match(each.received) for each in turns)), None)
    capabilities = int.from_bytes((found and found[2]) or b"\xff\xff", "little")
    return Banner(
        text="",
        protocol=ServiceProtocol.MYSQL,
        cleartext=None if capabilities & _CAN_TLS else True,
        **(_named(found[1].decode("ascii")) if found else Software())._asdict(),
    )


def _kept(turn: Turn) -> bytes:
    """The handshake up to its capabilities, without the values that are random for each connection."""
    found = _HANDSHAKE.match(turn.received)
    if found is None:
        return turn.received[:5] + masked(turn.received[5:])
    return turn.received[:5] + masked(found[1]) + bytes(14) + (found[2] or b"")


MYSQL = Grammar(ServiceProtocol.MYSQL, _recognises, _describe, kept=_kept)
