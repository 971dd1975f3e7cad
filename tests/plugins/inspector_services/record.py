"""Records what the probes observe at running servers: ``python -m tests.plugins.inspector_services.record NAME``.

Needs root (for ports below 1024), nmap, redis-server, sshd and the servers of ``udp_servers``. Names are as in
``ports/exposed`` and ``banners/exposed``; ``--all`` records every one.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from inspector import Observation, Target
from inspector.testing import record
from inspector_services.observations import OpenPorts
from inspector_services.probes import banners, ports
from inspector_services.udp_observations import UdpExposure, UdpServices
from inspector_services.udp_probes import udp_exposure, udp_services
from tests.plugins.inspector_services.scanning import INTRUSIVE, host, read, scan
from tests.plugins.inspector_services.servers import own_address, redis, speaking, sshd
from tests.plugins.inspector_services.udp_servers import ADDRESS as UDP_ADDRESS
from tests.plugins.inspector_services.udp_servers import SCENES as SCENES_OVER_UDP

FOLDER = Path(__file__).parent

#: By name: declared ports, habits of the scripted servers, and the ports of a real Redis and a real sshd.
SCENES: dict[str, tuple[tuple[int, ...], dict[int, str], int | None, int | None]] = {
    "orderly": ((2222, 8443), {8443: "silent"}, None, 2222),
    "behind-a-firewall": ((2222, 8443), {8443: "silent", 5432: "deaf", 23: "deaf"}, None, 2222),
    "redirecting": ((443,), {80: "silent", 443: "silent"}, None, None),
    "exposed": (
        (8443, 9443),
        {21: "ftp", 23: "telnet", 873: "rsync", 2049: "silent", 3306: "mysql", 5900: "vnc", 8443: "silent"},
        6379,
        2222,
    ),
    "doubtful": ((8443, 9443), {21: "ftps", 8443: "silent", 9200: "silent", 9443: "deaf", 24007: "silent"}, None, None),
    "disguised": ((443, 5432), {23: "ssh", 443: "silent", 445: "smtp", 5432: "ssh"}, None, None),
    "nothing": ((443,), {}, None, None),
}


@contextmanager
def scene(name: str) -> Iterator[Target]:
    """A host with the servers of this scene."""
    declared, habits, redis_port, sshd_port = SCENES[name]
    address = own_address()
    with ExitStack() as stack:
        stack.enter_context(speaking(address, habits))
        if redis_port:
            stack.enter_context(redis(address, redis_port))
        if sshd_port:
            stack.enter_context(sshd(address, sshd_port))
        yield host(address, *declared)


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
}

if __name__ == "__main__":
    record(FOLDER, RECORDERS, sys.argv[1:])
