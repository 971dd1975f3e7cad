"""Ways past the gateway, each for a scheme of its name, and a check that each was of use."""

import asyncio
import contextlib
import socket
import subprocess
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from inspector import (
    Check,
    Declared,
    Network,
    Observation,
    ParseContext,
    Probe,
    Raw,
    ScanFailure,
    ScanOutput,
    Scheme,
    SubjectKind,
    Target,
    Verdict,
    check,
    passed,
    probe,
)

#: Where a server listens that nobody may ask.
DECOY = "127.0.0.99"
FINE = ScanOutput(raw=(Raw(name="fine", data=b"fine"),))


def connect(port: int) -> None:
    with socket.socket() as plain:
        plain.connect((DECOY, port))


async def sockets(target: Target, network: Network) -> ScanOutput:
    connect(target.port)
    return FINE


async def swallows(target: Target, network: Network) -> ScanOutput:
    with contextlib.suppress(ScanFailure):
        connect(target.port)
    return FINE


async def streams(target: Target, network: Network) -> ScanOutput:
    with contextlib.suppress(Exception):
        await asyncio.open_connection(DECOY, target.port)
    return FINE


async def threads(target: Target, network: Network) -> ScanOutput:
    with contextlib.suppress(Exception):
        await asyncio.to_thread(connect, target.port)
    return FINE


async def starts(target: Target, network: Network) -> ScanOutput:
    with contextlib.suppress(Exception):
        subprocess.run(["true"], check=True)  # noqa: ASYNC221  (that is the point)
    return FINE


def _parts(scan: Callable[[Target, Network], Awaitable[ScanOutput]]) -> tuple[Probe, Check]:
    name = scan.__name__

    class Smuggled(Observation):
        kind: ClassVar[str] = f"{name}/1"

    def parse(output: ScanOutput, context: ParseContext) -> Smuggled:
        return Smuggled()

    def useful(seen: Any) -> Verdict:
        """It was of use.

        Remediation: none.
        """
        return passed("was of use")

    useful.__annotations__ = {"seen": Smuggled, "return": Verdict}
    made = probe(name, kind=Smuggled, schemes={Scheme(name)}, subject_kind=SubjectKind.ADDRESS, parse=parse)(scan)
    return made, check(f"bypass-{name}", title=f"{name} is of use")(useful)


@check("bypass-check", title="A check that asks the network", about=SubjectKind.SYSTEM)
def tasks(declared: Declared) -> Verdict:
    """It connects.

    Remediation: none.
    """
    connect(int(declared.endpoints[0].rpartition(":")[2].strip("/")))
    return passed("the decoy answers")


PARTS = [_parts(scan) for scan in (sockets, swallows, streams, threads, starts)]
PROBES = [made for made, _ in PARTS]
CHECKS = [*(made for _, made in PARTS), tasks]
