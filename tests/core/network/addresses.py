"""Documents, probes and gateways for tests of the network, and servers in processes of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from inspector.declare.authorisation import Authorisation, AuthorisationKind, Covers, Rates
from inspector.declare.declaration import System
from inspector.declare.settings import Settings
from inspector.model.declared import Declared
from inspector.model.intrusiveness import Intrusiveness
from inspector.model.observation import Observation, ScanOutput
from inspector.model.subject import Scheme, Subject, SubjectKind
from inspector.network import Gateway, Ledger, Scope
from inspector.plugin.probe import Probe, Target, probe
from inspector.record.plan import PinnedHost

LAB = Path(__file__).with_name("servers.py")
HOST = "shop.test"
ADDRESS = "127.7.0.1"
DECOY = "127.7.0.99"
#: Fast enough not to slow a test that is about something else.
FAST = Rates(connections_per_second=200, burst=200, at_once=50, port_questions_per_second=1000)
needs_raw = pytest.mark.skipif(os.geteuid() != 0, reason="counting packets needs raw sockets: run as root")


class Server:
    """A lab server; ``report`` is what it counted so far."""

    def __init__(self, mode: str, address: str = ADDRESS, argument: str = "") -> None:
        self.address = address
        self.process = subprocess.Popen(
            [sys.executable, str(LAB), mode, address, argument],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def report(self) -> dict[str, list[Any]]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("report\n")
        self.process.stdin.flush()
        found: dict[str, list[Any]] = json.loads(self.process.stdout.readline())
        return found

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextmanager
def serving(mode: str, address: str = ADDRESS, argument: str = "") -> Iterator[Server]:
    server = Server(mode, address, argument)
    try:
        yield server
    finally:
        server.stop()


def most_in_a_second(instants: list[float]) -> int:
    """The most of these instants in any window of one second, both ends included."""
    ordered = sorted(instants)
    return max((sum(1 for other in ordered if start <= other <= start + 1) for start in ordered), default=0)


class Nothing(Observation):
    """No facts."""

    kind: ClassVar[str] = "nothing/1"


def make_probe(
    intrusiveness: Intrusiveness = Intrusiveness.POLITE,
    *,
    infrastructure: bool = False,
    contacts_third_parties: bool = False,
) -> Probe:
    """A probe whose scan is never called: tests use its network themselves."""

    @probe(
        "trial",
        kind=Nothing,
        schemes={Scheme("tcp")},
        subject_kind=SubjectKind.ADDRESS,
        parse=lambda capture, reading: Nothing(),
        intrusiveness=intrusiveness,
        infrastructure=infrastructure,
        contacts_third_parties=contacts_third_parties,
    )
    async def scan(target: Target, network: object) -> ScanOutput:
        return ScanOutput()

    return scan


def subject(port: int | None, *, host: str = HOST, address: str | None = ADDRESS, scheme: str = "tcp") -> Subject:
    """An address subject at ``scheme://host:port``."""
    where = host if port is None else f"{host}:{port}"
    uri = f"{scheme}:{host}" if scheme == "host" else f"{scheme}://{where}"
    return Subject(kind=SubjectKind.ADDRESS, uri=uri, scheme=scheme, host=host, port=port, address=address)


def target(port: int | None, *, host: str = HOST, address: str | None = ADDRESS, scheme: str = "tcp") -> Target:
    """A target at ``scheme://host:port``, pinned to ``address``."""
    return Target(subject(port, host=host, address=address, scheme=scheme), Declared())


def authorise(**changes: Any) -> Authorisation:
    """A valid authorisation of the host by name and loopback address, open for an hour from now.

    It began a day ago: tests compare with the instant at which their module was imported.
    """
    at = datetime.now(UTC)
    values: dict[str, Any] = {
        "id": "a-1",
        "kind": AuthorisationKind.OWN_ESTATE,
        "granted_by": "owner",
        "covers": Covers(names=(HOST,), blocks=(ADDRESS,)),
        "valid_from": at - timedelta(days=1),
        "valid_until": at + timedelta(hours=1),
        "rates": FAST,
    }
    return Authorisation(**{**values, **changes})


def system(*endpoints: str, **changes: Any) -> System:
    """A system with these endpoints."""
    return System(**{"id": "s-1", "name": "Shop", "owner": "owner", "level": 3, "endpoints": endpoints, **changes})


def pinned(*addresses: str, name: str = HOST, cnames: tuple[str, ...] = ()) -> PinnedHost:
    return PinnedHost(name=name, addresses=addresses or (ADDRESS,), cnames=cnames)


class LocalGateway:
    """A gateway over a small example system; ``ledger`` is in ``folder``."""

    def __init__(
        self,
        folder: Path,
        *endpoints: str,
        granted: Authorisation | None = None,
        pins: tuple[PinnedHost, ...] = (),
        settings: Settings | None = None,
    ) -> None:
        self.granted = granted or authorise()
        self.ledger = Ledger(folder / "ledger.jsonl")
        self.scope = Scope([self.granted], system(*endpoints), pins or (pinned(),))
        self.settings = settings or Settings(contact="security@inspector.test")
        self.gateway = Gateway(self.settings, self.scope, self.ledger, salt=b"salt", run="r-1")
