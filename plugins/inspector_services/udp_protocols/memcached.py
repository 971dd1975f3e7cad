"""memcached over UDP on port 11211 (its protocol.txt, "UDP protocol"): ``version``. Pure."""

from __future__ import annotations

import re

from inspector_services.udp_observations import UdpProtocol
from inspector_services.udp_protocols.question import Reader, UdpQuestion, require

_VERSION = re.compile(rb"VERSION ([ -~]{1,60})\r\n")


def _ask(token: bytes) -> bytes:
    """A frame: request number, number of the datagram, of how many, reserved; then the command."""
    return token[:2] + b"\0\0\0\1\0\0version\r\n"


def _read(sent: bytes, reply: bytes) -> str:
    reader = Reader(reply)
    require(reader.take(2) == sent[:2] and reader.take(6) == b"\0\0\0\1\0\0")
    text = reader.rest()
    version = _VERSION.fullmatch(text)
    require(version is not None or text == b"ERROR\r\n")
    return f"version {version[1].decode('ascii')}" if version else ""


MEMCACHED = UdpQuestion(UdpProtocol.MEMCACHED, 11211, _ask, _read)
