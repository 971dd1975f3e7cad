"""The authorisation: who permits the inspection of what, when and at which rates. Its author is the one who permits."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, ValidationInfo, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue, WithJsonSchema
from pydantic_core import CoreSchema

from inspector.declare import document as documents
from inspector.declare.document import Location, SourceLocation, SourceMap, YamlDocument, diagnostic_at
from inspector.model.base import Instant, Model, now, or_short
from inspector.model.errors import Diagnostic, InputFileError
from inspector.model.formatted import FormattedMessage
from inspector.model.intrusiveness import Intrusiveness
from inspector.model.subject import Uri, is_address, normalise_host


def _usable(value: datetime) -> datetime:
    if not 1900 <= value.year <= 9998:
        raise ValueError("its year is not from 1900 to 9998; correct it")
    return value


#: An instant of a document, which every time zone can show.
DocumentInstant = Annotated[Instant, AfterValidator(_usable)]


class AuthorisationKind(StrEnum):
    """The legal ground of an inspection."""

    OWNER_REQUEST = "owner-request"
    INSPECTION_DECISION = "inspection-decision"
    SELF_INSPECTION = "self-inspection"
    OWN_ESTATE = "own-estate"


class Document(Model):
    """The document behind an authorisation; ``sha256`` of its scanned copy, lower-case hexadecimal."""

    number: str
    date: dt.date
    sha256: str | None = Field(
        default=None, pattern=r"^[0-9a-f]{64}$", description="the 64 lower-case digits that sha256sum prints"
    )


class PortRange(Model):
    """The ports ``first`` to ``last``, both included; short forms: ``443``, ``"8000-8100"``."""

    first: int = Field(ge=1, le=65535)
    last: int = Field(ge=1, le=65535)

    def __contains__(self, port: object) -> bool:
        return isinstance(port, int) and self.first <= port <= self.last

    @model_validator(mode="before")
    @classmethod
    def _from_short(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return {"first": value, "last": value}
        if not isinstance(value, str):
            return value
        parts = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", value)
        if parts is None:
            raise ValueError(
                FormattedMessage('{value} is not a range of ports; write 443 or "8000-8100"', value=repr(value))
            )
        return {"first": int(parts[1]), "last": int(parts[2] or parts[1])}

    @field_validator("last")
    @classmethod
    def _in_order(cls, last: int, info: ValidationInfo) -> int:
        if last < info.data.get("first", last):
            raise ValueError("the range ends before it begins; write the smaller port first")
        return last

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        number = {"type": "integer", "minimum": 1, "maximum": 65535}
        return or_short(core, handler, number, {"type": "string", "pattern": "^[0-9]{1,5}(-[0-9]{1,5})?$"})


def _name(text: str) -> str:
    host = normalise_host(text.removeprefix("*."))
    if is_address(host):
        raise ValueError(FormattedMessage("{text} is an address, not a name; list it under blocks", text=repr(text)))
    return f"*.{host}" if text.startswith("*.") else host


def parse_block(text: str) -> str:
    """An address block in canonical form; raises ValueError."""
    try:
        block = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            FormattedMessage(
                "{text} is not an address block; write for example 203.0.113.0/24 or 2001:db8::/32", text=repr(text)
            )
        ) from None
    if block.network_address != ipaddress.ip_interface(text).ip:
        raise ValueError(
            FormattedMessage(
                "{text} names an address inside a block; write {block}, or the address alone",
                text=repr(text),
                block=block,
            )
        )
    return str(block)


class Covers(Model):
    """What is covered. ``names``: exact, or ``*.zone`` for everything below a zone. ``blocks``: CIDR.

    A name covers the addresses that it is pinned to, but for special-purpose ones (RFC 6890: loopback, private, and
    others), which need the address listed, as do sweeps and intrusive scans; to link-local addresses and those of cloud
    metadata no name leads at all. Without ``ports``, the declared ports are covered.
    """

    names: tuple[Annotated[str, AfterValidator(_name)], ...] = ()
    blocks: tuple[Annotated[str, AfterValidator(parse_block)], ...] = ()
    ports: tuple[PortRange, ...] | None = None


def _clock(value: time) -> time:
    if value.tzinfo is not None:
        raise ValueError("a window's hour has no time zone; write it as 22:00 and the zone under timezone")
    return value


Clock = Annotated[
    time,
    AfterValidator(_clock),
    WithJsonSchema({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"}),
]


class Window(Model):
    """Hours in which packets may be sent: week days (1 Monday … 7 Sunday), start and end, an IANA time zone.

    An end before the start is on the next day.
    """

    days: tuple[Annotated[int, Field(ge=1, le=7)], ...] = Field(default=(1, 2, 3, 4, 5, 6, 7), min_length=1)
    start: Clock
    end: Clock
    timezone: str = "Asia/Ho_Chi_Minh"

    @field_validator("end")
    @classmethod
    def _lasts(cls, end: time, info: ValidationInfo) -> time:
        if end == info.data.get("start"):
            raise ValueError('the window ends when it starts; write "00:00" to "23:59:59" for a whole day')
        return end

    @field_validator("timezone")
    @classmethod
    def _known(cls, timezone: str) -> str:
        try:
            ZoneInfo(timezone)
        except (ValueError, OSError, LookupError):
            raise ValueError(
                FormattedMessage(
                    "{timezone} is not an IANA time zone; write for example Asia/Ho_Chi_Minh", timezone=repr(timezone)
                )
            ) from None
        return timezone


class Rates(Model):
    """Rate limits per network address.

    ``connections_per_second`` is the sustained rate, ``burst`` the most in any one second, ``at_once`` the most open at
    a time, ``port_questions_per_second`` limits sweeps. UDP and DNS questions count as connections.
    """

    connections_per_second: int = Field(default=4, ge=1)
    burst: int = Field(default=10, ge=1, validate_default=True)
    at_once: int = Field(default=5, ge=1)
    port_questions_per_second: int = Field(default=100, ge=1)

    @field_validator("burst")
    @classmethod
    def _not_below_the_rate(cls, burst: int, info: ValidationInfo) -> int:
        if burst < info.data.get("connections_per_second", burst):
            raise ValueError("burst is smaller than connections_per_second; raise it or lower the rate")
        return burst


class Authorisation(Model):
    """Who permits the inspection of what, when and at which rates."""

    id: str = Field(min_length=1, max_length=200)
    kind: AuthorisationKind
    basis: str | None = None
    granted_by: str = Field(min_length=1)
    document: Document | None = None
    emergency_contact: str | None = None
    covers: Covers
    valid_from: DocumentInstant
    valid_until: DocumentInstant
    windows: tuple[Window, ...] = ()
    intrusiveness: Intrusiveness = Intrusiveness.POLITE
    rates: Rates = Rates()

    @field_validator("valid_until")
    @classmethod
    def _after_it_begins(cls, valid_until: datetime, info: ValidationInfo) -> datetime:
        if valid_until <= info.data.get("valid_from", valid_until - timedelta(1)):
            raise ValueError("valid_until is not after valid_from; correct one of them")
        return valid_until

    def is_valid(self, at: datetime) -> bool:
        """Whether it is valid at this instant, its windows apart."""
        return self.valid_from <= at < self.valid_until


# --- The file -------------------------------------------------------------------------------------------------------


def load(path: Path) -> tuple[Authorisation, ...]:
    """The authorisations of a file, which contains one or a list; raises InputFileError with every diagnostic."""
    return read(path)[0]


def read(path: Path) -> tuple[tuple[Authorisation, ...], SourceMap]:
    """The authorisations of a file and where each begins; raises InputFileError with every diagnostic."""
    document = documents.read(path)
    locations: list[Location] = [()]
    if isinstance(document.data, list):
        locations = [location for location, _ in document.items()]
        document.refuse_repeats(((*location, "id"), document.at(*location, "id")) for location in locations)
        if not locations:
            document.diagnostic((), "the file lists no authorisation", "write at least one")
    for location in locations:
        check_covers(document, location)
    taken = [(location, document.take(Authorisation, *location)) for location in locations]
    document.close()
    found = [(location, each) for location, each in taken if each is not None]
    known: dict[tuple[str, ...], SourceLocation] = {
        ("authorisations", each.id): document.position(*location) for location, each in found
    }
    return tuple(each for _, each in found), SourceMap(known)


def each_once(read: Iterable[tuple[Sequence[Authorisation], SourceMap]]) -> tuple[Authorisation, ...]:
    """The authorisations of several documents, equal ones once; an id then names one of them.

    Raises InputFileError where two of the same id differ, with where each is written.
    """
    found: dict[str, tuple[Authorisation, SourceLocation | None]] = {}
    diagnostics = []
    for authorisations, source_map in read:
        for each in authorisations:
            position = source_map.authorisation(each.id)
            first, first_at = found.setdefault(each.id, (each, position))
            if first == each:
                continue
            what = FormattedMessage(
                "authorisation {id} is not the one of the same id in {first}",
                id=repr(each.id),
                first="" if first_at is None else f"{first_at.source}:{first_at.line}:{first_at.column}",
            )
            remedy = "give each authorisation an id of its own, or leave one of them out"
            diagnostics.append(diagnostic_at(position, what, remedy, source=f"authorisation {each.id}"))
    if diagnostics:
        raise InputFileError(diagnostics)
    return tuple(each for each, _ in found.values())


def check_covers(document: YamlDocument, location: Location) -> None:
    """Add a diagnostic when the authorisation at this location covers nothing."""
    covers = document.at(*location, "covers")
    if isinstance(covers, dict) and not covers.get("names") and not covers.get("blocks"):
        document.diagnostic((*location, "covers"), "nothing is covered", "list names or blocks")


def check_authorisations(
    authorisations: Sequence[Authorisation], at: datetime, source_map: SourceMap | None = None
) -> tuple[Diagnostic, ...]:
    """One diagnostic for each authorisation that is expired, or not valid yet, at this instant."""
    diagnostics = []
    for each in authorisations:
        if at >= each.valid_until:
            what = FormattedMessage(
                "authorisation {id} expired at {valid_until}",
                id=repr(each.id),
                valid_until=each.valid_until.isoformat(),
            )
            remedy = "ask the person who granted it for a new one"
        elif at < each.valid_from:
            what = FormattedMessage(
                "authorisation {id} is not valid before {valid_from}",
                id=repr(each.id),
                valid_from=each.valid_from.isoformat(),
            )
            remedy = "wait until then"
        else:
            continue
        position = source_map.authorisation(each.id) if source_map else None
        diagnostics.append(diagnostic_at(position, what, remedy, source=f"authorisation {each.id}"))
    return tuple(diagnostics)


# --- Own systems ----------------------------------------------------------------------------------------------------

#: The rates for servers of this machine.
LOOPBACK_RATES = Rates(connections_per_second=200, burst=400, at_once=20, port_questions_per_second=20_000)
_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


def is_loopback(host: str) -> bool:
    """Whether a host can only be this machine: 127.0.0.0/8, ::1, or the name localhost."""
    return host == "localhost" or (is_address(host) and any(ipaddress.ip_address(host) in net for net in _LOOPBACK))


def own_estate(
    targets: Sequence[Uri],
    authorised_by: str,
    *,
    rates: Rates | None = None,
    ports: Sequence[PortRange] | None = None,
    blocks: Sequence[str] = (),
    at: datetime | None = None,
) -> Authorisation:
    """An authorisation over the author's own systems, valid for 24 hours.

    Addresses are covered as blocks, as are those in ``blocks``, and names as names; ``localhost`` is covered as the
    loopback addresses only.
    ``rates`` defaults to those of loopback when every target is loopback, else to ``Rates()``.
    """
    hosts = sorted({target.host for target in targets})
    named = [host for host in hosts if not is_address(host) and host != "localhost"]
    listed = [*(host for host in hosts if is_address(host)), *blocks]
    if "localhost" in hosts:
        listed.extend(str(net) for net in _LOOPBACK)
    begins = at or now()
    return Authorisation(
        id=f"own-estate-{begins:%Y%m%dT%H%M%S}",
        kind=AuthorisationKind.OWN_ESTATE,
        granted_by=authorised_by,
        covers=Covers(names=tuple(named), blocks=tuple(listed), ports=None if ports is None else tuple(ports)),
        valid_from=begins,
        valid_until=begins + timedelta(hours=24),
        rates=rates or (LOOPBACK_RATES if all(map(is_loopback, hosts)) else Rates()),
    )
