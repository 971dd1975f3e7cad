"""CoAP on port 5683: a ping, which an endpoint answers with a reset of the same four bytes (RFC 7252 §4.3). Pure."""

from __future__ import annotations

from inspector_services.udp_observations import UdpProtocol
from inspector_services.udp_protocols.question import UdpQuestion, require

_CONFIRMABLE, _RESET = b"\x40", b"\x70"
_EMPTY = b"\0"


def _ask(token: bytes) -> bytes:
    return _CONFIRMABLE + _EMPTY + token[:2]


def _read(sent: bytes, reply: bytes) -> str:
    require(reply == _RESET + _EMPTY + sent[2:4])
    return ""


COAP = UdpQuestion(UdpProtocol.COAP, 5683, _ask, _read)
