"""Scans that fail, each for a scheme of its name."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import ClassVar

from inspector import Cost, Network, Observation, ParseContext, Raw, ScanOutput, Scheme, SubjectKind, Target, probe


class SubjectResult(Observation):
    """Nothing but that the scan came to its end."""

    kind: ClassVar[str] = ""


FINE = ScanOutput(raw=(Raw(name="fine", data=b"fine"),))


async def raises(target: Target, network: Network) -> ScanOutput:
    raise KeyError("a mistake of mine")


async def hangs(target: Target, network: Network) -> ScanOutput:
    await asyncio.Event().wait()
    return FINE


async def burns(target: Target, network: Network) -> ScanOutput:
    async def forever() -> None:
        while True:
            pass

    await asyncio.gather(forever())
    return FINE


async def sleeps(target: Target, network: Network) -> ScanOutput:
    time.sleep(600)  # noqa: ASYNC251  (that is the point)
    return FINE


async def answers(target: Target, network: Network) -> ScanOutput:
    return "fine"  # type: ignore[return-value]


async def misreads(target: Target, network: Network) -> ScanOutput:
    return FINE


async def stutters(target: Target, network: Network) -> ScanOutput:
    return FINE


def _context(name: str, kind: type[SubjectResult]) -> Callable[[ScanOutput, ParseContext], Observation]:
    def parse(output: ScanOutput, context: ParseContext) -> Observation:
        if name == "misreads":
            raise ValueError("this makes no sense")
        if name == "stutters":
            raise ZeroDivisionError("a mistake in reading")
        return kind()

    return parse


Scan = Callable[[Target, Network], Awaitable[ScanOutput]]
SCANS: dict[str, Scan] = {each.__name__: each for each in (raises, hangs, burns, sleeps, answers, misreads, stutters)}
KINDS = {
    name: type(name.capitalize(), (SubjectResult,), {"kind": f"{name}/1", "__module__": __name__}) for name in SCANS
}
PROBES = [
    probe(
        name,
        kind=KINDS[name],
        schemes={Scheme(name)},
        subject_kind=SubjectKind.ADDRESS,
        parse=_context(name, KINDS[name]),
        cost=Cost(connections=1, seconds=1 if name == "hangs" else 30),
    )(scan)
    for name, scan in SCANS.items()
]
