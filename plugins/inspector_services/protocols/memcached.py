"""memcached: ``version`` (its text protocol)."""

from __future__ import annotations

import re

from inspector import masked
from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Ask, Grammar, Turn, Turns, answer_to, is_line

_REPLY = re.compile(rb"VERSION (\d[\w.-]*)?|CLIENT_ERROR unauthenticated")
VERSION = Ask("memcached", b"version\r\n", is_line)


def _recognises(turn: Turn) -> bool:
    return turn.question == VERSION.name and _REPLY.match(turn.received) is not None


def _describe(turns: Turns) -> Banner:
    answer = answer_to(turns, VERSION.name)
    reply = _REPLY.match(answer)
    version = (reply[1] if reply else None) or b""
    return Banner(
        text="",
        protocol=ServiceProtocol.MEMCACHED,
        product="memcached" if version else "",
        version=version.decode(),
        authentication=not answer.startswith(b"VERSION ") if is_line(answer) else None,
    )


def _kept(turn: Turn) -> bytes:
    reply = _REPLY.match(turn.received)
    is_version = reply is not None and turn.received.startswith(b"VERSION ")
    return (
        b"VERSION " + masked(turn.received[8:])
        if is_version
        else b"CLIENT_ERROR unauthenticated" + (b"\n" if is_line(turn.received) else b"")
    )


MEMCACHED = Grammar(ServiceProtocol.MEMCACHED, _recognises, _describe, first=VERSION, kept=_kept)
