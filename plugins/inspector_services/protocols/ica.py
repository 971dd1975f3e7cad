"""Citrix ICA: the server says ``ICA`` in a fixed form until the client answers."""

from __future__ import annotations

from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import GREETING, Grammar

_GREETING = b"\x7f\x7fICA\x00"

ICA = Grammar(
    ServiceProtocol.ICA,
    lambda turn: turn.question == GREETING and turn.received.startswith(_GREETING),
    lambda _turns: Banner(text="", protocol=ServiceProtocol.ICA),
    kept=lambda turn: turn.received[: len(_GREETING)],
)
