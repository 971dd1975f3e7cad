"""A run asks for a name once, and each of its inspections lists the questions."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from inspector.model.base import Cause
from inspector.network import Ledger, SharedPins, resolution
from inspector.record.ledger_entry import LedgerEntry
from inspector.record.plan import PinnedHost
from tests.core.network.protocols.test_dns import Resolver
from tests.core.network.protocols.test_dns import resolver as resolver

NAMES = ("plain.dns.test", "both.dns.test")


class Run:
    """Inspections that pin names in one event loop, each with a ledger of its own."""

    def __init__(self, folder: Path, resolver: Resolver) -> None:
        self._folder = folder
        self._resolver = resolver
        self.pins = SharedPins(resolver.settings, Ledger(folder / "run.jsonl"))

    async def pin(self, system: str, *names: str) -> tuple[PinnedHost, ...]:
        ledger = Ledger(self._folder / f"{system}.jsonl")
        try:
            return await self.pins.pin(names, ledger)
        finally:
            ledger.close()

    def entries(self, system: str) -> list[LedgerEntry]:
        ledger = Ledger(self._folder / f"{system}.jsonl")
        found = list(ledger.entries())
        ledger.close()
        return found


def test_names_of_many_systems_are_asked_for_once(tmp_path: Path, resolver: Resolver) -> None:
    """All have the same pins; every ledger has the questions, which are the own ones of the first."""
    systems = [f"system-{number}" for number in range(20)]
    runs: list[Run] = []

    async def go() -> list[tuple[PinnedHost, ...]]:
        runs.append(Run(tmp_path, resolver))
        return await asyncio.gather(*(runs[0].pin(each, *NAMES) for each in systems))

    pins = asyncio.run(go())
    assert all(each == pins[0] for each in pins)
    assert [each.name for each in pins[0]] == list(NAMES)
    assert pins[0][0].addresses == ("127.7.0.4",)
    asked = resolver.asked()
    assert len(asked) == len(set(asked)) == 4
    for number, each in enumerate(systems):
        entries = runs[0].entries(each)
        assert [entry.shared for entry in entries] == [number > 0] * 4
        assert {(entry.infrastructure, entry.authorisation, entry.probe) for entry in entries} == {(True, None, "pin")}


def test_a_pin_does_not_hold_for_ever(tmp_path: Path, resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record may change while a run lasts: later inspections ask again."""

    async def go() -> None:
        run = Run(tmp_path, resolver)
        await run.pin("one", "plain.dns.test")
        await run.pin("two", "plain.dns.test")
        assert len(resolver.asked()) == 2
        monkeypatch.setattr(resolution, "HOLD_SECONDS", 0.0)
        await run.pin("three", "plain.dns.test")
        assert [each.shared for each in run.entries("three")] == [False, False]

    asyncio.run(go())
    assert len(resolver.asked()) == 4


@pytest.mark.parametrize(
    ("name", "cause", "questions"),
    [("missing.dns.test", Cause.NOT_REACHED, 2), ("denied.dns.test", Cause.REFUSED, 4)],
)
def test_a_failure_is_asked_for_again_unless_the_dns_knows(
    tmp_path: Path, resolver: Resolver, name: str, cause: Cause, questions: int
) -> None:
    """That a name does not exist holds as a pin does; a resolver that refuses may answer the next inspection."""

    async def go() -> None:
        run = Run(tmp_path, resolver)
        for system in ("one", "two"):
            [pin] = await run.pin(system, name)
            assert pin.failure is cause

    asyncio.run(go())
    assert len(resolver.asked()) == questions


def test_who_is_cancelled_ends_no_resolution_of_the_others(tmp_path: Path, resolver: Resolver) -> None:
    """The question that the cancelled inspection began is answered to those that wait for it."""

    async def go() -> tuple[PinnedHost, ...]:
        run = Run(tmp_path, resolver)
        first = asyncio.create_task(run.pin("one", "late.dns.test"))
        second = asyncio.create_task(run.pin("two", "late.dns.test"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        return await second

    [pin] = asyncio.run(go())
    assert pin.failure is Cause.NOT_REACHED
    assert len(resolver.asked()) == 2
