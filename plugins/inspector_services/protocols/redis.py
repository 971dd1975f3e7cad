"""Redis and Valkey: PING, and INFO of the server's version where PING is answered (Redis protocol, RESP 2)."""

from __future__ import annotations

import re

from inspector import masked
from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Ask, Grammar, Turn, Turns, answer_to, was_asked

_PING_REPLY = re.compile(rb"(\+PONG\r\n|-NOAUTH |-DENIED Redis |-NOPERM |-LOADING |-MASTERDOWN )")
#: The greeting of a server in protected mode.
_PROTECTED = re.compile(rb"-DENIED Redis ")
_VERSION = re.compile(rb"^(redis|valkey)_version:([\w.-]{1,40})\r?$", re.MULTILINE)
_BULK = re.compile(rb"\$(\d{1,7})\r\n")


def _is_whole(received: bytes) -> bool:
    bulk = _BULK.match(received)
    return len(received) >= bulk.end() + int(bulk[1]) + 2 if bulk else received.endswith(b"\n")


PING = Ask("redis", b"PING\r\n", lambda received: received.endswith(b"\n"))
_INFO = Ask("redis info", b"INFO server\r\n", _is_whole)
_AUTHENTICATION = {b"+PONG\r\n": False, b"-NOAUTH ": True, b"-DENIED Redis ": True, b"-NOPERM ": True}


def _recognises(turn: Turn) -> bool:
    form = _PING_REPLY if turn.question == PING.name else _PROTECTED
    return form.match(turn.received) is not None


def _then(turns: Turns) -> Ask | None:
    is_open = answer_to(turns, PING.name) == b"+PONG\r\n"
    return _INFO if is_open and not was_asked(turns, _INFO.name) else None


def _is_limited(turns: Turns) -> bool:
    """Whether a client that does not log in may ask PING, and not even INFO: nothing then shows what else it may."""
    return answer_to(turns, _INFO.name).startswith((b"-NOPERM ", b"-NOAUTH "))


def _describe(turns: Turns) -> Banner:
    reply = next(filter(None, (_PING_REPLY.match(each.received) for each in turns)))
    is_whole = reply.string.endswith(b"\n")
    versions = {name.decode(): text.decode() for name, text in _VERSION.findall(answer_to(turns, _INFO.name))}
    product, version = next(((name, versions[name]) for name in ("valkey", "redis") if name in versions), ("", ""))
    return Banner(
        text="",
        protocol=ServiceProtocol.REDIS,
        product=product.capitalize(),
        version=version,
        authentication=None if _is_limited(turns) or not is_whole else _AUTHENTICATION.get(reply[1]),
    )


def _kept(turn: Turn) -> bytes:
    """Of INFO the lines with the versions alone."""
    if turn.question != _INFO.name:
        return masked(turn.received)
    return b"".join(name + b"_version:" + masked(text) + b"\n" for name, text in _VERSION.findall(turn.received))


REDIS = Grammar(ServiceProtocol.REDIS, _recognises, _describe, first=PING, then=_then, kept=_kept)
