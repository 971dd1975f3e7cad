"""RDP: X.224 connection requests, each with other security protocols ([MS-RDPBCGR] §2.2.1.1, §2.2.1.2).

A client that is refused asks again with others: three requests show what the server accepts. Nobody logs in.
"""

from __future__ import annotations

import re
import struct

from inspector import Answer
from inspector_services.observations import Banner, RdpSecurity, ServiceProtocol
from inspector_services.protocols.dialogue import Ask, Grammar, Turns, answer_to, unseen_cause, was_asked

_STANDARD, _TLS, _NLA, _NLA_EXTENDED = 0, 1, 2, 8
#: TPKT header and X.224 connection confirm, then nothing, a negotiation response (2) or a failure (3).
_CONFIRM = re.compile(rb"\x03\x00\x00(.).\xd0.{5}(?:([\x02\x03]).\x08\x00(.{4}))?\Z", re.DOTALL)
#: Failure codes that say what is refused: TLS required or not allowed, no certificate, NLA required.
_REFUSALS = frozenset({1, 2, 3, 5, 6})


def _request(protocols: int) -> bytes:
    negotiation = struct.pack("<BBHI", 1, 0, 8, protocols)
    x224 = b"\xe0\x00\x00\x00\x00\x00" + negotiation
    return struct.pack(">BBHB", 3, 0, 5 + len(x224), len(x224)) + x224


def _is_whole(received: bytes) -> bool:
    return len(received) >= max(7, int.from_bytes(received[2:4], "big"))


CONNECT = Ask("rdp", _request(_TLS | _NLA | _NLA_EXTENDED), _is_whole)
_WITH_TLS = Ask("rdp tls", _request(_TLS), _is_whole, apart=True)
_WITHOUT = Ask("rdp standard", _request(_STANDARD), _is_whole, apart=True)


def _selected(received: bytes) -> int | None:
    """The protocol that a confirm selects, -1 for a refusal; None where neither was received."""
    found = _CONFIRM.fullmatch(received)
    if found is None or len(received) != found[1][0]:
        return None
    if found[2] is None:
        return _STANDARD
    number = int.from_bytes(found[3], "little")
    if found[2] == b"\x02":
        return number
    return -1 if number in _REFUSALS else None


def _accepts(turns: Turns, ask: Ask, *protocols: int) -> Answer[bool]:
    selected = _selected(answer_to(turns, ask.name))
    if selected is None:
        return Answer[bool](unseen=unseen_cause(turns, ask.name))
    return Answer[bool](seen=selected in protocols)


def _then(turns: Turns) -> Ask | None:
    return next((ask for ask in (_WITH_TLS, _WITHOUT) if not was_asked(turns, ask.name)), None)


def _describe(turns: Turns) -> Banner:
    security = RdpSecurity(
        standard=_accepts(turns, _WITHOUT, _STANDARD),
        tls=_accepts(turns, _WITH_TLS, _TLS),
        nla=_accepts(turns, CONNECT, _NLA, _NLA_EXTENDED),
    )
    # Without TLS the level of encryption, which may be none, is agreed upon after the connection is made (§5.3.1).
    cleartext = False if security.standard.seen is False else None
    return Banner(text="", protocol=ServiceProtocol.RDP, rdp=security, cleartext=cleartext)


RDP = Grammar(
    ServiceProtocol.RDP,
    lambda turn: turn.question == CONNECT.name and _selected(turn.received) is not None,
    _describe,
    first=CONNECT,
    then=_then,
    kept=lambda turn: turn.received[:19],
)
