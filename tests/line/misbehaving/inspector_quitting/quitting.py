"""Scans that end the program, each for a scheme of its name; a check that each came to its end; checks that do it."""

import asyncio
import contextlib
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from inspector import (
    Cause,
    Cost,
    Declared,
    Discovered,
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

FINE = ScanOutput(raw=(Raw(name="fine", data=b"fine"),))
#: What one raw answer may have, in bytes.
MOST = 64 << 20


class Unusual(BaseException):
    """An exception that is no ``Exception``."""


def leave() -> None:
    sys.exit(0)


async def leaves(target: Target, network: Network) -> ScanOutput:
    leave()
    return FINE


async def quits(target: Target, network: Network) -> ScanOutput:
    os._exit(0)


async def interrupts(target: Target, network: Network) -> ScanOutput:
    raise KeyboardInterrupt


async def closes(target: Target, network: Network) -> ScanOutput:
    raise GeneratorExit


async def surprises(target: Target, network: Network) -> ScanOutput:
    raise Unusual("quite")


async def cancelled(target: Target, network: Network) -> ScanOutput:
    raise asyncio.CancelledError


async def cancels(target: Target, network: Network) -> ScanOutput:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)
    return FINE


async def subtask(target: Target, network: Network) -> ScanOutput:
    async def sub() -> None:
        leave()

    await asyncio.create_task(sub())
    return FINE


async def callback(target: Target, network: Network) -> ScanOutput:
    asyncio.get_running_loop().call_soon(leave)
    await asyncio.sleep(0.01)
    raise LookupError("after the callback")


async def stops(target: Target, network: Network) -> ScanOutput:
    asyncio.get_running_loop().stop()
    await asyncio.sleep(0.01)
    raise LookupError("after the stop")


async def destroys(target: Target, network: Network) -> ScanOutput:
    asyncio.get_running_loop().close()
    return FINE


async def clings(target: Target, network: Network) -> ScanOutput:
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)


async def threaded(target: Target, network: Network) -> ScanOutput:
    threading.Thread(target=time.sleep, args=(3600,)).start()
    threading.Thread(target=leave).start()
    raise LookupError("after the threads")


async def large(target: Target, network: Network) -> ScanOutput:
    return ScanOutput(raw=tuple(Raw(name=name, data=bytes(MOST // 2 + 1)) for name in "ab"))


async def surrogates(target: Target, network: Network) -> ScanOutput:
    return ScanOutput(raw=(Raw(name="\ud800", data=b"fine"),))


async def mumbles(target: Target, network: Network) -> ScanOutput:
    raise ScanFailure(Cause.BUG, "mumbles \ud800")


async def finds(target: Target, network: Network) -> ScanOutput:
    return ScanOutput(raw=FINE.raw, discovered=(Discovered(uri="https://\ud800/", why="\ud800"),))


async def reads(target: Target, network: Network) -> ScanOutput:
    return FINE


async def facts(target: Target, network: Network) -> ScanOutput:
    return FINE


async def costs(target: Target, network: Network) -> ScanOutput:
    return FINE


async def dies(target: Target, network: Network) -> ScanOutput:
    await network.run_in_worker(die, b"", timeout=20)
    return FINE


def die(payload: bytes) -> bytes:
    os._exit(0)


def cost(target: Target, options: Any) -> Cost:
    if target.scheme == "costs":
        leave()
    return Cost(connections=1, seconds=1 if target.scheme == "clings" else 30)


Scan = Callable[[Target, Network], Awaitable[ScanOutput]]


def _parts(scan: Scan) -> tuple[Probe, Any]:
    name = scan.__name__

    class Ended(Observation):
        kind: ClassVar[str] = f"{name}/1"
        text: str = ""

    def parse(output: ScanOutput, context: ParseContext) -> Ended:
        if name == "reads":
            leave()
        return Ended(text="\ud800" if name == "facts" else "")

    def ended(seen: Any) -> Verdict:
        """It came to its end.

        Remediation: none.
        """
        return passed("came to its end")

    ended.__annotations__ = {"seen": Ended, "return": Verdict}
    made = probe(name, kind=Ended, schemes={Scheme(name)}, subject_kind=SubjectKind.ADDRESS, parse=parse, cost=cost)(
        scan
    )
    return made, check(f"quitting-{name}", title=f"{name} came to its end")(ended)


def _failing(name: str, function: Callable[[], Verdict | None]) -> Any:
    def judged(declared: Declared) -> Verdict:
        """It ends the program.

        Remediation: none.
        """
        return function()  # type: ignore[return-value]

    return check(f"quitting-check-{name}", title=f"A check that {name}", about=SubjectKind.SYSTEM)(judged)


def _raise(error: BaseException) -> Callable[[], Verdict]:
    def function() -> Verdict:
        raise error

    return function


SCANS: tuple[Scan, ...] = (
    *(leaves, quits, interrupts, closes, surprises, cancelled, cancels, subtask, callback, stops, destroys, clings),
    *(threaded, large, surrogates, mumbles, finds, reads, facts, costs, dies),
)
PARTS = [_parts(scan) for scan in SCANS]
FAILING = {
    "leaves": _raise(SystemExit(0)),
    "interrupts": _raise(KeyboardInterrupt()),
    "closes": _raise(GeneratorExit()),
    "cancelled": _raise(asyncio.CancelledError()),
    "surprises": _raise(Unusual("quite")),
    "mumbles": lambda: passed("fine \ud800"),
    "values": lambda: passed("fine {what}", what="\ud800"),
}
PROBES = [made for made, _ in PARTS]
CHECKS = [*(made for _, made in PARTS), *(_failing(name, function) for name, function in FAILING.items())]
