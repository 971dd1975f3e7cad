"""The declaration: the information systems, their levels, and what they expose. Its author is the owner."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from inspector.declare import authorisation
from inspector.declare import document as documents
from inspector.declare.authorisation import Authorisation, AuthorisationKind, PortRange, is_loopback, own_estate
from inspector.declare.document import DocumentPart, Location, SourceLocation, SourceMap, YamlDocument, split
from inspector.declare.document.document import Known
from inspector.declare.document.source_map import Locations
from inspector.model.base import Model
from inspector.model.declared import (
    Approval,
    ApprovalStatus,
    Declared,
    DeclaredPort,
    Dossier,
    Facts,
    Measure,
    PlanStatus,
    Stage,
    Tenancy,
)
from inspector.model.domain_name import with_u_labels
from inspector.model.errors import NotAuthorised, UsageError
from inspector.model.formatted import FormattedMessage
from inspector.model.subject import BadUri, Scheme, Uri, normalise_host, parse_uri

__all__ = [
    "Approval",
    "Declaration",
    "Host",
    "Organisation",
    "SourceLocation",
    "SourceMap",
    "System",
    "ad_hoc",
    "load",
]

HostName = Annotated[str, AfterValidator(normalise_host)]
Selector = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?$",
        description="the name before ._domainkey, of letters, digits, '.', '_' and '-'",
    ),
]


class Organisation(Model):
    """The organisation that declares."""

    code: str = Field(min_length=1)
    name: str = Field(min_length=1)
    head: str | None = None
    parent: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None

    @field_validator("valid_until")
    @classmethod
    def _after_it_begins(cls, valid_until: date | None, info: ValidationInfo) -> date | None:
        valid_from = info.data.get("valid_from")
        if valid_from and valid_until and valid_until < valid_from:
            raise ValueError("valid_until is before valid_from; correct one of them")
        return valid_until


class Host(Model):
    """A host with the ports it is declared to offer. ``name`` is a domain name or an address."""

    name: HostName
    ports: tuple[DeclaredPort, ...] = ()
    tenancy: Tenancy = Tenancy.UNKNOWN


@lru_cache(maxsize=1 << 14)
def host_in(uri: str) -> str:
    """The host, zone or domain that a normalised endpoint URI names."""
    return urlsplit(uri).hostname or uri.partition(":")[2]


#: The format of a system's id, which is also the name of folders.
SYSTEM_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


class System(Dossier):
    """One information system. ``endpoints`` are normalised URIs."""

    id: str = Field(
        pattern=f"^{SYSTEM_ID}$",
        description="1 to 64 letters, digits, '.', '_' and '-', a letter or digit first",
    )
    name: str = Field(min_length=1)
    owner: str = Field(min_length=1)
    operator: str | None = None
    level: int = Field(ge=1, le=5)
    stage: Stage = Stage.OPERATING
    approval: Approval | None = None
    plan: PlanStatus | None = None
    measures: tuple[Measure, ...] = ()
    facts: Facts = Facts()
    hosts: tuple[Host, ...] = ()
    endpoints: tuple[str, ...] = ()
    dkim_selectors: dict[HostName, tuple[Selector, ...]] = {}

    def declared(self, host: str | None = None) -> Declared:
        """What checks may know about ``host`` (None: about the whole system)."""
        hosts = [each for each in self.hosts if host is None or each.name == host]
        ports = sorted({(p.protocol, p.port, p.service or "") for each in hosts for p in each.ports})
        return Declared(
            **{name: getattr(self, name) for name in Dossier.model_fields},
            stage=self.stage,
            approval=self.approval,
            plan=self.plan,
            measures=self.measures,
            facts=self.facts,
            host_declared=bool(hosts),
            ports=tuple(DeclaredPort(port=n, protocol=t, service=s or None) for t, n, s in ports),
            tenancy=hosts[0].tenancy if host is not None and hosts else Tenancy.UNKNOWN,
            endpoints=self.endpoints,
            endpoints_here=tuple(uri for uri in self.endpoints if host is None or host_in(uri) == host),
            selectors=self.dkim_selectors.get(host or "", ()),
        )


class Declaration(Model):
    """A whole declaration. It may contain an authorisation of kind ``own-estate``."""

    organisation: Organisation
    systems: tuple[System, ...] = Field(min_length=1)
    authorisation: Authorisation | None = None


class _Header(Declaration):
    """A declaration whose systems are read apart."""

    systems: tuple[Any, ...] = Field(min_length=1)


# --- The file -------------------------------------------------------------------------------------------------------


def load(path: Path, schemes: Mapping[str, Scheme]) -> tuple[Declaration, SourceMap]:
    """The declaration in a file, its endpoints normalised, and the source location of its parts.

    Raises InputFileError with every diagnostic: wrong form, endpoints that are no URI of a known scheme, duplicates, a
    level without the facts of its approval, an authorisation that the owner cannot grant.
    """
    parts = documents.read_parts(path, "systems")
    systems: list[System] = []
    known: dict[tuple[str, ...], SourceLocation] = {}
    locations: dict[str, Callable[[], Locations]] = {}
    ids: dict[str | int, Known] = {}
    for at, part in parts:
        part.refuse_repeats([((*at, "id"), part.at(*at, "id"))], ids)
        _normalise_endpoints(part, at, schemes)
        _check_hosts(part, at)
        _check_approval(part, at)
        system = part.take(System, *at, of=Declaration)
        if system is None:
            continue
        systems.append(system)
        if isinstance(part, DocumentPart):
            locations[system.id] = partial(_locations, part, at, system)
        else:
            known |= _locations(part, at, system)
    document = parts.head
    _check_authorisation(document)
    header = document.take(_Header, of=Declaration)
    parts.close()
    assert header is not None  # noqa: S101  (a document without diagnostics gives its model)
    if header.authorisation:
        known["authorisations", header.authorisation.id] = document.position("authorisation")
    declaration = Declaration(
        organisation=header.organisation, systems=tuple(systems), authorisation=header.authorisation
    )
    return declaration, SourceMap(known, locations)


def _normalise_endpoints(document: YamlDocument, system: Location, schemes: Mapping[str, Scheme]) -> None:
    known: list[tuple[Location, str]] = []
    for at, text in document.items(*system, "endpoints"):
        if not isinstance(text, str):
            continue
        try:
            uri = str(parse_uri(text, schemes))
        except BadUri as error:
            document.diagnostic(at, *split(error.args[0]))
            continue
        document.put(at, uri)
        known.append((at, uri))
    document.refuse_repeats(known)


def _check_hosts(document: YamlDocument, system: Location) -> None:
    hosts = [(*at, "name") for at, _ in document.items(*system, "hosts")]
    document.refuse_repeats((at, _host(document.at(*at))) for at in hosts)
    for *host, _ in hosts:
        document.refuse_repeats((at, _port(value)) for at, value in document.items(*host, "ports"))


def _host(value: Any) -> Any:
    try:
        return normalise_host(value) if isinstance(value, str) else None
    except BadUri:
        return None


def _port(value: Any) -> str | None:
    try:
        return str(DeclaredPort.model_validate(value))
    except ValueError:
        return None


def _check_approval(document: YamlDocument, system: Location) -> None:
    """The approval of an operating system's level must be declared, also when there is none."""
    stage = document.at(*system, "stage") or Stage.OPERATING
    approval = document.at(*system, "approval")
    level = document.at(*system, "level")
    if stage in (Stage.OPERATING, Stage.UPGRADE) and approval is None and level is not None:
        document.diagnostic(
            (*system, "level"),
            FormattedMessage("level {level} is given without approval facts", level=documents.shown(level)),
            "write approval: {status: approved, decision: …, date: …}, or {status: none} if there is no dossier",
        )
    if isinstance(approval, dict) and approval.get("status") == ApprovalStatus.APPROVED and not approval.get("date"):
        document.diagnostic(
            (*system, "approval"), "an approval is given without its date", "add date: … of the decision"
        )


