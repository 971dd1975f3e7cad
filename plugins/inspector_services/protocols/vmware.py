"""VMware's authentication daemon, of ESXi and vCenter: its greeting, which names itself and whether it demands TLS.

It answers commands as FTP servers do, and is none.
"""

from __future__ import annotations

import re

from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import GREETING, Grammar, Turn, Turns

_GREETING = re.compile(rb"220 VMware Authentication Daemon Version \d[\d.]*(?:: (SSL Required))?")


def _match(turn: Turn) -> re.Match[bytes] | None:
    return _GREETING.match(turn.received) if turn.question == GREETING else None


def _describe(turns: Turns) -> Banner:
    found = next(filter(None, map(_match, turns)))
    demands_tls = turns[-1].tls or found[1] is not None
    return Banner(text="", protocol=ServiceProtocol.VMWARE_AUTH, cleartext=False if demands_tls else None)


VMWARE_AUTH = Grammar(
    ServiceProtocol.VMWARE_AUTH,
    lambda turn: _match(turn) is not None,
    _describe,
    kept=lambda turn: b"".join(found.group() for found in filter(None, [_match(turn)])) + b"\r\n",
)
