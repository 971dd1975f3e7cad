"""The RPC port mapper on port 111: the procedure that does nothing (RFC 1833 §3, RFC 5531). Pure."""

from __future__ import annotations

from inspector_services.udp_observations import UdpProtocol
from inspector_services.udp_protocols.question import Reader, UdpQuestion, require

_CALL, _REPLY, _RPC_VERSION, _PORT_MAPPER, _VERSION, _NULL = 0, 1, 2, 100000, 2, 0
_ACCEPTED, _DENIED = 0, 1
_SUCCESS, _PROGRAM_MISMATCH, _SYSTEM_ERROR = 0, 2, 5


def _ask(token: bytes) -> bytes:
    """A call without credentials and without arguments."""
    words = (_CALL, _RPC_VERSION, _PORT_MAPPER, _VERSION, _NULL)
    return token[:4] + b"".join(word.to_bytes(4, "big") for word in words) + bytes(16)


def _read(sent: bytes, reply: bytes) -> str:
    reader = Reader(reply)
    require(reader.take(4) == sent[:4] and reader.number(4) == _REPLY)
    if reader.number(4) == _DENIED:
        require(reader.number(4) in (0, 1) and reader.left >= 4)
        return "denied"
    require(reply[8:12] == bytes(4))
    reader.number(4)
    reader.take(reader.number(4))
    status = reader.number(4)
    require(status <= _SYSTEM_ERROR and reader.left == (8 if status == _PROGRAM_MISMATCH else 0))
    return "version 2" if status == _SUCCESS else f"status {status}"


PORTMAP = UdpQuestion(UdpProtocol.PORTMAP, 111, _ask, _read)
