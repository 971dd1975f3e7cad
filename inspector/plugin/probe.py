"""A probe: it scans (all I/O, through the network gateway) and parses (raw bytes to typed facts, pure)."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model

from inspector.model.declared import Declared
from inspector.model.errors import PluginError
from inspector.model.intrusiveness import Intrusiveness
from inspector.model.observation import Observation, ScanOutput
from inspector.model.subject import Scheme, Subject, SubjectKind, is_address

#: The scan option by which a probe scans only some parts of its observation; None: the whole.
PARTS = "parts"
#: The scan option that says how many of the TCP ports most often open are asked, and its value for all of them.
TOP_PORTS = "top_ports"
ALL_PORTS = 65535


@dataclass(frozen=True, slots=True)
class Cost:
    """Upper bounds of one scan: connections to one address, port questions, wall seconds without rate-limit waits.

    ``infrastructure_questions`` are DNS questions to resolvers and name servers; an infrastructure probe's connections
    count as such, too.
    """

    connections: int = 0
    port_questions: int = 0
    seconds: int = 30
    infrastructure_questions: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """The target of one scan. ``address`` is pinned; no other address is contacted."""

    subject: Subject
    declared: Declared

    @property
    def uri(self) -> str:
        """The normalised URI of the subject."""
        return self.subject.uri

    @property
    def scheme(self) -> str:
        """The scheme's name."""
        return self.subject.scheme

    @property
    def host(self) -> str:
        """The host, zone or domain name (or address literal) as declared."""
        return self.subject.host or ""

    @property
    def port(self) -> int:
        """The port; 0 where the subject has none."""
        return self.subject.port or 0

    @property
    def address(self) -> str:
        """The pinned network address; empty where the subject has none."""
        return self.subject.address or ""

    @property
    def server_name(self) -> str | None:
        """The name for a TLS hello (RFC 6066 §3); None where the host is an address literal."""
        return None if is_address(self.host) else self.host


@dataclass(frozen=True, slots=True)
class ParseContext:
    """What ``parse`` gets besides the raw bytes: the subject, the instant, and the inspector's trust material.

    ``declared_roots`` and ``public_roots`` are PEM; ``dnssec_anchors`` are DS or DNSKEY lines in presentation format.
    """

    subject: Subject
    seen_at: datetime
    declared_roots: bytes = b""
    public_roots: bytes = b""
    dnssec_anchors: tuple[str, ...] = ()


#: ``scan(target, network, *observations, **options)``
Scan = Callable[..., Awaitable[ScanOutput]]
#: ``parse(output, context)``: pure; raises ``ScanFailure`` or ``ValueError`` when the bytes are malformed.
Parse = Callable[[ScanOutput, ParseContext], Observation]


@dataclass(frozen=True, slots=True)
class Probe:
    """One kind of scan. ``cost`` bounds it; with ``parse_in_worker`` its parser runs in a killable worker process."""

    name: str
    version: str
    kind: type[Observation]
    schemes: frozenset[Scheme]
    subject_kind: SubjectKind
    intrusiveness: Intrusiveness
    needs: tuple[tuple[str, type[Observation]], ...]
    options: type[BaseModel]
    cost: Callable[[Target, Mapping[str, Any]], Cost] = field(repr=False)
    scan: Scan = field(repr=False)
    parse: Parse = field(repr=False)
    parse_in_worker: bool = False
    infrastructure: bool = False
    discovers: frozenset[Scheme] = frozenset()
    contacts_third_parties: bool = False
    module: str = ""
    needs_parts: frozenset[str] | None = None

    @property
    def has_parts(self) -> bool:
        """Whether a scan can be limited to some parts of the observation."""
        return PARTS in self.options.model_fields


def probe(
    name: str,
    *,
    kind: type[Observation],
    schemes: Collection[Scheme],
    subject_kind: SubjectKind,
    parse: Parse,
    intrusiveness: Intrusiveness = Intrusiveness.POLITE,
    cost: Cost | Callable[[Target, Mapping[str, Any]], Cost] = Cost(connections=1),
    parse_in_worker: bool = False,
    infrastructure: bool = False,
    discovers: Collection[Scheme] = (),
    contacts_third_parties: bool = False,
    needs_parts: Collection[str] | None = None,
    version: str = "1",
) -> Callable[[Scan], Probe]:
    """Make a probe of a coroutine function ``scan(target, network, *needs, **options) -> ScanOutput``.

    After ``network``, positional parameters are observations that the scan needs; keyword-only ones are scan options
    that profiles set. One named ``parts``, a tuple of names or None, limits the scan to these parts of the observation
    (None: all of it); the planner fills it in from the ``needs`` of checks. One named ``top_ports`` is how many of the
    ports most often open are asked; ``--all-ports`` makes it 65535.

    ``needs_parts`` are the parts of the observations before it that the scan depends on (None: all of them).
    ``infrastructure`` marks a scan that only sends DNS queries to resolvers or name servers and no packet to the
    target. ``discovers`` names the schemes of subjects that the scan may discover; with ``contacts_third_parties`` it
    may contact hosts other than the target, as far as an authorisation names them.
    """

    def make(scan: Scan) -> Probe:
        if not inspect.iscoroutinefunction(scan):
            raise PluginError(f"probe {name!r} is not a coroutine function", remedy="write async def")
        hints = typing.get_type_hints(scan)
        needs: list[tuple[str, type[Observation]]] = []
        options: dict[str, Any] = {}
        for index, parameter in enumerate(inspect.signature(scan).parameters.values()):
            hint = hints.get(parameter.name)
            if parameter.kind is parameter.KEYWORD_ONLY:
                options[parameter.name] = (hint, ... if parameter.default is parameter.empty else parameter.default)
            elif index >= 2:
                if not (isinstance(hint, type) and issubclass(hint, Observation)):
                    raise PluginError(f"probe {name!r}: {parameter.name!r} is not an observation")
                needs.append((parameter.name, hint))
        return Probe(
            name=name,
            version=version,
            kind=kind,
            schemes=frozenset(schemes),
            subject_kind=subject_kind,
            intrusiveness=intrusiveness,
            needs=tuple(needs),
            options=create_model(f"{name} scan", __config__=ConfigDict(extra="forbid", frozen=True), **options),
            cost=cost if callable(cost) else lambda _target, _options: cost,
            scan=scan,
            parse=parse,
            parse_in_worker=parse_in_worker,
            infrastructure=infrastructure,
            discovers=frozenset(discovers),
            contacts_third_parties=contacts_third_parties,
            module=scan.__module__,
            needs_parts=None if needs_parts is None else frozenset(needs_parts),
        )

    return make
