"""SMB: negotiation of SMB 2 and 3, then of SMB 1 alone; at the NetBIOS session service after a session request.

A server without SMB 1 disconnects ([MS-SMB2] §3.3.5.3.1), as one does that is overloaded, bans a client or ends: SMB 2
is then negotiated once more, to see that the server still answers.

[MS-SMB2] §2.2.3–2.2.4, [MS-SMB] §2.2.4.5, RFC 1002 §4.3. No session is set up.
"""

from __future__ import annotations

import re
import struct

from inspector import Answer
from inspector_services.observations import Banner, ServiceProtocol, SmbSecurity
from inspector_services.protocols.dialogue import Ask, Grammar, Turn, Turns, answer_to, unseen_cause, was_asked

_DIALECTS = {0x0202: "2.0.2", 0x0210: "2.1", 0x0300: "3.0", 0x0302: "3.0.2", 0x0311: "3.1.1"}
_SIGNING_ENABLED, _SIGNING_REQUIRED, _SMB1_SIGNING_REQUIRED = 1, 2, 8
_NO_DIALECT = 0xFFFF
#: Session message header (type 0, length), then a negotiate response: status, security mode and dialect.
_SMB2 = re.compile(rb"\x00...\xfeSMB\x40\x00..(.{4})\x00\x00.{50}\x41\x00(.{2})(.{2})", re.DOTALL)
#: SMB_COM_NEGOTIATE: status, then the number of words, the dialect's index, and the security mode of NT LM 0.12.
_SMB1 = re.compile(rb"\x00...\xffSMB\x72(.{4})[\x80-\xff].{22}([\x01\x0d\x11])(.{2})(.)?", re.DOTALL)
_SESSION = re.compile(rb"(?:\x82\x00\x00\x00|\x83\x00\x00\x01[\x80-\x8f])")


