"""IMAP and POP3: greetings (RFC 3501 §7.1, RFC 1939 §4)."""

from __future__ import annotations

import re

from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Grammar, Turns

_IMAP = re.compile(rb"\* (OK|PREAUTH|BYE) ")
_POP3 = re.compile(rb"\+OK[ \r]")
_DOVECOT = re.compile(rb"\bDovecot\b")


def _banner(protocol: ServiceProtocol, turns: Turns) -> Banner:
    product = "Dovecot" if any(_DOVECOT.search(each.received) for each in turns) else ""
    return Banner(text="", protocol=protocol, product=product)


IMAP = Grammar(
    ServiceProtocol.IMAP,
    lambda turn: _IMAP.match(turn.received) is not None,
    lambda turns: _banner(ServiceProtocol.IMAP, turns),
)
POP3 = Grammar(
    ServiceProtocol.POP3,
    lambda turn: _POP3.match(turn.received) is not None,
    lambda turns: _banner(ServiceProtocol.POP3, turns),
)
