"""Looks that go wrong, each for a scheme of its name."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import ClassVar

from inspector import Aim, Capture, Cost, Network, Observation, Raw, Reading, Scheme, Target, probe


class Seen(Observation):
    """Nothing but that the look came to its end."""

    kind: ClassVar[str] = ""


FINE = Capture(raw=(Raw(name="fine", data=b"fine"),))


async def raises(target: Target, network: Network) -> Capture:
    raise KeyError("a mistake of mine")


async def hangs(target: Target, network: Network) -> Capture:
    await asyncio.Event().wait()
    return FINE


async def burns(target: Target, network: Network) -> Capture:
    async def forever() -> None:
        while True:
            pass

    await asyncio.gather(forever())
    return FINE


async def sleeps(target: Target, network: Network) -> Capture:
    time.sleep(600)  # noqa: ASYNC251  (that is the point)
    return FINE


async def answers(target: Target, network: Network) -> Capture:
    return "fine"  # type: ignore[return-value]


async def misreads(target: Target, network: Network) -> Capture:
    return FINE


async def stutters(target: Target, network: Network) -> Capture:
    return FINE


def _reading(name: str, kind: type[Seen]) -> Callable[[Capture, Reading], Observation]:
    def read(capture: Capture, reading: Reading) -> Observation:
        if name == "misreads":
            raise ValueError("this makes no sense")
        if name == "stutters":
            raise ZeroDivisionError("a mistake in reading")
        return kind()

    return read


Look = Callable[[Target, Network], Awaitable[Capture]]
LOOKS: dict[str, Look] = {each.__name__: each for each in (raises, hangs, burns, sleeps, answers, misreads, stutters)}
KINDS = {name: type(name.capitalize(), (Seen,), {"kind": f"{name}/1", "__module__": __name__}) for name in LOOKS}
PROBES = [
    probe(
        name,
        kind=KINDS[name],
        schemes={Scheme(name)},
        aim=Aim.ADDRESS,
        read=_reading(name, KINDS[name]),
        cost=Cost(connections=1, seconds=1 if name == "hangs" else 30),
    )(look)
    for name, look in LOOKS.items()
]