def _message(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


def _negotiate_2() -> bytes:
    """SMB 2.0.2 to 3.1.1; the contexts that 3.1.1 demands: SHA-512 with a salt, AES-128-GCM."""
    contexts = (
        struct.pack("<HHI", 1, 38, 0) + struct.pack("<HHH", 1, 32, 1) + bytes(32) + b"\x00\x00"
        + struct.pack("<HHI", 2, 4, 0) + struct.pack("<HH", 1, 2)
    )  # fmt: skip
    header = b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ16s", 64, 1, 0, 0, 31, 0, 0, 0, 0, 0, 0, b"")
    dialects = struct.pack(f"<{len(_DIALECTS)}H", *_DIALECTS)
    padding = bytes(-(36 + len(dialects)) % 8)
    offset = 64 + 36 + len(dialects) + len(padding)
    fixed = struct.pack("<HHHHI16sIHH", 36, len(_DIALECTS), _SIGNING_ENABLED, 0, 0, b"inspector", offset, 2, 0)
    return _message(header + fixed + dialects + padding + contexts)


def _negotiate_1() -> bytes:
    header = b"\xffSMB\x72" + struct.pack("<IBHH8sHHHHH", 0, 0x18, 0x0001, 0, b"", 0, 0xFFFF, 1, 0, 0)
    dialect = b"\x02NT LM 0.12\x00"
    return _message(header + b"\x00" + struct.pack("<H", len(dialect)) + dialect)


def _netbios_name(name: bytes) -> bytes:
    """First-level encoding (RFC 1001 §14.1) of a name padded to 16 bytes."""
    padded = name.ljust(15) + b"\x20"
    return b"\x20" + b"".join(bytes((0x41 + (byte >> 4), 0x41 + (byte & 15))) for byte in padded) + b"\x00"


def _is_whole(received: bytes) -> bool:
    return len(received) >= 4 + int.from_bytes(received[1:4], "big")


_CALL = _netbios_name(b"*SMBSERVER") + _netbios_name(b"INSPECTOR")
_REQUEST = b"\x81\x00" + struct.pack(">H", len(_CALL)) + _CALL

SMB2 = Ask("smb2", _negotiate_2(), _is_whole)
SMB1 = Ask("smb1", _negotiate_1(), _is_whole, apart=True)
SESSION = Ask("netbios session", _REQUEST, _is_whole)
_SESSION_AGAIN = Ask("netbios session again", _REQUEST, _is_whole, apart=True)
_SMB1_IN_SESSION = Ask(SMB1.name, SMB1.sent, _is_whole)
_LAST_SESSION = Ask("netbios session after smb1", _REQUEST, _is_whole, apart=True)
SMB2_AGAIN = Ask("smb2 after smb1", SMB2.sent, _is_whole, apart=True)
_SMB2_IN_LAST_SESSION = Ask(SMB2_AGAIN.name, SMB2.sent, _is_whole)


def _is_refused(received: bytes) -> bool:
    """Whether the answer, which is complete, offers no SMB 1 dialect."""
    found = _SMB1.match(received)
    return found is not None and (found[1] != bytes(4) or int.from_bytes(found[3], "little") == _NO_DIALECT)


def _offers_smb1(received: bytes) -> re.Match[bytes] | None:
    found = _SMB1.match(received)
    return found if found and not _is_refused(received) and found[4] else None


def _is_disconnected(turns: Turns) -> bool:
    """Whether the server answered SMB 1 by closing the connection."""
    turn = next((each for each in reversed(turns) if each.question == SMB1.name), None)
    return turn is not None and turn.closed and not turn.received


def _smb1(turns: Turns) -> Answer[bool]:
    """A server that closes the connection on SMB 1, and speaks SMB 2 before and after, does not offer it."""
    received = answer_to(turns, SMB1.name)
    if _offers_smb1(received):
        return Answer[bool](seen=True)
    if _is_refused(received):
        return Answer[bool](seen=False)
    if not _is_disconnected(turns):
        return Answer[bool](unseen=unseen_cause(turns, SMB1.name))
    if _SMB2.match(answer_to(turns, SMB2_AGAIN.name)):
        return Answer[bool](seen=False)
    return Answer[bool](unseen=unseen_cause(turns, SMB2_AGAIN.name))


def _signing(turns: Turns) -> Answer[bool]:
    modes = []
    if found := _SMB2.match(answer_to(turns, SMB2.name)):
        modes.append(bool(found[2][0] & _SIGNING_REQUIRED))
    if found := _offers_smb1(answer_to(turns, SMB1.name)):
        modes.append(bool(found[4][0] & _SMB1_SIGNING_REQUIRED))
    if not modes:
        return Answer[bool](unseen=unseen_cause(turns, SMB2.name))
    if all(modes) and (unseen := _smb1(turns).unseen):
        return Answer[bool](unseen=unseen)
    return Answer[bool](seen=all(modes))


def _describe(turns: Turns) -> Banner:
    found = _SMB2.match(answer_to(turns, SMB2.name))
    dialect = _DIALECTS.get(int.from_bytes(found[3], "little"), "") if found else ""
    security = SmbSecurity(dialect=dialect, signing_required=_signing(turns), smb1=_smb1(turns))
    return Banner(text="", protocol=ServiceProtocol.SMB, smb=security)


def _recognises(turn: Turn) -> bool:
    if turn.question in (SMB2.name, SMB2_AGAIN.name):
        return _SMB2.match(turn.received) is not None
    return turn.question == SMB1.name and _SMB1.match(turn.received) is not None


def _then(turns: Turns) -> Ask | None:
    is_in_session = was_asked(turns, SESSION.name)
    if not was_asked(turns, SMB1.name):
        if not is_in_session:
            return SMB1
        return _SMB1_IN_SESSION if was_asked(turns, _SESSION_AGAIN.name) else _SESSION_AGAIN
    if not _is_disconnected(turns) or was_asked(turns, SMB2_AGAIN.name):
        return None
    if not is_in_session:
        return SMB2_AGAIN
    return _SMB2_IN_LAST_SESSION if was_asked(turns, _LAST_SESSION.name) else _LAST_SESSION


def _session_then(turns: Turns) -> Ask | None:
    """Within the session SMB is negotiated."""
    is_positive = answer_to(turns, SESSION.name)[:1] == b"\x82"
    return SMB2 if is_positive and not was_asked(turns, SMB2.name) else None


def _kept(turn: Turn) -> bytes:
    """The headers up to what is read: no name and no identifier of the server."""
    return turn.received[: 40 if turn.question == SMB1.name else 76]


SMB = Grammar(ServiceProtocol.SMB, _recognises, _describe, first=SMB2, then=_then, kept=_kept)
NETBIOS = Grammar(
    ServiceProtocol.NETBIOS,
    lambda turn: turn.question == SESSION.name and _SESSION.fullmatch(turn.received) is not None,
    lambda _turns: Banner(text="", protocol=ServiceProtocol.NETBIOS),
    first=SESSION,
    then=_session_then,
    kept=lambda turn: turn.received[:8],
)
