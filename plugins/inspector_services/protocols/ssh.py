"""SSH: the server's identification string (RFC 4253 §4.2), which other lines may precede."""

from __future__ import annotations

import re

from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Grammar, Turn, Turns
from inspector_services.protocols.texts import Software

_IDENTIFICATION = re.compile(rb"^SSH-(?:2\.0|1\.\d{1,2})-([^\r\n ]*)(?: ([^\r\n]*))?", re.MULTILINE)
_SOFTWARE = re.compile(r"([A-Za-z][A-Za-z_.+-]*?)[_-](\d[\w.]*)")


def _recognises(turn: Turn) -> bool:
    return _IDENTIFICATION.search(turn.received) is not None


def _software(found: re.Match[bytes]) -> Software:
    software = _SOFTWARE.fullmatch(found[1].decode("latin-1"))
    comment = (found[2] or b"").decode("latin-1").encode("unicode_escape").decode("ascii").strip()
    return Software(software[1], software[2], comment) if software else Software()


def _describe(turns: Turns) -> Banner:
    found = next(filter(None, (_IDENTIFICATION.search(each.received) for each in turns)))
    return Banner(text="", protocol=ServiceProtocol.SSH, cleartext=False, **_software(found)._asdict())


SSH = Grammar(ServiceProtocol.SSH, _recognises, _describe)
