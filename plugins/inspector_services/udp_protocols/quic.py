"""QUIC on port 443: a version that no server has, to which it names those that it has (RFC 9000 §6, §17.2.1). Pure."""

from __future__ import annotations

from inspector_services.udp_observations import UdpProtocol
from inspector_services.udp_protocols.question import Reader, UdpQuestion, require

_LONG_HEADER, _FIXED = 0x80, 0x40
#: A version reserved to exercise negotiation (RFC 9000 §15).
_RESERVED = bytes.fromhex("1a2a3a4a")
#: Servers drop a first datagram that is smaller (RFC 9000 §14.1).
_DATAGRAM = 1200
_IDENTIFIER = 8
_MOST_SHOWN = 8


def _ask(token: bytes) -> bytes:
    header = bytes([_LONG_HEADER | _FIXED]) + _RESERVED
    for identifier in (token[:_IDENTIFIER], token[_IDENTIFIER : 2 * _IDENTIFIER]):
        header += bytes([_IDENTIFIER]) + identifier
    return header.ljust(_DATAGRAM, b"\0")


def _read(sent: bytes, reply: bytes) -> str:
    """Version negotiation: both identifiers, exchanged, and the versions."""
    reader = Reader(reply)
    require(bool(reader.number(1) & _LONG_HEADER) and reader.number(4) == 0)
    ours, theirs = sent[6:14], sent[15:23]
    require(reader.take(reader.number(1)) == theirs and reader.take(reader.number(1)) == ours)
    require(reader.left > 0 and reader.left % 4 == 0)
    versions = [reader.number(4) for _ in range(reader.left // 4)]
    known = [version for version in versions if version & 0x0F0F0F0F != 0x0A0A0A0A]
    return "versions " + ", ".join(f"0x{version:08x}" for version in known[:_MOST_SHOWN])


QUIC = UdpQuestion(UdpProtocol.QUIC, 443, _ask, _read)
