"""NetBIOS names on port 137: the status of the node (RFC 1002 §4.2.17). Pure."""

from __future__ import annotations

from inspector_services.udp_observations import UdpProtocol
from inspector_services.udp_protocols.question import Reader, UdpQuestion, require

#: The name ``*`` with 15 zero bytes, in first-level encoding (RFC 1001 §14.1).
_ANY_NAME = b"\x20CK" + b"A" * 30 + b"\0"
_STATUS, _INTERNET = b"\0\x21", b"\0\x01"
_RESPONSE, _OPCODE = 0x8000, 0x7800
_NAME, _ENTRY = 15, 18
#: Where the data of the answer begin: header, name, type, class, time to live, length.
_DATA = 12 + len(_ANY_NAME) + 10


def _ask(token: bytes) -> bytes:
    return token[:2] + bytes(2) + b"\0\1" + bytes(6) + _ANY_NAME + _STATUS + _INTERNET


def _read(sent: bytes, reply: bytes) -> str:
    reader = Reader(reply)
    require(reader.take(2) == sent[:2])
    flags = reader.number(2)
    require(bool(flags & _RESPONSE) and not flags & _OPCODE and reader.take(8) == b"\0\0\0\1\0\0\0\0")
    require(reader.take(len(_ANY_NAME)) == _ANY_NAME and reader.take(4) == _STATUS + _INTERNET)
    reader.take(4)
    require(reader.number(2) == reader.left)
    names = reader.number(1)
    require(reader.left >= names * _ENTRY)
    return f"{names} names"


def _kept(reply: bytes) -> bytes:
    """The reply with spaces for names, and zeros for the network card's address behind them."""
    data = bytearray(reply)
    end = _DATA + 1 + (data[_DATA] * _ENTRY if len(data) > _DATA else 0)
    for begin in range(_DATA + 1, min(end, len(data)), _ENTRY):
        data[begin : begin + _NAME] = b" " * len(data[begin : begin + _NAME])
    data[end:] = bytes(len(data[end:]))
    return bytes(data)


NETBIOS = UdpQuestion(UdpProtocol.NETBIOS, 137, _ask, _read, _kept)
