"""Records what the probes observe at running servers: ``python -m tests.plugins.inspector_services.record NAME``.

Needs root (for ports below 1024), nmap, redis-server and sshd. Names are as in ``ports/exposed`` and
``banners/exposed``; ``--all`` records every one.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from inspector import Observation, Target
from inspector.testing import record
from inspector_services.identification import banners
from inspector_services.observations import OpenPorts
from inspector_services.probes import ports
from tests.plugins.inspector_services.scanning import host, read, scan
from tests.plugins.inspector_services.servers import own_address, redis, speaking, sshd

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


RECORDERS: dict[str, Callable[[], Observation]] = {
    **{f"ports/{name}": partial(open_ports, name) for name in SCENES},
    **{f"banners/{name}": partial(sent_banners, name) for name in SCENES},
}

if __name__ == "__main__":
    record(FOLDER, RECORDERS, sys.argv[1:])
