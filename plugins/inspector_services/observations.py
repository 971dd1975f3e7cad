"""The observations that the service probes record: the state of TCP ports, and the banners of open ones."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from inspector import Answer, Cause, Model, Observation

PortNumber = Annotated[int, Field(ge=1, le=65535)]


class PortState(StrEnum):
    """The state of a TCP port as seen from the vantage, in nmap's terms.

    ``filtered`` is itself seen: a firewall sent a rejection, or repeated SYNs went unanswered while the same address
    answered on other ports before and after. A timeout that proves nothing is an unseen answer.
    """

    OPEN = "open"
    CLOSED = "closed"
    FILTERED = "filtered"


class Span(Model):
    """Ports ``first`` to ``last``, both included, that share one answer."""

    first: PortNumber
    last: PortNumber
    state: Answer[PortState]

    @property
    def ports(self) -> range:
        """The ports of the span."""
        return range(self.first, self.last + 1)


class OpenPorts(Observation):
    """The TCP ports that were scanned at one address, in ascending spans.

    Every declared, notable or open port is a span of its own. A port in no span was not scanned.
    """

    kind: ClassVar[str] = "ports/1"

    spans: tuple[Span, ...] = ()

    def state(self, port: int) -> Answer[PortState]:
        """The state of ``port``; unseen (not-selected) when it was not scanned."""
        for span in self.spans:
            if port in span.ports:
                return span.state
        return Answer[PortState](unseen=Cause.NOT_SELECTED)

    def in_state(self, state: PortState) -> tuple[int, ...]:
        """The ports that were seen in this state, ascending."""
        return tuple(port for span in self.spans if span.state.seen is state for port in span.ports)

    @property
    def open(self) -> tuple[int, ...]:
        """The ports that accept connections."""
        return self.in_state(PortState.OPEN)

    @property
    def scanned(self) -> int:
        """The number of ports that were scanned."""
        return sum(len(span.ports) for span in self.spans)

    def unseen(self, among: Iterable[int]) -> dict[int, Cause]:
        """Those of ``among`` whose state was not seen, with the cause."""
        states = {port: span.state.unseen for span in self.spans for port in span.ports}
        causes = {port: states.get(port, Cause.NOT_SELECTED) for port in sorted(among)}
        return {port: cause for port, cause in causes.items() if cause is not None}

    @property
    def undetermined(self) -> tuple[int, ...]:
        """The ports that were scanned without their state being seen."""
        return tuple(port for span in self.spans if not span.state.is_seen for port in span.ports)

    @property
    def undetermined_cause(self) -> Cause | None:
        """The cause of the first undetermined port; None when every scanned port was seen."""
        return next((span.state.unseen for span in self.spans if span.state.unseen is not None), None)


class ServiceProtocol(StrEnum):
    """The protocol that a greeting, or the reply to a question, identifies; of products that speak HTTP, the product's.

    ``administration-page``: an HTTP server shows the page of an administration product. ``silent``: the server sends
    nothing before the client does, and no answer to a question. ``tls``: it expects TLS, and does not show which
    protocol that carries. ``unknown``: what it sent is of none of these protocols.
    """

    AMQP = "amqp"
    CASSANDRA = "cassandra"
    CONSUL = "consul"
    COUCHDB = "couchdb"
    DOCKER = "docker"
    ELASTICSEARCH = "elasticsearch"
    ETCD = "etcd"
    FTP = "ftp"
    HTTP = "http"
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
    NATS = "nats"
    NETBIOS = "netbios"
    POP3 = "pop3"
    POSTGRESQL = "postgresql"
    RDP = "rdp"
    REDIS = "redis"
    RPC = "rpc"
    RSYNC = "rsync"
    SMB = "smb"
    SMTP = "smtp"
    SSH = "ssh"
    TELNET = "telnet"
    VNC = "vnc"
    WINRM = "winrm"
    X11 = "x11"
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


class PortBanner(Model):
    """The banner of one open port; unseen when the connection failed or was closed before any byte.

    Unstable: its connections spoke different protocols.
    """

    port: PortNumber
    banner: Answer[Banner]


class Banners(Observation):
    """The banners of open ports, by port: of a notable role, not declared, or declared with a protocol."""

    kind: ClassVar[str] = "banners/1"

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
