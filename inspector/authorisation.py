"""The authorisation: who permits the inspection of what, when and how hard. Its author is whoever may permit it."""

from __future__ import annotations

from datetime import datetime, time
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from inspector.model import Instant, Model
from inspector.probing import Touch


class AuthorisationKind(StrEnum):
    """On what ground an inspection stands."""

    OWNER_REQUEST = "owner-request"
    INSPECTION_DECISION = "inspection-decision"
    SELF_INSPECTION = "self-inspection"
    OWN_ESTATE = "own-estate"


class Document(Model):
    """The paper behind an authorisation; ``sha256`` of its scan, lower-case hexadecimal."""

    number: str
    date: str
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


class PortRange(Model):
    """Ports first to last, both included."""

    first: int = Field(ge=1, le=65535)
    last: int = Field(ge=1, le=65535)

    def __contains__(self, port: object) -> bool:
        return isinstance(port, int) and self.first <= port <= self.last


class Covers(Model):
    """What is covered. ``names``: exact, or ``*.zone`` for everything below a zone. ``blocks``: CIDR.

    A name covers what it resolves to when it is pinned; sweeps and anything above polite need the address listed.
    Without ``ports``, the declared ports are covered.
    """

    names: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    ports: tuple[PortRange, ...] | None = None


class Window(Model):
    """Hours in which packets may be sent: week days (1 Monday … 7 Sunday), start and end (end before start: over
    midnight), an IANA time zone."""

    days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    start: time
    end: time
    timezone: str = "Asia/Ho_Chi_Minh"


class Rates(Model):
    """How hard, per network address.

    ``connections_per_second`` is the sustained rate, ``burst`` the most in any one second, ``at_once`` the most open at
    a time, ``port_questions_per_second`` bounds sweeps; UDP and DNS questions count as connections.
    """

    connections_per_second: int = Field(default=4, ge=1)
    burst: int = Field(default=10, ge=1)
    at_once: int = Field(default=5, ge=1)
    port_questions_per_second: int = Field(default=100, ge=1)

    @model_validator(mode="after")
    def _burst_holds_the_rate(self) -> Self:
        if self.burst < self.connections_per_second:
            raise ValueError("burst is smaller than connections_per_second; raise it or lower the rate")
        return self


class Authorisation(Model):
    """Who permits the inspection of what, when and how hard."""

    id: str
    kind: AuthorisationKind
    basis: str | None = None
    granted_by: str
    document: Document | None = None
    emergency_contact: str | None = None
    covers: Covers
    valid_from: Instant
    valid_until: Instant
    windows: tuple[Window, ...] = ()
    touch: Touch = Touch.POLITE
    rates: Rates = Rates()

    def holds(self, at: datetime) -> bool:
        """Whether it is valid at this instant (windows apart)."""
        return self.valid_from <= at < self.valid_until
