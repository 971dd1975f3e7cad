"""The observations that the service probes record: the state of TCP ports, and the banners of open ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum
from functools import cached_property, lru_cache
from itertools import groupby
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from inspector import Answer, Cause, Model, Observation

PortNumber = Annotated[int, Field(ge=1, le=65535)]
#: The ports of failing verdicts that a confirmation scan asks alone, at most; of more it asks all, because whatever
#: answers at every port alike is recognised by how many do.
MOST_PARTS = 16


class PortState(StrEnum):
    """The state of a TCP port as seen from the vantage, in nmap's terms.

    ``filtered`` is itself seen: a firewall sent a rejection, or repeated SYNs went unanswered while the same address
    answered on other ports before and after. A timeout that proves nothing is an unseen answer.
    """

    OPEN = "open"
    CLOSED = "closed"
    FILTERED = "filtered"


@lru_cache(maxsize=1024)
def ports_in(text: str) -> tuple[int, ...]:
    """The ports in nmap's notation, e.g. ``1-60,443``; raises ValueError."""
    found: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        ports = range(int(first), int(last or first) + 1)
        if not 1 <= ports.start < ports.stop <= 65536:
            raise ValueError(f"{part!r} is not a range of ports")
        found.extend(ports)
    return tuple(found)


def port_ranges(ports: Collection[int]) -> str:
    """Ports in nmap's notation, ascending."""
    if len(ports) == 1:
        return str(*ports)
    runs = groupby(enumerate(sorted(ports)), key=lambda item: item[1] - item[0])
    found = [[port for _, port in members] for _, members in runs]
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in found)


@lru_cache(maxsize=1024)
def _listed(text: str) -> str:
    if port_ranges(set(ports_in(text))) != text or not text:
        raise ValueError("ports are listed ascending and once, as in 1-60,443")
    return text


