"""Reachable services of one role: what the server said identifies them; a port number only suggests them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from inspector import Answer, Cause, Outcome, Verdict, failed, inconclusive, not_applicable, passed
from inspector_services.observations import Banner, Banners, OpenPorts, ServiceProtocol
from inspector_services.port_roles import NOTABLE, OVER_HTTP, Role, label, ports_of

#: What leaves open which service it is; TLS may carry any.
UNIDENTIFIED = frozenset({ServiceProtocol.SILENT, ServiceProtocol.TLS, ServiceProtocol.UNKNOWN})
#: The protocols of the services of each role that is judged.
PROTOCOLS: Mapping[Role, frozenset[ServiceProtocol]] = MappingProxyType(
    {
        Role.ADMINISTRATION: frozenset(
            {ServiceProtocol.ADMINISTRATION_PAGE, ServiceProtocol.DCERPC, ServiceProtocol.ICA, ServiceProtocol.RDP}
            | {ServiceProtocol.RLOGIN, ServiceProtocol.SSH, ServiceProtocol.TELNET, ServiceProtocol.VNC}
            | {ServiceProtocol.VMWARE_AUTH, ServiceProtocol.WINRM, ServiceProtocol.X11}
        ),
        Role.CONTAINER: frozenset(
            {ServiceProtocol.CONSUL, ServiceProtocol.DOCKER, ServiceProtocol.ETCD, ServiceProtocol.KUBERNETES}
        ),
        Role.DATABASE: frozenset(
            {ServiceProtocol.BOLT, ServiceProtocol.CASSANDRA, ServiceProtocol.COUCHDB, ServiceProtocol.ELASTICSEARCH}
            | {ServiceProtocol.INFLUXDB, ServiceProtocol.MEMCACHED, ServiceProtocol.MONGODB, ServiceProtocol.MSSQL}
            | {ServiceProtocol.MYSQL, ServiceProtocol.MYSQLX, ServiceProtocol.ORACLE, ServiceProtocol.POSTGRESQL}
            | {ServiceProtocol.REDIS}
        ),
        Role.DIRECTORY: frozenset({ServiceProtocol.LDAP}),
        Role.FILE_SHARING: frozenset(
            {ServiceProtocol.NETBIOS, ServiceProtocol.RPC, ServiceProtocol.RSYNC, ServiceProtocol.SMB}
        ),
        Role.QUEUE: frozenset(
            {ServiceProtocol.AMQP, ServiceProtocol.KAFKA, ServiceProtocol.NATS, ServiceProtocol.OPENWIRE}
            | {ServiceProtocol.ZOOKEEPER}
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Exposure:
    """The reachable services of one role, as port labels.

    ``identified``: by what the server sent. ``likely``: at a number of such a service, where nothing that the server
    sent identifies it. ``unidentified``: neither port number nor banner tells the service, so it may be one of the
    role. ``cause``: why some port or banner was not seen; None when all were. ``reachable``: the ports of those that
    are identified.
    """

    identified: tuple[str, ...]
    likely: tuple[str, ...]
    unidentified: tuple[str, ...]
    cause: Cause | None
    reachable: tuple[int, ...] = ()


def exposure(
    protocols: Collection[ServiceProtocol],
    numbers: Collection[int],
    ports: OpenPorts,
    banners: Banners,
    *,
    beside: Collection[int] = (),
) -> Exposure:
    """The reachable services with these protocols, or at these numbers with a server that speaks no other protocol.

    The ports ``beside`` were looked at otherwise.
    """
    identified = banners.ports_with(*protocols)
    other = banners.ports_with(*(frozenset(ServiceProtocol) - frozenset(protocols) - UNIDENTIFIED))
    excluded = {port for port in other if not _may_speak_http(banners, port)}
    by_number = (set(ports.open) & set(numbers)) - set(identified) - excluded
    told = {label(port) for port in (*by_number, *beside)}
    return Exposure(
        identified=tuple(named(port, banners.banner_of(port).value) for port in identified),
        likely=tuple(map(label, sorted(by_number))),
        unidentified=tuple(text for text in unidentified(banners) if text not in told),
        cause=unseen_cause(numbers, ports, banners),
        reachable=tuple(identified),
    )


def named(port: int, banner: Banner) -> str:
    """A port with what was identified on it, as messages show it, e.g. ``8006/tcp (Proxmox VE)``."""
    return f"{port}/tcp ({name_of(banner)})"


def name_of(banner: Banner) -> str:
    """The product of an administration page, else the protocol."""
    is_page = banner.protocol is ServiceProtocol.ADMINISTRATION_PAGE
    return banner.product if is_page else banner.protocol.value


def _may_speak_http(banners: Banners, port: int) -> bool:
    """Whether HTTP is what a service of this number speaks."""
    known = NOTABLE.get(port)
    is_http = banners.banner_of(port).value.protocol is ServiceProtocol.HTTP
    return is_http and known is not None and known.service in OVER_HTTP


def unidentified(banners: Banners) -> tuple[str, ...]:
    """The ports whose server sent what identifies no protocol, or nothing at a number that suggests no service."""
    told = banners.ports_with(*(UNIDENTIFIED - {ServiceProtocol.SILENT}))
    silent = [port for port in banners.ports_with(ServiceProtocol.SILENT) if port not in NOTABLE]
    return tuple(label(port) for port in sorted({*told, *silent}))


def unseen_cause(numbers: Collection[int], ports: OpenPorts, banners: Banners) -> Cause | None:
    """Why some scanned port, banner or one of these ports was not seen; None when all were."""
    not_scanned = next(iter(ports.unseen(numbers).values()), None)
    return ports.undetermined_cause or banners.unreachable_cause or not_scanned


def undecided(found: Exposure) -> Verdict | None:
    """The verdict where a service may be reachable that was not identified; None where none may be."""
    if found.likely:
        return inconclusive(
            "open on a port of such a service, but nothing that the server sent identifies it: {measured}",
            measured=found.likely,
            cause=Cause.AMBIGUOUS,
        )
    if found.unidentified:
        return inconclusive(
            "open, but no banner identifies the service: {measured}", measured=found.unidentified, cause=Cause.AMBIGUOUS
        )
    if found.cause is not None:
        return inconclusive("not every port and banner was seen", cause=found.cause)
    return None


def none_reachable(role: Role, ports: OpenPorts, banners: Banners) -> Verdict:
    """Pass when no service of the role is reachable; one that only its number suggests is neither that nor a pass."""
    found = exposure(PROTOCOLS[role], ports_of(role), ports, banners)
    if found.identified:
        return failed("accepts connections: {measured}", measured=found.identified, facts=ports.at(found.reachable))
    return undecided(found) or passed(
        "no such service on the {scanned} TCP ports scanned", scanned=ports.scanned, facts=("/groups",)
    )


@dataclass(frozen=True, slots=True)
class Flaws:
    """Which of the servers of one protocol have a flaw, as port labels; ``servers``: all of them.

    ``undecided``: the verdict where nothing has the flaw and not everything was seen, or there is no such server.
    ``facts``: the facts relied upon where a server has the flaw.
    """

    servers: tuple[str, ...]
    flawed: tuple[str, ...]
    undecided: Verdict | None
    facts: tuple[str, ...]


def flaws(
    protocol: ServiceProtocol,
    services: Collection[str],
    ports: OpenPorts,
    banners: Banners,
    of: Callable[[Banner], tuple[Answer[bool], ...]],
) -> Flaws:
    """The servers of a protocol for which any answer of ``of`` is True, the flaw.

    ``services`` are the protocol's names in the port table.
    """
    seen = ((each.port, each.banner.seen) for each in banners.ports)
    of_port = {port: banner for port, banner in seen if banner and banner.protocol is protocol}
    servers = [(named(port, banner), of(banner)) for port, banner in of_port.items()]
    flawed = tuple(name for name, answers in servers if any(answer.seen for answer in answers))
    facts = ("/ports", *ports.at(of_port))
    unseen = [(name, answer.unseen) for name, answers in servers for answer in answers if answer.unseen]
    names = tuple(name for name, _ in servers)
    if unseen:
        silent = dict(unseen)
        verdict = inconclusive("did not say what it accepts: {measured}", measured=silent, cause=unseen[0][1])
        return Flaws(names, flawed, verdict, facts)
    rest = _others(protocol, services, ports, banners)
    undecided = rest if not servers or rest.outcome is Outcome.INCONCLUSIVE else None
    return Flaws(names, flawed, undecided, facts)


#: Of a server of which the parts that are judged were not read.
NOT_READ: tuple[Answer[bool], ...] = (Answer[bool](unseen=Cause.NOT_SELECTED),)


def opposite(answer: Answer[bool]) -> Answer[bool]:
    """The answer to the opposite question."""
    return answer if answer.seen is None else Answer[bool](seen=not answer.seen)


def _others(protocol: ServiceProtocol, services: Collection[str], ports: OpenPorts, banners: Banners) -> Verdict:
    """The verdict about the ports where the protocol was not identified: not applicable, unless one may speak it."""
    numbers = {each.port for each in NOTABLE.values() if each.service in services}
    found = exposure({protocol}, numbers, ports, banners)
    return undecided(found) or not_applicable(
        "no such service on the {scanned} TCP ports scanned", scanned=ports.scanned
    )
