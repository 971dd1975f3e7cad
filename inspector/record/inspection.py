"""What one inspection is, written before anything is seen: papers, settings, plan, rules and versions."""

from __future__ import annotations

from typing import Any

from inspector.declare.authorisation import Authorisation
from inspector.declare.declaration import Organisation, Place, System
from inspector.declare.settings import Vantage
from inspector.declare.statement import Statement
from inspector.model.base import Cause, Instant, Model
from inspector.model.subject import Subject
from inspector.regime.regime import Regime


class Pin(Model):
    """What a name resolved to, once for the whole inspection; ``cnames`` in the order followed."""

    name: str
    addresses: tuple[str, ...] = ()
    cnames: tuple[str, ...] = ()
    trouble: Cause | None = None
    detail: str = ""


class Bounds(Model):
    """Upper bounds of a plan or of one ask: connections and port questions to targets, seconds of wall time."""

    connections: int = 0
    port_questions: int = 0
    seconds: int = 0


class Ask(Model):
    """One look that is planned, or that will not happen: then ``cause`` says why.

    ``authorisation`` is the id of the one that covers it; None for looks that send the target no packet.
    """

    probe: str
    subject: Subject
    endpoint: str | None = None
    options: dict[str, Any] = {}
    wave: int = 0
    authorisation: str | None = None
    bounds: Bounds = Bounds()
    cause: Cause | None = None
    detail: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells asks of one inspection apart."""
        return (self.probe, *self.subject.key)


class Limit(Model):
    """Something that this vantage cannot see at all, stated once instead of as many findings."""

    id: str
    detail: str
    addresses: tuple[str, ...] = ()


class Plan(Model):
    """What will be asked of whom, in waves, with upper bounds."""

    pins: tuple[Pin, ...] = ()
    asks: tuple[Ask, ...] = ()
    limits: tuple[Limit, ...] = ()
    bounds: Bounds = Bounds()
    selection: tuple[str, ...] = ()
    within_seconds: int | None = None

    @property
    def limits_of_selection(self) -> tuple[str, ...]:
        """The words of the selection that leave something out; the others only add."""
        return tuple(word for word in self.selection if not word.startswith("also:"))


class PluginRecord(Model):
    """A plugin as it was: ``digest`` is SHA-256 over its package's files."""

    name: str
    distribution: str
    version: str
    digest: str


class Inspection(Model):
    """The head of a capture: everything that was decided before the first packet."""

    id: str
    run: str
    begun: Instant
    inspector_version: str
    organisation: Organisation | None = None
    system: System
    endpoint_places: dict[str, Place] = {}
    authorisations: tuple[Authorisation, ...]
    statements: tuple[Statement, ...] = ()
    vantage: Vantage
    contact: str = ""
    settings: dict[str, Any] = {}
    regime: Regime
    overlays: tuple[str, ...] = ()
    next_regime: Regime | None = None
    plan: Plan
    plugins: tuple[PluginRecord, ...] = ()
    tools: dict[str, str] = {}
    trust: dict[str, str] = {}
    salt_id: str = ""


class LedgerEntry(Model):
    """One connection or question that left this machine.

    ``infrastructure`` (resolvers, name servers …) is listed apart; ``result`` is ``open``, or a Cause's value.
    """

    at: Instant
    address: str
    port: int
    protocol: str
    probe: str
    subject: str
    authorisation: str | None = None
    infrastructure: bool = False
    sent: int = 0
    received: int = 0
    questions: int = 1
    result: str = "open"
