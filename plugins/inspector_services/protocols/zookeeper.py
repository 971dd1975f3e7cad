"""ZooKeeper: ``srvr``, which its servers answer with their version (ZooKeeper Administrator's Guide, "The Four Letter
Words"). It is the only such word that is allowed by default, reads counters and changes nothing; the answer ends the
connection. The first message of a client would make a session.
"""

from __future__ import annotations

import re

from inspector import masked
from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Ask, Grammar, Turn, Turns, answer_to

_REPLY = re.compile(
    rb"Zookeeper version: (\d[\d.]*)?|srvr is not executed because it is not in the whitelist"
    rb"|This ZooKeeper instance is not currently serving requests"
)
#: The version is on the first line, counters follow.
SRVR = Ask("zookeeper", b"srvr", lambda received: b"\n" in received)


def _recognises(turn: Turn) -> bool:
    return turn.question == SRVR.name and _REPLY.match(turn.received) is not None


def _describe(turns: Turns) -> Banner:
    found = _REPLY.match(answer_to(turns, SRVR.name))
    version = (found[1] if found else None) or b""
    return Banner(text="", protocol=ServiceProtocol.ZOOKEEPER, product="ZooKeeper", version=version.decode().strip("."))


def _kept(turn: Turn) -> bytes:
    """What names the server; of the counters nothing."""
    found = _REPLY.match(turn.received)
    return found.group() if found else masked(turn.received)


ZOOKEEPER = Grammar(ServiceProtocol.ZOOKEEPER, _recognises, _describe, first=SRVR, kept=_kept)
