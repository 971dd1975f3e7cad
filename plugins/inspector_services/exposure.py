"""Which services of one kind can be reached, by what they say and, where they say nothing, by their port number."""

from __future__ import annotations

from dataclasses import dataclass

from inspector import Cause
from inspector_services.observations import Greetings, OpenPorts, Protocol
from inspector_services.port_roles import NOTABLE, Basis, Role, label, ports_of

_MUTE = frozenset({Protocol.SILENT, Protocol.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Exposure:
    """``shown``: services that greet as such, or hold a port registered for such. ``possible``: only the usual port
    number speaks for them. ``nameless``: neither number nor greeting shows what answers there, so that it may be one.
    ``cause``: why part of the picture was not seen."""

    shown: tuple[str, ...]
    possible: tuple[str, ...]
    nameless: tuple[str, ...]
    cause: Cause | None


def exposure(role: Role, protocols: frozenset[Protocol], ports: OpenPorts, greetings: Greetings) -> Exposure:
    """The reachable services of a role. A port whose greeting shows another protocol is none of them."""
    speaking = {port: f"{port}/tcp ({_spoken(greetings, port)})" for port in greetings.speaking(*protocols)}
    other = frozenset(Protocol) - protocols - _MUTE
    mute = set(ports.open) - speaking.keys() - set(greetings.speaking(*other))
    registered = mute & ports_of(role, Basis.REGISTERED)
    usual = mute & ports_of(role, Basis.USUAL)
    shown = speaking | {port: label(port) for port in registered}
    return Exposure(
        shown=tuple(shown[port] for port in sorted(shown)),
        possible=tuple(label(port) for port in sorted(usual)),
        nameless=nameless(greetings),
        cause=ports.blind or greetings.deaf or next(iter(ports.unseen(ports_of(role)).values()), None),
    )


def nameless(greetings: Greetings) -> tuple[str, ...]:
    """The ports that were listened to, are usual for nothing, and said nothing that shows what answers there."""
    return tuple(label(port) for port in greetings.speaking(*_MUTE) if port not in NOTABLE)


def _spoken(greetings: Greetings, port: int) -> str:
    return greetings.said(port).value.protocol.value
