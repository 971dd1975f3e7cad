"""AMQP 0-9-1: the protocol header is answered by Connection.Start, or by the server's own header (§2.2.4, §1.4.2)."""

from __future__ import annotations

import re

from inspector_services.observations import Banner, ServiceProtocol
from inspector_services.protocols.dialogue import Ask, Grammar, Turn, Turns, answer_to
from inspector_services.protocols.texts import masked_except

#: Method frame of channel 0, class 10, method 10.
_START = re.compile(rb"\x01\x00\x00(....)\x00\x0a\x00\x0a", re.DOTALL)
_PRODUCT = re.compile(rb"\x07productS\x00\x00\x00\x08RabbitMQ")
_VERSION = re.compile(rb"\x07versionS\x00\x00\x00.(\d+(?:\.\d+)+)", re.DOTALL)
_ANONYMOUS = re.compile(rb"\x00\x00.(?:[A-Z0-9-]+ )*ANONYMOUS\b", re.DOTALL)
_KEPT = re.compile(rb"\x07(?:product|version)S\x00\x00\x00.|RabbitMQ|\d+(?:\.\d+)+|PLAIN|AMQPLAIN|ANONYMOUS", re.DOTALL)


def _is_whole(received: bytes) -> bool:
    start = _START.match(received)
    return len(received) >= (8 + int.from_bytes(start[1], "big") if start else 8)


HEADER = Ask("amqp", b"AMQP\x00\x00\x09\x01", _is_whole)


def _recognises(turn: Turn) -> bool:
    is_header = turn.received[:5] in (b"AMQP\x00", b"AMQP\x03") and len(turn.received) >= 8
    return turn.question == HEADER.name and (is_header or _START.match(turn.received) is not None)


def _describe(turns: Turns) -> Banner:
    reply = answer_to(turns, HEADER.name)
    version = _VERSION.search(reply)
    is_whole_start = _START.match(reply) is not None and _is_whole(reply)
    return Banner(
        text="",
        protocol=ServiceProtocol.AMQP,
        product="RabbitMQ" if _PRODUCT.search(reply) else "",
        version=version[1].decode() if version else "",
        cleartext=None if turns[-1].tls else True,
        # Where ANONYMOUS is offered, the user that it stands for may still be refused.
        authentication=True if is_whole_start and not _ANONYMOUS.search(reply) else None,
    )


AMQP = Grammar(
    ServiceProtocol.AMQP,
    _recognises,
    _describe,
    first=HEADER,
    kept=lambda turn: masked_except(turn.received, _KEPT),
)
