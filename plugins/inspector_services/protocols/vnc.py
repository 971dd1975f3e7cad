"""VNC: the version of the RFB protocol, and the security types that the server offers (RFC 6143 §7.1)."""

from __future__ import annotations

import re

from inspector import masked
from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import GREETING, Ask, Grammar, Turn, Turns, answer_to, was_asked

_VERSION = re.compile(rb"RFB (\d{3})\.(\d{3})\n")
#: IANA registry "Remote Framebuffer Security Types". Without encryption: None, VNC Authentication.
_NO_LOGIN = 1
_CLEARTEXT = frozenset({_NO_LOGIN, 2})
#: Those that encrypt the session: RA2, TLS, RA2-256.
_ENCRYPTED = frozenset({5, 18, 129})
_TYPES = "vnc types"


def _is_list(received: bytes) -> bool:
    return bool(received) and len(received) > received[0]


def _version(turns: Turns) -> re.Match[bytes] | None:
    return _VERSION.match(answer_to(turns, GREETING))


def _then(turns: Turns) -> Ask | None:
    """The client answers with a version; from 3.7 on the server then lists its security types."""
    version = _version(turns)
    if version is None or int(version[2]) < 7 or was_asked(turns, _TYPES):
        return None
    return Ask(_TYPES, version.group(), _is_list)


def _cleartext(version: re.Match[bytes] | None, offered: set[int]) -> bool | None:
    """RFB 3.3 has no encryption."""
    if version and int(version[1]) == 3 and int(version[2]) < 7:
        return True
    if offered & _CLEARTEXT:
        return True
    return False if offered and offered <= _ENCRYPTED else None


def _describe(turns: Turns) -> Banner:
    listed = answer_to(turns, _TYPES)
    offered = set(listed[1 : 1 + listed[0]]) if _is_list(listed) else set()
    return Banner(
        text="",
        protocol=ServiceProtocol.VNC,
        cleartext=_cleartext(_version(turns), offered),
        authentication=_NO_LOGIN not in offered if offered else None,
    )


def _kept(turn: Turn) -> bytes:
    """The version, or the list of numbers; no text that follows."""
    if turn.question == _TYPES:
        return turn.received[:1] + masked(turn.received[1 : 1 + turn.received[0]]) if turn.received else b""
    version = _VERSION.match(turn.received)
    return version.group() if version else masked(turn.received)


VNC = Grammar(
    ServiceProtocol.VNC, lambda turn: _VERSION.match(turn.received) is not None, _describe, then=_then, kept=_kept
)
