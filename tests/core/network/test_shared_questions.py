"""Scans of a run ask a resolver the same question once, and the ledger of each inspection lists it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from inspector.declare.authorisation import Covers
from inspector.model.errors import ScanFailure
from inspector.model.intrusiveness import Intrusiveness
from inspector.network import Gateway, shared_questions
from inspector.network.shared_questions import SharedQuestions
from inspector.record.ledger_entry import LedgerEntry
from tests.core.network.addresses import LocalGateway, authorise, make_probe, target
from tests.core.network.protocols.test_dns import Resolver
from tests.core.network.protocols.test_dns import resolver as resolver

#: A name, a record type, and the options of the query.
Question = tuple[str, str, dict[str, Any]]
PLAIN: Question = ("plain.dns.test", "A", {})


class Run:
    """Inspections with common questions, each with a ledger of its own."""

    def __init__(self, folder: Path, resolver: Resolver) -> None:
        self._folder = folder
        self._resolver = resolver
        self.questions = SharedQuestions()
        self._inspections: dict[str, LocalGateway] = {}

    async def ask(self, system: str, questions: Sequence[Question], *, asks_anew: bool = False) -> list[Any]:
        """What one scan is answered: addresses, or the cause of a failure."""
        folder = self._folder / system
        folder.mkdir(exist_ok=True)
        granted = authorise(covers=Covers(blocks=("127.7.0.0/24",)))
        on = LocalGateway(folder, settings=self._resolver.settings, granted=granted)
        gateway = Gateway(on.settings, on.scope, on.ledger, salt=b"salt", run="r-1", questions=self.questions)
        async with gateway:
            probe = make_probe(Intrusiveness.PASSIVE, infrastructure=True)
            about = target(None, scheme="dns", host=f"{system}.test")
            network = gateway.network(probe, about, None, asks_anew=asks_anew)

            async def one(name: str, rdtype: str, options: dict[str, Any]) -> Any:
                try:
                    reply = await network.query(name, rdtype, timeout=0.3, **options)
                except ScanFailure as failure:
                    return failure.cause
                return [str(record) for rrset in reply.answer for record in rrset] or reply.rcode()

            return await asyncio.gather(*(one(*each) for each in questions))

    def entries(self, system: str) -> list[LedgerEntry]:
        return [LedgerEntry.parse(line) for line in (self._folder / system / "ledger.jsonl").read_bytes().splitlines()]


def test_one_question_of_many_inspections_is_sent_once(tmp_path: Path, resolver: Resolver) -> None:
    """All get the reply; each lists the question as that of its own scan, marked as shared but in the first one."""
    systems = [f"s{number}" for number in range(20)]
    run = Run(tmp_path, resolver)

    async def go() -> list[list[Any]]:
        return await asyncio.gather(*(run.ask(each, [PLAIN]) for each in systems))

    assert asyncio.run(go()) == [[["127.7.0.4"]]] * 20
    assert len(resolver.asked()) == 1
    listed = {each: run.entries(each) for each in systems}
    sent = [each for each in systems if not any(entry.shared for entry in listed[each])]
    assert len(sent) == 1
    for system, entries in listed.items():
        assert sum(entry.questions for entry in entries) == 1
        assert {entry.subject for entry in entries} == {f"dns://{system}.test"}
        assert {entry.infrastructure for entry in entries} == {True}
        assert sum(entry.received for entry in entries) == sum(entry.received for entry in listed[sent[0]]) > 0


@pytest.mark.parametrize(
    ("other", "count"),
    [
        (("PLAIN.dns.test", "A", {}), 1),
        (("plain.dns.test", "AAAA", {}), 2),
        (("plain.dns.test", "A", {"dnssec": True}), 2),
        (("plain.dns.test", "A", {"tcp": True}), 2),
        (("plain.dns.test", "A", {"rdclass": "CH"}), 2),
        (("plain.dns.test", "A", {"cookie": True}), 2),
        (("both.dns.test", "A", {}), 2),
    ],
)
def test_only_equal_questions_are_shared(tmp_path: Path, resolver: Resolver, other: Question, count: int) -> None:
    """A reply answers the question with the same name, in any case, type, class, transport and DNSSEC bits."""
    run = Run(tmp_path, resolver)
    asyncio.run(run.ask("one", [PLAIN, other]))
    assert len(resolver.asked()) == count


@pytest.mark.parametrize("name", ["broken.dns.test", "denied.dns.test", "silent.dns.test"])
def test_what_failed_is_asked_by_each(tmp_path: Path, resolver: Resolver, name: str) -> None:
    """An error of the resolver, or no answer, is that of one scan only: SERVFAIL, REFUSED, timeout."""
    run = Run(tmp_path, resolver)

    async def go() -> None:
        await asyncio.gather(*(run.ask(each, [(name, "A", {})]) for each in ("one", "two", "three")))

    asyncio.run(go())
    assert not any(entry.shared for each in ("one", "two", "three") for entry in run.entries(each))
    assert len(resolver.asked()) == (6 if name.startswith("silent") else 3)


def test_a_name_that_does_not_exist_is_a_reply(tmp_path: Path, resolver: Resolver) -> None:
    """NXDOMAIN is shared."""
    run = Run(tmp_path, resolver)
    assert asyncio.run(run.ask("one", [("missing.dns.test", "A", {})] * 3)) == [3, 3, 3]
    assert len(resolver.asked()) == 1


def test_a_scan_that_confirms_asks_anew(tmp_path: Path, resolver: Resolver) -> None:
    """It takes no reply, also where there is a recent one."""
    run = Run(tmp_path, resolver)

    async def go() -> None:
        await run.ask("one", [PLAIN])
        await run.ask("one", [PLAIN], asks_anew=True)

    asyncio.run(go())
    assert len(resolver.asked()) == 2
    assert not any(entry.shared for entry in run.entries("one"))


def test_a_reply_is_taken_for_a_minute_only(
    tmp_path: Path, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the time for which replies hold the question is asked again."""
    run = Run(tmp_path, resolver)

    async def go() -> None:
        await run.ask("one", [PLAIN])
        await run.ask("two", [PLAIN])
        monkeypatch.setattr(shared_questions, "HOLD_SECONDS", 0.0)
        await run.ask("three", [PLAIN])

    asyncio.run(go())
    assert [any(entry.shared for entry in run.entries(each)) for each in ("one", "two", "three")] == [
        False,
        True,
        False,
    ]
    assert len(resolver.asked()) == 2


def test_who_asks_may_be_cancelled(tmp_path: Path, resolver: Resolver) -> None:
    """The scan of another inspection that waited for the reply asks itself."""
    run = Run(tmp_path, resolver)

    async def go() -> list[Any]:
        first = asyncio.create_task(run.ask("one", [("late.dns.test", "A", {})]))
        while not (tmp_path / "one" / "ledger.jsonl").exists() or not run.entries("one"):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        second = asyncio.create_task(run.ask("two", [("late.dns.test", "A", {})]))
        await asyncio.sleep(0.01)
        first.cancel()
        return await second

    assert asyncio.run(go()) == [0]  # NOERROR, no records
    assert not any(entry.shared for entry in run.entries("two"))


def test_what_is_kept_is_bounded(tmp_path: Path, resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest replies are forgotten."""
    monkeypatch.setattr(shared_questions, "_REPLIES", 10)
    run = Run(tmp_path, resolver)
    names: list[Question] = [(f"plain{number}.dns.test", "A", {}) for number in range(30)]

    async def go() -> None:
        await run.ask("one", names)
        await run.ask("two", [names[0]])

    asyncio.run(go())
    assert len(resolver.asked()) == 31
    assert len(run.questions._asked) <= 10
