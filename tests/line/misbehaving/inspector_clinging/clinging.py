"""Scans and parsers that do not end, each for a scheme of its name, and a check that each came to its end."""

import asyncio
import contextlib
import os
from typing import Any, ClassVar, NoReturn

from inspector import (
    Cost,
    Network,
    Observation,
    ParseContext,
    Probe,
    Raw,
    ScanOutput,
    Scheme,
    SubjectKind,
    Target,
    Verdict,
    check,
    passed,
    probe,
)

FINE = ScanOutput(raw=(Raw(name="fine", data=b"fine"),))


def burn() -> NoReturn:
    """Compute, whatever interrupts it."""
    while True:
        with contextlib.suppress(BaseException):
            while True:
                pass


async def waits(target: Target, network: Network) -> ScanOutput:
    while True:
        with contextlib.suppress(BaseException):
            await asyncio.sleep(3600)


async def burns(target: Target, network: Network) -> ScanOutput:
    if "REPAIRED" not in os.environ:
        burn()
    return FINE


async def reads(target: Target, network: Network) -> ScanOutput:
    return FINE


class Ended(Observation):
    """What came to its end."""

    kind: ClassVar[str] = "clinging/1"


class WaitsEnded(Ended):
    kind: ClassVar[str] = "waits/1"


class BurnsEnded(Ended):
    kind: ClassVar[str] = "burns/1"


class ReadsEnded(Ended):
    kind: ClassVar[str] = "reads/1"


def parse_waits(output: ScanOutput, context: ParseContext) -> WaitsEnded:
    return WaitsEnded()


def parse_burns(output: ScanOutput, context: ParseContext) -> BurnsEnded:
    return BurnsEnded()


def parse_reads(output: ScanOutput, context: ParseContext) -> ReadsEnded:
    burn()


def _probe(scan: Any, kind: Any, parse: Any) -> Probe:
    name = scan.__name__
    return probe(
        name,
        kind=kind,
        schemes={Scheme(name)},
        subject_kind=SubjectKind.ADDRESS,
        parse=parse,
        parse_in_worker=name == "reads",
        cost=Cost(connections=1, seconds=1),
    )(scan)


def _check(name: str, kind: Any) -> Any:
    def ended(seen: Any) -> Verdict:
        """It came to its end.

        Remediation: none.
        """
        return passed("came to its end")

    ended.__annotations__ = {"seen": kind, "return": Verdict}
    return check(f"clinging-{name}", title=f"{name} came to its end")(ended)


PARTS = ((waits, WaitsEnded, parse_waits), (burns, BurnsEnded, parse_burns), (reads, ReadsEnded, parse_reads))
PROBES = [_probe(*each) for each in PARTS]
CHECKS = [_check(scan.__name__, kind) for scan, kind, _ in PARTS]
