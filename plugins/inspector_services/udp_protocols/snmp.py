"""SNMP on port 161: discovery of the engine without any user (RFC 3414 §4), and the community ``public``. Pure."""

from __future__ import annotations

from inspector_services.udp_observations import UdpProtocol
from inspector_services.udp_protocols import ber
from inspector_services.udp_protocols.question import MalformedReply, Reader, UdpQuestion, require

_VERSION_3 = 3
_REPORTABLE = b"\x04"
_USER_SECURITY = 3
_GET, _RESPONSE, _REPORT = 0xA0, 0xA2, 0xA8
#: The engine's identifier begins with its vendor's enterprise number (RFC 3411 §5, SnmpEngineID).
_ENTERPRISE_BYTES = 4


def _number(token: bytes) -> int:
    """A positive number of four bytes."""
    return int.from_bytes(token[:4], "big") & 0x3FFFFFFF | 0x40000000


def _ask(token: bytes) -> bytes:
    """A request that an engine answers with a report of its identifier: no engine, no user, no object."""
    empty = ber.encode(ber.OCTETS)
    zero = ber.integer(0)
    header = ber.encode(
        ber.SEQUENCE,
        ber.integer(_number(token)),
        ber.integer(65507),
        ber.encode(ber.OCTETS, _REPORTABLE),
        ber.integer(_USER_SECURITY),
    )
    security = ber.encode(ber.OCTETS, ber.encode(ber.SEQUENCE, empty, zero, zero, empty, empty, empty))
    request = ber.encode(_GET, ber.integer(_number(token)), zero, zero, ber.encode(ber.SEQUENCE))
    scoped = ber.encode(ber.SEQUENCE, empty, empty, request)
    return ber.encode(ber.SEQUENCE, ber.integer(_VERSION_3), header, security, scoped)


def _engine(reply: bytes) -> tuple[int, bytes]:
    """The message number and the engine's identifier in a report. Raises MalformedReply."""
    message = Reader(ber.expect(Reader(reply), ber.SEQUENCE))
    require(ber.number(message) == _VERSION_3)
    header = Reader(ber.expect(message, ber.SEQUENCE))
    identifier = ber.number(header)
    security = Reader(ber.expect(Reader(ber.expect(message, ber.OCTETS)), ber.SEQUENCE))
    engine = ber.expect(security, ber.OCTETS)
    scoped = Reader(ber.expect(message, ber.SEQUENCE))
    ber.expect(scoped, ber.OCTETS)
    ber.expect(scoped, ber.OCTETS)
    ber.expect(scoped, _REPORT)
    require(len(engine) > _ENTERPRISE_BYTES)
    return identifier, engine


def _identifier(sent: bytes) -> int:
    message = Reader(ber.expect(Reader(sent), ber.SEQUENCE))
    ber.number(message)
    return ber.number(Reader(ber.expect(message, ber.SEQUENCE)))


def _read(sent: bytes, reply: bytes) -> str:
    identifier, engine = _engine(reply)
    require(identifier == _identifier(sent))
    return f"version 3, enterprise {int.from_bytes(engine[:_ENTERPRISE_BYTES], 'big') & 0x7FFFFFFF}"


def _kept(reply: bytes) -> bytes:
    """The report with its number and the vendor alone: what follows in the identifier is often an address or a name."""
    try:
        identifier, engine = _engine(reply)
    except MalformedReply:
        return b""
    engine = engine[:_ENTERPRISE_BYTES] + bytes(len(engine) - _ENTERPRISE_BYTES)
    return ber.encode(
        ber.SEQUENCE,
        ber.integer(_VERSION_3),
        ber.encode(ber.SEQUENCE, ber.integer(identifier)),
        ber.encode(ber.OCTETS, ber.encode(ber.SEQUENCE, ber.encode(ber.OCTETS, engine))),
        ber.encode(ber.SEQUENCE, ber.encode(ber.OCTETS), ber.encode(ber.OCTETS), ber.encode(_REPORT)),
    )


