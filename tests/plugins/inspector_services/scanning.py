"""Runs one probe through the network gateway, against a server on loopback."""

import asyncio
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from inspector import Answer, Declared, Intrusiveness, Observation, ParseContext, Probe, ScanOutput, SubjectKind, Target
from inspector.declare.authorisation import Authorisation, AuthorisationKind, Covers, PortRange, Rates
from inspector.declare.declaration import System
from inspector.declare.settings import Settings
from inspector.model.base import now
from inspector.model.declared import DeclaredPort
from inspector.model.subject import Subject
from inspector.network import Gateway, Ledger
from inspector.network.access.scope import Scope
from inspector_services.identification import banners
from inspector_services.observations import Banners, OpenPorts, PortGroup, PortState

AUTHORISATION = Authorisation(
    id="test",
    kind=AuthorisationKind.OWN_ESTATE,
    granted_by="the test",
    covers=Covers(blocks=("127.0.0.0/8", "::1/128"), ports=(PortRange(first=1, last=65535),)),
    valid_from=datetime(2020, 1, 1, tzinfo=UTC),
    valid_until=datetime.now(UTC) + timedelta(days=1),
    rates=Rates(connections_per_second=200, burst=200, at_once=20, port_questions_per_second=2000),
)
#: The same, for intrusive questions as well.
INTRUSIVE = AUTHORISATION.model_copy(update={"intrusiveness": Intrusiveness.INTRUSIVE})
SYSTEM = System(id="test", name="Test", owner="Tester", level=3)


def tcp(*ports: int) -> Declared:
    """The declaration of a host with these TCP ports."""
    return Declared(host_declared=True, ports=tuple(DeclaredPort(port=port) for port in ports))


def host(address: str, *ports: int) -> Target:
    """A host at this address that is declared with these TCP ports."""
    subject = Subject(kind=SubjectKind.ADDRESS, uri=f"host:{address}", scheme="host", host=address, address=address)
    return Target(subject, tcp(*ports))


def opened(*ports: int) -> OpenPorts:
    """A sweep in which these ports were seen open."""
    state = Answer[PortState](seen=PortState.OPEN)
    return OpenPorts(groups=tuple(PortGroup(listed=str(port), state=state) for port in sorted(ports)))


def scan(
    probe: Probe,
    target: Target,
    *needs: Observation,
    settings: Settings | None = None,
    authorisation: Authorisation = AUTHORISATION,
    roots: bytes = b"",
    **options: Any,
) -> ScanOutput:
    """The output of the probe; ``roots`` are trusted."""
    (output,) = scan_all(
        probe, (target, *needs), settings=settings, authorisation=authorisation, roots=roots, **options
    )
    return output


def scan_all(
    probe: Probe,
    *jobs: tuple[Any, ...],
    settings: Settings | None = None,
    authorisation: Authorisation = AUTHORISATION,
    roots: bytes = b"",
    **options: Any,
) -> list[ScanOutput]:
    """The outputs of the probe for several targets at once, each given with the observations that the probe needs."""

    async def one(gateway: Gateway, target: Target, *needs: Observation) -> ScanOutput:
        return await probe.scan(target, gateway.network(probe, target, authorisation), *needs, **options)

    async def through_the_gateway() -> list[ScanOutput]:
        with tempfile.TemporaryDirectory() as folder:
            ledger = Ledger(Path(folder) / "ledger.jsonl")
            scope = Scope([authorisation], SYSTEM, [])
            gateway = Gateway(settings or Settings(), scope, ledger, salt=b"salt", run="test", roots=roots)
            async with gateway, asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(gateway, *job)) for job in jobs]
            return [task.result() for task in tasks]

    try:
        return asyncio.run(through_the_gateway())
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


def read(probe: Probe, output: ScanOutput, target: Target) -> Any:
    """The observation in the output of a probe."""
    return probe.parse(output, ParseContext(subject=target.subject, seen_at=now()))


def identified(*jobs: tuple[Target, OpenPorts]) -> list[Banners]:
    """What the probe identifies at several hosts at once."""
    outputs = scan_all(banners, *jobs)
    return [
        Banners.model_validate(read(banners, output, target)) for output, (target, _) in zip(outputs, jobs, strict=True)
    ]
