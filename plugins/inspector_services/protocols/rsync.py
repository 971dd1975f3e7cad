"""rsync: the greeting of its daemon."""

from __future__ import annotations

import re

from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Grammar

_GREETING = re.compile(rb"@RSYNCD: \d+(\.\d+)?")

RSYNC = Grammar(
    ServiceProtocol.RSYNC,
    lambda turn: _GREETING.match(turn.received) is not None,
    lambda turns: Banner(text="", protocol=ServiceProtocol.RSYNC, cleartext=None if turns[-1].tls else True),
)
