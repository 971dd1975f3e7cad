"""OpenWire (ActiveMQ): the server begins with WireFormatInfo: length, type 1, ``ActiveMQ``, version."""

from __future__ import annotations

import re

from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import GREETING, Grammar

_INFO = re.compile(rb"\x00\x00..\x01ActiveMQ\x00\x00\x00.", re.DOTALL)

OPENWIRE = Grammar(
    ServiceProtocol.OPENWIRE,
    lambda turn: turn.question == GREETING and _INFO.match(turn.received) is not None,
    lambda turns: Banner(
        text="", protocol=ServiceProtocol.OPENWIRE, product="ActiveMQ", cleartext=None if turns[-1].tls else True
    ),
    kept=lambda turn: turn.received[:17],
)
