"""SSDP on port 1900 (UPnP Device Architecture 2.0 §1.3): a search by unicast. Pure."""

from __future__ import annotations

import re

from inspector import masked
from inspector_services.udp_observations import UdpProtocol
from inspector_services.udp_protocols.question import UdpQuestion, require

_TARGET = b"upnp:rootdevice"
_SEARCH = (
    b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: '
    + _TARGET
    + b"\r\n\r\n"
)
_STATUS = b"HTTP/1.1 200 OK\r\n"
_FIELD = re.compile(rb"^(ST|USN|SERVER):[ \t]*([ -~]{0,200})\r$", re.IGNORECASE | re.MULTILINE)


def _fields(reply: bytes) -> dict[bytes, bytes]:
    return {name.upper(): value.strip() for name, value in _FIELD.findall(reply)}


def _ask(_token: bytes) -> bytes:
    return _SEARCH


def _read(_sent: bytes, reply: bytes) -> str:
    """The status, and the fields that every response to a search has."""
    fields = _fields(reply)
    require(reply.startswith(_STATUS) and fields.get(b"ST") == _TARGET and bool(fields.get(b"USN")))
    return masked(fields.get(b"SERVER", b""))[:80].decode("ascii")


def _kept(reply: bytes) -> bytes:
    """The status and the fields that are read; the device's identifier and address are left out."""
    fields = _fields(reply)
    if not reply.startswith(_STATUS):
        return b""
    values = {name: b"uuid" if name == b"USN" else value for name, value in fields.items() if value}
    if b"SERVER" in values:
        values[b"SERVER"] = masked(values[b"SERVER"])
    return _STATUS + b"".join(name + b": " + value + b"\r\n" for name, value in values.items()) + b"\r\n"


SSDP = UdpQuestion(UdpProtocol.SSDP, 1900, _ask, _read, _kept)
