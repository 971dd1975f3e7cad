"""memcached over UDP on port 11211 (its protocol.txt, "UDP protocol"): ``version``. Pure."""

from __future__ import annotations

import re

from inspector import masked
from inspector_services.udp_observations import UdpProtocol
from inspector_services.udp_protocols.question import Reader, UdpQuestion, require

_FRAME = 8
_ERROR = b"ERROR\r\n"
_VERSION = re.compile(rb"VERSION ([ -~]{1,60})\r\n")


def _ask(token: bytes) -> bytes:
    """A frame: request number, number of the datagram, of how many, reserved; then the command."""
    return token[:2] + b"\0\0\0\1\0\0version\r\n"


def _read(sent: bytes, reply: bytes) -> str:
    reader = Reader(reply)
    require(reader.take(2) == sent[:2] and reader.take(6) == b"\0\0\0\1\0\0")
    text = reader.rest()
    version = _VERSION.fullmatch(text)
    require(version is not None or text == _ERROR)
    return f"version {masked(version[1]).decode('ascii')}" if version else ""


def _kept(reply: bytes) -> bytes:
    """The frame with the version, masked."""
    version = _VERSION.fullmatch(reply[_FRAME:])
    return reply[:_FRAME] + b"VERSION " + masked(version[1]) + b"\r\n" if version else reply[: _FRAME + len(_ERROR)]


MEMCACHED = UdpQuestion(UdpProtocol.MEMCACHED, 11211, _ask, _read, _kept)
