"""NTP on port 123: time as a client asks for it (RFC 5905), and the modes for operators: 6 (RFC 9327) and 7. Pure."""

from __future__ import annotations

from inspector_services.udp_observations import UdpProtocol
from inspector_services.udp_protocols.question import Reader, UdpQuestion, require

_CLIENT, _SERVER, _CONTROL, _PRIVATE = 3, 4, 6, 7
_VERSION_4, _VERSION_2 = 4 << 3, 2 << 3
_UNSYNCHRONISED = 3 << 6


def _ask(token: bytes) -> bytes:
    """A client's packet with nothing in it but a random transmit timestamp, which the server returns."""
    return bytes([_UNSYNCHRONISED | _VERSION_4 | _CLIENT]) + bytes(39) + token[:8]


def _read(sent: bytes, reply: bytes) -> str:
    reader = Reader(reply)
    first, stratum = reader.number(1), reader.number(1)
    reader.take(22)
    require(first & 7 == _SERVER and 1 <= first >> 3 & 7 <= 4 and stratum <= 16)
    require(reader.take(8) == sent[40:48] and reader.left >= 16)
    return f"version {first >> 3 & 7}, stratum {stratum}"


def _kept(reply: bytes) -> bytes:
    """Version, mode and stratum, and the timestamp of the question; the server's source and times are zeros."""
    return reply[:2] + bytes(22) + reply[24:32] + bytes(16)


NTP = UdpQuestion(UdpProtocol.NTP, 123, _ask, _read, _kept)

ANSWERED, REFUSED = "answered", "refused"
_READ_VARIABLES, _RESPONSE, _ERROR = 2, 0x80, 0x40
_NAMES = b"stratum\0"
#: Errors of mode 6 (RFC 9327 §3): authentication failure and administratively prohibited; unknown variable.
_PROHIBITIONS, _UNKNOWN_VARIABLE = (1, 7), 5


def _ask_control(token: bytes) -> bytes:
    """Mode 6: read one variable of the system (RFC 9327 §4), so that the answer is as short as the question."""
    head = bytes([_VERSION_2 | _CONTROL, _READ_VARIABLES]) + token[:2] + bytes(6)
    return head + len(_NAMES.rstrip(b"\0")).to_bytes(2, "big") + _NAMES


def _read_control(sent: bytes, reply: bytes) -> str:
    """An error that is no prohibition tells nothing, but that of a variable: a server that looks it up answers."""
    reader = Reader(reply)
    first, operation = reader.number(1), reader.number(1)
    require(first & 7 == _CONTROL and operation & 0x1F == _READ_VARIABLES and bool(operation & _RESPONSE))
    require(reader.take(2) == sent[2:4])
    error = reader.number(1)
    reader.take(5)
    require(reader.number(2) <= reader.left)
    if not operation & _ERROR or error == _UNKNOWN_VARIABLE:
        return ANSWERED
    return REFUSED if error in _PROHIBITIONS else f"error {error}"


def _kept_header(reply: bytes) -> bytes:
    """The header, with no data counted: the list of clients is in the data."""
    return reply[:10] + bytes(2) if reply[:1] and reply[0] & 7 == _CONTROL else reply[:8]


CONTROL = UdpQuestion(UdpProtocol.NTP, 123, _ask_control, _read_control, _kept_header)
_XNTPD, _MONITOR_LIST = 3, 42


def _ask_monitor(_token: bytes) -> bytes:
    """Mode 7: the list of recent clients (ntpd before 4.2.7p26, CVE-2013-5211)."""
    return bytes([_VERSION_2 | _PRIVATE, 0, _XNTPD, _MONITOR_LIST]) + bytes(4)


def _read_monitor(_sent: bytes, reply: bytes) -> str:
    """A response has the same implementation and request; its error is in the upper half of the fifth byte."""
    reader = Reader(reply)
    first, _sequence = reader.number(1), reader.number(1)
    require(first & 7 == _PRIVATE and bool(first & _RESPONSE) and reader.take(2) == bytes([_XNTPD, _MONITOR_LIST]))
    return REFUSED if reader.number(4) >> 28 else ANSWERED


MONITOR = UdpQuestion(UdpProtocol.NTP, 123, _ask_monitor, _read_monitor, _kept_header)
