"""Records what the probes observe at running servers: ``python -m tests.plugins.inspector_services.record NAME``.

Needs root (for ports below 1024), nmap, sshd, and the servers of ``debian_servers`` and ``udp_servers``. Names are as
in ``ports/exposed`` and ``banners/exposed``; ``--all`` records every one.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from inspector import Observation, Target
from inspector.testing import record
from inspector_services.identification import banners
from inspector_services.logins import anonymous_logins
from inspector_services.observations import AnonymousLogins, MailRelays, OpenPorts
from inspector_services.probes import ports
from inspector_services.relay import mail_relay
from inspector_services.udp_observations import UdpExposure, UdpServices
from inspector_services.udp_probes import udp_exposure, udp_services
from tests.plugins.inspector_services.debian_servers import started
from tests.plugins.inspector_services.scanning import INTRUSIVE, host, read, scan
from tests.plugins.inspector_services.servers import own_address, speaking, sshd
from tests.plugins.inspector_services.udp_servers import ADDRESS as UDP_ADDRESS
from tests.plugins.inspector_services.udp_servers import SCENES as SCENES_OVER_UDP

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Scene:
    """A host: its declared ports, the habits of its scripted servers, its servers of Debian's packages, and an sshd."""

    declared: tuple[int, ...] = ()
    habits: Mapping[int, str] = field(default_factory=dict)
    debian: tuple[str, ...] = ()
    sshd: int | None = None


SCENES: dict[str, Scene] = {
    "orderly": Scene((2222, 8443), {8443: "silent"}, sshd=2222),
    "ssh-alone": Scene((2222,), sshd=2222),
    "behind-a-firewall": Scene((2222, 8443), {8443: "silent", 5432: "deaf", 23: "deaf"}, sshd=2222),
    "redirecting": Scene((443,), {80: "silent", 443: "silent"}),
    "exposed": Scene(
        (8443, 9443),
        {21: "ftp", 23: "telnet", 873: "rsync", 2049: "silent", 3306: "mysql", 5900: "vnc", 8443: "silent"},
        ("redis",),
        2222,
    ),
    "doubtful": Scene((8443, 9443), {21: "ftps", 8443: "silent", 9200: "silent", 9443: "deaf", 24007: "silent"}),
    "disguised": Scene((443, 5432), {23: "ssh", 443: "silent", 445: "smtp", 5432: "ssh"}),
    "nothing": Scene((443,)),
    "stores-open": Scene(
        (),
        {2375: "docker", 5672: "amqp-anonymous", 6443: "kubernetes-open", 8500: "consul", 9200: "elasticsearch"},
        ("redis", "memcached"),
    ),
    "stores-locked": Scene(
        (),
        {4222: "nats-password", 6443: "kubernetes", 8500: "consul-acl", 9042: "cassandra-password"}
        | {9200: "elasticsearch-password"},
        ("redis-password",),
    ),
    "stores-undecided": Scene((), {9092: "kafka", 27017: "mongodb"}, ("etcd",)),
    "windows": Scene((), {3389: "rdp-nla", 5985: "winrm"}, ("samba",)),
    "windows-old": Scene((), {}, ("samba-old", "xrdp-negotiating")),
    "windows-tls": Scene((), {}, ("xrdp",)),
    "directory": Scene((), {}, ("slapd",)),
    "guests": Scene((), {}, ("mosquitto", "vsftpd-guests")),
    "members": Scene((), {}, ("mosquitto-password", "vsftpd")),
    "relay": Scene((), {}, ("postfix-relay",)),
    "no-relay": Scene((), {}, ("postfix",)),
    "panels": Scene((), {8000: "esxi", 10000: "webmin"}),
}


@contextmanager
def scene(name: str) -> Iterator[Target]:
    """A host with the servers of this scene."""
    chosen = SCENES[name]
    address = own_address()
    with ExitStack() as stack:
        if chosen.habits:
            stack.enter_context(speaking(address, chosen.habits))
        stack.enter_context(started(address, *chosen.debian))
        if chosen.sshd:
            stack.enter_context(sshd(address, chosen.sshd))
        yield host(address, *chosen.declared)


def open_ports(name: str) -> OpenPorts:
    """The open ports of a scene."""
    with scene(name) as target:
        return _ports(target)


def sent_banners(name: str) -> Observation:
    """What the open ports of a scene send first."""
    with scene(name) as target:
        facts = read(banners, scan(banners, target, _ports(target)), target)
    assert isinstance(facts, Observation)
    return facts


def logins(name: str) -> AnonymousLogins:
    """Which servers of a scene admit clients without a name."""
    with scene(name) as target:
        ports = _ports(target)
        identified = read(banners, scan(banners, target, ports), target)
        output = scan(anonymous_logins, target, ports, identified, authorisation=INTRUSIVE)
        facts = read(anonymous_logins, output, target)
    assert isinstance(facts, AnonymousLogins)
    return facts


def relays(name: str) -> MailRelays:
    """Which servers of a scene relay mail."""
    with scene(name) as target:
        identified = read(banners, scan(banners, target, _ports(target)), target)
        facts = read(mail_relay, scan(mail_relay, target, identified, authorisation=INTRUSIVE), target)
    assert isinstance(facts, MailRelays)
    return facts


def _ports(target: Target) -> OpenPorts:
    facts = read(ports, scan(ports, target), target)
    assert isinstance(facts, OpenPorts)
    return facts


def udp_services_at(name: str) -> UdpServices:
    """What the UDP ports of a scene answer."""
    with SCENES_OVER_UDP[name]() as space:
        return space.call(_udp_services)


def udp_exposure_at(name: str) -> UdpExposure:
    """What becomes of intrusive questions over UDP in a scene."""
    with SCENES_OVER_UDP[name]() as space:
        return space.call(_udp_exposure)


def _udp_services() -> UdpServices:
    target = host(UDP_ADDRESS)
    facts = read(udp_services, scan(udp_services, target, whole_list=True), target)
    assert isinstance(facts, UdpServices)
    return facts


def _udp_exposure() -> UdpExposure:
    target = host(UDP_ADDRESS)
    facts = read(udp_exposure, scan(udp_exposure, target, _udp_services(), authorisation=INTRUSIVE), target)
    assert isinstance(facts, UdpExposure)
    return facts


RECORDERS: dict[str, Callable[[], Observation]] = {
    **{f"ports/{name}": partial(open_ports, name) for name in SCENES},
    **{f"banners/{name}": partial(sent_banners, name) for name in SCENES},
    **{f"udp-services/{name}": partial(udp_services_at, name) for name in SCENES_OVER_UDP},
    **{f"udp-exposure/{name}": partial(udp_exposure_at, name) for name in SCENES_OVER_UDP},
    **{f"mail-relays/{name}": partial(relays, name) for name in ("relay", "no-relay", "nothing")},
    **{f"anonymous-logins/{name}": partial(logins, name) for name in ("guests", "members", "nothing")},
}

if __name__ == "__main__":
    record(FOLDER, RECORDERS, sys.argv[1:])
