"""X11: a connection set-up without authorisation data, which the server accepts or refuses (X protocol, §8)."""

from __future__ import annotations

from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Ask, Grammar, Turn, Turns, answer_to

_FAILED, _SUCCESS, _AUTHENTICATE = 0, 1, 2
#: Little-endian, version 11.0, neither name nor data of an authorisation.
SET_UP = Ask("x11", b"l\x00\x0b\x00" + bytes(8), lambda received: len(received) >= 8)


def _recognises(turn: Turn) -> bool:
    received = turn.received
    if turn.question != SET_UP.name or len(received) < 8:
        return False
    return received[0] == _AUTHENTICATE or (received[0] in (_FAILED, _SUCCESS) and received[2:4] == b"\x0b\x00")


def _describe(turns: Turns) -> Banner:
    """A set-up that failed may have done so for another reason, such as too many clients."""
    answer = answer_to(turns, SET_UP.name)[:1]
    authentication = {bytes((_SUCCESS,)): False, bytes((_AUTHENTICATE,)): True}.get(answer)
    return Banner(text="", protocol=ServiceProtocol.X11, cleartext=not turns[-1].tls, authentication=authentication)


X11 = Grammar(ServiceProtocol.X11, _recognises, _describe, first=SET_UP, kept=lambda turn: turn.received[:8])
