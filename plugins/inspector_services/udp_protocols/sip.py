"""SIP on port 5060 (RFC 3261 §11): what the server can do. Pure."""

from __future__ import annotations

import re

from inspector import masked
from inspector_services.udp_observations import UdpProtocol
from inspector_services.udp_protocols.question import UdpQuestion, require

_HOST = b"inspector.invalid"
_STATUS = re.compile(rb"SIP/2\.0 ([1-6]\d\d) [^\r\n]{0,200}\r\n")
_FIELD = re.compile(rb"^(call-id|i|cseq|server|user-agent)[ \t]*:[ \t]*([ -~]{0,200})\r$", re.IGNORECASE | re.MULTILINE)
_SEQUENCE = b"1 OPTIONS"


def _ask(token: bytes) -> bytes:
    """OPTIONS to the server itself; the answer comes to where the request came from (RFC 3581)."""
    number = token[:8].hex().encode("ascii")
    lines = (
        b"OPTIONS sip:" + _HOST + b" SIP/2.0",
        b"Via: SIP/2.0/UDP " + _HOST + b";branch=z9hG4bK" + number + b";rport",
        b"Max-Forwards: 0",
        b"From: <sip:" + _HOST + b">;tag=" + number[:8],
        b"To: <sip:" + _HOST + b">",
        b"Call-ID: " + number,
        b"CSeq: " + _SEQUENCE,
        b"User-Agent: Inspector",
        b"Content-Length: 0",
    )
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _fields(message: bytes) -> dict[bytes, bytes]:
    names = {b"i": b"call-id", b"user-agent": b"server"}
    found = ((name.lower(), value.strip()) for name, value in _FIELD.findall(message))
    return {names.get(name, name): value for name, value in found}


def _read(sent: bytes, reply: bytes) -> str:
    status, fields = _STATUS.match(reply), _fields(reply)
    require(status is not None and fields.get(b"cseq") == _SEQUENCE)
    require(fields.get(b"call-id") == _fields(sent)[b"call-id"])
    server = masked(fields.get(b"server", b""))[:80].decode("ascii")
    return " ".join(filter(None, (status[1].decode("ascii") if status else "", server)))


def _kept(reply: bytes) -> bytes:
    """The status and the fields that are read, the server's name masked."""
    status = _STATUS.match(reply)
    if status is None:
        return b""
    fields = _fields(reply)
    if b"server" in fields:
        fields[b"server"] = masked(fields[b"server"])
    head = b"SIP/2.0 " + status[1] + b" \r\n"
    return head + b"".join(name + b": " + value + b"\r\n" for name, value in fields.items()) + b"\r\n"


SIP = UdpQuestion(UdpProtocol.SIP, 5060, _ask, _read, _kept)