def _check_authorisation(document: YamlDocument) -> None:
    kind = document.at("authorisation", "kind")
    if isinstance(kind, str) and kind in set(AuthorisationKind) - {AuthorisationKind.OWN_ESTATE}:
        document.diagnostic(
            ("authorisation", "kind"),
            FormattedMessage(
                "an authorisation of kind {kind} cannot be part of the declaration, whose author is the owner",
                kind=kind,
            ),
            "put it in a document of its own, signed by the person who grants it; only own-estate is allowed here",
        )
    authorisation.check_covers(document, ("authorisation",))


def _locations(document: YamlDocument, at: Location, system: System) -> dict[tuple[str, ...], SourceLocation]:
    """Where the parts of a system are written."""
    known: dict[tuple[str, ...], Location] = {("systems", system.id): at}
    if system.approval:
        known["systems", system.id, "approval"] = (*at, "approval")
    for index, host in enumerate(system.hosts):
        known["systems", system.id, "hosts", host.name] = (*at, "hosts", index, "name")
    for index, uri in enumerate(system.endpoints):
        known["systems", system.id, "endpoints", uri] = (*at, "endpoints", index)
    return {names: document.position(*location) for names, location in known.items()}


# --- Without files --------------------------------------------------------------------------------------------------


def ad_hoc(
    uris: Sequence[Uri],
    level: int,
    authorised_by: str | None,
    ports: Collection[PortRange] | None = None,
    *,
    blocks: Sequence[str] = (),
    at: datetime | None = None,
) -> tuple[Declaration, Authorisation]:
    """The documents of an inspection requested on the command line: one system, and an own-estate authorisation.

    The system has no approval facts. ``blocks`` are addresses that the authorisation lists besides. Raises
    NotAuthorised when ``authorised_by`` is missing and a target is not loopback, and UsageError for what cannot be
    declared.
    """
    if not uris:
        raise UsageError("no endpoint is given", remedy="name an endpoint, as https://host/")
    if level not in range(1, 6):
        raise UsageError(
            FormattedMessage("level {level} does not exist", level=level), remedy="give a level from 1 to 5"
        )
    foreign = sorted({uri.host for uri in uris if not is_loopback(uri.host)})
    if foreign and not (authorised_by or "").strip():
        raise NotAuthorised(
            FormattedMessage(
                "no authoriser is named for the inspection of {foreign}", foreign=with_u_labels(", ".join(foreign))
            ),
            remedy='name the person responsible: --authorised-by "NAME, POSITION"',
        )
    author = (authorised_by or "").strip() or "the user of this machine"
    system = System(
        id=re.sub(r"[^A-Za-z0-9._-]+", "-", uris[0].host).strip("-._")[:64] or "system",
        name=with_u_labels(uris[0].host),
        owner=author,
        level=level,
        endpoints=tuple(dict.fromkeys(str(uri) for uri in uris)),
    )
    permit = own_estate(uris, author, ports=tuple(ports) if ports is not None else None, blocks=blocks, at=at)
    organisation = Organisation(code="ad-hoc", name=author)
    return Declaration(organisation=organisation, systems=(system,)), permit
