"""DNS on port 53 (RFC 1035): the server's identifier, a question of a few bytes with an answer of a few bytes. Pure."""

from __future__ import annotations

from inspector_services.udp_observations import UdpProtocol
from inspector_services.udp_protocols.question import Reader, UdpQuestion, require

#: Types and classes (RFC 1035 §3.2).
A, TXT, PTR, IN, CHAOS = 1, 16, 12, 1, 3
_RECURSION_DESIRED = 0x0100
_RESPONSE, _OPCODE, _AUTHORITATIVE, _RECURSION_AVAILABLE, _RCODE = 0x8000, 0x7800, 0x0400, 0x0080, 0x000F
_HEADER = 12
_RCODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET")


def query(identifier: bytes, name: str, rdtype: int, rdclass: int, *, flags: int = 0) -> bytes:
    """A message with one question; ``identifier`` has two bytes."""
    labels = b"".join(bytes([len(label)]) + label.encode("ascii") for label in name.split("."))
    header = identifier + flags.to_bytes(2, "big") + b"\0\1" + bytes(6)
    return header + labels + b"\0" + rdtype.to_bytes(2, "big") + rdclass.to_bytes(2, "big")


def flags_of(sent: bytes, reply: bytes) -> int:
    """The flags of the response to a message that ``query`` made. Raises MalformedReply.

    Servers repeat the question; one that cannot read it need not (RFC 1035 §4.1.1, RFC 2136 §3.1.1).
    """
    reader = Reader(reply)
    require(reader.take(2) == sent[:2])
    flags, questions = reader.number(2), reader.number(2)
    reader.take(6)
    require(bool(flags & _RESPONSE) and not flags & _OPCODE and (flags & _RCODE) < len(_RCODES))
    asked = sent[_HEADER:]
    is_error = not reader.left and flags & _RCODE in (1, 2, 4, 5)
    require((questions == 1 and reader.left >= len(asked) and _same(reader.take(len(asked)), asked)) or is_error)
    return flags


def _same(repeated: bytes, asked: bytes) -> bool:
    """Names are equal in any case (RFC 1035 §2.3.3)."""
    return repeated.lower() == asked.lower()


def kept(reply: bytes) -> bytes:
    """Header and question alone, with no record counted."""
    end = _HEADER
    while 0 < end < len(reply) and reply[end]:
        end += 1 + reply[end]
    return reply[:6] + bytes(6) + reply[_HEADER : end + 5]


def _ask(token: bytes) -> bytes:
    """``id.server`` in the class CHAOS (RFC 4892): the server itself answers, or refuses."""
    return query(token[:2], "id.server", TXT, CHAOS)


def _read(sent: bytes, reply: bytes) -> str:
    return _RCODES[flags_of(sent, reply) & _RCODE]


DNS = UdpQuestion(UdpProtocol.DNS, 53, _ask, _read, kept)


def _ask_recursion(token: bytes) -> bytes:
    """The address of a name that nobody can have (RFC 6761 §6.4), to be resolved."""
    return query(token[:2], "inspector.invalid", A, IN, flags=_RECURSION_DESIRED)


def _read_recursion(sent: bytes, reply: bytes) -> str:
    """``resolves`` when the server did, ``refuses`` when it says that it does not; else the RCODE, which tells neither.

    An authoritative server answers for its zones only, and an answer of its own zone is not one of a resolver.
    """
    flags = flags_of(sent, reply)
    rcode = _RCODES[flags & _RCODE]
    if rcode in ("REFUSED", "NOTIMP") or not flags & _RECURSION_AVAILABLE:
        return REFUSES
    if rcode in ("NOERROR", "NXDOMAIN"):
        return RESOLVES
    return rcode


RESOLVES, REFUSES = "resolves", "refuses"
RECURSION = UdpQuestion(UdpProtocol.DNS, 53, _ask_recursion, _read_recursion, kept)
