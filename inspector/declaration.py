"""The declaration: which information systems exist, at which level, and what they expose. Its author is the owner."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from inspector.authorisation import Authorisation
from inspector.declared import (
    Approval,
    Declared,
    DeclaredPort,
    Facts,
    Measure,
    PlanStatus,
    Stage,
    Tenancy,
)
from inspector.model import Model


class Organisation(Model):
    """Who declares."""

    code: str
    name: str
    head: str | None = None
    parent: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None


class Host(Model):
    """A host with the ports it is declared to offer. ``name`` is a domain name or an address."""

    name: str
    ports: tuple[DeclaredPort, ...] = ()
    tenancy: Tenancy = Tenancy.UNKNOWN


class System(Model):
    """One information system. ``endpoints`` are URIs, kept as the owner wrote them after normalisation."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    name: str
    owner: str
    operator: str | None = None
    level: int = Field(ge=1, le=5)
    stage: Stage = Stage.OPERATING
    approval: Approval | None = None
    plan: PlanStatus | None = None
    measures: tuple[Measure, ...] = ()
    facts: Facts = Facts()
    hosts: tuple[Host, ...] = ()
    endpoints: tuple[str, ...] = ()
    dkim_selectors: dict[str, tuple[str, ...]] = {}

    def declared(self, host: str | None = None) -> Declared:
        """What checks may know about ``host`` (None: about the whole system)."""
        hosts = [each for each in self.hosts if host is None or each.name == host]
        ports = sorted({(p.protocol, p.port, p.service or "") for each in hosts for p in each.ports})
        return Declared(
            stage=self.stage,
            approval=self.approval,
            plan=self.plan,
            measures=self.measures,
            facts=self.facts,
            host_declared=bool(hosts),
            ports=tuple(DeclaredPort(port=n, protocol=t, service=s or None) for t, n, s in ports),
            tenancy=hosts[0].tenancy if host is not None and hosts else Tenancy.UNKNOWN,
            endpoints=self.endpoints,
            selectors=self.dkim_selectors.get(host or "", ()),
        )


class Place(Model):
    """Where something stands in a file: line and column count from 1."""

    source: str
    line: int
    column: int


class Declaration(Model):
    """A whole declaration. An authorisation of kind ``own-estate`` may stand inside it."""

    organisation: Organisation
    systems: tuple[System, ...] = Field(min_length=1)
    authorisation: Authorisation | None = None
