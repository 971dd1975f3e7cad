"""LDAP: a search of the root DSE (RFC 4512 §5.1), which clients do before they log in."""

from __future__ import annotations

import re

from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Ask, Grammar, Turns, answer_to
from inspector_services.protocols.texts import masked_except


def _element(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return bytes((tag, len(content))) + content


def _search() -> bytes:
    """Base object "", no aliases, at most one entry, 5 s, all objects, the attributes with vendor and version."""
    attributes = _element(0x30, _element(0x04, b"vendorName"), _element(0x04, b"vendorVersion"))
    search = _element(
        0x63,
        _element(0x04),
        *(_element(0x0A, b"\x00"), _element(0x0A, b"\x00"), _element(0x02, b"\x01"), _element(0x02, b"\x05")),
        *(_element(0x01, b"\x00"), _element(0x87, b"objectClass"), attributes),
    )
    return _element(0x30, b"\x02\x01\x01", search)


#: Message 1 with an entry or the end of a search, or the notice that the server disconnects (RFC 4511 §4.4.1, §4.5.2).
_REPLY = re.compile(
    rb"\x30(?:[\x00-\x7f]|\x81.|\x82..|\x83...|\x84....)(?:\x02\x01\x01[\x64\x65]|\x02\x01\x00\x78)", re.DOTALL
)
_DONE = re.compile(rb"\x02\x01\x01\x65")
_VENDOR = re.compile(rb"\x04\x0avendorName\x31.\x04.([ -~]{2,60})", re.DOTALL)
_VERSION = re.compile(rb"\x04\x0dvendorVersion\x31.\x04.([ -~]{2,60})", re.DOTALL)
_KEPT = re.compile(rb"vendorName|vendorVersion|OpenLDAP|389 Project|ForgeRock|Oracle|\d+(?:\.\d+)+")

SEARCH = Ask("ldap", _search(), lambda received: _DONE.search(received) is not None)


def _text(found: re.Match[bytes] | None) -> str:
    return found[1].decode("ascii").strip() if found else ""


def _describe(turns: Turns) -> Banner:
    reply = answer_to(turns, SEARCH.name)
    version = re.search(r"\d+(?:\.\d+)+", _text(_VERSION.search(reply)))
    return Banner(
        text="",
        protocol=ServiceProtocol.LDAP,
        product=_text(_VENDOR.search(reply)),
        version=version.group() if version else "",
    )


LDAP = Grammar(
    ServiceProtocol.LDAP,
    lambda turn: turn.question == SEARCH.name and _REPLY.match(turn.received) is not None,
    _describe,
    first=SEARCH,
    kept=lambda turn: masked_except(turn.received, _KEPT),
)
