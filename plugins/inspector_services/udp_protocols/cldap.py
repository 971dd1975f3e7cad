"""LDAP over UDP on port 389 (RFC 1798, MS-ADTS §6.3.3): one attribute of the root DSE. Pure."""

from __future__ import annotations

from inspector_services.udp_observations import UdpProtocol
from inspector_services.udp_protocols import ber
from inspector_services.udp_protocols.question import MalformedReply, Reader, UdpQuestion, require

#: Operations of LDAP (RFC 4511 §4.5).
_SEARCH, _ENTRY, _DONE = 0x63, 0x64, 0x65
_PRESENT = 0x87


def _ask(token: bytes) -> bytes:
    """Search for the root DSE, of which the answer holds the versions of LDAP and nothing else."""
    identifier = int.from_bytes(token[:3], "big") & 0x3FFFFF | 0x400000
    search = ber.encode(
        _SEARCH,
        ber.encode(ber.OCTETS),
        ber.integer(0, ber.ENUMERATED),
        ber.integer(0, ber.ENUMERATED),
        ber.integer(1),
        ber.integer(1),
        ber.encode(ber.BOOLEAN, b"\0"),
        ber.encode(_PRESENT, b"objectClass"),
        ber.encode(ber.SEQUENCE, ber.encode(ber.OCTETS, b"supportedLDAPVersion")),
    )
    return ber.encode(ber.SEQUENCE, ber.integer(identifier), search)


def _read(sent: bytes, reply: bytes) -> str:
    message = Reader(ber.expect(Reader(reply), ber.SEQUENCE))
    require(ber.number(message) == ber.number(Reader(ber.expect(Reader(sent), ber.SEQUENCE))))
    operation, content = ber.read(message)
    require(operation in (_ENTRY, _DONE))
    inner = Reader(content)
    if operation == _ENTRY:
        ber.expect(inner, ber.OCTETS)
        ber.expect(inner, ber.SEQUENCE)
        return "root DSE"
    code = ber.number(inner, ber.ENUMERATED)
    return f"result {code}"


def _kept(reply: bytes) -> bytes:
    """The message with its operation and code: no attribute, asked for or not."""
    try:
        message = Reader(ber.expect(Reader(reply), ber.SEQUENCE))
        identifier = ber.number(message)
        operation, content = ber.read(message)
        if operation == _ENTRY:
            rest = ber.encode(ber.OCTETS) + ber.encode(ber.SEQUENCE)
        else:
            rest = ber.integer(ber.number(Reader(content), ber.ENUMERATED), ber.ENUMERATED)
    except MalformedReply:
        return b""
    return ber.encode(ber.SEQUENCE, ber.integer(identifier), ber.encode(operation, rest))


CLDAP = UdpQuestion(UdpProtocol.CLDAP, 389, _ask, _read, _kept)
