"""The questions that tell which protocol a server speaks, where its greeting does not; and what the replies show. Pure.

Each is what an ordinary client sends first, and changes nothing on the server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from inspector_services.observations import ServiceProtocol
from inspector_services.port_roles import NOTABLE, OVER_HTTP, Role

#: Roles whose services are asked: those whose reachability is judged by what the service is.
_ASKED_ROLES = frozenset({Role.DATABASE, Role.FILE_SHARING, Role.CLEARTEXT_ADMINISTRATION})

#: A TLS alert record (RFC 8446 §5.1, §6): the server expects TLS; which protocol it carries is not shown.
_TLS_ALERT = re.compile(rb"\x15\x03[\x00-\x04]\x00\x02[\x01\x02]")
_HTTP = re.compile(rb"HTTP/1\.[01] \d{3}")
_CODE = re.compile(rb"^(\d{3}) [^\r\n]*\r?\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Question:
    """``sent`` to a server; a reply that ``reply`` matches identifies ``protocol``."""

    sent: bytes
    reply: re.Pattern[bytes]
    protocol: ServiceProtocol


#: NOOP: 200 in FTP (RFC 959 §5.4) and 250 in SMTP (RFC 5321 §4.1.1.9). An FTP server that wants a login first replies
#: 530, which SMTP never does to NOOP (RFC 3207 §4, RFC 4954 §6).
NOOP = b"NOOP\r\n"
_NOOP_REPLIES = MappingProxyType(
    {b"200": ServiceProtocol.FTP, b"530": ServiceProtocol.FTP, b"250": ServiceProtocol.SMTP}
)

#: SSLRequest: one byte, or an ErrorResponse (PostgreSQL 15 documentation, §55.2.10).
_POSTGRESQL = Question(
    b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
    re.compile(rb"[SN]\Z|E\x00\x00..S", re.DOTALL),
    ServiceProtocol.POSTGRESQL,
)
#: PING (Redis protocol, RESP 2).
_REDIS = Question(
    b"PING\r\n", re.compile(rb"\+PONG\r\n|-(NOAUTH|DENIED|LOADING|NOPERM|MASTERDOWN) "), ServiceProtocol.REDIS
)
#: ``version`` (memcached's text protocol).
_MEMCACHED = Question(b"version\r\n", re.compile(rb"VERSION [ -~]+\r\n"), ServiceProtocol.MEMCACHED)
#: By service of the port table.
_OWN: Mapping[str, Question] = MappingProxyType(
    {"cockroachdb": _POSTGRESQL, "memcached": _MEMCACHED, "postgresql": _POSTGRESQL, "redis": _REDIS}
)
_GET = Question(b"GET / HTTP/1.0\r\n\r\n", _HTTP, ServiceProtocol.HTTP)
_ALL = (_POSTGRESQL, _REDIS, _MEMCACHED, _GET)


def questions_for(port: int) -> tuple[bytes, ...]:
    """What is asked, each over a connection of its own, of a port where the server waits for the client.

    The question of the service that the table names, then HTTP's; none where no role depends on the answer, or where
    the service itself speaks HTTP, so that such a reply would not tell it from another.
    """
    known = NOTABLE.get(port)
    if known is None or known.role not in _ASKED_ROLES or known.service in OVER_HTTP:
        return ()
    own = _OWN.get(known.service)
    return (_GET.sent,) if own is None else (own.sent, _GET.sent)


def is_own(question: bytes) -> bool:
    """Whether a server of the asked service always answers it, so that a hang-up shows another service."""
    return question != _GET.sent


def identified_by(question: bytes, reply: bytes) -> ServiceProtocol:
    """The protocol that the reply to ``question`` identifies; unknown when it identifies none."""
    if question == NOOP:
        codes = [code for code in _CODE.findall(reply) if code != b"220"]
        return _NOOP_REPLIES.get(codes[0], ServiceProtocol.UNKNOWN) if codes else ServiceProtocol.UNKNOWN
    if _TLS_ALERT.match(reply):
        return ServiceProtocol.TLS
    if _HTTP.match(reply):
        return ServiceProtocol.HTTP
    found = (each.protocol for each in _ALL if each.sent == question and each.reply.match(reply))
    return next(found, ServiceProtocol.UNKNOWN)


def is_answered(question: bytes, reply: bytes) -> bool:
    """Whether the reply is complete enough to identify the protocol, so that no more is waited for."""
    if question == NOOP:
        return any(code != b"220" for code in _CODE.findall(reply))
    return bool(reply)
