"""DNS on port 53 (RFC 1035): the server's identifier, a question of a few bytes with an answer of a few bytes. Pure."""

from __future__ import annotations

from inspector_services.udp_observations import UdpProtocol
from inspector_services.udp_protocols.question import MalformedReply, Reader, UdpQuestion, require

#: Types and classes (RFC 1035 §3.2).
A, SOA, PTR, TXT, IN, CHAOS = 1, 6, 12, 16, 1, 3
_RECURSION_DESIRED = 0x0100
_RESPONSE, _OPCODE, RCODE = 0x8000, 0x7800, 0x000F
AUTHORITATIVE, _TRUNCATED, RECURSION_AVAILABLE = 0x0400, 0x0200, 0x0080
_HEADER = 12
#: The most records, and labels and bytes of a name, that are read.
_MOST_RECORDS, _MOST_LABELS, _NAME_BYTES = 16, 64, 255
_RCODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET")


def query(identifier: bytes, name: str, rdtype: int, rdclass: int, *, flags: int = 0) -> bytes:
    """A message with one question; ``identifier`` has two bytes."""
    labels = b"".join(bytes([len(label)]) + label.encode("ascii") for label in name.split("."))
    header = identifier + flags.to_bytes(2, "big") + b"\0\1" + bytes(6)
    return header + labels + b"\0" + rdtype.to_bytes(2, "big") + rdclass.to_bytes(2, "big")


def flags_of(sent: bytes, reply: bytes) -> int:
    """The flags of the response to a message that ``query`` made. Raises MalformedReply.

    Servers repeat the question; one that cannot read it need not (RFC 1035 §4.1.1, RFC 2136 §3.1.1), nor does one that
    refuses: Unbound 1.17 (``refuse_non_local``) counts no question, and sends what is left of its buffer.
    """
    reader = Reader(reply)
    require(reader.take(2) == sent[:2])
    flags, questions = reader.number(2), reader.number(2)
    records = reader.take(6)
    require(bool(flags & _RESPONSE) and not flags & _OPCODE and (flags & RCODE) < len(_RCODES))
    asked = sent[_HEADER:]
    counts_nothing = not questions and records == bytes(6)
    is_error = (not reader.left or counts_nothing) and flags & RCODE in (1, 2, 4, 5)
    require((questions == 1 and reader.left >= len(asked) and _same(reader.take(len(asked)), asked)) or is_error)
    return flags


def _same(repeated: bytes, asked: bytes) -> bool:
    """Names are equal in any case (RFC 1035 §2.3.3)."""
    return repeated.lower() == asked.lower()


def kept(reply: bytes) -> bytes:
    """Header and question alone, with no record counted."""
    return reply[:6] + bytes(6) + _question_of(reply)


def _ask(token: bytes) -> bytes:
    """``id.server`` in the class CHAOS (RFC 4892): the server itself answers, or refuses."""
    return query(token[:2], "id.server", TXT, CHAOS)


def _read(sent: bytes, reply: bytes) -> str:
    return _RCODES[flags_of(sent, reply) & RCODE]


DNS = UdpQuestion(UdpProtocol.DNS, 53, _ask, _read, kept)

#: A zone that resolvers are not to treat in a special way, unlike ``invalid.`` or ``localhost.``, which many answer by
#: themselves (RFC 6761 §6.5).
_FOREIGN_ZONE = "example.com"


def _ask_recursion(token: bytes) -> bytes:
    """The address of a random name in a zone of IANA: no cache has it, and only the zone's servers deny it."""
    return query(token[:2], f"{token[2:10].hex()}.{_FOREIGN_ZONE}", A, IN, flags=_RECURSION_DESIRED)


def _read_recursion(sent: bytes, reply: bytes) -> str:
    """``resolves``, ``refuses``, or what was answered, which tells neither.

    A server resolves when it denies the name without authority for it, and names the zone that says so (RFC 2308 §2).
    Answers by its own authority, from files or rules of its own, are none of a resolver, whatever its flags say; nor is
    an address for a name that does not exist, or a referral.
    """
    flags = flags_of(sent, reply)
    rcode = _RCODES[flags & RCODE]
    is_available = bool(flags & RECURSION_AVAILABLE)
    if rcode in ("REFUSED", "NOTIMP"):
        return REFUSES
    if rcode not in ("NOERROR", "NXDOMAIN") or flags & _TRUNCATED:
        return rcode
    if flags & AUTHORITATIVE:
        return f"{rcode} by its own authority" if is_available else REFUSES
    if _denying_zone(sent, reply) is not None:
        return RESOLVES if is_available else f"{rcode} though recursion is not available"
    if rcode == "NXDOMAIN" or _counts(reply)[0]:
        return f"{rcode} without the zone that says so"
    return f"{rcode} without an answer" if is_available else REFUSES


def _kept_denial(reply: bytes) -> bytes:
    """Header and question, the number of answers, and the owner of the SOA record in the authority section."""
    asked = _question_of(reply)
    zone = _denying_zone(_HEADER * b"\0" + asked, reply)
    answers = reply[6:8]
    if zone is None:
        return reply[:6] + answers + bytes(4) + asked
    record = zone + SOA.to_bytes(2, "big") + IN.to_bytes(2, "big") + bytes(6)
    return reply[:6] + answers + b"\0\1\0\0" + asked + record


def _question_of(message: bytes) -> bytes:
    """The question of a message, cut off where the message is."""
    end = _HEADER
    while end < len(message) and message[end]:
        end += 1 + message[end]
    return message[_HEADER : end + 5]


def _counts(reply: bytes) -> tuple[int, int]:
    """How many answers and how many records of authority a message says that it has."""
    return int.from_bytes(reply[6:8], "big"), int.from_bytes(reply[8:10], "big")


def _denying_zone(sent: bytes, reply: bytes) -> bytes | None:
    """The owner of the SOA record by which a response denies the name, as it stands in the question; None without."""
    answers, authorities = _counts(reply)
    asked = sent[_HEADER:]
    if answers:
        return None
    try:
        reader = Reader(reply)
        reader.take(_HEADER + len(asked))
        for _ in range(min(authorities, _MOST_RECORDS)):
            owner = _name(reader, reply)
            kind, rdclass = reader.number(2), reader.number(2)
            reader.take(4)
            reader.take(reader.number(2))
            if (kind, rdclass) == (SOA, IN):
                return owner if asked[:-4].lower().endswith(owner) else None
    except MalformedReply:
        pass
    return None


def _name(reader: Reader, message: bytes) -> bytes:
    """The next name, uncompressed and in lower case (RFC 1035 §4.1.4)."""
    found, steps = b"", 0
    while True:
        length = reader.number(1)
        steps += 1
        require(steps <= _MOST_LABELS and len(found) < _NAME_BYTES)
        if length >= 0xC0:
            at = (length & 0x3F) << 8 | reader.number(1)
            reader = Reader(message[at:])
            continue
        require(length < 64)
        found += bytes([length]) + reader.take(length).lower()
        if not length:
            return found


RESOLVES, REFUSES = "resolves", "refuses"
RECURSION = UdpQuestion(UdpProtocol.DNS, 53, _ask_recursion, _read_recursion, _kept_denial)
