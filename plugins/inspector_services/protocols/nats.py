"""NATS: the server's INFO, which says whether it asks for a log-in (NATS protocol, "INFO")."""

from __future__ import annotations

import re
from typing import Any

from inspector import canonical
from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Grammar, Turn, Turns
from inspector_services.protocols.texts import json_object, masked_text

_INFO = re.compile(rb"INFO (\{.*\})\s*\Z", re.DOTALL)
_FLAGS = ("auth_required", "tls_required", "tls_verify")


def _info(received: bytes) -> dict[str, Any] | None:
    found = _INFO.match(received)
    info = json_object(found[1]) if found else {}
    return info if "server_id" in info else None


def _version(info: dict[str, Any]) -> str:
    version = info.get("version")
    return masked_text(version[:40]) if isinstance(version, str) else ""


def _describe(turns: Turns) -> Banner:
    info = next(filter(None, (_info(each.received) for each in turns)))
    return Banner(
        text="",
        protocol=ServiceProtocol.NATS,
        product="NATS",
        version=_version(info),
        cleartext=info.get("tls_required") is not True,
        authentication=True in (info.get("auth_required"), info.get("tls_verify")),
    )


def _kept(turn: Turn) -> bytes:
    info = _info(turn.received) or {}
    facts: dict[str, bool | str] = {name: info[name] for name in _FLAGS if isinstance(info.get(name), bool)}
    return b"INFO " + canonical({**facts, "server_id": "", "version": _version(info)}) + b"\r\n"


NATS = Grammar(ServiceProtocol.NATS, lambda turn: _info(turn.received) is not None, _describe, kept=_kept)
