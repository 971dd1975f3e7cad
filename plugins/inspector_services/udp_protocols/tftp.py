"""TFTP on port 69 (RFC 1350): a read request for a name that no file has. Pure."""

from __future__ import annotations

from inspector import masked
from inspector_services.udp_observations import UdpProtocol
from inspector_services.udp_protocols.question import Reader, UdpQuestion, require

_READ, _ERROR = 1, 5
#: The highest code of an error (RFC 2347).
_LAST_CODE = 8
_TEXT_BYTES = 512


def _ask(token: bytes) -> bytes:
    name = b"inspector-" + token[:8].hex().encode("ascii")
    return _READ.to_bytes(2, "big") + name + b"\0octet\0"


def _read(_sent: bytes, reply: bytes) -> str:
    """An error, whose text ends with a zero byte; the protocol repeats nothing of the request."""
    reader = Reader(reply)
    require(reader.number(2) == _ERROR)
    code, text = reader.number(2), reader.rest()
    require(code <= _LAST_CODE and len(text) <= _TEXT_BYTES and text[-1:] == b"\0" and _is_text(text[:-1]))
    return f"error {code}"


def _is_text(text: bytes) -> bool:
    return all(byte >= 0x20 and byte != 0x7F for byte in text)


def _kept(reply: bytes) -> bytes:
    """The reply, its text masked: servers may name their folder in it."""
    return reply[:4] + masked(reply[4:])


TFTP = UdpQuestion(UdpProtocol.TFTP, 69, _ask, _read, _kept, from_any_port=True)
