"""The protocols that are identified, one module for each: its questions, its grammar, and what a reply shows."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from inspector_services.observations import ServiceProtocol
from inspector_services.port_roles import OVER_HTTP
from inspector_services.protocols.amqp import AMQP
from inspector_services.protocols.bolt import BOLT
from inspector_services.protocols.cassandra import CASSANDRA
from inspector_services.protocols.dcerpc import DCERPC
from inspector_services.protocols.dialogue import GREETING, Ask, Grammar, Turn, Turns, was_asked
from inspector_services.protocols.http import (
    CONSUL_LEADER,
    DOCKER_VERSION,
    ETCD_VERSION,
    GET,
    HTTP,
    KUBERNETES_VERSION,
    WINRM_IDENTIFY,
)
from inspector_services.protocols.ica import ICA
from inspector_services.protocols.kafka import KAFKA
from inspector_services.protocols.ldap import LDAP
from inspector_services.protocols.mailboxes import IMAP, POP3
from inspector_services.protocols.memcached import MEMCACHED
from inspector_services.protocols.mongodb import MONGODB
from inspector_services.protocols.mssql import MSSQL
from inspector_services.protocols.mysql import MYSQL
from inspector_services.protocols.mysqlx import MYSQLX
from inspector_services.protocols.nats import NATS
from inspector_services.protocols.openwire import OPENWIRE
from inspector_services.protocols.oracle import ORACLE
from inspector_services.protocols.postgresql import POSTGRESQL
from inspector_services.protocols.pptp import PPTP
from inspector_services.protocols.rdp import RDP
from inspector_services.protocols.redis import REDIS
from inspector_services.protocols.replies_220 import FTP, NOOP, SMTP, needs_noop
from inspector_services.protocols.rlogin import RLOGIN
from inspector_services.protocols.rpc import RPC
from inspector_services.protocols.rsync import RSYNC
from inspector_services.protocols.smb import NETBIOS, SMB, SMB1
from inspector_services.protocols.ssh import SSH
from inspector_services.protocols.telnet import TELNET
from inspector_services.protocols.tls import TLS
from inspector_services.protocols.vmware import VMWARE_AUTH
from inspector_services.protocols.vnc import VNC
from inspector_services.protocols.x11 import X11
from inspector_services.protocols.zookeeper import ZOOKEEPER

#: All grammars; that of a greeting's start before one that reads every line, and products before HTTP and TLS.
GRAMMARS: tuple[Grammar, ...] = (
    *(VMWARE_AUTH, VNC, RSYNC, POP3, IMAP, REDIS, NATS, FTP, SMTP, TELNET, SSH, ICA, OPENWIRE, MYSQLX, MYSQL),
    *(POSTGRESQL, MEMCACHED, MONGODB, CASSANDRA, MSSQL, AMQP, KAFKA, LDAP, RPC, X11, RDP, SMB, NETBIOS),
    *(ZOOKEEPER, ORACLE, RLOGIN, BOLT, DCERPC, PPTP),
    *(HTTP, TLS),
)
#: A grammar that is tried although another one recognised an earlier turn: what it says is said inside the other.
_INSIDE = (SMB, HTTP)


def _first(grammar: Grammar) -> tuple[Ask, ...]:
    return () if grammar.first is None else (grammar.first,)


#: Services in the port table that show what they are at the page ``/``.
_OVER_HTTP = (
    *("arangodb", "cockpit", "couchdb", "cpanel", "elasticsearch", "http-alt", "http-proxy", "influxdb", "kibana"),
    *("neo4j", "nomad", "portainer", "proxmox", "proxmox-backup", "rabbitmq-management", "synology-tls"),
    *("vcenter-management", "wbem-tls", "weblogic", "webmin", "whm"),
)
#: Services that speak HTTP, whatever they show.
SPEAKS_HTTP = OVER_HTTP | frozenset(_OVER_HTTP) | {"amt", "amt-tls", "cpanel-tls", "ipp", "neo4j-tls", "whm-tls"}
#: The services in the port table that a page of these products belongs to.
PAGES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "Cockpit": frozenset({"cockpit"}),
        "Portainer": frozenset({"portainer"}),
        "Proxmox VE": frozenset({"proxmox"}),
        "RabbitMQ": frozenset({"rabbitmq-management"}),
        "WHM": frozenset({"whm", "whm-tls"}),
        "Webmin": frozenset({"webmin"}),
        "cPanel": frozenset({"cpanel", "cpanel-tls", "whm", "whm-tls"}),
    }
)
#: What is asked first by the name of a service in the port table, or the scheme of an endpoint.
OWN: Mapping[str, tuple[Ask, ...]] = MappingProxyType(
    {
        **{each.protocol.value: _first(each) for each in GRAMMARS if each.first},
        **dict.fromkeys(_OVER_HTTP, (GET,)),
        "cockroachdb": _first(POSTGRESQL),
        "consul": (CONSUL_LEADER,),
        "docker": (DOCKER_VERSION,),
        "docker-tls": (DOCKER_VERSION,),
        "etcd": (ETCD_VERSION,),
        "etcd-peer": (ETCD_VERSION,),
        "global-catalog": _first(LDAP),
        "glusterfs": _first(RPC),
        "kubernetes": (KUBERNETES_VERSION,),
        "netbios-ssn": _first(NETBIOS),
        "nfs": _first(RPC),
        "redis-cluster": _first(REDIS),
        "rpcbind": _first(RPC),
        "smb": (*_first(SMB), SMB1),
        "winrm": (WINRM_IDENTIFY,),
        "winrm-tls": (WINRM_IDENTIFY,),
        "amqps": _first(AMQP),
        "ldaps": _first(LDAP),
        "global-catalog-tls": _first(LDAP),
        "oracle-tls": _first(ORACLE),
    }
)
#: Services whose server speaks first, in clear or inside TLS.
SERVER_FIRST = frozenset(
    {"activemq", "ftp", "ftps", "ica", "imap", "imaps", "mysql", "mysqlx", "nats", "pop3", "pop3s", "rsync", "smtp"}
    | {"smtps", "ssh", "submission", "submissions", "telnet", "telnets", "vmware-auth", "vnc"}
)
#: Names of services and schemes of endpoints that stand for a protocol inside TLS.
IN_TLS = frozenset(
    {"amqps", "amt-tls", "cpanel-tls", "docker-tls", "domain-tls", "ftps", "global-catalog-tls", "https", "https-alt"}
    | {"imaps", "kubelet", "kubernetes", "ldaps", "mqtt-tls", "neo4j-tls", "oracle-tls", "pop3s", "sips", "smtps"}
    | {"submissions", "telnets", "tls", "whm-tls", "winrm-tls"}
    | {
        "libvirt-tls",
        "proxmox",
        "proxmox-backup",
        "routeros-api-tls",
        "synology-tls",
        "vcenter-management",
        "veeam-tls",
    }
    | {"wbem-tls"}
)
#: Those whose name says so.
STATES_TLS = IN_TLS - {"https-alt", "kubelet", "kubernetes", "proxmox", "proxmox-backup", "vcenter-management"}
_HTTP = frozenset(
    {ServiceProtocol.ADMINISTRATION_PAGE, ServiceProtocol.CONSUL, ServiceProtocol.COUCHDB, ServiceProtocol.DOCKER}
    | {ServiceProtocol.ELASTICSEARCH, ServiceProtocol.ETCD, ServiceProtocol.HTTP, ServiceProtocol.INFLUXDB}
    | {ServiceProtocol.KUBERNETES, ServiceProtocol.WINRM}
)
_PROTOCOLS: Mapping[str, frozenset[ServiceProtocol]] = MappingProxyType(
    {
        **{each.value: frozenset({each}) for each in ServiceProtocol},
        **dict.fromkeys(("http", "http-alt", "https", "https-alt"), _HTTP),
        **dict.fromkeys(("ftps",), frozenset({ServiceProtocol.FTP})),
        **dict.fromkeys(("imaps",), frozenset({ServiceProtocol.IMAP})),
        **dict.fromkeys(("ldaps", "global-catalog", "global-catalog-tls"), frozenset({ServiceProtocol.LDAP})),
        **dict.fromkeys(("netbios-ssn", "smb"), frozenset({ServiceProtocol.SMB, ServiceProtocol.NETBIOS})),
        **dict.fromkeys(("nfs", "rpcbind", "glusterfs"), frozenset({ServiceProtocol.RPC})),
        **dict.fromkeys(("pop3s",), frozenset({ServiceProtocol.POP3})),
        **dict.fromkeys(("redis-cluster",), frozenset({ServiceProtocol.REDIS})),
        **dict.fromkeys(("lmtp", "smtps", "submission", "submissions"), frozenset({ServiceProtocol.SMTP})),
        **dict.fromkeys(("telnets",), frozenset({ServiceProtocol.TELNET})),
        **dict.fromkeys(("winrm", "winrm-tls"), frozenset({ServiceProtocol.WINRM})),
        "amqps": frozenset({ServiceProtocol.AMQP}),
        "cockroachdb": frozenset({ServiceProtocol.POSTGRESQL}),
        "docker-tls": frozenset({ServiceProtocol.DOCKER}),
        "oracle-tls": frozenset({ServiceProtocol.ORACLE}),
        "tls": frozenset(),
    }
)


def protocols_of(service: str) -> frozenset[ServiceProtocol]:
    """The protocols that a name of the port table, a declared service or an endpoint's scheme stands for.

    Empty where it stands for none of those that are identified.
    """
    return _PROTOCOLS.get(service, frozenset())


def grammar_of(turns: Turns) -> Grammar | None:
    """The grammar that recognises what was received; None where none does."""
    found = [grammar for turn in turns if (grammar := recognised(turn)) is not None]
    inside = [each for each in found if each in _INSIDE]
    others = [each for each in found if each is not TLS]
    return next(iter((*inside, *others, *found)), None)


def without_misunderstandings(grammar: Grammar, turns: Turns) -> Turns:
    """The turns without those in which a question, asked again later, was not understood: outside TLS, for instance."""
    understood = [turn for turn in turns if grammar.recognises(turn)]
    questions = {turn.question for turn in understood}
    return tuple(turn for turn in turns if turn in understood or turn.question not in questions)


def recognised(turn: Turn) -> Grammar | None:
    """The grammar that recognises one turn."""
    return next((each for each in GRAMMARS if each.recognises(turn)), None)


def next_ask(turns: Turns) -> Ask | None:
    """What is asked after those turns, of a server that has said something."""
    grammar = grammar_of(turns)
    if grammar is not None:
        return grammar.then(without_misunderstandings(grammar, turns))
    greeting = next((each for each in turns if each.question == GREETING), None)
    if greeting and needs_noop(greeting.received) and not greeting.closed and not was_asked(turns, NOOP.name):
        return NOOP
    return None


def own_asks(service: str) -> tuple[Ask, ...]:
    """The questions of a service's own protocol, where the client speaks first; empty where it has none."""
    return OWN.get(service, ())