class PortGroup(Model):
    """Ports that share one answer, ``listed`` in nmap's notation, e.g. ``1-60,443``."""

    listed: Annotated[str, AfterValidator(_listed)]
    state: Answer[PortState]

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports, ascending."""
        return ports_in(self.listed)


_NOT_SCANNED = Answer[PortState](unseen=Cause.NOT_SELECTED)


class OpenPorts(Observation):
    """The TCP ports that were scanned at one address, in groups.

    Every declared, notable or open port is a group of its own. A port in no group was not scanned.
    """

    kind: ClassVar[str] = "ports/2"

    groups: tuple[PortGroup, ...] = ()

    @cached_property
    def open(self) -> tuple[int, ...]:
        """The ports that accept connections."""
        return self.in_state(PortState.OPEN)

    def at(self, ports: Collection[int]) -> tuple[str, ...]:
        """JSON pointers to the groups of these ports, as facts of a verdict."""
        wanted = set(ports)
        return tuple(f"/groups/{place}" for place, group in enumerate(self.groups) if wanted.intersection(group.ports))

    def parts_at(self, facts: Collection[str]) -> tuple[str, ...] | None:
        """The ports of the groups that the facts point to, if these are few; None: all ports."""
        found: set[int] = set()
        for fact in facts:
            if fact.startswith("/groups"):
                place = fact.removeprefix("/groups/")
                if not (place.isascii() and place.isdigit() and int(place) < len(self.groups)):
                    return None
                found.update(self.groups[int(place)].ports)
        return tuple(map(str, sorted(found))) if 0 < len(found) <= MOST_PARTS else None

    @cached_property
    def _states(self) -> dict[int, Answer[PortState]]:
        return {port: group.state for group in self.groups for port in group.ports}

    def state(self, port: int) -> Answer[PortState]:
        """The state of ``port``; unseen (not-selected) when it was not scanned."""
        return self._states.get(port, _NOT_SCANNED)

    def in_state(self, state: PortState) -> tuple[int, ...]:
        """The ports that were seen in this state, ascending."""
        return self._in_state.get(state, ())

    @cached_property
    def _in_state(self) -> dict[PortState, tuple[int, ...]]:
        found: dict[PortState, list[int]] = {}
        for group in self.groups:
            if group.state.seen is not None:
                found.setdefault(group.state.seen, []).extend(group.ports)
        return {state: tuple(sorted(ports)) for state, ports in found.items()}

    @property
    def scanned(self) -> int:
        """The number of ports that were scanned."""
        return len(self._states)

    def unseen(self, among: Iterable[int]) -> dict[int, Cause]:
        """Those of ``among`` whose state was not seen, with the cause."""
        causes = {port: self.state(port).unseen for port in sorted(among)}
        return {port: cause for port, cause in causes.items() if cause is not None}

    @property
    def undetermined(self) -> tuple[int, ...]:
        """The ports that were scanned without their state being seen."""
        return tuple(sorted(port for group in self.groups if not group.state.is_seen for port in group.ports))

    @cached_property
    def undetermined_cause(self) -> Cause | None:
        """The cause of an undetermined port; None when every scanned port was seen."""
        return next((group.state.unseen for group in self.groups if group.state.unseen is not None), None)


class ServiceProtocol(StrEnum):
    """The protocol that a greeting, or the reply to a question, identifies; of products that speak HTTP, the product's.

    ``administration-page``: an HTTP server shows the page of an administration product. ``silent``: the server sends
    nothing before the client does, and no answer to a question. ``tls``: it expects TLS, and does not show which
    protocol that carries. ``unknown``: what it sent is of none of these protocols.
    """

    AMQP = "amqp"
    BOLT = "neo4j-bolt"
    CASSANDRA = "cassandra"
    CONSUL = "consul"
    COUCHDB = "couchdb"
    DCERPC = "epmap"
    DOCKER = "docker"
    ELASTICSEARCH = "elasticsearch"
    ETCD = "etcd"
    FTP = "ftp"
    HTTP = "http"
    ICA = "ica"
    IMAP = "imap"
    INFLUXDB = "influxdb"
    KAFKA = "kafka"
    KUBERNETES = "kubernetes"
    LDAP = "ldap"
    MEMCACHED = "memcached"
    MONGODB = "mongodb"
    MQTT = "mqtt"
    MSSQL = "mssql"
    MYSQL = "mysql"
    MYSQLX = "mysqlx"
    NATS = "nats"
    NETBIOS = "netbios"
    OPENWIRE = "activemq"
    ORACLE = "oracle"
    POP3 = "pop3"
    POSTGRESQL = "postgresql"
    PPTP = "pptp"
    RDP = "rdp"
    REDIS = "redis"
    RLOGIN = "rlogin"
    RPC = "rpc"
    RSYNC = "rsync"
    SMB = "smb"
    SMTP = "smtp"
    SSH = "ssh"
    TELNET = "telnet"
    VMWARE_AUTH = "vmware-auth"
    VNC = "vnc"
    WINRM = "winrm"
    X11 = "x11"
    ZOOKEEPER = "zookeeper"
    ADMINISTRATION_PAGE = "administration-page"
    TLS = "tls"
    SILENT = "silent"
    UNKNOWN = "unknown"


class RdpSecurity(Model):
    """What an RDP server accepts, each asked for alone ([MS-RDPBCGR] §2.2.1.1, §2.2.1.2).

    ``standard``: the RDP security layer, without TLS. ``tls``: TLS without network level authentication (NLA).
    ``nla``: CredSSP, which authenticates before a session is made.
    """

    standard: Answer[bool]
    tls: Answer[bool]
    nla: Answer[bool]


class SmbSecurity(Model):
    """What an SMB server negotiates ([MS-SMB2] §2.2.4, [MS-SMB] §2.2.4.5.2).

    ``dialect``: the SMB 2 or 3 dialect that it chooses, e.g. ``3.1.1``; empty where it speaks SMB 1 alone.
    ``signing_required``: in every dialect that it offers. ``smb1``: whether it offers SMB 1.
    """

    dialect: str
    signing_required: Answer[bool]
    smb1: Answer[bool]


class Banner(Model):
    """What the server behind an open port is, by what it sent.

    ``text``: at most 512 bytes of its greeting or answer as printable ASCII (other bytes escaped), empty where it gave
    none. ``product``, ``version`` and ``release`` (the packager's suffix) are as the server writes them, empty where
    it does not. ``tls``: it was seen inside TLS.

    ``server``: HTTP's header of this name. ``title``: that of the page ``/``. ``subject``: the attributes of the
    subject of the certificate that it presented, e.g. ``OU=FortiGate``. All are bounded and printable, and the title
    has no form of a secret.

    ``cleartext``: whether an unencrypted session is possible. ``authentication``: True where the server refuses a
    client that does not log in, False where it served one. Both are None where nothing that it sent shows it.
    """

    text: str
    protocol: ServiceProtocol
    cleartext: bool | None = None
    product: str = ""
    version: str = ""
    release: str = ""
    tls: bool = False
    authentication: bool | None = None
    rdp: RdpSecurity | None = None
    smb: SmbSecurity | None = None
    server: str = ""
    title: str = ""
    subject: tuple[str, ...] = ()


class PortBanner(Model):
    """The banner of one open port; unseen when the connection failed or was closed before any byte.

    Unstable: its connections spoke different protocols.
    """

    port: PortNumber
    banner: Answer[Banner]


class Banners(Observation):
    """The banners of open ports, by port."""

    kind: ClassVar[str] = "banners/2"

    ports: tuple[PortBanner, ...] = ()

    def ports_with(self, *protocols: ServiceProtocol) -> tuple[int, ...]:
        """The ports whose banner identifies one of these protocols."""
        return tuple(each.port for each in self.ports if each.banner.seen and each.banner.seen.protocol in protocols)

    def banner_of(self, port: int) -> Answer[Banner]:
        """The banner of ``port``; unseen (not-selected) when it was not read."""
        found = next((each.banner for each in self.ports if each.port == port), None)
        return found or Answer[Banner](unseen=Cause.NOT_SELECTED)

    @property
    def unreachable_cause(self) -> Cause | None:
        """The cause of the first banner that could not be read; None when all were read."""
        return next((each.banner.unseen for each in self.ports if each.banner.unseen is not None), None)


class AnonymousLogin(Model):
    """Whether the server at ``port`` admits a client without a name; unseen where its answer shows neither."""

    port: PortNumber
    protocol: ServiceProtocol
    admitted: Answer[bool]


class AnonymousLogins(Observation):
    """Log-ins without a name that were tried, by port: at FTP servers, and at MQTT's ports."""

    kind: ClassVar[str] = "anonymous-logins/1"

    ports: tuple[AnonymousLogin, ...] = ()


class MailRelay(Model):
    """Whether the SMTP server at ``port`` takes a recipient elsewhere from a client that it does not know."""

    port: PortNumber
    relays: Answer[bool]


class MailRelays(Observation):
    """The SMTP servers that were asked whether they relay, by port."""

    kind: ClassVar[str] = "mail-relays/1"

    ports: tuple[MailRelay, ...] = ()
