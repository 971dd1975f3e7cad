"""The transcript of an enumeration: questions and answers as bytes, one JSON line per exchange."""

from __future__ import annotations

import json
from enum import StrEnum

from pydantic import ValidationError

from inspector import Cause, Model, canonical
from inspector_tls.wire.records import without_text


class Purpose(StrEnum):
    """The question that a hello asks: the experiments are described in the package's table."""

    SSL_2 = "ssl-2"
    VERSION = "version"
    SUITES = "suites"
    NAMED_PRIMES = "named-primes"
    GROUPS = "groups"
    CONFIRM = "confirm"
    SMALL = "small"
    PREFERENCE = "preference"
    EXTENSIONS = "extensions"
    SIGNATURES = "signatures"
    FALLBACK = "fallback"
    UNUSUAL = "unusual"
    GREASE = "grease"
    LONG_HELLO = "long-hello"
    FUTURE_VERSION = "future-version"


class Mode(StrEnum):
    """``economical``: the fewest connections; ``fast``: the suites of a version in eight lists concurrently."""

    ECONOMICAL = "economical"
    FAST = "fast"


class Exchange(Model):
    """One connection: the hello that was sent, and the bytes received.

    ``cause`` is why no complete answer was received, and ``note`` describes it; None when enough was read, or when the
    server closed the connection (``closed``). ``asked`` is False for a question that was never sent.
    """

    purpose: Purpose
    sent: bytes
    received: bytes = b""
    closed: bool = False
    cause: Cause | None = None
    note: str = ""
    asked: bool = True


class Transcript(Model):
    """The exchanges with one port at one address, in the order in which they ended.

    ``server_name`` is the name that was asked for, None for an address literal.
    """

    server_name: str | None
    mode: Mode
    exchanges: tuple[Exchange, ...] = ()

    def lines(self) -> bytes:
        """The raw form: a line with mode and server name, then one per exchange."""
        head = canonical({"mode": self.mode.value, "server_name": self.server_name})
        return b"\n".join((head, *map(_stored, self.exchanges), b""))

    @classmethod
    def from_lines(cls, data: bytes) -> Transcript:
        """The transcript in these lines; raises ValueError."""
        head, *rest = data.splitlines()
        try:
            about = json.loads(head)
            return cls(
                server_name=about["server_name"],
                mode=about["mode"],
                exchanges=tuple(map(Exchange.parse, rest)),
            )
        except (KeyError, TypeError, ValidationError) as error:
            raise ValueError("no transcript of an enumeration") from error

    @property
    def connections(self) -> int:
        """How many connections were opened."""
        return sum(each.asked for each in self.exchanges)


def _stored(exchange: Exchange) -> bytes:
    """The line of an exchange, without the clear text of a service that is not TLS."""
    received = without_text(exchange.received)
    return exchange.model_copy(update={"received": received}).model_dump_json(exclude_defaults=True).encode()