SNMP = UdpQuestion(UdpProtocol.SNMP, 161, _ask, _read, _kept)

#: sysObjectID.0 (RFC 3418): what kind of agent it is, and nothing about its place or people.
_OBJECT = ber.encode(ber.OID, bytes([0x2B, 6, 1, 2, 1, 1, 2, 0]))
_PUBLIC = b"public"
ACCEPTED, REFUSED = "accepted", "refused"
#: The error by which an agent says that a community may not read (RFC 3416 §3), and the values of an object that it
#: lacks, or hides: noSuchObject and noSuchInstance.
_AUTHORIZATION_ERROR = 16
_NO_VALUES = (0x80, 0x81)


def _with_community(version: int) -> UdpQuestion:
    """Read one object with the community ``public``; ``version`` is 0 for SNMPv1 and 1 for SNMPv2c."""

    def ask(token: bytes) -> bytes:
        bindings = ber.encode(ber.SEQUENCE, ber.encode(ber.SEQUENCE, _OBJECT, ber.encode(ber.NULL)))
        zero = ber.integer(0)
        request = ber.encode(_GET, ber.integer(_number(token)), zero, zero, bindings)
        return ber.encode(ber.SEQUENCE, ber.integer(version), ber.encode(ber.OCTETS, _PUBLIC), request)

    return UdpQuestion(UdpProtocol.SNMP, 161, ask, _read_community, _kept_community)


def _head(data: bytes, tag: int) -> tuple[tuple[int, bytes, int], Reader]:
    """Version, community and request number of a message, and what follows them. Raises MalformedReply."""
    message = Reader(ber.expect(Reader(data), ber.SEQUENCE))
    version, community = ber.number(message), ber.expect(message, ber.OCTETS)
    request = Reader(ber.expect(message, tag))
    return (version, community, ber.number(request)), request


def _read_community(sent: bytes, reply: bytes) -> str:
    """An agent is silent to a community that it does not know, and answers one with an object that every agent has.

    An error other than that of a prohibition, and an object that is not there, tell neither: the community may be one
    that reads other objects, or none.
    """
    head, response = _head(reply, _RESPONSE)
    require(head == _head(sent, _GET)[0])
    error = ber.number(response)
    ber.number(response)
    bindings = Reader(ber.expect(response, ber.SEQUENCE))
    if error:
        return REFUSED if error == _AUTHORIZATION_ERROR else f"error {error}"
    binding = Reader(ber.expect(bindings, ber.SEQUENCE))
    ber.expect(binding, ber.OID)
    tag, _value = ber.read(binding)
    return "has no such object" if tag in _NO_VALUES else ACCEPTED


def _kept_community(reply: bytes) -> bytes:
    """The response with its numbers, and the kind of the value that was read: not the value."""
    try:
        (version, community, identifier), response = _head(reply, _RESPONSE)
        error, index = ber.number(response), ber.number(response)
        binding = Reader(ber.expect(response, ber.SEQUENCE))
        tag = ber.NULL
        if binding.left:
            value = Reader(ber.expect(binding, ber.SEQUENCE))
            ber.expect(value, ber.OID)
            tag, _value = ber.read(value)
    except MalformedReply:
        return b""
    if community != _PUBLIC:
        return b""
    bindings = ber.encode(ber.SEQUENCE, ber.encode(ber.SEQUENCE, _OBJECT, ber.encode(tag)))
    numbers = (ber.integer(identifier), ber.integer(error), ber.integer(index))
    return ber.encode(
        ber.SEQUENCE,
        ber.integer(version),
        ber.encode(ber.OCTETS, community),
        ber.encode(_RESPONSE, *numbers, bindings),
    )


PUBLIC_V1, PUBLIC_V2C = _with_community(0), _with_community(1)
