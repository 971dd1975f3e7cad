"""The transcript of an enumeration: questions and answers as bytes."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from inspector import Cause, Model, canonical
from inspector_tls.wire.encoding import Malformed, Reader
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

    def stored(self) -> tuple[bytes, bytes]:
        """The raw form: JSON with mode, server name and exchanges, in which lengths stand for what was sent and
        received; and these bytes, one after the other.

        Two parts, since only in text what has the form of a secret can be found. Of a service that is not TLS the clear
        text is masked.
        """
        about: list[dict[str, Any]] = []
        data: list[bytes] = []
        for each in self.exchanges:
            sent, received = each.sent, without_text(each.received)
            own = each.model_dump(mode="json", exclude={"sent", "received"}, exclude_defaults=True)
            about.append({**own, "sent": len(sent), "received": len(received)})
            data += (sent, received)
        head = {"mode": self.mode.value, "server_name": self.server_name, "exchanges": about}
        return canonical(head), b"".join(data)

    @classmethod
    def from_stored(cls, about: bytes, data: bytes) -> Transcript:
        """The transcript in its raw form; raises ValueError."""
        reader = Reader(data)
        try:
            head = json.loads(about)
            exchanges = tuple(
                Exchange(**{**each, "sent": _taken(reader, each["sent"]), "received": _taken(reader, each["received"])})
                for each in head["exchanges"]
            )
            whole = cls(server_name=head["server_name"], mode=head["mode"], exchanges=exchanges)
        except (KeyError, TypeError, ValidationError, Malformed) as error:
            raise ValueError("no transcript of an enumeration") from error
        if reader.left:
            raise ValueError("a transcript with more bytes than it has exchanges")
        return whole

    @property
    def connections(self) -> int:
        """How many connections were opened."""
        return sum(each.asked for each in self.exchanges)


def _taken(reader: Reader, size: int) -> bytes:
    if size < 0:
        raise Malformed("a negative length")
    return reader.take(size)
